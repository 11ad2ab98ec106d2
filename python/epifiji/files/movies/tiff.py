"""Movies in TIFF files: ImageJ's, OME's and plain ones."""

from __future__ import annotations

import logging
import math
import struct
from pathlib import Path

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.calibration import Calibration, from_ome, from_tiff
from epifiji.files.movies.frames import (
    FramesOnDisk,
    Planes,
    ProjectedFrames,
    inversion_notice,
    perhaps_turned,
    pick,
)
from epifiji.files.movies.tiff_frames import ContiguousFrames, PagedFrames, Place, cut_off
from epifiji.files.movies.tiff_series import movie_series, ome_elements, shown_inverted

# tifffile logs irregularities of a file, by default to standard error; the relevant ones are reported here in sentences.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

KINDS_WITH_AXES = frozenset({"imagej", "ome", "lsm", "stk", "nih", "fluoview", "scanimage", "micromanager"})
"""Kinds of TIFF whose axes ImageJ or Fiji's readers know too; of all others ImageJ makes a stack of slices (Z)."""

UNNAMED_AXES = "IQ"
"""Letters that tifffile gives to pages without named axes."""

DESCRIPTION = 270
"""Code of the tag ImageDescription, in which ImageJ, OME and tifffile describe the pages."""


def open_tiff(path: Path, name: str, channel: int | None, least_frames: int, over_z: Planes = "time") -> Movie:
    """Open a TIFF file as a movie whose frames are read when sliced.

    Parameters
    ----------
    path
        An existing TIFF or BigTIFF file.
    name
        Name of the movie.
    channel
        Channel to read, from 1; required if there are several.
    least_frames, over_z
        See :func:`epifiji.files.movies.frames.pick`.

    Raises
    ------
    WrongInputError
        If the file is truncated, contains several images, or is not one grey plane over time.
    """
    with tifffile.TiffFile(path) as tif:
        require_whole_chain(tif, path)
        _require_description(tif, path)
        series, notices = movie_series(tif, path)
        axes, shape = _long_axes(series)
        picked = pick(axes, shape, channel, str(path), least_frames, over_z)
        if not axes.endswith("YX"):
            raise WrongInputError(
                f"{path} has the axes {axes}, but rows and columns (YX) have to be the last: save it again in Fiji."
            )
        inverted = shown_inverted(tif, series, picked.layout.channel, path)
        planes = _planes(axes, shape, picked.index)
        frames = _frames(tif, series, shape, planes, inverted, path)
        calibration = calibration_of(tif, series)
    named = series.kind in KINDS_WITH_AXES and not set(axes) & set(UNNAMED_AXES)
    return Movie(
        ProjectedFrames(frames, picked.depth) if picked.depth > 1 else frames,
        name=name,
        pixel_size_um=calibration.x_um,
        pixel_height_um=calibration.y_um,
        voxel_depth_um=calibration.z_um,
        frame_interval_s=calibration.interval_s,
        path=path,
        notices=(
            *notices,
            *picked.notices,
            *(() if named else perhaps_turned(shape, str(path), over_z)),
            *([inversion_notice(str(path))] if inverted else []),
            *calibration.notices(str(path)),
        ),
        layout=picked.layout if named else _layout_of_pages(planes),
    )


def _planes(axes: str, shape: tuple[int, ...], index: tuple[int | slice, ...]) -> np.ndarray:
    """Return the index of each frame among the planes (Y, X) of the file; of a frame of several planes (Z), of each of them."""
    outer = shape[:-2]
    found = np.arange(math.prod(outer)).reshape(outer)[index[:-2]]
    kept = [axis for axis, part in zip(axes, index[:-2], strict=False) if isinstance(part, slice)]
    return (np.moveaxis(found, kept.index("Z"), -1) if "Z" in kept else found).reshape(-1)


def _layout_of_pages(planes: np.ndarray) -> StackLayout:
    """Find the frames' positions in the stack of slices (Z) that ImageJ makes of pages without a description it knows."""
    step = int(planes[1] - planes[0]) if len(planes) > 1 else 1
    return StackLayout("Z", first=int(planes[0]) + 1, step=step)


