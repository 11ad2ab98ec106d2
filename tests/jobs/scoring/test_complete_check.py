"""A complete check, from the drawn boxes to recall with its interval."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from command_line import one_sentence, run_here
from epifiji.data.complete_check import Check, counts_in, items_in
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Counts
from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.results.complete_checks import CHECK, CHECK_PICTURE, CHECK_TABLE, write_check
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import write_record
from epifiji.files.results.reviews import REVIEW, write_review
from epifiji.jobs.events.review import decide
from epifiji.jobs.scoring.complete_check import CompleteCheck, complete_check
from epifiji.jobs.scoring.expected_scores import expected_scores

SHAPE = (100, 400, 600)


def result(folder: Path, events: int = 60, shape: tuple[int, int, int] | None = SHAPE) -> list[Event]:
    """Write a result folder of extrusions and divisions all over a movie; return the events."""
    random = np.random.default_rng(5)
    places = random.random((events, 3)) * SHAPE - 0.4
    found = [
        Event(
            "cell_division" if number % 3 else "cell_death", int(t + 0.4), float(y), float(x), 0.5 + number / 300, 900
        )
        for number, (t, y, x) in enumerate(places)
    ]
    write_events(folder / "events.csv", found, None, None)
    movie = {"name": "m"} | ({} if shape is None else {"shape": shape})
    write_record(folder / "run.json", {"epifiji": 1, "movie": movie, "scale": {"factor_t": 1, "factor_xy": 1}})
    return found


def decide_in(folder: Path, number: int, missed: int = 0) -> None:
    """Keep every event in a box but the first, which is rejected, and add missed ones at its middle."""
    found = complete_check(folder, boxes=number)
    review = found.review
    box = found.check.drawn[number - 1].box
    inside = [n for n, item in enumerate(review.items) if box.holds(item.event, SHAPE)]
    for place, item in enumerate(inside):
        review.do(Action(item, "keep" if place else "reject"))
    for _ in range(missed):
        middle = [sum(ends) / 2 for ends in (box.frames, box.rows, box.columns)]
        review.do(Action(len(review.items), "add", Event("cell_death", int(middle[0]), middle[1], middle[2])))
    write_review(folder / REVIEW, review)


def marked(folder: Path, *numbers: int) -> CompleteCheck:
    """Mark boxes without a picture, which takes long to draw."""
    check = complete_check(folder).check
    for number in numbers:
        check = check.mark(number)
    write_check(folder / CHECK, check, [])
    return complete_check(folder)


def test_the_boxes_divide_the_movie_so_that_each_event_is_in_one() -> None:
    check = Check.of((101, 130, 610), (25, 200, 200), 3)
    boxes = check.all_boxes()
    assert check.parts == (4, 1, 3)
    covered = np.zeros(check.shape, int)
    for box in boxes:
        covered[tuple(slice(*ends) for ends in (box.frames, box.rows, box.columns))] += 1
    assert (covered == 1).all()
    for event in [Event("a", 0, -0.5, 609.5), Event("a", 100, 129.49, 202.5), Event("a", 24, 64.5, 202.49)]:
        assert sum(box.holds(event, check.shape) for box in boxes) == 1
    # ImageJ's pixel 203 begins at 202.5.
    assert [box.columns for box in boxes if box.holds(Event("a", 0, 0, 202.5), check.shape)] == [(203, 406)]


def test_every_box_is_as_likely_and_boxes_that_were_drawn_stay() -> None:
    first = [Check.of(SHAPE, (50, 200, 200), seed).draw(1).drawn[0].box for seed in range(600)]
    # 12 boxes, 50 times each: beyond 5 standard deviations for one in a million draws.
    assert len(set(first)) == 12
    assert all(abs(first.count(box) - 50) < 5 * 50**0.5 for box in set(first))
    few = Check.of(SHAPE, (50, 200, 200), 1).draw(3).mark(2)
    more = few.draw(99)
    assert more.drawn[:3] == few.drawn
    assert len({one.box for one in more.drawn}) == len(more.drawn) == 12


def test_events_of_a_box_are_counted_by_class() -> None:
    box = Check.of(SHAPE, SHAPE, 1).all_boxes()[0]
    events = [Event("cell_death", n, 10.0 * n, 5.0) for n in range(4)] + [Event("cell_sop", 9, 5, 5)]
    review = Review(events)
    for action in [Action(0, "keep"), Action(1, "reject"), Action(2, "class", Event("cell_sop", 0, 0, 0))]:
        review.do(action)
    review.do(Action(2, "keep"))
    review.do(Action(5, "add", Event("cell_death", 50, 90, 90)))
    items = items_in(box, review, SHAPE)
    assert counts_in(items, "cell_death") == Counts(1, 2, 1)
    assert counts_in(items, "cell_sop") == Counts(0, 0, 1)
    assert counts_in(items) == Counts(1, 2, 2)


def test_a_check_of_some_boxes_has_their_counts_and_continues(tmp_path: Path) -> None:
    result(tmp_path)
    begun = complete_check(tmp_path)
    assert begun.check.parts == (4, 2, 3)
    assert begun.sentences() == ["No box is complete yet, so recall is not known."]
    with pytest.raises(WrongInputError, match=r"Box 1 has \d+ events without a decision: keep or reject them first"):
        begun.mark(1)
    decide_in(tmp_path, 1, missed=2)
    decide_in(tmp_path, 2)
    marked(tmp_path, 1)
    found = complete_check(tmp_path).mark(2, seconds=30)
    assert complete_check(tmp_path).check == found.check
    inside = [len(found.items(1)) - 2, len(found.items(2))]
    right = sum(inside) - 2
    scores = found.scores()
    assert [one.event for one in scores] == ["cell_death", "cell_division", "all"]
    assert scores[-1].counts == Counts(right, 2, 2)
    assert scores[-1].recall.value == pytest.approx(right / (right + 2))
    assert scores[-1].precision.value == pytest.approx(right / (right + 2))
    assert found.sentences()[0].startswith(
        f"In 2 boxes all events were marked: {right} of {right + 2} had been found, recall "
    )
    with (tmp_path / CHECK_TABLE).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [one.event for one in scores]
    assert float(rows[-1]["recall_from"]) < float(rows[-1]["recall"]) < float(rows[-1]["recall_to"])
    assert (tmp_path / CHECK_PICTURE).stat().st_size > 10_000
    assert json.loads((tmp_path / CHECK).read_text())["boxes"][1]["seconds"] == 30


def test_a_check_of_the_whole_movie_leaves_no_interval(tmp_path: Path) -> None:
    result(tmp_path, 12)
    complete_check(tmp_path, box_side=1000, box_frames=100)
    decide_in(tmp_path, 1, missed=3)
    recall = marked(tmp_path, 1).scores()[-1].recall
    assert (recall.low, recall.value, recall.high) == (pytest.approx(11 / 14),) * 3


def test_a_box_does_not_count_while_a_decision_is_missing(tmp_path: Path) -> None:
    result(tmp_path)
    decide_in(tmp_path, 1)
    found = marked(tmp_path, 1)
    assert found.complete == [1]
    decide(tmp_path / "review.csv", found.review, None)
    again = complete_check(tmp_path)
    assert again.complete == []
    assert again.notices == ["Box 1 was marked, but 1 of its events have no decision now, so it does not count."]


def test_expected_recall_is_that_of_the_complete_check(tmp_path: Path) -> None:
    result(tmp_path)
    complete_check(tmp_path, box_side=1000, box_frames=100)
    decide_in(tmp_path, 1, missed=20)
    before = expected_scores(tmp_path)
    marked(tmp_path, 1)
    after = expected_scores(tmp_path)
    assert [one.boxes for one in before.classes] == [0, 0]
    assert [one.boxes for one in after.classes] == [1, 1]
    death = next(one for one in after.classes if one.event == "cell_death")
    kept = sum(item.correct for item in complete_check(tmp_path).review.items if item.event.event == "cell_death")
    assert death.at(0)["recall"].value == pytest.approx(kept / (kept + 20))
    assert "complete check, in which 1 box is complete" in after.notices[0]


def test_missed_events_of_a_box_lower_the_expected_recall_of_the_movie(tmp_path: Path) -> None:
    result(tmp_path)
    for number in (1, 2):
        decide_in(tmp_path, number, missed=3)
        marked(tmp_path, number)
    found = next(one for one in expected_scores(tmp_path).classes if one.event == "cell_death").at(0)["recall"]
    # Six of the movie's about 40 extrusions were added, but the boxes are a twelfth of the movie.
    checked = next(one for one in complete_check(tmp_path).scores() if one.event == "cell_death").recall
    assert checked.low is not None
    assert checked.high is not None
    assert checked.low < found.value < min(checked.high, 0.85)


def test_the_command_draws_marks_and_reports(tmp_path: Path) -> None:
    result(tmp_path)
    code, said, _ = run_here("complete-check", str(tmp_path), "--boxes", "2")
    assert code == 0
    assert "recall is not known" in said
    decide_in(tmp_path, 1)
    code, said, _ = run_here("complete-check", str(tmp_path), "--mark", "1")
    assert code == 0
    assert "In 1 box all events were marked:" in said
    assert f"written: {tmp_path / CHECK_TABLE}" in said
    found = json.loads(run_here("complete-check", str(tmp_path), "--json")[1])
    assert (found["complete"], found["boxes_in_all"], len(found["boxes"])) == ([1], 24, 2)
    assert json.loads(run_here("complete-check", str(tmp_path), "--unmark", "1", "--json")[1])["complete"] == []
    assert not (tmp_path / CHECK_TABLE).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mark", "4"], "Box 4 was to be marked, but boxes 1 to 1 were drawn"),
        (["--box-side", "90"], "box_side is 90"),
        (["--seed", "2"], "has boxes of 25 frames and 200 x 200 px with the seed 1"),
        (["--boxes", "0"], "boxes"),
        (["--box-side", "2", "--box-frames", "1"], "divide the movie into 6000000, but at most 100000 are possible"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    result(tmp_path)
    complete_check(tmp_path)
    code, _, error = run_here("complete-check", str(tmp_path), *arguments)
    assert code == 2
    assert message in one_sentence(error)


def test_other_files_and_movies_of_unknown_size_are_refused(tmp_path: Path) -> None:
    result(tmp_path, shape=None)
    with pytest.raises(WrongInputError, match="size of the events' movie is unknown"):
        complete_check(tmp_path)
    (tmp_path / CHECK_TABLE).write_text("mine")
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        complete_check(tmp_path, SHAPE)
    assert (tmp_path / CHECK_TABLE).read_text() == "mine"
    assert not (tmp_path / CHECK).exists()
    (tmp_path / CHECK_TABLE).unlink()
    complete_check(tmp_path, SHAPE)
    result(tmp_path, shape=(90, 400, 600))
    with pytest.raises(
        WrongInputError, match="boxes of a movie of 100 x 400 x 600, but that of the events has 90 x 400 x 600"
    ):
        complete_check(tmp_path)
    text = (tmp_path / CHECK).read_text()
    (tmp_path / CHECK).write_text(re.sub(r'"parts": \[[^]]*\]', '"parts": [90, 400, 600]', text))
    with pytest.raises(WrongInputError, match="divides the movie into too many boxes"):
        complete_check(tmp_path)
    (tmp_path / CHECK).write_text('{"complete_check": 1, "shape": [1, 2], "parts": [1, 1, 1], "seed": 1, "boxes": []}')
    with pytest.raises(WrongInputError, match="is not a complete check"):
        complete_check(tmp_path)
