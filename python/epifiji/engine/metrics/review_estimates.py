"""What the decisions of a review let expect of all events: precision, recall and F1 at each threshold, with intervals.

The chance that an event is right is a curve of its rank by score, drawn given the decisions (:mod:`.chance_curve`). What is not
reviewed is drawn too, so intervals are those of the events at hand (finite population): a review of all events leaves none. Which
events were reviewed may depend on their scores and groups, but not on whether they are right (ignorable sampling: D. B. Rubin,
Biometrika 63, 581-592, 1976).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.evaluation import Interval
from epifiji.engine.metrics.chance_curve import draw_chances

THRESHOLDS = 255
"""Thresholds are from 0 to 254, as those of a detection; an event counts if its score is above threshold / 255."""

DRAWS = 1000


@dataclass(frozen=True)
class Expected:
    """What is expected of the events above each threshold; all arrays have a value for each threshold, from 0 to 254.

    Parameters
    ----------
    events
        Number of events above the threshold.
    precision, recall, f1
        Draws of the scores, (`DRAWS`, thresholds), 0-1; NaN where undefined. Recall is that of the right events among all that
        were detected or added by the reviewer, or with a complete check among all that are there.
    false_unreviewed
        Draws of the number of false events among those that are not reviewed.
    """

    events: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    false_unreviewed: np.ndarray

    def interval(self, score: str, threshold: int) -> Interval:
        """Return mean and 95 % interval of a score at a threshold."""
        draws = getattr(self, score)[:, threshold]
        draws = draws[~np.isnan(draws)]
        if not len(draws):
            return Interval()
        low, high = np.quantile(draws, (0.025, 0.975))
        return Interval(float(draws.mean()), float(low), float(high))

    def mean(self, score: str) -> np.ndarray:
        """Return the mean of a score at each threshold; NaN where it is undefined."""
        draws = getattr(self, score)
        known = ~np.isnan(draws)
        return np.where(known.any(0), np.where(known, draws, 0).sum(0) / np.maximum(1, known.sum(0)), np.nan)


def expect(
    scores: Sequence[float] | np.ndarray,
    right: Sequence[bool | None],
    added: int = 0,
    seed: int = 1,
    found: np.ndarray | None = None,
    groups: Sequence[int] | np.ndarray | None = None,
) -> Expected:
    """Estimate precision, recall and F1 of the events of a class at each threshold.

    Parameters
    ----------
    scores
        Of all events, 0-1.
    right
        For each event whether it is right; None if it was not reviewed.
    added
        Number of right events that the detection missed and the reviewer added.
    seed
        Of the draws.
    found
        Draws, (`DRAWS`,), of the share of all events that were detected, 0-1, from a complete check. Default: all but the added
        ones were detected.
    groups
        For each event the number of its group. Groups are estimated apart (post-stratification), so which of them were
        reviewed may depend on the group, even if its events are right more or less often. Default: all are one group.
    """
    scores = np.asarray(scores, float)
    reviewed = np.array([one is not None for one in right], bool)
    correct = np.array([bool(one) for one in right], bool)
    # The highest threshold that each score is above, compared as Event.over does.
    bins = np.maximum(0, np.searchsorted(np.arange(THRESHOLDS) / 255, scores) - 1)
    counts = np.bincount(bins, minlength=THRESHOLDS)
    random = np.random.default_rng(seed)
    right_there, false_there = np.zeros((2, DRAWS, THRESHOLDS), int)
    which = np.zeros(len(scores), int) if groups is None else np.asarray(groups, int)
    for group in np.unique(which):
        chosen = which == group
        of_right, of_false = _drawn(bins[chosen], reviewed[chosen], correct[chosen], random)
        right_there += of_right
        false_there += of_false
    above, events, false = (np.cumsum(one[..., ::-1], -1)[..., ::-1] for one in (right_there, counts, false_there))
    detected = right_there.sum(1, keepdims=True)
    total = detected + added
    if found is not None:
        total = np.maximum(total, detected / np.maximum(found[:, None], 1e-9))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Expected(events, above / events, above / total, 2 * above / (events + total), false)


def _drawn(
    bins: np.ndarray, reviewed: np.ndarray, correct: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the numbers of right events, and of false ones that are not reviewed, at each threshold, (`DRAWS`, thresholds)."""
    counts, judged, known = (
        np.bincount(bins[chosen], minlength=THRESHOLDS) for chosen in (slice(None), reviewed, reviewed & correct)
    )
    used = np.flatnonzero(counts)
    ranks = ((np.cumsum(counts) - counts / 2) / max(1, len(bins)))[used]
    unreviewed = (counts - judged)[used]
    right_unreviewed = np.zeros((DRAWS, len(used)), int)
    if unreviewed.any():
        right_unreviewed = random.binomial(unreviewed, draw_chances(ranks, known[used], judged[used], DRAWS, random))
    right_there, false_there = np.zeros((2, DRAWS, THRESHOLDS), int)
    right_there[:, used] = known[used] + right_unreviewed
    false_there[:, used] = unreviewed - right_unreviewed
    return right_there, false_there
