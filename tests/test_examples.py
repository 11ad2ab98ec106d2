"""The examples of docs/examples run as they stand."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import tifffile

import epifiji

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"


def test_the_example_for_python_finds_and_keeps_the_events(
    tmp_path: Path, movie_file: Path, network_folder: Path
) -> None:
    results = tmp_path / "my results"
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / "detect_from_python.py"), str(movie_file), str(results)],
        env={**os.environ, "EPIFIJI_NETWORKS": str(network_folder.parent)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    expected = epifiji.detect(movie_file, network_folder, threshold=150)
    assert str(expected.counts) in finished.stdout
    assert f"ROIs on the movie: {len(expected.events)}" in finished.stdout
    with (results / "noise_epifiji" / "events.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(expected.events) > 0
    with tifffile.TiffFile(results / "noise_with_events.tif") as tiff:
        assert len(tiff.imagej_metadata["Overlays"]) == len(expected.events)
