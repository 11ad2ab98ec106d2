"""Rescaling a part of a movie or map so that it has the pixels that rescaling all of it would give there.

A cubic spline depends on all pixels along an axis, but the influence of a pixel falls to a quarter with each step. From
`SPLINE_REACH` pixels on it is lost in the rounding of floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from epifiji.data.movie import Movie
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.scaling import STEPS, rounded_as

SPLINE_REACH = 24

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """A part of an array (T, Y, X): the first index along each axis, and the one after the last."""

    start: Shape
    stop: Shape

    @property
    def shape(self) -> Shape:
        """Its sizes (T, Y, X)."""
        t, y, x = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return t, y, x

    def within(self, other: Box) -> tuple[slice, slice, slice]:
        """Return the slices of an array of another box that this one is."""
        pairs = zip(self.start, self.stop, other.start, strict=True)
        t, y, x = (slice(start - zero, stop - zero) for start, stop, zero in pairs)
        return t, y, x

    def common(self, other: Box) -> Box:
        """Return the part that two boxes share."""
        t, y, x = (max(pair) for pair in zip(self.start, other.start, strict=True))
        t_stop, y_stop, x_stop = (min(pair) for pair in zip(self.stop, other.stop, strict=True))
        return Box((t, y, x), (max(t, t_stop), max(y, y_stop), max(x, x_stop)))

    def wider(self, margins: Sequence[int], shape: Shape, grid: Shape = (1, 1, 1)) -> Box:
        """Return the box with margins (T, Y, X), as far as an array of `shape` has them, that begins on a grid."""
        t, y, x = (max(0, s - m) // g * g for s, m, g in zip(self.start, margins, grid, strict=True))
        t_stop, y_stop, x_stop = (min(size, s + m) for s, m, size in zip(self.stop, margins, shape, strict=True))
        return Box((t, y, x), (t_stop, y_stop, x_stop))

    def narrower(self, margins: Sequence[int], shape: Shape) -> Box:
        """Return the box without margins (T, Y, X) at its ends, except for those of an array of `shape`."""
        t, y, x = (s + m if s else 0 for s, m in zip(self.start, margins, strict=True))
        t_stop, y_stop, x_stop = (s if s == n else s - m for s, m, n in zip(self.stop, margins, shape, strict=True))
        return Box((t, y, x), (t_stop, y_stop, x_stop))

    def inner(self, shape: Shape, new: Shape, grid: Shape) -> Box:
        """Return the largest box of an array rescaled from `shape` to `new` that this one covers and that begins on a grid."""
        quads = list(zip(self.start, self.stop, shape, new, strict=True))
        t, y, x = (-(-start * size // old // g) * g for (start, _, old, size), g in zip(quads, grid, strict=True))
        t_stop, y_stop, x_stop = (stop * size // old for _, stop, old, size in quads)
        return Box((t, y, x), (t_stop, y_stop, x_stop))

    def rescaled(self, shape: Shape, new: Shape) -> Box:
        """Return the least box of an array rescaled from `shape` to `new` that contains this one."""
        triples = list(zip(self.start, self.stop, shape, new, strict=True))
        t, y, x = (start * size // old for start, _, old, size in triples)
        t_stop, y_stop, x_stop = (-(-stop * size // old) for _, stop, old, size in triples)
        return Box((t, y, x), (t_stop, y_stop, x_stop))


def whole(shape: Shape) -> Box:
    """Return the box of all of an array."""
    return Box((0, 0, 0), shape)


def rescaled_part(movie: Movie, known: Box, shape: Shape, new: Shape, wanted: Box, compatible: bool) -> np.ndarray:
    """Return a part of what a movie's pixels are after :func:`~epifiji.engine.tiling.scaling.rescale_for_network`.

    Parameters
    ----------
    movie
        The pixels of `known`, a part of a movie of `shape`.
    new
        The shape (T, Y, X) of the rescaled movie.
    wanted
        The part of that.
    """
    around = wanted.rescaled(new, shape)
    reach = [0 if size == old else SPLINE_REACH for size, old in zip(new, shape, strict=True)]
    read = around.wider(reach, shape).common(known)
    t, y, x = read.within(known)
    pixels = np.stack([movie.frames(n, n + 1)[0, y, x] for n in range(t.start, t.stop)])
    if new == shape:
        return pixels
    scaling = _Scaling(read, shape, wanted, new, compatible)
    if compatible:
        return scaling.applied(pixels, pixels.dtype, pixels.dtype)
    level = levelled(Movie(pixels, movie.name))
    relative = level.frames(0, len(pixels)).astype(np.float64)
    single = np.dtype(np.float32)
    return scaling.applied(relative - relative[0, 0, 0], single, single, STEPS)


def rescaled_map_part(
    raw: np.ndarray, known: Box, shape: Shape, new: Shape, wanted: Box, compatible: bool
) -> np.ndarray:
    """Return a part of what a map is after :func:`~epifiji.engine.tiling.scaling.rescale_map` from `shape` to `new`.

    `raw` (T, Y, X), uint8, is the part `known` of the map.
    """
    if shape == new:
        return raw[wanted.within(known)]
    between = np.dtype(np.float64 if compatible else np.float32)
    scaling = _Scaling(known, shape, wanted, new, compatible, 3 if compatible else 1)
    return scaling.applied(raw.astype(between), between, np.dtype(np.uint8))


@dataclass(frozen=True)
class _Scaling:
    """Interpolation from the part `known` of an array of `shape` to the part `wanted` of one of the shape `new`."""

    known: Box
    shape: Shape
    wanted: Box
    new: Shape
    compatible: bool
    order: int = 3

    def applied(
        self, values: np.ndarray, between: np.dtype[np.generic], dtype: np.dtype[np.generic], steps: int = 0
    ) -> np.ndarray:
        """Interpolate in space to the type `between`, frame by frame, then in time to `dtype`."""
        t, y, x = self.wanted.within(self.known)
        if self.shape[1:] != self.new[1:]:
            values = np.stack([self._along(frame, (1, 2), between, steps) for frame in values])
        else:
            values = values[:, y, x]
        if self.shape[0] != self.new[0]:
            return self._along(values, (0, 1, 2), dtype, steps)
        return rounded_as(values, values[t], dtype, 0)

    def _along(self, values: np.ndarray, axes: tuple[int, ...], dtype: np.dtype[np.generic], steps: int) -> np.ndarray:
        """Interpolate along axes: at ``ratio * index + shift`` of `values` for each index of the result."""
        ratios, shifts = [], []
        for axis in axes:
            old, now = self.shape[axis], self.new[axis]
            # Of three axes only the first is rescaled: the others have their places already.
            if len(axes) == 3 and axis:
                ratio, shift = 1.0, 0.0
            elif self.compatible:
                ratio = (old - 1) / (now - 1) if now > 1 else 1.0
                shift = self.wanted.start[axis] * ratio - self.known.start[axis]
            else:
                ratio = old / now
                shift = (self.wanted.start[axis] + 0.5) * ratio - 0.5 - self.known.start[axis]
            ratios.append(ratio)
            shifts.append(shift)
        size = [self.wanted.shape[axis] for axis in axes]
        mode, output = ("constant", dtype) if self.compatible else ("nearest", np.dtype(np.float64))
        exact: np.ndarray = ndimage.affine_transform(
            values, np.array(ratios), shifts, tuple(size), output, self.order, mode
        )
        return exact if self.compatible else rounded_as(values, exact, dtype, steps)
