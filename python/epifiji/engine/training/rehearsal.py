"""Rehearsal, which keeps a network from forgetting in a training: simulated movies, and the network's predictions for them."""

from __future__ import annotations

import numpy as np

from epifiji.data.labelled import TrainingMovie
from epifiji.data.progress import Report
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings

MOVIES = 16
FRAMES, SIDE_PX = 48, 192
FEWEST_EVENTS = 3
FIRST_SEED = 5_000_000
"""Far from the seeds of movies that a network was trained or tested on."""

REHEARSING = "simulating movies, so that nothing is forgotten"


def simulated(classes: int, report: Report, count: int = MOVIES) -> list[TrainingMovie]:
    """Simulate movies of many kinds, in which nothing counts as known except a network's predictions."""
    made: list[TrainingMovie] = []
    seed = FIRST_SEED
    while len(made) < count:
        report(len(made) / count, REHEARSING)
        found = simulate_tissue(draw_settings(seed, FRAMES, SIDE_PX, SIDE_PX))
        seed += 1
        if len(found.events) >= FEWEST_EVENTS:
            # Parts are drawn around these places, of any class; the targets there are the network's predictions.
            places = [(0, one.frame, one.y, one.x) for one in found.events]
            made.append(
                TrainingMovie(found.pixels, np.array(places, float), np.empty((0, 3)), annotated=(False,) * classes)
            )
    return made
