"""Planning of positions and frames of simulated events: apart from each other, within the field and within the tissue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.power_diagram import TissueEdge

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SEPARATION_FRAMES = 8
"""Events that are further apart in time, in frames, may have the same position."""

Outside = Callable[[np.ndarray], np.ndarray]
"""Returns which of frames and positions (n, 3) lie outside the tissue."""

SLACK_DIAMETERS = 0.2  # positions are planned before those of the cells are known
_TRIES = 20
_MOST_DRAWS = 20_000


class FieldOfView:
    """Drift of the field of view and edge of the tissue, which are drawn before the cells.

    Parameters
    ----------
    settings
        Settings of the simulation.

    Attributes
    ----------
    views
        (T, 2): origin of the field of view in each frame, y and x in px relative to that in the first frame.
    edge
        Edge of the tissue.
    """

    def __init__(self, settings: SimulationSettings) -> None:
        random = np.random.default_rng([settings.seed, 1])
        self.edge = TissueEdge((settings.height, settings.width), settings.no_tissue, settings.cell_diameter_px, random)
        self.views = _drift(settings, random)

    def outside(self, draws: np.ndarray) -> np.ndarray:
        """Return which of frames and positions (n, 3) lie outside the tissue."""
        return self.edge.outside(draws[:, 1:] + self.views[draws[:, 0].astype(int)])


def places(
    count: int, settings: SimulationSettings, outside: Outside, random: np.random.Generator, fewer: bool = False
) -> np.ndarray:
    """Draw frames and positions (count, 3) that are far enough from each other and from the movie's ends.

    Of a few random draws, the first with enough positions is taken, or else the one with the most.

    Raises
    ------
    WrongInputError
        If there is no room for so many, unless `fewer` is set.
    """
    best = np.empty((0, 3))
    for _ in range(_TRIES if count else 0):
        taken = _draw(count, settings, outside, random)
        if len(taken) == count:
            return random.permutation(taken)
        best = max(best, taken, key=len)
    if count == 0 or fewer:
        return random.permutation(best)
    shape = (settings.frames, settings.height, settings.width)
    raise WrongInputError(
        f"Events asked for: {count}, but {shape[0]} frames of {shape[1]} x {shape[2]} px with cells of "
        f"{settings.cell_diameter_px:g} px have room for {len(best)}: ask for fewer, or for a larger or longer movie."
    )


def room(settings: SimulationSettings, wanted: int) -> int:
    """Return how many of the wanted events, shrinking cells and flickering spots certainly find room in a movie."""
    outside = FieldOfView(settings).outside
    return min(len(_draw(wanted, settings, outside, np.random.default_rng(number))) for number in range(3))


def _drift(settings: SimulationSettings, random: np.random.Generator) -> np.ndarray:
    """Draw a path (T, 2): a slow random walk, vibration, and occasional jumps."""
    steps = np.zeros((settings.frames, 2))
    if settings.drift_px:
        pace = np.zeros(2)
        for frame in range(1, settings.frames):
            pace = 0.85 * pace + 0.5 * random.standard_normal(2)
            steps[frame] = pace + 0.5 * random.standard_normal(2) * (8 if random.random() < 0.02 else 1)
        steps *= settings.drift_px / np.sqrt((steps**2).sum(1).mean())
    return np.cumsum(steps, 0)


def _draw(count: int, settings: SimulationSettings, outside: Outside, random: np.random.Generator) -> np.ndarray:
    """Draw at most `count` frames and positions (n, 3)."""
    diameter, shape = settings.cell_diameter_px, (settings.frames, settings.height, settings.width)
    edge = (settings.margin_diameters + SLACK_DIAMETERS) * diameter
    low = np.array([settings.margin_frames, edge, edge])
    high = np.array(shape) - 1 - low
    if (low > high).any():
        return np.empty((0, 3))
    draws = random.uniform(low, high, (int(np.clip(8 * count, 600, _MOST_DRAWS)), 3))
    draws[:, 0] = np.round(draws[:, 0])
    draws = draws[~outside(draws)]
    clash = _clashes(draws, (settings.separation_diameters + SLACK_DIAMETERS) * diameter)
    free = np.ones(len(draws), np.int64)
    taken: list[int] = []
    while free.any() and len(taken) < count:
        some = random.permutation(np.flatnonzero(free))[:8]
        taken.append(int(some[(clash[some] @ free).argmin()]))
        free[clash.indices[clash.indptr[taken[-1]] : clash.indptr[taken[-1] + 1]]] = 0
    return draws[taken]


def _clashes(draws: np.ndarray, separation_px: float) -> csr_array:
    """Return which frames and positions (n, 3) are too close to each other, including to themselves: (n, n), 0 or 1."""
    from scipy.sparse import csr_array, eye_array
    from scipy.spatial import cKDTree

    count = len(draws)
    if count == 0:
        return csr_array((0, 0), dtype=np.int64)
    one, other = cKDTree(draws[:, 1:]).query_pairs(separation_px, output_type="ndarray").T
    near = np.abs(draws[one, 0] - draws[other, 0]) <= SEPARATION_FRAMES + 1
    one, other = one[near], other[near]
    pairs = csr_array((np.ones(len(one), np.int64), (one, other)), shape=(count, count))
    return csr_array(pairs + pairs.T + eye_array(count, dtype=np.int64))
