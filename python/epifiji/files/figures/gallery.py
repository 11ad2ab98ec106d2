"""A gallery of events in one image: for each event a row of crops over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, colour_of
from epifiji.data.movie import Movie
from epifiji.data.settings.movies import GallerySettings
from epifiji.files.figures.look import Look, Theme
from epifiji.files.figures.overlay import EMPTY, FOREGROUND, Contrast, as_fractions, crops_over_time
from epifiji.files.storage.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL_PX = 130
LEAST_ROW_PX = 54
GAP_PX = 4
DPI = 64
"""A power of two, so that lengths in inches are exact and no row of pixels is lost to rounding."""
FONT_PX = 12
LARGEST_PIXELS = 400_000_000


def write_gallery(
    path: Path, movie: Movie, events: Sequence[Event], classes: Sequence[str], settings: GallerySettings
) -> None:
    """Draw one row per event: number, class, frame and score, and crops from some frames before to some after.

    All crops of an event have the same contrast, so changes of brightness are visible. The event's own frame has a
    border of its class's colour; what lies outside the movie is grey.

    Parameters
    ----------
    path
        A ``.png``, or a TIFF.
    movie
        At its own scale.
    events
        In the order of the rows.
    classes
        All classes, for their colours.
    settings
        ``before``, ``after``, ``half_size`` and ``zoom``.

    Raises
    ------
    WrongInputError
        If the image would have too many pixels.
    """
    columns, side = settings.before + settings.after + 1, (2 * settings.half_size + 1) * settings.zoom
    width, height = LABEL_PX + columns * (side + GAP_PX), max(side, LEAST_ROW_PX) + GAP_PX
    if width * height * len(events) > LARGEST_PIXELS:
        raise WrongInputError(
            f"A gallery of {len(events)} events would have {width} x {height * len(events)} pixels, but at most "
            f"{LARGEST_PIXELS} are drawn: choose fewer events, less zoom or a smaller half_size."
        )
    sheet = np.empty((height * len(events), width, 3), np.uint8)
    offsets = range(-settings.before, settings.after + 1)
    crops = crops_over_time(movie, events, offsets, settings.half_size)
    for row, picture in enumerate(_rows(events, crops, classes, settings, (height, width))):
        sheet[row * height : (row + 1) * height] = picture
    with replacing(path) as temporary:
        if path.suffix.lower() == ".png":
            from matplotlib.image import imsave

            imsave(temporary, sheet)
        else:
            import tifffile

            tifffile.imwrite(temporary, sheet, photometric="rgb", compression="zlib")


def _rows(
    events: Sequence[Event],
    crops: list[list[np.ma.MaskedArray | None]],
    classes: Sequence[str],
    settings: GallerySettings,
    shape: tuple[int, int],
) -> Iterator[np.ndarray]:
    """Draw the rows (Y, X, RGB) one by one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = shape
    look = Look.of(settings)
    theme = look.theme
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=theme.background)
    canvas = FigureCanvasAgg(figure)
    for number, (event, row) in enumerate(zip(events, crops, strict=True), start=1):
        figure.clear()
        colour = as_fractions(colour_of(event.event, classes))
        _write_label(figure, event, number, colour, shape, look)
        for column in (column for column, crop in enumerate(row) if crop is not None):
            left = LABEL_PX + column * (_side(settings) + GAP_PX)
            _write(figure, str(event.frame - settings.before + column + 1), left + 4, 2, FOREGROUND, shape)
        # The frames' numbers are drawn over the crops, so the crops are placed below them.
        figure.figimage(_strip(row, settings, colour, shape, theme), origin="upper", zorder=-1)
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3]


def _side(settings: GallerySettings) -> int:
    """Return the side of a crop in the image, in pixels."""
    return (2 * settings.half_size + 1) * settings.zoom


def _strip(
    crops: list[np.ma.MaskedArray | None],
    settings: GallerySettings,
    colour: tuple[float, float, float],
    shape: tuple[int, int],
    theme: Theme,
) -> np.ndarray:
    """Place an event's crops next to each other: (Y, X, RGB), 0–1."""
    from matplotlib.colors import to_rgb

    side, zoom = _side(settings), settings.zoom
    strip = np.full((*shape, 3), to_rgb(theme.background), np.float32)
    contrast = Contrast(np.concatenate([crop.compressed() for crop in crops if crop is not None]))
    for column, crop in enumerate(crops):
        left = LABEL_PX + column * (side + GAP_PX)
        tile = strip[:side, left : left + side]
        tile[:] = np.array(EMPTY) / 255
        if crop is not None:
            grey = np.repeat(np.repeat(contrast(crop.filled(0)), zoom, 0), zoom, 1)
            seen = ~np.repeat(np.repeat(np.ma.getmaskarray(crop), zoom, 0), zoom, 1)
            tile[seen] = grey[seen][:, None]
        if column == settings.before:
            for edge in (tile[:2], tile[-2:], tile[:, :2], tile[:, -2:]):
                edge[:] = colour
    return strip


def _write_label(
    figure: Figure, event: Event, number: int, colour: tuple[float, float, float], shape: tuple[int, int], look: Look
) -> None:
    score = f"score {event.score:.2f}" if event.score == event.score else ""
    texts = (f"{number}  {event.event}", f"frame {event.frame + 1}  {score}", f"x {event.x:.0f}  y {event.y:.0f}")
    for line, text in enumerate(texts):
        _write(
            figure,
            text,
            6,
            4 + 16 * line,
            look.theme.foreground if line else look.text_colour(colour),
            shape,
            outlined=False,
        )


def _write(
    figure: Figure, text: str, x: int, y: int, colour: object, shape: tuple[int, int], outlined: bool = True
) -> None:
    """Write a text with its upper left corner at a pixel."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="black")] if outlined else []
    place = x / shape[1], 1 - y / shape[0]
    # Matplotlib's points are 1/72 inch.
    size = FONT_PX * 72 / DPI * 0.9
    figure.text(*place, text, color=colour, fontsize=size, va="top", ha="left", path_effects=outline)
