"""Other thresholds while a review has decisions: events that a person worked on stay, and all others follow the thresholds."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from command_line import run_here
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Item, Review
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.result_folder import map_file, read_record, write_map
from epifiji.files.results.reviews import read_review, write_review
from epifiji.jobs.events.adjusted import Decided, kept_in
from epifiji.jobs.events.result import Result
from epifiji.jobs.events.review import finish_review, start_review
from requests_of_fiji import ask, refused

SHAPE = (24, 70, 70)
LOW, HIGH = 130, 190


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with maps of two classes, made with low thresholds."""
    folder = tmp_path_factory.mktemp("maps") / "wing_epifiji"
    folder.mkdir()
    for seed, event in enumerate(("cell_death", "cell_sop")):
        field, random = np.zeros(SHAPE, np.float32), np.random.default_rng(seed)
        for t, y, x in random.integers((0, 0, 0), SHAPE, (16, 3)):
            field[t, y, x] = random.uniform(0.6, 1.5)
        field = gaussian_filter(field, (1.5, 4, 4))
        field = np.minimum(255, field / field.max() * 330).astype(np.uint8)
        write_map(folder / map_file("wing", event, "rawproba"), iter(field), SHAPE)
    adjust(folder, LOW)
    return folder


@pytest.fixture
def results(maps: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(maps, tmp_path / maps.name))


def adjust(results: Path, threshold: int, **more: str) -> dict[str, Any]:
    settings = {"results": str(results), "threshold": str(threshold), "min_volume": "20", "save": True, **more}
    return ask("adjust", {"settings": settings})["result"]


def place(event: Event) -> tuple[str, int, float, float]:
    return event.event, event.frame, round(event.y, 2), round(event.x, 2)


def decide(results: Path) -> Review:
    """Work on six events, four of which do not pass the high threshold, and add one."""
    path, review = start_review(results)
    order = sorted(range(len(review.detected)), key=lambda item: review.detected[item].score)
    low, high = order[:4], order[-2:]
    added = Event("cell_sop", 3, 44.0, 55.0)
    other = {"cell_death": "cell_sop", "cell_sop": "cell_death"}[review.detected[low[2]].event]
    moved = replace(review.detected[low[3]], y=12.0, x=13.0)
    for item, what, event in (
        (low[0], "keep", None), (high[0], "reject", None), (low[1], "reject", None), (len(order), "add", added),
        (low[2], "class", replace(review.detected[low[2]], event=other)), (low[3], "move", moved), (high[1], "skip", None),
    ):  # fmt: skip
        review.do(Action(item, what, event, 1.5))
    write_review(path, review)
    return read_review(path)


def state(item: Item) -> tuple[Any, ...]:
    return item.detected and place(item.detected), place(item.event), item.decision, item.seconds


def test_decided_events_stay_and_the_others_follow(results: Path) -> None:
    before = decide(results)
    passing = [event for event in read_events(results / "events.csv") if event.score * 255 > HIGH]
    worked_on = [before.detected[a.item] for a in before.actions if a.item < len(before.detected)]
    answer = adjust(results, HIGH)
    now = read_events(results / "events.csv")
    assert len(now) < len(before.detected)
    assert {place(e) for e in now} == {place(e) for e in [*passing, *worked_on]}
    assert all(event.volume > 20 and not math.isnan(event.score) for event in now)
    assert answer["notices"] == ["4 events stay that do not pass, because they were reviewed."]
    assert {(e["event"], e["frame"] - 1) for e in answer["events"]} == {(e.event, e.frame) for e in now}
    _, review = start_review(results)
    assert sorted(map(str, map(state, review.items))) == sorted(
        str(state(item)) for item in before.items if item.detected is None or place(item.detected) in map(place, now)
    )
    assert [a.what for a in review.actions] == [a.what for a in before.actions]
    record = read_record(results)
    assert record.settings.threshold == {"cell_death": HIGH, "cell_sop": HIGH}
    assert record.entries()["reviewed_events"] == {"kept": 6, "not_passing": 4, "own": 0}
    assert sum(record.counts.values()) == len(now)


def test_the_thresholds_of_before_give_the_same_files(results: Path) -> None:
    first = decide(results)
    names = ("events.csv", "review.csv", "wing_cell_death.zip", "wing_cell_sop.zip")
    before = {name: (results / name).read_bytes() for name in names}
    adjust(results, HIGH)
    assert (results / "review.csv").read_bytes() != before["review.csv"]
    adjust(results, LOW)
    assert {name: (results / name).read_bytes() for name in names[:2]} == {name: before[name] for name in names[:2]}
    assert list(map(state, read_review(results / "review.csv").items)) == list(map(state, first.items))


