"""Plots of a study of networks: scores over the number of training images, of variants, and over settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from epifiji.data.evaluation import mean_of_known
from epifiji.data.study import BASE, Row, differences
from epifiji.files.figures.curves import NETWORK_COLOURS
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import legend, new_panels, with_gaps


def draw_learning_curve(path: Path, rows: Sequence[Row], metrics: Mapping[str, str]) -> None:
    """Draw each score over the number of training images: a point for each run, a line through the means over seeds.

    Parameters
    ----------
    path
        A PNG to write.
    rows
        For each run ``variant``, ``images``, ``seed`` and the scores by their keys in `metrics`; other variants than the base one
        are left out.
    metrics
        Labels of the scores, by their keys.
    """
    rows = [row for row in rows if row["variant"] == BASE]
    figure, panels = new_panels(len(metrics), "scores over the number of training images")
    counts = sorted({row["images"] for row in rows})
    for axes, (key, label), colour in zip(panels, metrics.items(), NETWORK_COLOURS, strict=False):
        axes.plot(
            [row["images"] for row in rows], with_gaps(row[key] for row in rows), "o", ms=4, color=colour, alpha=0.7
        )
        means = [mean_of_known([row[key] for row in rows if row["images"] == count]) for count in counts]
        axes.plot(counts, with_gaps(means), color=FOREGROUND, lw=1.6, label="mean over seeds")
        axes.set_xticks(counts)
        axes.set_xlabel("training images")
        axes.set_ylabel(label)
        legend(axes, loc="lower right")
    DARK.save(figure, path)


def draw_variants(path: Path, rows: Sequence[Row], metrics: Mapping[str, str]) -> None:
    """Draw the difference of each variant from the base one with the same seed: a point for each seed, a bar for the mean.

    Parameters as for :func:`draw_learning_curve`; rows with fewer images than all are left out.
    """
    largest = max(row["images"] for row in rows)
    rows = [row for row in rows if row["images"] == largest]
    base = {row["seed"]: row for row in rows if row["variant"] == BASE}
    names = list(dict.fromkeys(row["variant"] for row in rows if row["variant"] != BASE))
    figure, panels = new_panels(len(metrics), "difference of variants from the base, with the same seed")
    for axes, (key, label), colour in zip(panels, metrics.items(), NETWORK_COLOURS, strict=False):
        for place, name in enumerate(names):
            found = differences(base, [row for row in rows if row["variant"] == name], key)
            axes.plot(found, [place] * len(found), "o", ms=4, color=colour, alpha=0.8)
            if found:
                axes.plot([np.mean(found)] * 2, [place - 0.3, place + 0.3], color=FOREGROUND, lw=2)
        axes.axvline(0, color=FOREGROUND, lw=0.8, alpha=0.6)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(f"difference of {label}")
    DARK.save(figure, path)


def draw_sweep(path: Path, rows: Sequence[Row], metrics: Mapping[str, str]) -> None:
    """Draw each score over the values of each setting: a point for each network, a line through the means.

    Parameters
    ----------
    rows
        For each network and value ``setting``, ``value``, ``seed`` and the scores.
    """
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    figure, panels = new_panels(len(settings), "scores over settings of the segmentation")
    for axes, name in zip(panels, settings, strict=False):
        there = [row for row in rows if row["setting"] == name]
        values = list(dict.fromkeys(row["value"] for row in there))
        for (key, label), colour in zip(metrics.items(), NETWORK_COLOURS, strict=False):
            places = [values.index(row["value"]) for row in there]
            axes.plot(places, with_gaps(row[key] for row in there), "o", ms=3, color=colour, alpha=0.6)
            means = [mean_of_known([row[key] for row in there if row["value"] == value]) for value in values]
            axes.plot(range(len(values)), with_gaps(means), color=colour, lw=1.6, label=label)
        axes.set_xticks(range(len(values)), [str(value) for value in values])
        axes.set_xlabel(name)
        axes.set_ylabel("score")
        legend(axes, loc="best")
    DARK.save(figure, path)
