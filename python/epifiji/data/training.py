"""What comes of training: how good a network is on events that it did not learn from, and how it became so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Count = tuple[int, int, int]
"""True positives, false positives, false negatives."""


def f1_of(count: Count) -> float | None:
    """2 TP / (2 TP + FP + FN); None where there is nothing on either side."""
    tp, fp, fn = count
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None


def precision_of(count: Count) -> float | None:
    """TP / (TP + FP); None where nothing was found."""
    return count[0] / (count[0] + count[1]) if count[0] + count[1] else None


def recall_of(count: Count) -> float | None:
    """TP / (TP + FN); None where there are no events."""
    return count[0] / (count[0] + count[2]) if count[0] + count[2] else None


def summed(counts: list[Count]) -> Count:
    """Add counts up."""
    return tuple(map(sum, zip(*counts, strict=True))) if counts else (0, 0, 0)  # type: ignore[return-value]


@dataclass(frozen=True)
class Examination:
    """How a network did on held-out events.

    Parameters
    ----------
    thresholds
        For each class the threshold that was used, 0–255.
    counts
        For each class what it gave there.
    curves
        For each class the counts at each threshold of `levels`.
    levels
        Thresholds, rising.
    confusion
        For each class, and ``nothing``, how many of its events were found as each class, and as ``nothing`` (missed);
        events of ``nothing`` are false detections.
    """

    thresholds: dict[str, int]
    counts: dict[str, Count]
    curves: dict[str, list[Count]]
    levels: tuple[int, ...]
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def overall(self) -> Count:
        """The counts of all classes together."""
        return summed(list(self.counts.values()))

    @property
    def f1(self) -> float | None:
        """F1 of all events together."""
        return f1_of(self.overall)

    def best_f1(self) -> float | None:
        """F1 of all events together where each class has its best threshold of all."""
        best = [max(curve, key=lambda count: f1_of(count) or 0.0) for curve in self.curves.values() if curve]
        return f1_of(summed(best))

    def to_dict(self) -> dict[str, Any]:
        """Give scores and counts as plain JSON types."""

        def told(count: Count) -> dict[str, Any]:
            tp, fp, fn = count
            named = {"true_positives": tp, "false_positives": fp, "false_negatives": fn}
            return named | {"precision": precision_of(count), "recall": recall_of(count), "f1": f1_of(count)}

        classes = {name: told(count) | {"threshold": self.thresholds[name]} for name, count in self.counts.items()}
        return {"all": told(self.overall), "classes": classes, "confusion": self.confusion}


@dataclass(frozen=True)
class Point:
    """How far training had come at a step.

    Parameters
    ----------
    step
        Steps done.
    seconds
        Time spent.
    loss
        Mean loss of the steps since the point before; None before the first.
    held_out_loss
        Loss on unchanged parts around held-out events; None where nothing is held out.
    f1
        On held-out events, each class at its best threshold; None likewise.
    quality
        By which the best moment is chosen: F1 averaged over thresholds and classes.
    """

    step: int
    seconds: float
    loss: float | None
    held_out_loss: float | None = None
    f1: float | None = None
    quality: float | None = None
