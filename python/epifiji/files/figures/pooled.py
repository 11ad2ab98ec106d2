"""Rates of several movies: each movie is a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.files.figures.look import DARK, Look
from epifiji.files.figures.plots import class_colour, class_name, new_panels

SPREAD = 0.28
"""Half the width over which the points of a class are spread, so that equal ones stay visible."""


def draw_pooled_rates(path: Path, rates: Mapping[str, Sequence[float]], unit: str, look: Look = DARK) -> None:
    """Draw the rate of each class in each movie as a point, and the mean of the movies as a line.

    Parameters
    ----------
    path
        A PNG.
    rates
        The rates of each class, one of each movie in the same order; NaN where there is none.
    unit
        The unit of time of rates.
    look
        Theme and resolution.
    """
    figure, (axes,) = new_panels(1, "each point is a movie, each line the mean", width=7.4, height=2.9, look=look)
    for place, (event, values) in enumerate(rates.items()):
        known = np.array([value for value in values if np.isfinite(value)])
        beside = np.linspace(-SPREAD, SPREAD, len(values)) if len(values) > 1 else np.zeros(1)
        edge = look.theme.casing or look.theme.background
        marks: dict[str, Any] = {"color": class_colour(event, rates), "mec": edge, "mew": 0.8, "ms": 7}
        axes.plot(place + beside, values, "o", clip_on=False, zorder=3, **marks)
        if len(known):
            line = [place - 1.3 * SPREAD, place + 1.3 * SPREAD]
            axes.plot(line, [known.mean()] * 2, color=look.theme.foreground, lw=1.4)
    axes.set_xticks(range(len(rates)), [class_name(event).replace("$", r"\$") for event in rates])
    axes.set_xlim(-0.6, max(len(rates), 1) - 0.4)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"events per {unit}")
    axes.grid(False, axis="x")
    look.save(figure, path)
