"""Cells of a volume from maps that a network predicts, as BiaPy makes them for CartoCell, equal to the voxel.

CartoCell's networks predict for each voxel the probabilities of a cell's inside (foreground), of a contour, and of any part
of the cyst's wall (mask), 0–1. Seeds are where the foreground is probable and the contour is not; a marker-controlled
watershed grows them; a Voronoi diagram inside the mask then makes the cells touch.

Sources: J. A. Andres-San Roman et al., CartoCell, Cell Reports Methods 3, 100597, 2023; BiaPy 3.7.1 (MIT), of which
`tests/reference_files/biapy` contains results. Lengths are in voxels, as there, unless a spacing is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Sliced
from epifiji.data.label_images import labels_at_border
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.slabs import otsu_threshold, voxel_counts

SMOOTHING_VOXELS, SMOOTHING_REACH = 1.0, 1
"""Sigma of the smoothing of the height in which seeds grow, and where it is cut off, in sigmas."""

LEAST_CELL = 0.1
"""Smallest volume of a cell that grew from a maximum, as a part of the median one; smaller ones lie between cells."""

SEED_SMOOTHING_VOXELS = 1.5

CLOSED = ((False, False),) * 3
"""A volume that does not continue beyond its arrays, before and after them along each axis."""

PERIMETER_VOXELS = 2
"""Radius of the ball whose erosion leaves out the perimeter of the labelled region."""


def cells_of_maps(foreground: np.ndarray, contour: np.ndarray, mask: np.ndarray, **settings: Any) -> np.ndarray:
    """Separate the cells of a volume and make them touch, from maps that a network such as CartoCell's predicted.

    Seeds are grown by a watershed in the foreground, and then to the nearest perimeter inside the mask.

    Parameters
    ----------
    foreground, contour, mask
        (Z, Y, X), probabilities from 0 to 1 of a cell's inside, of a contour, and of any part of the wall.
    **settings
        Those of :class:`epifiji.data.settings.cysts.InstanceSettings`.

    Returns
    -------
    labels
        (Z, Y, X), int32; 0 for no cell. All 0 if no seed was found.

    Raises
    ------
    WrongInputError
        If a setting is invalid, or the maps are not three volumes of one shape with values from 0 to 1.
    """
    chosen = parse_settings(InstanceSettings, settings)
    names = ("foreground", "contour", "mask")
    inside, outline, wall = (
        _probabilities(name, values) for name, values in zip(names, (foreground, contour, mask), strict=True)
    )
    if not inside.shape == outline.shape == wall.shape:
        raise WrongInputError(
            f"foreground, contour and mask have the shapes {inside.shape}, {outline.shape} and {wall.shape}, but maps of one "
            "volume have one shape: give those of one prediction."
        )
    least_inside = or_otsu(chosen.foreground_threshold, inside)
    most_contour = or_otsu(chosen.contour_threshold, outline)
    region = growth_region(inside, chosen.growth_threshold)
    _, grown = grown_from_seeds(inside, outline, least_inside, most_contour, region, chosen)
    if chosen.seed_height:
        grown = without_small(grown, least_cell(voxel_counts(grown)[1:], chosen))
    touching = fill_by_voronoi(grown, wall, chosen.mask_threshold, chosen.mask_erosion_voxels)
    return without_small(outer_cells(touching)[0], 1) if chosen.one_layer else touching


def _probabilities(name: str, given: Any) -> np.ndarray:
    values = np.asarray(given)
    if values.ndim != 3 or values.dtype.kind not in "buif" or not values.size:
        raise WrongInputError(
            f"{name} has the shape {values.shape} and the type {values.dtype}, but a map of a volume (Z, Y, X) with numbers is "
            "expected: give one."
        )
    values = values.astype(np.float64 if values.dtype == np.float64 else np.float32, copy=False)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise WrongInputError(
            f"{name} has values from {low:g} to {high:g}, but probabilities from 0 to 1 are expected: divide 8-bit maps by 255."
        )
    return values


def find_seeds(
    foreground: np.ndarray,
    contour: np.ndarray,
    foreground_threshold: float | None = None,
    contour_threshold: float | None = None,
) -> np.ndarray:
    """Label the connected places with a foreground above and a contour below their thresholds, (Z, Y, X), int32.

    Voxels are connected by their faces.

    Parameters
    ----------
    foreground, contour
        (Z, Y, X), float from 0 to 1.
    foreground_threshold, contour_threshold
        0–1; None: Otsu's threshold of the map.
    """
    from skimage.measure import label

    least, most = or_otsu(foreground_threshold, foreground), or_otsu(contour_threshold, contour)
    seeds: np.ndarray = label(_beyond(foreground, contour, least, most), connectivity=1).astype(np.int32)
    return seeds


def _beyond(foreground: np.ndarray, contour: np.ndarray, least: float, most: float) -> np.ndarray:
    """Return where the foreground is above and the contour below a threshold, (Z, Y, X), bool."""
    beyond: np.ndarray = foreground > least
    beyond &= contour < most
    return beyond


def grown_from_seeds(
    inside: np.ndarray,
    contour: np.ndarray,
    foreground_threshold: float,
    contour_threshold: float,
    region: np.ndarray,
    settings: InstanceSettings,
    continued: Sequence[tuple[bool, bool]] = CLOSED,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the seeds and the cells that grow from them, both (Z, Y, X), int32, without removing small cells.

    Without a seed height seeds are all that is beyond the thresholds, as in BiaPy, so that a gap in the contour joins two cells.
    With one they are maxima of the smoothed difference of inside and contour, which are beyond the thresholds; it is then
    the height in which they grow, and cells much smaller than the others (:func:`least_cell`) are to be removed.

    Parameters
    ----------
    continued
        For each axis, whether the volume continues before and after the arrays, which are then a box of it.
    """
    from scipy.ndimage import gaussian_filter

    if settings.seed_height == 0:
        found = find_seeds(inside, contour, foreground_threshold, contour_threshold)
        seeds = without_small(found, settings.least_seed_voxels)
        return seeds, grow_seeds(seeds, -inside, region)
    height = gaussian_filter(inside - contour, SEED_SMOOTHING_VOXELS)
    beyond = _beyond(inside, contour, foreground_threshold, contour_threshold)
    seeds = highest_places(height, settings.seed_height, beyond, continued)
    return seeds, grow_seeds(seeds, -height, region)


