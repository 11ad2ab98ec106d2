"""Parts of an image with cells, without the cells that a cut goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Part:
    """A rectangle of an image, in pixels; the ends are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def place(self) -> tuple[slice, slice]:
        """The rectangle as an index of an image (Y, X)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def halves(shape: tuple[int, int], side: str, size: int) -> tuple[Part, Part]:
    """Cut an image (Y, X): return the part on a side (left, right, top, bottom) of a width or height, and the rest."""
    height, width = shape
    at = size if side in ("left", "top") else (width if side == "right" else height) - size
    if side in ("left", "right"):
        first, second = Part(0, height, 0, at), Part(0, height, at, width)
    else:
        first, second = Part(0, at, 0, width), Part(at, height, 0, width)
    return (first, second) if side in ("left", "top") else (second, first)


def tiles(shape: tuple[int, int], side: int) -> list[Part]:
    """Divide an image (Y, X) into rectangles of about the same size, whose sides are nearest to `side`, row by row."""
    y, x = (np.linspace(0, length, max(1, round(length / side)) + 1).round().astype(int).tolist() for length in shape)
    return [Part(*rows, *columns) for rows in pairwise(y) for columns in pairwise(x)]


def cut_cells(labels: np.ndarray, parts: Sequence[Part]) -> np.ndarray:
    """Return the labels of the cells of labels (Y, X) that have pixels in more than one part."""
    found = [np.unique(labels[part.place]) for part in parts]
    values, counts = np.unique(np.concatenate(found), return_counts=True)
    return values[(counts > 1) & (values > 0)]
