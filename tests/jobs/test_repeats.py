"""Events that occur twice count once, wherever they come from, and a notice reports it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.events import SAME_PLACE_PX, Event, without_repeats
from epifiji.data.review import Action
from epifiji.files.results.events_table import write_events
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.review import decide, start_review
from epifiji.jobs.events.statistics import event_statistics
from epifiji.jobs.scoring.random_sample import draw_events

places = st.tuples(
    st.sampled_from(["cell_death", "cell_sop"]),
    st.integers(0, 2),
    st.floats(0, 4, width=32),
    st.floats(0, 4, width=32),
)


@given(st.lists(places, max_size=30))
def test_repeats_are_those_near_an_earlier_event_that_was_kept(drawn) -> None:
    """The definition, pair by pair, compared with the fast implementation."""
    events, kept, left = [Event(*one) for one in drawn], [], []
    for event in events:
        near = [
            other
            for other in kept
            if (other.event, other.frame) == (event.event, event.frame)
            and max(abs(other.y - event.y), abs(other.x - event.x)) <= SAME_PLACE_PX
        ]
        (left if near else kept).append(event)
    assert without_repeats(events) == (kept, left)


def test_a_place_that_is_no_number_repeats_nothing() -> None:
    events = [Event("cell_death", 0, math.nan, 1.0)] * 2
    assert without_repeats(events)[1] == []


@pytest.fixture
def events() -> list[Event]:
    random = np.random.default_rng(3)
    return [
        Event("cell_death", int(t), float(y), float(x), 0.9)
        for t, y, x in np.column_stack([random.integers(0, 20, 30), random.random((30, 2)) * 150])
    ]


SETTINGS = {"permutations": 99, "seed": 2, "within": "frame"}
MOVIE = {"extent": epifiji.data.statistics.Extent((20, 160, 160))}
SAID = "30 events that repeat another of the same class, frame and place were left out of {} (30 cell_death)."


def test_statistics_of_a_table_with_each_row_twice_are_those_of_the_table(tmp_path: Path, events: list[Event]) -> None:
    write_events(tmp_path / "once.csv", events)
    write_events(tmp_path / "twice.csv", [*events, *events])
    once, twice = (event_statistics(tmp_path / name, **MOVIE, **SETTINGS) for name in ("once.csv", "twice.csv"))
    assert twice.summary() == once.summary()
    assert not once.notices
    assert SAID.format("the statistics") in twice.notices


def test_a_zip_and_a_table_of_the_same_events_repeat_each_other(tmp_path: Path, events: list[Event]) -> None:
    """A zip stores positions in single precision, a table with two decimals."""
    write_events(tmp_path / "a.csv", events)
    write_rois(tmp_path / "a_cell_death.zip", events)
    both = [*epifiji.files.event_sources.read_events_of(tmp_path / "a.csv"), *read(tmp_path / "a_cell_death.zip")]
    assert len(without_repeats(both)[1]) == len(events)


def read(path: Path) -> list[Event]:
    return epifiji.files.event_sources.read_events_of(path)


def test_a_comparison_counts_repeats_of_either_side_once(events: list[Event]) -> None:
    found = epifiji.compare([*events, *events], [*events, *events[:3]])
    assert (found.scores.overall.precision, found.scores.overall.recall) == (1, 1)
    assert found.scores.overall.true_positives == 30
    assert SAID.format("the detected events") in found.notices
    assert any(
        notice.startswith("3 events that repeat") and "the reference events" in notice for notice in found.notices
    )


def test_a_review_shows_each_event_once_and_continues_in_any_order(tmp_path: Path, events: list[Event]) -> None:
    path, review = start_review([*events, *events], tmp_path)
    assert [*review.detected] == events
    decide(path, review, Action(0, "keep"))
    _, again = start_review([*reversed(events)], tmp_path)
    assert again.actions == review.actions
    with pytest.raises(WrongInputError, match="is the review of 30 other events"):
        start_review(events[1:], tmp_path)


def test_a_sample_has_no_event_twice(events: list[Event]) -> None:
    sample = draw_events([*events, *events], 60)
    assert len(sample.events) == sample.totals["cell_death"] == 30
