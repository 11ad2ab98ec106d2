"""`epifiji try` prints what `epifiji.try_networks` finds."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from command_line import run_here
from demo_movie import demo_movie
from epifiji.jobs.events.trial import Trial, try_networks

PLACE: dict[str, Any] = {"x": 45, "y": 40, "width": 60, "height": 70, "frame": 12, "cell_diameter": 25}
OPTIONS = [text for name, value in PLACE.items() for text in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("try") / "wing disc.tif"
    tifffile.imwrite(path, np.asarray(demo_movie()[0].pixels), imagej=True, metadata={"axes": "TYX"})
    return path


@pytest.fixture(scope="module")
def trial(movie: Path) -> Trial:
    return try_networks(movie, ["epinet"], **PLACE)


def test_the_command_prints_the_finds_and_a_detection_with_the_suggested_settings(
    movie: Path, trial: Trial, tmp_path: Path
) -> None:
    code, said, err = run_here("try", str(movie), "--networks", "epinet", *OPTIONS, "--json", "--out", str(tmp_path))
    assert code == 0, err
    found = json.loads(said)
    finds = trial.networks[0].finds
    assert finds
    assert found["place"] | PLACE == found["place"] | {"cell_diameter": 25}
    assert (found["place"]["first_frame"], found["place"]["last_frame"]) == (8, 16)
    (network,) = found["networks"]
    counts = Counter(event.event for event in finds)
    assert network["counts"] == {name: counts[name] for name in trial.networks[0].description.events}
    assert [(one["event"], int(one["frame"])) for one in found["events"]] == [(e.event, e.frame + 1) for e in finds]
    assert found["command"] == f"epifiji detect '{movie}' --network epinet --mode fast"
    assert [one["option"] for one in found["suggested"]] == [
        "--network", "--cell-diameter", "--event-duration", "--threshold", "--mode",
    ]  # fmt: skip
    assert len(list(csv.reader((tmp_path / "trial.csv").open()))) == 1 + len(finds)
    code, _, err = run_here("try", str(movie), *OPTIONS, "--out", str(tmp_path))
    assert code == 2
    assert "trial.csv" in err


def test_the_table_names_what_cannot_be_used_and_why(tmp_path: Path) -> None:
    path = tmp_path / "small.tif"
    noise = np.random.default_rng(3).integers(0, 200, (8, 40, 42)).astype(np.uint8)
    tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "TYX"})
    code, said, err = run_here("try", str(path), "--networks", "epinet")
    assert code == 0, err
    assert "windows of the network epinet are 45 x 45 px" in said
    assert "epifiji detect" not in said
    assert "8 frames, fewer than 10" in err


def test_a_wrong_place_is_refused(movie: Path) -> None:
    code, said, err = run_here("try", str(movie), "--frame", "31")
    assert (code, said) == (2, "")
    assert "frame is 31, but wing disc has 30 frames: give a frame from 1 to 30" in err
