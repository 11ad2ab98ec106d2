"""Scores expected from a review, from its file to the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.results.reviews import REVIEW, write_review
from epifiji.jobs.scoring.expected_scores import expected_scores

EVENTS = 300
RIGHT = np.random.default_rng(3).random(EVENTS) < np.linspace(0.2, 1, EVENTS)
SCORES = np.linspace(0.3, 0.98, EVENTS)


def reviewed(decided: int, seed: int = 1, scored: bool = True) -> Review:
    """Return a review of events with rising scores and places that do not repeat, with decisions on some at random."""
    events = [
        Event("cell_death", number, 50.0 + number, 50.0, float(SCORES[number]) if scored else float("nan"), 900)
        for number in range(EVENTS)
    ]
    chosen = np.random.default_rng(seed).choice(EVENTS, decided, replace=False)
    return Review(events, [Action(int(n), "keep" if RIGHT[n] else "reject") for n in chosen])


def best_f1() -> tuple[float, np.ndarray]:
    """Return the best F1 of a threshold, and that of each threshold."""
    above = np.array([threshold / 255 < SCORES for threshold in range(255)])
    values = 2 * (above & RIGHT).sum(1) / (above.sum(1) + RIGHT.sum())
    return float(values.max()), values


def test_the_recommended_threshold_has_about_the_best_f1() -> None:
    best, values = best_f1()
    for seed in range(5):
        chosen = expected_scores(reviewed(60, seed)).classes[0].recommended
        assert chosen is not None
        assert values[chosen] > best - 0.03


def test_the_possible_gain_bounds_what_more_decisions_would_bring() -> None:
    best, values = best_f1()
    bounds = []
    for decided in (15, 60, EVENTS):
        found = [expected_scores(reviewed(decided, seed)).classes[0] for seed in range(5 if decided < EVENTS else 1)]
        gains = [one.possible_gain or 0.0 for one in found]
        bounds.append(np.mean(gains))
        held = [best - values[one.recommended or 0] <= gain + 1e-9 for one, gain in zip(found, gains, strict=True)]
        assert sum(held) >= len(held) - 1
    assert bounds[0] > bounds[1] > bounds[2] == 0
    assert found[0].sentence_of_gain == "More decisions would change little."
    assert expected_scores(reviewed(60), wish="recall", least=0.9).classes[0].possible_gain is None


def test_wishes_of_precision_and_recall_are_fulfilled_as_expected() -> None:
    review = reviewed(EVENTS)
    for wish, least in (("precision", 0.9), ("recall", 0.9)):
        found = expected_scores(review, wish=wish, least=least).classes[0]
        assert found.recommended is not None
        above = found.recommended / 255 < SCORES
        right = (above & RIGHT).sum()
        value = right / above.sum() if wish == "precision" else right / RIGHT.sum()
        assert least <= value < least + 0.02
        assert found.at(found.recommended)[wish].value == pytest.approx(value)
    none = expected_scores(
        Review(review.detected, [Action(n, "reject") for n in range(EVENTS)]), wish="precision", least=0.5
    )
    assert none.recommendations() == ["cell_death: no threshold is expected to give precision of at least 0.5."]


def test_added_events_lower_recall_and_corrected_classes_are_false() -> None:
    review = reviewed(EVENTS)
    before = expected_scores(review).classes[0]
    place = Event("cell_death", 5, 500.0, 500.0)
    for number in range(20):
        review.do(Action(EVENTS + number, "add", Event("cell_death", 5, 500.0 + 20 * number, 500.0)))
    right = int(np.flatnonzero(RIGHT)[-1])
    review.do(Action(right, "class", Event("cell_sop", place.frame, place.y, place.x)))
    after = expected_scores(review).classes[0]
    assert after.added == 20
    n = RIGHT.sum()
    assert before.at(0)["recall"].value == pytest.approx(1)
    assert after.at(0)["recall"].value == pytest.approx((n - 1) / (n - 1 + 20))
    assert after.at(0)["precision"].value == pytest.approx((n - 1) / EVENTS)


def test_the_command_writes_a_table_and_a_plot(tmp_path: Path) -> None:
    write_review(tmp_path / REVIEW, reviewed(60))
    out = tmp_path / "expected"
    code, said, _ = run_here(
        "expected-scores", str(tmp_path), "--wish", "precision", "--least", "0.8", "--out", str(out)
    )
    assert code == 0
    assert "for precision of at least 0.8 (60 of 300 events reviewed)" in said
    with (out / "expected_scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["events"]) for row in rows] == sorted((int(row["events"]) for row in rows), reverse=True)
    assert int(rows[0]["events"]) == EVENTS
    for row in rows:
        assert float(row["precision_from"]) <= float(row["precision"]) <= float(row["precision_to"])
    assert (out / "expected_scores.png").stat().st_size > 10_000
    found = json.loads(run_here("expected-scores", str(tmp_path / REVIEW), "--json")[1])
    assert found["classes"]["cell_death"]["reviewed"] == 60
    assert "exists and would be overwritten" in one_sentence(
        run_here("expected-scores", str(tmp_path), "--out", str(out))[2]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wish", "precision"], "wish is precision, which needs a least value"),
        (["--least", "0.9"], "wish is f1, which needs no least value"),
        (["--wish", "recall", "--least", "2"], "least"),
        (["--wish", "speed"], "wish"),
    ],
)
def test_wishes_that_do_not_fit_are_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    write_review(tmp_path / REVIEW, reviewed(20))
    code, _, error = run_here("expected-scores", str(tmp_path), *arguments)
    assert code == 2
    assert message in one_sentence(error)


def test_reviews_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=r"review\.csv does not exist, but a review is needed"):
        expected_scores(tmp_path)
    with pytest.raises(WrongInputError, match="no event that was kept or rejected"):
        expected_scores(reviewed(0))
    with pytest.raises(WrongInputError, match="have no raw scores"):
        expected_scores(reviewed(20, scored=False))
    assert "only 5 events were reviewed" in expected_scores(reviewed(5)).notices[0]


def contradicted(folder: Path, review: Review, wrong: list[int]) -> None:
    """Write second opinions on all events, as a measurement does; the cells contradict some."""
    (folder / "cells").mkdir()
    rows = ["number,event,frame,y,x,followed,problem,second opinion,reason,remaining area"]
    for number, one in enumerate(review.detected):
        said = "disagrees,the cell is still there,1" if number in wrong else "agrees,a cell disappears,0"
        rows.append(f"{number + 1},{one.event},{one.frame + 1},{one.y},{one.x},yes,,{said}")
    (folder / "cells" / "followed_events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_a_review_by_disagreement_does_not_stand_for_events_that_the_cells_do_not_contradict(tmp_path: Path) -> None:
    events = reviewed(0).detected
    wrong = list(range(0, EVENTS, 10))
    review = Review(events, [Action(n, "reject") for n in wrong] + [Action(n, "keep") for n in range(5, EVENTS, 10)])
    write_review(tmp_path / REVIEW, review)
    alone = expected_scores(tmp_path).classes[0].at(0)["precision"]
    contradicted(tmp_path, review, wrong)
    found = expected_scores(tmp_path)
    together = found.classes[0].at(0)["precision"]
    # All 30 contradicted events are false, and the 30 others that were reviewed are right: so 270 of 300 are.
    assert alone.high < 0.75
    assert together.low < 0.9 <= together.high + 0.001
    assert together.value > alone.high
    assert "disagree (30 of 30 reviewed), agree (30 of 270 reviewed)" in found.notices[-1]
    # A measurement after the review has opinions on kept events alone, which says nothing of the others.
    table = tmp_path / "cells" / "followed_events.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([lines[0], *(line for line in lines if "agrees,a cell" in line)]), encoding="utf-8")
    assert expected_scores(tmp_path).classes[0].at(0)["precision"] == alone


def test_a_class_of_which_nothing_was_reviewed_is_named(tmp_path: Path) -> None:
    others = [Event("cell_sop", n, 1.0, 1.0, 0.7) for n in range(3)]
    write_review(tmp_path / REVIEW, Review([*reviewed(0).detected, *others], [Action(n, "keep") for n in range(20)]))
    assert "cell_sop: none of 3 events was reviewed, so nothing is estimated." in expected_scores(tmp_path).notices


def test_few_decisions_are_named_unless_they_are_on_all_events() -> None:
    events = [Event("cell_death", number, 10.0, 10.0, 0.6 + number / 10) for number in range(3)]
    for decided, said in ((1, ("cell_death: only 1 event was reviewed, so intervals are wide.",)), (3, ())):
        review = Review(events, [Action(number, "keep") for number in range(decided)])
        assert expected_scores(review).notices == said
