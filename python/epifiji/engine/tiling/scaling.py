"""Bringing a movie to a network's scale, and its maps and events back.

Splines and sizes are those of ``scipy.ndimage.zoom``. Rescaling in space takes one frame at a time, rescaling in time
one band of rows. A cubic spline along one axis does not depend on the others, so the pieces give the same values as the
whole.

In compatible mode the centres of the first and last pixel coincide, as in the authors' package. Otherwise the outer
edges do (zoom's ``grid_mode``), so a map comes back at exactly the movie's size and position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from scipy import ndimage

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import MIN_FRAMES

TOLERANCE = 0.3
"""Movies within this fraction of the network's own scale are not rescaled."""

BAND_BYTES = 64e6

MAX_PIXELS = 10**12
"""More pixels than this mean a wrong scale, not a movie."""

STEPS = 2**20
"""Steps of a frame's range to which rescaled pixels are rounded for a network.

A spline's ringing at an edge never quite ends; without rounding it would be contrast where a frame is flat.
"""


class Storage(Protocol):
    """An array in memory or on disk."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def __getitem__(self, place: Any) -> np.ndarray:
        """Read a part."""

    def __setitem__(self, place: Any, values: np.ndarray) -> None:
        """Write a part."""


Create = Callable[[tuple[int, ...], np.dtype[np.generic]], Storage]


def scale_factor(own: float, given: float | None) -> float:
    """Return the factor by which to rescale an axis: ``own / given``, or 1 if they differ by at most 30 % of `own`."""
    return 1.0 if given is None or abs(given - own) <= TOLERANCE * own else own / given


def rescale_for_network(
    movie: Movie, factor_t: float, factor_xy: float, compatible: bool, create: Create, report: Report = silent
) -> Movie:
    """Rescale a movie for a network; see :func:`rescale`.

    Its pixels become float32, relative to the movie's first pixel, so events do not depend on the movie's zero, nor on
    the step size of its type. In compatible mode they keep their type, as in the authors' package.
    """
    if compatible or factor_t == factor_xy == 1:
        return rescale(movie, factor_t, factor_xy, compatible, create, report)
    relative = replace(movie, pixels=_Relative(movie))
    return rescale(relative, factor_t, factor_xy, False, create, report, np.dtype(np.float32), STEPS)


class _Relative:
    """The pixels of a movie minus its first pixel; see :class:`epifiji.data.image.Stack`."""

    dtype = np.dtype(np.float64)

    def __init__(self, movie: Movie) -> None:
        self._movie, self.shape = movie, movie.shape
        self._zero = float(movie.frames(0, 1)[0, 0, 0])

    def __getitem__(self, frames: slice) -> np.ndarray:
        return self._movie.frames(frames.start, frames.stop).astype(np.float64) - self._zero


def rescale(
    movie: Movie,
    factor_t: float,
    factor_xy: float,
    compatible: bool,
    create: Create,
    report: Report = silent,
    dtype: np.dtype[np.generic] | None = None,
    steps: int = 0,
) -> Movie:
    """Rescale a movie by cubic splines, in space first, then in time.

    Parameters
    ----------
    dtype
        Of the result. Default: the movie's own.
    steps
        If not 0, values are rounded to this many steps of the range of the frame, or of the band of rows, that they
        come from.

    Raises
    ------
    WrongInputError
        If fewer than 5 frames or no pixels remain, or the result is larger than any disk.
    """
    count = movie.shape[0]
    frames, height, width = rescaled_shape(movie.name, movie.shape, factor_t, factor_xy)
    if factor_xy == factor_t == 1:
        return movie
    dtype = dtype or movie.dtype
    pixels = create((count, height, width), dtype)
    for t in range(count):
        frame = movie.frames(t, t + 1)[0]
        pixels[t] = frame if factor_xy == 1 else _zoom(frame, (height, width), dtype, compatible, steps=steps)
        report((t + 1) / count, "rescaling the movie")
    if factor_t != 1:
        pixels = _rescale_time(pixels, frames, dtype, compatible, create, steps=steps)
    return replace(movie, pixels=pixels)


def rescaled_shape(name: str, shape: tuple[int, int, int], factor_t: float, factor_xy: float) -> tuple[int, int, int]:
    """Return the shape (T, Y, X) of a movie after rescaling; raises as :func:`rescale`."""
    count, *old = shape
    height, width = (round(size * factor_xy) for size in old)
    if min(height, width) < 1:
        raise WrongInputError(
            f"{name} has {old[1]} x {old[0]} px, of which rescaling by {factor_xy:g} would leave less than a pixel: "
            "check the cell diameter or the factor."
        )
    frames = round(count * factor_t)
    if frames < MIN_FRAMES:
        raise WrongInputError(
            f"{name} has {count} frames, which leaves {frames} at the network's event duration, but at least "
            f"{MIN_FRAMES} are needed: check --event-duration or use a longer movie."
        )
    if (factor_xy, factor_t) != (1, 1) and max(count, frames) * height * width > MAX_PIXELS:
        raise WrongInputError(
            f"{name} would be rescaled to {frames} frames of {width} x {height} px, which no disk holds: check the cell "
            "diameter and the event duration, or the factors."
        )
    return frames, height, width


def rescale_map(
    raw: Storage, shape: tuple[int, int, int], compatible: bool, create: Create, order: int | None = None
) -> Storage:
    """Bring a map (T, Y, X), uint8, from the network's scale to a movie's shape.

    Interpolation is linear, which stays within the range of the map. In compatible mode it is cubic, as in the authors'
    package, whose size in x is computed from the ratio in y, so it can differ from the movie's by a pixel. `order`
    selects another spline, such as 0 for maps whose values are not to be mixed.
    """
    if order is None:
        order = 3 if compatible else 1
    count, height, width = shape
    if compatible:
        width = round(raw.shape[2] * (height / raw.shape[1]))
    if tuple(raw.shape) == (count, height, width):
        return raw
    between = create((raw.shape[0], height, width), np.dtype(np.float64 if compatible else np.float32))
    for t in range(raw.shape[0]):
        frame = raw[t].astype(between.dtype)
        between[t] = _zoom(frame, (height, width), between.dtype, compatible, order)
    return _rescale_time(between, count, np.dtype(np.uint8), compatible, create, order)


def _rescale_time(
    pixels: Storage,
    count: int,
    dtype: np.dtype[np.generic],
    compatible: bool,
    create: Create,
    order: int = 3,
    steps: int = 0,
) -> Storage:
    """Rescale in time, one band of rows after the other."""
    before, height, width = pixels.shape
    result = create((count, height, width), dtype)
    rows = max(1, int(BAND_BYTES / (8 * max(before, count) * width)))
    for top in range(0, height, rows):
        band = pixels[:, top : top + rows]
        result[:, top : top + rows] = _zoom(band, (count, *band.shape[1:]), dtype, compatible, order, steps)
    return result


def _zoom(
    values: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    compatible: bool,
    order: int = 3,
    steps: int = 0,
) -> np.ndarray:
    """Interpolate an array to a shape; round it if the dtype is integer or `steps` is not 0; clip it to the dtype's range."""
    factors = [new / old for new, old in zip(shape, values.shape, strict=True)]
    zoomed: np.ndarray
    if compatible:
        zoomed = ndimage.zoom(values, factors, output=dtype, order=order)
        return zoomed
    exact = ndimage.zoom(values, factors, output=np.float64, order=order, mode="nearest", grid_mode=True)
    return rounded_as(values, exact, dtype, steps)


