"""Borders between cells: which cells touch, how long and how bright their borders are, and where three cells meet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Borders(NamedTuple):
    """Borders between the cells of a frame.

    Parameters
    ----------
    pairs
        (n, 2): the two cells of each border, the lower label first.
    lengths
        (n,): number of pairs of pixels on its two sides.
    sums
        (n,): sum of the values on it, where a pair of pixels has the greater of their two values.
    """

    pairs: np.ndarray
    lengths: np.ndarray
    sums: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """Mean value on each border, (n,)."""
        means: np.ndarray = self.sums / self.lengths
        return means


def borders_of(labels: np.ndarray, values: np.ndarray | None = None) -> Borders:
    """Measure all borders between cells.

    Parameters
    ----------
    labels
        (Y, X), integers: 0 where there is no cell.
    values
        (Y, X): an image; sums are 0 without one.
    """
    image = np.zeros(labels.shape, np.float32) if values is None else values
    lower, upper, brightest = [], [], []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        first, second = labels[one], labels[other]
        apart = (first != second) & (first > 0) & (second > 0)
        lower.append(np.minimum(first[apart], second[apart]))
        upper.append(np.maximum(first[apart], second[apart]))
        brightest.append(np.maximum(image[one][apart], image[other][apart]))
    base = int(labels.max()) + 1
    codes = np.concatenate(lower).astype(np.int64) * base + np.concatenate(upper)
    found, inverse, lengths = np.unique(codes, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, np.concatenate(brightest), len(found))
    return Borders(np.stack([found // base, found % base], 1), lengths, sums)


def contacts(labels: np.ndarray) -> np.ndarray:
    """List which labels (Y, X) touch at an edge of a pixel, also 0: pairs (n, 2), the lower label first."""
    base = int(labels.max(initial=0)) + 1
    codes = [
        np.minimum(one[apart], other[apart]).astype(np.int64) * base + np.maximum(one[apart], other[apart])
        for one, other in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:]))
        for apart in [one != other]
    ]
    found = np.unique(np.concatenate(codes))
    return np.stack([found // base, found % base], 1)


def corners_of(labels: np.ndarray) -> np.ndarray:
    """Return where at least three cells meet: (Y - 1, X - 1), number of cells in each square of 2 x 2 pixels, 0 below three."""
    square = np.sort(np.stack([labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]]), axis=0)
    different = (np.diff(square, axis=0) != 0) & (square[:-1] > 0)
    count: np.ndarray = different.sum(0) + (square[-1] > 0)
    return np.where(count >= 3, count, 0)
