"""Pictures of cells that ImageJ lays over an image: outlines, and where there is no cell, one byte a pixel."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from epifiji.engine.cells.edits import Region, box_of

BORDER, CORRECTED, NO_CELL, MARKED = 1, 2, 3, 4
"""The values of pixels; 0 shows the image. ``jars/Lib/epifiji_client/cells/overlay.py`` has their colours."""

MARK_PX = 2


def shown_region(labels: np.ndarray, corrected: set[int], region: Region) -> dict[str, Any]:
    """Return the picture of a rectangle of a frame's labels (Y, X).

    The border between two cells is drawn on the pixel above it or to its left, one pixel wide.
    """
    rows, columns = region
    here = labels[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    changed = np.isin(here, list(corrected))
    border, special = np.zeros(here.shape, bool), np.zeros(here.shape, bool)
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        differ = here[one] != here[other]
        border[one] |= differ
        special[one] |= differ & (changed[one] | changed[other])
    picture = np.where(here == 0, NO_CELL, 0).astype(np.uint8)
    picture[border] = BORDER
    picture[special] = CORRECTED
    return packed(picture[: rows.stop - rows.start, : columns.stop - columns.start], rows.start, columns.start)


def marked_cell(labels: np.ndarray, cell: int) -> dict[str, Any]:
    """Return the picture of a cell's outline, inside the cell."""
    from scipy import ndimage

    region = region_of(labels, (cell,))
    mask = np.pad(labels[region] == cell, 1)
    ring = (mask & ~ndimage.binary_erosion(mask, iterations=MARK_PX))[1:-1, 1:-1]
    return packed(np.where(ring, MARKED, 0).astype(np.uint8), region[0].start, region[1].start)


def region_of(labels: np.ndarray, cells: tuple[int, ...], also: Region | None = None) -> Region:
    """Return the rectangle around cells, and around another rectangle; empty if there are none."""
    mask = np.isin(labels, cells)
    if also is not None:
        mask[also] = True
    return box_of(mask)


def whole(labels: np.ndarray) -> Region:
    """Return the rectangle of a whole frame (Y, X)."""
    return slice(0, labels.shape[0]), slice(0, labels.shape[1])


def larger(region: Region) -> Region:
    """Return a rectangle with the pixels above and to its left, whose borders depend on those inside."""
    rows, columns = region
    return slice(max(0, rows.start - 1), rows.stop), slice(max(0, columns.start - 1), columns.stop)


def packed(picture: np.ndarray, y: int = 0, x: int = 0) -> dict[str, Any]:
    """Return a picture as JSON types: its place and size, and its pixels, compressed, in base 64."""
    pixels = base64.b64encode(zlib.compress(picture.tobytes(), 1)).decode("ascii")
    return {"y": y, "x": x, "height": picture.shape[0], "width": picture.shape[1], "pixels": pixels}
