"""The examples of docs/examples run unchanged."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import tifffile

import epifiji
from demo_movie import demo_movie
from epifiji.files.movies.movie_file import write_movie
from jvm import SHORT_JAVA
from small_networks import chosen

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"


def test_the_example_for_python_finds_and_keeps_the_events(
    tmp_path: Path, movie_file: Path, epinet_folder: Path
) -> None:
    results = tmp_path / "my results"
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / "detect_from_python.py"), str(movie_file), str(results)],
        env={
            **os.environ,
            **SHORT_JAVA,
            **chosen("small", tmp_path / "config"),
            "EPIFIJI_NETWORKS": str(epinet_folder.parent),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    expected = epifiji.detect(movie_file, epinet_folder, threshold=150)
    assert str(expected.counts) in finished.stdout
    assert f"ROIs on the movie: {len(expected.events)}" in finished.stdout
    with (results / "noise_epifiji" / "events.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(expected.events) > 0
    with tifffile.TiffFile(results / "noise_with_events.tif") as tiff:
        assert len(tiff.imagej_metadata["Overlays"]) == len(expected.events)


def test_the_example_for_what_follows_a_detection_runs(tmp_path: Path) -> None:
    movie_file, detected, results = tmp_path / "cells.tif", tmp_path / "cells_epifiji", tmp_path / "results"
    write_movie(demo_movie()[0], movie_file)
    found = epifiji.detect(movie_file, "epinet", maps="raw")
    found.save(detected)
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / "after_detection.py"), str(movie_file), str(detected), str(results)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    kept = sum(event.score > 0.6 for event in found.events[:-1])
    assert f"kept: {kept}, precision {kept / len(found.events):.2f}" in finished.stdout
    with (results / "comparison" / "comparison.csv").open() as file:
        overall = list(csv.DictReader(file))[-1]
    assert (overall["true_positives"], overall["false_positives"]) == (str(kept), str(len(found.events) - kept))
    assert {file.name for file in results.iterdir()} == {"comparison", "curve", "plots", "part", "gallery.png"}


def test_the_example_for_a_cluster_asks_for_its_workers(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "slurm_cluster.py"), "movie.tif", "--out", str(tmp_path), "--show"]
    script = subprocess.run(
        [*command, "--partition", "short"], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    for line in ("#SBATCH -p short", "#SBATCH --cpus-per-task=4", "#SBATCH -t 02:00:00", "--nthreads 1 "):
        assert line in script
