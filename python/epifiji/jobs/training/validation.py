"""Scoring a network on held-out events, by the detection that users run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from epifiji.data.evaluation import Counts
from epifiji.data.event_networks import EventNetwork
from epifiji.data.events import Event
from epifiji.data.labelled import TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.detection import DEFAULT_THRESHOLD
from epifiji.data.training import ValidationScores
from epifiji.engine.events.peaks import POSITIVE_LEVEL
from epifiji.engine.metrics.curves import best_threshold, counts_over_thresholds, match_over
from epifiji.engine.metrics.events import Matching, match_events
from epifiji.engine.metrics.intervals import counts_of, f1_of
from epifiji.jobs.events.detect import detect

LEVELS = tuple(range(POSITIVE_LEVEL, 250, 5))
"""Thresholds that are tried: an event's value is a mean of map levels above the first."""

VALIDATING = "validating the network on held-out events"
NEIGHBOURS = 2
"""Thresholds on either side over which F1 is averaged when the best threshold is chosen."""


def candidates(network: EventNetwork, held_out: Sequence[TrainingMovie], report: Report = silent) -> list[list[Event]]:
    """Return all candidates for events of any probability in held-out movies, movie by movie."""

    def validating(done: float, doing: str) -> None:
        report(done, VALIDATING)

    found = []
    for number, one in enumerate(held_out):
        part = PartReport(validating, number, len(held_out))
        result = detect(Movie(one.pixels, one.name), network, part, mode="fast", threshold=0)
        found.append(result.events)
    return found


class Validator:
    """Scores candidates.

    Parameters
    ----------
    held_out
        Movies or parts of movies.
    classes
        In the order of the events' numbers.
    defaults
        Threshold of a class without held-out events, or of which none is found.
    """

    def __init__(self, held_out: Sequence[TrainingMovie], classes: Sequence[str], defaults: Mapping[str, int]) -> None:
        self.held_out, self.classes, self._defaults = held_out, tuple(classes), defaults
        self._truth = [
            [Event(self.classes[int(kind)], round(t), y, x) for kind, t, y, x in one.events] for one in held_out
        ]

    @property
    def scored_classes(self) -> tuple[str, ...]:
        """The classes with held-out events that are scored."""
        return tuple(name for name in self.classes if self.events_of(name))

    def events_of(self, name: str) -> int:
        """Count the held-out events of a class."""
        return sum(
            self._is_scored(movie, event)
            for movie, events in enumerate(self._truth)
            for event in events
            if event.event == name
        )

    def score(self, found: Sequence[Sequence[Event]], thresholds: Mapping[str, int] | None = None) -> ValidationScores:
        """Score candidates at the thresholds of their classes. Default: the thresholds that are best here."""
        curves = {name: self._curve(found, name, LEVELS) for name in self.scored_classes}
        # Where none is found at any threshold, all are equally good: the middle one would lose the class elsewhere too.
        best = {
            name: best_threshold(LEVELS, curve, neighbours=NEIGHBOURS)
            for name, curve in curves.items()
            if curve[:, 0].any()
        }
        chosen = {name: best[name] if name in best else self._default(name) for name in self.classes}
        used = chosen if thresholds is None else {name: thresholds.get(name, chosen[name]) for name in self.classes}
        counts = {name: counts_of(self._curve(found, name, [used[name]])[0]) for name in self.scored_classes}
        listed = {name: [counts_of(one) for one in curve] for name, curve in curves.items()}
        return ValidationScores(used, counts, listed, LEVELS, self._confusion(found, used))

    def quality(self, found: Sequence[Sequence[Event]]) -> float:
        """Average F1 over thresholds and classes: it varies less between validations than F1 at one threshold."""
        each = [np.mean(np.nan_to_num(f1_of(self._curve(found, name, LEVELS[::2])))) for name in self.scored_classes]
        return float(np.mean(each)) if each else 0.0

    def _default(self, name: str) -> int:
        return self._defaults.get(name, DEFAULT_THRESHOLD["fast"])

    def _curve(self, found: Sequence[Sequence[Event]], name: str, levels: Sequence[int]) -> np.ndarray:
        """Count the events of a class in all movies together, at each threshold: (levels, 3)."""
        counts: np.ndarray = counts_over_thresholds(found, self._truth, name, levels, count=self._count).sum(axis=0)
        return counts

    def _count(self, movie: int, matching: Matching) -> Counts:
        """Count a matching, restricted to what is known of a movie."""
        return Counts(
            sum(self._is_scored(movie, known) for _, known in matching.pairs),
            sum(self._is_false(movie, one) for one in matching.false_positives),
            sum(self._is_scored(movie, known) for known in matching.false_negatives),
        )

    def _is_scored(self, movie: int, event: Event) -> bool:
        """Return whether an event lies in the scored region, and not at a cut of the movie."""
        return bool(self.held_out[movie].is_scored(np.array([[event.frame, event.y, event.x]]))[0])

    def _is_false(self, movie: int, event: Event) -> bool:
        """Return whether it is known that there is no event; detections in unannotated regions are not false."""
        if not self._is_scored(movie, event):
            return False
        place = np.array([event.frame, event.y, event.x])
        return self.held_out[movie].is_known(place, self.classes.index(event.event))

    def _confusion(self, found: Sequence[Sequence[Event]], thresholds: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Return the confusion matrix: events are matched first within their class, then with any other."""
        scored = self.scored_classes
        table = {row: dict.fromkeys((*scored, NOTHING), 0) for row in (*scored, NOTHING)}
        for movie in range(len(self.held_out)):
            matching = match_over(found[movie], self._truth[movie], {name: thresholds[name] for name in scored})
            missed, false = matching.false_negatives, matching.false_positives
            for _, known in matching.pairs:
                table[known.event][known.event] += self._is_scored(movie, known)
            mistaken = match_events(_without_class(false), _without_class(missed)).pairs
            for one, known in ((false[a.volume], missed[b.volume]) for a, b in mistaken):
                table[known.event][one.event] += self._is_scored(movie, known)
            found_as, taken_for = ({pair[side].volume for pair in mistaken} for side in (1, 0))
            for number, known in enumerate(missed):
                table[known.event][NOTHING] += number not in found_as and self._is_scored(movie, known)
            for number, one in enumerate(false):
                table[NOTHING][one.event] += number not in taken_for and self._is_false(movie, one)
        return table


def _without_class(events: Sequence[Event]) -> list[Event]:
    """Return the places of events, with their numbers as volumes."""
    return [Event("", one.frame, one.y, one.x, volume=number) for number, one in enumerate(events)]
