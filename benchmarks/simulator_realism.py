"""Compares simulated movies with real ones: the events that a trained network finds, geometry, imaging.

See README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

import epifiji
from epifiji.data.movie import Movie
from epifiji.data.settings.comparison import ComparisonSettings
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.engine.metrics.events import match_events, score
from epifiji.engine.simulation.geometry import measure
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.files.networks.store import find_network, read_network

WITHIN = ComparisonSettings(distance_xy=15, distance_t=4)
SIZE: dict[str, Any] = {"frames": 60, "height": 300, "width": 300}
PLAIN: dict[str, Any] = SIZE | {"extrusions": 8, "divisions": 8, "sops": 6}
HARD: dict[str, Any] = PLAIN | {
    "drift_px": 0.5,
    "bleaching": 0.5,
    "contrast": 4,
    "haze": 0.4,
    "photons": 60,
    "camera_noise": 5,
    "unfocused_regions": 0.15,
}
EDGE: dict[str, Any] = PLAIN | {"no_tissue": 0.25, "dark_regions": 0.25, "extrusions": 6, "divisions": 6, "sops": 4}
REPLAY: dict[str, Any] = SIZE | {"extrusions": 6, "divisions": 6, "sops": 4}
VARIED: dict[str, Any] = SIZE | {
    "event_variety": 1,
    "extrusions": 6,
    "divisions": 6,
    "sops": 5,
    "shrinking_cells": 5,
    "flickering_spots": 5,
    "small_cells": 6,
    "debris": 5,
}
KINDS = {"plain": PLAIN, "varied": VARIED, "hard": HARD, "edge": EDGE, "replay": REPLAY}
FIRST_SEED = 900


def movies(kind: str, count: int, data: Path | None) -> Iterator[Simulation]:
    outlines = None
    if kind == "replay":
        assert data is not None
        outlines = tifffile.imread(data / "tissues" / "eyedisc_outlines_120f.tif")
    for number in range(count):
        yield simulate_tissue(outlines=outlines, seed=FIRST_SEED + number, **KINDS[kind])


def found_in(kind: str, count: int, network: Any, data: Path | None) -> dict[str, Any]:
    """Run a network on simulated movies; return recall, precision and number of events by class.

    For structures that are not events, return the fraction that the network detects as events.
    """
    sums: dict[str, np.ndarray] = {}
    called: dict[str, list[bool]] = {}
    for simulation in movies(kind, count, data):
        answers = epifiji.detect(Movie(simulation.pixels), network, mode="fast").events
        scores = score(match_events(answers, simulation.events, WITHIN.distance_xy, WITHIN.distance_t))
        for name, one in scores.classes.items():
            counts = np.array([one.true_positives, one.false_negatives, one.false_positives])
            sums[name] = sums.get(name, 0) + counts
        for one in simulation.distractors:
            near = [
                abs(e.frame - one.frame) <= WITHIN.distance_t
                and np.hypot(e.y - one.y, e.x - one.x) <= WITHIN.distance_xy
                for e in answers
            ]
            called.setdefault(one.kind, []).append(any(near))
    others = {kind: {"number": len(any_), "called an event": np.mean(any_)} for kind, any_ in sorted(called.items())}
    return others | {
        name: {"events": int(right + missed), "recall": right / (right + missed), "precision": right / (right + wrong)}
        for name, (right, missed, wrong) in sorted(sums.items())
    }


def imaging(labels: np.ndarray, pixels: np.ndarray) -> dict[str, float]:
    """Measure the membranes of a movie (T, Y, X) with known cells: half-width (px), brightness and noise."""
    profiles, noises = [], []
    for cells, frame in zip(labels, pixels.astype(float), strict=True):
        edge = np.zeros(cells.shape, bool)
        for axis in (0, 1):
            differ = np.diff(cells, axis=axis) != 0
            edge |= np.pad(differ, [(0, int(a == axis)) for a in (0, 1)])
            edge |= np.pad(differ, [(int(a == axis), 0) for a in (0, 1)])
        away = ndimage.distance_transform_edt(~edge).astype(int)
        away[cells == 0] = -1
        profiles.append([np.median(frame[away == distance]) for distance in range(7)])
        deep = (away >= 6)[:, 1:] & (away >= 6)[:, :-1]
        noises.append(1.4826 * np.median(np.abs(np.diff(frame, axis=1)[deep])) / np.sqrt(2))
    profile = np.mean(profiles, 0)
    membrane, inside = profile[0], profile[6]
    half = float(np.interp(-(membrane + inside) / 2, -profile, np.arange(7) + 0.5))  # 0.5: edges lie between pixels
    return {
        "membrane half-width px": half,
        "membrane/inside": membrane / inside,
        "noise/(membrane - inside)": float(np.mean(noises)) / (membrane - inside),
    }


def geometry(labels: np.ndarray) -> dict[str, float]:
    """Return statistics of a tissue's cells (T, Y, X)."""
    found = measure(labels)
    return {"cells": found.cells, "diameter px": found.diameter_px, "area CV": found.area_cv} | {
        f"{sides} sides": share for sides, share in found.sides.items()
    }


