"""Cells around simulated events, compared with the true cells: 40 extrusions and 20 divisions in five movies, plain to hard.

python benchmarks/cells_around_events.py [--network NAME] [--add-to-seeds NUMBER] [--json FILE]

Events are given as a detection gives them: up to two frames and four pixels beside the truth. For each movie the table
has the median error of the area, the share of frames with the right number of neighbours (borders of at least two pixel
sides, and in brackets of any length), and the share of events whose cell was followed and ends within two frames of the
truth. Frames are those before the event in which the cell is there in both.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import epifiji
from epifiji.data.cell_traces import AREA, CellTrace
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.engine.cells.borders import borders_of
from epifiji.engine.simulation.movie import Simulation, simulate_tissue

SIZE: dict[str, Any] = {
    "frames": 44, "height": 300, "width": 300, "extrusions": 8, "divisions": 4, "sops": 0, "margin_frames": 12,
    "margin_diameters": 1.8,
}  # fmt: skip
MOVIES: list[dict[str, Any]] = [
    {"seed": 11},
    {"seed": 12, "event_variety": 0.4, "photons": 150, "contrast": 8, "haze": 0.3},
    {
        "seed": 13, "cell_diameter_px": 20, "restlessness": 1.5, "event_variety": 0.6, "photons": 100, "contrast": 6,
        "stretch": 1.2,
    },
    {
        "seed": 14, "cell_diameter_px": 32, "event_variety": 0.8, "photons": 80, "contrast": 6, "haze": 0.4, "drift_px": 1,
        "bleaching": 0.3, "junction_spread": 0.3, "debris": 5,
    },
    {
        "seed": 15, "event_variety": 1, "photons": 60, "contrast": 5, "haze": 0.5, "drift_px": 1, "bleaching": 0.3,
        "unsteady_light": 0.1, "junction_spread": 0.35, "clouds": 0.3, "debris": 8, "shrinking_cells": 4,
        "restlessness": 1.5, "unfocused_frames": 0.05,
    },
]  # fmt: skip
"""Settings of `epifiji simulate`."""


def true_cell(made: Simulation, event: Event) -> int:
    """Return the label of the cell that disappears or divides."""
    before, after = made.labels[event.frame - 1], made.labels[event.frame]

    def distance(labels: np.ndarray, label: int) -> float:
        return float(np.hypot(*(np.argwhere(labels == label).mean(0) - (event.y, event.x))))

    if event.event == "cell_death":
        return int(min(np.setdiff1d(before, after), key=lambda label: distance(before, label)))
    new = sorted(np.setdiff1d(after, before), key=lambda label: distance(after, label))[:2]
    return int(Counter(before[np.isin(after, new)].tolist()).most_common(1)[0][0])


def neighbours(labels: np.ndarray, cell: int, least: int) -> int:
    """Count the neighbours of a cell with borders of at least some pixel sides."""
    found = borders_of(labels)
    return int(np.count_nonzero((found.pairs == cell).any(1) & (found.lengths >= least)))


def compared(made: Simulation, trace: CellTrace, event: Event) -> tuple[list[float], list[tuple[bool, bool]]]:
    """Return the errors of the area, and whether the number of neighbours is right, frame by frame."""
    cell = true_cell(made, event)
    errors, right = [], []
    for index, frame in enumerate(trace.frames.tolist()):
        truth = np.count_nonzero(made.labels[frame] == cell)
        area = trace.values[AREA][index]
        if truth and not np.isnan(area) and frame < trace.zero:
            errors.append(abs(area - truth) / truth)
            found = [neighbours(trace.labels[index], trace.cell, least) for least in (2, 1)]
            known = [neighbours(made.labels[frame], cell, least) for least in (2, 1)]
            right.append((found[0] == known[0], found[1] == known[1]))
    return errors, right


def measured(settings: dict[str, Any], network: str | None) -> dict[str, Any]:
    """Simulate and measure one movie."""
    made = simulate_tissue(fewer=True, **(SIZE | settings))
    random = np.random.default_rng(settings["seed"])
    given, last = [], len(made.pixels) - 1
    for event in made.events:
        frame = int(np.clip(event.frame + random.integers(-2, 3), 0, last))
        y, x = np.array([event.y, event.x]) + random.uniform(-4, 4, 2)
        given.append(Event(event.event, frame, float(y), float(x)))
    start = time.perf_counter()
    diameter = settings.get("cell_diameter_px", 25)
    result = epifiji.measure_cells(given, Movie(made.pixels, "m"), network, cell_diameter=diameter)
    seconds = time.perf_counter() - start
    truth = dict(zip(given, made.events, strict=True))
    errors: list[float] = []
    right: list[tuple[bool, bool]] = []
    ends: list[int | None] = []
    for trace in result.traces:
        event = truth[trace.event]
        ends.append(None if trace.problem or trace.end is None else trace.end - event.frame)
        if not trace.problem:
            of_frames = compared(made, trace, event)
            errors += of_frames[0]
            right += of_frames[1]
    frames = sum(len(trace.frames) for trace in result.traces)
    return {
        "settings": settings, "events": len(given), "errors": errors, "right": right, "ends": ends,
        "seconds_per_frame": seconds / max(1, frames),
    }  # fmt: skip


def summary(found: dict[str, Any]) -> str:
    """Return a line of the table."""
    ends = [end for end in found["ends"] if end is not None]
    two, any_ = np.mean(np.array(found["right"], float), axis=0)
    return (
        f"{found['events']} events, {len(ends)} followed; area {np.median(found['errors']):.1%}, neighbours {two:.1%} "
        f"({any_:.1%}), end {np.sum(np.abs(ends) <= 2) / found['events']:.1%}"
    )


def main() -> None:
    """Measure all movies, and print a line for each and for all."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--network")
    arguments.add_argument("--add-to-seeds", type=int, default=0, help="for other movies of the same kinds")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    results = []
    for settings in MOVIES:
        other = settings | {"seed": settings["seed"] + given.add_to_seeds}
        results.append(measured(other, given.network))
        print(f"{other}: {summary(results[-1])}, {results[-1]['seconds_per_frame']:.2f} s a frame", flush=True)
    together = {key: [one for found in results for one in found[key]] for key in ("errors", "right", "ends")}
    print("all:", summary(together | {"events": sum(found["events"] for found in results)}))
    print("end minus truth:", dict(sorted(Counter(map(str, together["ends"])).items())))
    if given.json is not None:
        given.json.write_text(json.dumps(results, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
