"""What a review lets expect: against counts, and the coverage of its intervals in simulated reviews."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from epifiji.engine.metrics.review_estimates import expect

REVIEWS, DECISIONS = 50, 60
"""Each review has three thresholds; `benchmarks/review_estimates.py` does more."""


def logistic(ranks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    values: np.ndarray = 1 / (1 + np.exp(-random.normal(0.5, 1.5) - random.uniform(1, 8) * (ranks - 0.5)))
    return values


def step(ranks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.where(ranks > random.uniform(0.2, 0.7), random.uniform(0.85, 1), random.uniform(0, 0.4))


def flat(ranks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.full(len(ranks), random.uniform(0.3, 0.95))


def test_a_review_of_all_events_leaves_nothing_to_expect() -> None:
    scores = np.array([0.2, 0.4, 0.6, 0.8])
    found = expect(scores, [False, True, False, True], added=1)
    for threshold, precision, recall in [(0, 2 / 4, 2 / 3), (102, 1 / 2, 1 / 3), (160, 1.0, 1 / 3)]:
        assert found.interval("precision", threshold).low == pytest.approx(precision)
        assert found.interval("precision", threshold).high == pytest.approx(precision)
        assert found.interval("recall", threshold).value == pytest.approx(recall)
        assert found.interval("f1", threshold).value == pytest.approx(2 / (1 / precision + 1 / recall))
    assert found.events.tolist()[50:52] == [4, 3]
    assert found.false_unreviewed.max() == 0
    assert found.interval("precision", 254).value is None


def test_a_threshold_counts_the_events_that_a_detection_with_it_has() -> None:
    levels = np.arange(1, 256)
    found = expect(levels / 255, [None] * 255)
    # As Event.over: the score is above threshold / 255.
    assert found.events.tolist() == [int((levels / 255 > threshold / 255).sum()) for threshold in range(255)]


def test_without_decisions_anything_is_possible() -> None:
    found = expect(np.linspace(0.1, 0.9, 200), [None] * 200).interval("precision", 0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.1
    assert found.high > 0.9


def test_decisions_on_high_scores_say_little_about_low_ones() -> None:
    scores = np.linspace(0.1, 0.9, 400)
    found = expect(scores, [True if score > 0.8 else None for score in scores])
    high, low = found.interval("precision", 190), found.interval("precision", 0)
    assert high.low is not None and high.low > 0.85
    assert low.low is not None and low.low < 0.5


@pytest.mark.parametrize("shape", [logistic, step, flat])
def test_intervals_contain_the_truth_about_as_often_as_they_say(
    shape: Callable[[np.ndarray, np.random.Generator], np.ndarray],
) -> None:
    random = np.random.default_rng(7)
    inside = {"precision": 0, "recall": 0, "f1": 0}
    for review in range(REVIEWS):
        count = int(random.integers(150, 800))
        scores = random.beta(*random.uniform(0.6, 3, 2), count)
        truth = random.random(count) < shape(scores.argsort().argsort() / count, random)
        decided = set(random.choice(count, DECISIONS, replace=False).tolist())
        found = expect(
            scores, [bool(one) if number in decided else None for number, one in enumerate(truth)], seed=review
        )
        for share in (0.1, 0.4, 0.7):
            threshold = int(np.quantile(scores, share) * 255)
            above = scores > threshold / 255
            right = (above & truth).sum()
            values = right / above.sum(), right / truth.sum(), 2 * right / (above.sum() + truth.sum())
            for score, value in zip(inside, values, strict=True):
                interval = found.interval(score, threshold)
                assert interval.low is not None
                assert interval.high is not None
                inside[score] += interval.low - 1e-9 <= value <= interval.high + 1e-9
    # 95 % less two and a half standard errors of 50 reviews, whose thresholds are not independent, is 0.87.
    assert min(inside.values()) / (3 * REVIEWS) > 0.87, inside


def test_groups_of_which_some_were_reviewed_first_are_estimated_apart() -> None:
    """Nine of ten false events are in a group that is reviewed first, as in the order by disagreement."""
    random = np.random.default_rng(3)
    inside, apart = 0, []
    for review in range(REVIEWS):
        scores = np.sort(random.uniform(0.5, 0.9, 200))
        truth = random.random(200) < 0.85
        first = random.random(200) < np.where(truth, 0.01, 0.9)
        decided = set(np.lexsort((scores, ~first))[:DECISIONS].tolist())
        right = [bool(one) if number in decided else None for number, one in enumerate(truth)]
        found = expect(scores, right, seed=review, groups=first.astype(int)).interval("precision", 0)
        together = expect(scores, right, seed=review).interval("precision", 0)
        assert found.low is not None and found.high is not None and together.value is not None
        inside += found.low - 1e-9 <= truth.mean() <= found.high + 1e-9
        apart.append(together.value - truth.mean())
    assert inside / REVIEWS > 0.87
    # What the groups are for: without them the decisions, half of them on false events, stand for all.
    assert np.mean(apart) < -0.3


def test_one_group_is_as_no_group() -> None:
    right = [True, None, False, True, None, None]
    scores = np.linspace(0.3, 0.9, 6)
    one, none = (expect(scores, right, groups=groups).precision for groups in ([4] * 6, None))
    assert np.array_equal(one, none, equal_nan=True)
