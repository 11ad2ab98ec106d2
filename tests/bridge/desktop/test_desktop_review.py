"""A review with real keys records exactly these keys, also if ImageJ is killed during it.

Then the keys are released.
"""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from desktop import desktop
from epifiji.data.review import presented
from epifiji.files.results.reviews import read_review
from epifiji.files.rois.roi_files import read_rois
from jvm import Finished, run_checks
from planted_events import planted
from review_checks import (
    keys_given_back,
    killed_review,
    one_class_at_random,
    resumed_review,
    review_of_the_manager,
    whole_review,
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, results: dict[str, Path], movie_file: Path) -> dict[str, Finished]:
    finished = {}
    with desktop() as display:
        for name, checks in {
            "killed": [whole_review, review_of_the_manager, one_class_at_random, killed_review],
            "resumed": [resumed_review, keys_given_back],
        }.items():
            env = {
                "DISPLAY": display,
                "EPIFIJI_TEST_MOVIE": str(movie_file),
                "EPIFIJI_TEST_RESULTS": str(results["whole"]),
                "EPIFIJI_TEST_KILLED": str(results["killed"]),
                "EPIFIJI_TEST_KEYS": str(results["keys"]),
                "EPIFIJI_TEST_OTHER": str(results["manager"].parent / "other"),
                "EPIFIJI_TEST_OTHER_RESULTS": str(results["random"]),
            }
            finished[name] = run_checks(checks, tmp_path_factory.mktemp(f"run_{name}"), headless=False, env=env)
    return finished


def rows(folder: Path) -> list[list[str]]:
    """Return the review's rows without the times, which differ between runs."""
    with (folder / "review.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    return [
        [
            value if key != "history" else re.sub(r"@[0-9.]+", "", value)
            for key, value in row.items()
            if key != "seconds"
        ]
        for row in table
    ]


DECIDED = {
    1: "keep",
    2: "reject",
    3: "reject",
    **dict.fromkeys(range(4, 12), "keep"),
    7: "reject",
    12: "reject",
    **dict.fromkeys((13, 14), "keep"),
    **{number: "keep" if number % 2 else "reject" for number in range(15, 31)},
}
"""The decision on each event (from 1) by the keys. The seventh and the eleventh event were skipped at first."""


def test_every_key_and_click_is_in_the_table(done: dict[str, Finished], results: dict[str, Path]) -> None:
    assert "manager" in done["killed"][whole_review]
    review = read_review(results["whole"] / "review.csv")
    items = review.items
    events = planted()
    assert {number: items[number - 1].decision for number in DECIDED} == DECIDED
    assert items[3].event.event == "cell_sop"  # key 2
    assert items[5].event.event == "cell_division"  # key 3
    moved = items[8]  # clicked in the picture, 5 px to the left and 3 down
    assert (moved.event.y, moved.event.x) == pytest.approx((events[8].y + 3, events[8].x - 5), abs=0.5)
    moved = items[9]  # clicked on the movie at x 12, y 17
    assert (moved.event.y, moved.event.x) == pytest.approx((17, 12), abs=0.6)
    moved = items[12]  # dragged on the movie
    assert (moved.event.y, moved.event.x) == pytest.approx((events[12].y - 6, events[12].x + 9), abs=0.6)
    moved = items[13]  # dragged in the picture
    assert (moved.event.y, moved.event.x) == pytest.approx((events[13].y + 4, events[13].x + 6), abs=0.6)
    assert moved.event.event == "cell_death"  # key 1
    still = [item for number, item in enumerate(items[:30]) if number not in (8, 9, 12, 13)]
    assert all((item.event.y, item.event.x) == (item.detected.y, item.detected.x) for item in still if item.detected)
    assert all(item.event.frame == event.frame for item, event in zip(items, events, strict=False))
    assert len(items) == 31
    added = items[30]
    assert added.detected is None
    assert (added.event.y, added.event.x) == pytest.approx((33, 40), abs=0.6)
    assert added.event.event == events[10].event


def test_a_killed_review_continues_to_the_same_result(done: dict[str, Finished], results: dict[str, Path]) -> None:
    assert done["killed"].code == -9
    assert "manager" in done["resumed"][resumed_review]
    assert rows(results["killed"]) == rows(results["whole"])
    whole, killed = results["whole"] / "reviewed", results["killed"] / "reviewed"
    assert {f.name: f.read_bytes() for f in killed.iterdir()} == {f.name: f.read_bytes() for f in whole.iterdir()}
    assert done["resumed"][resumed_review]["manager"] == done["killed"][whole_review]["manager"]


def test_the_results_are_the_kept_and_rejected_events(done: dict[str, Finished], results: dict[str, Path]) -> None:
    review = read_review(results["whole"] / "review.csv")
    folder = results["whole"] / "reviewed"
    rejected = read_rois(folder / "noise_nothing.zip", "nothing")
    assert [(e.frame, e.y, e.x) for e in rejected] == [(e.frame, e.y, e.x) for e in review.rejected()]
    kept = sum(len(read_rois(file, "any")) for file in folder.glob("noise_cell_*.zip"))
    assert kept == len(review.kept()) == len(done["killed"][whole_review]["manager"])


def test_keys_act_only_in_front_and_are_released_at_the_end(done: dict[str, Finished]) -> None:
    seen = done["resumed"][keys_given_back]
    assert seen["during"] == {"mine": "", "opened": []}
    assert seen["elsewhere"] == 0
    assert seen["fired"] == "fired"


def test_one_class_in_a_random_order_as_a_loop(done: dict[str, Finished], results: dict[str, Path]) -> None:
    seen = done["killed"][one_class_at_random]
    assert seen["pictures"] >= 3, "the loop moved"
    review = read_review(results["random"] / "review.csv")
    order = [index for index in presented(planted(), "random", None, 2) if planted()[index].event == "cell_sop"]
    first, second, third = (review.items[index] for index in order[:3])
    assert [item.decision for item in (first, second, third)] == ["keep", "keep", "reject"]
    assert sum(bool(item.decision) for item in review.items) == 3
    assert second.detected is not None
    assert (second.event.y, second.event.x) == pytest.approx((second.detected.y + 4, second.detected.x - 6), abs=0.8)
    assert second.event.frame == second.detected.frame
    assert third.event.event == "cell_death"
    assert seen["slice"] == first.event.frame + 1


def test_the_managers_rois_can_be_reviewed_and_stay(done: dict[str, Finished], results: dict[str, Path]) -> None:
    seen = done["killed"][review_of_the_manager]
    assert seen["same"]
    review = read_review(results["manager"].parent / "other" / "review.csv")
    assert len(review.detected) == seen["count"]
    assert sum(item.decision in ("keep", "reject") for item in review.items) == 2
    least_sure = sorted(event.score for event in review.detected if event.score == event.score)[:2]
    scored = [item.detected.score for item in review.items if item.decision and item.detected]
    assert sorted(scored) == least_sure
    shutil.rmtree(results["manager"].parent / "other")
