"""Events for a paper: a frame with numbered rings, and the strips of crops with the same numbers.

Nothing is written on the tissue: numbers stand beside the frame and are connected to their rings by lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from epifiji.data.events import Event, by_class, colour_of
from epifiji.data.movie import Movie
from epifiji.data.settings.movies import GallerySettings
from epifiji.files.figures.look import Look
from epifiji.files.figures.overlay import EMPTY, Contrast, as_fractions, crops_over_time, shortened
from epifiji.files.figures.plots import class_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 7.2
"""Two columns of a journal, 183 mm."""
MAP_HEIGHT_INCHES = 4.6
MARGIN_INCHES = 0.12
NUMBER_INCHES, NUMBER_STEP_INCHES = 0.34, 0.115
"""Width of the margins for numbers beside the frame, and the least distance of two numbers."""
FOOT_INCHES, HEAD_INCHES = 0.36, 0.2
STRIP_LABEL_INCHES, STRIP_GAP_INCHES, CROP_GAP_INCHES = 0.78, 0.06, 0.03
FONT_POINTS = 6.5
RING_SHARE = 0.6
"""Radius of a ring as a part of half the side of a crop, as in the overlay of a detection."""
MOST_CROPS = 7
Part = Literal["all", "map", "strips"]
LARGEST_SIDE_PX = 1500
BAR_LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Numbered:
    """Where a number stands beside the frame, in inches from the upper left corner of the figure."""

    number: int
    event: Event
    x: float
    y: float
    on_left: bool


def draw_event_figure(
    path: Path,
    movie: Movie,
    events: Sequence[Event],
    settings: GallerySettings,
    look: Look,
    part: Part = "all",
    first: int = 0,
) -> Figure:
    """Draw all events as rings on the movie's middle frame, and the first ones as strips of crops over time.

    The figure has a scale bar and times if the movie is calibrated. It is 183 mm wide.

    Parameters
    ----------
    path
        The file; its other formats are those of `look`.
    movie
        At its own scale.
    events
        In the order of their numbers, which begin at 1.
    settings
        ``rows`` is the number of events with a number and a strip; ``before``, ``after`` and ``half_size`` (px) are those of
        a crop.
    look
        Theme, resolution and formats.
    part
        What to draw: the frame, the strips, or all.
    first
        How many strips to leave out, which an earlier figure has.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes = list(by_class(events))
    shown = list(enumerate(events, start=1))[first : first + settings.rows]
    layout = _Layout.of(movie, len(shown), settings, part)
    figure = Figure(figsize=(WIDTH_INCHES, layout.height), dpi=look.dots_per_inch, facecolor=look.theme.background)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH_INCHES), ylim=(layout.height, 0))
    if part != "strips":
        _draw_map(axes, movie, events, classes, settings, look, layout)
        _draw_numbers(axes, place_numbers(shown, layout), classes, settings, look, layout)
        _draw_foot(axes, movie, events, classes, look, layout)
    if part != "map" and shown:
        _draw_strips(axes, movie, shown, classes, settings, look, layout)
    axes.set(xlim=(0, WIDTH_INCHES), ylim=(layout.height, 0), aspect="auto")
    look.save(figure, path)
    return figure


