"""Plots: rates over time, densities and nearest neighbours, and what all plots share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.events import colour_of
from epifiji.data.region import Region
from epifiji.data.statistics import TISSUE_FILLS, ClassStatistics, Extent, Neighbours
from epifiji.files.figures.look import DARK, Look
from epifiji.files.figures.overlay import FOREGROUND, as_fractions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 3.6
NEIGHBOURS_INCHES = 1.95
"""Small enough that three classes fit on a screen at full size."""
MOST_COLUMNS = 3
MOST_DOTS = 2000
"""More dots than this would hide the density under them."""


def draw_rates(
    path: Path,
    movie: str,
    classes: Mapping[str, ClassStatistics],
    extent: Extent,
    region: Region,
    look: Look = DARK,
) -> None:
    """Draw the rate in bins of time, and the cumulative number of events."""
    figure, (above, below) = new_panels(
        2, f"{movie}: events {region.text} over time", columns=1, width=7.4, height=2.9, look=look
    )
    cased: dict[str, Any] = {"lw": 1.8, "path_effects": look.casing(1.8)}
    for event, found in classes.items():
        rates, colour = found.rates, class_colour(event, classes)
        edges = rates.edges * extent.time + extent.begin
        above.stairs(rates.per_frame() / extent.rate_time, edges, color=colour, label=class_name(event), **cased)
        frames = np.sort(found.places[:, 0]) * extent.time + extent.first_time
        steps = np.concatenate([[extent.begin], frames, [edges[-1]]])
        heights = np.concatenate([[0], np.arange(1, len(frames) + 1), [len(frames)]])
        below.step(steps, heights, where="post", color=colour, label=f"{class_name(event)}: {len(frames)}", **cased)
    end = extent.shape[0] * extent.time + extent.begin
    for axes, label in ((above, f"events per {extent.rate_unit}"), (below, "events so far")):
        axes.set_xlim(extent.begin, end)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(label)
        if any(len(found.places) for found in classes.values()):
            legend(axes, loc="upper left", outside=True, look=look)
        else:
            write_message(axes, "no events", look)
    below.set_xlabel("time (min)" if extent.frame_interval_s else "frame")
    look.save(figure, path)


def draw_densities(
    path: Path,
    movie: str,
    classes: Mapping[str, ClassStatistics],
    extent: Extent,
    region: Region,
    bandwidth_px: float,
    look: Look = DARK,
) -> None:
    """Draw the density of each class over the frame, with the events as dots and the outline of the region."""
    height, width = (side * extent.length for side in extent.shape[1:])
    bandwidth = bandwidth_px * extent.length
    title = f"{movie}: where events lie {region.text} (Gaussian of {bandwidth:.3g} {extent.length_unit})"
    aspect = min(2.0, max(0.5, height / width))
    figure, panels = new_panels(
        len(classes), title, height=0.78 * PANEL_INCHES * aspect + 0.6, width=PANEL_INCHES + 0.6, look=look
    )
    text = look.theme.foreground
    # In squares of 100 pixels, or micrometres, on a side: numbers near 1.
    square = (100 / extent.length) ** 2
    for axes, (event, found) in zip(panels, classes.items(), strict=False):
        colour = class_colour(event, classes)
        half = extent.length / 2
        top = float(found.density.max()) * square
        image = axes.imshow(
            found.density * square,
            cmap=look.scale(colour),
            extent=(-half, width - half, height - half, -half),
            vmin=0,
            vmax=top or 1,
            interpolation="bilinear",
        )
        dots = found.places[:MOST_DOTS, 1:] * extent.length
        axes.plot(dots[:, 1], dots[:, 0], "o", ms=3.2, mfc="none", mec=text, mew=0.6, alpha=0.7)
        _draw_outline(axes, region, found.density.shape, (height, width), half, text)
        axes.set_xlim(-half, width - half)
        axes.set_ylim(height - half, -half)
        axes.set_xlabel(f"x ({extent.length_unit})")
        axes.set_ylabel(f"y ({extent.length_unit})")
        axes.set_title(
            f"{class_name(event)}: {_events(len(found.places))}", color=look.text_colour(colour), fontsize=10
        )
        axes.grid(False)
        if not len(found.places):
            write_message(axes, "no events", look)
        add_scale(figure, axes, image, look, f"events per (100 {extent.length_unit})²")
    if not classes:
        write_message(panels[0], "no events", look)
    look.save(figure, path)


def _draw_outline(
    axes: Axes, region: Region, cells: tuple[int, ...], size: tuple[float, float], half: float, colour: str
) -> None:
    """Draw the outline of a region on a density map of so many cells; `size` and half a pixel in the unit of lengths."""
    if region.is_frame or min(cells) < 2:
        return
    y, x = ((np.arange(count) + 0.5) * side / count - half for count, side in zip(cells, size, strict=True))
    covered = region.coverage((cells[0], cells[1]))
    axes.contour(x, y, covered, [0.5], colors=[colour], linewidths=0.8, alpha=0.8)


def draw_neighbours(
    path: Path,
    movie: str,
    classes: Mapping[str, ClassStatistics],
    extent: Extent,
    region: Region,
    frame_distance_px: float,
    look: Look = DARK,
) -> None:
    """Draw the distances to the nearest neighbour with those of random arrangements: in space, and in space and time."""
    figure, panels = new_panels(
        2 * max(1, len(classes)),
        f"{movie}: distance to the nearest event of the class",
        columns=2,
        width=4.0,
        height=NEIGHBOURS_INCHES,
        look=look,
    )
    together = f"distance ({extent.length_unit}; one frame counts {frame_distance_px * extent.length:.3g})"
    kinds = (
        ("space", f"distance ({extent.length_unit})", f"in space, against uniform places {region.text}"),
        ("space_time", together, "in space and time, against permuted frames"),
    )
    for row, (event, found) in enumerate(classes.items()):
        colour = class_colour(event, classes)
        for column, (key, label, against) in enumerate(kinds):
            axes = panels[2 * row + column]
            axes.set_title(f"{class_name(event)} {against}", color=look.text_colour(colour), fontsize=8.5)
            axes.set_xlabel(label)
            axes.set_ylabel("share of events")
            axes.set_ylim(0, 1.02)
            neighbours = getattr(found, key)
            if neighbours is None:
                write_message(axes, _too_little(found, extent), look)
            else:
                assumed = f"\n{TISSUE_FILLS}" if key == "space" and region.is_frame else ""
                _draw_neighbours(axes, neighbours, colour, extent.length, assumed, look)
    if any(getattr(found, key) is not None for found in classes.values() for key, _, _ in kinds):
        _explain_neighbours(figure, look)
    if not classes:
        for axes in panels:
            write_message(axes, "no events", look)
    look.save(figure, path)


def _draw_neighbours(axes: Axes, found: Neighbours, colour: Any, length: float, assumed: str, look: Look) -> None:
    from matplotlib.patheffects import withStroke

    distances = found.distances * length
    axes.fill_between(distances, found.low, found.high, **_random(look))
    axes.plot(distances, found.middle, **_median(look))
    axes.plot(distances, found.share, color=colour, lw=2, path_effects=look.casing(2))
    axes.set_xlim(0, float(distances[-1]) or 1)
    axes.text(
        0.97,
        0.1,
        f"{found.verdict}{assumed}\np = {found.p:.2g}",
        transform=axes.transAxes,
        ha="right",
        fontsize=9,
        color=look.theme.foreground,
        path_effects=[withStroke(linewidth=3, foreground=look.theme.background)],
    )


def _random(look: Look) -> dict[str, Any]:
    return {"color": look.theme.faint, "alpha": 0.35, "lw": 0}


def _median(look: Look) -> dict[str, Any]:
    return {"color": look.theme.median, "lw": 1.1, "ls": "--"}


def _explain_neighbours(figure: Figure, look: Look) -> None:
    """Add a legend below the panels, once for all of them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    text = look.theme.foreground
    lines = [Line2D([], [], color=text, lw=2), Line2D([], [], **_median(look)), Patch(**_random(look))]
    figure.legend(
        lines,
        ["events of the class", "random, median", "95 % of random"],
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        frameon=False,
        labelcolor=text,
    )


