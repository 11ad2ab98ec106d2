"""Shares estimated from boxes: against counts, and the coverage of the intervals in simulated checks of clustered events."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.evaluation import Counts
from epifiji.engine.metrics.box_estimates import box_scores, recall_part, share_interval

CHECKS = 60
"""For each number of boxes; `benchmarks/complete_check.py` does more."""


def checked(random: np.random.Generator, boxes: int, in_all: int = 100) -> tuple[list[Counts], float]:
    """Return the events of boxes drawn from a movie whose boxes differ in number and recall, and the movie's recall."""
    there = random.poisson(6 * random.gamma(2, 0.5, in_all))
    mean, correlation = 0.88, 0.1
    found = random.binomial(
        there, random.beta(mean * (1 / correlation - 1), (1 - mean) * (1 / correlation - 1), in_all)
    )
    drawn = random.choice(in_all, boxes, replace=False)
    counts = [Counts(int(a), 0, int(b - a)) for a, b in zip(found[drawn], there[drawn], strict=True)]
    return counts, found.sum() / there.sum()


@pytest.mark.parametrize("boxes", [1, 3, 10])
def test_intervals_hold_the_recall_of_the_whole_movie(boxes: int) -> None:
    random = np.random.default_rng(boxes)
    held, of = 0, 0
    while of < CHECKS:
        counts, recall = checked(random, boxes)
        found = share_interval(counts, 100, recall_part)
        if found.value is not None and found.low is not None and found.high is not None:
            of += 1
            held += found.low <= recall <= found.high
    # If it held in 95 of 100, fewer than 50 of 60 would have a probability of 0.0003.
    assert held >= 50


def test_scores_are_those_of_all_boxes_together() -> None:
    boxes = [Counts(8, 2, 0), Counts(0, 0, 0), Counts(10, 0, 5)]
    precision, recall, f1 = box_scores(boxes, 50)
    assert (precision.value, recall.value) == (pytest.approx(18 / 20), pytest.approx(18 / 23))
    assert f1.value == pytest.approx(36 / 43)
    for one in (precision, recall, f1):
        assert 0 <= one.low < one.value < one.high <= 1
    assert box_scores([Counts(0, 0, 0)], 50)[0].value is None


def test_more_boxes_and_more_of_the_movie_narrow_the_interval() -> None:
    def width(boxes: int, in_all: int) -> float:
        found = share_interval([Counts(9, 0, 1)] * boxes, in_all, recall_part)
        return found.high - found.low

    assert width(1, 100) > width(3, 100) > width(10, 100) > width(10, 11) > width(10, 10) == 0


def test_unequal_boxes_widen_the_interval() -> None:
    alike = share_interval([Counts(8, 0, 2)] * 6, 100, recall_part)
    unequal = share_interval([Counts(10, 0, 0)] * 4 + [Counts(4, 0, 6)] * 2, 100, recall_part)
    assert alike.value == unequal.value
    assert unequal.high - unequal.low > 1.3 * (alike.high - alike.low)
