"""The two scores of events in review.csv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epifiji.data.events import Event
from epifiji.data.review import Action, Review
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
