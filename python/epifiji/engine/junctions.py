"""Membranes of a simulated tissue, as bright as their junctions are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epifiji.engine.tissue import AFFINITIES, Grid, Tissue

_SPREADING = 2.0  # how far the product of affinities may go from its mean, in standard deviations


class Scene(NamedTuple):
    """What there is to be seen, images (Y, X)."""

    labels: np.ndarray
    """Number of the cell that owns a pixel, int32; 0 beyond the tissue's edge."""
    membranes: np.ndarray
    """Brightness of the membranes, about 1 in the middle of one."""
    inside: np.ndarray
    """Brightness of the cells' insides, 1 for most."""


class Drawing:
    """Draws the part of a tissue that is in the field of view.

    Parameters
    ----------
    tissue
        The cells.
    membrane_px
        Standard deviation of a membrane's profile, px.
    junction_spread
        Standard deviation of the logarithm of the junctions' brightness.
    tricellular
        How much the second nearest junction adds, so that places where three cells meet are brighter.
    """

    def __init__(self, tissue: Tissue, membrane_px: float, junction_spread: float, tricellular: float) -> None:
        self.tissue, self.membrane_px = tissue, membrane_px
        self.junction_spread, self.tricellular = junction_spread, tricellular
        self.grid = self.grid_of(tissue)

    @staticmethod
    def grid_of(tissue: Tissue) -> Grid:
        """Give the pixels of the field of view."""
        height, width = (int(side) for side in tissue.field)
        return Grid(tissue.origin(0), (height, width), 1, max(2, round(tissue.diameter / 3)))

    def scene(self, frame: int, bends: np.ndarray) -> Scene:
        """Draw the tissue as it is now.

        The distance to the edge between two cells is the difference of their powers over that of the powers'
        gradients (exact where both roundnesses are 1). The second nearest edge shines too, so vertices are brighter.

        Parameters
        ----------
        frame
            Says where the field of view is.
        bends
            (2, Y, X) of the grid's padded size, px: moves the membranes.
        """
        cells = self.tissue.cells
        self.grid.move(self.tissue.origin(frame))
        rows, power, way = self.tissue.nearest(self.grid, self.grid.points(bends))
        way *= cells["roundness"].astype(np.float32)[rows][:, None, :, None]
        best = power.argmin(0)[None]
        owner = np.take_along_axis(rows[..., None], best, 0)[0]
        slope = 2 * np.sqrt(((way - np.take_along_axis(way, best[:, None], 0)) ** 2).sum(1))
        distance = (power - np.take_along_axis(power, best, 0)) / np.maximum(slope, 1e-3)
        np.put_along_axis(distance, best, np.inf, 0)
        brightness = np.zeros(owner.shape, np.float32)
        for share in (1.0, self.tricellular):
            near = distance.argmin(0)[None]
            away = np.take_along_axis(distance, near, 0)[0] / self.membrane_px
            lit = np.nonzero(away < 3.3)
            second = np.take_along_axis(rows[..., None], near, 0)[0][lit]
            brightness[lit] += share * np.exp(-(away[lit] ** 2) / 2) * self._junctions(owner[lit], second)
            np.put_along_axis(distance, near, np.inf, 0)
        numbers = np.where(cells["void"], 0, cells["identity"]).astype(np.int32)
        inside = np.where(cells["void"], np.float32(0.6), cells["inside"]).astype(np.float32)
        return Scene(self.grid.image(numbers[owner]), self.grid.image(brightness), self.grid.image(inside[owner]))

    def _junctions(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Brightness of the junctions between the cells in these rows (n,).

        Its logarithm is the product of the cells' affinities, about normal. Daughters inherit the affinities, and
        with them the brightness; the new junction between them is brighter. Beyond the tissue's edge there are none.
        """
        cells = self.tissue.cells
        affinity = cells["affinity"].astype(np.float32)
        product = np.einsum("ij,ij->i", affinity[first], affinity[second]) / np.sqrt(AFFINITIES)
        sisters = cells["sister"][first] == cells["identity"][second]
        glow = (1 + cells["glow"].astype(np.float32)) * ~cells["void"]
        light = np.exp(self.junction_spread * np.clip(product, -_SPREADING, _SPREADING))
        light *= 1 + sisters * cells["bond"].astype(np.float32)[first]
        return light * np.maximum(glow[first], glow[second])
