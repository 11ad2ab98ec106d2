"""Reviews: decisions and undo, the file that survives a crash, precision with its interval, and the results at the end."""

from __future__ import annotations

import csv
import math
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.palette import CYAN, TAN
from epifiji.data.review import Action, Precision, Review, order_of, place_to_go_on, presented
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.reviews import read_review, write_review
from epifiji.files.rois.roi_files import read_rois, write_rois
from epifiji.jobs.events.review import decide, finish_review, start_review

CLASSES = ("cell_death", "cell_sop", "cell_division")


def some_events(count: int = 12, seed: int = 0) -> list[Event]:
    random = np.random.default_rng(seed)
    return [
        Event(
            CLASSES[int(random.integers(3))],
            int(random.integers(50)),
            float(random.uniform(0, 100)),
            float(random.uniform(0, 100)),
            float(random.uniform(0.5, 1)),
        )
        for _ in range(count)
    ]


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[str, int, float]]:
    """Actions of a person: (what, a number, a position), including undo."""
    steps = st.tuples(
        st.sampled_from(["keep", "reject", "skip", "class", "move", "add", "undo"]),
        st.integers(0, 30),
        st.floats(0, 99, allow_nan=False),
    )
    return draw(st.lists(steps, max_size=25))


def follow(review: Review, script: list[tuple[str, int, float]]) -> None:
    for what, number, place in script:
        if what == "undo":
            review.undo()
        elif what == "add":
            review.do(Action(len(review.items), "add", Event(CLASSES[number % 3], number, place, place / 3), 0.5))
        else:
            index = number % len(review.items)
            now = review.items[index].event
            changed = None
            if what == "class":
                changed = Event("a class with spaces=%2F@,", now.frame, now.y, now.x, now.score)
            elif what == "move":
                changed = Event(now.event, number, place, place / 7, now.score)
            review.do(Action(index, what, changed, 1.25))


