"""Reliability of scores, before and after a calibration, as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from epifiji.data.evaluation import Interval, ScoreBin, in_words
from epifiji.data.score_map import ScoreMap
from epifiji.files.figures.curves import SCORE_COLOURS
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, legend, new_panels

KINDS = {"raw": (SCORE_COLOURS["precision"], "s"), "calibrated": (SCORE_COLOURS["recall"], "o")}


def draw_reliability(
    path: Path,
    network: str,
    classes: Mapping[str, Mapping[str, tuple[tuple[ScoreBin, ...], Interval]]],
    maps: Mapping[str, ScoreMap],
) -> None:
    """Draw the share of right events over the score, with 95 % intervals, one panel per class.

    Parameters
    ----------
    path
        A PNG to write.
    network
        Its name, for the title.
    classes
        For each class the bins of its ``raw`` and ``calibrated`` scores, and the expected calibration errors.
    maps
        The map of each class, as a line.
    """
    title = f"{network}: are scores the share of right events? (calibrated: on movies that the map was not made from)"
    figure, panels = new_panels(len(classes), title, width=4.4)
    for axes, (event, kinds) in zip(panels, classes.items(), strict=False):
        axes.plot([0, 1], [0, 1], color=FOREGROUND, lw=0.9, alpha=0.6)
        axes.plot(maps[event].raw, maps[event].right, ":", color=KINDS["raw"][0], lw=1.4, label="map")
        for kind, (bins, error) in kinds.items():
            colour, marker = KINDS[kind]
            places, shares = [one.score for one in bins], [one.right.value or 0.0 for one in bins]
            low, high = ([getattr(one.right, end) or 0.0 for one in bins] for end in ("low", "high"))
            below = [share - end for share, end in zip(shares, low, strict=True)]
            above = [end - share for share, end in zip(shares, high, strict=True)]
            label = f"{kind}, error {in_words(error)}"
            axes.errorbar(places, shares, (below, above), fmt=marker, ms=4.5, lw=1.1, color=colour, label=label)
        least = min([0.5, *(one.score for bins, _ in kinds.values() for one in bins)])
        axes.set_xlim(max(0.0, least - 0.05), 1.01)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("score")
        axes.set_ylabel("share of events that are right")
        axes.set_title(class_name(event), color=class_colour(event, classes), fontsize=10)
        legend(axes, loc="best")
    DARK.save(figure, path)
