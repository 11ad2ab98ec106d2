"""Shifting and scaling pixels so that arithmetic keeps their differences.

Networks depend only on differences of pixels, not on their zero or unit. But a 64-bit integer is rounded when it
becomes a float, and the square of a very large or very small float overflows or becomes 0. So such movies are shifted
or scaled first, only by operations that keep all differences: an exact subtraction, or a power of two. Other movies are
unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from epifiji.data.image import Stack
from epifiji.data.movie import Movie

GREATEST_EXPONENT = 32
"""A float movie is scaled so that its greatest absolute value lies between 2 to the power of minus this and of this."""


@dataclass(frozen=True)
class _Levelled:
    """Pixels minus `least`, times two to the power of `exponent`; see :class:`epifiji.data.image.Stack`."""

    movie: Movie
    least: int | float
    exponent: int
    dtype: np.dtype[np.generic]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.movie.shape

    def __getitem__(self, frames: slice) -> np.ndarray:
        start, stop, _ = frames.indices(self.movie.shape[0])
        pixels = self.movie.frames(start, stop)
        if pixels.dtype.kind == "f":
            levelled: np.ndarray = np.ldexp(pixels - pixels.dtype.type(self.least), self.exponent)
            return levelled
        # Modulo 2 to the power of 64 the difference is right, even if a difference of signed numbers would overflow.
        least = np.array(self.least, pixels.dtype).astype(np.uint64)
        return (pixels.astype(np.uint64) - least).astype(self.dtype)


def levelled(movie: Movie) -> Movie:
    """Bring 64-bit integers to 32 bits or floats, and floats to a suitable zero and scale; other movies are unchanged.

    Parameters
    ----------
    movie
        Finite pixels of any real type; 64-bit and float movies are read once.
    """
    if movie.dtype.kind != "f" and movie.dtype.itemsize < 8:
        return movie
    least, greatest = _range(movie)
    if movie.dtype.kind != "f":
        dtype = np.dtype(np.uint32 if greatest - least < 2**32 else np.float64)
        pixels: Stack = _Levelled(movie, least, 0, dtype)
        return replace(movie, pixels=pixels)
        # If all values lie within a factor of two, their differences are exact (Sterbenz 1974).
    low, high = sorted((abs(least), abs(greatest)))
    near = least if (least > 0) == (greatest > 0) and high <= 2 * low else 0.0
    largest = greatest - least if near else high
    exponent = int(np.frexp(largest)[1]) if largest else 0
    shift = int(np.clip(exponent, -GREATEST_EXPONENT, GREATEST_EXPONENT)) - exponent
    if not near and not shift:
        return movie
    return replace(movie, pixels=_Levelled(movie, near, shift, movie.dtype))


def _range(movie: Movie) -> tuple[Any, Any]:
    """Return the least and the greatest value, as Python's numbers."""
    extremes = [(frames.min(), frames.max()) for _, frames in movie.chunks()]
    least, greatest = (pick(values) for pick, values in zip((min, max), zip(*extremes, strict=True), strict=True))
    return least.item(), greatest.item()
