"""Compares the events and the computing time of fast and exact mode; see README.md."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.optimize import linear_sum_assignment

import epifiji
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.networks.store import find_network, read_network
from epifiji.jobs.events.blocks import predictor_of

WITHIN_PX, WITHIN_FRAMES, WITHIN_SCORE = 5, 1, 0.05

SIMULATED: tuple[dict[str, Any], ...] = (
    {"seed": 101, "cell_diameter_px": 19},
    {"seed": 102, "cell_diameter_px": 22, "event_variety": 0.6, "photons": 60, "camera_noise": 6},
    {"seed": 103, "cell_diameter_px": 20, "event_variety": 0.8, "drift_px": 0.4, "flickering_spots": 4, "debris": 4},
    {"seed": 111, "cell_diameter_px": 21, "event_variety": 0.7, "restlessness": 3, "flow_px": 1.3},
    {
        "seed": 112,
        "cell_diameter_px": 19,
        "event_variety": 1.5,
        "restlessness": 2.5,
        "photons": 60,
        "camera_noise": 6,
        "debris": 4,
        "flickering_spots": 4,
    },
)
"""Movies with as many events as fit, the last two of restless tissues; the prefilter was not trained on these seeds."""

CROWDED = {
    "frames": 60,
    "height": 300,
    "width": 300,
    "extrusions": 36,
    "divisions": 26,
    "sops": 16,
    "margin_frames": 4,
    "margin_diameters": 0.5,
    "separation_diameters": 1.5,
}


def simulated() -> Iterator[tuple[str, np.ndarray]]:
    for one in SIMULATED:
        yield f"simulated {one}", simulate_tissue(**CROWDED, **one, fewer=True).pixels


def same(exact: list[Event], fast: list[Event]) -> int:
    """Count the events that both modes found, matched one to one."""
    count = 0
    for name in {event.event for event in exact}:
        these, those = ([e for e in events if e.event == name] for events in (exact, fast))
        far = np.array(
            [
                [
                    np.hypot(a.y - b.y, a.x - b.x) > WITHIN_PX
                    or abs(a.frame - b.frame) > WITHIN_FRAMES
                    or abs(a.score - b.score) > WITHIN_SCORE
                    for b in those
                ]
                for a in these
            ]
        ).reshape(len(these), len(those))
        count += int((~far[linear_sum_assignment(far)]).sum())
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="notum_all", help="name, folder or zip")
    parser.add_argument("--movie", type=Path, action="append", default=[], help="a TIFF, in addition to simulated ones")
    parser.add_argument("--no-simulated", action="store_true", help="leave the simulated movies out")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    arguments = parser.parse_args()
    network = read_network(find_network(arguments.network))
    for mode in ("fast", "exact"):
        predictor_of(network, mode)
    movies = [(path.name, tifffile.imread(path)) for path in arguments.movie]
    rows = []
    for name, pixels in [*movies, *([] if arguments.no_simulated else simulated())]:
        row: dict[str, object] = {"movie": name, "shape": pixels.shape}
        events = {}
        for mode in ("exact", "fast"):
            wall, cpu = time.perf_counter(), time.process_time()
            events[mode] = epifiji.detect(Movie(pixels), network, mode=mode).events
            row |= {f"{mode} s": time.perf_counter() - wall, f"{mode} CPU s": time.process_time() - cpu}
        row |= {
            "exact": len(events["exact"]),
            "fast": len(events["fast"]),
            "same": same(events["exact"], events["fast"]),
        }
        rows.append(row)
        print({key: round(value, 1) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
    found, both = (sum(int(str(row[key])) for row in rows) for key in ("exact", "same"))
    print(f"{both} of {found} events are the same, with {sum(int(str(r['fast'])) for r in rows) - both} others")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
