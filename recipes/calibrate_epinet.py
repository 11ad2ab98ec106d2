"""Makes the maps of EpiNet's scores from simulated movies, and measures how reliable its scores are with and without them.

    python recipes/calibrate_epinet.py FOLDER                                       about 35 minutes on one core
    python recipes/calibrate_epinet.py FOLDER --write python/epifiji/networks/epinet

No movie trained EpiNet or chose its thresholds. The events of each movie are kept in FOLDER, so an interrupted run
continues. The maps are made from all movies; errors are measured by cross-validation over movies, on plain and on hard ones
apart. Without --write nothing of the network is changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice, product
from pathlib import Path

import numpy as np

import epifiji
from epifiji.data.evaluation import Interval
from epifiji.data.event_networks import EventNetwork
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.movie import Movie
from epifiji.data.score_map import ScoreMap
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.metrics.reliability import calibration_error, cross_validated, fitted_map, reliability
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings
from epifiji.files.figures.reliability import draw_reliability
from epifiji.files.networks.own_format import DESCRIPTION
from epifiji.files.networks.store import shipped_network
from epifiji.jobs.networks import event_network_of
from epifiji.jobs.scoring.evaluate_events import own_settings
from epifiji.jobs.scoring.judged_events import JudgedEvent, matched_events

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from epinet_scores import CONDITIONS, COUNTED, EVENTS, HARD, ROOM, SIZE, WITHIN_FRAMES, WITHIN_PX

PLAIN = ("plain", "plain, varied", "plain, crowded", "small cells", "quick", "slow")
LOWEST = 126
"""Threshold of the events that maps are made from."""

DEGRADATIONS = (
    "drift_px",
    "unfocused_regions",
    "unfocused_frames",
    "bleaching",
    "unsteady_light",
    "no_tissue",
    "dark_regions",
)
DENSITY = {"plain, crowded": 1.0, "tissue edge": 1.7}
"""By how much events and distractors are more than in the benchmark: 2.2 times, unless there is less room."""

DENSE_SEED, DENSE_MOVIES = 940_000, 32
SPARSE_SEED, SPARSE_MOVIES = 930_000, 7
"""First seed and number of movies with the conditions of the benchmark of EpiNet's scores: with more events, and as there."""

RANDOM = (
    *((720_000 + number, 50, 256) for number in range(15)),
    *((730_000 + number, 45, 224) for number in (4, 6, 9, 15, 32, 34, 36, 39)),
    *((731_000 + number, 45, 224) for number in (7, 12, 31, 51, 63, 79, 94, 98, 143)),
)
"""Seed, frames and side of movies with random settings as in the training. Those of 224 px were chosen because they have many
events, or none."""

Made = tuple[str, bool, float | None, SimulationSettings]
"""Name, whether imaging is hard, the distance within which events match if the movie is rescaled, and the settings."""


def conditions(count: int, first: int, dense: bool) -> Iterator[Made]:
    """Yield movies with the conditions of the benchmark of EpiNet's scores, with other seeds, hard and plain ones in turn."""

    def every() -> Iterator[Made]:
        for number, index in product(range(count), range(len(HARD))):
            for offset, titles, shift in ((0, HARD, 4), (50, PLAIN, 3)):
                if index < len(titles):
                    name = titles[(index + shift * dense) % len(titles)]
                    values = dict(SIZE | ROOM | CONDITIONS[name])
                    if dense:
                        factor = DENSITY.get(name, 2.2)
                        more = {key: round(values[key] * factor) for key in COUNTED if key in values and factor != 1}
                        values |= more | {"frames": 60}
                    settings = SimulationSettings(seed=first + 100 * number + offset + index, **values)
                    distance = WITHIN_PX * max(1.0, settings.cell_diameter_px / 25)
                    yield f"{'dense ' if dense else ''}{name} {number}", not offset, distance, settings

    return islice(every(), count)


def random_movies(movies: Iterable[tuple[int, int, int]]) -> Iterator[Made]:
    """Yield movies with random settings in the range of the training."""
    for seed, frames, side in movies:
        settings = draw_settings(seed, frames, side, side)
        hard = settings.contrast < 5 or any(getattr(settings, name) > 0 for name in DEGRADATIONS)
        yield f"random {seed}", hard, None, settings


