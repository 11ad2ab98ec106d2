"""The scores of events in review.csv, and reviews that another program saved."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.results.events_table import read_events
from epifiji.files.results.result_folder import write_record
from epifiji.files.results.reviews import read_review, write_review


def test_both_scores_of_an_event_stay_when_it_is_changed(tmp_path: Path) -> None:
    review = Review([Event("cell_death", 1, 2, 3, 0.6, raw_score=0.9)])
    review.do(Action(0, "move", replace(review.event(0), y=4.0)))
    write_review(tmp_path / "review.csv", review)
    (item,) = read_review(tmp_path / "review.csv").items
    assert (item.event.y, item.event.score, item.event.raw_score) == (4, 0.6, 0.9)
    assert item.detected == Event("cell_death", 1, 2, 3, 0.6, raw_score=0.9)


def test_scores_of_an_earlier_review_are_raw(tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_text(
        "number,event,frame,y,x,score,decision,class,new_frame,new_y,new_x,seconds,source,history\n"
        "1,cell_death,1,2.0,3.0,0.5,,cell_death,1,2.00,3.00,0.00,detected,\n"
    )
    assert read_review(tmp_path / "review.csv").detected == (Event("cell_death", 0, 2, 3, 0.5),)


@pytest.mark.parametrize(("score", "said"), [("7.5", "0.9 and 7.5"), ("-0.3", "0.9 and -0.3"), ("inf", "0.9 and inf")])
def test_a_score_that_is_none_is_refused(tmp_path: Path, score: str, said: str) -> None:
    path = tmp_path / "review.csv"
    write_review(path, Review([Event("cell_death", 4, 1.0, 2.0, 0.9, raw_score=0.75)], [Action(0, "keep")]))
    path.write_text(path.read_text().replace(",0.75,", f",{score},"))
    code, _, told = run_here("expected-scores", str(path))
    assert code == 2
    assert f"line 2, contains no event (its scores are {said}, which are not from 0 to 1)" in one_sentence(told)


@pytest.mark.parametrize(
    ("separator", "encoding", "message"),
    [
        (";", "utf-8-sig", "has semicolons between its columns"),
        ("\t", "utf-8", "has tabs between"),
        ("\t", "utf-16", "is not text in UTF-8"),
    ],
)
def test_a_review_that_a_spreadsheet_saved_is_named_as_such(
    tmp_path: Path, separator: str, encoding: str, message: str
) -> None:
    path = tmp_path / "review.csv"
    write_review(path, Review([Event("cell_death", 4, 1.0, 2.0, 0.9)], [Action(0, "keep")]))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    with pytest.raises(WrongInputError, match=f"{message}.*restore the file, and open a copy"):
        read_review(path)


@pytest.mark.parametrize(("mode", "raw"), [("fast", math.nan), ("compatible", 0.98)])
def test_calibrated_scores_are_not_raw_if_that_column_was_removed(tmp_path: Path, mode: str, raw: float) -> None:
    maps = {"cell_death": {"raw": [0.5, 0.9], "right": [0.6, 0.99]}}
    record = {"epifiji": 1, "network": {"name": "lab", "calibration": maps}, "settings": {"mode": mode}}
    write_record(tmp_path / "run.json", record)
    table = tmp_path / "events.csv"
    table.write_text("event;frame;y;x;score\ncell_death;5;1;2;0,98\ncell_sop;5;1;2;0,7\n")
    death, sop = read_events(table)
    assert (death.score, sop.score, sop.raw_score) == (0.98, 0.7, 0.7)
    assert death.raw_score == pytest.approx(raw, nan_ok=True)
    other = table.replace(tmp_path / "mine.csv")
    assert [event.raw_score for event in read_events(other)] == [0.98, 0.7]
    other.with_name("events.csv").write_text("event,frame,y,x,score,raw_score\ncell_death,5,1,2,0.98,0.75\n")
    assert read_events(table)[0].raw_score == 0.75
