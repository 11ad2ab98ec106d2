"""Pictures of cells that ImageJ lays over an image: outlines, and where there is no cell, one byte a pixel."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np

from epifiji.engine.cells.edits import Region, box_of

BORDER, CORRECTED, NO_CELL, MARKED = 1, 2, 3, 4
"""The values of pixels; 0 shows the image. ``jars/Lib/epifiji_client/cells/overlay.py`` has their colours."""

MARK_PX = 2


def shown_region(labels: np.ndarray, corrected: Collection[int], region: Region) -> dict[str, Any]:
    """Return the picture of a rectangle of a frame's labels (Y, X).

    The border between two cells is drawn on the pixel above it or to its left, one pixel wide.
    """
    rows, columns = region
    here = labels[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    picture = (here == 0).view(np.uint8)
    picture *= NO_CELL
    pairs = [
        (one, here[one] != here[other], other)
        for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]))
    ]
    for one, differ, _ in pairs:
        np.copyto(picture[one], BORDER, where=differ)
    if corrected:
        # A table of all labels is much faster than a search in each pixel.
        table = np.zeros(int(here.max(initial=0)) + 1, bool)
        table[[label for label in corrected if label < len(table)]] = True
        changed = table[here]
        for one, differ, other in pairs:
            np.copyto(picture[one], CORRECTED, where=differ & (changed[one] | changed[other]))
    return packed(picture[: rows.stop - rows.start, : columns.stop - columns.start], rows.start, columns.start)


def marked_cell(labels: np.ndarray, cell: int) -> tuple[int, dict[str, Any]]:
    """Return the area of a cell in pixels, and the picture of its outline, inside the cell."""
    from scipy import ndimage

    mask = labels == cell
    region = box_of(mask)
    mask = np.pad(mask[region], 1)
    ring = (mask & ~ndimage.binary_erosion(mask, iterations=MARK_PX))[1:-1, 1:-1]
    picture = packed(np.where(ring, MARKED, 0).astype(np.uint8), region[0].start, region[1].start)
    return int(np.count_nonzero(mask)), picture


def text_in_table(value: object) -> str:
    """Return a measured value as a text for a table in ImageJ, empty if there is none."""
    return "" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)


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
