"""Polygons around cells, along the edges of their pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def polygons(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Trace the outer outline of each cell of labels (Y, X): its label, and corners (n, 2) of y and x, float64.

    Integers are the centres of pixels, so corners lie at halves. The polygon encloses exactly the cell's pixels, and
    those of holes. Of a cell in several pieces the largest is traced.
    """
    from scipy import ndimage

    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            yield label, polygon(labels[box] == label) + np.array([box[0].start, box[1].start])


def polygon(mask: np.ndarray) -> np.ndarray:
    """Trace a region (Y, X) that is not empty, as :func:`polygons` traces a cell."""
    return outlines(mask)[0]


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Trace all pieces and holes of a region (Y, X) that is not empty, the largest first.

    By the even-odd rule they enclose exactly the region's pixels. Pixels that touch at a corner only are two pieces.
    """
    from skimage.measure import find_contours

    pieces = [_corners(line[:-1]) - 1 for line in find_contours(np.pad(mask, 1).astype(np.float64), 0.5)]
    return sorted(pieces, key=lambda corners: -abs(area(corners)))


def area(corners: np.ndarray) -> float:
    """Return the area of a polygon (n, 2), with a sign for its direction."""
    y, x = (corners - corners[:1]).T
    return float(np.dot(y, np.roll(x, 1)) - np.dot(x, np.roll(y, 1))) / 2


def _corners(crossed: np.ndarray) -> np.ndarray:
    """Return the corners of a closed line that is given by the middles of the pixel edges that it follows, in order."""
    after = np.roll(crossed, -1, axis=0)
    # A horizontal edge has its middle at half a y, a vertical one at half an x; corners are at halves of both.
    y = np.where(crossed[:, 0] % 1 == 0.5, crossed[:, 0], np.where(after[:, 0] % 1 == 0.5, after[:, 0], -1))
    x = np.where(crossed[:, 1] % 1 == 0.5, crossed[:, 1], np.where(after[:, 1] % 1 == 0.5, after[:, 1], -1))
    y = np.where(y < 0, (crossed[:, 0] + after[:, 0]) / 2, y)
    x = np.where(x < 0, (crossed[:, 1] + after[:, 1]) / 2, x)
    corners = np.stack([y, x], 1)
    steps = corners - np.roll(corners, 1, axis=0)
    turns: np.ndarray = corners[(steps != np.roll(steps, -1, axis=0)).any(axis=1)]
    return turns
