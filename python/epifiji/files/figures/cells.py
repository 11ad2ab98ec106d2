"""Pictures of segmented cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epifiji.data.cells import ComparedField, Outcome
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND, text_font

OUTCOME_COLOURS = {
    Outcome.PROPER: (0, 114, 178),
    Outcome.OVER: (230, 159, 0),
    Outcome.UNDER: (204, 121, 167),
    Outcome.MISSED: (110, 110, 110),
}
"""Colours of B. Okabe and K. Ito (Color Universal Design, 2008), which people with colour blindness can tell apart."""

OUTCOME_TEXTS = {
    Outcome.PROPER: "properly segmented",
    Outcome.OVER: "over-segmented",
    Outcome.UNDER: "under-segmented",
    Outcome.MISSED: "missed, or another outline",
}
PREDICTED = (255, 255, 255)
EMPTY = (20, 22, 27)
LEAST_SIDE_PX, MARGIN_PX, LINE_PX, FONT_PX = 500, 12, 20, 13


def draw_outcomes(path: Path, field: ComparedField) -> None:
    """Draw annotated cells in the colours of their outcomes, predicted outlines in white, and a legend with counts.

    Small images are enlarged by a whole factor, to at least 500 px.
    """
    from PIL import Image, ImageDraw
    from skimage.segmentation import find_boundaries

    factor = max(1, -(-LEAST_SIDE_PX // max(field.annotated.shape)))
    annotated, predicted = (one.repeat(factor, 0).repeat(factor, 1) for one in (field.annotated, field.predicted))
    labels, numbers = np.unique(annotated, return_inverse=True)
    colours = np.array(
        [OUTCOME_COLOURS[field.outcomes[label]] if label else EMPTY for label in labels.tolist()], np.uint8
    )
    pixels = colours[numbers.reshape(annotated.shape)]
    pixels[find_boundaries(annotated, mode="inner")] //= 2
    pixels[find_boundaries(predicted, mode="inner")] = PREDICTED
    lines = [
        (OUTCOME_COLOURS[outcome], f"{text}: {sum(one == outcome for one in field.outcomes.values())}")
        for outcome, text in OUTCOME_TEXTS.items()
    ]
    lines.append((PREDICTED, "predicted outlines"))
    height, width, _ = pixels.shape
    top = MARGIN_PX + LINE_PX
    size = (width + 2 * MARGIN_PX, top + height + MARGIN_PX + len(lines) * LINE_PX + MARGIN_PX)
    picture = Image.new("RGB", size, BACKGROUND)
    picture.paste(Image.fromarray(pixels), (MARGIN_PX, top))
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN_PX, MARGIN_PX), field.name, FOREGROUND, text_font(FONT_PX), "lt")
    for row, (colour, text) in enumerate(lines):
        y = top + height + MARGIN_PX + row * LINE_PX
        draw.rectangle((MARGIN_PX, y, MARGIN_PX + 12, y + 12), fill=colour)
        draw.text((MARGIN_PX + 22, y), text, FOREGROUND, text_font(FONT_PX), "lt")
    picture.save(path)
