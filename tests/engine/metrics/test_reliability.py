"""Reliability, calibration errors and maps of scores, against formulas and simulated events."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from epifiji.engine.metrics.reliability import calibration_error, cross_validated, fitted_map, reliability


def chance(raw: np.ndarray) -> np.ndarray:
    """The true share of right events."""
    return 1 / (1 + np.exp(-12 * (raw - 0.62)))


def simulated(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    raw = 0.5 + 0.5 * random.beta(6, 2, count)
    return raw, random.random(count) < chance(raw)


def test_bins_have_equal_counts_and_the_shares_of_their_events() -> None:
    scores = np.arange(60) / 100
    right = np.arange(60) % 4 == 0
    bins = reliability(scores[::-1], right[::-1])
    assert [one.events for one in bins] == [20, 20, 20]
    assert [one.score for one in bins] == pytest.approx([0.095, 0.295, 0.495])
    assert [one.right.value for one in bins] == [0.25] * 3
    assert all(one.right.low < 0.25 < one.right.high for one in bins)
    assert reliability([], []) == ()


def test_the_error_of_scores_that_are_far_from_the_shares() -> None:
    """In each of two bins the score is 0.9 and the share of right events 0.5: chance does not matter."""
    right = np.arange(400) % 2 == 0
    found = calibration_error(np.full(400, 0.9), right, np.zeros(400, int))
    assert found.value == pytest.approx(0.4, abs=1e-6)
    assert found.low < 0.4 < found.high
    assert found.high - found.low < 0.15


def test_chance_alone_gives_hardly_any_error_and_the_interval_has_0() -> None:
    errors, plain = [], []
    for seed in range(6):
        raw, right = simulated(300, seed)
        bins = reliability(chance(raw), right)
        plain.append(np.average([abs(one.score - one.right.value) for one in bins], weights=[b.events for b in bins]))
        errors.append(calibration_error(chance(raw), right, np.arange(300) % 12))
    assert np.mean([one.value for one in errors]) < 0.8 * np.mean(plain)
    assert sum(one.low == 0 for one in errors) >= 5


def test_a_map_is_isotonic_regression_of_steps_and_never_sure() -> None:
    """Four steps of 25 events with 5, 10, 8 and 25 right ones; the second and the third are joined."""
    raw = np.repeat([0.5, 0.6, 0.7, 0.8], 25)
    right = np.concatenate([np.arange(25) < count for count in (5, 10, 8, 25)])
    found = fitted_map(raw, right)
    every = (48 + 0.5) / 101
    expected = isotonic_regression((np.array([5, 10, 8, 25]) + every) / 26, weights=[26] * 4).x
    assert found.raw == pytest.approx((0.5, 0.6, 0.7, 0.8))
    assert found.right == pytest.approx(expected)
    assert expected[1] == pytest.approx(expected[2])
    assert found.of(0.55) == pytest.approx((expected[0] + expected[1]) / 2)
    assert (found.of(0), found.of(1)) == (found.right[0], found.right[-1])


@pytest.mark.parametrize("share", [0, 1])
@pytest.mark.parametrize("count", [1, 30, 500])
def test_events_of_one_kind_make_no_score_certain(share: int, count: int) -> None:
    found = fitted_map(np.linspace(0.5, 0.9, count), np.full(count, bool(share)))
    assert all(0 < one < 1 for one in found.right)
    assert abs(found.of(0.7) - share) == pytest.approx(0.5 / (count + 1))


def test_equal_scores_are_in_one_step() -> None:
    found = fitted_map([0.7] * 80 + [0.9] * 20, [False] * 40 + [True] * 60)
    assert found.raw == (0.7, 0.9)


def test_a_map_of_a_few_hundred_events_is_near_the_truth_elsewhere() -> None:
    new, _ = simulated(4000, 99)
    errors = [np.abs(fitted_map(*simulated(300, seed)).of_all(new) - chance(new)).mean() for seed in range(10)]
    assert np.mean(errors) < 0.03


def test_each_score_is_calibrated_by_other_movies() -> None:
    """Movies contradict each other: a map from a movie itself would be right, one from the other movies is wrong."""
    raw, movies = np.tile(np.linspace(0.5, 0.9, 100), 2), np.repeat([0, 1], 100)
    scores = cross_validated(raw, movies == 0, movies)
    assert (scores[:100] < 0.02).all()
    assert (scores[100:] > 0.98).all()
    alone = cross_validated(raw[:100], np.ones(100, bool), np.zeros(100))
    assert (alone > 0.98).all()
