"""Label images by their runs: which labels there are, how large they are, and where they meet.

Cells are flat areas, so their runs are much fewer than their pixels, and quickly sorted.
"""

from __future__ import annotations

import numpy as np


def numbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that occur, ascending, and for each pixel the place of its label among them, of the shape of `labels`."""
    starts, lengths = _runs(labels)
    found, places = np.unique(labels.ravel()[starts], return_inverse=True)
    return found, np.repeat(places, lengths).reshape(labels.shape)


def areas_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that occur, ascending, 0 among them, and how many pixels each of them has."""
    starts, lengths = _runs(labels)
    found, places = np.unique(labels.ravel()[starts], return_inverse=True)
    return found, np.bincount(places, lengths, len(found)).astype(np.int64)


def _runs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs of equal pixels start, in rows that are joined, and how long they are."""
    flat = labels.ravel()
    starts = np.flatnonzero(np.concatenate([[flat.size > 0], flat[1:] != flat[:-1]]))
    return starts, np.diff(starts, append=flat.size)


def at_outlines(labels: np.ndarray) -> np.ndarray:
    """Return which pixels touch another label along an axis, bool, so that an outline is two pixels wide."""
    outlines = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        first, second = ((slice(None),) * axis + (part,) for part in (slice(None, -1), slice(1, None)))
        differ = labels[first] != labels[second]
        outlines[first] |= differ
        outlines[second] |= differ
    return outlines


def labels_at_border(labels: np.ndarray) -> np.ndarray:
    """Return the labels of cells that touch the border of an image or a volume, which may be cut off there."""
    sides = [labels.take(end, axis) for axis in range(labels.ndim) for end in (0, -1)]
    found = np.unique(np.concatenate([side.ravel() for side in sides]))
    return found[found > 0]
