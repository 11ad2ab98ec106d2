"""Curves as PNG: over the threshold of one comparison and of several networks, and scores of segmentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.cells import FieldScores
from epifiji.data.evaluation import ClassEvaluation, Interval, NetworkEvaluation, pooled
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, legend, new_panels, with_gaps, write_message

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
    figure, panels = new_panels(len(classes), f"{movie}: scores over the threshold")
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
    DARK.save(figure, path)


def draw_evaluation(path: Path, networks: Sequence[NetworkEvaluation]) -> None:
    """Draw precision against recall, and F1 over the threshold: one row per class, one line per network.

    A full dot marks the threshold with the best F1, with the confidence intervals of precision and recall; a square the
    default.
    """
    classes = list(dict.fromkeys(event for network in networks for event in network.classes))
    figure, panels = new_panels(
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
    DARK.save(figure, path)


def draw_cell_evaluation(path: Path, networks: Mapping[str, tuple[Sequence[FieldScores], Interval]]) -> None:
    """Draw F1 over the least IoU of a match, and the segmentation quality of each image and of all with its interval.

    Parameters
    ----------
    path
        A PNG to write.
    networks
        For each network the scores of the same images, and the quality of all together.
    """
    figure, (over, quality) = new_panels(2, "networks on annotated images", columns=2, width=4.8)
    for number, (name, (fields, together)) in enumerate(networks.items()):
        colour = NETWORK_COLOURS[number % len(NETWORK_COLOURS)]
        ious = sorted(fields[0].matches)
        f1 = [pooled([one.matches[iou] for one in fields]).f1 for iou in ious]
        over.plot(ious, with_gaps(f1), "-o", color=colour, ms=4, lw=1.6, label=name, clip_on=False)
        # Images side by side, in their order, so that dots do not hide each other.
        places = number + np.linspace(-0.2, 0.2, len(fields)) if len(fields) > 1 else np.array([float(number)])
        dots: dict[str, Any] = {"mfc": "none", "mec": colour, "alpha": 0.8, "clip_on": False}
        quality.plot(places, with_gaps(one.quality for one in fields), "o", ms=4, **dots)
        value, low, high = (np.nan if one is None else one for one in (together.value, together.low, together.high))
        quality.plot([number + 0.32] * 2, [low, high], color=colour, lw=1.6)
        quality.plot([number + 0.32], [value], "o", color=colour, ms=6)
    over.set_ylim(0, 1.02)
    over.set_xlabel("least IoU of a match")
    over.set_ylabel("F1")
    over.set_title("F1 of all images", color=FOREGROUND, fontsize=10)
    legend(over, loc="lower left")
    quality.set_xlim(-0.5, len(networks) - 0.5)
    lowest = min([0.0, *(one.quality for fields, _ in networks.values() for one in fields if one.quality is not None)])
    quality.set_ylim(lowest, 1.02)
    quality.set_xticks(range(len(networks)), [_wrapped(name, len(networks)) for name in networks])
    quality.set_ylabel("segmentation quality")
    quality.set_title("quality of each image, and of all (95 %)", color=FOREGROUND, fontsize=10)
    quality.grid(axis="x", visible=False)
    DARK.save(figure, path)


def draw_ap_curve(path: Path, curve: Sequence[Mapping[str, Any]]) -> None:
    """Draw AP over the least IoU of a match: thin lines for images, thick ones for all cells and the mean over images.

    Parameters
    ----------
    path
        A PNG to write.
    curve
        For each ``iou``, rising, the AP of ``all`` cells, the ``mean`` over images, and that of each image by its name; None
        if undefined, which leaves a gap.
    """
    images = [name for name in curve[0] if name not in ("iou", "all", "mean")]
    figure, (axes,) = new_panels(1, "average precision of cells", width=5.6)
    ious = [row["iou"] for row in curve]
    many = len(images) > len(NETWORK_COLOURS)
    for number, name in enumerate(images):
        colour = FOREGROUND if many else NETWORK_COLOURS[number % len(NETWORK_COLOURS)]
        shown = None if many else name.removeprefix("image ")
        thin = {"lw": 0.8, "alpha": 0.5} if many else {"lw": 1.4, "marker": "o", "ms": 3}
        axes.plot(ious, with_gaps([row[name] for row in curve]), color=colour, label=shown, **thin)
    if len(images) > 1:
        for key, line, shown in (("mean", "-", "mean over images"), ("all", "--", "all cells together")):
            axes.plot(ious, with_gaps([row[key] for row in curve]), line, color=FOREGROUND, lw=2.2, label=shown)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("least IoU of a match")
    axes.set_ylabel("AP = TP / (TP + FP + FN)")
    legend(axes, loc="lower left")
    DARK.save(figure, path)


def _wrapped(name: str, count: int) -> str:
    """Break a network's name into lines that fit between so many others."""
    return "\n".join(wrap(name, max(8, 40 // count), max_lines=3, placeholder="…"))


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
