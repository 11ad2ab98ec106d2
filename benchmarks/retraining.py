"""Measures what training and retraining gain: on a tissue with poor scores, on known movies, and on a new class of events.

    python benchmarks/retraining.py tissue --json tissue.json
    python benchmarks/retraining.py events

``tissue``: events are detected in a movie with inverted contrast and strong noise, and 60 of them are reviewed with the
true events (kept, rejected or added). EpiNet is retrained on this review. A second movie of the same kind, and movies
like those of EpiNet's training, are scored before and after. ``events``: a network is trained on 40 annotated blinking
cells of one movie, and scored on another. All seeds are fixed. Events are matched one to one within 15 px and 4 frames.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

import epifiji
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.review import Action
from epifiji.engine.metrics.events import match_events, score
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import find_network, read_network
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.review import decide, start_review
from epinet_scores import SIZE, movies

WITHIN_PX, WITHIN_FRAMES = 15, 4
REVIEWED, MARKED = 60, 40
LOW = {"threshold": 126, "min_volume": 50}
"""Thresholds that leave something to review, although the network finds nothing."""

FIRST_SEED = 88_000
TISSUE = SIZE | {
    "cell_diameter_px": 24,
    "extrusions": 26,
    "divisions": 20,
    "sops": 14,
    "event_variety": 0.7,
    "flickering_spots": 3,
    "shrinking_cells": 3,
}
OLD = ("plain, varied", "small cells", "noisy", "restless", "tissue edge")
BLINKING_FRAMES = 3


def inverted(simulated: Simulation, random: np.random.Generator) -> np.ndarray:
    """Invert a movie: dark membranes and bright cells, blurred and with strong noise."""
    x = simulated.pixels / np.float32(np.quantile(simulated.pixels, 0.999))
    x = ndimage.gaussian_filter(1 - np.clip(x, 0, 1), (0, 0.8, 0.8))
    x += 0.14 * random.standard_normal(x.shape, np.float32)
    return np.clip(60 + 150 * x, 0, 255).astype(np.uint8)


def blinking(seed: int) -> tuple[np.ndarray, list[Event]]:
    """Simulate cells that are bright for three frames, and others that are bright all the time.

    Return pixels and events.
    """
    plain = {"extrusions": 6, "divisions": 5, "sops": 0}
    found = simulate_tissue(seed=seed, **SIZE, cell_diameter_px=24, event_variety=0.7, **plain)
    random = np.random.default_rng(seed)
    pixels, labels = found.pixels.astype(np.float32), found.labels
    level = np.float32(np.quantile(pixels, 0.95))
    events: list[Event] = []
    while len(events) < MARKED:
        frame = int(random.integers(6, SIZE["frames"] - 6))
        cell = int(random.choice(np.unique(labels[frame][20:-20, 20:-20])))
        y, x = (float(places.mean()) for places in np.nonzero(labels[frame] == cell))
        if any(abs(frame - e.frame) < 10 and np.hypot(y - e.y, x - e.x) < 40 for e in events):
            continue
        events.append(Event("cell_blink", frame, y, x))
        for t in range(frame - 1, frame - 1 + BLINKING_FRAMES):
            pixels[t] += 0.6 * level * ndimage.gaussian_filter((labels[t] == cell).astype(np.float32), 1)
    for cell in random.choice(np.unique(labels), 12, replace=False):
        pixels += 0.6 * level * ndimage.gaussian_filter((labels == cell).astype(np.float32), (0, 1, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8), events


def f1_of(network: Network, scored: Iterable[tuple[np.ndarray, list[Event], float | None]]) -> dict[str, float | None]:
    """Score a network on all movies together, given as pixels, events and cell diameter: F1 of each class and of all."""
    detected, truth = [], []
    for number, (pixels, events, diameter) in enumerate(scored):
        shift = 10_000 * number
        found = epifiji.detect(pixels, network, cell_diameter=diameter).events
        for side, some in ((detected, found), (truth, events)):
            side += [Event(one.event, one.frame + shift, one.y, one.x) for one in some]
    names = {one.event for one in truth}
    counts = score(match_events([d for d in detected if d.event in names], truth, WITHIN_PX, WITHIN_FRAMES), names)
    return {"all": counts.overall.f1} | {name: one.f1 for name, one in counts.classes.items()}


def reviewed(folder: Path, network: Network, pixels: np.ndarray, truth: list[Event]) -> Path:
    """Detect events, keep the correct ones, reject the others, and add missed ones, `REVIEWED` in all."""
    write_movie(Movie(pixels, "tissue"), folder / "tissue.tif")
    result = epifiji.detect(folder / "tissue.tif", network, **LOW)
    result.save(folder / "tissue_epifiji")
    matching = match_events(result.events, truth, WITHIN_PX, WITHIN_FRAMES)
    right = {(one.event, one.frame, one.y, one.x) for one, _ in matching.pairs}
    path, review = start_review(folder / "tissue_epifiji")
    for number, event in enumerate(review.detected[:REVIEWED]):
        place = (event.event, event.frame, round(event.y, 1), round(event.x, 1))
        kept = any(place == (a, b, round(c, 1), round(d, 1)) for a, b, c, d in right)
        decide(path, review, Action(number, "keep" if kept else "reject"))
    for event in matching.false_negatives[: REVIEWED - min(REVIEWED, len(review.detected))]:
        decide(path, review, Action(len(review.items), "add", event))
    decisions = [item.decision for item in review.items]
    counts = {what: decisions.count(what) for what in ("keep", "reject", "")}
    print(f"reviewed: {counts}, of them {len(review.items) - len(review.detected)} added")
    return path


def tissue(folder: Path, parent: Network, settings: dict[str, Any]) -> dict[str, Any]:
    new = []
    for seed in (FIRST_SEED, FIRST_SEED + 1):
        found = simulate_tissue(seed=seed, **TISSUE)
        new.append((inverted(found, np.random.default_rng(seed)), found.events, None))
    known = movies(FIRST_SEED + 10, list(OLD)).values()
    old = [(simulated.pixels, simulated.events, settings.cell_diameter_px) for settings, simulated in known]
    before = {"other movie": f1_of(parent, new[1:]), "old movies": f1_of(parent, old)}
    print("before:", json.dumps(before), flush=True)
    review = reviewed(folder, parent, *new[0][:2])
    result, spent = timed(lambda report: epifiji.retrain(parent, review, "retrained", report=report, **settings))
    after = {"other movie": f1_of(result.network, new[1:]), "old movies": f1_of(result.network, old)}
    return {
        "before": before,
        "after": after,
        **spent,
        "result": result.to_dict(),
        "points": [asdict(point) for point in result.points],
    }


def events(folder: Path, parent: Network, settings: dict[str, Any]) -> dict[str, Any]:
    pixels, marked = blinking(FIRST_SEED + 2)
    write_movie(Movie(pixels, "blinking"), folder / "blinking.tif")
    write_rois(folder / "blinking_cell_blink.zip", marked)
    result, spent = timed(lambda report: epifiji.train(folder, parent, "blinking", report=report, **settings))
    after = f1_of(result.network, [(*blinking(FIRST_SEED + 3), None)])
    return {"after": after, **spent, "result": result.to_dict(), "points": [asdict(point) for point in result.points]}


def timed(train: Any) -> tuple[Any, dict[str, float]]:
    """Train, and print the progress every 30 s; return the result, and wall-clock and CPU minutes."""
    printed = time.monotonic()

    def report(done: float, doing: str) -> None:
        nonlocal printed
        if time.monotonic() - printed > 30:
            printed = time.monotonic()
            print(f"  {time.monotonic() - started:.0f} s: {doing}", flush=True)

    started, cpu = time.monotonic(), time.process_time()
    result = train(report)
    spent = {"minutes": (time.monotonic() - started) / 60, "cpu_minutes": (time.process_time() - cpu) / 60}
    return result, {name: round(value, 2) for name, value in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["tissue", "events"])
    parser.add_argument("--network", default="epinet")
    parser.add_argument("--json", type=Path)
    parser.add_argument("settings", nargs="*", metavar="name=value", help="of the training, such as keep=0.3")
    given = parser.parse_args()
    settings = dict(one.split("=", 1) for one in given.settings)
    parent = read_network(find_network(given.network))
    with tempfile.TemporaryDirectory() as place:
        # The user's networks are not used.
        os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = place
        folder = Path(place) / "movies"
        folder.mkdir()
        found = {"tissue": tissue, "events": events}[given.what](folder, parent, settings)
    text = json.dumps(found, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
