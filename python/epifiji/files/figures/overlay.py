"""``overlay.png``: the events drawn on the movie, for a first look.

Every detection writes it, so it is drawn by Pillow: matplotlib took a second and 80 MB for it, more than EpiNet's
arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.events import Event, by_class, colour_of
from epifiji.data.grey_levels import within_range
from epifiji.data.movie import Movie

if TYPE_CHECKING:
    from PIL import Image, ImageFont

MOST_STRIPS = 6
STRIP_FRAMES = (-6, -4, -2, 0, 2, 4)
LARGEST_SIDE_PX = 1000
BACKGROUND = "#16181d"
FOREGROUND = "#e6e8ec"
EMPTY = (42, 45, 52)
"""Colour outside the movie."""

MARGIN_PX = 24
PANEL_PX = 714
"""Side of the square into which the movie's frame is fitted."""
TITLE_PX = 40
TITLE_FONT_PX = 15
CAPTION_PX = 30
CROP_PX = 104
GAP_PX = 9
LABEL_PX = (PANEL_PX - MOST_STRIPS * CROP_PX) // MOST_STRIPS
"""Height left above a row of crops for its text, so that all rows together are as high as the panel."""
FINER = 2
"""Circles are drawn larger by this factor, then reduced, which makes them smooth."""