def least_cell(sizes: np.ndarray, settings: InstanceSettings) -> int:
    """Return how many voxels a cell that grew from a maximum has at least, from the numbers of voxels of all of them."""
    cells = sizes[sizes >= settings.least_seed_voxels]
    return max(settings.least_seed_voxels, int(LEAST_CELL * np.median(cells)) if len(cells) else 0)


def highest_places(
    height: np.ndarray, least: float, where: np.ndarray, continued: Sequence[tuple[bool, bool]] = CLOSED
) -> np.ndarray:
    """Label the maxima that rise by `least` above the pass to a higher one, in a region, (Z, Y, X), int32 (h-maxima).

    Where the volume continues, there is a higher one outside, so that a maximum also rises by `least` above its way there.
    """
    from skimage.measure import label
    from skimage.morphology import h_maxima

    sides = [(int(before), int(after)) for before, after in continued]
    padded = np.pad(height, sides, constant_values=float(height.max()) + 2 * least)
    inner = tuple(slice(before, before + length) for (before, _), length in zip(sides, height.shape, strict=True))
    seeds: np.ndarray = label((h_maxima(padded, least)[inner] > 0) & where, connectivity=3).astype(np.int32)
    return seeds


def growth_region(foreground: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Return where cells may grow, (Z, Y, X), bool: the foreground is above a threshold, half of Otsu's if it is None."""
    region: np.ndarray = foreground > (otsu_threshold(foreground) / 2 if threshold is None else threshold)
    return region


def without_small(labels: np.ndarray, least_voxels: int) -> np.ndarray:
    """Remove objects with fewer voxels, and number the others from 1 in their order, (Z, Y, X), int32."""
    sizes = np.bincount(labels.ravel())
    kept = sizes >= max(least_voxels, 1)
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    renumbered: np.ndarray = numbers[labels]
    return renumbered


def grow_seeds(seeds: np.ndarray, height: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Grow seeds by a marker-controlled watershed on a smoothed height, (Z, Y, X), int32.

    Parameters
    ----------
    seeds
        (Z, Y, X), whole numbers from 0.
    height
        (Z, Y, X), low inside of cells: for probabilities of the foreground, their negative.
    region
        (Z, Y, X), bool; cells stay inside it.
    """
    from skimage.filters import gaussian
    from skimage.segmentation import watershed

    smooth = gaussian(height, sigma=SMOOTHING_VOXELS, truncate=SMOOTHING_REACH)
    grown: np.ndarray = watershed(smooth, seeds, mask=region).astype(np.int32)
    return grown


def fill_by_voronoi(
    labels: np.ndarray,
    mask: np.ndarray,
    threshold: float | None = None,
    erosion_voxels: int = 2,
    spacing: Sequence[float] | None = None,
) -> np.ndarray:
    """Give each free voxel of a region to the cell with the nearest voxel of the perimeter, (Z, Y, X), int32.

    The region is where the mask is above the threshold, with holes filled, eroded by a ball. Cells are cut off outside of
    it. The perimeter is what is removed from all labelled voxels of the region, as one object, if they are eroded by a ball of 2
    voxels. A hole that is closed on all sides, as a lumen, is filled too, so the mask should be open there, or the lumen
    left out afterwards.

    Parameters
    ----------
    labels
        (Z, Y, X), whole numbers from 0.
    mask
        (Z, Y, X), probabilities from 0 to 1, or bool, which needs no threshold.
    threshold
        Of the mask, 0–1; None: Otsu's threshold.
    erosion_voxels
        Radius of the ball by which the region is eroded; 0: it is not. BiaPy 3.7.1 uses 0 if there is a map of the mask,
        and 2 if contours alone are predicted.
    spacing
        Distances between voxels along Z, Y and X, in which the nearest one is found. None: as if voxels were cubes, as BiaPy.
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt
    from skimage.morphology import ball, erosion

    region = binary_fill_holes(mask if mask.dtype == bool else mask > or_otsu(threshold, mask))
    if erosion_voxels > 0:
        region = erosion(region.astype(np.uint8), ball(erosion_voxels)) > 0
    filled = np.where(region, labels, 0).astype(np.int32)
    labelled = (filled > 0).astype(np.uint8)
    perimeter = labelled > erosion(labelled, ball(PERIMETER_VOXELS))
    free = region & (labels == 0)
    if free.any() and perimeter.any():
        nearest = distance_transform_edt(~perimeter, spacing, return_distances=False, return_indices=True)
        filled[free] = filled[tuple(nearest[:, free])]
    return filled


def or_otsu(threshold: float | None, values: Sliced) -> float:
    """Return a threshold, or Otsu's of the values if it is None."""
    return otsu_threshold(values) if threshold is None else threshold


def outer_cells(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Leave out cells that touch neither the surrounding nor the volume's border, by the faces of voxels.

    Parameters
    ----------
    labels
        (Z, Y, X), whole numbers from 0. The surrounding is all 0 that is connected to the volume's border.

    Returns
    -------
    outer
        (Z, Y, X): the other cells, with their numbers.
    enclosed
        (Z, Y, X), bool: what is then free and not the surrounding.
    left_out
        Number of cells that were left out.
    """
    from scipy.ndimage import binary_dilation, label

    free, count = label(labels == 0)
    outside = np.zeros(count + 1, bool)
    kept = np.zeros(int(labels.max(initial=0)) + 1, bool)
    outside[labels_at_border(free)] = kept[labels_at_border(labels)] = True
    surrounding = outside[free]
    kept[labels[binary_dilation(surrounding)]] = True
    kept[0] = False
    outer = np.where(kept[labels], labels, 0).astype(labels.dtype)
    left_out = int(np.count_nonzero(voxel_counts(labels)[1:]) - np.count_nonzero(kept))
    return outer, (outer == 0) & ~surrounding, left_out
