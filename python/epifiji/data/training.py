"""Results of a training: scores on the validation set, and the course of the training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

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


def _as_json(counts: Counts) -> dict[str, Any]:
    return asdict(counts) | {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


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
        Loss on unchanged parts around held-out events; None if there are none.
    f1
        On held-out events, each class at its best threshold; None if there are none.
    quality
        Criterion by which the best step is chosen: F1 averaged over thresholds and classes.
    """

    step: int
    seconds: float
    loss: float | None
    held_out_loss: float | None = None
    f1: float | None = None
    quality: float | None = None


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


def _f1(found: ValidationScores, event: str) -> str:
    return f"{found.counts[event].f1 or 0:.2f}"


LEAST_F1 = 0.5
"""A network with lower scores on new classes is not worth using."""
