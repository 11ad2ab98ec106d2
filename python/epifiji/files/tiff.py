"""Movies in TIFF files: ImageJ's, OME's and plain ones, in one block of pixels or page by page."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.settings import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout
from epifiji.files.calibration import Calibration, from_ome, from_tiff
from epifiji.files.frames import FramesOnDisk, pick

# tifffile logs what is odd in a file, by default to standard error; what matters is told here in sentences.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

KINDS_WITH_AXES = frozenset({"imagej", "ome", "lsm", "stk", "nih", "fluoview", "scanimage", "micromanager"})
"""Kinds of TIFF whose axes ImageJ or Fiji's readers know too; of all others ImageJ makes a stack of slices (Z)."""

DESCRIPTION = 270
"""Code of the tag ImageDescription, where ImageJ, OME and tifffile say what the pages are."""


def open_tiff(path: Path, name: str, channel: int | None) -> Movie:
    """Open a TIFF file as a movie whose frames are read when sliced.

    Parameters
    ----------
    path
        An existing TIFF or BigTIFF file.
    name
        Name of the movie.
    channel
        Channel to take, from 1; needed where there are several.

    Raises
    ------
    WrongInputError
        Where the file is cut off, holds several images, or does not hold one grey plane over at least 5 frames.
    """
    with tifffile.TiffFile(path) as tif:
        _require_whole_chain(tif, path)
        _require_description(tif, path)
        series, notices = _only_series(tif, path)
        axes, shape = _long_axes(series)
        picked = pick(axes, shape, channel, str(path))
        if not axes.endswith("YX"):
            raise WrongInputError(
                f"{path} has the axes {axes}, but rows and columns (YX) have to be the last: save it anew in Fiji."
            )
        planes = _planes(shape, picked.index)
        frames = _frames(tif, series, shape, planes, path)
        calibration = _calibration(tif, series)
    return Movie(
        frames,
        name=name,
        pixel_size_um=calibration.x_um,
        frame_interval_s=calibration.interval_s,
        path=path,
        notices=(*notices, *picked.notices, *calibration.notices(str(path))),
        layout=picked.layout if series.kind in KINDS_WITH_AXES else _layout_of_pages(planes),
    )


def _planes(shape: tuple[int, ...], index: tuple[int | slice, ...]) -> np.ndarray:
    """Give the number of each frame among the planes (Y, X) of the file, in the order in which it stores them."""
    outer = shape[:-2]
    return np.arange(math.prod(outer)).reshape(outer)[index[:-2]].reshape(-1)


def _layout_of_pages(planes: np.ndarray) -> StackLayout:
    """Find where frames lie in the stack of slices (Z) that ImageJ makes of pages without a description it knows."""
    step = int(planes[1] - planes[0]) if len(planes) > 1 else 1
    return StackLayout("Z", first=int(planes[0]) + 1, step=step)


def _cut_off(path: Path, held: str) -> WrongInputError:
    return WrongInputError(
        f"{path} is cut off: {held}, but a whole file is needed: copy it again, or open it in Fiji and save what is there."
    )


