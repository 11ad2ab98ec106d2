"""Second opinions are read from the table of a measurement, joined with events, and sorted by disagreement."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.opinions import Opinion, by_disagreement, opinions_of
from epifiji.data.review import Action, Review, order_of, presented
from epifiji.files.results.opinions import read_opinions, require_opinions

TABLE = """number,event,frame,y,x,followed,problem,second opinion,reason,remaining area,end frame
1,cell_death,9,20.13,30,yes,,agrees,a cell disappears,0,9
2,cell_division,11,4,5.5,no,"none, here",disagrees,not divided: one cell 6 frames later,0.97,
3,cell_sop,11,4,5.5,yes,,unknown,outlines of cells do not show this class,,
4,cell_sop,12,4,5.5,yes,,,,,
"""


def results(folder: Path, table: str | None) -> Path:
    (folder / "cells").mkdir(parents=True)
    if table is not None:
        (folder / "cells" / "followed_events.csv").write_text(table, encoding="utf-8")
    return folder


def test_the_table_is_read_and_joined_with_events_at_the_same_places(tmp_path: Path) -> None:
    known = read_opinions(results(tmp_path, TABLE))
    assert [opinion.verdict for _, opinion in known] == ["agrees", "disagrees", "unknown"]
    (event, opinion) = known[1]
    assert (event.event, event.frame, event.y, event.x) == ("cell_division", 10, 4, 5.5)
    assert opinion == Opinion("disagrees", "not divided: one cell 6 frames later", 0.97)
    assert math.isnan(known[2][1].remaining_area)
    events = [
        Event("cell_division", 10, 4.4, 5.1),
        Event("cell_division", 10, 4, 7),
        Event("cell_death", 10, 4, 5.5),
        Event("cell_division", 11, 4, 5.5),
        Event("cell_death", 8, 20.1296, 30),
    ]
    verdicts = [one and one.verdict for one in opinions_of(events, known)]
    assert verdicts == ["disagrees", None, None, None, "agrees"]


@pytest.mark.parametrize(
    "table", [None, "", "number,event,frame,y,x,followed,problem\n1,cell_death,9,2,3,yes,\n", "event\n"]
)
def test_results_without_opinions_are_read_too_but_cannot_be_sorted_by_them(tmp_path: Path, table: str | None) -> None:
    folder = results(tmp_path / "m_epifiji", table)
    assert read_opinions(folder) == read_opinions(tmp_path / "elsewhere") == []
    with pytest.raises(
        WrongInputError, match=r"no measurement with second opinions: run 'epifiji cells .*m_epifiji' first"
    ):
        require_opinions(folder)


@pytest.mark.parametrize(
    ("before", "after"),
    [("disagrees", "perhaps"), ("0.97", "much"), ("cell_division,11", "cell_division,x"), ("cell_death", "../x")],
)
def test_a_broken_table_is_a_sentence(tmp_path: Path, before: str, after: str) -> None:
    folder = results(tmp_path, TABLE.replace(before, after))
    with pytest.raises(WrongInputError, match=r"followed_events.csv cannot be read \(.+\): measure the cells again"):
        read_opinions(folder)


def test_disagreeing_events_come_first_and_of_them_those_in_which_least_changes() -> None:
    opinions = [
        None,
        Opinion("agrees", "", 0.5),
        Opinion("disagrees", "", 0.8),
        Opinion("unknown", ""),
        Opinion("disagrees", "", 0.9),
        Opinion("unknown", "", 0.2),
        Opinion("disagrees", "", 0.0),
    ]
    assert by_disagreement(opinions) == [4, 2, 6, 5, 3, 1, 0]


def test_the_order_by_disagreement_begins_with_events_that_the_cells_contradict() -> None:
    events = [Event("cell_death", i, i, 0, score) for i, score in enumerate((0.9, 0.8, 0.7, 0.6, 0.5))]
    unknown = Opinion("unknown", "the cells here cannot be told apart well enough")
    opinions = [Opinion("agrees", "", 0.1), unknown, None, unknown, Opinion("disagrees", "", 0.9)]
    assert presented(events, "disagreement", opinions=opinions) == [4, 3, 1, 0, 2]
    review = Review(events)
    review.do(Action(5, "add", Event("cell_sop", 0, 1, 2)))
    assert order_of(review, "disagreement", opinions=opinions) == [4, 3, 1, 0, 2, 5]
    assert order_of(review, "disagreement", ["cell_sop"], opinions=opinions) == [5]
