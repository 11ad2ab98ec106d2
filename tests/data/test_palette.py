"""The palette of classes: its colours are distinct for people with any colour vision, on dark and on bright tissue.

With EPIFIJI_PICTURES=docs/images the picture of the palette is saved there.
"""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage.color import deltaE_ciede2000, rgb2lab

from epifiji.data.events import EVENT_COLOURS, colour_of
from epifiji.data.palette import FURTHER, PALETTE
from epifiji.files.figures.overlay import text_font

VISIONS = {
    "trichromat": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What linear red, green and blue look like at complete dichromacy.

The matrices of G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, A physiologically-based model for simulation of color vision
deficiency, IEEE Transactions on Visualization and Computer Graphics 15, 1291-1298 (2009), at severity 1.0.
"""

LEAST_DISTANCES = {"known": 23, "all": 15, "grey": 14, "dark": 23, "bright": 15}
"""CIEDE2000. A difference of 2 is just visible in fields beside each other; thin rings on tissue need several times as much."""


def seen(colours: object, vision: str) -> np.ndarray:
    """Return CIELAB coordinates of colours (n, 3), 0-255, as people with this vision see them."""
    return rgb2lab(simulated(colours, vision))


def simulated(colours: object, vision: str) -> np.ndarray:
    """Return colours (n, 3), 0-255, as people with this vision see them, as red, green and blue, 0-1."""
    levels = np.asarray(colours, float) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.transpose(VISIONS[vision]), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def least_distance(colours: object, others: object, vision: str) -> float:
    return float(deltaE_ciede2000(seen(colours, vision)[:, None], seen(others, vision)[None]).min())


def least_pair(colours: object, vision: str) -> float:
    return min(float(deltaE_ciede2000(a, b)) for a, b in combinations(seen(colours, vision), 2))


@pytest.mark.parametrize("vision", VISIONS)
def test_classes_are_distinct_from_each_other_and_from_tissue(vision: str) -> None:
    greys = [[level] * 3 for level in range(0, 256, 5)]
    assert least_pair(list(EVENT_COLOURS.values()), vision) > LEAST_DISTANCES["known"]
    assert least_pair(PALETTE, vision) > LEAST_DISTANCES["all"]
    assert least_distance(PALETTE, greys, vision) > LEAST_DISTANCES["grey"]
    assert least_distance(PALETTE, greys[:10], vision) > LEAST_DISTANCES["dark"]
    assert least_distance(PALETTE, greys[-10:], vision) > LEAST_DISTANCES["bright"]


def test_the_model_sees_what_is_known_of_colour_vision() -> None:
    assert least_distance([[200, 100, 0]], [[118, 136, 0]], "deuteranope") < 10
    assert least_distance([[200, 100, 0]], [[118, 136, 0]], "trichromat") > 30
    for matrix in VISIONS.values():
        assert np.allclose(np.sum(matrix, axis=1), 1, atol=1e-5), "grey stays grey"


def test_classes_of_ones_own_have_further_colours() -> None:
    names = [f"class {number:02}" for number in range(len(FURTHER))]
    colours = [colour_of(name, [*EVENT_COLOURS, *names]) for name in [*EVENT_COLOURS, *names]]
    assert tuple(colours[: len(PALETTE)]) == PALETTE
    assert len(set(colours)) == len(colours)
    assert least_pair(colours, "trichromat") > 8
    assert colour_of("one more", [*names, "one more"]) == colours[3], "begins again"
    assert colour_of("unknown") == colours[3]


def test_colours_do_not_depend_on_the_order_of_the_classes() -> None:
    """A network has its classes in the order of its training, a table in that of the events, a plot by name."""
    names = ["rosette", "cell_sop", "apoptosis", "mitosis"]
    assert [colour_of(name, names) for name in names] == [colour_of(name, sorted(names)) for name in names]


def test_the_picture_of_the_palette_is_that_of_the_documentation(tmp_path: Path) -> None:
    docs = Path(__file__).resolve().parents[2] / "docs" / "images"
    path = Path(os.environ.get("EPIFIJI_PICTURES", tmp_path)) / "palette.png"
    draw_palette(path)
    drawn, shown = (np.asarray(Image.open(place), float) for place in (path, docs / "palette.png"))
    # Versions of the font's renderer differ in some pixels of the texts.
    assert np.abs(drawn - shown).mean() < 0.5


def draw_palette(path: Path) -> None:
    """Draw the colours in a row for each vision, as rings on dark, on grey and on bright tissue."""
    names = [*(name.removeprefix("cell_") for name in EVENT_COLOURS), *("others",)]
    picture = Image.new("RGB", (716, 30 + 70 * len(VISIONS)), "white")
    draw = ImageDraw.Draw(picture)
    for place, name in enumerate(names):
        draw.text((150 + 86 * place, 18), name, "black", text_font(13), "ms")
    for row, vision in enumerate(VISIONS):
        top = 30 + 70 * row
        draw.text((8, top + 30), vision, "black", text_font(13), "lm")
        for column, colour in enumerate(simulated(PALETTE, vision)):
            left = 108 + 86 * column
            for part, grey in enumerate((20, 120, 230)):
                draw.rectangle((left + 28 * part, top, left + 28 * part + 27, top + 59), (grey,) * 3)
            draw.ellipse(
                (left + 12, top + 6, left + 71, top + 53), outline=tuple((255 * colour).round().astype(int)), width=4
            )
    picture.save(path)
