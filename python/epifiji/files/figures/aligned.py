"""Curves of the cells around events, aligned at t = 0: the trace of each event, and their mean with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.cell_traces import (
    AREA,
    CONTROL_AREA,
    JUNCTIONS,
    NEIGHBOUR_AREA,
    NEIGHBOURS,
    PERIMETER,
    ROUNDNESS,
    VERTICES,
    AlignedMean,
    CellTrace,
    Units,
)
from epifiji.files.figures.look import DARK
from epifiji.files.figures.plots import class_colour, class_name, legend, new_panels, spaced, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = (AREA, PERIMETER, ROUNDNESS, NEIGHBOURS, JUNCTIONS, VERTICES, NEIGHBOUR_AREA)
COLUMNS = 4
ROWS = 2
CONTROL_COLOUR = "#b9bfca"
MARGIN = 0.35
"""Room above and below the curves, as a share of their range."""
MOST_TRACES = 200
"""Thin traces of more events would cover each other."""


def draw_aligned(
    path: Path,
    movie: str,
    means: Mapping[str, Mapping[str, AlignedMean]],
    traces: Mapping[str, Sequence[CellTrace]],
    units: Units,
    counts: Mapping[str, tuple[int, int]],
) -> None:
    """Draw a row of panels for each class, a panel for each quantity; the areas of control cells beside the neighbours'.

    Parameters
    ----------
    path
        The PNG to write.
    movie
        Name of the movie.
    means
        By class and quantity.
    traces
        Traces by class; classes without any have a panel that says so.
    units
        Units.
    counts
        For each class: number of events whose cells were followed, and of all events.
    """
    figure, panels = new_panels(
        COLUMNS * ROWS * max(1, len(traces)),
        f"{movie}: cells aligned at their end (mean, 95 % interval, each event)",
        columns=COLUMNS,
        width=2.9,
        height=2.6,
    )
    for row, (event, group) in enumerate(traces.items()):
        colour = class_colour(event, traces)
        here = panels[row * COLUMNS * ROWS : (row + 1) * COLUMNS * ROWS]
        followed, count = counts[event]
        here[0].set_title(f"{class_name(event)}: {followed} of {count} followed", color=colour, fontsize=10, loc="left")
        if event not in means:
            _only_message(here, "no cell was followed")
            continue
        for axes, quantity in zip(here, PANELS, strict=False):
            _draw(axes, quantity, means[event], group, units, colour)
        _draw_counts(here[len(PANELS)], means[event], units, colour)
    if not traces:
        _only_message(panels, "no events")
    spaced(figure)
    DARK.save(figure, path)


def _only_message(panels: Sequence[Axes], sentence: str) -> None:
    """Write in the first of some panels why nothing is drawn, and hide the others."""
    write_message(panels[0], sentence)
    panels[0].set(xticks=[], yticks=[])
    for axes in panels[1:]:
        axes.set_axis_off()


def _draw(
    axes: Axes,
    quantity: str,
    means: Mapping[str, AlignedMean],
    traces: Sequence[CellTrace],
    units: Units,
    colour: Any,
) -> None:
    """Draw one quantity of one class."""
    factor = units.factor(quantity)
    for trace in traces[:MOST_TRACES]:
        times = (trace.frames - trace.zero) * units.time
        axes.plot(times, trace.values[quantity] * factor, color=colour, lw=0.7, alpha=0.5)
    if quantity == NEIGHBOUR_AREA:
        _draw_mean(axes, means[CONTROL_AREA], units, factor, CONTROL_COLOUR, "random control cells")
    _draw_mean(axes, means[quantity], units, factor, colour, "neighbours")
    axes.axvline(0, color="#7a808c", lw=0.8, ls="--")
    drawn = np.concatenate([values for line in axes.lines if len(values := _heights(line)) > 2])
    if np.isfinite(drawn).any():
        # The interval of two events can be many times as high as all curves, which would then be flat.
        low, high = np.nanmin(drawn), np.nanmax(drawn)
        margin = MARGIN * ((high - low) or 1.0)
        axes.set_ylim(low - margin, high + margin)
    unit = units.unit(quantity)
    axes.set_ylabel(f"{quantity} ({unit})" if unit else quantity)
    axes.set_xlabel(f"time ({units.time_unit})")
    if quantity == NEIGHBOUR_AREA:
        # Room for the legend, so that it covers no curve.
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.35 * (high - low))
        legend(axes, loc="upper right")


def _heights(line: Any) -> np.ndarray:
    return np.asarray(line.get_ydata(), float)


def _draw_counts(axes: Axes, means: Mapping[str, AlignedMean], units: Units, colour: Any) -> None:
    """Draw over how many events the means are."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel("events in the mean area")
    axes.set_xlabel(f"time ({units.time_unit})")
    axes.step(means[AREA].offsets * units.time, means[AREA].counts, color=colour, where="mid")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_mean(axes: Axes, mean: AlignedMean, units: Units, factor: float, colour: Any, label: str) -> None:
    times = mean.offsets * units.time
    # A mean of one event among several would be a jump.
    several = np.where(mean.counts >= min(2, mean.counts.max(initial=0)), 1.0, np.nan)
    axes.fill_between(times, mean.low * factor, mean.high * factor, color=colour, alpha=0.25, lw=0)
    axes.plot(times, mean.means * several * factor, color=colour, lw=2, label=label)
