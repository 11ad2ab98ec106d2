"""Whenever a process is killed, and wherever a disk fails, a folder is in its earlier or its final state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kill_points
from kill_points import SCENARIOS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
WHICH = "all" if os.environ.get("EPIFIJI_ALL_KILL_POINTS") else "some"


def tried(scenario: str, folder: Path, how: str) -> dict[str, Any]:
    script = [sys.executable, kill_points.__file__, scenario, str(folder), WHICH, how]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout)
    print(how, scenario, found)
    assert found["calls"] > 20
    assert found["tried"] > 5
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_killed_change_is_before_or_after_and_the_next_one_works(scenario: str, tmp_path: Path) -> None:
    found = tried(scenario, tmp_path, "kill")
    assert found["between"] == []
    assert found["wrong"] == []


@pytest.mark.parametrize("scenario", ["detect again", "review", "network", "first retrain", "update"])
def test_where_the_disk_fails_nothing_is_half_written_and_the_file_is_named(scenario: str, tmp_path: Path) -> None:
    found = tried(scenario, tmp_path, "fail")
    assert found["between"] == []
    assert found["unnamed"] == []
    assert found["said"] > 3 or scenario == "update"
