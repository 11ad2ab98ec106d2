"""Figures of a training as PNG: learning curves, confusion matrix, and precision against recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from epifiji.data.network import NOTHING
from epifiji.data.training import Point, ValidationScores
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, dark_panels, legend, save, with_gaps, write_message

LEARNING_CURVE, CONFUSION, PRECISION_RECALL = "learning_curve.png", "confusion_matrix.png", "precision_recall.png"
LEARNT, HELD_OUT, MARK = "#ffb454", "#59c2ff", "#bae67e"
NO_EVENTS = "no events were held out"


def draw_learning_curve(path: Path, name: str, points: Sequence[Point], chosen: int) -> None:
    """Draw the losses and the held-out F1 over the steps, and mark the chosen step."""
    figure, (above, below) = dark_panels(2, f"{name}: learning", columns=1, width=7.4, height=2.7)
    steps = [point.step for point in points]
    for key, colour, label in (("loss", LEARNT, "learnt from"), ("held_out_loss", HELD_OUT, "held out")):
        values = with_gaps(getattr(point, key) for point in points)
        if np.isfinite(values).any():
            above.plot(steps, values, "-o", color=colour, ms=3.5, lw=1.6, label=label)
    above.set_yscale("log")
    above.set_ylabel("loss")
    legend(above, loc="upper right")
    if any(point.f1 is not None for point in points):
        for key, colour, label in (("f1", HELD_OUT, "best thresholds"), ("quality", LEARNT, "mean over thresholds")):
            values = with_gaps(getattr(point, key) for point in points)
            below.plot(steps, values, "-o", color=colour, ms=3.5, lw=1.6, label=label)
        below.axvline(chosen, color=MARK, lw=1, ls="--", label=f"chosen: step {chosen}")
        legend(below, loc="lower right")
    else:
        write_message(below, NO_EVENTS)
    below.set_ylim(0, 1.02)
    below.set_ylabel("F1 on held-out events")
    below.set_xlabel("step")
    save(figure, path)


def draw_confusion(path: Path, name: str, confusion: Mapping[str, Mapping[str, int]]) -> None:
    """Draw the confusion matrix of held-out events; the last row are false detections, the last column missed events."""
    figure, (axes,) = dark_panels(1, f"{name}: held-out events", width=5.4, height=4.4)
    axes.grid(False)
    rows = list(confusion)
    if not rows or not any(sum(row.values()) for row in confusion.values()):
        write_message(axes, NO_EVENTS)
        save(figure, path)
        return
    columns = list(confusion[rows[0]])
    counts = np.array([[confusion[row][column] for column in columns] for row in rows])
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("share", [BACKGROUND, "#2f6f9f"])
    axes.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for (row, column), number in np.ndenumerate(counts):
        if rows[row] != NOTHING or columns[column] != NOTHING:
            axes.text(column, row, str(number), ha="center", va="center", color=FOREGROUND, fontsize=11)
    axes.set_xticks(range(len(columns)), [_or(column, "missed") for column in columns])
    axes.set_yticks(range(len(rows)), [_or(row, "no event") for row in rows])
    axes.set_xlabel("found as")
    axes.set_ylabel("is")
    save(figure, path)


def draw_precision_recall(
    path: Path, name: str, after: ValidationScores | None, before: ValidationScores | None, parent: str | None
) -> None:
    """Draw precision against recall over all thresholds, one panel per class; dots mark the thresholds that are used."""
    classes = list(after.curves) if after is not None else []
    figure, panels = dark_panels(len(classes), f"{name}: held-out events")
    if after is None or not classes:
        write_message(panels[0], NO_EVENTS)
    for axes, event in zip(panels, classes, strict=False):
        for found, colour, label in ((before, LEARNT, parent or ""), (after, HELD_OUT, name)):
            if found is None or event not in found.curves:
                continue
            curve = found.curves[event]
            recalls, precisions = (with_gaps(getattr(one, key) for one in curve) for key in ("recall", "precision"))
            axes.plot(recalls, precisions, color=colour, lw=1.6, label=label)
            used = found.counts[event]
            axes.plot(with_gaps([used.recall]), with_gaps([used.precision]), "o", color=colour, ms=6, clip_on=False)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        events = after.counts[event].true_positives + after.counts[event].false_negatives if after else 0
        axes.set_title(f"{class_name(event)}: {events} events", color=class_colour(event, classes), fontsize=10)
        legend(axes, loc="lower left")
    save(figure, path)


def _or(name: str, nothing: str) -> str:
    return nothing if name == NOTHING else class_name(name)
