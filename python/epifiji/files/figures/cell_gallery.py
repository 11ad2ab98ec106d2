"""A gallery of the cells around events: for each event a row of frames with the outlines of its cell and the neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.cell_traces import CellTrace, Units
from epifiji.data.events import colour_of
from epifiji.data.movie import Movie
from epifiji.data.palette import CYAN
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND, Contrast, as_fractions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS, MOST_COLUMNS = 40, 12
SIDE_INCHES, LABEL_INCHES = 1.15, 1.3
DOTS_PER_INCH = 110
NEIGHBOUR_COLOUR = as_fractions(CYAN)
_SHARE = 0.55  # part of the field that is shown


def draw_cell_gallery(
    path: Path, movie: Movie, traces: Sequence[CellTrace], classes: Iterable[str], units: Units
) -> None:
    """Draw the first 40 events, each with at most twelve frames from its first to its last.

    The cell's outline has the colour of its class, those of the cells that touch it are cyan. Times are relative to
    t = 0.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = traces[:MOST_ROWS]
    columns = min(MOST_COLUMNS, max(len(one.frames) for one in shown))
    size = LABEL_INCHES + columns * SIDE_INCHES, len(shown) * SIDE_INCHES
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    for row, trace in enumerate(shown):
        colour = as_fractions(colour_of(trace.event.event, classes))
        bottom = 1 - (row + 1) / len(shown)
        event = trace.event
        texts = f"{trace.number}  {event.event}\nframe {event.frame + 1}\nx {event.x:.0f}  y {event.y:.0f}"
        figure.text(0.05 / size[0], bottom + 0.9 / len(shown), texts, color=colour, fontsize=7, va="top")
        _draw_row(figure, movie, trace, units, colour, (columns, bottom, 1 / len(shown), size[0]))
    DARK.save(figure, path)


def _draw_row(
    figure: Any, movie: Movie, trace: CellTrace, units: Units, colour: Any, place: tuple[int, float, float, float]
) -> None:
    from matplotlib.patheffects import withStroke

    columns, bottom, height, width = place
    end = len(trace.frames) - 1 if trace.end is None else int(trace.end - trace.frames[0])
    indices = _spread(len(trace.frames), columns, end)
    crop = _crop(trace)
    images = [_image(movie, trace, index)[crop] for index in indices]
    contrast = Contrast(np.concatenate([one.ravel() for one in images]))
    for column, (index, image) in enumerate(zip(indices, images, strict=True)):
        left = (LABEL_INCHES + column * SIDE_INCHES) / width
        axes = figure.add_axes((left, bottom, 0.97 * SIDE_INCHES / width, 0.97 * height))
        axes.imshow(contrast(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        _outline(axes, trace, index, crop, colour)
        time = (trace.frames[index] - trace.zero) * units.time
        text = axes.text(0.03, 0.97, f"{time:+.3g}", transform=axes.transAxes, va="top", color=FOREGROUND, fontsize=6.5)
        text.set_path_effects([withStroke(linewidth=2, foreground=BACKGROUND)])


def _outline(axes: Axes, trace: CellTrace, index: int, crop: tuple[slice, slice], colour: Any) -> None:
    """Draw the outlines of the neighbours, then that of the cell, or those of both daughters."""
    labels = trace.labels[index][crop]
    own = (trace.cell, *trace.daughters)
    mine = np.isin(labels, own)
    around = np.zeros_like(mine)
    around[1:] |= mine[:-1]
    around[:-1] |= mine[1:]
    around[:, 1:] |= mine[:, :-1]
    around[:, :-1] |= mine[:, 1:]
    for label in np.setdiff1d(labels[around], (0, *own)):
        axes.contour(labels == label, levels=[0.5], colors=NEIGHBOUR_COLOUR, linewidths=0.5)
    for label in own:
        if (labels == label).any():
            axes.contour(labels == label, levels=[0.5], colors=[colour], linewidths=1.0)


def _spread(count: int, columns: int, end: int) -> list[int]:
    """Return indices of frames spread evenly, with the first without the cell, or with daughters, among them."""
    chosen = np.unique(np.linspace(0, count - 1, min(columns, count)).round().astype(int))
    chosen[int(np.argmin(np.abs(chosen - end)))] = end
    return [int(one) for one in np.unique(chosen)]


def _crop(trace: CellTrace) -> tuple[slice, slice]:
    """Return the part of the field around the cell's mean place."""
    shape = trace.labels.shape[1:]
    middle = np.nanmean(trace.places - trace.corners, axis=0)
    sides = [max(1, round(_SHARE * side)) for side in shape]
    starts = [
        int(np.clip(round(at - side / 2), 0, whole - side))
        for at, side, whole in zip(middle, sides, shape, strict=True)
    ]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def _image(movie: Movie, trace: CellTrace, index: int) -> np.ndarray:
    """Return the field's part of a frame of the movie."""
    frame = int(trace.frames[index])
    y, x = (int(at) for at in trace.corners[index])
    h, w = trace.labels.shape[1:]
    return movie.frames(frame, frame + 1)[0][y : y + h, x : x + w]
