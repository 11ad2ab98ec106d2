"""Where windows lie in a movie, which pixels they contain, and how they are normalised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetworkDescription


@dataclass(frozen=True)
class Grid:
    """The window centres of one member of a network: every combination of the three lists.

    `frames`, `ys`, `xs` are ascending 0-based coordinates in the movie. A window reaches beyond the movie only in time;
    there the first and last frame are repeated.
    """

    frames: np.ndarray
    ys: np.ndarray
    xs: np.ndarray

    @property
    def size(self) -> int:
        """Number of windows."""
        return len(self.frames) * len(self.ys) * len(self.xs)


def require_room(name: str, shape: tuple[int, int, int], description: EventNetworkDescription, rescaled: bool) -> None:
    """Refuse a movie whose sides are smaller than a window.

    Raises
    ------
    WrongInputError
        If Y or X is smaller than the window's side.
    """
    side = description.window_size_px
    if min(shape[1:]) < side:
        state = " after rescaling to the network's cell diameter" if rescaled else ""
        raise WrongInputError(
            f"{name} is {shape[2]} x {shape[1]} px (width x height){state}, but the windows of the network {description.name} "
            f"are {side} x {side} px: use a larger field of view"
            + (" or check --cell-diameter." if rescaled else ", or specify --cell-diameter if its cells are small.")
        )


def require_windows(name: str, shape: tuple[int, int, int], grids: Sequence[Grid]) -> None:
    """Refuse a movie in which no window lies: compatible mode leaves out the last position along a side.

    Raises
    ------
    WrongInputError
        If all grids are empty.
    """
    if not any(grid.size for grid in grids):
        raise WrongInputError(
            f"{name} is {shape[2]} x {shape[1]} px (width x height), but mode 'compatible', like the authors' package, places no "
            "window where a side is only as long as a window: choose another mode, or use a larger field of view."
        )


def even_centres(size: int, half: int, step: int, shift: int) -> np.ndarray:
    """Return the centres from `half` + `shift` on, every `step`, together with the first and the last that fit.

    With both ends in the list, every pixel is within `step` of a centre, or beyond the outermost centres.
    """
    first, last = half, size - 1 - half
    return np.unique(np.concatenate([[first], np.arange(first + shift, last, step), [last]])).astype(np.intp)


def exact_grids(
    shape: tuple[int, int, int], description: EventNetworkDescription, step_xy: int, step_t: int
) -> list[Grid]:
    """Place the windows of every member so that together they cover the whole movie.

    Member m of M starts ``floor(m * step / M)`` later on each axis, in pixels in space and in frames in time, so
    members have their windows between each other's.
    """
    count, height, width = shape
    half, members = description.window_half_size_px, description.members
    grids = []
    for m in range(members):
        shift_xy, shift_t = m * step_xy // members, m * step_t // members
        grids.append(
            Grid(
                frames=even_centres(count, 0, step_t, shift_t),
                ys=even_centres(height, half, step_xy, shift_xy),
                xs=even_centres(width, half, step_xy, shift_xy),
            )
        )
    return grids


ROUNDING = 1e-3
"""Exceeds any rounding error of a level of 0–255; less than 1/255, the smallest gap between a truncated level and an integer."""


def normalised(windows: np.ndarray, lift: float = 0.0) -> np.ndarray:
    """Bring every window (n, frames, side, side) of any real dtype to 0–255, uint8, by its own minimum and maximum.

    As in DeXtrusion: ``uint8(255 * ((w - min) / (max - min)))``; only the minimum is subtracted if max = min. The
    quotient is computed first and in double precision (single for float32 movies), because truncation to 8 bits depends
    on its last digit.

    Parameters
    ----------
    lift
        Added before truncation: `ROUNDING`, so that predictions do not depend on a movie's unit; 0 as in DeXtrusion.
    """
    kind = np.float32 if windows.dtype == np.float32 else np.float64
    least = windows.min(axis=(1, 2, 3), keepdims=True).astype(kind)
    span = windows.max(axis=(1, 2, 3), keepdims=True).astype(kind) - least
    span[span == 0] = 1
    scaled = windows - least
    scaled /= span
    scaled *= kind(255)
    if lift:
        scaled += kind(lift)
    normalised: np.ndarray = scaled.astype(np.uint8)
    return normalised


def cut_windows(frames: np.ndarray, grid: Grid, half: int, batch: int) -> Iterator[np.ndarray]:
    """Cut frames (n, Y, X) around every (y, x) of the grid, y slowest: yields arrays (at most `batch`, n, side, side)."""
    side = 2 * half + 1
    views = np.lib.stride_tricks.sliding_window_view(frames, (side, side), axis=(1, 2))
    ys, xs = (a.ravel() for a in np.meshgrid(grid.ys - half, grid.xs - half, indexing="ij"))
    for start in range(0, ys.size, batch):
        part = slice(start, start + batch)
        yield views[:, ys[part], xs[part]].swapaxes(0, 1)
