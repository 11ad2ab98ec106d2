"""Movies in HDF5 files with one dataset per time point, as in Imaris and BigDataViewer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import h5py
import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie, frame_ranges
from epifiji.files.movies.calibration import Calibration, checked
from epifiji.files.movies.frames import FramesOnDisk, Planes, pick
from epifiji.files.movies.hdf5_gaps import has_gaps

IMARIS = "DataSet/ResolutionLevel 0"


@dataclass(frozen=True)
class TimePoints:
    """Names of datasets (Z, Y, X), in their finest resolution.

    Parameters
    ----------
    program
        Program that defines the format.
    names
        For each channel the datasets in order of time.
    size
        (Z, Y, X) of the image; Imaris stores more, to fill whole chunks.
    dtype
        Type as which the stored values are interpreted.
    """

    program: str
    names: tuple[tuple[str, ...], ...]
    size: tuple[int, int, int]
    dtype: np.dtype[np.generic]


def find_time_points(file: h5py.File, path: Path) -> TimePoints | None:
    """Find the time points of an Imaris or BigDataViewer file; None if it is neither.

    Raises
    ------
    WrongInputError
        If a channel lacks a time point, or they differ in size or type.
    """
    if isinstance(file.get(IMARIS), h5py.Group):
        times = _numbered(file[IMARIS], r"TimePoint (\d+)")
        channels = _numbered(file[IMARIS][times[0]], r"Channel (\d+)") if times else []
        names = tuple(tuple(f"/{IMARIS}/{t}/{c}/Data" for t in times) for c in channels)
        return _time_points("Imaris", names, file, path)
    times = _numbered(file, r"t(\d{5,})")
    setups = _numbered(file[times[0]], r"s(\d{2,})") if times else []
    if not setups:
        return None
    names = tuple(tuple(f"/{t}/{s}/0/cells" for t in times) for s in setups)
    return _time_points("BigDataViewer", names, file, path)


def _numbered(group: h5py.Group, pattern: str) -> list[str]:
    found = [(int(match[1]), name) for name in group if (match := re.fullmatch(pattern, name))]
    return [name for _, name in sorted(found)]


def _time_points(program: str, names: tuple[tuple[str, ...], ...], file: h5py.File, path: Path) -> TimePoints | None:
    if not names:
        return None
    datasets = [[file.get(name) for name in channel] for channel in names]
    for channel, found in zip(names, datasets, strict=True):
        for name, dataset in zip(channel, found, strict=True):
            if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 3:
                raise WrongInputError(
                    f"{path} is a file of {program}, but its time point {name} is missing or not a volume: copy it again, or "
                    "save the movie as TIFF."
                )
    first = datasets[0][0]
    if any((d.shape, d.dtype) != (first.shape, first.dtype) for found in datasets for d in found):
        raise WrongInputError(
            f"{path} has time points or channels of different sizes or types, but all frames of a movie must be alike: save "
            "only the movie, as TIFF."
        )
    # BigDataViewer stores unsigned pixels as signed numbers, because Java has no unsigned ones.
    signed_only = program == "BigDataViewer" and first.dtype == np.int16
    return TimePoints(
        program,
        names,
        _imaris_size(file, first.shape) if program == "Imaris" else first.shape,
        np.dtype(np.uint16) if signed_only else first.dtype,
    )


def _imaris_size(file: h5py.File, stored: tuple[int, int, int]) -> tuple[int, int, int]:
    sizes = [_number(file, axis) for axis in "ZYX"]
    z, y, x = (min(int(n), s) if n and n >= 1 else s for n, s in zip(sizes, stored, strict=True))
    return z, y, x


def _attribute(file: h5py.File, group: str, name: str) -> str:
    """Read an attribute in Imaris's form, a list of single characters."""
    value = file[group].attrs.get(name, b"") if group in file else b""
    return b"".join(np.atleast_1d(value).astype("S")).decode("utf-8", "replace").strip()


def _number(file: h5py.File, name: str) -> float | None:
    try:
        return float(_attribute(file, "DataSetInfo/Image", name))
    except ValueError:
        return None


