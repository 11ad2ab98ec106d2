"""Movies in HDF5 files: a named dataset, or the only suitable one."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.array_frames import ArrayFrames, axes_of
from epifiji.files.movies.calibration import Calibration, checked
from epifiji.files.movies.frames import Planes, ProjectedFrames, perhaps_turned, pick
from epifiji.files.movies.hdf5_gaps import gaps
from epifiji.files.movies.hdf5_time_points import find_time_points, open_time_points

SHOWN = 8
"""Most datasets that a message lists."""


def is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5, by its content."""
    return bool(h5py.is_hdf5(path))


def open_hdf5(
    path: Path, dataset: str | None, name: str, channel: int | None, least_frames: int, over_z: Planes = "time"
) -> Movie:
    """Open a dataset of an HDF5 file as a movie whose frames are read when sliced.

    Files of Imaris and BigDataViewer are read over their time points. Three axes are (T, Y, X), without axes of length
    1. More axes need labels: ilastik's axis tags or HDF5's dimension labels. The pixel size is the attribute
    `element_size_um` (z, y, x), as written by Fiji's HDF5 plugin.

    Parameters
    ----------
    path
        An existing HDF5 file.
    dataset
        Name of the dataset, or None if the file contains only one that can be a movie.
    name
        Name of the movie.
    channel
        Channel to read, from 1; required if the labels name several.
    least_frames, over_z
        See :func:`epifiji.files.movies.frames.pick`.

    Raises
    ------
    WrongInputError
        If there is no such dataset, none or several to choose from, or it is not one grey plane over time.
    """
    with h5py.File(path, "r") as file:
        time_points = find_time_points(file, path) if dataset is None else None
        if time_points is not None:
            return open_time_points(file, path, time_points, name, channel, least_frames, over_z)
        chosen = _dataset(file, path, dataset)
        full = f"{path}:{chosen.name}"
        if chosen.dtype.kind not in "buif":
            raise WrongInputError(
                f"{full} has values of type {chosen.dtype}, but pixels are real numbers: choose another dataset."
            )
        axes = _axes(chosen, over_z)
        if axes is None:
            raise WrongInputError(
                f"{full} has the shape {chosen.shape}, but a movie has the three axes (T, Y, X): choose another "
                "dataset, or save one plane and channel of it."
            )
        picked = pick(axes, chosen.shape, channel, full, least_frames, over_z)
        frames = DatasetFrames(path, chosen, axes, picked.index)
        read = _calibration(chosen)
        notices = (
            *picked.notices,
            *(() if _labels(chosen) else perhaps_turned(chosen.shape, full, over_z)),
            *frames.gaps(chosen),
            *read.notices(full),
        )
    if dataset is None:
        notices = (*notices, f"{frames.dataset} was read, the only dataset of {path} that can be a movie.")
    return Movie(
        ProjectedFrames(frames, picked.depth) if picked.depth > 1 else frames,
        name=name,
        pixel_size_um=read.x_um,
        pixel_height_um=read.y_um,
        voxel_depth_um=read.z_um,
        path=Path(f"{path}:{frames.dataset}"),
        notices=notices,
        layout=picked.layout,
    )


def _dataset(file: h5py.File, path: Path, name: str | None) -> h5py.Dataset:
    found = file.get(name) if name is not None else None
    if isinstance(found, h5py.Dataset):
        return found
    every: list[h5py.Dataset] = []
    file.visititems(lambda _, item: every.append(item) if isinstance(item, h5py.Dataset) else None)
    if name is not None:
        what = f"a group {name}, which is not a dataset" if isinstance(found, h5py.Group) else f"no dataset {name}"
        raise WrongInputError(f"{path} has {what}, but one of its datasets was expected: {_listed(every)}.")
    fitting = [d for d in every if d.shape is not None and d.dtype.kind in "buif" and _axes(d) is not None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise WrongInputError(
            f"{path} has {len(fitting)} datasets that can be movies, but one is needed: add its name, as in "
            f"{path.name}:{fitting[0].name}; {_listed(fitting)}."
        )
    raise WrongInputError(
        f"{path} has no dataset of three axes (T, Y, X) with real numbers, but a movie is one: {_listed(every)}."
    )


def _listed(datasets: list[h5py.Dataset]) -> str:
    if not datasets:
        return "it has none"
    names = ", ".join(f"{d.name} {'x'.join(map(str, d.shape or ()))}" for d in datasets[:SHOWN])
    return f"it has {names}{f' and {len(datasets) - SHOWN} more' if len(datasets) > SHOWN else ''}"


def _axes(dataset: h5py.Dataset, planes: Planes = "time") -> str | None:
    """Return a letter for each axis; None if more than three axes have no labels."""
    return axes_of(dataset.shape, _labels(dataset), planes)


def _labels(dataset: h5py.Dataset) -> str:
    """Read ilastik's `axistags` or HDF5's dimension labels as letters; empty if there are none."""
    try:
        tags = json.loads(dataset.attrs["axistags"])["axes"]
        labels = [tag["key"] for tag in tags]
    except (KeyError, TypeError, ValueError):
        labels = [dimension.label for dimension in dataset.dims]
    return "".join(label.upper() for label in labels if len(label) == 1)


def _calibration(dataset: h5py.Dataset) -> Calibration:
    sizes = np.atleast_1d(dataset.attrs.get("element_size_um", []))
    y, x = (sizes[-2:] if sizes.size > 1 else (None, sizes[-1])) if sizes.size else (None, None)
    return checked((x, y), "µm", None, "", sizes[-3] if sizes.size > 2 else None)


class DatasetFrames(ArrayFrames):
    """Frames of an HDF5 dataset.

    Parameters
    ----------
    path
        The file.
    dataset
        The dataset, open; only its properties are kept.
    axes
        A letter for each of its axes.
    index
        The part that is the movie, see :class:`epifiji.files.movies.frames.Picked`.
    """

    def __init__(self, path: Path, dataset: h5py.Dataset, axes: str, index: tuple[int | slice, ...]) -> None:
        super().__init__(path, dataset.shape, dataset.dtype, axes, index)
        self.dataset = str(dataset.name)

    def gaps(self, dataset: h5py.Dataset) -> tuple[str, ...]:
        """Report frames of the open dataset that were never written; see :func:`epifiji.files.movies.hdf5_gaps.gaps`."""
        return gaps(dataset, self.path, self._outer[0] if self._outer else None, self._index)

    def _part(self, index: tuple[int | slice, ...]) -> np.ndarray:
        with h5py.File(self.path, "r") as file:
            return np.asarray(file[self.dataset][index])
