"""Separation of cells by a watershed on maps of borders and distances."""

from __future__ import annotations

import numpy as np

from epifiji.data.cell_networks import SeparationChoices
from epifiji.data.cells import CellMaps

SMOOTHING = 0.03
"""Sigma of the smoothing of the height, in cell diameters."""


def separate_cells(
    border: np.ndarray, distance: np.ndarray, tissue: np.ndarray, diameter_px: float, choices: SeparationChoices
) -> CellMaps:
    """Separate the cells of a frame.

    The height of a pixel is its distance from the border minus the probability of a border. Peaks that rise above the
    pass to a higher one by `seed_height` (h-maxima) are the seeds of a watershed within the tissue. Then neighbours
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
    from skimage.measure import label
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    inside = tissue >= choices.tissue_threshold
    height = ndimage.gaussian_filter(distance - border, SMOOTHING * diameter_px)
    seeds = label(h_maxima(height, choices.seed_height), connectivity=2)
    labels = watershed(-height, seeds, mask=inside)
    return CellMaps(labels.astype(np.int32), border, inside)
