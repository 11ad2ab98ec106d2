"""Comparison of conditions, in which movies are the independent observations, not events.

Events of one movie share its animal, its dissection and its staining. Counting them as independent makes differences
between conditions appear certain that are differences between movies (Lord et al., J Cell Biol 219:e202001064, 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import permutation_test

FEWEST_MOVIES = 2
"""Fewest movies in each condition for a test."""

ARRANGEMENTS = 9999
"""Most arrangements; if there are not more, all are used and the test is exact."""


@dataclass(frozen=True)
class ConditionTest:
    """Result of a permutation test of conditions.

    Parameters
    ----------
    p
        Probability of a difference at least as large if the movies were assigned to the conditions at random.
    least_p
        The smallest probability that is possible with these numbers of movies.
    """

    p: float
    least_p: float


def compare_conditions(conditions: Sequence[np.ndarray], seed: int) -> ConditionTest | None:
    """Test whether the means of conditions differ, by permutation of movies between the conditions.

    The statistic is the sum of squares between conditions; for two conditions the test is the two-sided one of the
    difference of means. With too many arrangements random ones are drawn, and the observed one counts as one of them
    (Phipson and Smyth, Stat Appl Genet Mol Biol 9:39, 2010).

    Parameters
    ----------
    conditions
        A value for each movie of each condition, (movies,) each.
    seed
        Of the random arrangements.

    Returns
    -------
    ConditionTest or None
        None if there are fewer than two conditions, or one of them has fewer than `FEWEST_MOVIES` movies.
    """
    if len(conditions) < 2 or min(map(len, conditions)) < FEWEST_MOVIES:
        return None
    found = permutation_test(
        conditions,
        _between,
        permutation_type="independent",
        vectorized=True,
        n_resamples=ARRANGEMENTS,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    arranged = np.append(found.null_distribution, found.statistic)
    largest = arranged.max() * (1 - 1e-9)
    least = max(float(np.mean(found.null_distribution >= largest)), 1 / (ARRANGEMENTS + 1))
    return ConditionTest(float(found.pvalue), min(least, float(found.pvalue)))


def _between(*conditions: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the sum of squares between conditions."""
    counts = [values.shape[axis] for values in conditions]
    means = [values.mean(axis=axis) for values in conditions]
    whole = sum(count * mean for count, mean in zip(counts, means, strict=True)) / sum(counts)
    squares: np.ndarray = np.asarray(
        sum(count * (mean - whole) ** 2 for count, mean in zip(counts, means, strict=True))
    )
    return squares
