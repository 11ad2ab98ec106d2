"""A session in the navigator with real keys and clicks gives exactly the expected files, also if ImageJ is killed during it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from desktop import desktop
from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.results.reviews import read_review, write_review
from epifiji.jobs.events.review import finish_review
from jvm import Finished, run_checks
from navigator_checks import FIRST, SECOND, killed_session, model, resumed_session
from navigator_odd_checks import (
    decisions_before_the_rois,
    images_of_other_kinds,
    moved_rois,
    two_movies_of_one_title,
    write_two_movies,
)
from planted_events import planted

MOVED = replace(planted()[6], y=40.0, x=30.0)
ADDED = Event("cell_division", 6, 20.0, 60.0)
ACTIONS = [
    (0, "keep"), (1, "reject"), (2, "skip"), (3, "class", replace(planted()[3], event="cell_sop")), (3, "keep"),
    (4, "reject"), (6, "move", MOVED), (6, "keep"), (9, "reject"), (13, "keep"),
    (14, "keep"), (15, "reject"), (30, "add", ADDED), (21, "reject"),
    (20, "class", replace(planted()[20], event="cell_death")), (20, "keep"), (8, "keep"), (11, "reject"),
]  # fmt: skip
"""What the session's steps mean: ten actions before the end of the first process, and eight after it."""

BEFORE_THE_END = 10
TITLE = "Navigator of noise.tif"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, results: dict[str, Path]) -> Path:
    return results["whole"]


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, results: Path, movie_file: Path
) -> tuple[Finished, list[Action], Finished]:
    env = {"EPIFIJI_TEST_MOVIE": str(movie_file), "EPIFIJI_TEST_RESULTS": str(results)}
    with desktop() as display:
        env |= {"DISPLAY": display}
        killed = run_checks([killed_session], tmp_path_factory.mktemp("killed"), headless=False, env=env)
        written = read_review(results / "review.csv").actions
        odd = [two_movies_of_one_title, moved_rois, decisions_before_the_rois, images_of_other_kinds]
        resumed_folder = write_two_movies(tmp_path_factory.mktemp("resumed"))
        resumed = run_checks([model, resumed_session, *odd], resumed_folder, headless=False, env=env)
    return killed, written, resumed


def without_times(actions: list[Action]) -> list[Action]:
    return [
        replace(a, seconds=0.0, event=a.event and replace(a.event, score=0.0, volume=0, border=False)) for a in actions
    ]


def expected() -> list[Action]:
    return without_times([Action(*action) for action in ACTIONS])  # type: ignore[arg-type]


def test_forty_steps_give_exactly_these_decisions(done: tuple[Finished, list[Action], Finished], results: Path) -> None:
    killed, written, resumed = done
    assert len(FIRST + SECOND) == 40
    assert killed.code == -9
    assert without_times(written) == expected()[:BEFORE_THE_END], "nothing is lost"
    assert resumed[resumed_session]["windows"] == [], "no key reaches ImageJ"
    assert without_times(read_review(results / "review.csv").actions) == expected()


def test_the_results_are_those_of_these_decisions(
    done: tuple[Finished, list[Action], Finished], results: Path, tmp_path: Path
) -> None:
    assert done[2].code == 0
    same = tmp_path / results.name
    same.mkdir()
    (same / "run.json").write_bytes((results / "run.json").read_bytes())
    write_review(same / "review.csv", Review(planted(), [Action(*action) for action in ACTIONS]))  # type: ignore[arg-type]
    finish_review(same / "review.csv")
    made = {file.name: file.read_bytes() for file in (results / "reviewed").iterdir()}
    assert made == {file.name: file.read_bytes() for file in (same / "reviewed").iterdir()}


def test_the_rois_follow_the_decisions_and_the_users_roi_stays(
    done: tuple[Finished, list[Action], Finished],
) -> None:
    (first, *rois) = done[2][resumed_session]["rois"]
    assert first[0] == "mine"
    review = Review(planted(), [Action(*action) for action in ACTIONS])  # type: ignore[arg-type]
    kept = [(item.event.event, item.event.frame + 1) for item in review.items if item.decision != "reject"]
    assert sorted((name.split(" ")[0], frame) for name, frame in rois) == sorted(kept)


