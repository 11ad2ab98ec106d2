"""Results of a training: scores on the validation set, and the course of the training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from epifiji.data.cells import ComparedField, FieldScores
from epifiji.data.evaluation import Counts


def summed(counts: Iterable[Counts]) -> Counts:
    """Sum counts."""
    each = [(one.true_positives, one.false_positives, one.false_negatives) for one in counts]
    return Counts(*(sum(column) for column in zip(*each, strict=True))) if each else Counts(0, 0, 0)


@dataclass(frozen=True)
class ValidationScores:
    """Scores of a network on held-out events.

    Parameters
    ----------
    thresholds
        For each class the threshold that was used, 0–255.
    counts
        For each class with held-out events its counts.
    curves
        For each of these the counts at each threshold of `levels`.
    levels
        Thresholds, ascending.
    confusion
        For each of these, and ``nothing``, the numbers of its events that were found as each class, and as ``nothing``
        (missed); events of ``nothing`` are false detections.
    """

    thresholds: dict[str, int]
    counts: dict[str, Counts]
    curves: dict[str, list[Counts]]
    levels: tuple[int, ...]
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)

    def f1(self, classes: Iterable[str] | None = None) -> float | None:
        """F1 of all events of some classes together, or of all classes."""
        chosen = self.counts if classes is None else [name for name in classes if name in self.counts]
        return summed(self.counts[name] for name in chosen).f1

    def best_f1(self, classes: Sequence[str]) -> float | None:
        """F1 of all events of some classes, each at its best threshold here."""
        return summed(
            max(self.curves[name], key=lambda one: one.f1 or 0.0) for name in classes if self.curves.get(name)
        ).f1

    def to_dict(self) -> dict[str, Any]:
        """Return scores and counts as plain JSON types."""
        classes = {name: _as_json(one) | {"threshold": self.thresholds[name]} for name, one in self.counts.items()}
        return {"all": _as_json(summed(self.counts.values())), "classes": classes, "confusion": self.confusion}

    def table(self, before: ValidationScores | None) -> tuple[list[str], list[list[str]]]:
        """Return the columns and rows of a table for people: a row for each class, with F1 before the training."""
        rows = []
        for event, counts in self.counts.items():
            old = before.counts.get(event) if before else None
            numbers = counts.precision, counts.recall, counts.f1, old.f1 if old else None
            held_out = str(counts.true_positives + counts.false_negatives)
            rows.append([event, held_out, *map(_text, numbers), str(self.thresholds[event])])
        return ["event", "held out", "precision", "recall", "F1", "F1 before", "threshold"], rows


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _as_json(counts: Counts) -> dict[str, Any]:
    return asdict(counts) | {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


MATCH_IOU = 0.5
"""Least intersection over union of matching cells in AP and F1 that are reported."""


@dataclass(frozen=True, eq=False)
class CellValidationScores:
    """Scores of a network on held-out cells; those that the border of a field cuts off are left out.

    Parameters
    ----------
    fields
        Scores of each held-out field.
    compared
        The cells of each of them.
    """

    fields: tuple[FieldScores, ...]
    compared: tuple[ComparedField, ...]

    @property
    def cells(self) -> int:
        """Number of held-out cells."""
        return sum(one.annotated for one in self.fields)

    @property
    def quality(self) -> float:
        """Segmentation quality of all cells together; see :class:`epifiji.engine.metrics.labels.SegmentationQuality`."""
        return sum(one.proper - one.over - one.under for one in self.fields) / max(1, self.cells)

    def counts(self, iou: float = MATCH_IOU) -> Counts:
        """Return the matches of all cells together at a least intersection over union."""
        return summed(one.matches[iou] for one in self.fields)

    @property
    def ap(self) -> float:
        """TP / (TP + FP + FN) of all cells together, at `MATCH_IOU`."""
        return self.counts().ap or 0.0

    @property
    def criterion(self) -> float:
        """Mean of the segmentation quality and of AP averaged over all intersections over union that were computed.

        The best step of a training is chosen by it: quality alone has few values if few cells are held out.
        """
        ious = self.fields[0].matches if self.fields else ()
        mean = sum(self.counts(iou).ap or 0.0 for iou in ious) / max(1, len(ious))
        return (self.quality + mean) / 2

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as plain JSON types."""
        numbers = {key: sum(getattr(one, key) for one in self.fields) for key in ("proper", "over", "under")}
        scores = {"quality": self.quality, "ap_0.5": self.ap, "criterion": self.criterion}
        images = {one.name: {"cells": one.annotated, "quality": one.quality} for one in self.fields}
        return {"cells": self.cells, **scores, **numbers, "images": images}

    def table(self, before: CellValidationScores | None) -> tuple[list[str], list[list[str]]]:
        """Return the columns and rows of a table for people: a row for each field, with the quality before the training."""
        old = {one.name: one.quality for one in before.fields} if before else {}
        rows = [
            [
                one.name,
                str(one.annotated),
                *map(_text, (one.quality, old.get(one.name), one.matches[MATCH_IOU].ap)),
                *map(str, (one.over, one.under)),
            ]
            for one in self.fields
        ]
        return ["held out", "cells", "quality", "quality before", "AP 0.5", "over", "under"], rows


