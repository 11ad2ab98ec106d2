"""What a fluorescence microscope sees of a simulated tissue: E-cadherin at the cells' junctions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from epifiji.engine.tissue import AFFINITIES, REFERENCE_DIAMETER_PX, Grid, Tissue

_MEMBRANE_SIGMA_PX, _SPOT_SIGMA_PX, _BLUR_SIGMA_PX, _HAZE_SIGMA_PX = 1.1, 3.2, 0.9, 7.0
_PATCH_SIGMA_PX, _TEXTURE_SIGMA_PX, _BEND_SIGMA_PX = 40.0, 2.0, 6.0
_JUNCTION_SPREAD, _PATCH_SPREAD, _TEXTURE_SPREAD = 0.22, 0.15, 0.12  # standard deviations of logarithms
_DARK_LEVEL, _MEMBRANE_LEVEL = 7.0, 75.0  # grey levels
_PHOTONS, _CAMERA_NOISE = 4.0, 1.5  # photons to a grey level; grey levels


class Spot(NamedTuple):
    """A round bright spot."""

    y: float
    x: float
    brightness: float
    """1 = that of a membrane."""


class Microscope:
    """The field of view over a tissue; it keeps what changes slowly from picture to picture."""

    def __init__(self, tissue: Tissue, random: np.random.Generator) -> None:
        self.tissue, self.random = tissue, random
        self.scale = tissue.diameter / REFERENCE_DIAMETER_PX
        height, width = (int(side) for side in tissue.field)
        self.grid = Grid(tissue.margin, (height, width), 1, max(2, round(tissue.diameter / 3)))
        self.patches = np.exp(_PATCH_SPREAD * self._noise(_PATCH_SIGMA_PX))
        self.texture = self._noise(_TEXTURE_SIGMA_PX)
        self.bends = np.stack([self._noise(_BEND_SIGMA_PX) for _ in range(2)])

    def picture(self, spots: Sequence[Spot]) -> tuple[np.ndarray, np.ndarray]:
        """Take a picture of the tissue as it is now.

        Returns
        -------
        tuple[numpy.ndarray, numpy.ndarray]
            Numbers of the cells, int32, and the picture, uint8, both (Y, X).
        """
        self.texture = 0.8 * self.texture + 0.6 * self._noise(_TEXTURE_SIGMA_PX)
        news = np.stack([self._noise(_BEND_SIGMA_PX) for _ in range(2)])
        self.bends = 0.96 * self.bends + 0.28 * news
        labels, membranes = self._membranes()
        height, width = labels.shape
        signal = membranes * np.exp(_TEXTURE_SPREAD * self.texture[:height, :width])
        y, x = np.ogrid[:height, :width]
        for spot in spots:
            distance = np.hypot(y - spot.y, x - spot.x) / (_SPOT_SIGMA_PX * self.scale)
            signal += spot.brightness * np.exp(-(distance**2) / 2)
        return labels, self._exposed(signal)

    def _noise(self, sigma_px: float) -> np.ndarray:
        """Smooth noise (Y, X) of the padded size, of mean 0 and standard deviation 1."""
        from scipy.ndimage import gaussian_filter

        white = self.random.standard_normal(self.grid.padded, np.float32)
        sigma = sigma_px * self.scale
        # White noise after a Gaussian filter has the standard deviation 1 / (2 sqrt(pi) sigma).
        return gaussian_filter(white, sigma, mode="wrap", truncate=3) * np.float32(2 * np.sqrt(np.pi) * sigma)

    def _exposed(self, signal: np.ndarray) -> np.ndarray:
        """Blur a signal (Y, X; 1 = a membrane), add haze, and let a camera count its photons: uint8."""
        from scipy.ndimage import gaussian_filter

        height, width = signal.shape
        sharp = gaussian_filter(signal, _BLUR_SIGMA_PX * self.scale)
        haze = 0.12 * gaussian_filter(sharp, _HAZE_SIGMA_PX * self.scale, truncate=3)
        light = _DARK_LEVEL + _MEMBRANE_LEVEL * (sharp + haze) * self.patches[:height, :width]
        counted = self.random.poisson(_PHOTONS * light) / _PHOTONS
        counted += _CAMERA_NOISE * self.random.standard_normal(counted.shape, np.float32)
        return np.clip(np.round(counted), 0, 255).astype(np.uint8)

    def _membranes(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the cells and brightness of their membranes, both (Y, X).

        The distance to the edge between two cells is the difference of their powers over that of the powers'
        gradients (exact where both roundnesses are 1). The second nearest edge shines too, so vertices are brighter.
        """
        cells = self.tissue.cells
        rows, power, way = self.tissue.nearest(self.grid, self.grid.points(self.bends * np.float32(self.scale)))
        way *= cells["roundness"].astype(np.float32)[rows][:, None, :, None]
        best = power.argmin(0)[None]
        owner = np.take_along_axis(rows[..., None], best, 0)[0]
        slope = 2 * np.sqrt(((way - np.take_along_axis(way, best[:, None], 0)) ** 2).sum(1))
        distance = (power - np.take_along_axis(power, best, 0)) / np.maximum(slope, 1e-3)
        np.put_along_axis(distance, best, np.inf, 0)
        brightness = np.zeros(owner.shape, np.float32)
        for share in (1.0, 0.5):
            near = distance.argmin(0)[None]
            away = np.take_along_axis(distance, near, 0)[0] / (_MEMBRANE_SIGMA_PX * self.scale)
            lit = np.nonzero(away < 3.3)
            second = np.take_along_axis(rows[..., None], near, 0)[0][lit]
            brightness[lit] += share * np.exp(-(away[lit] ** 2) / 2) * self._junctions(owner[lit], second)
            np.put_along_axis(distance, near, np.inf, 0)
        return self.grid.image(cells["identity"][owner]), self.grid.image(brightness)

    def _junctions(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Brightness of the junctions between the cells in these rows (n,).

        Its logarithm is the product of the cells' affinities, about normal. Daughters inherit the affinities, and
        with them the brightness; the new junction between them is brighter.
        """
        cells = self.tissue.cells
        affinity = cells["affinity"].astype(np.float32)
        product = np.einsum("ij,ij->i", affinity[first], affinity[second]) / np.sqrt(AFFINITIES)
        sisters = cells["sister"][first] == cells["identity"][second]
        return np.exp(_JUNCTION_SPREAD * np.clip(product, -2, 2)) * (1 + sisters * cells["bond"][first])
