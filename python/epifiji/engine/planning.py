"""Where and when the events of a simulated movie are to be: apart from each other, within the field and within the tissue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.simulation_settings import SimulationSettings
from epifiji.engine.tissue import Shore

SEPARATION_FRAMES = 8
"""Events that are more frames apart than this may be at one place."""

Beyond = Callable[[np.ndarray], np.ndarray]
"""Tells which frames and places (n, 3) have no tissue."""

SLACK_DIAMETERS = 0.2  # a place is planned before it is known where the cells will be
_TRIES = 20


class World:
    """What is known of a movie before there are any cells.

    Parameters
    ----------
    settings
        The movie.

    Attributes
    ----------
    views
        (T, 2): where the field of view begins in each frame, px from where it begins in the first.
    shore
        Where the tissue ends.
    """

    def __init__(self, settings: SimulationSettings) -> None:
        random = np.random.default_rng([settings.seed, 1])
        self.shore = Shore((settings.height, settings.width), settings.no_tissue, settings.cell_diameter_px, random)
        self.views = _drift(settings, random)

    def beyond(self, draws: np.ndarray) -> np.ndarray:
        """Tell which frames and places (n, 3) have no tissue."""
        return self.shore.beyond(draws[:, 1:] + self.views[draws[:, 0].astype(int)])


def places(count: int, settings: SimulationSettings, beyond: Beyond, random: np.random.Generator) -> np.ndarray:
    """Draw frames and places (count, 3) that are far enough from each other and from the movie's ends.

    Of a few random draws the one is taken that leaves room for most others.

    Raises
    ------
    WrongInputError
        Where there is no room for so many.
    """
    most = 0
    for _ in range(_TRIES if count else 0):
        taken = _draw(count, settings, beyond, random)
        if len(taken) == count:
            return random.permutation(taken)
        most = max(most, len(taken))
    if count == 0:
        return np.empty((0, 3))
    shape = (settings.frames, settings.height, settings.width)
    raise WrongInputError(
        f"Events asked for: {count}, but {shape[0]} frames of {shape[1]} x {shape[2]} px with cells of "
        f"{settings.cell_diameter_px:g} px have room for {most}: ask for fewer, or for a larger or longer movie."
    )


def room(settings: SimulationSettings) -> int:
    """Say how many events, shrinking cells and flickering spots together surely find a place in such a movie."""
    beyond = World(settings).beyond
    return min(len(_draw(10_000, settings, beyond, np.random.default_rng(number))) for number in range(3))


def _drift(settings: SimulationSettings, random: np.random.Generator) -> np.ndarray:
    """Draw a way (T, 2): slow wandering, trembling, and now and then a leap."""
    steps = np.zeros((settings.frames, 2))
    if settings.drift_px:
        pace = np.zeros(2)
        for frame in range(1, settings.frames):
            pace = 0.85 * pace + 0.5 * random.standard_normal(2)
            steps[frame] = pace + 0.5 * random.standard_normal(2) * (8 if random.random() < 0.02 else 1)
        steps *= settings.drift_px / np.sqrt((steps**2).sum(1).mean())
    return np.cumsum(steps, 0)


def _draw(count: int, settings: SimulationSettings, beyond: Beyond, random: np.random.Generator) -> np.ndarray:
    """Draw at most `count` frames and places (n, 3)."""
    diameter, shape = settings.cell_diameter_px, (settings.frames, settings.height, settings.width)
    edge = (settings.margin_diameters + SLACK_DIAMETERS) * diameter
    low = np.array([settings.margin_frames, edge, edge])
    high = np.array(shape) - 1 - low
    if (low > high).any():
        return np.empty((0, 3))
    draws = random.uniform(low, high, (min(max(600, 8 * count), 2000), 3))
    draws[:, 0] = np.round(draws[:, 0])
    draws = draws[~beyond(draws)]
    apart = np.abs(draws[:, None] - draws)
    separation = settings.separation_diameters + SLACK_DIAMETERS
    clash = np.hypot(apart[..., 1], apart[..., 2]) < separation * diameter
    clash &= apart[..., 0] <= SEPARATION_FRAMES + 1
    free = np.ones(len(draws), bool)
    taken: list[int] = []
    while free.any() and len(taken) < count:
        some = random.permutation(np.flatnonzero(free))[:8]
        taken.append(int(some[(clash[some] & free).sum(1).argmin()]))
        free &= ~clash[taken[-1]]
    return draws[taken]
