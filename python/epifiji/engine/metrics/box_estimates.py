"""Shares of events that are right or found, from boxes drawn at random in which all events are known.

Events of one box are alike: the share in a box is drawn from a beta distribution, and the number in it is binomial (J. G.
Skellam, J. R. Stat. Soc. B 10, 257-261, 1948; D. A. Williams, Biometrics 31, 949-952, 1975). The posterior of its mean and of the
correlation between events of a box is computed on a grid. That mean weights boxes equally, but the share of all events is wanted,
and crowded boxes may have another one. The ratio of the sums (W. G. Cochran, Sampling Techniques, 1977, chapter 6) is right then,
but uncertain if few boxes have most events. So half of the draws are moved to it. The share in the boxes that were not drawn is
predicted with the variance of a cluster sample (L. Kish, Survey Sampling, 1965, section 5.4), so a check of all boxes leaves no
interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit, gammaln, logit

from epifiji.data.evaluation import CONFIDENCE, Counts, Interval

MEANS = (np.arange(200) + 0.5) / 200
CORRELATIONS = np.array([0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55])
"""Grid of the mean share, and of the correlation between events of a box."""

USUAL_CORRELATION = 0.25
"""Mean of the exponential prior of the correlation; that of the mean share is Jeffreys'."""

DRAWS = 4000

Part = Callable[[Counts], tuple[int, int]]
"""The numerator and the denominator of a share."""


def precision_part(count: Counts) -> tuple[int, int]:
    """Right events among the detected ones."""
    return count.true_positives, count.true_positives + count.false_positives


def recall_part(count: Counts) -> tuple[int, int]:
    """Right events among those that are there."""
    return count.true_positives, count.true_positives + count.false_negatives


def overlap_part(count: Counts) -> tuple[int, int]:
    """Right events among those that are detected or there: J, with which F1 = 2 J / (1 + J) rises."""
    return count.true_positives, count.true_positives + count.false_positives + count.false_negatives


def share_draws(boxes: Sequence[Counts], boxes_in_all: int, of: Part, seed: int = 1) -> np.ndarray | None:
    """Draw the share in all boxes of a movie from its posterior, (`DRAWS`,); None if its denominator is 0 so far.

    Parameters
    ----------
    boxes
        Events in each complete box.
    boxes_in_all
        Number of boxes of the movie from which these were drawn at random.
    of
        Which share.
    seed
        Of the draws.
    """
    parts, wholes = np.array([of(one) for one in boxes], float).reshape(-1, 2).T
    events = wholes.sum()
    if not events:
        return None
    source = np.random.default_rng(seed)
    mean, correlation = _posterior(parts[wholes > 0], wholes[wholes > 0], source)
    mean[::2] = expit(logit(mean[::2]) + logit((parts.sum() + 0.5) / (events + 1)) - logit(mean.mean()))
    fraction = len(boxes) / boxes_in_all
    if fraction >= 1:
        return np.full(DRAWS, parts.sum() / events)
    events_elsewhere = events * (1 - fraction) / fraction
    # The events of a box, as a random event sees them.
    crowd = (wholes**2).sum() / events
    effective = events_elsewhere / (1 + (crowd - 1) * correlation)
    # A beta distribution of this size has the variance mean (1 - mean) / effective.
    size = np.maximum(effective - 1, 1e-3)
    elsewhere = source.beta(np.maximum(mean * size, 1e-9), np.maximum((1 - mean) * size, 1e-9))
    drawn: np.ndarray = fraction * parts.sum() / events + (1 - fraction) * elsewhere
    return drawn


def _posterior(parts: np.ndarray, wholes: np.ndarray, source: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw mean share and correlation from their posterior, (`DRAWS`,) each."""
    size = 1 / CORRELATIONS - 1
    right, wrong = np.outer(MEANS, size), np.outer(1 - MEANS, size)
    log = -0.5 * np.log(MEANS * (1 - MEANS))[:, None] - CORRELATIONS / USUAL_CORRELATION
    # Each point of the grid stands for the correlations that are nearest to it.
    edges = np.concatenate([[0], (CORRELATIONS[1:] + CORRELATIONS[:-1]) / 2, [0.65]])
    log = log + np.log(np.diff(edges))
    for part, whole in zip(parts, wholes, strict=True):
        log += gammaln(part + right) + gammaln(whole - part + wrong) - gammaln(whole + size)
        log += gammaln(size) - gammaln(right) - gammaln(wrong)
    chance = np.exp(log - log.max()).ravel()
    drawn = source.choice(chance.size, DRAWS, p=chance / chance.sum())
    row, column = np.divmod(drawn, len(CORRELATIONS))
    within = (source.random(DRAWS) - 0.5) / len(MEANS)
    return MEANS[row] + within, CORRELATIONS[column]


def share_interval(boxes: Sequence[Counts], boxes_in_all: int, of: Part, seed: int = 1) -> Interval:
    """Return the share of all complete boxes together, with the 95 % interval of that in the movie; see :func:`share_draws`."""
    draws = share_draws(boxes, boxes_in_all, of, seed)
    if draws is None:
        return Interval()
    part, whole = np.array([of(one) for one in boxes]).sum(0)
    low, high = np.quantile(draws, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    value = float(part / whole)
    return Interval(value, min(value, float(low)), max(value, float(high)))


def box_scores(boxes: Sequence[Counts], boxes_in_all: int, seed: int = 1) -> tuple[Interval, Interval, Interval]:
    """Return precision, recall and F1 with 95 % intervals; empty where nothing was detected, or there is nothing."""
    precision, recall, overlap = (
        share_interval(boxes, boxes_in_all, of, seed) for of in (precision_part, recall_part, overlap_part)
    )
    f1 = Interval(*(None if j is None else 2 * j / (1 + j) for j in (overlap.value, overlap.low, overlap.high)))
    return precision, recall, f1
