"""Pictures of segmented cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.cells import ComparedField, Outcome
from epifiji.data.label_images import at_outlines, numbered
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND, shortened, text_font

if TYPE_CHECKING:
    from PIL import Image

OUTCOME_COLOURS = {
    Outcome.PROPER: (0, 114, 178),
    Outcome.OVER: (230, 159, 0),
    Outcome.UNDER: (204, 121, 167),
    Outcome.MISSED: (110, 110, 110),
}
"""Colours of B. Okabe and K. Ito (Color Universal Design, 2008), which people with colour blindness can distinguish."""

OUTCOME_TEXTS = {
    Outcome.PROPER: "properly segmented",
    Outcome.OVER: "over-segmented",
    Outcome.UNDER: "under-segmented",
    Outcome.MISSED: "missed, or another outline",
}
MOST_COLUMNS = 3
PREDICTED = (255, 255, 255)
EMPTY = (20, 22, 27)
LEAST_SIDE_PX, MARGIN_PX, LINE_PX, FONT_PX = 500, 12, 20, 13
SAMPLE_PX, GAP_PX = 22, 24
"""From the left of a colour to its text in the legend, and between columns."""


def draw_outcomes(path: Path, field: ComparedField) -> None:
    """Draw annotated cells in the colours of their outcomes, predicted outlines in white, and a legend with counts.

    Small images are enlarged by a whole factor, to at least 500 px.
    """
    _panel(field, field.name).save(path)


def draw_outcomes_by_network(path: Path, panels: Mapping[str, ComparedField]) -> None:
    """Draw one image as several networks segmented it, by their names; see :func:`draw_outcomes`."""
    from PIL import Image, ImageDraw

    drawn = [_panel(field, network) for network, field in panels.items()]
    width, height = drawn[0].size
    columns = min(len(drawn), MOST_COLUMNS)
    top = MARGIN_PX + LINE_PX
    size = (columns * (width - MARGIN_PX) + MARGIN_PX, top + -(-len(drawn) // columns) * height)
    picture = Image.new("RGB", size, BACKGROUND)
    for number, panel in enumerate(drawn):
        row, column = divmod(number, columns)
        picture.paste(panel, (column * (width - MARGIN_PX), top + row * height))
    name = next(iter(panels.values())).name
    text = shortened(name, "", FONT_PX, picture.width - 2 * MARGIN_PX)
    ImageDraw.Draw(picture).text((MARGIN_PX, MARGIN_PX), text, FOREGROUND, text_font(FONT_PX), "lt")
    picture.save(path)


def _panel(field: ComparedField, title: str) -> Image.Image:
    """Draw one segmentation of an image, with its title and its legend."""
    from PIL import Image, ImageDraw

    factor = max(1, -(-LEAST_SIDE_PX // max(field.annotated.shape)))
    annotated, predicted = (
        np.asarray(one).repeat(factor, 0).repeat(factor, 1) for one in (field.annotated, field.predicted)
    )
    labels, numbers = numbered(annotated)
    colours = np.array(
        [OUTCOME_COLOURS[field.outcomes[label]] if label else EMPTY for label in labels.tolist()], np.uint8
    )
    pixels = colours[numbers]
    pixels[at_outlines(annotated) & (annotated != 0)] //= 2
    pixels[at_outlines(predicted) & (predicted != 0)] = PREDICTED
    counts = Counter(field.outcomes.values())
    lines = [(OUTCOME_COLOURS[outcome], f"{text}: {counts[outcome]}") for outcome, text in OUTCOME_TEXTS.items()]
    lines.append((PREDICTED, "predicted outlines"))
    height, width, _ = pixels.shape
    entry = SAMPLE_PX + max(round(text_font(FONT_PX).getlength(text)) for _, text in lines)
    columns = max(1, (width + GAP_PX) // (entry + GAP_PX))
    rows = -(-len(lines) // columns)
    top = MARGIN_PX + LINE_PX
    below = top + height + MARGIN_PX
    size = (max(width, entry) + 2 * MARGIN_PX, below + rows * LINE_PX + MARGIN_PX)
    picture = Image.new("RGB", size, BACKGROUND)
    picture.paste(Image.fromarray(pixels), (MARGIN_PX, top))
    draw = ImageDraw.Draw(picture)
    name = shortened(title, "", FONT_PX, size[0] - 2 * MARGIN_PX)
    draw.text((MARGIN_PX, MARGIN_PX), name, FOREGROUND, text_font(FONT_PX), "lt")
    for number, (colour, text) in enumerate(lines):
        # Down the columns, so that the outcomes keep their order.
        x, y = MARGIN_PX + number // rows * (entry + GAP_PX), below + number % rows * LINE_PX
        draw.rectangle((x, y, x + 12, y + 12), fill=colour)
        draw.text((x + SAMPLE_PX, y), text, FOREGROUND, text_font(FONT_PX), "lt")
    return picture
