"""The pages of a TIFF file that are the movie, and how they are displayed."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.lookup_table import brightness_order
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.files.movies.frames import colours_refusal
from epifiji.files.movies.tiff_frames import cut_off

SAVED_CHANNELS = re.compile(
    r"^(?:SI\.hChannels\.channelSave|scanimage\.SI\S*\.channelsSave)\s*=\s*(?P<channels>.*)$", re.MULTILINE
)
SAVED_CHANNEL = re.compile(r"^state\.acq\.savingChannel\d+\s*=\s*1\s*$", re.MULTILINE)
"""Names of the entries in which ScanImage (from version 4, and 3) lists the channels that it saved."""

PLAIN_KINDS = frozenset({"generic", "uniform", "shaped"})
"""Kinds of images that tifffile makes of pages without a description of another program."""


def movie_series(tif: tifffile.TiffFile, path: Path) -> tuple[tifffile.TiffPageSeries, tuple[str, ...]]:
    """Find the one image of a file, with notices about pages that are left out or that no header names.

    Images of the same size and type, one after another, are one movie, as in ImageJ. Further images that are too short
    for a movie are left out.

    Raises
    ------
    WrongInputError
        If the file is truncated, or contains several movies, or pages of different sizes.
    """
    try:
        series = list(tif.series)
    except RuntimeError as error:
        raise WrongInputError(
            f"{path} has pages of different sizes or types, but all frames of a movie must be alike: save only the movie."
        ) from error
    if not series:
        raise cut_off(path, "it has no whole image")
    if _written_one_by_one(tif, series):
        return _all_pages(tif), (
            f"{path} contains {len(series)} images that are alike, one after another: they were taken as the "
            f"{len(tif.pages)} frames of one movie.",
        )
    long = [i for i, one in enumerate(series) if _plane_count(one) >= MIN_FRAMES]
    chosen = long[0] if len(long) == 1 else 0
    found, notices = _as_described(tif, series[chosen], path)
    if len(series) == 1:
        return found, notices
    if len(long) != 1:
        held = ", ".join(f"{' x '.join(map(str, s.shape))} ({s.axes})" for s in series[:5])
        raise WrongInputError(
            f"{path} contains {len(series)} images ({held}{', ...' if len(series) > 5 else ''}), but one movie was "
            "expected: open the right one in Fiji and save only that."
        )
    which = "the first" if chosen == 0 else f"number {chosen + 1}"
    return found, (*notices, f"{path} contains {len(series)} images: {which} was read, the others are not movies.")


def _plane_count(series: tifffile.TiffPageSeries) -> int:
    return math.prod(n for axis, n in zip(series.axes.upper(), series.shape, strict=True) if axis not in "CSYX")


def _written_one_by_one(tif: tifffile.TiffFile, series: list[tifffile.TiffPageSeries]) -> bool:
    """Return whether a file's images are parts of one movie: written in a loop, or appended.

    Several images in an OME-TIFF are positions or similar, except for single frames that tifffile wrote in a loop.
    """
    ome = series[0].kind == "ome"
    if len(series) == 1 or (ome and 'Creator="tifffile' not in tif.pages.first.description):
        return False
    alike = {(s.kind == "ome", s.keyframe.shape, s.keyframe.dtype) for s in series}
    planes = [1 if ome else _plane_count(s) for s in series]
    plain = all(s.kind in ({"ome"} if ome else PLAIN_KINDS) and s.keyframe.samplesperpixel == 1 for s in series)
    single = all(math.prod(s.shape) == n * math.prod(s.shape[-2:]) for s, n in zip(series, planes, strict=True))
    return len(alike) == 1 and plain and single and sum(planes) == len(tif.pages)


def _all_pages(tif: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Take all pages as frames."""
    pages = tif.pages[:]
    first = tif.pages.first
    return tifffile.TiffPageSeries(pages, (len(pages), *first.shape), first.dtype, "I" + first.axes, kind="generic")


def _as_described(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path
) -> tuple[tifffile.TiffPageSeries, tuple[str, ...]]:
    """Compare a header with the pages of the file."""
    if series.kind == "ome":
        return series, _ome_pages_left_out(tif, series, path)
    if series.kind == "scanimage" and "C" not in series.axes:
        _require_one_channel_saved(tif, path)
    if series.kind not in {"generic", "uniform", "imagej"}:
        return series, ()
    if "<OME" in tif.pages.first.description and series.kind != "imagej":
        for element in ome_elements(tif):
            if element.tag.endswith("BinaryOnly"):
                raise WrongInputError(
                    f"{path} is one part of an OME-TIFF that {element.attrib.get('MetadataFile')} describes, but a "
                    "file with its own description is needed: open the whole in Fiji and save it as TIFF."
                )
        return series, (f"The OME description of {path} does not fit its pages: they were taken as frames.",)
    return _as_imagej_described(tif, series, path) if tif.imagej_metadata else (series, ())


