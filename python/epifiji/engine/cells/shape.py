"""What a tissue's geometry is like: how large its cells are, how much they differ, and how many sides they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDES = (4, 5, 6, 7, 8)
_LEAST_CONTACT_PX = 1


@dataclass(frozen=True)
class Geometry:
    """Figures of a tissue.

    Parameters
    ----------
    cells
        How many cells were measured.
    diameter_px
        Mean diameter of circles as large as the cells.
    area_cv
        Standard deviation of the areas over their mean.
    sides
        Part of the cells, 0–1, that have 4, 5, 6, 7 and 8 neighbours.
    """

    cells: int
    diameter_px: float
    area_cv: float
    sides: dict[int, float]


def measure(frames: np.ndarray) -> Geometry:
    """Measure the cells that lie wholly in the field and in the tissue.

    Parameters
    ----------
    frames
        (T, Y, X), integers: which cell owns a pixel, without gaps between cells; 0 where there is none.
    """
    areas, sides = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for labels in frames:
        numbers, compact, counts = np.unique(labels, return_inverse=True, return_counts=True)
        compact = compact.reshape(labels.shape)
        pairs = contacts(compact)
        whole = numbers > 0
        for side in (compact[0], compact[-1], compact[:, 0], compact[:, -1]):
            whole[side] = False
        whole[pairs[(numbers[pairs] == 0).any(1)]] = False
        areas.append(counts[whole])
        sides.append(np.bincount(pairs.ravel(), minlength=len(numbers))[whole])
    area, neighbours = np.concatenate(areas).astype(float), np.concatenate(sides)
    if not len(area):
        return Geometry(0, float("nan"), float("nan"), {})
    shares = {count: float(np.mean(neighbours == count)) for count in SIDES}
    return Geometry(len(area), float(np.sqrt(4 / np.pi * area).mean()), float(area.std() / area.mean()), shares)


def contacts(labels: np.ndarray) -> np.ndarray:
    """List which labels (Y, X) touch: pairs (n, 2), the lower number first."""
    beside = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    pairs = np.concatenate([np.stack([one[one != other], other[one != other]], 1) for one, other in beside])
    pairs, counts = np.unique(np.sort(pairs, 1), axis=0, return_counts=True)
    return pairs[counts >= _LEAST_CONTACT_PX]
