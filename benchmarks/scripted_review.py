"""How good the threshold is that a short review recommends: a scripted biologist, who errs sometimes, reviews simulated movies.

    python benchmarks/scripted_review.py epinet notum_all [--decisions 60] [--errors 0.05] [--reviews 20]

In each of ten movies a network detects events with a low threshold. The scripted biologist decides on some of them in informative
order, as the truth says or, with the probability of an error, the contrary. At the thresholds that these decisions recommend for
the highest F1, the movie's true F1, over all classes, is compared with the best one that thresholds for each class can reach.
Reviews differ in their order and errors. No movie trained a network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import epifiji
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Review, order_of
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.networks.store import find_network, read_network
from epifiji.jobs.scoring.evaluate_events import own_settings
from epifiji.jobs.scoring.judged_events import matched_events
from epinet_scores import CONDITIONS, COUNTED, EVENTS, HARD, ROOM, SIZE, WITHIN_FRAMES, WITHIN_PX

TITLES = ("plain", "plain, varied", "plain, crowded", "small cells", *HARD[:6])
SEED, FRAMES, SIDE, LOWEST, LEVELS = 960_000, 60, 440, 126, 255
WITHIN = 0.02


def simulated(number: int) -> tuple[SimulationSettings, AnnotatedMovie]:
    """Simulate a movie with the density of events of the benchmark of EpiNet's scores."""
    values = CONDITIONS[TITLES[number]]
    more = {key: round(values[key] * SIDE**2 / SIZE["width"] ** 2) for key in COUNTED if key in values}
    settings = SimulationSettings(
        seed=SEED + number, **(ROOM | values | more | {"frames": FRAMES, "height": SIDE, "width": SIDE})
    )
    made = simulate_tissue(settings)
    return settings, AnnotatedMovie(Movie(made.pixels), tuple(made.events))


def f1(rows: Sequence[tuple[np.ndarray, np.ndarray, int]], thresholds: Sequence[int]) -> float:
    """Return F1 over all classes; a row has a class's scores, whether each event is right, and its number of true events."""
    above = [scores > level / LEVELS for (scores, _, _), level in zip(rows, thresholds, strict=True)]
    right = sum(int((one & row[1]).sum()) for one, row in zip(above, rows, strict=True))
    return 2 * right / max(1, sum(int(one.sum()) for one in above) + sum(row[2] for row in rows))


def best(rows: Sequence[tuple[np.ndarray, np.ndarray, int]]) -> float:
    """Return the highest F1 that thresholds by class reach, class by class until nothing changes."""
    chosen = [LOWEST] * len(rows)
    while True:
        before = list(chosen)
        for at in range(len(rows)):
            chosen[at] = max(range(LOWEST, LEVELS), key=lambda n, at=at: f1(rows, [*chosen[:at], n, *chosen[at + 1 :]]))
        if chosen == before:
            return f1(rows, chosen)


def decided(events: Sequence[epifiji.Event], right: np.ndarray, options: argparse.Namespace, seed: int) -> Review:
    """Return the review of the scripted biologist."""
    review, random = Review(list(events)), np.random.default_rng(seed)
    for item in order_of(review, "informative", seed=seed)[: options.decisions]:
        correct = bool(right[item]) != (random.random() < options.errors)
        review.do(Action(item, "keep" if correct else "reject"))
    return review


def main() -> None:
    """Print a row for each movie and network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", help="names, folders or zips")
    parser.add_argument("--decisions", type=int, default=60)
    parser.add_argument("--errors", type=float, default=0.05)
    parser.add_argument("--reviews", type=int, default=20)
    options = parser.parse_args()
    networks = [read_network(find_network(name)) for name in options.networks]
    within: dict[str, list[float]] = {one.description.name: [] for one in networks}
    print("| movie | network | events | right | best F1 | F1 at 126 | F1, mean of reviews | within 0.02 |")
    print("|---|---|---|---|---|---|---|---|")
    for number, title in enumerate(TITLES):
        settings, movie = simulated(number)
        own = EventEvaluationSettings(
            distance_xy=WITHIN_PX * max(1, settings.cell_diameter_px / 25), distance_t=WITHIN_FRAMES
        )
        for network in networks:
            events = epifiji.detect(
                movie.movie, network, mode="fast", threshold=LOWEST, cell_diameter=settings.cell_diameter_px
            ).events
            right = np.array([one.right for one in matched_events(events, movie, own_settings(own, network), 0)], bool)
            rows = [
                (
                    np.array([one.raw_score for one in events if one.event == name]),
                    right[[one.event == name for one in events]],
                    sum(one.event == name for one in movie.events),
                )
                for name in EVENTS
            ]
            reached = []
            for seed in range(options.reviews):
                found = epifiji.expected_scores(decided(events, right, options, seed))
                chosen = {one.event: one.recommended for one in found.classes}
                reached.append(f1(rows, [chosen.get(name) or LOWEST for name in EVENTS]))
            most, name = best(rows), network.description.name
            near = float(np.mean([most - one <= WITHIN for one in reached]))
            within[name].append(near)
            print(
                f"| {title} | {name} | {len(events)} | {right.sum()} | {most:.3f} | {f1(rows, [LOWEST] * 3):.3f} | "
                f"{np.mean(reached):.3f} | {near:.2f} |",
                flush=True,
            )
    for name, shares in within.items():
        most = np.sum(np.array(shares) > 0.5)
        print(
            f"{name}: within 0.02 in {np.mean(shares):.2f} of reviews; in most reviews of {most} of {len(TITLES)} movies"
        )


if __name__ == "__main__":
    main()
