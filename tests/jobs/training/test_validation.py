"""Scores on held-out events, false detections, and the resulting sentence."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.evaluation import Counts
from epifiji.data.events import Event
from epifiji.data.labelled import TrainingMovie
from epifiji.data.training import ValidationScores, in_words
from epifiji.engine.metrics.events import match_events, score
from epifiji.jobs.training.validation import LEVELS, Validator

SHAPE = (40, 100, 100)
CLASSES = ("death", "division")


def held(*rows: tuple[int, float, float, float], low=(0, 0, 0), **known: object) -> TrainingMovie:
    events = np.array(rows, float).reshape(-1, 4)
    return TrainingMovie(np.zeros(SHAPE, np.uint8), events, np.empty((0, 3)), region=(low, SHAPE), **known)


def found(event: str, frame: int, y: float, x: float, level: float = 200) -> Event:
    return Event(event, frame, y, x, level / 255, 500)


TRUTH = held((0, 10, 20, 20), (0, 20, 50, 50), (0, 30, 80, 80), (1, 10, 80, 20))
FOUND = [
    found("death", 11, 22, 20, 220),
    found("death", 20, 50, 55, 150),
    found("division", 30, 81, 79, 180),
    found("division", 10, 80, 20, 240),
    found("death", 35, 10, 90, 170),
]


def test_counts_are_those_of_the_comparison_at_each_threshold() -> None:
    scored = Validator([TRUTH], CLASSES, {}).score([FOUND])
    truth = [Event(CLASSES[int(k)], int(t), y, x) for k, t, y, x in TRUTH.events]
    for name in CLASSES:
        for level, counts in zip(LEVELS, scored.curves[name], strict=True):
            above = [one for one in FOUND if one.event == name and one.score > level / 255]
            expected = score(match_events(above, [one for one in truth if one.event == name]), [name]).classes[name]
            assert counts == Counts(expected.true_positives, expected.false_positives, expected.false_negatives)


def test_the_confusion_matrix() -> None:
    scored = Validator([TRUTH], CLASSES, {}).score([FOUND], {"death": 125, "division": 125})
    assert scored.confusion == {
        "death": {"death": 2, "division": 1, "nothing": 0},
        "division": {"death": 0, "division": 1, "nothing": 0},
        "nothing": {"death": 1, "division": 0, "nothing": 0},
    }


def test_the_threshold_lies_in_the_middle_of_the_best_ones() -> None:
    one = held((0, 10, 20, 20), (0, 20, 50, 50))
    detected = [found("death", 10, 20, 20, 230), found("death", 20, 50, 50, 210), found("death", 30, 80, 80, 150)]
    scored = Validator([one], CLASSES[:1], {}).score([detected])
    assert 165 <= scored.thresholds["death"] <= 195
    assert scored.f1() == 1


def test_a_class_without_held_out_events_keeps_its_threshold() -> None:
    validator = Validator([held((0, 10, 20, 20))], CLASSES, {"division": 137})
    assert validator.scored_classes == ("death",)
    assert validator.score([[]]).thresholds["division"] == 137


def test_a_class_of_which_no_held_out_event_is_found_keeps_its_threshold() -> None:
    validator = Validator([TRUTH], CLASSES, {"death": 141, "division": 137})
    scored = validator.score([[*FOUND[:2], found("division", 30, 10, 90)]])
    assert scored.counts["division"].true_positives == 0
    assert scored.thresholds["division"] == 137
    assert scored.thresholds["death"] != 141


def test_near_a_cut_nothing_counts() -> None:
    one = held((0, 10, 20, 10), (0, 10, 60, 60), low=(0, 0, 24))
    scored = Validator([one], CLASSES[:1], {}).score([[found("death", 30, 50, 5)]])
    assert scored.counts["death"] == Counts(0, 0, 1)


@pytest.mark.parametrize(
    ("known", "false"),
    [
        ({}, 1),
        ({"known": np.zeros(SHAPE, bool)}, 0),
        ({"known": np.indices(SHAPE)[2] > 50}, 1),
        ({"annotated": (False,)}, 0),
    ],
)
def test_detections_at_unannotated_places_are_not_false(known: dict, false: int) -> None:
    one = held((0, 10, 20, 20), **known)
    assert (
        Validator([one], ("death",), {}).score([[found("death", 30, 50, 80)]]).counts["death"].false_positives == false
    )


def test_the_step_is_chosen_by_scores_at_many_thresholds() -> None:
    validator = Validator([held((0, 10, 20, 20))], CLASSES[:1], {})
    sure, unsure = ([[found("death", 10, 20, 20, level)]] for level in (240, 150))
    assert validator.quality(sure) > validator.quality(unsure) > validator.quality([[]]) == 0


def scores_of(**counts: tuple[int, int, int]) -> ValidationScores:
    named = {name: Counts(*count) for name, count in counts.items()}
    return ValidationScores(dict.fromkeys(named, 150), named, {name: [count] for name, count in named.items()}, (150,))


@pytest.mark.parametrize(
    ("after", "before", "sentence", "use"),
    [
        (
            scores_of(death=(9, 1, 1), division=(3, 1, 1)),
            scores_of(death=(7, 3, 3), division=(2, 4, 2)),
            "On 14 held-out events F1 rose from 0.60 to 0.86 (death 0.70 to 0.90, division 0.40 to 0.75): "
            "use the new network 'x'.",
            True,
        ),
        (
            scores_of(death=(7, 3, 3)),
            scores_of(death=(7, 3, 3)),
            "On 10 held-out events F1 stayed at 0.70 (death 0.70 to 0.70): the new network is no better; keep using 'y'.",
            False,
        ),
        (
            scores_of(death=(5, 5, 5)),
            scores_of(death=(7, 3, 3)),
            "On 10 held-out events F1 fell from 0.70 to 0.50 (death 0.70 to 0.50): the new network is no better; keep "
            "using 'y'.",
            False,
        ),
        (
            scores_of(blink=(8, 2, 2)),
            None,
            "On 10 held-out events F1 is 0.80 (blink 0.80): use the new network 'x'.",
            True,
        ),
        (
            scores_of(blink=(1, 0, 9)),
            None,
            "On 10 held-out events F1 is 0.18 (blink 0.18): that is little; mark more events before you use the new "
            "network 'x'.",
            False,
        ),
        (
            scores_of(death=(9, 1, 1), blink=(8, 2, 2)),
            scores_of(death=(7, 3, 3), blink=(0, 0, 10)),
            "On 20 held-out events F1 rose from 0.70 to 0.90 (death 0.70 to 0.90) and that of new classes is 0.80 "
            "(blink 0.80): use the new network 'x'.",
            True,
        ),
        (
            None,
            None,
            "No events could be held out to evaluate the new network 'x': check what it detects before you use it.",
            True,
        ),
    ],
)
def test_one_sentence_reports_the_gain(
    after: ValidationScores | None, before: ValidationScores | None, sentence: str, use: bool
) -> None:
    assert in_words("x", "y", after, before, ("death", "division")) == (sentence, use)


def test_only_other_thresholds_are_no_gain() -> None:
    before = scores_of(death=(7, 3, 3))
    before.curves["death"].append(Counts(10, 0, 0))
    assert not in_words("x", "y", scores_of(death=(9, 1, 1)), before, ("death",))[1]
