"""Scores of networks on annotated movies, over thresholds, and their differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from epifiji.data.evaluation import At, ClassEvaluation, Difference, NetworkEvaluation, Scored
from epifiji.data.events import Event
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.engine.metrics.curves import best_threshold, counts_over_thresholds, match_over
from epifiji.engine.metrics.events import Matching, match_events
from epifiji.engine.metrics.intervals import counts_of, difference_of_f1, f1_of, score_intervals

THRESHOLDS = tuple(range(25, 255, 5))

Triple = tuple[int, int, int]
HIT, FALSE, MISS, NEITHER = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)
"""A network's result at a place: true positive, false positive, false negative, or none of them."""


class NetworkScores:
    """One network's candidates, scored with the annotation."""

    def __init__(
        self,
        candidates: list[list[Event]],
        movies: Sequence[AnnotatedMovie],
        classes: Iterable[str],
        settings: EventEvaluationSettings,
    ) -> None:
        self._candidates, self._movies, self._settings = candidates, movies, settings
        self._match = partial(match_events, distance_xy=settings.distance_xy, distance_t=settings.distance_t)
        self._curves = {event: self._curve(event) for event in classes}

    def classes(self) -> dict[str, ClassEvaluation]:
        """Score every class."""
        return {event: self._evaluated(event) for event in self._curves}

    def by_movie(self, event: str, threshold: int) -> np.ndarray:
        """Return the counts of each movie on which the class is evaluated, (movies, 3)."""
        levels, counts = self._curves[event]
        return counts[:, levels.index(threshold)]

    def places(self, other: NetworkScores, event: str, levels: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the counts of each place for this network and another, at a threshold each, (places, 3) both.

        Places are the reference events, and the events that either network predicts; if both predict one within the
        distances, it is one place.
        """
        rows: list[tuple[Triple, Triple]] = []
        for movie in scored_movies(self._movies, event, self._settings):
            mine, theirs = self.matching(event, levels[0], movie), other.matching(event, levels[1], movie)
            hits = [{(known.frame, known.y, known.x) for _, known in one.pairs} for one in (mine, theirs)]
            for known in (one for one in self._movies[movie].events if one.event == event):
                first, second = ((known.frame, known.y, known.x) in found for found in hits)
                rows.append((HIT if first else MISS, HIT if second else MISS))
            false = self._match(mine.false_positives, theirs.false_positives)
            rows += [(FALSE, FALSE)] * len(false.pairs)
            rows += [(FALSE, NEITHER)] * len(false.false_positives) + [(NEITHER, FALSE)] * len(false.false_negatives)
        both = np.array(rows, int).reshape(-1, 2, 3)
        return both[:, 0], both[:, 1]

    def matching(self, event: str, threshold: int, movie: int) -> Matching:
        """Match the detections over a threshold in a movie with its annotation."""
        return match_over(self._candidates[movie], self._movies[movie].events, {event: threshold}, self._match)

    def _curve(self, event: str) -> tuple[list[int], np.ndarray]:
        """Return thresholds, and the counts of each movie at each of them, (movies, thresholds, 3).

        Thresholds below which nothing was found have equal counts; the highest of them, or the default, represents all.
        """
        default = self._settings.threshold_of(event, self._settings.mode)
        lowest = min(
            (one.raw_score * 255 for found in self._candidates for one in found if one.event == event), default=0
        )
        start = max((level for level in THRESHOLDS if level < lowest), default=THRESHOLDS[0])
        levels = sorted({*(level for level in THRESHOLDS if level >= min(start, default)), default})
        movies = scored_movies(self._movies, event, self._settings)
        sides = [self._candidates[movie] for movie in movies], [self._movies[movie].events for movie in movies]
        return levels, counts_over_thresholds(*sides, event, levels, self._match)

    def _evaluated(self, event: str) -> ClassEvaluation:
        levels, counts = self._curves[event]
        default = self._settings.threshold_of(event, self._settings.mode)
        best = best_threshold(levels, counts.sum(axis=0), default)
        return ClassEvaluation(
            {level: counts_of(counts[:, i].sum(axis=0)) for i, level in enumerate(levels)},
            self._scored(event, default),
            self._scored(event, best),
            _unseen_f1(levels, counts, default),
            len(counts),
        )

    def _scored(self, event: str, threshold: int) -> Scored:
        counts = self.by_movie(event, threshold)
        return Scored(threshold, counts_of(counts.sum(axis=0)), *score_intervals(counts, self._settings.seed))


def scored_movies(movies: Sequence[AnnotatedMovie], event: str, settings: EventEvaluationSettings) -> list[int]:
    """Return the indices of the movies on which a class is evaluated."""
    return [i for i, movie in enumerate(movies) if settings.unmarked == "none" or event in movie.classes]


def _unseen_f1(levels: list[int], counts: np.ndarray, default: int) -> float | None:
    """Score each movie at the threshold that is best on the others."""
    if len(counts) < 2:
        return None
    whole = counts.sum(axis=0)
    chosen = [levels.index(best_threshold(levels, whole - movie, default)) for movie in counts]
    f1 = float(f1_of(sum(movie[level] for movie, level in zip(counts, chosen, strict=True))))
    return None if np.isnan(f1) else f1


def differences_of(
    networks: Sequence[NetworkEvaluation],
    scores_by_network: dict[str, NetworkScores],
    classes: Iterable[str],
    settings: EventEvaluationSettings,
) -> Iterable[Difference]:
    """Compare every two networks that know a class."""
    ats: tuple[At, At] = ("default", "best")
    for event in classes:
        pairs = list(combinations([network for network in networks if event in network.classes], 2))
        for at in ats:
            for first, second in pairs:
                levels = tuple(getattr(one.classes[event], at).threshold for one in (first, second))
                one, other = scores_by_network[first.name], scores_by_network[second.name]
                by_movie = one.by_movie(event, levels[0]), other.by_movie(event, levels[1])
                f1, p = difference_of_f1(by_movie, one.places(other, event, levels), settings.seed)
                yield Difference(event, at, first.name, second.name, f1, min(1.0, p * len(pairs)))
