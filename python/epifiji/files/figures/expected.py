"""Scores that a review lets expect, over the threshold, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from epifiji.data.evaluation import Interval
from epifiji.files.figures.curves import SCORE_COLOURS, SCORES
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, legend, new_panels, with_gaps

ExpectedCurves = Mapping[str, Sequence[Interval]]
"""``precision``, ``recall`` and ``f1`` at each threshold of a class."""


def draw_expected(
    path: Path,
    thresholds: Mapping[str, Sequence[int]],
    classes: Mapping[str, ExpectedCurves],
    recommended: Mapping[str, int],
) -> None:
    """Draw expected precision, recall and F1 with their 95 % intervals over the threshold, one panel per class.

    Parameters
    ----------
    path
        A PNG to write.
    thresholds
        Of each class, 0-254, rising.
    classes
        The scores of each class at its thresholds.
    recommended
        For each class the threshold to mark, if there is one.
    """
    figure, panels = new_panels(len(classes), "Expected from the review, with 95 % intervals")
    for axes, (event, scores) in zip(panels, classes.items(), strict=False):
        places = thresholds[event]
        for key, (line, _) in SCORES.items():
            values, low, high = (
                with_gaps([getattr(one, end) for one in scores[key]]) for end in ("value", "low", "high")
            )
            colour = SCORE_COLOURS[key]
            axes.plot(places, values, line, color=colour, label="F1" if key == "f1" else key, lw=1.6)
            if key != "f1":
                axes.fill_between(places, low, high, color=colour, alpha=0.22, lw=0)
        if event in recommended:
            axes.axvline(recommended[event], color=FOREGROUND, lw=0.9, label=f"recommended: {recommended[event]}")
        axes.set_ylim(0, 1.01)
        axes.set_xlabel("threshold (mean probability, 0–255)")
        axes.set_ylabel("score")
        axes.set_title(class_name(event), color=class_colour(event, classes), fontsize=10)
        legend(axes, loc="best")
    DARK.save(figure, path)