@dataclass(frozen=True)
class Point:
    """State of a training at one step.

    Parameters
    ----------
    step
        Steps done.
    seconds
        Time spent.
    loss
        Mean loss of the steps since the previous point; None before the first.
    held_out_loss
        Loss on unchanged parts around held-out events or cells; None if there are none.
    f1
        On held-out events, each class at its best threshold, or on held-out cells; None if there are none.
    quality
        Criterion by which the best step is chosen: F1 averaged over thresholds and classes, or
        :attr:`CellValidationScores.criterion`.
    """

    step: int
    seconds: float
    loss: float | None
    held_out_loss: float | None = None
    f1: float | None = None
    quality: float | None = None

    @property
    def rank(self) -> tuple[float, float] | None:
        """What is larger for a better step; None if nothing was held out.

        Where nothing that was found is right, quality says nothing: it is higher without any cell than with wrong ones, and so
        for weights that learnt nothing. The loss then decides, and any step with something right is better.
        """
        if self.quality is None:
            return None
        if self.f1 == 0:
            return 0.0, -math.inf if self.held_out_loss is None else -self.held_out_loss
        return 1.0, self.quality


def in_words(
    name: str, parent: str | None, after: ValidationScores | None, before: ValidationScores | None, known: Sequence[str]
) -> tuple[str, bool]:
    """Summarise in one sentence what a training gained on held-out events; return it with whether to use the new network.

    Parameters
    ----------
    name, parent
        The new network and the one with which it is compared.
    after, before
        Of both; None if there are no held-out events, or no network to compare with.
    known
        Classes of the earlier network.
    """
    if after is None or not after.counts:
        return (
            f"No events could be held out to evaluate the new network '{name}': check what it detects before you use it.",
            True,
        )
    shared = [event for event in after.counts if event in known] if before is not None else []
    own = [event for event in after.counts if event not in shared]
    events = sum(one.true_positives + one.false_negatives for one in after.counts.values())
    parts, good = [], True
    if before is not None and shared:
        old, new, best = before.f1(shared) or 0.0, after.f1(shared) or 0.0, before.best_f1(shared) or 0.0
        good = new > old and new >= best
        change = (
            f"stayed at {new:.2f}" if new == old else f"{'rose' if new > old else 'fell'} from {old:.2f} to {new:.2f}"
        )
        each = [f"{event} {_f1(before, event)} to {_f1(after, event)}" for event in shared]
        parts.append(f"F1 {change} ({', '.join(each)})")
    if own:
        good = good and (after.f1(own) or 0.0) >= LEAST_F1
        each = [f"{event} {_f1(after, event)}" for event in own]
        parts.append(f"{'that of new classes is' if shared else 'F1 is'} {after.f1(own) or 0:.2f} ({', '.join(each)})")
    scores = f"On {events} held-out event{'s' if events != 1 else ''} {' and '.join(parts)}"
    if good:
        return f"{scores}: use the new network '{name}'.", True
    if shared:
        return f"{scores}: the new network is no better; keep using '{parent}'.", False
    return f"{scores}: that is little; mark more events before you use the new network '{name}'.", False


def cells_in_words(
    name: str, parent: str | None, after: CellValidationScores | None, before: CellValidationScores | None
) -> tuple[str, bool]:
    """Summarise in one sentence what a training gained on held-out cells; see :func:`in_words`.

    The new network is used if its segmentation quality is higher, or the same with a better criterion.
    """
    if after is None or not after.cells:
        return (
            f"No cells could be held out to evaluate the new network '{name}': check what it segments before you use it.",
            True,
        )
    place = f"On {after.cells} held-out cell{'s' if after.cells != 1 else ''}"
    if before is None:
        scores = f"{place} the segmentation quality is {after.quality:.3f} and AP at an IoU of 0.5 {after.ap:.3f}"
        if after.quality >= LEAST_QUALITY:
            return f"{scores}: use the new network '{name}'.", True
        return f"{scores}: that is little; annotate more cells before you use the new network '{name}'.", False
    changes = []
    for what, old, new in (
        ("the segmentation quality", before.quality, after.quality),
        ("AP at an IoU of 0.5", before.ap, after.ap),
    ):
        same = f"{old:.3f}" == f"{new:.3f}"
        way = "stayed at" if same else f"{'rose' if new > old else 'fell'} from {old:.3f} to"
        changes.append(f"{what} {way} {new:.3f}")
    scores = f"{place} {' and '.join(changes)}"
    if (after.quality, after.criterion) > (before.quality, before.criterion):
        return f"{scores}: use the new network '{name}'.", True
    return f"{scores}: the new network is no better; keep using '{parent}'.", False


def _f1(found: ValidationScores, event: str) -> str:
    return f"{found.counts[event].f1 or 0:.2f}"


LEAST_F1 = 0.5
"""A network with lower scores on new classes is not worth using."""

LEAST_QUALITY = 0.5
"""A network with a lower segmentation quality is not worth using."""
