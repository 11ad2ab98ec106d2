"""Lookup tables (LUTs): the colours in which pixel values are shown, and whether their brightness follows the values."""

from __future__ import annotations

import numpy as np

RED_GREEN_BLUE = (0.299, 0.587, 0.114)
"""Weights of the three colours in perceived brightness."""

LARGEST_DIP = 0.05
"""Fraction of the range of brightness by which an ordered LUT may decrease, as ImageJ's Fire does by rounding."""


def brightness_order(table: np.ndarray) -> int | None:
    """Return how the brightness of a lookup table depends on the values.

    The first and the last colour are ignored, because ImageJ's HiLo marks too dark and too bright pixels with them, and
    so are black ones at the end, which fill up a short table.

    Parameters
    ----------
    table
        (3, n): red, green and blue of each value.

    Returns
    -------
    order
        1 if brighter pixels have larger values, -1 if they have smaller ones (an inverting LUT), None if the colours
        have no order of brightness, so that a value does not determine what is visible.
    """
    seen = np.asarray(RED_GREEN_BLUE) @ np.asarray(table, float)
    filled = np.flatnonzero(seen)
    last = int(filled[-1]) + 1 if filled.size else 0
    for inner, order in ((seen[1:last][:-1], 1), (seen[1:-1][::-1], -1)):
        if inner.size and float((np.maximum.accumulate(inner) - inner).max()) <= LARGEST_DIP * float(np.ptp(inner)):
            return order
    return None
