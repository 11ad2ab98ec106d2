"""How well networks find events, as values: scores with intervals, at thresholds, and differences between networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

At = Literal["default", "best"]
"""Which threshold a score was taken at: the one that a network has unless told otherwise, or the one with the best F1."""


SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Counts:
    """Matched events or cells, detected ones without a match, reference ones without a match."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); None where nothing was detected."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None where the reference is empty."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN); None where both sides are empty."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def ap(self) -> float | None:
        """TP / (TP + FP + FN), which papers on segmented cells call average precision; None where both sides are empty."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Interval:
    """A score and its 95 % interval; all None where the score has nothing to divide by."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scored:
    """Scores of one class at one threshold, with their intervals."""

    threshold: int
    counts: Counts
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True)
class ClassEvaluation:
    """How well a network finds the events of one class.

    Parameters
    ----------
    curve
        Counts of all movies by threshold (0–255), rising.
    default, best
        Scores at the default threshold, and at the one whose F1 is best on these movies.
    unseen_f1
        F1 where each movie's threshold is the one that is best on the other movies, as if it were new; None for one
        movie.
    movies
        How many movies the class was judged on.
    """

    curve: dict[int, Counts]
    default: Scored
    best: Scored
    unseen_f1: float | None
    movies: int


@dataclass(frozen=True)
class NetworkEvaluation:
    """How well a network finds events.

    Parameters
    ----------
    name
        What it is called here: its own name where no other network has it.
    source, sha256
        Where it was read from, and the hash of its weights.
    classes
        By event class.
    seconds
        How long it took to look at all movies.
    learnt_from
        Names of the evaluated movies that it learnt from, or by which its thresholds were chosen.
    false_where_none
        By class, its false events at the default threshold in the movies without any event.
    """

    name: str
    source: str
    sha256: str
    classes: dict[str, ClassEvaluation]
    seconds: float
    learnt_from: tuple[str, ...] = ()
    false_where_none: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """By how much the F1 of one network exceeds that of another, on the same movies.

    Parameters
    ----------
    event
        The class.
    at
        Where each network's threshold was.
    network, other
        Whose F1, minus whose.
    f1
        The difference and its interval.
    p
        How often so large a difference comes about where the two networks' answers to each event are exchanged at random.
    """

    event: str
    at: At
    network: str
    other: str
    f1: Interval
    p: float

    @property
    def telling(self) -> bool:
        """True where neither the interval holds 0 nor exchanged answers often differ as much: over 5 % of them."""
        low, high = self.f1.low, self.f1.high
        return low is not None and high is not None and not low <= 0 <= high and self.p < SIGNIFICANT