def _imaris_calibration(file: h5py.File, size: tuple[int, int, int]) -> Calibration:
    ends = [[_number(file, f"Ext{end}{axis}") for end in ("Min", "Max")] for axis in (0, 1, 2)]
    sides = [
        (end - start) / count if start is not None and end is not None else None
        for (start, end), count in zip(ends, size[::-1], strict=True)
    ]
    unit = _attribute(file, "DataSetInfo/Image", "Unit") or "um"
    return checked((sides[0], sides[1]), unit, _imaris_interval(file), "s", sides[2])


def _imaris_interval(file: h5py.File) -> float | None:
    """Return the median time (s) between time points."""
    times = []
    for name in _numbered_attributes(file):
        try:
            times.append(datetime.fromisoformat(_attribute(file, "DataSetInfo/TimeInfo", name)))
        except ValueError:
            return None
    steps = [(b - a).total_seconds() for a, b in pairwise(times)]
    return median(steps) if steps else None


def _numbered_attributes(file: h5py.File) -> list[str]:
    group = file.get("DataSetInfo/TimeInfo")
    names = group.attrs.keys() if group is not None else ()
    found = [(int(match[1]), name) for name in names if (match := re.fullmatch(r"TimePoint(\d+)", name))]
    return [name for _, name in sorted(found)]


def _bigdataviewer_calibration(path: Path) -> Calibration:
    """Read the pixel size from the XML file next to a BigDataViewer file."""
    try:
        voxel = ElementTree.parse(path.with_suffix(".xml")).find(".//voxelSize")
        unit, sizes = (
            (voxel.findtext("unit") or "", (voxel.findtext("size") or "").split()) if voxel is not None else ("", [])
        )
    except (OSError, ElementTree.ParseError):
        return Calibration()
    return checked((sizes[0], sizes[1]), unit, None, "", sizes[2]) if len(sizes) == 3 else Calibration()


def open_time_points(
    file: h5py.File,
    path: Path,
    found: TimePoints,
    name: str,
    channel: int | None,
    least_frames: int,
    over_z: Planes = "time",
) -> Movie:
    """Open time points as a movie whose frames are read when sliced.

    Raises
    ------
    WrongInputError
        If there are several planes (Z), or several channels without a choice.
    """
    axes, shape = "CTZYX", (len(found.names), len(found.names[0]), *found.size)
    picked = pick(axes, shape, channel, str(path), least_frames, "volume" if over_z == "volume" else "time")
    read = _imaris_calibration(file, found.size) if found.program == "Imaris" else _bigdataviewer_calibration(path)
    wanted = found.names[picked.layout.channel - 1]
    return Movie(
        TimePointFrames(path, wanted, found.size, file[wanted[0]].dtype, found.dtype),
        name=name,
        pixel_size_um=read.x_um,
        pixel_height_um=read.y_um,
        voxel_depth_um=read.z_um,
        frame_interval_s=read.interval_s,
        path=path,
        notices=(*picked.notices, *_unwritten(file, wanted, path), *read.notices(str(path))),
        layout=picked.layout,
    )


def _unwritten(file: h5py.File, names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """Report time points that were not completely written, as in an acquisition that was stopped."""
    missing = [t for t, name in enumerate(names) if has_gaps(file[name])]
    if not missing:
        return ()
    return (
        f"{path} has {len(missing)} of {len(names)} time points that were not completely written ({frame_ranges(missing)}): "
        "they contain a fill value.",
    )


class TimePointFrames(FramesOnDisk):
    """Frames of which each, or a single stack of them, is a dataset (Z, Y, X).

    Parameters
    ----------
    names
        The datasets in order of time; the planes of a single one are the frames.
    size
        (Z, Y, X) of the image within each dataset.
    """

    def __init__(
        self,
        path: Path,
        names: tuple[str, ...],
        size: tuple[int, int, int],
        stored: np.dtype[np.generic],
        seen_as: np.dtype[np.generic],
    ) -> None:
        count = len(names) if len(names) > 1 else size[0]
        super().__init__(path, (count, size[1], size[2]), stored if stored.kind == "b" else seen_as)
        self._names = names

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        _, height, width = self.shape
        with h5py.File(self.path, "r") as file:
            for frame, t in zip(pixels, wanted, strict=True):
                name, plane = (self._names[t], 0) if len(self._names) > 1 else (self._names[0], t)
                frame[...] = file[name][plane, :height, :width].view(self.stored)
