"""Cells of a volume without a network: a watershed from the minima of the smoothed grey values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from epifiji.data.progress import Report, silent
from epifiji.data.settings.cysts import VolumeWatershedSettings
from epifiji.engine.volumes.slabs import voxel_counts

SEPARATING = "separating cells"

REGION_SMOOTHING_PX, REGION_FRACTION = 2.0, 0.6
"""The cyst is where the grey values, smoothed so much, are above this fraction of Otsu's threshold."""

PERCENTILES = (1, 99)
"""The range of grey values is that between these percentiles in the cyst."""

REACHED, MANY_SIDES = 0.1, 4
"""A cyst reaches a side of the volume if it covers this part of it. A cut-off cyst does not reach so many of the six sides."""

SIMILAR = 0.25
"""Least volume of a further object that may be a cyst too, as a part of the largest one."""


class Separated(NamedTuple):
    """The cells of a volume.

    Parameters
    ----------
    labels
        (Z, Y, X), int32: the cells from 1 on, 0 in the lumen and outside.
    lumen
        (Z, Y, X), bool: of a cyst the largest basin that does not touch the surrounding; empty if there is none.
    further
        Number of other objects in the surrounding that may be cysts too (:data:`SIMILAR`), and are left out.
    sides
        How many of the volume's six sides a cyst in a surrounding reaches (:data:`REACHED`).
    """

    labels: np.ndarray
    lumen: np.ndarray
    further: int = 0
    sides: int = 0


def separate_by_membranes(
    image: np.ndarray, spacing: Sequence[float], choices: VolumeWatershedSettings, report: Report = silent
) -> Separated:
    """Separate cells by their bright membranes.

    Seeds are minima of the smoothed grey values that lie by a fraction of their range below the pass to a lower one
    (h-minima), and the surrounding of a cyst is one more; a watershed grows them, so that a cyst ends at its outermost
    membranes.

    Parameters
    ----------
    image
        (Z, Y, X), any real type.
    spacing
        Distances between voxels along Z, Y and X in one unit; only their ratios matter.
    choices
        Smoothing and depth of seeds, and whether the volume is a cyst in a dark surrounding.
    report
        Called between the steps; may raise to cancel.
    """
    from skimage.segmentation import watershed

    objects = _objects(image, spacing, choices)
    region = objects == 1
    report(0.15, SEPARATING)
    height = height_of(image, spacing, choices, region)
    if height is None:
        return Separated(np.zeros(image.shape, np.int32), np.zeros(image.shape, bool))
    report(0.25, SEPARATING)
    seeds = membrane_seeds(height, region, choices.seed_depth)
    report(0.6, SEPARATING)
    around = int(seeds.max()) + 1
    labels = watershed(height, np.where(region, seeds, around))
    report(0.9, SEPARATING)
    lumen = _lumen(labels, around) if choices.surrounding else np.zeros(image.shape, bool)
    labels[lumen | (labels == around)] = 0
    sides = _sides(region) if choices.surrounding else 0
    return Separated(_consecutive(labels), lumen, similar_objects(voxel_counts(objects)[1:]) - 1, sides)


def region_of(image: np.ndarray, spacing: Sequence[float], choices: VolumeWatershedSettings) -> np.ndarray:
    """Return where there may be seeds, (Z, Y, X), bool: a cyst in its surrounding, or all of a volume."""
    region: np.ndarray = _objects(image, spacing, choices) == 1
    return region


def _objects(image: np.ndarray, spacing: Sequence[float], choices: VolumeWatershedSettings) -> np.ndarray:
    """Return :func:`bright_objects` of cysts in their surrounding, or 1 in all of a volume, (Z, Y, X), int32."""
    return bright_objects(image, spacing) if choices.surrounding else np.ones(image.shape, np.int32)


def height_of(
    image: np.ndarray, spacing: Sequence[float], choices: VolumeWatershedSettings, region: np.ndarray
) -> np.ndarray | None:
    """Return the smoothed grey values (Z, Y, X), float32, whose range in a region is 0 to 1; None if all are equal."""
    smooth = _smoothed(image, spacing, choices.smoothing_px)
    low, high = np.percentile(smooth[region], PERCENTILES) if region.any() else (0.0, 0.0)
    return (smooth - low) / (high - low) if low < high else None


