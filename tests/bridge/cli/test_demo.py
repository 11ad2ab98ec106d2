"""The command `demo`, as a new user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import tifffile

from demo_movie import demo_movie
from epifiji.engine.metrics.events import match_events, score
from epifiji.files.results.events_table import read_events
from jvm import SHORT_EPIFIJI, SHORT_JAVA


def run(program: Sequence[str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*program, "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})


def test_the_demonstration_finds_the_simulated_events_and_shows_them(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    answer = run(
        SHORT_EPIFIJI, "--out", str(out), "--network", "notum_all", EPIFIJI_NETWORKS=str(shared_data / "dexnets")
    )
    assert "network:  notum_all" in answer.stdout
    assert answer.returncode == 0, answer.stderr
    folder = out / "epifiji_demo_epifiji"
    assert str(folder / "overlay.png") in answer.stdout.replace("\n", "")
    found = read_events(folder / "events.csv")
    assert f"{len(found)} events found; 10 were planted" in answer.stdout
    _, planted = demo_movie()
    scores = score(match_events(found, planted)).overall
    assert scores.true_positives >= 9
    assert scores.false_positives <= 1
    with tifffile.TiffFile(folder / "epifiji_demo_imagej.tif") as tif:
        assert tif.is_imagej
        assert len(tif.imagej_metadata["Overlays"]) == len(found)
    for picture in ("overlay.png", "epifiji_demo_imagej.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    again = run(SHORT_EPIFIJI, "--out", str(out), EPIFIJI_NETWORKS=str(shared_data / "dexnets"))
    assert again.returncode == 2
    assert "epifiji_demo.tif exists: give another --out, or --overwrite" in again.stderr


def test_the_demonstration_needs_no_downloaded_network(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    program = [sys.executable, "-m", "epifiji"]
    own = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path), "EPIFIJI_NETWORKS": ""}
    answer = run(program, "--out", str(out), **own, **SHORT_JAVA)
    assert answer.returncode == 0, answer.stderr
    folder = out / "epifiji_demo_epifiji"
    assert json.loads((folder / "run.json").read_text())["network"]["name"] == "epinet"
    _, planted = demo_movie()
    scores = score(match_events(read_events(folder / "events.csv"), planted)).overall
    assert scores.true_positives >= 9
    assert scores.false_positives <= 1