def test_decided_events_have_no_twin_where_a_table_has_other_places_than_the_maps(results: Path) -> None:
    """As in the table of another program: 2.3 px and a frame away from the peaks, so that no event is found by its place."""
    of_maps = read_events(results / "events.csv")
    others = [replace(e, frame=min(e.frame + 1, SHAPE[0] - 1), y=e.y + 2.3, x=e.x - 1.4) for e in of_maps]
    write_events(results / "events.csv", others)
    before = decide(results)
    decided = {place(before.detected[a.item]) for a in before.actions if a.item < len(others)}
    found = ask("candidates", {"results": str(results)})["result"]
    stay = {(e["event"], e["frame"] - 1, round(e["y"], 2), round(e["x"], 2)) for e in found["events"] if e.get("stays")}
    assert stay == decided
    peaks = {place(e) for e, there in zip(of_maps, others, strict=True) if place(there) not in decided}
    adjust(results, HIGH)
    fewer = {place(event) for event in read_events(results / "events.csv")}
    assert decided < fewer < decided | peaks
    adjust(results, LOW)
    assert {place(event) for event in read_events(results / "events.csv")} == decided | peaks
    assert len(read_events(results / "events.csv")) == len(of_maps)
    _, review = start_review(results)
    assert [state(i) for i in review.items if i.seconds] == [state(i) for i in before.items if i.seconds]


def test_an_event_does_not_take_the_peak_of_a_neighbour() -> None:
    """Each is at a peak, though the one that passes is nearer than the distance of peaks, and a peak is nearest to two."""
    low, high, far = (Event("cell_death", 4, 10.0, x, score) for x, score in ((10.0, 0.6), (16.0, 0.9), (24.0, 0.9)))
    record = {"settings": {"seed_distance_xy": 10, "seed_distance_t": 4}}
    result = Result(
        [high, far], ("cell_death",), Movie(np.zeros((8, 40, 40), np.uint8), "wing"), record, not_passing=(low,)
    )
    at_its_peak = Decided((), 1, {0: replace(low, y=10.004)}, ())
    assert kept_in(result, at_its_peak).events == {0: low}
    assert kept_in(result, at_its_peak).joined(result.events) == [low, high, far]
    # Without a peak of its own the event is not the neighbour's, about which nothing was decided.
    between = Decided((), 2, {0: replace(low, x=20.5)}, (high, far))
    assert kept_in(result, between).joined(result.events) == [replace(low, x=20.5), high, far]
    # Two events of the table share no peak: the sum of the distances is the smallest.
    both = Decided((), 2, {0: replace(high, x=19.0), 1: replace(high, x=21.0)}, ())
    assert kept_in(result, both).joined(result.events) == [replace(high, x=19.0), replace(high, x=21.0)]


def added(results: Path, event: Event) -> None:
    """Start a review in which an event is added."""
    path, review = start_review(results)
    review.do(Action(len(review.detected), "add", event))
    write_review(path, review)


@pytest.mark.parametrize(("dx", "frames", "same"), [(0.2, 0, True), (9.9, 4, True), (10.1, 0, False), (0, 5, False)])
def test_an_added_event_is_the_new_one_within_the_distances_of_peaks(
    results: Path, dx: float, frames: int, same: bool
) -> None:
    """The distances are those of the settings: 10 px and 4 frames. The nearest other event is 16 px away, on the other side."""
    everything = read_events(results / "events.csv")
    adjust(results, HIGH)
    (new,) = (one for one in everything if one.frame == 9)
    assert place(new) not in [place(event) for event in read_events(results / "events.csv")]
    own = replace(new, frame=new.frame + frames, x=new.x - dx, score=math.nan, volume=0.0)
    added(results, own)
    listed = ask("candidates", {"results": str(results)})["result"]["events"]
    assert ((new.event, new.frame + 1, new.x) not in {(e["event"], e["frame"], e["x"]) for e in listed}) is same
    answer = adjust(results, LOW)
    expected = {place(event) for event in everything} - ({place(new)} if same else set())
    assert {place(event) for event in read_events(results / "events.csv")} == expected
    said = ["1 event passes that is already in the review, because you added or corrected it."]
    assert answer["notices"] == (said if same else [])
    _, review = start_review(results)
    assert sorted(place(item.event) for item in review.items) == sorted([*expected, place(own)])
    assert read_record(results).entries()["reviewed_events"] == {"kept": 0, "not_passing": 0, "own": int(same)}
    # The same again changes nothing, and without the person's event the one of the maps is there.
    adjust(results, LOW)
    assert {place(event) for event in read_events(results / "events.csv")} == expected
    review.do(Action(len(review.items) - 1, "reject"))
    write_review(results / "review.csv", review)
    adjust(results, LOW)
    assert {place(event) for event in read_events(results / "events.csv")} == {place(event) for event in everything}


def test_an_added_event_is_not_one_that_the_person_saw(results: Path) -> None:
    before = [place(event) for event in read_events(results / "events.csv")]
    seen = read_events(results / "events.csv")[0]
    added(results, replace(seen, x=seen.x + 3))
    adjust(results, LOW)
    assert [place(event) for event in read_events(results / "events.csv")] == before


