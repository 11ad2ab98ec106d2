"""The colours of all classes of events, in ROIs, pictures, plots and windows.

People with protanopia, deuteranopia or tritanopia can distinguish all of them from each other and from grey tissue. The
colours of the three known classes are further apart than the others. The test of this file measures the distances.
"""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green, blue (0–255)."""

RED: Colour = (221, 68, 17)
BLUE: Colour = (68, 136, 255)
GREEN: Colour = (170, 238, 51)
CYAN: Colour = (34, 204, 238)
TAN: Colour = (204, 170, 136)
PURPLE: Colour = (170, 0, 136)
DEEP_BLUE: Colour = (0, 34, 255)
PALETTE = (RED, BLUE, GREEN, CYAN, TAN, PURPLE, DEEP_BLUE)

GREY: Colour = (128, 128, 128)
"""Of what is no event."""


def _mixed(colour: Colour, with_level: int) -> Colour:
    """Mix a colour with as much black (0) or white (255)."""
    red, green, blue = ((level + with_level) // 2 for level in colour)
    return red, green, blue


FURTHER = (*PALETTE[3:], *(_mixed(colour, level) for level in (255, 0) for colour in PALETTE))
"""Colours after those of the known classes: the rest of the palette, then lighter and darker ones of the whole palette."""
