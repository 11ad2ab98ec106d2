"""How far scores are shares of events that are right: reliability, expected calibration error, and maps that calibrate scores.

Reliability compares, in bins with equal numbers of events, the mean score with the share of events that are right. The
expected calibration error (ECE) is the mean of their absolute differences, weighted by the events (M. P. Naeini, G. Cooper
and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015). As chance makes shares differ
from scores, that mean is too large even if scores are calibrated. Its bias is estimated from normal shares in each bin, and
subtracted (A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration, NeurIPS 2019, section 4); bins of equal counts
have less of it (R. Roelofs et al., Mitigating bias in calibration error estimation, AISTATS 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import erf

from epifiji.data.evaluation import Interval, ScoreBin
from epifiji.data.score_map import ScoreMap
from epifiji.engine.metrics.intervals import FEWEST_MOVIES, outside_of_interval, wilson_interval

MOST_BINS, FEWEST_IN_BIN = 10, 20

MOST_STEPS, FEWEST_IN_STEP = 20, 25
"""Of a map. Twenty-five events tell a share to about 0.1, and shares of neighbouring steps that fall are joined."""

MOST_FOLDS, FOLDS_OF_ONE_MOVIE = 10, 5

RESAMPLES = 499


def reliability(scores: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> tuple[ScoreBin, ...]:
    """Return mean score and share of right events in bins with equal numbers of events, by rising score.

    Parameters
    ----------
    scores
        Of the events of a class, 0-1.
    right
        Whether each is right.
    """
    scores, right = np.asarray(scores, float), np.asarray(right, bool)
    order = np.argsort(scores, kind="stable")
    return tuple(
        ScoreBin(len(part), float(scores[part].mean()), wilson_interval(int(right[part].sum()), len(part)))
        for part in np.array_split(order, _bins(len(scores)))
        if len(part)
    )


def calibration_error(
    scores: Sequence[float] | np.ndarray,
    right: Sequence[bool] | np.ndarray,
    movies: Sequence[int] | np.ndarray,
    seed: int = 1,
) -> Interval:
    """Return the expected calibration error without the bias of chance, and its 95 % interval.

    Movies are drawn with replacement, or events if there are fewer than `FEWEST_MOVIES` movies. The interval is the basic
    one of the bootstrap (A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, section 5.2),
    because draws have the bias once more. It begins at 0 if calibrated scores have such an error in one of twenty cases or
    more (J. Bröcker and L. A. Smith, Increasing the reliability of reliability diagrams, Weather Forecast. 22, 2007): a part
    of the bias is left where the error is small, 2 - √2 of it if there is none, which is 0.01 to 0.03 with 600 events.

    Parameters
    ----------
    scores, right
        See :func:`reliability`.
    movies
        The number of each event's movie: events of one movie are alike.
    seed
        Of the draws.
    """
    scores, right, movies = np.asarray(scores, float), np.asarray(right, bool), np.asarray(movies)
    if not len(scores):
        return Interval()
    order = np.argsort(scores, kind="stable")
    scores, right, movies = scores[order], right[order], movies[order]
    plain, error = _errors(scores, right)
    random = np.random.default_rng(seed)
    names, places = np.unique(movies, return_inverse=True)
    drawn, by_chance = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for draw in range(RESAMPLES):
        if len(names) >= FEWEST_MOVIES:
            times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))[places]
        else:
            times = np.bincount(random.integers(len(scores), size=len(scores)), minlength=len(scores))
        chosen = np.repeat(np.arange(len(scores)), times)
        drawn[draw] = _errors(scores[chosen], right[chosen])[0] if len(chosen) else plain
        by_chance[draw] = _errors(scores, random.random(len(scores)) < scores)[0]
    outside = outside_of_interval(len(names) if len(names) >= FEWEST_MOVIES else len(scores))
    low, high = 2 * plain - np.quantile(drawn, (1 - outside, outside))
    if plain <= np.quantile(by_chance, 0.95):
        low = 0.0
    return Interval(error, float(max(0.0, min(error, low))), float(min(1.0, max(error, high))))


def _errors(scores: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Return the mean difference in bins of sorted scores, and what is left of it without the bias of chance."""
    bins = _bins(len(scores))
    # As np.array_split divides.
    each, more = divmod(len(scores), bins)
    starts = np.arange(bins) * each + np.minimum(np.arange(bins), more)
    counts = np.diff([*starts, len(scores)])
    sums = [np.add.reduceat(np.asarray(values, float), starts) for values in (scores, right, scores * (1 - scores))]
    means, shares, variances = (values / counts for values in sums)
    apart = np.abs(shares - means)
    # The spread of a share whose events have these scores; that of the observed share is 0 where all are right.
    spread = np.sqrt(np.maximum(variances / counts, 1e-12))
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-(apart**2) / (2 * spread**2)) + apart * erf(
        apart / (spread * np.sqrt(2))
    )
    weights = counts / counts.sum()
    plain = float(weights @ apart)
    return plain, max(0.0, float(weights @ (2 * apart - folded)))


