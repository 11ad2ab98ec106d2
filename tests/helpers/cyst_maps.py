"""Maps of simulated cysts like those that a network would predict, in 8 bits, so that two programs can read the same."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.segmentation import find_boundaries

from epifiji.engine.simulation.cysts import SimulatedCyst


def predicted_maps(cyst: SimulatedCyst, seed: int, noise: float = 0.15) -> np.ndarray:
    """Foreground, contour and mask (Z, Y, X, 3), uint8: the truth, blurred and with smooth noise; the mask includes the lumen."""
    random = np.random.default_rng(seed)
    wall = cyst.labels > 0
    contour = find_boundaries(cyst.labels, mode="thick") & wall
    maps = []
    for truth in (wall & ~contour, contour, wall | cyst.lumen):
        rough = ndimage.gaussian_filter(random.standard_normal(wall.shape), 1)
        blurred = ndimage.gaussian_filter(truth.astype(float), 0.7)
        maps.append(np.clip(blurred + noise * rough / rough.std(), 0, 1))
    return np.round(255 * np.stack(maps, -1)).astype(np.uint8)


def probabilities(maps: np.ndarray) -> tuple[np.ndarray, ...]:
    """The maps as float32 from 0 to 1, one after the other."""
    return tuple(maps[..., channel].astype(np.float32) / np.float32(255) for channel in range(maps.shape[-1]))
