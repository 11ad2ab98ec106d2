"""Polygons around cells and areas, as corners (n, 2) of y and x in pixels; integers are the centres of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

YELLOW = (240, 228, 66)
"""Of B. Okabe and K. Ito (Color Universal Design, 2008)."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """The outline of a cell in a frame of a movie.

    Parameters
    ----------
    name
        As ImageJ shows it.
    frame
        From 0.
    corners
        (n, 2), at halves.
    colour
        Red, green and blue, 0–255.
    others
        Further outlines of the same cell: other pieces, and holes, by the even-odd rule.
    """

    name: str
    frame: int
    corners: np.ndarray
    colour: tuple[int, int, int] = YELLOW
    others: tuple[np.ndarray, ...] = ()


def filled(corners: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array (Y, X) that is true where a pixel's centre lies in a polygon, by the even-odd rule, as in ImageJ."""
    edge, row = _crossed(corners, shape[0])
    y, x = corners.T
    next_y, next_x = np.roll(y, -1), np.roll(x, -1)
    slope = (next_x - x)[edge] / (next_y - y)[edge]
    column = np.clip(np.floor(x[edge] + (row - y[edge]) * slope + 1), 0, shape[1]).astype(np.int64)
    inside = np.zeros(shape, bool)
    if len(row):
        top, left, bottom, right = row.min(), column.min(), row.max() + 1, column.max()
        crossed = np.zeros((bottom - top, right - left + 1), np.uint8)
        # Only odd or even matters, so overflow does not.
        np.add.at(crossed, (row - top, column - left), 1)
        inside[top:bottom, left:right] = np.cumsum(crossed[:, :-1], axis=1, dtype=np.uint8) & 1
    return inside


def crossings(corners: np.ndarray, height: int) -> int:
    """Return how often a polygon crosses a row of a frame, to which the memory of :func:`filled` is proportional."""
    first, last = _rows(corners, height)
    return int((last - first).sum())


def _crossed(corners: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the edge and the row of each crossing, (n,)."""
    first, last = _rows(corners, height)
    counts = last - first
    edge = np.repeat(np.arange(len(corners)), counts)
    return edge, np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]


def _rows(corners: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows whose centres each edge crosses: from its upper end up to, but not on, its lower end."""
    y, next_y = corners[:, 0], np.roll(corners[:, 0], -1)
    first, last = (
        np.clip(np.ceil(ends), 0, height).astype(np.int64) for ends in (np.minimum(y, next_y), np.maximum(y, next_y))
    )
    return first, last
