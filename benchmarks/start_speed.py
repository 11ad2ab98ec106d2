"""Prints the processor time of a whole detection by phases, and beside it that of a second one; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from epifiji.data.movie import Movie
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.movies.movie_file import write_movie

MOVIE = {"frames": 80, "height": 320, "width": 320, "extrusions": 12, "divisions": 10, "sops": 4, "seed": 7}

PHASES = """
import json, sys, time
marks = [("python", time.process_time())]
def mark(name):
    marks.append((name, time.process_time()))
import epifiji.bridge.cli.main
mark("import of the command line")
from epifiji.jobs.events.detect import detect
mark("import of the detection")
from epifiji.jobs.events.blocks import predictor_of
from epifiji.jobs.networks import event_network_of
network = event_network_of(sys.argv[2] or None)
mark("network read")
predictor = predictor_of(network, sys.argv[3])
mark("runtime started")
first = detect(sys.argv[1], network, mode=sys.argv[3])
mark("first detection")
second = detect(sys.argv[1], network, mode=sys.argv[3])
mark("second detection")
first.save("first")
mark("writing")
print(json.dumps(marks))
"""


def seconds_of(command: list[str], folder: str) -> tuple[float, float, str]:
    """Run a command in a folder; return its user and system seconds, its peak memory in MB, and what it printed."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command[:3])} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, printed


def phases_of(movie: Path, network: str, mode: str, folder: str) -> dict[str, float]:
    total, _, printed = seconds_of([sys.executable, "-c", PHASES, str(movie), network, mode], folder)
    marks = [("", 0.0), *json.loads(printed.splitlines()[-1])]
    found = {name: at - before for (_, before), (name, at) in pairwise(marks)}
    return found | {"leaving": total - marks[-1][1]}


def in_words(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f}   {min(values):.2f} to {max(values):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movie", type=Path, help="a TIFF, instead of a simulated movie")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--network", default="", help="default: EpiNet")
    parser.add_argument("--mode", default="fast")
    arguments = parser.parse_args()
    given = ["--network", arguments.network] if arguments.network else []
    with tempfile.TemporaryDirectory() as folder:
        movie = arguments.movie.resolve() if arguments.movie else Path(folder) / "movie.tif"
        if not arguments.movie:
            write_movie(Movie(simulate_tissue(**MOVIE).pixels), movie)
        runs, memory, phases = [], [], []
        for number in range(arguments.repeats):
            command = [sys.executable, "-m", "epifiji", "detect", str(movie), "--mode", arguments.mode, *given]
            seconds, megabytes, _ = seconds_of([*command, "--out", f"run{number}"], folder)
            runs.append(seconds)
            memory.append(megabytes)
            own = Path(folder) / f"phases{number}"
            own.mkdir()
            phases.append(phases_of(movie, arguments.network, arguments.mode, str(own)))
    print("processor seconds: median, least to most")
    for name in phases[0]:
        print(f"{name:28}{in_words([one[name] for one in phases])}")
    print(f"{'epifiji detect':28}{in_words(runs)}")
    rest = [run - one["second detection"] for run, one in zip(runs, phases, strict=True)]
    print(f"{'... but a second detection':28}{in_words(rest)}")
    print(f"peak memory of epifiji detect: {statistics.median(memory):.0f} MB")


if __name__ == "__main__":
    main()
