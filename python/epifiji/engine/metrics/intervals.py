"""Intervals of precision, recall and F1, and of differences between two networks on the same movies. Random draws are seeded.

Counts are arrays whose last axis is true positives, false positives, false negatives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# scipy.stats takes longer to import than most comparisons take.
from scipy.special import ndtr, stdtrit

from epifiji.data.evaluation import CONFIDENCE, Counts, Interval
from epifiji.data.review import wilson

Score = Callable[[np.ndarray], np.ndarray]
"""A score of sums of counts, (…, columns)."""

RESAMPLES = 9999
FEWEST_MOVIES = 5
"""With this number of movies or more, intervals include the variation between movies; with fewer, events are independent."""


def counts_of(counts: np.ndarray) -> Counts:
    """Convert an array of the three counts to `Counts`."""
    return Counts(*(int(number) for number in counts))


def precision_of(counts: np.ndarray) -> np.ndarray:
    """TP / (TP + FP); NaN if nothing was detected."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1])


def recall_of(counts: np.ndarray) -> np.ndarray:
    """TP / (TP + FN); NaN if the reference is empty."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 2])


def f1_of(counts: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN); NaN if both sides are empty."""
    return _ratio(2 * counts[..., 0], 2 * counts[..., 0] + counts[..., 1] + counts[..., 2])


def score_intervals(movies: np.ndarray, seed: int) -> tuple[Interval, Interval, Interval]:
    """Return precision, recall and F1 of all movies together, with 95 % intervals.

    Events count as independent: the intervals are Wilson's, for F1 that of J = TP / (TP + FP + FN), as F1 = 2 J / (1 +
    J) rises with J. With `FEWEST_MOVIES` movies or more, movies are drawn with replacement too, and the interval is the
    union of both: movies that are alike by chance must not make few events more certain.

    Parameters
    ----------
    movies
        Counts of each movie, (movies, 3).
    seed
        Of the draws.
    """
    whole = movies.sum(axis=0)
    tp, fp, fn = (int(number) for number in whole)
    overlap = wilson_interval(tp, tp + fp + fn)
    f1 = Interval(*(None if j is None else 2 * j / (1 + j) for j in (overlap.value, overlap.low, overlap.high)))
    precision, recall = wilson_interval(tp, tp + fp), wilson_interval(tp, tp + fn)
    if len(movies) < FEWEST_MOVIES:
        return precision, recall, f1
    draws = _draws(movies, seed)
    of_movies = (drawn_interval(float(of(whole)), of(draws), len(movies)) for of in (precision_of, recall_of, f1_of))
    first, second, third = (_wider(*both) for both in zip((precision, recall, f1), of_movies, strict=True))
    return first, second, third


def wilson_interval(part: int, whole: int) -> Interval:
    """Return a share with its interval, :func:`~epifiji.data.review.wilson`; empty if `whole` is 0."""
    if not whole:
        return Interval()
    return Interval(part / whole, *wilson(part / whole, whole))


def quality_interval(fields: np.ndarray, cells: np.ndarray, seed: int) -> Interval:
    """Return the segmentation quality of all fields together, with a 95 % interval.

    Cells are drawn with replacement; with `FEWEST_MOVIES` fields or more, fields are drawn too, and the interval is the
    union of both, as for events (:func:`score_intervals`).

    Parameters
    ----------
    fields
        For each field its proper cells minus over- and under-segmented ones, and its annotated cells, (fields, 2).
    cells
        The same for each cell, (cells, 2): 1, 0 or -1, and 1.
    seed
        Of the draws.
    """
    if not len(cells):
        return Interval()
    value = float(cells[:, 0].mean())
    return _bootstrapped(value, cells, fields, quality_of, seed)


