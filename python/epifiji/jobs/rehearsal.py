"""What keeps a network from forgetting while it learns more: simulated movies, and its own answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from epifiji.data.network import Network
from epifiji.data.progress import Report
from epifiji.engine.epinet import answers_to_movie
from epifiji.engine.samples import Labelled
from epifiji.engine.simulation import simulate_tissue
from epifiji.engine.varied_movies import vary

MOVIES = 10
FRAMES, SIDE_PX = 48, 192
FEWEST_EVENTS = 3
FIRST_SEED = 5_000_000
"""Far from those of movies that a network was trained or tested on."""

REHEARSING = "simulating movies, so that nothing is forgotten"


def rehearsal(parent: Network, classes: Sequence[str], report: Report, count: int = MOVIES) -> list[Labelled]:
    """Simulate movies of many kinds, to be answered as the parent answers them; it knows the first of the classes.

    Classes that it does not know do not occur in them.
    """
    made: list[Labelled] = []
    seed = FIRST_SEED
    while len(made) < count:
        report(len(made) / count, REHEARSING)
        found = simulate_tissue(vary(seed, FRAMES, SIDE_PX, SIDE_PX))
        seed += 1
        if len(found.events) < FEWEST_EVENTS:
            continue
        # Parts are drawn around these places; what is answered there is the parent's affair.
        places = np.array([(one.frame, one.y, one.x) for one in found.events], float)
        kinds = np.zeros((len(places), 1))
        taught = answers_to_movie(parent, found.pixels)
        unknown = len(classes) - taught.shape[-1]
        taught = np.pad(taught, [(0, 0)] * 3 + [(0, unknown)])
        made.append(
            Labelled(
                found.pixels,
                np.concatenate([kinds, places], 1),
                np.empty((0, 3)),
                labelled=(False,) * len(classes),
                taught=taught,
            )
        )
    return made


def taught_by(parent: Network, movies: Sequence[Labelled], report: Report) -> list[Labelled]:
    """Let the parent's answers stand where it is not known what there is in a movie."""
    done = []
    for number, movie in enumerate(movies):
        report(number / len(movies), "asking the network what it knows already")
        needed = movie.judged is not None or not all(movie.labelled or (True,))
        done.append(replace(movie, taught=answers_to_movie(parent, movie.pixels)) if needed else movie)
    return done