def membrane_seeds(height: np.ndarray, region: np.ndarray, depth: float) -> np.ndarray:
    """Label the minima in a region that lie by `depth` below the pass to a lower one, (Z, Y, X), whole numbers."""
    from skimage.measure import label
    from skimage.morphology import h_minima

    seeds: np.ndarray = label((h_minima(height, depth) > 0) & region, connectivity=3)
    return seeds


def bright_objects(image: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Find cysts in a dark surrounding, with their lumen: connected bright objects without holes, (Z, Y, X), int32.

    The largest one is 1, the others have the numbers after it in the order of their volumes.
    """
    from scipy.ndimage import binary_fill_holes, label
    from skimage.filters import threshold_otsu

    smooth = _smoothed(image, spacing, REGION_SMOOTHING_PX)
    if smooth.min() == smooth.max():
        return np.zeros(image.shape, np.int32)
    filled = binary_fill_holes(smooth > smooth.min() + REGION_FRACTION * (threshold_otsu(smooth) - smooth.min()))
    objects, count = label(filled)
    order = np.argsort(-np.bincount(objects.ravel(), minlength=count + 1)[1:], kind="stable")
    numbers = np.zeros(count + 1, np.int32)
    numbers[1 + order] = np.arange(1, count + 1)
    ordered: np.ndarray = numbers[objects]
    return ordered


def similar_objects(sizes: np.ndarray) -> int:
    """Return how many objects have at least :data:`SIMILAR` of the largest one's volume, from the voxels of each, (n,)."""
    return int(np.count_nonzero(sizes >= SIMILAR * sizes.max(initial=1)))


def _sides(region: np.ndarray) -> int:
    """Return how many of the six sides of a volume a region (Z, Y, X), bool, reaches."""
    return sum(region.take(place, axis).mean() >= REACHED for axis in range(3) for place in (0, -1))


def _smoothed(image: np.ndarray, spacing: Sequence[float], sigma_px: float) -> np.ndarray:
    """Smooth by a Gaussian as wide along all axes, whose standard deviation is in widths of a pixel."""
    from scipy.ndimage import gaussian_filter

    smooth: np.ndarray = gaussian_filter(_differences(image), [sigma_px * spacing[2] / step for step in spacing])
    return smooth


def _differences(image: np.ndarray) -> np.ndarray:
    """Return grey values as float32, which keep their differences however large they or their offset are.

    Those of more than 16 bits are counted from the smallest; floats are scaled by a power of two too, to between 0 and 2.
    """
    differences: np.ndarray
    if image.dtype.kind != "f" and image.dtype.itemsize <= 2:
        return image.astype(np.float32)
    if image.dtype.kind != "f":
        # Modulo 2 to the power of 64 differences are right.
        differences = (image.astype(np.uint64) - image.min().astype(np.uint64)).astype(np.float32)
        return differences
    low, high = float(image.min()), float(image.max())
    scale = -int(np.frexp(max(-low, high, 0.0))[1])
    differences = (np.ldexp(image.astype(np.float64), scale) - np.ldexp(low, scale)).astype(np.float32)
    return differences


def _lumen(labels: np.ndarray, around: int) -> np.ndarray:
    """Return the largest basin that does not touch the surrounding, which has the label `around`, nor the volume's border."""
    from scipy.ndimage import binary_dilation

    sizes = np.bincount(labels.ravel())
    outside = np.pad(labels == around, 1, constant_values=True)
    sizes[np.unique(labels[binary_dilation(outside)[1:-1, 1:-1, 1:-1]])] = 0
    sizes[0] = 0
    largest = int(sizes.argmax())
    lumen: np.ndarray = (labels == largest) if sizes[largest] else np.zeros(labels.shape, bool)
    return lumen


def _consecutive(labels: np.ndarray) -> np.ndarray:
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    numbers: np.ndarray = np.where(present, np.cumsum(present), 0).astype(np.int32)[labels]
    return numbers