def difference_of_f1(
    movies: tuple[np.ndarray, np.ndarray], places: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[Interval, float]:
    """Return the difference of the first network's F1 from the second's, with a 95 % interval, and its p-value.

    The interval is that of places drawn with replacement, with `FEWEST_MOVIES` movies or more widened to that of movies
    drawn so; both networks are scored on the same draw. The p-value is that of a paired permutation test: if the
    networks do not differ, their predictions for a place can be exchanged.

    Parameters
    ----------
    movies
        Counts of each movie for the first network and for the second, (movies, 3) each.
    places
        Counts of each place for both, (places, 3) each: places are reference events and events that either network
        predicts.
    seed
        Of the draws.

    Returns
    -------
    interval, p
        The interval is empty if one of the two has no F1.
    """
    return _difference(movies, places, f1_of, seed)


def quality_of(counts: np.ndarray) -> np.ndarray:
    """Return the segmentation quality from sums as in :func:`quality_interval`; NaN without annotated cells."""
    return _ratio(counts[..., 0], counts[..., 1])


def difference_of_quality(
    fields: tuple[np.ndarray, np.ndarray], cells: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[Interval, float]:
    """Return the difference of two networks' segmentation quality as :func:`difference_of_f1` does for F1.

    Parameters
    ----------
    fields, cells
        As in :func:`quality_interval`, for the first network and for the second. The annotated cells are the same.
    seed
        Of the draws.
    """
    return _difference(fields, cells, quality_of, seed)


def _difference(
    movies: tuple[np.ndarray, np.ndarray], places: tuple[np.ndarray, np.ndarray], score: Score, seed: int
) -> tuple[Interval, float]:
    """Return the difference of a score of sums of counts, its interval and its p-value; see :func:`difference_of_f1`."""
    value = float(score(movies[0].sum(axis=0)) - score(movies[1].sum(axis=0)))
    if np.isnan(value):
        return Interval(), 1.0
    places_of_both, movies_of_both = (np.concatenate(units, axis=1) for units in (places, movies))
    half = places[0].shape[1]
    interval = _bootstrapped(
        value, places_of_both, movies_of_both, lambda draws: score(draws[:, :half]) - score(draws[:, half:]), seed
    )
    return interval, _p_of_exchanged(*places, score, seed)


def _bootstrapped(value: float, places: np.ndarray, movies: np.ndarray, score: Score, seed: int) -> Interval:
    """Return the interval of a score of sums of counts, drawn by place, and from `FEWEST_MOVIES` movies on by movie too."""
    interval = Interval()
    for units in (places, movies) if len(movies) >= FEWEST_MOVIES else (places,):
        interval = _wider(drawn_interval(value, score(_draws(units, seed)), len(units)), interval)
    return interval


def drawn_interval(value: float, draws: np.ndarray, units: int) -> Interval:
    """Return the percentile interval of bootstrap draws, widened for few units.

    See :func:`outside_of_interval`. Draws without a score are left out.
    """
    draws = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(draws):
        return Interval()
    outside = outside_of_interval(units)
    low, high = np.quantile(draws, (outside, 1 - outside))
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def outside_of_interval(units: int) -> float:
    """Return the share of bootstrap draws below a 95 % interval, and above it.

    Percentiles of draws from n units are too narrow by a factor that Student's t and n / (n - 1) correct (T.
    Hesterberg, What teachers should know about the bootstrap, Am. Stat. 69, 2015, section 4.1).
    """
    outside = (1 - CONFIDENCE) / 2
    return float(ndtr(stdtrit(units - 1, outside) * np.sqrt(units / (units - 1)))) if units > 1 else outside


def _wider(one: Interval, other: Interval) -> Interval:
    """Return the union of an interval and another one of the same score, if there is one."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return one
    return Interval(one.value, min(one.low, other.low), max(one.high, other.high))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: np.ndarray = np.asarray(part, float) / np.asarray(whole, float)
        return ratio


def _draws(units: np.ndarray, seed: int) -> np.ndarray:
    """Sum the counts of random samples of the units with replacement, of the same number, (RESAMPLES, columns)."""
    kinds, numbers = np.unique(units, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(units), numbers / len(units), RESAMPLES)
    counts: np.ndarray = drawn @ kinds
    return counts


def _p_of_exchanged(first: np.ndarray, second: np.ndarray, score: Score, seed: int) -> float:
    """Return the p-value of a difference of a score, from random exchanges of the two networks' predictions for places.

    The observed predictions count as one of the exchanges, so p is never 0.
    """
    kinds, numbers = np.unique(np.concatenate([first, second], axis=1), axis=0, return_counts=True)
    half = first.shape[1]
    moved = np.random.default_rng(seed).binomial(numbers, 0.5, (RESAMPLES, len(kinds))) @ (
        kinds[:, half:] - kinds[:, :half]
    )
    one, other = first.sum(axis=0), second.sum(axis=0)
    observed = abs(score(one) - score(other))
    as_large = np.abs(score(one + moved) - score(other - moved)) >= observed - 1e-9
    return (1 + int(np.count_nonzero(as_large))) / (RESAMPLES + 1)