def rounded_as(values: np.ndarray, exact: np.ndarray, dtype: np.dtype[np.generic], steps: int) -> np.ndarray:
    """Round interpolated `values` as :func:`rescale` describes, and clip them to a dtype's range."""
    zoomed: np.ndarray
    least, greatest = float(values.min()), float(values.max())
    if steps and greatest > least:
        step = (greatest - least) / steps
        exact = least + step * np.rint((exact - least) / step)
    elif steps:
        exact = np.full_like(exact, least)
    if dtype.kind == "f":
        limits = np.finfo(dtype.name)
        zoomed = np.clip(exact, limits.min, limits.max).astype(dtype)
        return zoomed
    whole = np.iinfo(dtype.name)
    # The greatest 64-bit integer is not a float; the next float above it would become negative.
    top = whole.max if dtype.itemsize < 8 else np.nextafter(float(whole.max), 0)
    zoomed = np.clip(np.rint(exact), whole.min, top).astype(dtype)
    return zoomed


def place_in_movie(
    centroid: tuple[float, float, float], map_shape: tuple[int, ...], shape: tuple[int, int, int], compatible: bool
) -> tuple[int, float, float]:
    """Bring a position (t, y, x) in a map to the movie: (frame, y, x).

    In compatible mode ``floor(position * ratio)``, with the ratio of y used for x too. Otherwise the pixels' areas
    correspond, the frame is the nearest one, and y and x are not rounded.
    """
    ratios = [new / old for new, old in zip(shape, map_shape, strict=True)]
    if compatible:
        frame, y, x = (int(np.floor(c * r)) for c, r in zip(centroid, (ratios[0], ratios[1], ratios[1]), strict=True))
        return frame, float(y), float(x)
    t, in_y, in_x = ((c + 0.5) * r - 0.5 for c, r in zip(centroid, ratios, strict=True))
    return int(np.clip(np.floor(t + 0.5), 0, shape[0] - 1)), in_y, in_x
