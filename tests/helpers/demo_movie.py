"""The demonstration's movie, simulated once in each process of the tests."""

from __future__ import annotations

from functools import cache

import numpy as np

from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.engine.simulation.movie import DEMO, simulate


@cache
def _simulated() -> tuple[Movie, tuple[Event, ...]]:
    movie, events = simulate(**DEMO)
    np.asarray(movie.pixels).setflags(write=False)
    return movie, tuple(events)


def demo_movie() -> tuple[Movie, list[Event]]:
    """Return the movie, whose pixels cannot be written, and its events."""
    movie, events = _simulated()
    return movie, list(events)
