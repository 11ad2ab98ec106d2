"""Geometry of a tissue: how large its cells are, how much they differ, and how many neighbours they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epifiji.engine.cells.borders import contacts

SIDES = (4, 5, 6, 7, 8)


@dataclass(frozen=True)
class Geometry:
    """Measurements of a tissue.

    Parameters
    ----------
    cells
        Number of cells that were measured.
    diameter_px
        Mean diameter of circles with the areas of the cells.
    area_cv
        Standard deviation of the areas divided by their mean.
    sides
        Share of the cells, 0–1, with 4, 5, 6, 7 and 8 neighbours.
    """

    cells: int
    diameter_px: float
    area_cv: float
    sides: dict[int, float]


def measure(frames: np.ndarray) -> Geometry:
    """Measure the cells that lie entirely in the field and in the tissue.

    Parameters
    ----------
    frames
        (T, Y, X), integers: number of the cell that contains each pixel, without gaps between cells; 0 outside the
        tissue.
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