def _require_one_channel_saved(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse alternating frames of several channels by ScanImage, if tifffile does not find them in its header."""
    software = tif.pages.first.tags.valueof("Software", default="")
    header = "\n".join(f"{software}\n{tif.pages.first.description}".splitlines())
    saved = SAVED_CHANNELS.search(header)
    count = len(re.findall(r"\d+", saved["channels"])) if saved else len(SAVED_CHANNEL.findall(header))
    if count > 1:
        raise WrongInputError(
            f"{path} contains alternating frames of {count} channels (saved by ScanImage), but a movie has one kind of frame: "
            f"in Fiji use Image > Hyperstacks > Stack to Hyperstack... with {count} channels, save it, and choose a channel."
        )


def _ome_pages_left_out(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> tuple[str, ...]:
    if series.is_multifile or len(tif.series) > 1:
        return ()
    named = {page.index for page in series if page is not None}
    notices = []
    if len(named) < len(tif.pages):
        notices.append(
            f"{path} has {len(tif.pages)} pages, but its OME description names {len(named)} of them: only these were read."
        )
    if len(named) < len(series):
        notices.append(
            f"The OME description of {path} names {len(series)} images on {len(named)} pages: some frames are the same page."
        )
    return tuple(notices)


def _as_imagej_described(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path
) -> tuple[tifffile.TiffPageSeries, tuple[str, ...]]:
    """Use all images of the file if the numbers in ImageJ's header disagree with each other or with the pages."""
    header, first, pages = tif.imagej_metadata or {}, tif.pages.first, len(tif.pages)
    promised = header.get("images", pages)
    dimensions = {axis: header.get(axis, 1) for axis in ("channels", "slices", "frames")}
    in_header = math.prod(dimensions.values())
    if first.samplesperpixel > 1 or (promised == in_header == max(pages, promised) and series.kind == "imagej"):
        return series, ()
    if 1 < pages < promised or (pages == 1 and not _has_room(tif, promised)):
        raise cut_off(path, f"its header promises {promised} images and it has {pages}")
    if pages > 1 and (promised < pages or in_header != pages):
        alike = all((p.shape, p.dtype) == (first.shape, first.dtype) for p in map(tif.pages.get, range(pages)))
        if not alike or (dimensions["channels"] > 1 and promised == in_header):
            return series, (f"{path} has {pages} pages, but its header names {promised}: only these were read.",)
        if promised == in_header == 1:
            return _all_pages(tif), ()
        said = " x ".join(f"{n} {axis}" for axis, n in dimensions.items() if n > 1) or "1 frame"
        return _all_pages(tif), (
            f"{path} has {pages} images, but its header says {promised} ({said}): all were taken as frames.",
        )
    if pages == 1 and promised > in_header:
        whole = tifffile.TiffPageSeries(
            [first], (promised, *first.shape), first.dtype, "I" + first.axes, kind="generic", truncated=True
        )
        return whole, (f"{path} has {promised} images, but its header arranges {in_header}: all were taken as frames.",)
    return series, ()


def _has_room(tif: tifffile.TiffFile, images: int) -> bool:
    first = tif.pages.first
    return images == 1 or first.dataoffsets[0] + images * first.nbytes <= tif.filehandle.size


def ome_elements(tif: tifffile.TiffFile) -> list[ElementTree.Element]:
    """List the elements of an OME description; empty if it is not XML."""
    try:
        return list(ElementTree.fromstring(tif.pages.first.description).iter())
    except ElementTree.ParseError:
        return []


def shown_inverted(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, channel: int, path: Path) -> bool:
    """Return whether smaller values of a channel (from 1) are displayed brighter.

    Raises
    ------
    WrongInputError
        If the values are indices of a palette whose colours have no order of brightness.
    """
    luts = (tif.imagej_metadata or {}).get("LUTs", []) if series.kind == "imagej" else []
    if getattr(luts, "ndim", 0) == 2:
        # That is how tifffile returns a single one.
        luts = [luts]
    if channel <= len(luts):
        return brightness_order(luts[channel - 1]) == -1
    page = series.keyframe
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        order = brightness_order(page.colormap)
        if order is None:
            raise colours_refusal(str(path))
        return order == -1
    return bool(page.photometric == tifffile.PHOTOMETRIC.MINISWHITE)
