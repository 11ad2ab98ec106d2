"""Measures the overhead of Fiji: a call of a running worker on a large movie, and the memory after each of ten detections.

    python benchmarks/fiji_overhead.py --network notum_all

An ImageJ in a separate JVM, with EpiFiji installed as in a Fiji, opens a movie of 100 MB and detects its events ten
times through the worker. The table shows the wall time of each call and the time of the engine within it; the
difference is the overhead of ImageJ, shared memory, Appose and JSON. Then the engine without Fiji detects the same
movie in a separate Python process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from epifiji.jobs.events.detect import detect
from plain_fiji import make_plain_fiji, run_in_plain_fiji

SHAPE = (400, 500, 500)
SETTINGS = {"step_xy": 50, "step_t": 20}
"""Few windows: the overhead does not depend on the engine's computing time."""

SCRIPT = """# ten detections of one movie
import json, time
from ij import IJ
from java.lang import Runtime, System
from epifiji_client.engine.connection import call
from epifiji_client.images.movies import Pixels

path, network, settings = json.loads(argument)
image = IJ.openImage(path)
settings = dict((key, str(value)) for key, value in settings.items())
settings["network"] = network
process = call("describe", {})["process"]
runs = []
for _ in range(10):
    started = time.time()
    found = call("detect", {"settings": settings}, Pixels(image))
    took = time.time() - started
    System.gc()
    runtime = Runtime.getRuntime()
    with open("/proc/%d/statm" % process) as file:
        resident = int(file.read().split()[1]) * 4096
    runs.append({"call_s": took, "engine_s": found["seconds"], "worker_mb": resident / 1e6,
                 "java_mb": (runtime.totalMemory() - runtime.freeMemory()) / 1e6, "events": len(found["events"])})
System.out.println("runs " + json.dumps(runs))
"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", required=True, help="Name, folder or zip.")
    network = parser.parse_args().network
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movie_file = folder / "movie.tif"
        pixels = np.random.default_rng(1).integers(0, 255, SHAPE, dtype=np.uint8)
        write_movie(Movie(pixels, "movie"), movie_file)
        fiji = make_plain_fiji(folder / "Fiji")
        argument = json.dumps([str(movie_file), network, SETTINGS])
        finished = run_in_plain_fiji(fiji, SCRIPT, argument, timeout_s=3600)
        if "runs " not in finished.stdout:
            sys.exit(finished.stdout + finished.stderr)
        runs = json.loads(finished.stdout.split("runs ", 1)[1].splitlines()[0])
        bare = []
        for _ in range(3):
            started = time.perf_counter()
            detect(movie_file, network, **SETTINGS)
            bare.append(time.perf_counter() - started)
    print(f"movie {SHAPE}, {np.prod(SHAPE) / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}")
    print(f"{'call':>5} {'wall s':>8} {'engine s':>9} {'added s':>8} {'worker MB':>10} {'Java MB':>8}")
    for number, run in enumerate(runs, start=1):
        added = run["call_s"] - run["engine_s"]
        print(
            f"{number:5d} {run['call_s']:8.2f} {run['engine_s']:9.2f} {added:8.2f} {run['worker_mb']:10.0f} {run['java_mb']:8.0f}"
        )
    warm = [run["call_s"] - run["engine_s"] for run in runs[1:]]
    print(f"added by a warm call: median {statistics.median(warm):.2f} s, worst {max(warm):.2f} s")
    print(f"bare engine, warm: median {statistics.median(bare[1:]):.2f} s")


if __name__ == "__main__":
    main()
