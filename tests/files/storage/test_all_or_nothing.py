"""Whenever a process is killed, and wherever a disk fails, a folder is in its earlier or its final state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kill_points
from kill_points import SCENARIOS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
WHICH = "all" if os.environ.get("EPIFIJI_ALL_KILL_POINTS") else "some"


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A process in which scenarios are tried."""
    script = [sys.executable, kill_points.__file__]
    with (
        (tmp_path_factory.mktemp("points") / "errors.txt").open("w") as errors,
        subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        yield process
        process.stdin.close()


def tried(points: subprocess.Popen[str], scenario: str, folder: Path, how: str) -> dict[str, Any]:
    points.stdin.write(json.dumps([scenario, str(folder), WHICH, how]) + "\n")
    points.stdin.flush()
    found: dict[str, Any] = json.loads(points.stdout.readline())
    assert "problem" not in found, found["problem"]
    print(how, scenario, found)
    assert found["calls"] > 20
    assert found["tried"] > 5
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_killed_change_is_before_or_after_and_the_next_one_works(points, scenario: str, tmp_path: Path) -> None:
    found = tried(points, scenario, tmp_path, "kill")
    assert found["between"] == []
    assert found["wrong"] == []


@pytest.mark.parametrize("scenario", ["detect again", "review", "network", "first retrain", "update"])
def test_where_the_disk_fails_nothing_is_half_written_and_the_file_is_named(
    points, scenario: str, tmp_path: Path
) -> None:
    found = tried(points, scenario, tmp_path, "fail")
    assert found["between"] == []
    assert found["unnamed"] == []
    assert found["said"] > 3 or scenario == "update"
