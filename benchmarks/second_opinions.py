"""Second opinions on true and false events of simulated movies, plain to hard.

python benchmarks/second_opinions.py [--network NAME] [--add-to-seeds NUMBER] [--movies 0,1,…]

Each of the movies of ``cells_around_events.py`` gives its true extrusions, divisions and SOPs, three frames early to one
late and up to four pixels beside the truth, and eight random places at which nothing happens (2.5 cell diameters or
twelve frames from each extrusion and division). Each is measured as an extrusion and as a division, so that some are true,
some have the class of another event, and at some nothing happens. A line for each movie, class and kind has the numbers of
events with which the cells agree, disagree, or of which they know nothing; the last lines have the shares over all movies with
Wilson's 95 % interval.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import numpy as np

import epifiji
from cells_around_events import MOVIES, SIZE
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.opinions import VERDICTS
from epifiji.data.review import wilson
from epifiji.engine.simulation.movie import Simulation, simulate_tissue

CLASSES = ("cell_death", "cell_division")
PLACES = 8
"""Number of random places in each movie."""


def places_of(made: Simulation, diameter_px: float, seed: int) -> list[Event]:
    """Return where events are claimed: true ones as a detection finds them, and places of the class ``nothing``."""
    random, found = np.random.default_rng(seed), []
    frames, height, width = made.pixels.shape
    for event in made.events:
        frame = int(np.clip(event.frame + random.integers(-3, 2), 0, frames - 1))
        y, x = np.array([event.y, event.x]) + random.uniform(-4, 4, 2)
        found.append(Event(event.event, frame, float(y), float(x)))
    changes = [one for one in made.events if one.event in CLASSES]
    while len(found) < len(made.events) + PLACES:
        frame = int(random.integers(10, frames - 8))
        y, x = (float(random.uniform(1.5 * diameter_px, side - 1.5 * diameter_px)) for side in (height, width))
        far = [abs(one.frame - frame) > 12 or np.hypot(one.y - y, one.x - x) > 2.5 * diameter_px for one in changes]
        if all(far):
            found.append(Event("nothing", frame, y, x))
    return found


def counted(settings: dict[str, Any], network: str | None) -> Counter[tuple[str, str, str]]:
    """Simulate and measure one movie; return numbers of events by claimed class, kind and verdict."""
    made = simulate_tissue(fewer=True, **(SIZE | {"sops": 3} | settings))
    diameter = settings.get("cell_diameter_px", 25)
    places = places_of(made, diameter, settings["seed"])
    counts: Counter[tuple[str, str, str]] = Counter()
    for claimed in CLASSES:
        events = {Event(claimed, one.frame, one.y, one.x): one.event for one in places}
        found = epifiji.measure_cells([*events], Movie(made.pixels, "m"), network, cell_diameter=diameter)
        for trace in found.traces:
            truth = events[trace.event]
            kind = "true" if truth == claimed else "another event" if truth in CLASSES else "nothing"
            counts[claimed, kind, trace.opinion.verdict if trace.opinion else ""] += 1
    return counts


def main() -> None:
    """Measure the movies, and print a line for each kind of event."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--network")
    arguments.add_argument("--add-to-seeds", type=int, default=2000, help="for other movies of the same kinds")
    arguments.add_argument("--movies", default="0,1,2,3,4")
    given = arguments.parse_args()
    every: Counter[tuple[str, str, str]] = Counter()
    for number in map(int, given.movies.split(",")):
        settings = MOVIES[number] | {"seed": MOVIES[number]["seed"] + given.add_to_seeds}
        counts = counted(settings, given.network)
        every += counts
        print(number, {" ".join(key): count for key, count in sorted(counts.items())}, flush=True)
    for claimed in CLASSES:
        for kind in ("true", "another event", "nothing"):
            total = sum(every[claimed, kind, verdict] for verdict in VERDICTS)
            for verdict in VERDICTS:
                if total:
                    share = every[claimed, kind, verdict] / total
                    low, high = wilson(share, total)
                    print(f"{claimed}, {kind}: {verdict} {share:.3f} of {total} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
