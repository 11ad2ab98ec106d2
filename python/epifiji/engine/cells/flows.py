"""Cells as flows: at each pixel of a cell the direction to its middle, and cells from such directions.

Directions and the way back follow the idea of Cellpose (Stringer et al., Nature Methods 18, 100-106, 2021): pixels that flow
to the same place are one cell. The middle is the pixel of a cell that is nearest to its centroid, and directions are straight.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.cell_networks import FlowChoices

MIDDLE_PX = 2.0
"""Within so many pixels of the middle, directions become shorter in proportion to the distance, so that pixels come to rest."""

STEPS = 20
"""Steps that a pixel is followed."""

STEP = 0.05
"""Length of a step in cell diameters: together they are one."""

SPREAD = 0.06
"""Sigma, in cell diameters, of the smoothing of the density of pixels that have come to rest."""

APART = 0.2
"""Least distance of two cells' places of rest, in cell diameters."""

LEAST_RESTING = 0.05
"""Least density of a place of rest, as a fraction of the density if all pixels of a typical cell rested at one place."""


def flow_targets(labels: np.ndarray) -> np.ndarray:
    """Return the direction to the middle of each pixel's cell.

    Parameters
    ----------
    labels
        (Y, X): the cell of each pixel, 0 where there is none.

    Returns
    -------
    numpy.ndarray
        (Y, X, 2), float32: along Y and along X, of length 1 or, near the middle, less; 0 outside of cells.
    """
    found = np.zeros((*labels.shape, 2), np.float32)
    places = np.argwhere(labels > 0)
    if not len(places):
        return found
    numbers = np.unique(labels[labels > 0], return_inverse=True)[1]
    counts = np.bincount(numbers)
    centroids = np.stack([np.bincount(numbers, places[:, axis]) / counts for axis in (0, 1)], -1)
    away = ((places - centroids[numbers]) ** 2).sum(1)
    order = np.lexsort((away, numbers))
    middles = places[order[np.r_[0, np.cumsum(counts)[:-1]]]]
    towards = (middles[numbers] - places).astype(np.float32)
    towards /= np.maximum(np.hypot(*towards.T), MIDDLE_PX)[:, None]
    found[tuple(places.T)] = towards
    return found


def cells_of_flows(flows: np.ndarray, inside: np.ndarray, diameter_px: float, choices: FlowChoices) -> np.ndarray:
    """Join the pixels that flow to the same place to a cell.

    Each pixel inside of cells follows the directions in small steps. Where many come to rest is a peak of their density; two
    peaks are two cells. Cells that are too small are removed, parts of a cell that do not touch its largest part too, and
    holes are filled.

    Parameters
    ----------
    flows
        (Y, X, 2), float32: directions along Y and X, with a length from 0 to 1.
    inside
        (Y, X), float32: probability of a pixel to lie in a cell.
    diameter_px
        Typical diameter of the cells, in pixels.
    choices
        Least probability and area.

    Returns
    -------
    numpy.ndarray
        (Y, X), int32: a number for each cell, from 1 on; 0 where there is none.
    """
    within = inside >= choices.tissue_threshold
    if not within.any():
        return np.zeros(within.shape, np.int32)
    rest = _places_of_rest(flows, within, diameter_px)
    basins = _basins(rest, within.shape, diameter_px)
    labels = np.zeros(within.shape, np.int32)
    labels[within] = basins[tuple(rest)]
    return _tidied(labels, choices.least_area * np.pi / 4 * diameter_px**2)


def _places_of_rest(flows: np.ndarray, within: np.ndarray, diameter_px: float) -> np.ndarray:
    """Return the pixel (2, n) where each pixel of `within`, in the order of rows, has come to rest."""
    from scipy.ndimage import map_coordinates

    limits = np.array(within.shape, np.float32)[:, None] - 1
    # Outside of cells nothing moves, so that pixels do not leave their cell far behind.
    steps = [np.where(within, flows[..., axis] * np.float32(STEP * diameter_px), 0) for axis in (0, 1)]
    places = np.argwhere(within).T.astype(np.float32)
    for _ in range(STEPS):
        moved = np.stack([map_coordinates(step, places, order=1, mode="nearest") for step in steps])
        places = np.clip(places + moved, 0, limits)
    return np.rint(places).astype(np.intp)


def _basins(rest: np.ndarray, shape: tuple[int, int], diameter_px: float) -> np.ndarray:
    """Return the number (Y, X), from 1 on, of the peak to which a pixel that rests at a place belongs."""
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    density = np.bincount(np.ravel_multi_index(tuple(rest), shape), minlength=shape[0] * shape[1]).reshape(shape)
    sigma = SPREAD * diameter_px
    smooth = ndimage.gaussian_filter(density.astype(np.float32), sigma)
    least = LEAST_RESTING * np.pi / 4 * diameter_px**2 / (2 * np.pi * sigma**2 + 1)
    peaks = peak_local_max(
        smooth, min_distance=max(1, round(APART * diameter_px)), threshold_abs=least, exclude_border=False
    )
    markers = np.zeros(shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    if not len(peaks):
        return markers
    basins: np.ndarray = watershed(-smooth, markers, mask=(density > 0) | (markers > 0), connectivity=2)
    return basins


def _tidied(labels: np.ndarray, least_px: float) -> np.ndarray:
    """Keep the largest connected part of each cell (Y, X), with its holes filled, if it has `least_px` pixels; renumber."""
    from scipy import ndimage
    from skimage.measure import label, regionprops
    from skimage.segmentation import relabel_sequential

    parts = label(labels, background=0, connectivity=1)
    sizes = np.bincount(parts.ravel())
    whose = np.zeros(len(sizes), np.int32)
    whose[parts.ravel()] = labels.ravel()
    largest = np.zeros(int(labels.max()) + 1, np.intp)
    order = np.argsort(sizes, kind="stable")
    order = order[order > 0]
    largest[whose[order]] = order
    kept = np.zeros(len(sizes), bool)
    kept[largest[1:]] = sizes[largest[1:]] >= least_px
    kept[0] = False
    found = np.where(kept[parts], labels, 0)
    for cell in regionprops(found):
        if cell.euler_number < 1:
            hole = ndimage.binary_fill_holes(cell.image) & ~cell.image
            view = found[cell.slice]
            view[hole & (view == 0)] = cell.label
    numbered: np.ndarray = relabel_sequential(found)[0].astype(np.int32)
    return numbered
