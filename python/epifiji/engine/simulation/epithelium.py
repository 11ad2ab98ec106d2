"""What all simulated tissues have: cells that events can steer, seen through a field of view, with junctions that shine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from epifiji.data.settings.simulation import SimulationSettings

REFERENCE_DIAMETER_PX = 25.0
"""The lengths in this simulation, in pixels, are those at this cell diameter."""

AFFINITIES = 6
"""Numbers of a cell that say how bright its junctions with others are."""

CELL = np.dtype(
    [
        ("identity", np.int32),  # 1, 2, 3 …; never given twice
        ("site", np.float64, 2),  # y, x in px of the tissue
        ("weight", np.float64),  # px²
        ("roundness", np.float64),
        ("area", np.float64),  # px²; what the cell aims at
        ("steered", np.bool_),  # an event sets the area
        ("wander", np.float64, 3),  # jitter of y, x and area; standard deviation 1
        ("affinity", np.float64, AFFINITIES),
        ("sister", np.int32),  # identity of the other daughter, 0 where there is none
        ("bond", np.float64),  # what the junction with the sister has more of, 1 when it is new, later less
        ("glow", np.float64),  # what all its junctions have more of
        ("inside", np.float64),  # brightness inside, 1 for most cells
        ("void", np.bool_),  # no cell but what is beyond the tissue's edge
    ]
)

_BOND_DECAY = 0.7  # in a frame
_SPREADING = 2.0  # how far the product of affinities may go from its mean, in standard deviations


class Scene(NamedTuple):
    """What there is to be seen, images (Y, X)."""

    labels: np.ndarray
    """Number of the cell that owns a pixel, int32; 0 beyond the tissue's edge."""
    membranes: np.ndarray
    """Brightness of the membranes, about 1 in the middle of one."""
    inside: np.ndarray
    """Brightness of the cells' insides, 1 for most."""


class Epithelium(ABC):
    """The cells, how they move, and how they look.

    Parameters
    ----------
    settings
        Size of the field, and cells.
    random
        Where all chance comes from.
    views
        (T, 2): where the field of view begins in each frame, px from where it begins without drift.
    membrane_px
        Standard deviation of a membrane's profile, px.
    """

    cells: np.ndarray
    mean_area: float
    canvas: tuple[int, int]
    """Height and width in which noise is drawn for it, at least those of the field."""

    def __init__(
        self, settings: SimulationSettings, random: np.random.Generator, views: np.ndarray, membrane_px: float
    ) -> None:
        self.field, self.diameter = np.array([settings.height, settings.width]), settings.cell_diameter_px
        self.random, self.views, self.membrane_px = random, views, membrane_px
        self.junction_spread, self.tricellular = settings.junction_spread, settings.tricellular
        self.born = 0

    @abstractmethod
    def seen(self, sites: np.ndarray, frame: int) -> np.ndarray:
        """Give the places (n, 2) in the field of view, y and x in px, of sites of the tissue in this frame."""

    @abstractmethod
    def expected(self, frames: int) -> np.ndarray:
        """Give where the sites of all cells (n, 2) are expected after so many frames."""

    @abstractmethod
    def advance(self, frame: int) -> None:
        """Let one frame pass, up to this one (negative before the movie)."""

    @abstractmethod
    def scene(self, frame: int, bends: np.ndarray) -> Scene:
        """Draw the tissue as it is now, membranes moved by `bends` (2, Y, X) of the canvas' size, px."""

    def shortest(self, ways: np.ndarray) -> np.ndarray:
        """Give ways (…, 2) between sites, y and x in px."""
        return ways

    def fit_for_events(self, first: int, last: int) -> np.ndarray:
        """Tell which cells (n,) can have an event between these frames."""
        fit: np.ndarray = ~self.cells["steered"] & ~self.cells["void"]
        return fit

    def row(self, identity: int) -> int:
        """Row of the cell with this number."""
        return int(np.flatnonzero(self.cells["identity"] == identity)[0])

    def replace(self, row: int, cells: np.ndarray) -> None:
        """Put new cells (none, one or more), which get their numbers here, in the place of the one in this row."""
        cells["identity"] = self.born + 1 + np.arange(len(cells))
        self.born += len(cells)
        self.cells = np.concatenate([np.delete(self.cells, row), cells])

    def junctions(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Brightness of the junctions between the cells in these rows (n,).

        Its logarithm is the product of the cells' affinities, about normal. Daughters inherit the affinities, and
        with them the brightness; the new junction between them is brighter. Beyond the tissue's edge there are none.
        """
        cells = self.cells
        affinity = cells["affinity"].astype(np.float32)
        product = np.einsum("ij,ij->i", affinity[first], affinity[second]) / np.sqrt(AFFINITIES)
        sisters = cells["sister"][first] == cells["identity"][second]
        glow = (1 + cells["glow"].astype(np.float32)) * ~cells["void"]
        light = np.exp(self.junction_spread * np.clip(product, -_SPREADING, _SPREADING))
        light *= 1 + sisters * cells["bond"].astype(np.float32)[first]
        glowing: np.ndarray = light * np.maximum(glow[first], glow[second])
        return glowing

    def age_bonds(self) -> None:
        """Let new junctions become like the others, for one frame."""
        self.cells["bond"] *= _BOND_DECAY
