"""Evaluations of networks as values: scores with intervals, and differences between networks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

At = Literal["default", "best"]
"""The threshold of a score: the network's default, or the one with the best F1."""


SIGNIFICANT = 0.05


CONFIDENCE = 0.95
"""Of all intervals."""


@dataclass(frozen=True)
class Counts:
    """Matched events or cells, detections without a match, references without a match."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); None if nothing was detected."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None if the reference is empty."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN); None if both sides are empty."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def ap(self) -> float | None:
        """TP / (TP + FP + FN), which papers on segmented cells call average precision; None where both sides are empty."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)


def pooled(counts: Iterable[Counts]) -> Counts:
    """Add counts, such as those of several images."""
    numbers = [(one.true_positives, one.false_positives, one.false_negatives) for one in counts]
    return Counts(*(sum(column) for column in zip(*numbers, strict=True)))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """Return the mean of the scores that are defined; None if there are none."""
    # Not at the module's beginning: it is imported for help texts, which need no numpy.
    import numpy as np

    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def score_text(value: float | None) -> str:
    """Return a score with three decimals, a count as it is, or a dash if it is undefined."""
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Interval:
    """A score and its 95 % interval; all None if the score's denominator is 0."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def in_words(found: Interval) -> str:
    """Write a score with its interval, two decimals; a dash if it is undefined."""
    if found.value is None or found.low is None or found.high is None:
        return "-"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


@dataclass(frozen=True)
class ScoreBin:
    """Events with similar scores: their number, their mean score, and the share of them that is right, with its interval."""

    events: int
    score: float
    right: Interval


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
    """Evaluation of a network on the events of one class.

    Parameters
    ----------
    curve
        Counts of all movies by threshold (0–255), rising.
    default, best
        Scores at the default threshold, and at the one whose F1 is best on these movies.
    unseen_f1
        F1 if each movie's threshold is the one that is best on the other movies, as for a new movie; None for one
        movie.
    movies
        Number of movies on which the class was evaluated.
    """

    curve: dict[int, Counts]
    default: Scored
    best: Scored
    unseen_f1: float | None
    movies: int


@dataclass(frozen=True)
class NetworkEvaluation:
    """Evaluation of a network.

    Parameters
    ----------
    name
        Its name here: its own name if no other network has it.
    source, sha256
        Where it was read from, and the hash of its weights.
    classes
        By event class.
    seconds
        Time for the detection in all movies.
    learnt_from
        Names of the evaluated movies that were in its training or validation set.
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
    """Difference of the F1 of two networks on the same movies.

    Parameters
    ----------
    event
        The class.
    at
        The kind of threshold of both networks.
    network, other
        The networks: the difference is the first one's F1 minus the second one's.
    f1
        The difference and its interval.
    p
        Probability of a difference at least as large if the two networks' predictions for each event are exchanged at
        random.
    """

    event: str
    at: At
    network: str
    other: str
    f1: Interval
    p: float

    @property
    def size(self) -> Interval:
        """The difference of the score that decides which network is better."""
        return self.f1

    @property
    def telling(self) -> bool:
        """True if the difference is significant."""
        return _is_telling(self.f1, self.p)


@dataclass(frozen=True)
class QualityDifference:
    """Difference of the segmentation quality of two networks on the same images.

    Parameters
    ----------
    network, other
        The networks: the difference is the first one's quality minus the second one's.
    quality
        The difference and its interval.
    p
        Probability of a difference at least as large if the two networks' segmentations of each annotated cell are
        exchanged at random.
    """

    network: str
    other: str
    quality: Interval
    p: float

    @property
    def size(self) -> Interval:
        """The difference of the score that decides which network is better."""
        return self.quality

    @property
    def telling(self) -> bool:
        """True if the difference is significant."""
        return _is_telling(self.quality, self.p)


class AnyDifference(Protocol):
    """A difference between two networks, of whichever task."""

    @property
    def network(self) -> str:
        """The first network."""

    @property
    def other(self) -> str:
        """The second network."""

    @property
    def size(self) -> Interval:
        """The first one's score minus the second one's."""

    @property
    def p(self) -> float:
        """Probability of such a difference if the networks do not differ."""

    @property
    def telling(self) -> bool:
        """True if the difference is significant."""


def _is_telling(difference: Interval, p: float) -> bool:
    """Return whether a difference is significant: its interval excludes 0, and p is below 0.05."""
    low, high = difference.low, difference.high
    return low is not None and high is not None and not low <= 0 <= high and p < SIGNIFICANT