def require_whole_chain(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file whose list of pages is not complete: tifffile would silently read fewer frames."""
    end = tif.pages.next_page_offset
    if len(tif.pages) == 0 or end is None:
        raise cut_off(path, "it has no whole page")
    tif.filehandle.seek(end)
    field = tif.filehandle.read(tif.tiff.offsetsize)
    if len(field) < tif.tiff.offsetsize or struct.unpack(tif.tiff.offsetformat, field)[0] != 0:
        raise cut_off(path, f"its list of pages breaks off after page {len(tif.pages)}")


def _require_description(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file whose description lies beyond its end: tifffile would take channels and planes for frames."""
    form, first = tif.tiff, tif.pages.first
    tif.filehandle.seek(first.offset)
    count = struct.unpack(form.tagnoformat, tif.filehandle.read(form.tagnosize))[0]
    tags = tif.filehandle.read(count * form.tagsize)
    codes = [struct.unpack(form.byteorder + "H", tags[i : i + 2])[0] for i in range(0, len(tags), form.tagsize)]
    if DESCRIPTION in codes and DESCRIPTION not in first.tags:
        raise cut_off(path, "its description (axes, channels) is not in it")


def _long_axes(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Leave out axes of length 1, except Y and X."""
    kept = [(a, n) for a, n in zip(series.axes.upper(), series.shape, strict=True) if n > 1 or a in "YX"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def _frames(
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    shape: tuple[int, ...],
    planes: np.ndarray,
    inverted: bool,
    path: Path,
) -> FramesOnDisk:
    """Find the position of each of the `planes` that are frames in the file."""
    movie_shape = (len(planes), shape[-2], shape[-1])
    if series.dataoffset is not None and not series.is_multifile:
        stored = series.dtype.newbyteorder(tif.byteorder)
        needed = series.dataoffset + math.prod(shape) * stored.itemsize
        if needed > tif.filehandle.size:
            raise cut_off(path, f"it has {tif.filehandle.size} of the {needed} bytes that its pixels need")
        return ContiguousFrames(path, movie_shape, stored, series.dataoffset, planes, inverted)
    places = _places(tif, series, planes, math.prod(shape[:-2]), path)
    frames = PagedFrames(path, movie_shape, series.dtype, places, inverted)
    frames.require_whole_pages()
    return frames


def _places(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, planes: np.ndarray, count: int, path: Path
) -> list[Place]:
    """Find the page of each of the wanted `planes` among the `count` of the series."""
    pages = list(series)
    per_page = max(1, math.prod(series.keyframe.shape) // math.prod(series.keyframe.shape[-2:]))
    if None in pages:
        raise _missing_pages(tif, path)
    if len(pages) * per_page != count:
        raise cut_off(path, f"its header promises {count} images and it has {len(pages) * per_page}")
    held = [pages[plane // per_page] for plane in planes]
    if not all(page.offset for page in held):
        raise WrongInputError(
            f"{path} is a TIFF without a list of pages, but each frame needs one: open it in Fiji and save it as TIFF."
        )
    return [
        Place(path if page.parent is tif else Path(page.parent.filehandle.path), page.offset, int(plane) % per_page)
        for page, plane in zip(held, planes, strict=True)
    ]


def _missing_pages(tif: tifffile.TiffFile, path: Path) -> WrongInputError:
    named = {e.attrib.get("FileName", "") for e in ome_elements(tif) if e.tag.endswith("UUID")}
    missing = sorted(name for name in named - {"", path.name} if not (path.parent / name).is_file())
    if not missing:
        return cut_off(path, "its OME description promises more images than it has")
    return WrongInputError(
        f"{path} is one part of an OME-TIFF in several files, but {len(missing)} of them, such as {missing[0]}, "
        "could not be found: put all into one folder."
    )


def calibration_of(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Calibration:
    """Read the size of a voxel and the frame interval of an open file."""
    if series.kind == "ome":
        return from_ome(tif.ome_metadata or "<OME/>")
    tags = tif.pages.first.tags
    x, y = (_ratio(tags.valueof(tag)) for tag in ("XResolution", "YResolution"))
    return from_tiff(tif.imagej_metadata or {}, tags.valueof("ResolutionUnit", default=2), (x, y))


def _ratio(value: object) -> float:
    """Divide a TIFF rational; 0 if it is absent or not a number."""
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else 0.0
