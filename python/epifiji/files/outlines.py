"""Drawn outlines of cells, from a TIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.frames import readable
from epifiji.files.storage.archives import require_ordinary


def read_outlines(path: Path) -> np.ndarray:
    """Read outlines (T, Y, X); a single image is one frame.

    Raises
    ------
    WrongInputError
        If the file cannot be read, or is not one grey image over time with at least two levels.
    """
    require_ordinary(path)
    with readable(path):
        pixels = np.squeeze(tifffile.imread(path))
    if pixels.ndim == 2:
        pixels = pixels[None]
    if (
        pixels.ndim != 3
        or pixels.dtype.kind not in "buif"
        or (pixels.shape[-1] <= 4 and pixels.shape[-1] < pixels.shape[0])
    ):
        raise WrongInputError(
            f"{path} has {pixels.dtype} of the shape {pixels.shape}, but outlines are grey images, one or several over time: "
            "save them as an 8-bit TIFF in Fiji."
        )
    if pixels.min() == pixels.max():
        raise WrongInputError(
            f"{path} has only one grey level, but lines around cells were expected: draw or segment them."
        )
    return pixels