def test_a_corrected_event_is_the_new_one_of_its_class_and_place() -> None:
    """A person made a death at x = 10 an SOP, and moved one from x = 30 to 44; then both are found there too."""
    death, mover = (Event("cell_death", 4, 10.0, x, 0.9) for x in (10.0, 30.0))
    sop, there, beside = (
        Event(name, frame, 10.0, x, 0.6)
        for name, frame, x in (("cell_sop", 5, 12.0), ("cell_death", 4, 47.0), ("cell_death", 4, 53.0))
    )
    record = {"settings": {"seed_distance_xy": 10, "seed_distance_t": 4}}
    classes, movie = ("cell_death", "cell_sop"), Movie(np.zeros((8, 40, 60), np.uint8), "wing")
    result = Result([death, mover, there, beside, sop], classes, movie, record)
    own = (replace(death, event="cell_sop"), replace(mover, x=44.0))
    kept = kept_in(result, Decided((), 2, {0: death, 1: mover}, (), own))
    assert kept.joined(result.events) == [death, mover, beside]
    # One event of a person is one event of the maps, the nearest.
    assert kept.own == (sop, there)


def test_kept_and_rejected_events_are_the_same_after_other_thresholds(results: Path) -> None:
    decide(results)
    finish_review(results / "review.csv")
    before = {file.name: read_events(file) for file in (results / "reviewed").glob("*.csv")}
    adjust(results, HIGH)
    finish_review(results / "review.csv")
    assert {file.name: read_events(file) for file in (results / "reviewed").glob("*.csv")} == before


def test_an_undone_decision_is_undecided_until_thresholds_change_again(results: Path) -> None:
    review = decide(results)
    path, item = results / "review.csv", review.actions[0].item
    adjust(results, HIGH)
    reviewed = read_review(path)
    while reviewed.actions:
        reviewed.undo()
    write_review(path, reviewed)
    assert place(review.detected[item]) in map(place, read_events(results / "events.csv"))
    adjust(results, HIGH)
    assert place(review.detected[item]) not in map(place, read_events(results / "events.csv"))
    assert "reviewed_events" not in read_record(results).entries()


def test_the_sliders_show_decided_events_with_any_threshold(results: Path) -> None:
    review = decide(results)
    found = ask("candidates", {"results": str(results)})["result"]
    worked_on = {place(review.detected[a.item]) for a in review.actions if a.item < len(review.detected)}
    stay = {(e["event"], e["frame"] - 1, round(e["y"], 2), round(e["x"], 2)) for e in found["events"] if e.get("stays")}
    assert (found["decided"], stay) == (True, worked_on)
    # What is only shown has the events that pass, as the job that computes them, so the window must not show others.
    shown = ask("candidates", {"results": str(results), "saved": False})["result"]
    assert (shown["decided"], [e for e in shown["events"] if e.get("stays")]) == (False, [])
    assert len(shown["events"]) == len(found["events"])


def test_other_distances_are_refused_while_there_are_decisions(results: Path) -> None:
    adjust(results, LOW, seed_distance_xy="12")
    assert ask("candidates", {"results": str(results)})["result"]["seed_distance_xy"] == 12
    decide(results)
    before = {file.name: file.read_bytes() for file in results.iterdir()}
    settings = {"results": str(results), "save": True, "seed_distance_xy": "30"}
    said = refused("adjust", {"settings": settings})
    assert "is 30, but the events of" in said
    assert "were made with 12" in said
    code, _, err = run_here("rois", str(results), "--overwrite", "--seed-distance-xy", "12", "--compatible")
    assert code == 2, err
    assert {file.name: file.read_bytes() for file in results.iterdir()} == before


def test_the_command_line_keeps_decided_events_in_the_same_folder_only(results: Path, tmp_path: Path) -> None:
    before = decide(results)
    settings = ("--threshold", str(HIGH), "--min-volume", "20")
    code, _, err = run_here("rois", str(results), *settings, "--out", str(tmp_path / "elsewhere"))
    assert code == 0, err
    (table,) = (tmp_path / "elsewhere").rglob("events.csv")
    assert all(event.score * 255 > HIGH for event in read_events(table))
    code, _, err = run_here("rois", str(results), *settings, "--overwrite")
    assert code == 0, err
    assert "4 events stay that do not pass" in err
    assert len(read_review(results / "review.csv").actions) == len(before.actions)


def test_a_review_of_other_events_is_left_alone(results: Path) -> None:
    review = Review([Event("cell_death", 1, 5.0, 5.0)])
    review.do(Action(0, "keep"))
    write_review(results / "review.csv", review)
    before = (results / "review.csv").read_bytes()
    assert adjust(results, HIGH)["notices"] == []
    assert (results / "review.csv").read_bytes() == before
    assert all(event.score * 255 > HIGH for event in read_events(results / "events.csv"))
