"""Images of cells: labels, one whole number for each cell, or outlines, lines around cells; and cells in other forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.jobs import Overlaps
from epifiji.files.masks import cellpose, coco
from epifiji.files.masks.rois import read_roi_cells
from epifiji.files.movies.frames import readable
from epifiji.files.movies.movie_file import TIFF_STARTS, write_stack
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.atomic import replacing

OUTLINES_OF_TISSUE_ANALYZER = "handCorrection"
"""Name of the file of outlines that Tissue Analyzer and EPySeg keep in a folder named after the image."""

_OF_CELLS = f"labels?|masks?|outlines?|seg|skeleton|{OUTLINES_OF_TISSUE_ANALYZER}"
CELLS_ENDING = re.compile(rf"_(?:{_OF_CELLS})$", re.IGNORECASE)
"""What programs and people add to an image's name for its cells."""

ENDINGS = re.compile(rf"(?:_cp)?_(?:{_OF_CELLS}|epifiji|image|img|raw)$", re.IGNORECASE)
"""What they add for its cells, and for itself."""

SUFFIXES = (".tif", ".tiff", ".png")

LARGEST_LABEL = 2**31 - 1

LARGEST_16_BIT = 2**16 - 1

LARGEST_WRITTEN_LABEL = 2**24
"""Up to here, 32-bit floats are exact."""

PNG_START = b"\x89PNG"
ROI_STARTS = (b"PK", b"Iout")

NOT_CELLS = {
    ".jpg": "export them as TIFF or PNG, because JPEG changes the numbers of pixels",
    ".jpeg": "export them as TIFF or PNG, because JPEG changes the numbers of pixels",
    ".csv": "give the labels instead of the table",
}
"""What to do with other files, by their ending."""

OTHER_FORMS = ("_rois.zip", cellpose.ENDING, "_coco.json")
"""Endings of the names of files in which other programs store cells."""


def is_cell_image(path: Path) -> bool:
    """Return whether a file may hold labels or outlines, by its name."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def is_other_form(path: Path) -> bool:
    """Return whether a file holds cells as ROIs, as Cellpose's ``_seg.npy`` or as COCO's JSON, by its name."""
    return path.name.lower().endswith(OTHER_FORMS) and not path.name.startswith(".")


def holds_labels(path: Path) -> bool:
    """Return whether a file's form holds cells one by one, so that they need not be told from outlines, by its name."""
    return path.suffix.lower() in (".zip", ".roi", ".npy", ".json")


