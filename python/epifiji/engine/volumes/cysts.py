"""The cells and the lumen of a cyst from the maps that a network predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.instances import (
    fill_by_voronoi,
    find_seeds,
    grow_seeds,
    growth_region,
    otsu_threshold,
    without_small,
)

LEAST_LUMEN = 0.25
"""Smallest hole of the mask that is a lumen, as a part of the mean volume of cells; smaller ones are filled."""

MARGIN_VOXELS = 4
"""Voxels around the mask that are processed."""


def cells_of_cyst(maps: Any, settings: InstanceSettings) -> tuple[np.ndarray, np.ndarray]:
    """Separate the cells of a cyst, and find its lumen.

    The steps are those of :func:`epifiji.engine.volumes.instances.cells_of_maps`, but the largest hole of the mask is the
    lumen and stays free. Only the box around the mask is processed.

    Parameters
    ----------
    maps
        (3, Z, Y, X), probabilities from 0 to 1 of a cell's inside, of a contour, and of the mask of both; an array, or an
        object whose parts are arrays.
    settings
        Thresholds and sizes.

    Returns
    -------
    labels
        (Z, Y, X), int32: the cells from 1 on, 0 elsewhere.
    lumen
        (Z, Y, X), bool; empty if the mask encloses no large hole.
    """
    from scipy.ndimage import binary_fill_holes

    shape = tuple(maps.shape[1:])
    labels, lumen = np.zeros(shape, np.int32), np.zeros(shape, bool)
    whole = np.asarray(maps[2])
    threshold = otsu_threshold(whole) if settings.mask_threshold is None else settings.mask_threshold
    box = _box(whole > threshold)
    if box is None:
        return labels, lumen
    inside, contour, mask = (np.ascontiguousarray(maps[(channel, *box)]) for channel in range(3))
    del whole
    *_, grown = watershed_of_maps(inside, contour, settings)
    count = int(grown.max(initial=0))
    if not count:
        return labels, lumen
    wall = mask > threshold
    least = LEAST_LUMEN * np.count_nonzero(grown) / count
    hole = _largest(binary_fill_holes(wall) & ~wall, least)
    filled = fill_by_voronoi(grown, wall, None, settings.mask_erosion_voxels)
    filled[hole] = 0
    labels[box], lumen[box] = without_small(filled, 1), hole
    return labels, lumen


def watershed_of_maps(
    inside: np.ndarray, contour: np.ndarray, settings: InstanceSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return seeds, the region in which they grow, and the cells that do not touch yet, each (Z, Y, X)."""
    seeds = find_seeds(inside, contour, settings.foreground_threshold, settings.contour_threshold)
    seeds = without_small(seeds, settings.least_seed_voxels)
    region = growth_region(inside, settings.growth_threshold)
    return seeds, region, grow_seeds(seeds, -inside, region)


def _box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """Return the box around a mask (Z, Y, X) with a margin; None if the mask is empty."""
    spans = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not all(len(span) for span in spans):
        return None
    return tuple(slice(max(0, int(span[0]) - MARGIN_VOXELS), int(span[-1]) + 1 + MARGIN_VOXELS) for span in spans)


def _largest(holes: np.ndarray, least_voxels: float) -> np.ndarray:
    """Return the largest connected hole, if it has enough voxels; otherwise nothing."""
    from scipy.ndimage import label

    numbered, count = label(holes)
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    found: np.ndarray = numbered == int(sizes.argmax())
    return found if count and sizes.max() >= least_voxels else np.zeros(holes.shape, bool)
