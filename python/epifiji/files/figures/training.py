"""Figures of a training as PNG: learning curves, confusion matrix, precision against recall, and held-out cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.cells import ComparedField, Outcome
from epifiji.data.network import NOTHING
from epifiji.data.training import Point, ValidationScores
from epifiji.files.figures.cells import draw_outcomes
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, legend, new_panels, with_gaps, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEARNING_CURVE, CONFUSION, PRECISION_RECALL = "learning_curve.png", "confusion_matrix.png", "precision_recall.png"
HELD_OUT_CELLS = "held_out_cells.png"
LEARNT, HELD_OUT, MARK = "#ffb454", "#59c2ff", "#bae67e"
NO_EVENTS, NO_CELLS = "no events were held out", "no cells were held out"
MOST_FIELDS, GAP_PX = 4, 8
"""Held-out fields in one picture, and pixels between them."""


def draw_learning_curve(
    path: Path, name: str, points: Sequence[Point], chosen: int, labels: tuple[str, str, str], nothing_held_out: str
) -> None:
    """Draw the losses and the scores over the steps, and mark the chosen step.

    Parameters
    ----------
    labels
        Of the axis of scores, of F1, and of the criterion.
    nothing_held_out
        Text in place of scores if there are none.
    """
    figure, (above, below) = new_panels(2, f"{name}: learning", columns=1, width=7.4, height=2.7)
    steps = [point.step for point in points]
    for key, colour, label in (("loss", LEARNT, "learnt from"), ("held_out_loss", HELD_OUT, "held out")):
        values = with_gaps(getattr(point, key) for point in points)
        if np.isfinite(values).any():
            above.plot(steps, values, "-o", color=colour, ms=3.5, lw=1.6, label=label)
    above.set_yscale("log")
    _label_losses(above)
    above.tick_params(axis="y", which="minor", labelcolor=FOREGROUND, labelsize=8)
    above.set_ylabel("loss")
    legend(above, loc="upper right")
    if any(point.f1 is not None for point in points):
        for key, colour, label in (("f1", HELD_OUT, labels[1]), ("quality", LEARNT, labels[2])):
            values = with_gaps(getattr(point, key) for point in points)
            below.plot(steps, values, "-o", color=colour, ms=3.5, lw=1.6, label=label)
        below.axvline(chosen, color=MARK, lw=1, ls="--", label=f"chosen: step {chosen}")
        legend(below, loc="lower right")
    else:
        write_message(below, nothing_held_out)
    below.set_ylim(0, 1.02)
    below.set_ylabel(labels[0])
    below.set_xlabel("step")
    DARK.save(figure, path)


def _label_losses(axes: Axes) -> None:
    """Label a logarithmic axis with plain numbers: all ticks if the losses differ little, else those of 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter

    low, high = axes.get_ylim()

    def label(value: float, _: object) -> str:
        first = f"{value:e}"[0]
        return f"{value:g}" if high < 3 * low or first in "125" else ""

    axes.yaxis.set_major_formatter(FuncFormatter(label))
    axes.yaxis.set_minor_formatter(FuncFormatter(label))


def draw_confusion(path: Path, name: str, confusion: Mapping[str, Mapping[str, int]]) -> None:
    """Draw the confusion matrix of held-out events; the last row are false detections, the last column missed events."""
    figure, (axes,) = new_panels(1, f"{name}: held-out events", width=5.4, height=4.4)
    axes.grid(False)
    rows = list(confusion)
    if not rows or not any(sum(row.values()) for row in confusion.values()):
        write_message(axes, NO_EVENTS)
        DARK.save(figure, path)
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
    DARK.save(figure, path)


def draw_precision_recall(
    path: Path, name: str, after: ValidationScores | None, before: ValidationScores | None, parent: str | None
) -> None:
    """Draw precision against recall over all thresholds, one panel per class; dots mark the thresholds that are used."""
    classes = list(after.curves) if after is not None else []
    figure, panels = new_panels(len(classes), f"{name}: held-out events")
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
    DARK.save(figure, path)


def _or(name: str, nothing: str) -> str:
    return nothing if name == NOTHING else class_name(name)


def draw_held_out_cells(path: Path, name: str, compared: Sequence[ComparedField]) -> None:
    """Draw the cells of held-out fields in the colours of their outcomes, side by side; the first `MOST_FIELDS` of them."""
    if not compared:
        figure, (axes,) = new_panels(1, f"{name}: held-out cells", width=5.4, height=4.4)
        axes.grid(False)
        write_message(axes, NO_CELLS)
        DARK.save(figure, path)
        return
    shown = compared[:MOST_FIELDS]
    names = ", ".join(one.name for one in shown)
    draw_outcomes(path, _side_by_side(f"{name}: held-out cells of {names}", shown))


def _side_by_side(name: str, fields: Sequence[ComparedField]) -> ComparedField:
    """Join fields to one; labels are changed so that they stay different."""
    height = max(one.annotated.shape[0] for one in fields)
    annotated: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    outcomes: dict[int, Outcome] = {}
    base = 0
    for one in fields:
        wide = [(0, height - one.annotated.shape[0]), (0, GAP_PX)]
        for packed, joined in ((one.annotated, annotated), (one.predicted, predicted)):
            labels = np.asarray(packed)
            joined.append(np.pad(np.where(labels > 0, labels + base, 0), wide))
        outcomes |= {label + base: outcome for label, outcome in one.outcomes.items()}
        base = max(int(annotated[-1].max()), int(predicted[-1].max()), base)
    return ComparedField(name, np.concatenate(annotated, 1), np.concatenate(predicted, 1), outcomes)
