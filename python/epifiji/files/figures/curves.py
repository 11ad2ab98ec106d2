"""Curves over the threshold as PNG: of one comparison, and of several networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epifiji.data.evaluation import ClassEvaluation, NetworkEvaluation
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, dark_panels, legend, save, with_gaps, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = {"precision": ("-", "o"), "recall": ("--", "s"), "f1": (":", None)}
SCORE_COLOURS = {"precision": "#ffb454", "recall": "#59c2ff", "f1": "#e6e8ec"}
NETWORK_COLOURS = ("#ffb454", "#59c2ff", "#bae67e", "#f28779", "#d4bfff", "#e6e8ec")
"""Of networks in their order; repeated from the seventh on."""

Scores = Mapping[str, Sequence[float | None]]


def draw_curves(
    path: Path, movie: str, thresholds: Sequence[int], classes: Mapping[str, Scores], used: Mapping[str, int]
) -> None:
    """Draw precision, recall and F1 over the threshold, one panel per class.

    Parameters
    ----------
    path
        A PNG to write.
    movie
        Its name, for the title.
    thresholds
        0–255, rising.
    classes
        For each class ``precision``, ``recall`` and ``f1`` at each threshold; None if undefined, which leaves a gap.
    used
        For each class the threshold to mark.
    """
    figure, panels = dark_panels(len(classes), f"{movie}: scores over the threshold")
    for axes, (event, scores) in zip(panels, classes.items(), strict=False):
        for key, (line, marker) in SCORES.items():
            values = with_gaps(scores[key])
            label = "F1" if key == "f1" else key
            axes.plot(
                thresholds,
                values,
                line,
                marker=marker,
                color=SCORE_COLOURS[key],
                label=label,
                ms=3.5,
                lw=1.6,
                clip_on=False,
            )
        if event in used:
            axes.axvline(used[event], color=FOREGROUND, lw=0.9, alpha=0.6, label=f"as set: {used[event]}")
        axes.set_ylim(0, 1)
        axes.set_xlim(thresholds[0] - 2, thresholds[-1] + 2)
        axes.set_xlabel("threshold (mean probability, 0–255)")
        axes.set_ylabel("score")
        name = class_name(event) if event != "all" else "all classes"
        axes.set_title(name, color=class_colour(event, classes), fontsize=10)
        if all(value is None for values in scores.values() for value in values):
            write_message(axes, "no events on either side")
        else:
            legend(axes, loc="best")
    save(figure, path)


def draw_evaluation(path: Path, networks: Sequence[NetworkEvaluation]) -> None:
    """Draw precision against recall, and F1 over the threshold: one row per class, one line per network.

    A full dot marks the threshold with the best F1, with the confidence intervals of precision and recall; a square the
    default.
    """
    classes = list(dict.fromkeys(event for network in networks for event in network.classes))
    figure, panels = dark_panels(
        2 * len(classes), "networks on annotated movies (dot: best threshold, square: default)", columns=2, width=4.8
    )
    for row, event in enumerate(classes):
        against, over = panels[2 * row : 2 * row + 2]
        for number, network in enumerate(networks):
            if event in network.classes:
                colour = NETWORK_COLOURS[number % len(NETWORK_COLOURS)]
                _draw_network(against, over, network.name, network.classes[event], colour)
        against.set_xlabel("recall")
        against.set_ylabel("precision")
        over.set_xlabel("threshold (mean probability, 0–255)")
        over.set_ylabel("F1")
        for axes, what in ((against, "precision against recall"), (over, "F1 over the threshold")):
            axes.set_ylim(0, 1.02)
            axes.set_title(f"{class_name(event)}: {what}", color=class_colour(event, classes), fontsize=10)
        against.set_xlim(0, 1.02)
        legend(over, loc="lower left")
    save(figure, path)


def _draw_network(against: Axes, over: Axes, name: str, found: ClassEvaluation, colour: str) -> None:
    """Draw one network's curves of one class, and mark its default and its best threshold on them."""
    counts = found.curve.values()
    precisions, recalls, f1 = (with_gaps(getattr(one, key) for one in counts) for key in ("precision", "recall", "f1"))
    against.plot(recalls, precisions, color=colour, lw=1.6)
    over.plot(list(found.curve), f1, color=colour, lw=1.6, label=name)
    for scored, marker, fill, size in ((found.default, "s", "none", 9), (found.best, "o", colour, 5)):
        mark: dict[str, Any] = {
            "marker": marker,
            "mfc": fill,
            "mec": colour,
            "ms": size,
            "ls": "none",
            "clip_on": False,
        }
        over.plot([scored.threshold], with_gaps([scored.f1.value]), **mark)
        against.plot(with_gaps([scored.recall.value]), with_gaps([scored.precision.value]), **mark)
    precision, recall = found.best.precision, found.best.recall
    across = with_gaps([recall.low, recall.high, None, recall.value, recall.value])
    along = with_gaps([precision.value, precision.value, None, precision.low, precision.high])
    against.plot(across, along, color=colour, lw=0.9, alpha=0.8)
