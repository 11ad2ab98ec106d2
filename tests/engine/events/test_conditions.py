"""The permutation test of conditions: its exact values, its level and its power."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from epifiji.engine.events.conditions import compare_conditions

SIMULATED = 300


def test_two_conditions_are_compared_exactly():
    first, second = np.array([1.0, 2.0, 4.0]), np.array([3.0, 7.0, 8.0, 9.0])
    together = np.concatenate([first, second])
    observed = abs(first.mean() - second.mean())
    differences = []
    for chosen in combinations(range(7), 3):
        others = [i for i in range(7) if i not in chosen]
        differences.append(abs(together[list(chosen)].mean() - together[others].mean()))
    expected = np.mean(np.array(differences) >= observed - 1e-12)
    found = compare_conditions([first, second], seed=1)
    assert found.p == pytest.approx(expected)
    assert found.least_p == pytest.approx(1 / 35)


def test_the_smallest_possible_p_of_few_movies():
    found = compare_conditions([np.array([1.0, 2, 3]), np.array([10.0, 11, 12])], seed=1)
    # The observed arrangement and the reversed one, of 20.
    assert (found.p, found.least_p) == (pytest.approx(0.1), pytest.approx(0.1))


@pytest.mark.parametrize("conditions", [[np.arange(5.0)], [np.arange(5.0), np.arange(1.0)], []])
def test_a_condition_of_one_movie_is_not_tested(conditions):
    assert compare_conditions(conditions, seed=1) is None


def test_equal_rates_in_all_movies_are_no_difference():
    assert compare_conditions([np.zeros(3), np.zeros(4)], seed=1).p == 1


def rejected(shift: float, sizes: tuple[int, ...]) -> float:
    """Return how often p is at most 0.05 in simulated experiments.

    Movies of a condition differ, and each has Poisson-distributed events.
    """
    random, few = np.random.default_rng(7), 0
    for number in range(SIMULATED):
        groups = [random.poisson(20 * random.lognormal(0, 0.5, n) * (1 + shift * i)) / 10 for i, n in enumerate(sizes)]
        few += compare_conditions(groups, seed=number).p <= 0.05
    return few / SIMULATED


@pytest.mark.parametrize("sizes", [(4, 5), (3, 3, 2)])
def test_the_level_holds_for_movies_that_differ_more_than_their_events(sizes):
    # Three standard errors of a share of 0.05.
    assert rejected(0, sizes) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / SIMULATED)


def test_a_difference_is_found():
    assert rejected(3, (5, 5)) > 0.8
