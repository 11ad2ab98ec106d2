"""Scores networks on simulated movies that none was trained on, with good and with difficult imaging.

    python benchmarks/epinet_scores.py epinet notum_all --json scores.json

All seeds differ from those of EpiNet's training (epifiji.engine.simulation.random_settings), and each movie has some
parameters outside its range: cell size, speed, light, noise, drift, focus or density. Events are matched one to one
within 15 px and 4 frames for cells of 25 px. Movies without events give the number of false positives per 100 cells and
100 frames.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import epifiji
from epifiji.data.movie import Movie
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.metrics.events import match_events
from epifiji.engine.metrics.intervals import score_intervals
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.networks.store import find_network, read_network

EVENTS = ("cell_death", "cell_sop", "cell_division")
WITHIN_PX, WITHIN_FRAMES = 15, 4
SIZE = {"frames": 70, "height": 300, "width": 300}
ROOM = {"margin_frames": 4, "margin_diameters": 0.5, "separation_diameters": 1.5}
COUNTED = ("extrusions", "divisions", "sops", "shrinking_cells", "small_cells", "flickering_spots", "debris")
"""Settings that are numbers of events and of what looks like them."""

SOME = {
    "extrusions": 14,
    "divisions": 12,
    "sops": 8,
    "shrinking_cells": 4,
    "small_cells": 6,
    "flickering_spots": 3,
    "debris": 4,
}
NONE = {
    "extrusions": 0,
    "divisions": 0,
    "sops": 0,
    "shrinking_cells": 8,
    "small_cells": 10,
    "flickering_spots": 5,
    "debris": 6,
}
LARGE = {"extrusions": 5, "divisions": 4, "sops": 3, "shrinking_cells": 2, "small_cells": 2, "flickering_spots": 1}
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": SOME | {"cell_diameter_px": 24, "event_variety": 0.0},
    "plain, varied": SOME | {"cell_diameter_px": 22, "event_variety": 1.0},
    "plain, crowded": SOME
    | {"cell_diameter_px": 19, "extrusions": 40, "divisions": 30, "sops": 16, "event_variety": 0.8},
    "small cells": SOME | {"cell_diameter_px": 13, "event_variety": 0.6},
    "large cells": LARGE | {"cell_diameter_px": 48, "event_variety": 0.6},
    "quick": SOME | {"cell_diameter_px": 23, "event_duration": 5.5, "event_variety": 0.7},
    "slow": SOME | {"cell_diameter_px": 23, "event_duration": 22, "event_variety": 0.7},
    "noisy": SOME | {"cell_diameter_px": 24, "event_variety": 0.7, "photons": 12, "camera_noise": 9, "brightness": 60},
    "dim": SOME | {"cell_diameter_px": 21, "event_variety": 0.7, "brightness": 10, "contrast": 3, "photons": 60},
    "drifting": SOME | {"cell_diameter_px": 25, "event_variety": 0.7, "drift_px": 1.8, "unsteady_light": 0.2},
    "bleaching": SOME | {"cell_diameter_px": 20, "event_variety": 0.7, "bleaching": 0.8, "photons": 40},
    "out of focus": SOME
    | {"cell_diameter_px": 26, "event_variety": 0.7, "unfocused_regions": 0.45, "unfocused_frames": 0.12, "haze": 1.0},
    "tissue edge": SOME
    | {"cell_diameter_px": 18, "event_variety": 0.7, "no_tissue": 0.6, "dark_regions": 0.55, "bit_depth": 16},
    "restless": SOME
    | {"cell_diameter_px": 22, "event_variety": 0.7, "flow_px": 1.3, "restlessness": 3, "blur_px": 2.2},
    "no events": NONE | {"cell_diameter_px": 23},
    "no events, noisy": NONE | {"cell_diameter_px": 20, "photons": 12, "camera_noise": 9, "drift_px": 1.8},
    "no events, out of focus": NONE | {"cell_diameter_px": 25, "unfocused_regions": 0.45, "unfocused_frames": 0.12},
}
HARD = ("noisy", "dim", "drifting", "bleaching", "out of focus", "tissue edge", "restless")


def movies(seed: int, only: list[str]) -> dict[str, Any]:
    """Simulate a movie for each condition."""
    made = {}
    for number, (name, values) in enumerate(CONDITIONS.items()):
        if not only or name in only:
            settings = SimulationSettings(seed=seed + number, **(SIZE | ROOM | values))
            made[name] = settings, simulate_tissue(settings)
    return made


def counts(found: list[epifiji.Event], true: list[epifiji.Event], event: str, scale: float) -> tuple[int, int, int]:
    """Count true positives, false positives and false negatives of a class."""
    these, those = ([e for e in events if e.event == event] for events in (found, true))
    pairs = len(match_events(these, those, WITHIN_PX * scale, WITHIN_FRAMES).pairs)
    return pairs, len(these) - pairs, len(those) - pairs


def evaluate(name: str, made: dict[str, Any]) -> dict[str, Any]:
    """Run a network on all movies; return the counts of each movie and class, and the computing time (s)."""
    network = read_network(find_network(name))
    rows: dict[str, Any] = {}
    for title, (settings, simulated) in made.items():
        started = time.perf_counter()
        diameter = settings.cell_diameter_px
        # Extrusions with the default duration take about 4.5 frames in the authors' way of counting.
        duration = 4.5 * settings.event_duration / SimulationSettings().event_duration
        found = epifiji.detect(
            Movie(simulated.pixels), network, mode="fast", cell_diameter=diameter, event_duration=duration
        ).events
        rows[title] = {event: counts(found, simulated.events, event, max(1.0, diameter / 25)) for event in EVENTS}
        rows[title]["seconds"] = time.perf_counter() - started
        print(name, title, rows[title], flush=True)
    return rows


def scores_of(rows: dict[str, Any], titles: list[str]) -> dict[str, Any]:
    """Return for each class the number of events and the scores with intervals over some movies; nothing without movies."""
    scored = {}
    for event in EVENTS if titles else ():
        table = np.array([rows[title][event] for title in titles])
        scores = zip(("precision", "recall", "F1"), score_intervals(table, 0), strict=True)
        scored[event] = {"events": int(table[:, [0, 2]].sum())} | {
            kind: [one.value, one.low, one.high] for kind, one in scores
        }
    return scored


def summary(rows: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """Return scores of each class with intervals, for all movies and the difficult ones, and false positives without events."""
    scored: dict[str, Any] = {}
    for group, titles in {
        "all": [t for t in rows if "no events" not in t],
        "hard": [t for t in rows if t in HARD],
    }.items():
        scored |= {f"{group}, {event}": found for event, found in scores_of(rows, titles).items()}
    quiet = [title for title in rows if "no events" in title]
    if quiet:
        false = sum(rows[title][event][1] for title in quiet for event in EVENTS)
        units = sum(made[t][0].frames * len(np.unique(made[t][1].labels[0])) for t in quiet) / 1e4
        scored["false events"] = {"events": false, "of 100 cells and 100 frames": false / units}
    return scored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", help="names, folders or zips")
    parser.add_argument("--seed", type=int, default=900_000, help="seed of the first movie")
    parser.add_argument("--only", action="append", default=[], choices=list(CONDITIONS), help="only this condition")
    parser.add_argument("--json", type=Path, help="write all counts and scores to this file")
    arguments = parser.parse_args()
    made = movies(arguments.seed, arguments.only)
    report = {}
    for name in arguments.networks:
        rows = evaluate(name, made)
        report[name] = {"movies": rows, "scores": summary(rows, made)}
        print(name, json.dumps(report[name]["scores"], indent=2), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