def _bins(events: int) -> int:
    return max(1, min(MOST_BINS, events // FEWEST_IN_BIN))


def fitted_map(raw: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> ScoreMap:
    """Fit a rising map from raw scores to shares of right events, by isotonic regression.

    Isotonic regression (M. Ayer et al., Ann. Math. Stat. 26, 1955; B. Zadrozny and C. Elkan, KDD 2002) assumes no form of
    the map, but follows single events at its ends. So it is that of the shares of steps of at least `FEWEST_IN_STEP` events,
    each with one more event that is right as often as all: no share is 0 or 1, and few events give few steps. The map is
    linear between the means of the steps, as the share of right events does not jump: with 60 to 4,000 events of two
    simulated relations, a smooth and a steep one, its mean error was 0.6 to 0.8 of that of the steps.

    Parameters
    ----------
    raw
        Raw scores of the events of a class, 0-1; at least one event.
    right
        Whether each is right.
    """
    from scipy.optimize import isotonic_regression

    raw, right = np.asarray(raw, float), np.asarray(right, bool)
    values, inverse, counts = np.unique(raw, return_inverse=True, return_counts=True)
    known = np.bincount(inverse, right, len(values))
    steps = max(1, min(MOST_STEPS, len(raw) // FEWEST_IN_STEP))
    # The step of an event follows from its rank, so equal scores are in one step.
    step = np.minimum((np.cumsum(counts) - counts / 2) * steps // len(raw), steps - 1).astype(int)
    every = (known.sum() + 0.5) / (len(raw) + 1)
    events, hits, sums = (np.bincount(step, one, steps) for one in (counts, known, counts * values))
    used = events > 0
    events, hits, sums = events[used], hits[used], sums[used]
    shares = isotonic_regression((hits + every) / (events + 1), weights=events + 1).x
    # As many events that are all right, or all wrong, as there are of this class.
    least = 0.5 / (len(raw) + 1)
    shares = np.clip(shares, least, 1 - least)
    return ScoreMap(raw=tuple((sums / events).tolist()), right=tuple(shares.tolist()))


def cross_validated(
    raw: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray, movies: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Return calibrated scores of events, each by a map from other movies only.

    Movies are divided into at most `MOST_FOLDS` groups; the events of a single movie into five, in the given order, so that
    neighbours in time are together.
    """
    raw, right = np.asarray(raw, float), np.asarray(right, bool)
    names, group = np.unique(np.asarray(movies), return_inverse=True)
    group = group % MOST_FOLDS if len(names) > 1 else np.arange(len(raw)) * FOLDS_OF_ONE_MOVIE // max(1, len(raw))
    scores = np.empty(len(raw))
    for one in np.unique(group):
        held = group == one
        scores[held] = fitted_map(raw[~held], right[~held]).of_all(raw[held])
    return scores
