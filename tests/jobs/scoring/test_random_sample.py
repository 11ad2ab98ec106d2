"""Precision from a random sample of events: drawing, table, and requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from epifiji.bridge.fiji.requests.answer import answer
from epifiji.bridge.fiji.shown_events import BETWEEN_EVENTS
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.progress import silent
from epifiji.data.review import Action, Review, wilson
from epifiji.files.results.events_table import write_events
from epifiji.jobs.scoring.random_sample import COLUMNS, draw_events, score_table

DEATHS = [Event("cell_death", t, 10.0, 5.0 + t, 0.9) for t in range(80)]
SOPS = [Event("cell_sop", t, 30.0, 5.0 + t, 0.7) for t in range(20)]


def reviewed(events: tuple[Event, ...], wrong: int) -> Review:
    """Decide on every event: the first ones of each class wrong, the others right."""
    review, left = Review(events), {"cell_death": wrong, "cell_sop": wrong}
    for item, event in enumerate(events):
        left[event.event] -= 1
        review.do(Action(item, "reject" if left[event.event] >= 0 else "keep"))
    return review


def test_nothing_is_drawn_twice_and_a_seed_gives_the_same() -> None:
    sample = draw_events(DEATHS + SOPS, 30, seed=4)
    assert len(set(sample.events)) == 30
    assert sample.events == draw_events(SOPS + DEATHS, 30, seed=4).events
    assert sample.events != draw_events(DEATHS + SOPS, 30, seed=5).events
    assert dict(sample.totals) == {"cell_death": 80, "cell_sop": 20}
    assert set(draw_events(DEATHS + SOPS, 1000).events) == {*DEATHS, *SOPS}


def test_every_event_is_as_likely_as_any_other() -> None:
    """In 400 drawings of 10 of 100 each is drawn 40 times on average, with a standard deviation of 6."""
    times = dict.fromkeys(DEATHS + SOPS, 0)
    for seed in range(400):
        for event in draw_events(DEATHS + SOPS, 10, seed=seed).events:
            times[event] += 1
    assert sum(times.values()) == 4000
    assert 10 < min(times.values()) < max(times.values()) < 70


def test_each_class_can_be_drawn_from_by_itself() -> None:
    sample = draw_events(DEATHS + SOPS, 15, each_class=True)
    assert [sum(e.event == name for e in sample.events) for name in ("cell_death", "cell_sop")] == [15, 15]
    only = draw_events(DEATHS + SOPS, 15, ["cell_sop"])
    assert ({e.event for e in only.events}, dict(only.totals)) == ({"cell_sop"}, {"cell_sop": 20})


def test_the_table_counts_and_has_wilsons_interval() -> None:
    sample = draw_events(DEATHS + SOPS, 100)
    rows = score_table(reviewed(sample.events, 4), sample.totals, False)
    assert [row[:5] for row in rows] == [
        ["cell_death", "80", "80", "80", "76"],
        ["cell_sop", "20", "20", "20", "16"],
        ["all", "100", "100", "100", "92"],
    ]
    # Wilson's interval of 92 in 100, from his formula by hand: 0.8500 to 0.9589.
    assert rows[2][5:] == ["0.9200", "0.8500", "0.9589"]


def test_all_classes_together_are_weighted_if_each_was_sampled() -> None:
    """20 of each: 16 right of each class that has 80 % of the events, 10 of the other: 0.8 * 0.8 + 0.2 * 0.5."""
    sample = draw_events(DEATHS + SOPS, 20, each_class=True)
    review = Review(sample.events)
    left = {"cell_death": 4, "cell_sop": 10}
    for item, event in enumerate(sample.events):
        left[event.event] -= 1
        review.do(Action(item, "reject" if left[event.event] >= 0 else "keep"))
    last = score_table(review, sample.totals, True)[-1]
    effective = 1 / (0.8**2 / 20 + 0.2**2 / 20)
    assert [float(text) for text in last[-3:]] == pytest.approx([0.74, *wilson(0.74, effective)], abs=1e-4)
    assert last[:5] == ["all", "100", "40", "40", "26"]


def test_classes_without_decisions_have_no_precision() -> None:
    sample = draw_events(DEATHS + SOPS, 5)
    assert all(row[3:] == ["0", "0", "", "", ""] for row in score_table(Review(sample.events), sample.totals, True))


def test_no_events_and_unknown_classes_are_refused() -> None:
    with pytest.raises(WrongInputError, match="There are no events to score"):
        draw_events([], 5)
    with pytest.raises(
        WrongInputError, match="no events of the class 'cell_division': the classes are cell_death, cell_sop"
    ):
        draw_events(DEATHS + SOPS, 5, ["cell_division"])


def ask(job: str, **request: Any) -> dict[str, Any]:
    return json.loads(answer(job, json.dumps(request), [], silent))


def test_scoring_writes_only_score_csv(tmp_path: Path) -> None:
    results = tmp_path / "movie_epifiji"
    results.mkdir()
    write_events(results / "events.csv", DEATHS + SOPS)
    settings = {"results": str(results), "number": "8", "output": str(tmp_path / "score")}
    answered = ask("score_begin", settings=settings)
    begun = answered["result"]
    assert len(begun["items"].split(BETWEEN_EVENTS)) == len(begun["order"]) == 8
    assert not Path(begun["review"]).is_relative_to(tmp_path)
    for item in range(8):
        ask("review_act", review=begun["review"], what="reject" if item < 2 else "keep", item=item, seconds=1)
    ended = ask("score_end", settings=settings, review=begun["review"], totals=begun["totals"])["result"]
    assert (ended["judged"], ended["rows"][-1][4]) == (8, "6")
    lines = (tmp_path / "score" / "score.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == (",".join(COLUMNS), 4)
    assert answered["temporary"] == [str(Path(begun["review"]).parent)], "the client removes it at its command's end"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["events.csv", "movie_epifiji", "score", "score.csv"]
    refused = ask("score_begin", settings=settings)
    assert "score.csv exists and would be overwritten" in refused["error"]


def test_without_an_output_nothing_is_left(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", SOPS)
    settings = {"results": str(tmp_path)}
    begun = ask("score_begin", settings=settings)["result"]
    ask("review_act", review=begun["review"], what="keep", item=0, seconds=1)
    ended = ask("score_end", settings=settings, review=begun["review"], totals=begun["totals"])["result"]
    assert (ended["file"], ended["judged"]) == (None, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]