def write_picture(path: Path, movie: Movie, events: Sequence[Event], classes: Sequence[str], half_px: int) -> None:
    """Draw all events on the movie's middle frame, and the most probable ones as strips of crops over time.

    Parameters
    ----------
    path
        A PNG to write.
    movie
        At its own scale.
    events
        In the movie's pixels; those at the border are dashed.
    classes
        All classes that were searched for, for colours and legend.
    half_px
        Half the side of a crop in pixels of the movie.
    """
    from PIL import Image, ImageDraw

    strips = _most_probable(events, classes)
    left, top = MARGIN_PX, MARGIN_PX + TITLE_PX
    strips_left = left + PANEL_PX + 2 * MARGIN_PX
    right = strips_left + len(STRIP_FRAMES) * (CROP_PX + GAP_PX) - GAP_PX if strips else left + PANEL_PX
    picture = Image.new("RGB", (right + MARGIN_PX, top + PANEL_PX + CAPTION_PX), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    panel, middle = _panel(movie, events, classes, half_px), movie.shape[0] // 2
    left += (PANEL_PX - panel.width) // 2
    top += (PANEL_PX - panel.height) // 2
    picture.paste(panel, (left, top))
    title = shortened(movie.name, f": {_counts(events, classes)}", TITLE_FONT_PX, PANEL_PX)
    draw.text((MARGIN_PX, top - 10), title, FOREGROUND, text_font(TITLE_FONT_PX), "ls")
    caption = f"frame {middle + 1} of {movie.shape[0]}; numbers are the events' frames"
    draw.text((left + panel.width / 2, top + panel.height + 16), caption, FOREGROUND, text_font(12), "ms")
    for row, event in enumerate(strips):
        beneath = MARGIN_PX + TITLE_PX + LABEL_PX + row * (LABEL_PX + CROP_PX)
        for column, offset in enumerate(STRIP_FRAMES):
            place = strips_left + column * (CROP_PX + GAP_PX), beneath
            picture.paste(_crop(movie, event, offset, half_px), place)
            if offset == 0:
                draw.rectangle(
                    (*place, place[0] + CROP_PX - 1, place[1] + CROP_PX - 1), outline=_colour(event, classes)
                )
            draw.text((place[0] + CROP_PX / 2, place[1] - 4), _label(event, offset), FOREGROUND, text_font(11), "ms")
    picture.save(path, "PNG")


def _most_probable(events: Sequence[Event], classes: Sequence[str]) -> list[Event]:
    """Choose the events to show as strips: from each class in turn the one with the highest score."""
    groups = [sorted(g, key=lambda e: -e.score) for g in by_class(events, classes).values() if g]
    chosen: list[Event] = []
    for rank in range(MOST_STRIPS):
        chosen += [group[rank] for group in groups if rank < len(group)]
    return sorted(chosen[:MOST_STRIPS], key=lambda e: list(classes).index(e.event) if e.event in classes else -1)


def _panel(movie: Movie, events: Sequence[Event], classes: Sequence[str], radius: float) -> Image.Image:
    """Show the middle frame, circle every event and write its frame next to it."""
    from PIL import Image, ImageDraw

    count, height, width = movie.shape
    zoom = FINER * PANEL_PX / max(height, width)
    size = FINER * max(1, round(width * zoom / FINER)), FINER * max(1, round(height * zoom / FINER))
    frame = _shown(movie.frames(count // 2, count // 2 + 1)[0])
    panel = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    draw, font = ImageDraw.Draw(panel), text_font(14 * FINER)
    for event in events:
        # Integer positions are centres of pixels.
        x, y, away, colour = (
            (event.x + 0.5) * zoom,
            (event.y + 0.5) * zoom,
            0.6 * radius * zoom,
            _colour(event, classes),
        )
        box = (x - away, y - away, x + away, y + away)
        dashes = range(0, 360, 18) if event.border else [0]
        for start in dashes:
            draw.arc(box, start, start + 360 / len(dashes) * (0.6 if event.border else 1), colour, 2 * FINER)
        place = x + 0.45 * radius * zoom, y - 0.45 * radius * zoom
        draw.text(place, str(event.frame + 1), colour, font, "ls", stroke_width=2 * FINER, stroke_fill="black")
    return panel.reduce(FINER)


def _crop(movie: Movie, event: Event, offset: int, half: int) -> Image.Image:
    """Crop the surroundings of an event, `offset` frames from it; grey outside the movie."""
    from PIL import Image

    shown = np.full((2 * half + 1, 2 * half + 1, 3), EMPTY, np.uint8)
    frame = event.frame + offset
    if 0 <= frame < movie.shape[0]:
        crop = crop_around(movie.frames(frame, frame + 1)[0], event, half)
        seen = crop.compressed()
        if seen.size:
            shown[~np.ma.getmaskarray(crop)] = _levels(seen)[:, None]
    return Image.fromarray(shown).resize((CROP_PX, CROP_PX), Image.Resampling.BICUBIC)


def shortened(name: str, rest: str, size_px: int, width_px: float) -> str:
    """Join a name and the rest of a line; the name is shortened if the line would be wider than its place."""
    font = text_font(size_px)
    shown = name
    while len(shown) > 1 and font.getlength(f"{shown}{rest}") > width_px:
        shown = f"{shown[:-2]}…"
    return f"{shown}{rest}"


def _label(event: Event, offset: int) -> str:
    if offset == STRIP_FRAMES[0]:
        return f"{event.event.removeprefix('cell_')} {event.score:.2f}"
    return f"{offset:+d}" if offset else f"frame {event.frame + 1}"


def _colour(event: Event, classes: Sequence[str]) -> tuple[int, int, int]:
    return colour_of(event.event, classes)


@cache
def text_font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font; Pillow's own lacks accents, so it is matplotlib's, found without importing matplotlib."""
    from PIL import ImageFont

    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    try:
        return ImageFont.truetype(
            Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size_px
        )
    except OSError:
        return ImageFont.load_default(size_px)


def crop_around(frame: np.ndarray, event: Event, half: int) -> np.ma.MaskedArray:
    """Cut the pixels around an event out of a frame: (2 half + 1, 2 half + 1), masked outside the frame."""
    y, x = round(event.y) - half, round(event.x) - half
    top, left = max(0, y), max(0, x)
    crop = frame[top : max(0, y + 2 * half + 1), left : max(0, x + 2 * half + 1)]
    whole = np.ma.masked_all((2 * half + 1, 2 * half + 1), frame.dtype)
    whole[top - y : top - y + crop.shape[0], left - x : left - x + crop.shape[1]] = crop
    return whole


def crops_over_time(
    movie: Movie, events: Sequence[Event], offsets: Sequence[int], half: int
) -> list[list[np.ma.MaskedArray | None]]:
    """Cut out the surroundings of events at frames before and after them, reading each frame once.

    Returns
    -------
    list of list of np.ma.MaskedArray or None
        For each event its crops, see `crop_around`; None for frames outside the movie.
    """
    crops: list[list[np.ma.MaskedArray | None]] = [[None] * len(offsets) for _ in events]
    wanted: dict[int, list[tuple[int, int]]] = {}
    for row, event in enumerate(events):
        for column, offset in enumerate(offsets):
            if 0 <= event.frame + offset < movie.shape[0]:
                wanted.setdefault(event.frame + offset, []).append((row, column))
    for frame in sorted(wanted):
        pixels = movie.frames(frame, frame + 1)[0]
        for row, column in wanted[frame]:
            crops[row][column] = crop_around(pixels, events[row], half)
    return crops


def _shown(frame: np.ndarray) -> np.ndarray:
    """Convert a frame to uint8, subsampled if it is larger than the image needs."""
    step = max(1, -(-max(frame.shape) // LARGEST_SIDE_PX))
    return _levels(frame[::step, ::step])


def _levels(pixels: np.ndarray) -> np.ndarray:
    return (255 * Contrast(pixels)(pixels)).round().astype(np.uint8)


class Contrast:
    """Scales pixels to 0–1: black at the 0.5 and white at the 99.7 percentile of a sample."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._range = pixels.min(), pixels.max()
        self._black, self._white = np.percentile(within_range(pixels, *self._range), (0.5, 99.7))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Scale pixels of the same type to 0–1, float64."""
        within = within_range(pixels, *self._range) - self._black
        return np.clip(within / max(self._white - self._black, 1e-9), 0, 1)


def _counts(events: Sequence[Event], classes: Sequence[str]) -> str:
    groups = by_class(events, classes)
    return ", ".join(f"{len(group)} {name.removeprefix('cell_')}" for name, group in groups.items()) or "no events"


def as_fractions(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Return a colour as matplotlib takes it, 0–1."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255
