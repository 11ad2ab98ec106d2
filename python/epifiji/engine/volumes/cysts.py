"""The cells and the lumen of a cyst from the maps that a network predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.boxes import box_around
from epifiji.engine.volumes.instances import (
    fill_by_voronoi,
    grown_from_seeds,
    or_otsu,
    otsu_threshold,
    without_small,
)

LEAST_LUMEN = 0.25
"""Smallest hole of the mask that is a lumen, as a part of the mean volume of cells; smaller ones are filled."""

MARGIN_VOXELS = 4
"""Voxels around everything above a threshold that are processed: more than any smoothing or erosion reaches."""

INSIDE, CONTOUR, MASK = range(3)
"""The maps in their order."""


@dataclass(frozen=True, eq=False)
class GrownCells:
    """The steps of the watershed, in the box outside of which all of them are empty.

    Parameters
    ----------
    shape
        (Z, Y, X) of the volume.
    box
        A slice of each axis; None if nothing is above the thresholds.
    seeds, region, labels
        In the box: seeds (int32), where they may grow (bool), and the cells, which do not touch yet (int32).
    mask_threshold
        Above which the mask belongs to the wall.
    """

    shape: tuple[int, ...]
    box: tuple[slice, ...] | None
    seeds: np.ndarray
    region: np.ndarray
    labels: np.ndarray
    mask_threshold: float

    def whole(self, part: np.ndarray) -> np.ndarray:
        """Return an array of the box as one of the whole volume."""
        made = np.zeros(self.shape, part.dtype)
        if self.box is not None:
            made[self.box] = part
        return made


def grow_cells(maps: Any, settings: InstanceSettings) -> GrownCells:
    """Find seeds in the maps of a network, and grow them by a watershed.

    The steps are those of :func:`epifiji.engine.volumes.instances.cells_of_maps`. Automatic thresholds are those of the whole
    maps. Only the box around everything above them is processed, which gives the same labels.

    Parameters
    ----------
    maps
        (3, Z, Y, X), probabilities from 0 to 1 of a cell's inside, of a contour, and of the mask of both; an array, or an
        object whose parts are arrays.
    settings
        Thresholds and sizes.
    """
    inside, mask = np.asarray(maps[INSIDE]), np.asarray(maps[MASK])
    otsu = otsu_threshold(inside) if None in (settings.foreground_threshold, settings.growth_threshold) else 0.0
    foreground = otsu if settings.foreground_threshold is None else settings.foreground_threshold
    growth = otsu / 2 if settings.growth_threshold is None else settings.growth_threshold
    wall = or_otsu(settings.mask_threshold, mask)
    # Seeds are above the foreground's threshold, cells above that of growth.
    box = box_around((inside > min(foreground, growth)) | (mask > wall), (MARGIN_VOXELS,) * 3)
    if box is None:
        none = np.zeros((0, 0, 0), np.int32)
        return GrownCells(mask.shape, None, none, none.astype(bool), none, wall)
    contour = np.asarray(maps[CONTOUR])
    outline = or_otsu(settings.contour_threshold, contour)
    inside, contour = (np.ascontiguousarray(one[box]) for one in (inside, contour))
    region = inside > growth
    seeds, labels = grown_from_seeds(inside, contour, foreground, outline, region, settings)
    return GrownCells(mask.shape, box, seeds, region, labels, wall)


def cells_of_cyst(
    maps: Any, settings: InstanceSettings, grown: GrownCells | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Separate the cells of a cyst, and find its lumen.

    The steps are those of :func:`epifiji.engine.volumes.instances.cells_of_maps`, but the largest hole of the mask is the
    lumen and stays free.

    Parameters
    ----------
    maps, settings
        As for :func:`grow_cells`.
    grown
        What that function returned. Default: it is called.

    Returns
    -------
    labels
        (Z, Y, X), int32: the cells from 1 on, 0 elsewhere.
    lumen
        (Z, Y, X), bool; empty if the mask encloses no large hole.
    """
    from scipy.ndimage import binary_fill_holes

    found = grow_cells(maps, settings) if grown is None else grown
    count = int(found.labels.max(initial=0))
    if not count or found.box is None:
        return np.zeros(found.shape, np.int32), np.zeros(found.shape, bool)
    wall = np.asarray(maps[(MASK, *found.box)]) > found.mask_threshold
    least = LEAST_LUMEN * np.count_nonzero(found.labels) / count
    hole = _largest(binary_fill_holes(wall) & ~wall, least)
    filled = fill_by_voronoi(found.labels, wall, None, settings.mask_erosion_voxels)
    filled[hole] = 0
    return found.whole(without_small(filled, 1)), found.whole(hole)


def _largest(holes: np.ndarray, least_voxels: float) -> np.ndarray:
    """Return the largest connected hole, if it has enough voxels; otherwise nothing."""
    from scipy.ndimage import label

    numbered, count = label(holes)
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    found: np.ndarray = numbered == int(sizes.argmax())
    return found if count and sizes.max() >= least_voxels else np.zeros(holes.shape, bool)