def _require_whole_chain(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file whose list of pages does not come to its end: tifffile would silently give fewer frames."""
    end = tif.pages.next_page_offset
    if len(tif.pages) == 0 or end is None:
        raise _cut_off(path, "it has no whole page")
    tif.filehandle.seek(end)
    field = tif.filehandle.read(tif.tiff.offsetsize)
    if len(field) < tif.tiff.offsetsize or struct.unpack(tif.tiff.offsetformat, field)[0] != 0:
        raise _cut_off(path, f"its list of pages breaks off after page {len(tif.pages)}")


def _require_description(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file whose description lies beyond its end: tifffile would take channels and planes for frames."""
    form, first = tif.tiff, tif.pages.first
    tif.filehandle.seek(first.offset)
    count = struct.unpack(form.tagnoformat, tif.filehandle.read(form.tagnosize))[0]
    tags = tif.filehandle.read(count * form.tagsize)
    codes = [struct.unpack(form.byteorder + "H", tags[i : i + 2])[0] for i in range(0, len(tags), form.tagsize)]
    if DESCRIPTION in codes and DESCRIPTION not in first.tags:
        raise _cut_off(path, "its description (axes, channels) is not in it")


def _only_series(tif: tifffile.TiffFile, path: Path) -> tuple[tifffile.TiffPageSeries, tuple[str, ...]]:
    """Find the one image of a file; further images that are too short for a movie are left out with a notice."""
    try:
        series = list(tif.series)
    except RuntimeError as error:
        raise WrongInputError(
            f"{path} has pages of different sizes or types, but all frames of a movie are alike: save the movie alone."
        ) from error
    if not series:
        raise _cut_off(path, "it has no whole image")
    notices = _understood(tif, series[0], path)
    if len(series) == 1:
        return series[0], notices
    if [s for s in series if _plane_count(s) >= MIN_FRAMES] != [series[0]]:
        held = ", ".join(f"{' x '.join(map(str, s.shape))} ({s.axes})" for s in series[:5])
        raise WrongInputError(
            f"{path} holds {len(series)} images ({held}{', ...' if len(series) > 5 else ''}), but one movie was "
            "expected: open the right one in Fiji and save it alone."
        )
    return series[0], (*notices, f"{path} holds {len(series)} images: the first was read, the others are no movies.")


def _plane_count(series: tifffile.TiffPageSeries) -> int:
    return math.prod(n for axis, n in zip(series.axes.upper(), series.shape, strict=True) if axis not in "CSYX")


def _understood(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> tuple[str, ...]:
    """Look at what a header promises where tifffile fell back to plain pages."""
    if series.kind not in {"generic", "uniform"}:
        return ()
    if "<OME" in tif.pages.first.description:
        for element in _ome_elements(tif):
            if element.tag.endswith("BinaryOnly"):
                raise WrongInputError(
                    f"{path} is one part of an OME-TIFF that {element.attrib.get('MetadataFile')} describes, but a "
                    "file with its own description is needed: open the whole in Fiji and save it as TIFF."
                )
        return (f"The OME description of {path} does not fit its pages: they were taken as frames.",)
    promised = (tif.imagej_metadata or {}).get("images", 1)
    if promised > len(tif.pages):
        raise _cut_off(path, f"its header promises {promised} images and it has {len(tif.pages)}")
    return ()


def _ome_elements(tif: tifffile.TiffFile) -> list[ElementTree.Element]:
    """List the elements of an OME description; none where it is no XML."""
    try:
        return list(ElementTree.fromstring(tif.pages.first.description).iter())
    except ElementTree.ParseError:
        return []


def _long_axes(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Leave out axes of length 1, except Y and X."""
    kept = [(a, n) for a, n in zip(series.axes.upper(), series.shape, strict=True) if n > 1 or a in "YX"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def _frames(
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    shape: tuple[int, ...],
    planes: np.ndarray,
    path: Path,
) -> FramesOnDisk:
    """Find where each of the `planes` that are the frames lies in the file."""
    movie_shape = (len(planes), shape[-2], shape[-1])
    if series.dataoffset is not None and not series.is_multifile:
        stored = series.dtype.newbyteorder(tif.byteorder)
        needed = series.dataoffset + math.prod(shape) * stored.itemsize
        if needed > tif.filehandle.size:
            raise _cut_off(path, f"it has {tif.filehandle.size} of the {needed} bytes that its pixels need")
        return ContiguousFrames(path, movie_shape, stored, series.dataoffset, planes)
    places = _places(tif, series, planes, math.prod(shape[:-2]), path)
    frames = PagedFrames(path, movie_shape, series.dtype, places)
    frames.require_whole_pages()
    return frames


@dataclass(frozen=True)
class Place:
    """Where a frame lies: a file, its page (by the position of the page's directory), a plane within the page."""

    path: Path
    offset: int
    plane: int


def _places(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, planes: np.ndarray, count: int, path: Path
) -> list[Place]:
    """Find the page of each of the wanted `planes` among the `count` that the series holds."""
    pages = list(series)
    per_page = max(1, math.prod(series.keyframe.shape) // math.prod(series.keyframe.shape[-2:]))
    if None in pages:
        raise _missing_pages(tif, path)
    if len(pages) * per_page != count:
        raise _cut_off(path, f"its header promises {count} images and it has {len(pages) * per_page}")
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
    named = {e.attrib.get("FileName", "") for e in _ome_elements(tif) if e.tag.endswith("UUID")}
    missing = sorted(name for name in named - {"", path.name} if not (path.parent / name).is_file())
    if not missing:
        return _cut_off(path, "its OME description promises more images than it has")
    return WrongInputError(
        f"{path} is one part of an OME-TIFF in several files, but {len(missing)} of them, such as {missing[0]}, "
        "could not be found: put all into one folder."
    )


class ContiguousFrames(FramesOnDisk):
    """Frames of an uncompressed TIFF whose pixels are one block.

    Parameters
    ----------
    offset
        Position of the block in the file, in bytes.
    planes
        For each frame its number among the planes (Y, X) of the block.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int, int], stored: np.dtype[Any], offset: int, planes: np.ndarray
    ) -> None:
        super().__init__(path, shape, stored)
        self._offset = offset
        self._planes = planes

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        size = math.prod(self.shape[1:]) * self.stored.itemsize
        for frame, t in zip(pixels, wanted, strict=True):
            # One map a frame: what was touched of a map that is kept counts as this process's memory.
            offset = self._offset + int(self._planes[t]) * size
            frame[...] = np.memmap(self.path, self.stored, "r", offset, self.shape[1:])


class PagedFrames(FramesOnDisk):
    """Frames of a TIFF that is compressed or scattered, decoded page by page.

    Parameters
    ----------
    places
        For each frame where it lies; the pages may be in several files.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], stored: np.dtype[Any], places: list[Place]) -> None:
        super().__init__(path, shape, stored)
        self._places = places

    def require_whole_pages(self) -> None:
        """Refuse a file in which a page differs from the others or its data lie beyond the end."""
        for path, frames in groupby(range(len(self)), lambda t: self._places[t].path):
            with tifffile.TiffFile(path) as tif:
                for t in frames:
                    self._require_whole(_page(tif, self._places[t].offset), t + 1, tif.filehandle.size, path)

    def _require_whole(self, page: tifffile.TiffPage, number: int, size: int, path: Path) -> None:
        if page.dtype != self.stored or page.shape[-2:] != self.shape[1:]:
            raise WrongInputError(
                f"{path} has pixels {page.shape} of type {page.dtype} in frame {number}, but all frames of a movie are "
                f"alike (here {self.shape[1:]}, {self.stored}): save the movie alone."
            )
        needed = max(a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True))
        if needed > size:
            raise _cut_off(path, f"it has {size} of the {needed} bytes that its pixels need")

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        for path, in_file in groupby(enumerate(wanted), lambda item: self._places[item[1]].path):
            with tifffile.TiffFile(path) as tif:
                for offset, in_page in groupby(in_file, lambda item: self._places[item[1]].offset):
                    planes = _page(tif, offset).asarray().reshape(-1, *self.shape[1:])
                    for i, t in in_page:
                        pixels[i] = planes[self._places[t].plane]


def _page(tif: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    """Read the directory of a page at its position: tifffile would walk there through all pages before it."""
    tif.filehandle.seek(offset)
    return tifffile.TiffPage(tif, index=0)


def _calibration(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Calibration:
    if series.kind == "ome":
        return from_ome(tif.ome_metadata or "<OME/>")
    tags = tif.pages.first.tags
    x, y = (_ratio(tags.valueof(tag)) for tag in ("XResolution", "YResolution"))
    return from_tiff(tif.imagej_metadata or {}, tags.valueof("ResolutionUnit", default=2), (x, y))


def _ratio(value: Any) -> float:
    """Divide a TIFF rational; 0 where it is absent or no number."""
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else 0.0