def judged(folder: Path, network: EventNetwork, number: int, movie: Made) -> list[JudgedEvent]:
    """Return the events of a movie, from the folder if they are kept there."""
    name, _, distance, settings = movie
    file = folder / f"{name.replace(' ', '_').replace(',', '')}.json"
    if not file.exists():
        made = simulate_tissue(settings)
        scale = {}
        if distance is not None:
            duration = 4.5 * settings.event_duration / SimulationSettings().event_duration
            scale = {"cell_diameter": settings.cell_diameter_px, "event_duration": duration}
        found = epifiji.detect(Movie(made.pixels), network, threshold=LOWEST, **scale).events
        own = EventEvaluationSettings(distance_xy=distance or WITHIN_PX, distance_t=WITHIN_FRAMES)
        truth = AnnotatedMovie(Movie(made.pixels), tuple(made.events))
        events = [list(one) for one in matched_events(found, truth, own_settings(own, network), 0)]
        file.write_text(json.dumps(events), encoding="utf-8")
        print(f"{name}: {len(events)} events", flush=True)
    return [JudgedEvent(*one)._replace(movie=number) for one in json.loads(file.read_text(encoding="utf-8"))]


def columns(events: list[JudgedEvent]) -> tuple[np.ndarray, ...]:
    """Return raw scores, whether events are right, their movies, and whether they are over the threshold."""
    raw, right, movies, over = (np.array([one[k] for one in events]) for k in (1, 2, 3, 4))
    return raw.astype(float), right.astype(bool), movies.astype(int), over.astype(bool)


def has_events(settings: SimulationSettings) -> bool:
    return settings.extrusions + settings.divisions + settings.sops > 0


def shown(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def report(folder: Path, movies: list[Made], network: EventNetwork) -> dict[str, ScoreMap]:
    """Fit the maps, and print a line for each class and imaging; draw the reliability."""
    every = [one for number, movie in enumerate(movies) for one in judged(folder, network, number, movie)]
    hard, empty = (
        np.array(values) for values in ([one[1] for one in movies], [not has_events(one[3]) for one in movies])
    )
    maps, panels = {}, {}
    for event in EVENTS:
        raw, right, movie, over = columns([one for one in every if one.event == event])
        maps[event] = fitted_map(raw, right)
        kinds = {"raw": raw, "calibrated": cross_validated(raw, right, movie)}
        for imaging, chosen in (
            ("plain", ~hard[movie]),
            ("hard", hard[movie]),
            ("hard, without movies that have no events", hard[movie] & ~empty[movie]),
        ):
            used = over & chosen
            errors = ", ".join(
                f"{kind} {shown(calibration_error(scores[used], right[used], movie[used]))}"
                for kind, scores in kinds.items()
            )
            about = f"{event}, {imaging}: {used.sum()} events of {len(np.unique(movie[used]))} movies"
            means = f"{right[used].mean():.3f} right, mean score {kinds['calibrated'][used].mean():.3f}"
            print(f"{about}, {means}; error {errors}")
        panels[event] = {
            kind: (reliability(scores[over], right[over]), calibration_error(scores[over], right[over], movie[over]))
            for kind, scores in kinds.items()
        }
    draw_reliability(folder / "reliability.png", network.description.name, panels, maps)
    return maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the events of the simulated movies are kept")
    parser.add_argument("--write", type=Path, help="write the maps into this folder of the network")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    network = event_network_of(arguments.write or shipped_network())
    movies = [
        *conditions(DENSE_MOVIES, DENSE_SEED, True),
        *conditions(SPARSE_MOVIES, SPARSE_SEED, False),
        *random_movies(RANDOM),
    ]
    maps = report(arguments.folder, movies, network)
    if arguments.write:
        rounded = {
            event: ScoreMap(raw=[round(x, 4) for x in one.raw], right=[round(x, 4) for x in one.right])
            for event, one in maps.items()
        }
        changed = {"calibration": rounded, "calibrated_on": f"{len(movies)} simulated movies, none of them real"}
        text = network.description.model_copy(update=changed).model_dump_json(indent=2)
        (arguments.write / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