def test_a_resumed_session_shows_what_was_decided(done: tuple[Finished, list[Action], Finished]) -> None:
    said = " ".join(done[2][resumed_session]["opened"])
    assert "15 of 30   cell_division   frame 6   score 0.68   open" in said
    assert "7 of 30 decided" in said or "8 of 30 decided" in said


def test_filters_and_sorting(done: tuple[Finished, list[Action], Finished]) -> None:
    assert done[2][model].split("; ") == [
        ": 1 2 0", "death: 2 0", "death open: 0", "score<0.5: 2", "score > 0.5: 0", "frame>=2 x>5: 2", "added: 1", "kept: 1",
        "nothing: ", "disagrees: 2", "score: 1 2 0", "score: 0 2 1", "event: 2 0 1", "opinion: 2 0 1", "opinion: 1 0 2",
        "hidden: 1", "taken over: 1", "selected: 2", "not divided: one cell: agrees  disagrees", "other class: agrees  ",
    ]  # fmt: skip


def test_rings_fade_in_and_out_around_their_event(done: tuple[Finished, list[Action], Finished]) -> None:
    seen = done[2][resumed_session]
    levels = seen["faded"]
    assert [level > 0 for level in levels] == [3 <= frame <= 9 for frame in range(1, 13)], json.dumps(levels)
    assert max(levels) == levels[5]
    assert levels[2] < levels[5] > levels[8]
    assert seen["overlay"], "the movie has no rings when the navigator is closed"


def test_plots_and_reports_are_of_these_results(done: tuple[Finished, list[Action], Finished], results: Path) -> None:
    seen = done[2][resumed_session]
    assert seen["results"] == [str(results / "reviewed"), str(results)]
    assert seen["report"] == [False, True]


def test_commands_of_the_menu_show_the_open_navigator(done: tuple[Finished, list[Action], Finished]) -> None:
    assert done[2][resumed_session]["from menu"] == [0, 0, 1]


def test_results_that_are_opened_again_look_as_before(done: tuple[Finished, list[Action], Finished]) -> None:
    said = done[2][resumed_session]["opened again"]
    assert said.startswith("frame=6 sop ")
    assert " 1 of 31 shown" in said


def test_two_commands_at_once_open_one_navigator_with_each_roi_once(
    done: tuple[Finished, list[Action], Finished],
) -> None:
    seen = done[2][two_movies_of_one_title]
    assert (seen["at once"], seen["ROIs"]) == ([TITLE], 30)


def test_navigators_of_two_movies_of_one_title_decide_about_their_own_events(
    done: tuple[Finished, list[Action], Finished],
) -> None:
    seen = done[2][two_movies_of_one_title]
    assert sorted(seen["titles"]) == [f"{TITLE} in first", f"{TITLE} in second"]
    assert seen["decided"] == [[[0, "reject"]], [[0, "keep"], [1, "reject"]]]
    assert seen["ROIs after two were rejected"] == 58
    assert seen["renamed"] == "Navigator of renamed"


def test_rois_that_the_user_moves_or_updates_are_neither_doubled_nor_forgotten(
    done: tuple[Finished, list[Action], Finished],
) -> None:
    seen = done[2][moved_rois]
    assert seen["taken out"] == [seen["moved"]]
    assert seen["put back"] == 30
    assert "You moved the ROI of this event, but not the event" in seen["said"]
    assert seen["row of the updated"] == seen["row in the table"]
    assert not seen["rejected is there"]


def test_events_are_shown_on_images_of_other_kinds(done: tuple[Finished, list[Action], Finished]) -> None:
    seen = done[2][images_of_other_kinds]
    assert seen["RGB"] == [1, 1, 2]
    assert seen["channels"] == [2, 1, 2]
    assert seen["rings in both channels"], "rings follow the frame in any channel"
    assert seen["virtual"] == [1, 1, 2]


def test_decisions_that_come_before_the_rois_change_them(done: tuple[Finished, list[Action], Finished]) -> None:
    seen = done[2][decisions_before_the_rois]
    rejected, changed = "cell_death 1 (0.60)", "cell_sop 1 (0.67)"
    for names in seen.values():
        assert rejected not in names and changed not in names
    assert [name[:10] for name in seen["open"] if name.endswith("(0.67)")] == ["cell_death"]
    assert (len(seen["open"]), len(seen["closed"])) == (29, 28)
