"""Counts of true and false detections at each threshold, and the best threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple

import numpy as np

from epifiji.data.evaluation import Counts
from epifiji.data.events import Event
from epifiji.engine.metrics.events import Matching, match_events
from epifiji.engine.metrics.intervals import f1_of

Match = Callable[[Sequence[Event], Sequence[Event]], Matching]
"""Takes detected and reference events."""

SAME_F1 = 1e-9
"""Averages that differ by less are equal but for rounding."""


def match_over(
    detected: Sequence[Event], reference: Sequence[Event], thresholds: Mapping[str, int], match: Match = match_events
) -> Matching:
    """Match the detected events whose score exceeds the threshold of their class with the reference events.

    Parameters
    ----------
    detected, reference
        Events of one movie, in any order.
    thresholds
        For each class, 0–255. Events of other classes are left out.
    match
        Matches the events that are left.
    """
    above = [one for one in detected if one.event in thresholds and one.over(thresholds[one.event])]
    return match(above, [one for one in reference if one.event in thresholds])


def counts_over_thresholds(
    detected: Sequence[Sequence[Event]],
    reference: Sequence[Sequence[Event]],
    event: str,
    thresholds: Sequence[int],
    match: Match = match_events,
    count: Callable[[int, Matching], Counts] = lambda movie, matching: matching.counts,
) -> np.ndarray:
    """Count true positives, false positives and false negatives of one class in each movie at each threshold.

    Parameters
    ----------
    detected, reference
        The events of each movie; those of other classes are left out.
    event
        The class.
    thresholds
        0–255.
    match
        Matches the events of a movie.
    count
        Counts a matching of the movie with a number from 0, for movies where not every event counts. Default: all
        events count.

    Returns
    -------
    np.ndarray
        (movies, thresholds, 3), int.
    """
    counts = [
        [astuple(count(movie, match_over(*sides, {event: level}, match))) for level in thresholds]
        for movie, sides in enumerate(zip(detected, reference, strict=True))
    ]
    return np.array(counts, int).reshape(len(counts), len(thresholds), 3)


def best_threshold(
    thresholds: Sequence[int], counts: np.ndarray, default: int | None = None, neighbours: int = 0
) -> int:
    """Choose the threshold with the highest F1.

    If several thresholds have the highest F1, `default` is chosen if it is one of them. Otherwise the middle of their
    longest run is chosen, because an isolated threshold is good by chance. With `neighbours` F1 is averaged over
    neighbouring thresholds, and the middle of all thresholds with the highest average is chosen: isolated ones do not
    have it.

    An evaluation reports the best threshold for its own movies, so it does not average, and keeps the default unless
    another threshold is better. A training chooses a threshold for other movies, from few events, where one event
    changes F1 a lot, so it averages. It has no default, because its network is new.

    Parameters
    ----------
    thresholds
        Rising.
    counts
        True positives, false positives, false negatives at each of them, (thresholds, 3).
    default
        One of the thresholds. It is also chosen if no threshold finds a true event. None: no threshold is preferred.
    neighbours
        Number of thresholds on either side over which F1 is averaged; beyond the ends the first and the last F1 are
        repeated.
    """
    width = 2 * neighbours + 1
    padded = np.pad(np.nan_to_num(f1_of(counts)), neighbours, "edge")
    scores = np.convolve(padded, np.ones(width) / width, "valid")
    best = np.flatnonzero(scores >= scores.max() - SAME_F1)
    if default is not None and (scores.max() <= 0 or thresholds.index(default) in best):
        return default
    if not neighbours:
        best = max(np.split(best, np.flatnonzero(np.diff(best) > 1) + 1), key=len)
    chosen: int = thresholds[best[len(best) // 2]]
    return chosen
