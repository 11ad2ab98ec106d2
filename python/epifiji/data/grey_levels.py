"""Grey levels relative to a range, for pixels of any type."""

from __future__ import annotations

from typing import Any

import numpy as np


def within_range(pixels: np.ndarray, least: Any, greatest: Any) -> np.ndarray:
    """Scale pixels of any real type to float64: 0 at `least`, 1 at `greatest`; 0 if the two are equal.

    Differences are computed without rounding or overflow, so a movie's zero and unit have no effect.

    Parameters
    ----------
    least, greatest
        Of the pixels' type; pixels may lie outside the range.
    """
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8:
        # Modulo 2 to the power of 64 a difference is right, even if a difference of signed numbers would overflow.
        values, zero = pixels.astype(np.uint64), np.asarray(least, pixels.dtype).astype(np.uint64)
        above = np.where(pixels < least, -(zero - values).astype(np.float64), (values - zero).astype(np.float64))
        span = float(int(greatest) - int(least))
    else:
        half = 0.5 * float(least)
        above = 0.5 * pixels.astype(np.float64) - half
        span = 0.5 * float(greatest) - half
    return above / span if span else np.zeros(pixels.shape)
