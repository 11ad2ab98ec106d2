"""Images of cells: labels, one whole number for each cell, or outlines, lines around cells."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.frames import readable
from epifiji.files.storage.archives import require_ordinary

OUTLINES_OF_TISSUE_ANALYZER = "handCorrection"
"""Name of the file of outlines that Tissue Analyzer and EPySeg keep in a folder named after the image."""

ENDINGS = re.compile(
    r"(?:_cp)?_(?:labels?|masks?|outlines?|seg|skeleton|epifiji|image|img|raw|" + OUTLINES_OF_TISSUE_ANALYZER + ")$",
    re.IGNORECASE,
)
"""What programs and people add to an image's name for its cells, and for itself."""

SUFFIXES = (".tif", ".tiff", ".png")

LARGEST_LABEL = 2**31 - 1


def is_cell_image(path: Path) -> bool:
    """Return whether a file may hold labels or outlines, by its name."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def image_of_cells(path: Path) -> str:
    """Return the name of the image that a file of labels or outlines belongs to, by the conventions of common programs."""
    stem = path.parent.name if path.stem.lower() == OUTLINES_OF_TISSUE_ANALYZER.lower() else path.stem
    while (shorter := ENDINGS.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem


def read_cells(path: Path) -> np.ndarray:
    """Read labels or outlines as whole numbers (T, Y, X), int32; a single image is one frame.

    TIFF and PNG, grey; colour where all channels are equal, as Tissue Analyzer saves outlines.

    Raises
    ------
    WrongInputError
        If the file cannot be read, or is not one grey image over time of whole numbers from 0.
    """
    require_ordinary(path)
    with readable(path):
        pixels = _read(path)
    pixels = np.squeeze(pixels)
    if pixels.ndim > 2 and pixels.shape[-1] in (3, 4) and pixels.dtype == np.uint8:
        colours = pixels[..., :3]
        if not (colours == colours[..., :1]).all():
            raise WrongInputError(
                f"{path} has colours, but a whole number for each cell, or lines around cells, are expected: save it as a grey "
                "image of 8, 16 or 32 bit."
            )
        pixels = colours[..., 0]
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.dtype.kind not in "buif":
        raise WrongInputError(
            f"{path} contains {pixels.dtype} pixels of the shape {pixels.shape}, but cells are grey images, one or "
            "several over time: save it as a grey TIFF."
        )
    return _whole(pixels, path)


def _read(path: Path) -> np.ndarray:
    if path.suffix.lower() != ".png":
        return np.asarray(tifffile.imread(path))
    from skimage.io import imread

    return np.asarray(imread(path))


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
    return pixels.astype(np.int32)
