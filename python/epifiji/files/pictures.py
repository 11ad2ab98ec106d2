"""``overlay.png``: the events drawn on the movie, for a first look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.events import Event, by_class, colour_of
from epifiji.data.movie import Movie

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STRIPS = 6
STRIP_FRAMES = (-6, -4, -2, 0, 2, 4)
LARGEST_SIDE_PX = 1000
BACKGROUND = "#16181d"
FOREGROUND = "#e6e8ec"


def write_picture(path: Path, movie: Movie, events: Sequence[Event], classes: Sequence[str], half_px: int) -> None:
    """Draw all events on the movie's middle frame, and the surest ones as strips of crops over time.

    Parameters
    ----------
    path
        A PNG to write.
    movie
        At its own scale.
    events
        In the movie's pixels; those at the border are dashed.
    classes
        All classes looked for, for colours and legend.
    half_px
        Half the side of a crop in pixels of the movie.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count, height, width = movie.shape
    surest = _surest(events, classes)
    columns = len(STRIP_FRAMES) if surest else 0
    figure = Figure(figsize=(7.2 + 1.05 * columns, 7.2), dpi=110, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        MOST_STRIPS, 7 + columns, left=0.01, right=0.99, top=0.93, bottom=0.03, wspace=0.06, hspace=0.16
    )
    axes = figure.add_subplot(grid[:, :7])
    middle = count // 2
    axes.imshow(
        _shown(movie.frames(middle, middle + 1)[0]), cmap="gray", extent=(-0.5, width - 0.5, height - 0.5, -0.5)
    )
    _draw_events(axes, events, classes, half_px)
    axes.set_title(f"{movie.name}: {_counts(events, classes)}", color=FOREGROUND, fontsize=10, loc="left")
    axes.set_xlabel(f"frame {middle + 1} of {count}; numbers are the events' frames", color=FOREGROUND, fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])
    for row, event in enumerate(surest):
        colour = on_dark(colour_of(event.event, classes))
        for column, offset in enumerate(STRIP_FRAMES):
            crop_axes = figure.add_subplot(grid[row, 7 + column])
            _draw_crop(crop_axes, movie, event, offset, half_px)
            for spine in crop_axes.spines.values():
                spine.set_color(colour if offset == 0 else BACKGROUND)
    figure.savefig(path)


def _surest(events: Sequence[Event], classes: Sequence[str]) -> list[Event]:
    """Choose the events to show as strips: from each class in turn the one with the highest score."""
    groups = [sorted(g, key=lambda e: -e.score) for g in by_class(events, classes).values() if g]
    chosen: list[Event] = []
    for rank in range(MOST_STRIPS):
        chosen += [group[rank] for group in groups if rank < len(group)]
    return sorted(chosen[:MOST_STRIPS], key=lambda e: list(classes).index(e.event) if e.event in classes else -1)


def _draw_events(axes: Axes, events: Sequence[Event], classes: Sequence[str], radius: float) -> None:
    """Circle every event and write its frame beside it."""
    from matplotlib.patches import Circle
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.5, foreground="black")]
    for event in events:
        colour = on_dark(colour_of(event.event, classes))
        style = "--" if event.border else "-"
        axes.add_patch(Circle((event.x, event.y), 0.6 * radius, fill=False, color=colour, lw=1.4, ls=style))
        axes.annotate(
            str(event.frame + 1),
            (event.x + 0.45 * radius, event.y - 0.45 * radius),
            color=colour,
            fontsize=9,
            clip_on=True,
            path_effects=outline,
        )


def _draw_crop(axes: Axes, movie: Movie, event: Event, offset: int, half: int) -> None:
    """Show the surroundings of an event at some frames from it; grey where the movie ends."""
    axes.set_facecolor("#2a2d34")
    axes.set_xticks([])
    axes.set_yticks([])
    frame = event.frame + offset
    if 0 <= frame < movie.shape[0]:
        top, left, crop = crop_around(movie.frames(frame, frame + 1)[0], event, half)
        if crop.size:
            bottom, right = top + crop.shape[0], left + crop.shape[1]
            axes.imshow(_shown(crop), cmap="gray", extent=(left - 0.5, right - 0.5, bottom - 0.5, top - 0.5))
    axes.set_xlim(event.x - half, event.x + half)
    axes.set_ylim(event.y + half, event.y - half)
    title = f"{event.event.removeprefix('cell_')} {event.score:.2f}" if offset == STRIP_FRAMES[0] else f"{offset:+d}"
    axes.set_title(title if offset else f"frame {event.frame + 1}", color=FOREGROUND, fontsize=7, pad=2)


def crop_around(frame: np.ndarray, event: Event, half: int) -> tuple[int, int, np.ndarray]:
    """Cut the pixels around an event out of a frame: (top, left, crop), less where the frame ends."""
    y, x = round(event.y), round(event.x)
    top, left = max(0, y - half), max(0, x - half)
    return top, left, frame[top : y + half + 1, left : x + half + 1]


def _shown(frame: np.ndarray) -> np.ndarray:
    """Bring a frame to 0–1, thinned where it is larger than a picture needs."""
    step = max(1, -(-max(frame.shape) // LARGEST_SIDE_PX))
    frame = frame[::step, ::step]
    return stretched(frame, contrast_limits(frame))


def contrast_limits(pixels: np.ndarray) -> tuple[float, float]:
    """Give what is to be shown black and white: the 0.5 and 99.7 percentiles."""
    low, high = np.percentile(pixels.astype(np.float32), (0.5, 99.7))
    return float(low), float(high)


def stretched(pixels: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Bring pixels to 0–1 between limits."""
    low, high = limits
    return np.clip((pixels.astype(np.float32) - low) / max(high - low, 1e-9), 0, 1)


def _counts(events: Sequence[Event], classes: Sequence[str]) -> str:
    groups = by_class(events, classes)
    return ", ".join(f"{len(group)} {name.removeprefix('cell_')}" for name, group in groups.items()) or "no events"


def on_dark(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Give a class's colour as matplotlib takes it, legible on `BACKGROUND`."""
    red, green, blue = colour
    # Pure blue is hardly seen on dark grey.
    return (0.35, 0.55, 1.0) if colour == (0, 0, 255) else (red / 255, green / 255, blue / 255)
