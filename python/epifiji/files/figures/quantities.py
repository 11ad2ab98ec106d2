"""A picture of quantities in squares of the frame and in bins of time, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.statistics import Extent
from epifiji.data.tissue import CellBins
from epifiji.files.figures.look import DARK, Look
from epifiji.files.figures.plots import NEIGHBOURS_INCHES, add_scale, new_panels, spaced, write_message

PANEL_INCHES = 2.6
"""Small enough that two quantities fit side by side on a screen."""


@dataclass(frozen=True, eq=False)
class Quantity:
    """What is drawn as a map and as a course.

    Parameters
    ----------
    title, unit
        Its name, and the label of its axis.
    colour
        Its colour; None for that of texts.
    in_space
        Its values in squares, (y, x); NaN where it is not defined.
    over_time
        Its values in bins of time, (t,); NaN where it is not defined.
    low, high
        Interval of `over_time`, (t,); None if there is none.
    """

    title: str
    unit: str
    colour: Any
    in_space: np.ndarray = field(repr=False)
    over_time: np.ndarray = field(repr=False)
    low: np.ndarray | None = field(default=None, repr=False)
    high: np.ndarray | None = field(default=None, repr=False)


def draw_quantities(
    path: Path, title: str, quantities: Sequence[Quantity], extent: Extent, bins: CellBins, look: Look = DARK
) -> None:
    """Draw the map and the course of each quantity, two quantities in a row."""
    figure, panels = new_panels(2 * len(quantities), title, 4, PANEL_INCHES, NEIGHBOURS_INCHES, look)
    for number, quantity in enumerate(quantities):
        colour = look.theme.foreground if quantity.colour is None else quantity.colour
        space, time = panels[2 * number], panels[2 * number + 1]
        _draw_map(figure, space, quantity, colour, extent, bins, look)
        edges = bins.times * extent.time + extent.begin
        if quantity.low is not None and quantity.high is not None:
            time.stairs(quantity.high, edges, baseline=quantity.low, fill=True, color=colour, alpha=0.25, lw=0)
        time.stairs(quantity.over_time, edges, color=colour, lw=1.6, baseline=None, path_effects=look.casing(1.6))
        time.set_xlim(edges[0], edges[-1])
        highest = np.concatenate([quantity.over_time, [] if quantity.high is None else quantity.high])
        if np.isfinite(highest).any():
            time.set_ylim(0, 1.08 * max(np.nanmax(highest), 1e-9))
        else:
            write_message(time, "not defined", look)
        time.set_xlabel("time (min)" if extent.frame_interval_s else "frame")
        time.set_ylabel(quantity.unit, fontsize=8)
    spaced(figure)
    look.save(figure, path)


def _draw_map(
    figure: Any, axes: Any, quantity: Quantity, colour: Any, extent: Extent, bins: CellBins, look: Look
) -> None:
    length = extent.length
    top = np.nanmax(quantity.in_space) if np.isfinite(quantity.in_space).any() else 0
    image = axes.pcolormesh(
        bins.columns * length,
        bins.rows * length,
        np.ma.masked_invalid(quantity.in_space),
        cmap=look.scale(colour),
        vmin=0,
        vmax=top or 1,
        edgecolors=look.theme.grid,
        linewidth=0.4,
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.grid(False)
    axes.set_xlabel(f"x ({extent.length_unit})")
    axes.set_ylabel(f"y ({extent.length_unit})")
    # One title for the map and the course, beginning above the map: two long ones would touch.
    axes.set_title(quantity.title, color=look.text_colour(colour), fontsize=9, loc="left")
    add_scale(figure, axes, image, look)