def _too_little(found: ClassStatistics, extent: Extent) -> str:
    if not extent.known and found.space_time is not None:
        return "the movie's size is not known"
    return f"{_events(len(found.places))}: too few to compare"


def new_panels(
    count: int,
    title: str,
    columns: int = MOST_COLUMNS,
    width: float = PANEL_INCHES + 0.4,
    height: float = PANEL_INCHES,
    look: Look = DARK,
) -> tuple[Figure, list[Axes]]:
    """Make a figure of at least one panel; unused places of the grid stay empty."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    theme = look.theme
    count = max(1, count)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(
        figsize=(max(5.2, columns * width), rows * height + 0.5),
        dpi=look.dots_per_inch,
        facecolor=theme.background,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=theme.foreground, fontsize=11)
    panels = []
    for number in range(count):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.set_facecolor(theme.background)
        axes.tick_params(colors=theme.foreground, labelsize=8)
        axes.xaxis.label.set(color=theme.foreground, fontsize=9)
        axes.yaxis.label.set(color=theme.foreground, fontsize=9)
        for spine in axes.spines.values():
            spine.set_color(theme.frame)
        axes.grid(color=theme.grid, lw=0.6)
        axes.set_axisbelow(True)
        panels.append(axes)
    return figure, panels


def add_scale(figure: Figure, axes: Axes, image: Any, look: Look, label: str = "") -> None:
    """Add the scale of a map's colours beside it."""
    bar: Any = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label(label, color=look.theme.foreground, fontsize=8)
    bar.ax.tick_params(colors=look.theme.foreground, labelsize=7.5)
    bar.outline.set_edgecolor(look.theme.grid)


def spaced(figure: Figure) -> None:
    """Keep titles and labels of many small panels apart."""
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(w_pad=0.06, h_pad=0.08)  # type: ignore[call-arg]


def legend(axes: Axes, loc: Any, outside: bool = False, look: Look = DARK) -> None:
    """Add a legend of the lines of a panel, in it or to the right of it."""
    place: Any = (1.01, 1) if outside else (0, 0, 1, 1)
    axes.legend(
        loc=loc,
        bbox_to_anchor=place,
        fontsize=8,
        framealpha=0.8,
        facecolor=look.theme.background,
        edgecolor=look.theme.grid,
        labelcolor=look.theme.foreground,
    )


def write_message(axes: Axes, sentence: str, look: Look = DARK) -> None:
    """Write in the middle of a panel why nothing is drawn there."""
    colour = look.theme.foreground
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=colour, fontsize=9)


def with_gaps(values: Iterable[float | None]) -> list[float]:
    """Convert undefined numbers to NaN, which leaves a gap in a line."""
    return [np.nan if value is None else value for value in values]


def class_colour(event: str, classes: Iterable[str]) -> Any:
    """Return the colour of a class for matplotlib."""
    return FOREGROUND if event == "all" else as_fractions(colour_of(event, classes))


def class_name(event: str) -> str:
    """Return the name of a class for a title."""
    return event.removeprefix("cell_")


def _events(count: int) -> str:
    return f"{count} event" + ("" if count == 1 else "s")
