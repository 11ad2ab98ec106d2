"""How the chance that an event is right depends on its rank by score: draws of this curve, given decisions on some events.

The logit of the chance is a Gaussian process of the rank: a constant, a trend, and deviations of short range, so that the shape
of the curve is not prescribed. How steep and how uneven it is, is drawn too, from a grid, with the evidence of Laplace's
approximation as weights (C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
sections 3.4 and 5.5). Curves are drawn from that approximation and moved to the exact posterior by elliptical slice sampling
(I. Murray, R. P. Adams and D. J. C. MacKay, AISTATS 2010): the approximation alone gives wider intervals that lie too low.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import expit

CONSTANT_SD, LOCAL_RANGE = 2.5, 0.4
"""Standard deviation of the constant, in logits, and range of the local deviations, as a fraction of the events."""

TREND_SDS, LOCAL_SDS = (0.5, 2.0, 6.0), (0.3, 1.5, 5.0)
"""Standard deviations of the trend and of the local deviations, in logits: before the decisions each pair is as probable."""

MOST_ITERATIONS = 100

SLICE_STEPS = 12
"""Steps of the slice sampler; intervals in simulated reviews are as good after 6 as after 20."""

JITTER = 1e-6
"""Added to variances, so that covariances of nearly equal places have a Cholesky factor."""


class Decisions(NamedTuple):
    """How many events were judged at each of some places, and how many of them are right, both (places,)."""

    right: np.ndarray
    judged: np.ndarray

    def likelihood(self, logits: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability of these decisions, (n,), for logits (n, places)."""
        found: np.ndarray = logits @ self.right - np.logaddexp(0, logits) @ self.judged
        return found


def draw_chances(
    ranks: np.ndarray, right: np.ndarray, judged: np.ndarray, draws: int, random: np.random.Generator
) -> np.ndarray:
    """Draw the chances of being right, (draws, places), 0-1.

    Parameters
    ----------
    ranks
        (places,), different ones, 0-1.
    right, judged
        How many of the events at a place were judged, and how many of these are right, (places,).
    draws
        Number of curves.
    random
        Source of random numbers.
    """
    known = judged > 0
    decisions = Decisions(right[known], judged[known])
    priors = [_prior(ranks, *spreads) for spreads in product(TREND_SDS, LOCAL_SDS)]
    fits = [_laplace(prior[np.ix_(known, known)], decisions) for prior in priors]
    evidence = np.array([fit.evidence for fit in fits])
    weights = np.exp(evidence - evidence.max())
    parts = [
        _drawn(prior, known, fit, decisions, count, random)
        for prior, fit, count in zip(priors, fits, random.multinomial(draws, weights / weights.sum()), strict=True)
        if count
    ]
    chances: np.ndarray = expit(random.permutation(np.concatenate(parts)))
    return chances


def _prior(ranks: np.ndarray, trend_sd: float, local_sd: float) -> np.ndarray:
    """Return the covariance of logits before the decisions, (places, places)."""
    centred = ranks - 0.5
    apart = np.abs(ranks[:, None] - ranks)
    covariance: np.ndarray = CONSTANT_SD**2 + trend_sd**2 * np.outer(centred, centred) + JITTER * np.eye(len(ranks))
    covariance += local_sd**2 * np.exp(-apart / LOCAL_RANGE)
    return covariance


class _Fit(NamedTuple):
    """Laplace's approximation at the judged places: mean and covariance of logits, and the logarithm of the evidence."""

    mean: np.ndarray
    covariance: np.ndarray
    evidence: float


def _laplace(prior: np.ndarray, decisions: Decisions) -> _Fit:
    """Approximate the posterior at its mode; algorithm 3.1 of Rasmussen and Williams."""
    logits = np.zeros(len(prior))
    for _ in range(MOST_ITERATIONS):
        chance = expit(logits)
        weight = np.maximum(decisions.judged * chance * (1 - chance), 1e-12)
        root = np.sqrt(weight)
        inner = np.eye(len(prior)) + root[:, None] * prior * root
        working = weight * logits + decisions.right - decisions.judged * chance
        solved = working - root * np.linalg.solve(inner, root * (prior @ working))
        before, logits = logits, prior @ solved
        if np.abs(logits - before).max(initial=0) < 1e-6:
            break
    covariance = prior - prior @ (root[:, None] * np.linalg.solve(inner, root[:, None] * prior))
    evidence = decisions.likelihood(logits) - solved @ logits / 2 - np.linalg.slogdet(inner)[1] / 2
    return _Fit(logits, covariance, float(evidence))


def _drawn(
    prior: np.ndarray, known: np.ndarray, fit: _Fit, decisions: Decisions, draws: int, random: np.random.Generator
) -> np.ndarray:
    """Draw logits at all places, (draws, places); `known` are the judged ones, (places,), bool."""
    within, across, rest = prior[np.ix_(known, known)], prior[np.ix_(known, ~known)], prior[np.ix_(~known, ~known)]
    drawn = np.empty((draws, len(prior)))
    drawn[:, known] = _sliced(
        fit.mean + _normal(_factor(fit.covariance), draws, random), _factor(within), decisions, random
    )
    # Given the logits of the judged places, those of the others are normal.
    slopes = np.linalg.solve(within, across)
    drawn[:, ~known] = drawn[:, known] @ slopes + _normal(_factor(rest - across.T @ slopes), draws, random)
    return drawn


def _factor(covariance: np.ndarray) -> np.ndarray:
    factor: np.ndarray = np.linalg.cholesky(covariance + JITTER * np.eye(len(covariance)))
    return factor


def _normal(factor: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    """Draw from a normal distribution of mean 0, (draws, places), given the Cholesky factor of its covariance."""
    found: np.ndarray = random.standard_normal((draws, len(factor))) @ factor.T
    return found


def _sliced(logits: np.ndarray, factor: np.ndarray, decisions: Decisions, random: np.random.Generator) -> np.ndarray:
    """Move each draw, (draws, places), to the posterior by steps of elliptical slice sampling.

    `factor` is the Cholesky factor of the prior's covariance.
    """
    for _ in range(SLICE_STEPS):
        other = _normal(factor, len(logits), random)
        least = decisions.likelihood(logits) + np.log1p(-random.random(len(logits)))
        angle = random.uniform(0, 2 * np.pi, len(logits))
        low, high = angle - 2 * np.pi, angle.copy()
        before, logits = logits, logits.copy()
        moving = np.arange(len(logits))
        while len(moving):
            turn = angle[moving, None]
            tried = before[moving] * np.cos(turn) + other[moving] * np.sin(turn)
            taken = decisions.likelihood(tried) >= least[moving]
            logits[moving[taken]] = tried[taken]
            moving = moving[~taken]
            # The bracket shrinks towards the angle 0, which is the draw's own place.
            negative = angle[moving] < 0
            low[moving[negative]], high[moving[~negative]] = angle[moving[negative]], angle[moving[~negative]]
            angle[moving] = random.uniform(low[moving], high[moving])
    return logits