def is_coco(path: Path) -> bool:
    """Return whether a file is JSON, by its first bytes."""
    return _start(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def has_no_size(path: Path) -> bool:
    """Return whether a file holds ROIs, which do not say how large their image is."""
    return _start(path).startswith(ROI_STARTS) if path.is_file() else False


def image_of_cells(path: Path) -> str:
    """Return the name of the image that a file of labels or outlines belongs to, by the conventions of common programs."""
    stem = path.parent.name if path.stem.lower() == OUTLINES_OF_TISSUE_ANALYZER.lower() else path.stem
    for ending in OTHER_FORMS:
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            stem = path.name[: -len(ending)]
    while (shorter := ENDINGS.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem


def read_cells(
    path: Path,
    shape: Sequence[int] | None = None,
    overlaps: Overlaps = "refuse",
    notices: list[str] | None = None,
) -> np.ndarray:
    """Read labels or outlines as whole numbers (T, Y, X), int32; a single image is one frame.

    TIFF and PNG, grey; colour where all channels are equal, as Tissue Analyzer saves outlines. Also cells that were
    drawn in Fiji, as a ROI zip; Cellpose's ``_seg.npy``; and COCO's JSON of one image.

    Parameters
    ----------
    path
        The file.
    shape
        (T, Y, X) of the image, which is needed for ROIs only.
    overlaps
        What happens to pixels that belong to several ROIs or annotations.
    notices
        Receives sentences about what was assumed or cut.

    Raises
    ------
    WrongInputError
        If the file cannot be read, or is not one grey image over time of whole numbers from 0; or ROIs have no known
        image, or overlap.
    """
    require_ordinary(path)
    with readable(path):
        start = _start(path)
        if start.startswith(ROI_STARTS):
            if shape is None:
                raise WrongInputError(
                    f"{path} contains ROIs, which do not say how large their image is: make labels of them with "
                    "'epifiji convert-cells', next to the image."
                )
            return read_roi_cells(path, shape, overlaps, notices)
        if is_coco(path):
            return coco.read_coco(path, overlaps, notices)[None]
        is_seg = start.startswith(cellpose.START)
        pixels = np.squeeze(cellpose.read_seg(path) if is_seg else _grey(*_read(path, start), path))
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.dtype.kind not in "buif":
        raise WrongInputError(
            f"{path} contains {pixels.dtype} pixels of the shape {pixels.shape}, but cells are grey images, one or "
            "several over time: save it as a grey TIFF."
        )
    return _whole(pixels, path)


def write_png_labels(path: Path, labels: np.ndarray) -> None:
    """Write labels (Y, X) as a grey PNG of 16 bits, in one step.

    Raises
    ------
    WrongInputError
        If a label is above 65535.
    """
    from PIL import Image

    largest = int(labels.max())
    if largest > LARGEST_16_BIT:
        raise WrongInputError(
            f"{path.name} would have labels up to {largest}, but a PNG of 16 bits keeps {LARGEST_16_BIT}: write a TIFF."
        )
    with replacing(path) as temporary:
        Image.fromarray(labels.astype(np.uint16)).save(temporary, format="PNG")


def stack_axis(path: Path) -> str | None:
    """Return the axis along which a TIFF says that its images lie: T, or Z for a volume. None if it does not say, or has one."""
    if not path.is_file() or not _start(path).startswith(TIFF_STARTS):
        return None
    with readable(path), tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        long = [axis for axis, n in zip(series.axes.upper(), series.shape, strict=True) if n > 1 and axis not in "YXS"]
        return long[0] if len(tif.series) == 1 and long in (["T"], ["Z"]) else None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _read(path: Path, start: bytes) -> tuple[np.ndarray, bool]:
    """Return the pixels of a TIFF or PNG, and whether the last axis is colours."""
    if start.startswith(PNG_START):
        from skimage.io import imread

        picture = np.asarray(imread(path))
        return picture, picture.ndim > 2
    if not start.startswith(TIFF_STARTS):
        raise WrongInputError(
            f"{path} is no TIFF or PNG image, but labels or outlines of cells in one of them are expected: "
            f"{NOT_CELLS.get(path.suffix.lower(), 'save them as TIFF in Fiji')}."
        )
    with tifffile.TiffFile(path) as tif:
        parts = [series.asarray() for series in tif.series]
        # Pages that were appended one by one are several series.
        if len({(part.shape, part.dtype) for part in parts}) > 1 or (len(parts) > 1 and parts[0].ndim != 2):
            raise WrongInputError(
                f"{path} contains {len(parts)} images of different shapes, but one image, or several of one size over time, are "
                "expected: save the one with the cells as a TIFF of its own."
            )
        pixels = parts[0] if len(parts) == 1 else np.stack(parts)
        return pixels, len(parts) == 1 and tif.series[0].axes.endswith("S")


def _grey(pixels: np.ndarray, has_colours: bool, path: Path) -> np.ndarray:
    """Return the grey values of pixels whose colours, if there are any, are all equal; without transparency."""
    if not has_colours:
        return pixels
    colours = pixels[..., :3] if pixels.shape[-1] > 2 else pixels[..., :1]
    if not (colours == colours[..., :1]).all():
        raise WrongInputError(
            f"{path} has colours, but a whole number for each cell, or lines around cells, are expected: save it as a grey "
            "image of 8, 16 or 32 bit."
        )
    grey: np.ndarray = colours[..., 0]
    return grey


def _whole(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Return the pixels as whole numbers, int32."""
    if pixels.dtype.kind == "f" and not (np.isfinite(pixels).all() and (pixels == np.round(pixels)).all()):
        raise WrongInputError(
            f"{path} has pixels that are not whole numbers, but a whole number for each cell is expected: give a label image, "
            "not the image of the tissue."
        )
    if pixels.size and (pixels.min() < 0 or pixels.max() > LARGEST_LABEL):
        raise WrongInputError(
            f"{path} has pixels from {pixels.min():g} to {pixels.max():g}, but labels from 0 to {LARGEST_LABEL} are expected: "
            "renumber the cells."
        )
    if pixels.dtype == np.uint16 and pixels.max() == LARGEST_16_BIT and _were_joined(pixels):
        raise WrongInputError(
            f"{path} has labels up to {LARGEST_16_BIT}, and many of them in separate places, so it had more cells than 16 bits "
            "can number: save it with 32 bits."
        )
    if pixels.dtype.kind == "f" and pixels.dtype.itemsize <= 4 and pixels.size and pixels.max() > LARGEST_WRITTEN_LABEL:
        raise WrongInputError(
            f"{path} has labels up to {pixels.max():.0f} as 32-bit floats, which keep whole numbers exactly only to "
            f"{LARGEST_WRITTEN_LABEL}, so cells may have been joined: renumber the cells."
        )
    return pixels.astype(np.int32)


def _were_joined(pixels: np.ndarray) -> bool:
    """Return whether labels began again from 0 after the largest: then low numbers occur in several places, high ones in one."""
    from scipy import ndimage

    for frame in pixels:
        boxes = ndimage.find_objects(frame)
        spread = [box for box in boxes if box is not None]
        if len(spread) < LARGEST_16_BIT // 2:
            continue
        sizes = [max(side.stop - side.start for side in box) for box in spread]
        if np.mean(np.array(sizes) > 10 * np.median(sizes)) > 0.01:
            return True
    return False


def require_writable_labels(largest: int, source: object) -> None:
    """Refuse labels that ImageJ's pixels do not keep: cells would be joined.

    Raises
    ------
    WrongInputError
        If the largest label is above 2^24.
    """
    if largest > LARGEST_WRITTEN_LABEL:
        raise WrongInputError(
            f"{source} has labels up to {largest}, but ImageJ's 32-bit floats keep whole numbers exactly only to "
            f"{LARGEST_WRITTEN_LABEL}: renumber the cells."
        )


def write_labels(
    path: Path,
    labels: Any,
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
    spacing: Mapping[str, float | None] | None = None,
) -> None:
    """Write labels as an ImageJ TIFF in one step, plane by plane; ImageJ shows them in distinct colours, 0 in black.

    The pixels have 16 bits or, if there are labels above 65535, 32 bits as floats, which keep labels up to 2^24 exactly.

    Parameters
    ----------
    labels
        (T, Y, X), or (Z, Y, X) with a `spacing`, whole numbers from 0; an array, or an object with a `shape` that returns
        frames by their index.
    pixel_size_um, frame_interval_s
        The movie's calibration; None if unknown.
    spacing
        That of a volume, by its axes, as :attr:`epifiji.data.image.Image.spacing`.

    Raises
    ------
    WrongInputError
        If a label is above 2^24.
    """
    count = int(labels.shape[0])
    largest = max(int(np.max(labels[t])) for t in range(count))
    require_writable_labels(largest, path)
    dtype = np.dtype(np.uint16 if largest < 1 << 16 else np.float32)
    shown = 0.0, float(max(largest, LABEL_COLOURS - 1))
    frames: Iterator[np.ndarray] = (np.asarray(labels[t]).astype(dtype) for t in range(count))
    with replacing(path) as temporary:
        write_stack(
            temporary,
            frames,
            tuple(labels.shape),
            dtype,
            spacing or _of_movie(pixel_size_um, frame_interval_s),
            shown,
            label_colours(),
        )


LABEL_COLOURS = 256


def label_colours() -> np.ndarray:
    """Return a lookup table (3, 256), uint8, of red, green and blue: black, then colours that differ from the next ones."""
    from colorsys import hsv_to_rgb

    # Steps of the golden ratio distribute hues evenly, however many there are.
    colours = [
        hsv_to_rgb(n * 0.618034 % 1, (0.9, 0.5, 0.7)[n % 3], (1.0, 0.95, 0.7)[n // 3 % 3])
        for n in range(LABEL_COLOURS - 1)
    ]
    return np.round(255 * np.array([(0.0, 0.0, 0.0), *colours]).T).astype(np.uint8)


def write_outlines(
    path: Path,
    frames: Iterator[np.ndarray],
    shape: tuple[int, int, int],
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
) -> None:
    """Write outlines (Y, X), bool, of each frame as Tissue Analyzer stores them: 8 bits, 255 on lines, 0 in cells."""
    drawn = (np.where(lines, np.uint8(255), np.uint8(0)) for lines in frames)
    with replacing(path) as temporary:
        write_stack(temporary, drawn, shape, np.dtype(np.uint8), _of_movie(pixel_size_um, frame_interval_s))


def _of_movie(pixel_size_um: float | None, frame_interval_s: float | None) -> dict[str, float | None]:
    """Return the distances along the axes of a movie."""
    return {"T": frame_interval_s, "Y": pixel_size_um, "X": pixel_size_um}