@settings(max_examples=60, deadline=None)
@given(script=scripts())
def test_a_review_reads_back_with_everything_that_can_be_undone(script: list, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("review") / "review.csv"
    review = Review(some_events())
    follow(review, script)
    write_review(path, review)
    again = read_review(path)
    assert again.items == review.items
    while review.actions:
        assert again.undo() == review.undo()
        assert again.items == review.items
    assert again.undo() is None
    assert [item.event for item in again.items] == some_events()


@settings(max_examples=30, deadline=None)
@given(script=scripts())
def test_step_by_step_a_review_has_the_counts_and_the_file_of_one_made_at_once(
    script: list, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("review")
    review = Review(some_events())
    for step in script:
        follow(review, [step])
        detected = [item for item in review.items if item.detected is not None]
        judged = [item for item in detected if item.decision in ("keep", "reject")]
        right = [item for item in judged if item.decision == "keep" and item.event.event == item.detected.event]
        assert review.decided == sum(item.decision != "" for item in detected)
        assert review.precision() == Precision(len(right), len(judged))
        write_review(folder / "steps.csv", review)
        write_review(folder / "once.csv", Review(review.detected, review.actions))
        assert (folder / "steps.csv").read_bytes() == (folder / "once.csv").read_bytes()


def test_undo_gives_back_what_was_before_each_step() -> None:
    review = Review(some_events(3))
    states = [review.items]
    for action in (
        Action(0, "keep"),
        Action(0, "reject"),
        Action(1, "class", Event("cell_sop", 1, 2, 3)),
        Action(3, "add", Event("cell_death", 5, 6, 7)),
        Action(3, "reject"),
    ):
        review.do(action)
        states.append(review.items)
    for expected in reversed(states[:-1]):
        review.undo()
        assert review.items == expected


def test_actions_that_do_not_fit_are_refused() -> None:
    review = Review(some_events(2))
    for action in (
        Action(2, "keep"),
        Action(-1, "keep"),
        Action(5, "add", Event("a", 0, 0, 0)),
        Action(0, "burn"),
        Action(0, "move"),
    ):
        with pytest.raises(WrongInputError):
            review.do(action)
    assert not review.actions


@pytest.mark.parametrize(("correct", "judged"), [(0, 1), (1, 1), (7, 10), (0, 30), (30, 30), (481, 500)])
def test_the_interval_is_wilsons(correct: int, judged: int) -> None:
    expected = binomtest(correct, judged).proportion_ci(0.95, "wilson")
    assert Precision(correct, judged).interval == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert Precision(0, 0).value is Precision(0, 0).interval is None


def test_precision_counts_decided_events_and_a_changed_class_as_wrong() -> None:
    review = Review([Event("cell_death", t, 1, 1, 0.8) for t in range(5)] + [Event("cell_sop", 9, 1, 1, 0.7)])
    review.do(Action(0, "keep"))
    review.do(Action(1, "reject"))
    review.do(Action(2, "skip"))
    review.do(Action(3, "class", Event("cell_sop", 3, 1, 1)))
    review.do(Action(3, "keep"))
    review.do(Action(5, "keep"))
    review.do(Action(6, "add", Event("cell_death", 4, 2, 2)))
    assert review.precision() == Precision(2, 4)
    assert review.precision("cell_death") == Precision(1, 3)
    assert review.precision("cell_sop") == Precision(1, 1)
    assert [event.event for event in review.kept()] == ["cell_death", "cell_sop", "cell_sop", "cell_death"]
    assert [event.frame for event in review.rejected()] == [1]


def test_events_are_presented_by_time_by_score_or_at_random() -> None:
    events = [*some_events(30), Event("cell_death", 0, 0, 0, math.nan)]
    by_time, by_score = presented(events, "time"), presented(events, "score")
    assert sorted(by_time) == list(range(31))
    assert [events[i].frame for i in by_time] == sorted(event.frame for event in events)
    assert [events[i].score for i in by_score[:-1]] == sorted(event.score for event in events[:-1])
    assert by_score[-1] == 30
    assert (
        presented(events, "random", seed=3)
        == presented(events, "random", seed=3)
        != presented(events, "random", seed=4)
    )
    assert {events[i].event for i in presented(events, "time", ["cell_sop"])} == {"cell_sop"}


@pytest.mark.parametrize("count", [1, 2, 37, 64, 500])
def test_each_beginning_of_the_informative_order_is_spread_over_the_scores(count: int) -> None:
    random = np.random.default_rng(count)
    events = [Event("cell_death", 0, i, 0, float(random.random())) for i in range(count)]
    events.append(Event("cell_death", 0, 0, 9, math.nan))
    order = presented(events, "informative", seed=5)
    assert sorted(order) == list(range(count + 1)) and order[-1] == count
    ranks = {i: place for place, i in enumerate(sorted(range(count), key=lambda i: events[i].score))}
    for reviewed in (n for n in (4, 8, 16, 40) if n <= count):
        counts = np.histogram([ranks[i] for i in order[:reviewed]], 4, (0, count))[0]
        assert np.ptp(counts) <= 2 and counts.min() >= reviewed // 4 - 2, (reviewed, counts)


def test_the_informative_order_takes_the_classes_in_turn() -> None:
    events = some_events(60)
    order = presented(events, "informative", seed=1)
    assert {events[i].event for i in order[:3]} == set(CLASSES)
    assert presented(events, "informative", seed=2) != order == presented(events, "informative", seed=1)


@pytest.mark.parametrize("order", ["time", "score", "random", "informative"])
def test_corrections_and_additions_change_no_order(order: Any) -> None:
    review = Review(some_events(30))
    before = order_of(review, order, ["cell_death"], 4)
    index = before[3]
    review.do(Action(index, "class", Event("cell_sop", review.items[index].event.frame, 1, 2, 0.1)))
    review.do(Action(before[4], "move", Event("cell_death", 49, 1, 2, 0.1)))
    review.do(Action(30, "add", Event("cell_death", 0, 1, 2)))
    review.do(Action(31, "add", Event("cell_division", 0, 1, 2)))
    after = order_of(review, order, ["cell_death"], 4)
    assert [item for item in after if item < 30] == before
    assert sorted(set(after) - set(before)) == [30]
    assert index in order_of(review, order, ["cell_sop"], 4)


def test_a_review_stands_after_the_event_that_was_last_worked_on() -> None:
    review = Review(some_events(6))
    order = [3, 1, 5, 0, 2, 4]
    assert place_to_go_on(review, order) == 0
    review.do(Action(3, "keep"))
    review.do(Action(5, "reject"))
    assert place_to_go_on(review, order) == 3, "1 was passed over, and comes after the last"
    review.do(Action(0, "move", Event("cell_death", 1, 1, 1)))
    assert place_to_go_on(review, order) == 3, "it was corrected and still waits"
    review.do(Action(6, "add", Event("cell_death", 2, 2, 2)))
    assert place_to_go_on(review, [*order, 6]) == 3
    for item in (0, 2, 4):
        review.do(Action(item, "skip"))
    assert place_to_go_on(review, [*order, 6]) == 1
    review.do(Action(1, "keep"))
    assert place_to_go_on(review, [*order, 6]) == 1, "nothing is open"
    assert place_to_go_on(review, [4]) == 0


def test_a_review_goes_on_where_it_stopped_and_ends_in_files(tmp_path: Path) -> None:
    events = [
        Event("cell_death", 3, 10.25, 20.5, 0.9),
        Event("cell_division", 5, 30.0, 40.0, 0.7),
        Event("cell_sop", 8, 1, 2, 0.6),
    ]
    write_events(tmp_path / "events.csv", events, 0.5, 60)
    path, review = start_review(tmp_path)
    assert not path.exists()
    decide(path, review, Action(0, "keep"))
    path, review = start_review(tmp_path)
    assert [item.decision for item in review.items] == ["keep", "", ""]
    decide(path, review, Action(1, "reject"))
    decide(path, review, Action(1, "skip"))
    decide(path, review, None)
    decide(path, review, Action(2, "class", Event("cell_death", 8, 1, 2, 0.6)))
    decide(path, review, Action(2, "keep"))
    decide(path, review, Action(3, "add", Event("cell_division", 20, 7, 8)))
    summary = finish_review(path, "movie")
    folder = tmp_path / "reviewed"
    assert sorted(file.name for file in folder.iterdir()) == [
        "events.csv",
        "movie_cell_death.zip",
        "movie_cell_division.zip",
        "movie_nothing.zip",
    ]
    assert [(e.frame, e.y, e.x) for e in read_rois(folder / "movie_cell_death.zip", "a")] == [
        (3, 10.25, 20.5),
        (8, 1, 2),
    ]
    assert [(e.frame, e.y, e.x) for e in read_rois(folder / "movie_nothing.zip", "nothing")] == [(5, 30, 40)]
    assert [e.event for e in read_events(folder / "events.csv")] == ["cell_death", "cell_death", "cell_division"]
    assert summary.counts["all"] == {
        "detected": 3, "kept": 2, "rejected": 1, "skipped": 0, "open": 0, "other class": 1, "moved": 0, "added": 1,
    }  # fmt: skip
    assert summary.precision["all"] == Precision(1, 3)
    decide(path, review, Action(1, "keep"))
    finish_review(path, "movie")
    assert not (folder / "movie_nothing.zip").exists()


def test_kept_events_of_ones_own_classes_have_their_colours(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", [Event("blink", 1, 2, 3), Event("flash", 4, 5, 6)])
    path, review = start_review(tmp_path)
    for item in (0, 1):
        decide(path, review, Action(item, "keep"))
    finish_review(path, "movie")
    (blink,), (flash,) = (roifile.roiread(tmp_path / "reviewed" / f"movie_{name}.zip") for name in ("blink", "flash"))
    assert (blink.stroke_color, flash.stroke_color) == (bytes((255, *CYAN)), bytes((255, *TAN)))


def test_a_review_of_other_events_is_not_continued(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", some_events())
    path, review = start_review(tmp_path)
    decide(path, review, Action(0, "keep"))
    before = path.read_bytes()
    write_events(tmp_path / "events.csv", some_events(seed=1))
    with pytest.raises(WrongInputError, match="is the review of 12 other events: move it away to start a new one"):
        start_review(tmp_path)
    assert path.read_bytes() == before


def test_roi_zips_are_reviewed_too(tmp_path: Path) -> None:
    write_rois(tmp_path / "movie_cell_death.zip", [Event("cell_death", 1, 2, 3), Event("cell_death", 4, 5, 6)])
    path, review = start_review(tmp_path / "movie_cell_death.zip")
    assert path == tmp_path / "review.csv"
    assert [item.event.event for item in review.items] == ["cell_death"] * 2


def test_a_zip_of_the_manager_keeps_the_classes_that_its_rois_are_named_after(tmp_path: Path) -> None:
    rois = [("cell_death 1 (0.80)", 2), ("cell_sop 1", 5), ("mine", 7)]
    with zipfile.ZipFile(tmp_path / "RoiSet.zip", "w") as archive:
        for name, frame in rois:
            write_rois(tmp_path / "one.zip", [Event("any", frame, 10, 20)])
            with zipfile.ZipFile(tmp_path / "one.zip") as one:
                archive.writestr(f"{name}.roi", one.read(one.namelist()[0]))
    _, review = start_review(tmp_path / "RoiSet.zip")
    found = [(item.event.event, item.event.frame, item.event.score) for item in review.items]
    assert found[0] == ("cell_death", 2, 0.8)
    assert [one[:2] for one in found[1:]] == [("cell_sop", 5), ("RoiSet", 7)]
    (tmp_path / "RoiSet.zip").rename(tmp_path / "movie_cell_division.zip")
    _, review = start_review(tmp_path / "movie_cell_division.zip")
    assert {item.event.event for item in review.items} == {"cell_division"}


def decided(count: int) -> Review:
    """Make a review in which every event was moved and decided."""
    events = [Event("cell_death", i % 200, i % 97 + 0.5, i % 89 + 0.25, 0.8) for i in range(count)]
    review = Review(events)
    for number, event in enumerate(events):
        review.do(Action(number, "move", Event("cell_death", event.frame, event.y + 1, event.x, 0.8), 1.0))
        review.do(Action(number, ("keep", "reject")[number % 2], None, 2.0))
    return review


def test_a_review_of_20000_decided_events_is_written_and_read_in_a_moment(tmp_path: Path) -> None:
    """If each event searched all steps it would take over a minute."""
    review = decided(20_000)
    started = time.process_time()
    write_review(tmp_path / "review.csv", review)
    again = read_review(tmp_path / "review.csv")
    write_review(tmp_path / "review.csv", again)
    decide(tmp_path / "review.csv", again, Action(7, "skip"))
    decide(tmp_path / "review.csv", again, None)
    assert time.process_time() - started < 12
    assert again.actions == review.actions
    lines = (tmp_path / "review.csv").read_text(encoding="utf-8").splitlines()
    assert lines[5000].endswith(f",9999:move=200/{4999 % 97 + 1.5}/{4999 % 89 + 0.25}@1.00 10000:reject@2.00")


def test_the_counts_after_a_decision_take_no_longer_among_more_events() -> None:
    """If all events were counted again, a hundred times as many would take about a hundred times as long."""

    def took(count: int) -> float:
        review, times = decided(count), []
        for number in range(100):
            started = time.perf_counter()
            review.do(Action(number, "skip"))
            found = review.precision()
            times.append(time.perf_counter() - started)
            assert found.judged == count - number - 1
        return min(times)

    assert took(20_000) < 10 * took(200)


def test_an_event_that_was_moved_thousands_of_times_reads_back(tmp_path: Path) -> None:
    review = Review(some_events(1))
    for step in range(8000):
        review.do(Action(0, "move", Event("cell_death", 3, step / 7, step / 3, 0.8)))
    write_review(tmp_path / "review.csv", review)
    assert read_review(tmp_path / "review.csv").items[0].event.y == 7999 / 7


HEADER = b"number,event,frame,y,x,score,decision,class,new_frame,new_y,new_x,seconds,source,history\n"
BROKEN = {
    "no events": b"",
    "missing": None,
    "not a table": b"\x00\xff\xfe",
    "another table": b"event,frame,y,x\ncell_death,1,2,3\n",
    "a bad number": b"1,cell_death,one,2.0,3.0,0.5,,cell_death,1,2.00,3.00,0.00,detected,\n",
    "a bad step": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,1:keep\n",
    "a step that lacks": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,2:keep@1.00\n",
    "a row cut short": b"1,cell_death,1,2.0\n",
    "a decision that was edited": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,1:reject@1.00\n",
    "a class that was edited": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_sop,1,2.00,3.00,0.00,detected,1:keep@1.00\n",
    "a source that was edited": b"1,cell_death,1,2.0,3.0,0.5,,cell_death,1,2.00,3.00,0.00,mine,\n",
    "an added event that nobody added": b"1,,,,,,keep,cell_death,1,2.00,3.00,0.00,added,\n",
    "rows in another order": b"2,cell_death,1,2.0,3.0,0.5,,cell_death,1,2.00,3.00,0.00,detected,\n",
    "a place that is no number": b"1,cell_death,1,nan,3.0,0.5,,cell_death,1,nan,3.00,0.00,detected,\n",
    "a frame before the first": b"1,cell_death,0,2.0,3.0,0.5,,cell_death,0,2.00,3.00,0.00,detected,\n",
    "seconds that are no number": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,1:keep@1.2.3\n",
    "a huge number": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,"
    + b"9" * 5000
    + b":keep@1\n",
    "an unknown step": b"1,cell_death,1,2.0,3.0,0.5,keep,cell_death,1,2.00,3.00,0.00,detected,1:burn@1.00\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_review_is_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    content = BROKEN[kind]
    if content is not None:
        path.write_bytes(content if content.startswith((b"\x00", b"event")) else HEADER + content)
    with pytest.raises(WrongInputError) as refused:
        read_review(path)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_review_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    review = Review(some_events())
    review.do(Action(0, "keep"))
    review.do(Action(len(review.items), "add", Event("cell_sop", 3, 4, 5)))
    path = tmp_path / "review.csv"
    write_review(path, review)
    whole = path.read_bytes()
    assert read_review(path).actions == review.actions
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(WrongInputError, match="review.csv"):
            read_review(path)


def test_a_review_that_does_not_say_how_many_events_it_has_is_read(tmp_path: Path) -> None:
    """Earlier versions did not write the number, nor raw scores."""
    review = Review(some_events())
    review.do(Action(1, "reject"))
    path = tmp_path / "review.csv"
    write_review(path, review)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row[:1] + row[2:7] + row[8:] for row in csv.reader(file)]
    assert [*rows[0][:3], *rows[0][5:7]] == ["number", "event", "frame", "score", "decision"]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    assert read_review(path).actions == review.actions


def test_a_crash_while_writing_leaves_the_review_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_events(tmp_path / "events.csv", some_events())
    path, review = start_review(tmp_path)
    decide(path, review, Action(0, "keep"))
    before = path.read_bytes()
    monkeypatch.setattr(
        "epifiji.files.results.reviews._row", lambda item: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space left"):
        decide(path, review, Action(1, "keep"))
    with pytest.raises(OSError, match="No space left"):
        decide(path, review, None)
    assert path.read_bytes() == before
    assert read_review(path).actions == review.actions
    assert sorted(file.name for file in tmp_path.iterdir()) == ["events.csv", "review.csv"]
