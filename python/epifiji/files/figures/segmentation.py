"""``overlay.png`` of a segmentation: the outlines of cells over the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.movie import Movie
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND, Contrast, shortened, text_font

if TYPE_CHECKING:
    from PIL import Image

LINE = (255, 110, 0)
"""Orange, which differs from black, grey and white for people with any colour vision."""

SIDE_PX = 900
"""Longer side of a frame in the picture, unless its cells would be too small."""

LARGEST_SIDE_PX = 3000
CELL_PX = 14
"""Least diameter of a typical cell in the picture, up to the largest side."""

SAMPLED_SIDE_PX = 2000
"""Pixels along a side from which the contrast is computed."""

MARGIN_PX, TITLE_PX, CAPTION_PX, FONT_PX = 16, 36, 24, 14


def write_overlay(path: Path, movie: Movie, labels: Any, counts: Sequence[int], diameter_px: float) -> None:
    """Draw the outlines of cells on the first, the middle and the last frame, or on the only one.

    Lines are about two pixels of the picture wide, whatever the size of the image.

    Parameters
    ----------
    path
        A PNG to write.
    labels
        (T, Y, X); frames are read by their index.
    counts
        Number of cells of each frame.
    diameter_px
        Typical diameter of the cells, in pixels of the image.
    """
    from PIL import Image, ImageDraw

    last = len(movie) - 1
    shown = sorted({0, last // 2, last})
    panels = [_panel(movie.frames(t, t + 1)[0], np.asarray(labels[t]), diameter_px) for t in shown]
    width, height = panels[0].size
    total = len(panels) * (width + MARGIN_PX) + MARGIN_PX
    picture = Image.new("RGB", (max(total, 320), TITLE_PX + height + CAPTION_PX + MARGIN_PX), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    font = text_font(FONT_PX)
    found = f"{sum(counts)} cells" + (f" in {len(counts)} frames" if len(counts) > 1 else "")
    title = shortened(movie.name, f": {found}", FONT_PX, picture.width - 2 * MARGIN_PX)
    draw.text((MARGIN_PX, TITLE_PX - 12), title, FOREGROUND, font, "ls")
    for n, (t, panel) in enumerate(zip(shown, panels, strict=True)):
        left = MARGIN_PX + n * (width + MARGIN_PX)
        picture.paste(panel, (left, TITLE_PX))
        caption = f"frame {t + 1} of {len(movie)}: {counts[t]} cells"
        draw.text((left + width / 2, TITLE_PX + height + 18), caption, FOREGROUND, text_font(12), "ms")
    picture.save(path, "PNG")


def _panel(frame: np.ndarray, labels: np.ndarray, diameter_px: float) -> Image.Image:
    from PIL import Image

    longest = max(frame.shape)
    side = min(LARGEST_SIDE_PX, max(SIDE_PX, CELL_PX / max(diameter_px, 1e-9) * longest))
    zoom = side / longest if longest > side else max(1, round(side / longest))
    height, width = (max(1, round(n * zoom)) for n in frame.shape)
    step = max(1, longest // SAMPLED_SIDE_PX)
    grey = Contrast(frame[::step, ::step])
    parts = [(255 * grey(rows)).round().astype(np.uint8) for rows in np.array_split(frame, 16) if len(rows)]
    shown = Image.fromarray(np.concatenate(parts)).resize((width, height), Image.Resampling.BOX)
    pixels = np.array(shown.convert("RGB"))
    sides = zip((height, width), frame.shape, strict=True)
    ys, xs = (np.minimum(((np.arange(n) + 0.5) / zoom).astype(int), size - 1) for n, size in sides)
    near = labels[np.ix_(ys, xs)]
    lines = np.zeros(near.shape, bool)
    lines[:, :-1] |= near[:, :-1] != near[:, 1:]
    lines[:-1] |= near[:-1] != near[1:]
    # Two pixels wide, so that lines stay visible if the picture is reduced.
    lines[1:] |= lines[:-1]
    lines[:, 1:] |= lines[:, :-1]
    pixels[lines] = LINE
    return Image.fromarray(pixels)
