"""Measures how long Try Networks Here... takes: what Fiji asks the engine for, with the cell diameter given and estimated.

    python benchmarks/trial_speed.py [--networks epinet,notum_all] [--cell-diameter 25]

The movie is simulated, 60 frames of 640 x 640 pixels, and the place that of a newcomer: 200 x 200 pixels in its middle. The
first trial includes loading the networks, as after a start of Fiji.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

FRAMES, SIDE = 60, 640


def main() -> None:
    """Measure, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="epinet")
    parser.add_argument("--cell-diameter", type=float, default=25)
    given = parser.parse_args()
    from epifiji.engine.simulation.movie import simulate
    from requests_of_fiji import ask, bytes_of, image

    made, _ = simulate(frames=FRAMES, height=SIDE, width=SIDE, cell_diameter_px=given.cell_diameter, seed=3)
    pixels = made.frames(0, FRAMES)
    for diameter in ("auto", str(given.cell_diameter), "auto", str(given.cell_diameter)):
        started, used = time.perf_counter(), time.process_time()
        settings = {"networks": given.networks, "cell_diameter": diameter}
        place = ask("trial_place", {"settings": settings, "name": "m", "shape": pixels.shape, "view": None})["result"]
        part = place["part"]
        cut = pixels[
            part["first"] : part["stop"], part["y"] : part["y"] + part["height"], part["x"] : part["x"] + part["width"]
        ]
        request = {"settings": settings, "image": image(cut), "shape": pixels.shape, **place}
        found = ask("trial", request, bytes_of(cut))["result"]
        print(
            f"load {os.getloadavg()[0]:.1f}; diameter {diameter}, found {found['cell_diameter']}; part of {cut.shape}: "
            f"{time.perf_counter() - started:.2f} s, {time.process_time() - used:.2f} s of processor time; "
            + ", ".join(
                f"{one['name']} {one['seconds']} s, {len(one['events'])} candidates" for one in found["networks"]
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
