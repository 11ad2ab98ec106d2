"""Rates of movies by condition: each movie is a point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from epifiji.files.figures.look import DARK, Look
from epifiji.files.figures.plots import class_colour, class_name, new_panels, write_message

SPREAD = 0.22
"""Half the width over which the points of a condition are spread."""
GOLDEN = (5**0.5 - 1) / 2
LONGEST_NAME = 22

MeanInterval = tuple[float, float, float]
"""A mean and the ends of its interval; NaN if there is none."""


def draw_conditions(
    path: Path,
    rates: Mapping[str, Mapping[str, np.ndarray]],
    means: Mapping[str, Mapping[str, MeanInterval]],
    tests: Mapping[str, float | None],
    unit: str,
    look: Look = DARK,
) -> None:
    """Draw the rate of each movie, with the mean of each condition and its 95 % interval.

    Parameters
    ----------
    rates, means
        By class and condition: the rate of each movie, (movies,), and their mean.
    tests
        The p-value of each class, None if conditions were not tested.
    unit
        Name of the rates.
    """
    most = max((len(one) for one in rates.values()), default=1)
    figure, panels = new_panels(
        len(rates), "Each point is a movie; lines are means with 95 % intervals", width=max(3.2, 1.1 * most), look=look
    )
    text = look.theme.foreground
    for axes, (event, conditions) in zip(panels, rates.items(), strict=False):
        colour = class_colour(event, rates)
        for place, (name, values) in enumerate(conditions.items()):
            ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
            # Neighbours in rank are apart, so that equal rates do not hide each other, and without a slope.
            across = (ranks * GOLDEN % 1 - 0.5) * 2 * SPREAD if len(values) > 1 else np.zeros(1)
            dots = {"ms": 6, "color": colour, "mec": text, "mew": 0.6, "alpha": 0.9, "zorder": 3, "clip_on": False}
            axes.plot(place + across, values, "o", **dots)
            mean, low, high = means[event][name]
            axes.plot([place - 0.32, place + 0.32], [mean, mean], color=text, lw=1.6)
            if np.isfinite(low):
                axes.plot([place, place], [low, high], color=text, lw=1.1)
        axes.set_xticks(range(len(conditions)), [f"{_short(name)}\nn = {len(v)}" for name, v in conditions.items()])
        axes.set_xlim(-0.6, len(conditions) - 0.4)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(unit)
        p = tests[event]
        tested = "" if p is None else f", p = {p:.2g}"
        axes.set_title(f"{class_name(event)}{tested}", color=look.text_colour(colour), fontsize=10)
    if not rates:
        write_message(panels[0], "no events", look)
    look.save(figure, path)


def _short(name: str) -> str:
    # As matplotlib would take it for a formula.
    plain = name.replace("$", r"\$")
    return plain if len(name) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
