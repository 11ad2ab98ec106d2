"""A complete check of a box in the navigator, with real keys: what it shows, and what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from complete_check_checks import MISSED, checked_box
from desktop import desktop
from epifiji.files.results.reviews import read_review
from epifiji.jobs.scoring.complete_check import complete_check
from jvm import run_checks


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, results: dict[str, Path], movie_file: Path) -> dict[str, Any]:
    env = {"EPIFIJI_TEST_MOVIE": str(movie_file), "EPIFIJI_TEST_RESULTS": str(results["whole"])}
    with desktop() as display:
        done = run_checks(
            [checked_box], tmp_path_factory.mktemp("checked"), headless=False, env=env | {"DISPLAY": display}
        )
    found: dict[str, Any] = done[checked_box]
    return found


def test_only_events_of_the_box_are_listed_and_its_frames_are_played(seen: dict[str, Any]) -> None:
    first, last = seen["written"]["boxes"][0]["frames"]
    assert seen["begun"]["text"].startswith(f"Box 1 of 1: frames {first} to {last}, inside the yellow outline.")
    assert seen["begun"]["rows"] == 15
    assert "15 to decide: 0 kept, 0 rejected, 0 added" in seen["begun"]["labels"]
    assert seen["begun"]["buttons"] == ["Play", "Finish"]
    assert seen["played"] == list(range(first, last + 1))


def test_a_box_can_be_marked_when_every_event_has_a_decision(seen: dict[str, Any]) -> None:
    assert "1 to decide: 13 kept, 1 rejected, 0 added" in seen["skipped"]["labels"]
    assert seen["skipped"]["buttons"] == ["Play", "Finish"]
    assert "nothing left to decide: 14 kept, 1 rejected, 1 added" in seen["decided"]["labels"]
    assert seen["decided"]["buttons"] == ["Play", "All Events Are Marked", "Finish"]
    assert seen["marked"]["text"].startswith("In 1 box all events were marked: 14 of 15 had been found, recall 0.93 (")
    assert seen["marked"]["buttons"] == ["Play", "Next Box", "Finish"]
    assert seen["next"]["rows"] == 15


def test_the_files_have_the_decisions_and_the_boxes(seen: dict[str, Any], results: dict[str, Path]) -> None:
    found = complete_check(results["whole"])
    assert found.complete == [1]
    assert len(found.check.drawn) == 2
    assert seen["written"]["boxes"][0]["seconds"] > 1
    added = read_review(results["whole"] / "review.csv").items[-1].event
    assert (added.x, added.y) == (pytest.approx(MISSED[0], abs=1), pytest.approx(MISSED[1], abs=1))
    assert seen["overlay"], "the movie has no outline when the navigator is closed"