def real(data: Path) -> dict[str, dict[str, float]]:
    """Measure the real tissues of the test data."""
    tissues = data / "tissues"
    wing = tifffile.imread(tissues / "wing_raw_and_skeleton.tif")
    wing_cells = label_outlines(drawn_lines(wing[0]))[None]
    disc = tifffile.imread(data / "movies" / "wingdisc_8f_labels.tif").astype(int)
    eye = tifffile.imread(tissues / "eyedisc_outlines_120f.tif")[::20]
    notum = tifffile.imread(tissues / "pupal_notum_segmentation.tif")
    return {
        "eye disc": geometry(np.stack([label_outlines(drawn_lines(frame)) for frame in eye])),
        "notum": geometry(label_outlines(drawn_lines(notum))[None]),
        "wing": geometry(wing_cells) | imaging(wing_cells, wing[1:]),
        "wing disc": geometry(disc) | imaging(disc, tifffile.imread(data / "movies" / "wingdisc_8f.tif")),
    }


def simulated(count: int) -> dict[str, dict[str, float]]:
    """Measure simulated tissues of 21 px, as large as the real ones, and how fast they are made."""
    rows = {}
    for kind in ("plain", "hard", "edge"):
        settings = KINDS[kind]
        started, labels, pixels = time.process_time(), [], []
        for number in range(count):
            one = simulate_tissue(seed=FIRST_SEED + number, **settings | {"cell_diameter_px": 21})
            labels.append(one.labels[::30])
            pixels.append(one.pixels[::30])
        seconds = time.process_time() - started
        megapixels = count * np.prod([settings[side] for side in SIZE]) / 1e6
        rows[kind] = geometry(np.concatenate(labels)) | imaging(np.concatenate(labels), np.concatenate(pixels))
        rows[kind] |= {"megapixel-frames a CPU minute": 60 * megapixels / seconds}
    return rows


def say(rows: dict[str, Any]) -> None:
    for name, row in rows.items():
        print(name, {key: round(float(value), 3) for key, value in row.items()}, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--network", help="name, folder or zip of the network to run on the movies; default: only measure geometry"
    )
    parser.add_argument("--data", type=Path, help="the folder of the test data, to measure real tissues too")
    parser.add_argument("--movies", type=int, default=5, help="movies of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["plain"], help="kinds of movies for the network")
    parser.add_argument("--only-network", action="store_true", help="measure no geometry")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    if arguments.data and not arguments.only_network:
        figures["real tissues"] = real(arguments.data)
        say(figures["real tissues"])
    if not arguments.only_network:
        figures["simulated tissues"] = simulated(min(3, arguments.movies))
        say(figures["simulated tissues"])
    if arguments.network:
        network = read_network(find_network(arguments.network))
        for kind in arguments.kinds:
            figures[kind] = found_in(kind, arguments.movies, network, arguments.data)
            print(kind)
            say(figures[kind])
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, default=float) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
