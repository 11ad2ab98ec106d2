"""Whenever a process is killed, and wherever a disk fails, a folder is as it was before or as it is after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kill_points import SCENARIOS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
WHICH = "all" if os.environ.get("EPIFIJI_ALL_KILL_POINTS") else "some"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_killed_change_is_before_or_after_and_the_next_one_works(scenario: str, tmp_path: Path) -> None:
    script = [sys.executable, str(Path(__file__).with_name("kill_points.py")), scenario, str(tmp_path), WHICH]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout)
    print(scenario, found)
    assert found["tried"] > 20
    assert found["calls"] > 40
    assert found["between"] == []
    assert found["wrong"] == [], run.stderr[-3000:]
