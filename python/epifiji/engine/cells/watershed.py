"""Separation of cells by a watershed on maps of borders and distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from epifiji.data.cell_networks import SeparationChoices
from epifiji.data.cells import CellMaps
from epifiji.engine.tiling.tiles import tiles

SMOOTHING = 0.03
"""Sigma of the smoothing of the height, in cell diameters."""

PEAKS_REACH, PEAKS_TILE_PX = 4.0, 2_000_000
"""Seeds of large frames are found in tiles of so many pixels, from what lies within so many cell diameters."""


def separate_cells(
    border: np.ndarray, distance: np.ndarray, tissue: np.ndarray, diameter_px: float, choices: SeparationChoices
) -> CellMaps:
    """Separate the cells of a frame.

    The depth of a pixel is the probability of a border minus its distance from the border. Minima that lie below the
    pass to a lower one by `seed_height` (h-minima) are the seeds of a watershed within the tissue. Then neighbours
    between which the mean probability of a border is low are joined, the lowest first, and cells that are too small are
    joined with the neighbour behind the weakest border.

    Parameters
    ----------
    border, distance, tissue
        (Y, X), float32 from 0 to 1: probabilities of a border and of tissue, and the distance from the border as a
        fraction of the cell's largest one.
    diameter_px
        Typical diameter of the cells, in pixels.
    choices
        Heights, probabilities and areas.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    inside = tissue >= choices.tissue_threshold
    # Of large frames each array matters, so none is kept that is not needed any more.
    depth = ndimage.gaussian_filter(border - distance, SMOOTHING * diameter_px)
    labels = _merged(_basins(depth, inside, choices.seed_height, diameter_px), border, choices.merge_below)
    small = np.bincount(labels.ravel()) < choices.least_area * np.pi / 4 * diameter_px**2
    small[0] = False
    if small.any():
        free = small[labels]
        # Only pixels beside free ones grow into them; without the others this is much faster.
        beside = ndimage.binary_dilation(free) & inside
        grown = watershed(depth, np.where(beside & ~free, labels, 0), mask=beside)
        labels = np.where(free, grown, labels)
    return CellMaps(labels.astype(np.int32), border, inside)


def _basins(depth: np.ndarray, inside: np.ndarray, least: float, diameter_px: float) -> np.ndarray:
    """Return the basins (Y, X) of minima that lie by at least `least` below the pass to a lower one, int32."""
    from skimage.measure import label
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    lowest = np.zeros(depth.shape, bool)
    for tile in tiles(depth.shape, math.ceil(PEAKS_REACH * diameter_px), PEAKS_TILE_PX):
        lowest[tile.kept] = h_maxima(-depth[tile.read], least)[tile.part]
    # If no minimum is as deep, no border divides the tissue.
    seeds = label(lowest if lowest.any() else inside, connectivity=2)
    basins: np.ndarray = watershed(depth, seeds, mask=inside)
    return basins


def _merged(labels: np.ndarray, border: np.ndarray, least: float) -> np.ndarray:
    """Join neighbours with a mean probability of a border between them below `least`, the lowest first; renumber all.

    Pixels of a common border of joined cells count together.
    """
    from skimage.graph import merge_hierarchical, rag_boundary
    from skimage.segmentation import relabel_sequential

    if labels.min() == labels.max():
        return labels
    graph = rag_boundary(labels, border, connectivity=1)
    if 0 in graph:
        graph.remove_node(0)

    def common(graph: Any, joined: int, kept: int, neighbour: int) -> dict[str, float]:
        """Return the border of two joined cells with a neighbour."""
        parts = [graph[cell][neighbour] for cell in (joined, kept) if graph.has_edge(cell, neighbour)]
        count = sum(part["count"] for part in parts)
        return {"count": count, "weight": sum(part["count"] * part["weight"] for part in parts) / count}

    present = np.flatnonzero(np.bincount(labels.ravel()))
    numbers = np.zeros(int(present[-1]) + 1, np.int32)
    merged = merge_hierarchical(
        np.arange(len(numbers)),
        graph,
        least,
        rag_copy=False,
        in_place_merge=True,
        merge_func=lambda *_: None,
        weight_func=common,
    )
    # Joined cells are numbered from 0 on, as is what belongs to no cell.
    numbers[present] = relabel_sequential(np.where(present > 0, merged[present] + 1, 0))[0]
    numbered: np.ndarray = numbers[labels]
    return numbered