@dataclass(frozen=True)
class _Layout:
    """Where the parts of the figure are, in inches from its upper left corner."""

    left: float
    top: float
    map_width: float
    map_height: float
    per_pixel: float
    crop: float
    offsets: tuple[int, ...]
    strips_top: float
    height: float

    @classmethod
    def of(cls, movie: Movie, strips: int, settings: GallerySettings, part: Part) -> _Layout:
        _, height, width = movie.shape
        room = WIDTH_INCHES - 2 * (MARGIN_INCHES + NUMBER_INCHES)
        per_pixel = min(room / width, MAP_HEIGHT_INCHES / height)
        map_height = height * per_pixel
        top = MARGIN_INCHES + HEAD_INCHES
        strips_top = top + map_height + FOOT_INCHES if part != "strips" else MARGIN_INCHES / 2
        step = max(1, -(-(settings.before + settings.after) // (MOST_CROPS - 1)))
        offsets = tuple(one for one in range(-settings.before, settings.after + 1) if one % step == 0)
        column = (WIDTH_INCHES - 3 * MARGIN_INCHES) / 2
        crop = min(0.5, (column - STRIP_LABEL_INCHES) / len(offsets) - CROP_GAP_INCHES)
        rows = -(-strips // 2) if part != "map" else 0
        below = HEAD_INCHES + rows * (crop + STRIP_GAP_INCHES) + FOOT_INCHES if rows else 0
        return cls(
            (WIDTH_INCHES - width * per_pixel) / 2,
            top,
            width * per_pixel,
            map_height,
            per_pixel,
            crop,
            offsets,
            strips_top,
            strips_top + below + MARGIN_INCHES / 2,
        )

    def place(self, event: Event) -> tuple[float, float]:
        """Return where an event is; whole numbers of pixels are their centres."""
        return self.left + (event.x + 0.5) * self.per_pixel, self.top + (event.y + 0.5) * self.per_pixel


def place_numbers(events: Sequence[tuple[int, Event]], layout: _Layout) -> list[Numbered]:
    """Place the numbers of events in the margins, each at the height of its ring as far as there is room.

    The first events have numbers if there is no room for all.
    """
    room = int(layout.map_height / NUMBER_STEP_INCHES)
    middle = layout.left + layout.map_width / 2
    sides: dict[bool, list[tuple[float, int, Event]]] = {True: [], False: []}
    for number, event in events[: 2 * room]:
        x, y = layout.place(event)
        left = x < middle if min(map(len, sides.values())) < room else len(sides[True]) < room
        left = left if len(sides[left]) < room else not left
        sides[left].append((y, number, event))
    placed = []
    for on_left, side in sides.items():
        side.sort(key=lambda one: one[:2])
        heights = _spread([y for y, _, _ in side], layout.top, layout.top + layout.map_height)
        edge = layout.left - 0.08 if on_left else layout.left + layout.map_width + 0.08
        placed += [
            Numbered(number, event, edge, y, on_left) for y, (_, number, event) in zip(heights, side, strict=True)
        ]
    return placed


def _spread(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Move increasing heights as little as needed so that numbers do not touch and stay within the frame's height."""
    half = NUMBER_STEP_INCHES / 2
    spread: list[float] = []
    for height in heights:
        spread.append(max(height, top + half, spread[-1] + NUMBER_STEP_INCHES if spread else 0))
    lowest = bottom - half
    for number in reversed(range(len(spread))):
        spread[number] = min(spread[number], lowest)
        lowest = spread[number] - NUMBER_STEP_INCHES
    return spread


def _draw_map(
    axes: Axes,
    movie: Movie,
    events: Sequence[Event],
    classes: Sequence[str],
    settings: GallerySettings,
    look: Look,
    layout: _Layout,
) -> None:
    from matplotlib.collections import EllipseCollection
    from matplotlib.patheffects import Normal, withStroke

    middle = movie.shape[0] // 2
    frame = movie.frames(middle, middle + 1)[0]
    step = max(1, -(-max(frame.shape) // LARGEST_SIDE_PX))
    grey = Contrast(frame)(frame[::step, ::step])
    right, bottom = layout.left + layout.map_width, layout.top + layout.map_height
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(layout.left, right, bottom, layout.top), aspect="auto")
    side = 2 * RING_SHARE * settings.half_size * layout.per_pixel
    for name, group in by_class(events, classes).items():
        for border in (False, True):
            places = [layout.place(event) for event in group if event.border == border]
            if not places:
                continue
            rings = EllipseCollection(
                [side] * len(places),
                [side] * len(places),
                [0] * len(places),
                units="xy",
                offsets=places,
                offset_transform=axes.transData,
                facecolors="none",
                edgecolors=[as_fractions(colour_of(name, classes))],
                linewidths=0.9,
                linestyles="--" if border else "-",
            )
            # A dark edge keeps rings visible on bright tissue.
            rings.set_path_effects([withStroke(linewidth=1.7, foreground="black", alpha=0.6), Normal()])
            rings.set_gid(f"rings {name}")
            axes.add_collection(rings, autolim=False)
    text: dict[str, Any] = {
        "parse_math": False,
        "color": look.theme.foreground,
        "fontsize": FONT_POINTS + 0.5,
        "va": "bottom",
    }
    # Fonts of Pillow and of matplotlib are the same, so the width is known in pixels of a font of 100 pixels.
    title = shortened(movie.name, "", 100, layout.map_width * 72 / (FONT_POINTS + 0.5) * 60)
    axes.text(layout.left, layout.top - 0.05, title, **text)
    axes.text(right, layout.top - 0.05, _frame_text(movie, middle), ha="right", **text)


def _frame_text(movie: Movie, frame: int) -> str:
    """Return the time stamp of a frame: its time if it is known, and its number."""
    text = f"frame {frame + 1} of {movie.shape[0]}"
    return f"{_minutes(movie, frame)}, {text}" if movie.frame_interval_s else text


def _minutes(movie: Movie, frames: int, sign: str = "") -> str:
    minutes = frames * (movie.frame_interval_s or 0) / 60
    return f"{minutes:{sign}.3g} min".replace("-", "−")


def _draw_numbers(
    axes: Axes,
    numbers: Sequence[Numbered],
    classes: Sequence[str],
    settings: GallerySettings,
    look: Look,
    layout: _Layout,
) -> None:
    """Write the numbers beside the frame, and draw a line from each to its ring."""
    from matplotlib.patheffects import Normal, withStroke

    radius = RING_SHARE * settings.half_size * layout.per_pixel
    for one in numbers:
        x, y = layout.place(one.event)
        colour = as_fractions(colour_of(one.event.event, classes))
        dx, dy = one.x - x, one.y - y
        away = max(float(np.hypot(dx, dy)), 1e-9)
        if away > radius:
            ends = [x + dx * radius / away, one.x], [y + dy * radius / away, one.y]
            dark = [withStroke(linewidth=1.0, foreground="black", alpha=0.5), Normal()]
            axes.plot(*ends, color=colour, lw=0.5, path_effects=dark, solid_capstyle="butt")
        axes.text(
            one.x + (-0.03 if one.on_left else 0.03),
            one.y,
            str(one.number),
            color=look.theme.foreground,
            fontsize=FONT_POINTS,
            ha="right" if one.on_left else "left",
            va="center_baseline",
            gid="number",
        )


def _draw_foot(
    axes: Axes, movie: Movie, events: Sequence[Event], classes: Sequence[str], look: Look, layout: _Layout
) -> None:
    """Write below the frame which class each colour is, and draw the scale bar."""
    y = layout.top + layout.map_height + 0.14
    x = layout.left
    for name, group in by_class(events, classes).items():
        colour = as_fractions(colour_of(name, classes))
        axes.plot([x + 0.05], [y], "o", ms=5, mfc="none", mec=colour, mew=1.2, path_effects=look.casing(1.2))
        text = f"{class_name(name)} ({len(group)})"
        axes.text(
            x + 0.13, y, text, color=look.theme.foreground, fontsize=FONT_POINTS + 0.5, va="center", parse_math=False
        )
        x += 0.3 + 0.062 * len(text)
    if bar := scale_bar(movie, layout.map_width / layout.per_pixel):
        right = layout.left + layout.map_width
        _draw_bar(axes, right, y - 0.05, bar, layout.per_pixel / (movie.pixel_size_um or 1), look)


def scale_bar(movie: Movie, width_px: float) -> int | None:
    """Return the length (µm) of a scale bar of at most a quarter of a width; None if the movie is not calibrated."""
    longest = width_px * (movie.pixel_size_um or 0) / 4
    return max((length for length in BAR_LENGTHS if length <= longest), default=None)


def _draw_bar(axes: Axes, right: float, y: float, length_um: int, per_um: float, look: Look) -> None:
    left = right - length_um * per_um
    axes.plot([left, right], [y, y], color=look.theme.foreground, lw=1.8, solid_capstyle="butt", gid="scale bar")
    text: dict[str, Any] = {
        "parse_math": False,
        "color": look.theme.foreground,
        "fontsize": FONT_POINTS + 0.5,
        "ha": "center",
        "va": "top",
    }
    axes.text((left + right) / 2, y + 0.04, f"{length_um} µm", **text)


def _draw_strips(
    axes: Axes,
    movie: Movie,
    events: Sequence[tuple[int, Event]],
    classes: Sequence[str],
    settings: GallerySettings,
    look: Look,
    layout: _Layout,
) -> None:
    """Draw the strips in two columns, numbered down the first column and then down the second."""
    top = layout.strips_top + HEAD_INCHES
    column = (WIDTH_INCHES - MARGIN_INCHES) / 2
    rows = -(-len(events) // 2)
    side = layout.crop + CROP_GAP_INCHES
    text: dict[str, Any] = {"color": look.theme.foreground, "fontsize": FONT_POINTS}
    for start in {0, rows} if len(events) > 1 else {0}:
        left = MARGIN_INCHES + (start > 0) * column + STRIP_LABEL_INCHES
        for place, offset in enumerate(layout.offsets):
            shown = _minutes(movie, offset, "+") if movie.frame_interval_s else f"{offset:+d}".replace("-", "−")
            shown = "0" if offset == 0 else shown.removesuffix(" min") if place else shown
            axes.text(left + place * side + layout.crop / 2, top - 0.05, shown, ha="center", va="bottom", **text)
    strips = _strips(movie, [event for _, event in events], layout.offsets, settings)
    for place, ((number, event), strip) in enumerate(zip(events, strips, strict=True)):
        left = MARGIN_INCHES + (place >= rows) * column
        y = top + place % rows * (layout.crop + STRIP_GAP_INCHES)
        _draw_strip(axes, strip, (left, y), layout, as_fractions(colour_of(event.event, classes)), look)
        time = f"{_minutes(movie, event.frame)}\n" if movie.frame_interval_s else ""
        bold = text | {"fontsize": FONT_POINTS + 1, "weight": "bold"}
        axes.text(left, y, str(number), va="top", gid="strip", **bold)
        label = f"{shortened(class_name(event.event), '', 10, 55)}\n{time}frame {event.frame + 1}"
        axes.text(left + max(0.2, 0.05 + 0.08 * len(str(number))), y + 0.01, label, va="top", linespacing=1.3, **text)
    wide = 2 * settings.half_size + 1
    if bar := scale_bar(movie, 2 * wide):
        bottom = top + rows * (layout.crop + STRIP_GAP_INCHES) + 0.05
        right = MARGIN_INCHES + STRIP_LABEL_INCHES + len(layout.offsets) * side - CROP_GAP_INCHES
        _draw_bar(axes, right, bottom, bar, layout.crop / wide / (movie.pixel_size_um or 1), look)


def _draw_strip(
    axes: Axes, strip: Sequence[np.ndarray], at: tuple[float, float], layout: _Layout, colour: Any, look: Look
) -> None:
    from matplotlib.patches import Rectangle

    left, y = at[0] + STRIP_LABEL_INCHES, at[1]
    for place, (offset, crop) in enumerate(zip(layout.offsets, strip, strict=True)):
        x = left + place * (layout.crop + CROP_GAP_INCHES)
        axes.imshow(crop, extent=(x, x + layout.crop, y + layout.crop, y), aspect="auto", interpolation="none")
        if offset == 0:
            edge = Rectangle((x, y), layout.crop, layout.crop, fill=False, ec=colour, lw=1.4)
            edge.set_path_effects(look.casing(1.4))
            axes.add_patch(edge)


def _strips(
    movie: Movie, events: Sequence[Event], offsets: Sequence[int], settings: GallerySettings
) -> Iterator[list[np.ndarray]]:
    """Yield the crops of each event as pictures (Y, X, RGB), 0-255, of the same contrast; grey outside of the movie."""
    for row in crops_over_time(movie, events, offsets, settings.half_size):
        contrast = Contrast(np.concatenate([crop.compressed() for crop in row if crop is not None]))
        yield [_picture(crop, contrast, settings.half_size) for crop in row]


def _picture(crop: np.ma.MaskedArray | None, contrast: Contrast, half: int) -> np.ndarray:
    picture = np.full((2 * half + 1, 2 * half + 1, 3), EMPTY, np.uint8)
    if crop is not None:
        seen = ~np.ma.getmaskarray(crop)
        picture[seen] = (255 * contrast(crop.filled(0)[seen])).round().astype(np.uint8)[:, None]
    return picture
