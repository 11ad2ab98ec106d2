"""What all simulated tissues share: cells that events can change, a field of view, and bright junctions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from epifiji.data.settings.simulation import SimulationSettings

REFERENCE_DIAMETER_PX = 25.0
"""Lengths in the simulation, in pixels, refer to this cell diameter."""

AFFINITIES = 6
"""Number of values per cell that determine the brightness of its junctions."""

CELL = np.dtype(
    [
        ("identity", np.int32),  # 1, 2, 3 …; never reused
        ("site", np.float64, 2),  # y, x in px of the tissue
        ("weight", np.float64),  # px²
        ("roundness", np.float64),
        ("area", np.float64),  # px²; the target
        ("steered", np.bool_),  # an event sets the area
        ("wander", np.float64, 3),  # jitter of y, x and area; standard deviation 1
        ("affinity", np.float64, AFFINITIES),
        ("sister", np.int32),  # identity of the other daughter, 0 if there is none
        ("bond", np.float64),  # additional brightness of the junction with the sister, 1 when it is new, decaying
        ("glow", np.float64),  # additional brightness of all its junctions
        ("inside", np.float64),  # brightness of the interior, 1 for most cells
        ("void", np.bool_),  # not a cell, but a region outside the tissue
    ]
)

BOND_DECAY = 0.7  # per frame
_SPREADING = 2.0  # largest deviation of the product of affinities from its mean, in standard deviations


class Scene(NamedTuple):
    """The tissue in one frame, as images (Y, X)."""

    labels: np.ndarray
    """Number of the cell that contains each pixel, int32; 0 outside the tissue."""
    membranes: np.ndarray
    """Brightness of the membranes, about 1 in the middle of a membrane."""
    inside: np.ndarray
    """Brightness of the cells' interiors, 1 for most."""


class Epithelium(ABC):
    """The cells, their motion and their appearance.

    Parameters
    ----------
    settings
        Size of the field, and properties of the cells.
    random
        Source of all random numbers.
    views
        (T, 2): origin of the field of view in each frame, y and x in px relative to its origin without drift.
    membrane_px
        Standard deviation of a membrane's profile, px.
    """

    cells: np.ndarray
    mean_area: float
    canvas: tuple[int, int]
    """Height and width of the noise images, at least those of the field."""

    def __init__(
        self, settings: SimulationSettings, random: np.random.Generator, views: np.ndarray, membrane_px: float
    ) -> None:
        self.field, self.diameter = np.array([settings.height, settings.width]), settings.cell_diameter_px
        self.random, self.views, self.membrane_px = random, views, membrane_px
        self.junction_spread, self.tricellular = settings.junction_spread, settings.tricellular
        self.born = 0

    @abstractmethod
    def seen(self, sites: np.ndarray, frame: int) -> np.ndarray:
        """Return the positions (n, 2) in the field of view, y and x in px, of sites of the tissue in this frame."""

    @abstractmethod
    def expected(self, frames: int) -> np.ndarray:
        """Return the expected sites (n, 2) of all cells after this number of frames."""

    @abstractmethod
    def advance(self, frame: int) -> None:
        """Advance the tissue by one frame, to this one (negative: before the movie)."""

    @abstractmethod
    def scene(self, frame: int, bends: np.ndarray) -> Scene:
        """Draw the current tissue, with membranes displaced by `bends` (2, Y, X), px, of the canvas's size."""

    def shortest(self, ways: np.ndarray) -> np.ndarray:
        """Return vectors (…, 2) between sites, y and x in px, in their shortest form."""
        return ways

    def fit_for_events(self, first: int, last: int) -> np.ndarray:
        """Return which cells (n,) can have an event between these frames."""
        fit: np.ndarray = ~self.cells["steered"] & ~self.cells["void"]
        return fit

    def row(self, identity: int) -> int:
        """Return the row of the cell with this number."""
        return int(np.flatnonzero(self.cells["identity"] == identity)[0])

    def replace(self, row: int, cells: np.ndarray) -> None:
        """Replace the cell in this row by new cells (none, one or more), which get their numbers here."""
        cells["identity"] = self.born + 1 + np.arange(len(cells))
        self.born += len(cells)
        self.cells = np.concatenate([np.delete(self.cells, row), cells])

    def junctions(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the brightness of the junctions between the cells in these rows (n,).

        Its logarithm is the product of the cells' affinities, approximately normal. Daughters inherit the affinities,
        and so the brightness; the new junction between them is brighter. There are no junctions outside the tissue.
        """
        cells = self.cells
        affinity = cells["affinity"].astype(np.float32)
        product = np.einsum("ij,ij->i", affinity[first], affinity[second]) / np.sqrt(AFFINITIES)
        sisters = cells["sister"][first] == cells["identity"][second]
        glow = (1 + cells["glow"].astype(np.float32)) * ~cells["void"]
        light = np.exp(self.junction_spread * np.clip(product, -_SPREADING, _SPREADING))
        light *= np.maximum(1 + sisters * cells["bond"].astype(np.float32)[first], 0)
        glowing: np.ndarray = light * np.maximum(glow[first], glow[second])
        return glowing

    def age_bonds(self) -> None:
        """Let new junctions approach the brightness of the others, for one frame."""
        self.cells["bond"] *= BOND_DECAY
