"""The windows of a movie in blocks of space and time, each predicted independently.

A block has all windows of every member whose centres lie in certain frames and rows. Its prediction is the windows'
probabilities; :mod:`epifiji.engine.tiling.maps` makes maps of them. docs/decisions/blocks-of-windows.md gives the
reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.engine.tiling.windows import Grid

Probabilities = list[np.ndarray]
"""For each member (frames, rows, columns, classes), float32, of the windows of a block."""


@dataclass(frozen=True)
class Block:
    """Windows whose centre lies in the frames ``start:stop`` and the pixel rows ``top:bottom``."""

    start: int
    stop: int
    top: int
    bottom: int

    def of(self, grid: Grid) -> Grid:
        """Return the part of a grid that lies in this block."""
        in_time = (grid.frames >= self.start) & (grid.frames < self.stop)
        in_space = (grid.ys >= self.top) & (grid.ys < self.bottom)
        return Grid(grid.frames[in_time], grid.ys[in_space], grid.xs)


@dataclass(frozen=True)
class Strip:
    """The pixels that a block needs: frames (n, rows, X) from frame `first` and pixel row `top` of the movie on.

    Beyond the movie's ends its first and last frame are repeated, so `first` may be negative.
    """

    pixels: np.ndarray
    first: int
    top: int


class BlockPredictor(Protocol):
    """Predicts the windows of a block: all that detection knows of a network.

    The attributes stay the same for the life of the object. `frames_at_once` and the bytes decide how large blocks are
    (:func:`divide`, :func:`rows_within`), the margins which pixels are read for one (:func:`read_strip`). A predictor
    that takes every window by itself and needs little memory has margins and bytes of 0, as
    :class:`~epifiji.engine.networks.dexnet.exact.ExactPredictor`.
    """

    frames_at_once: int
    """Most centre frames per block, such as 24. It does not depend on memory, as predictions may depend on it."""

    margin_frames: int
    """Frames needed before and after those that windows see (the description's `frames_before` and `frames_after`)."""

    margin_rows: int
    """Pixel rows needed above and below those that windows see (the description's `window_half_size_px`)."""

    bytes_for_pixel: float
    """Bytes of memory needed per pixel of a block's frames, in addition to the pixel itself: for copies of the strip."""

    bytes_for_place: float
    """Bytes of memory needed per pixel of one frame, whatever a block's number of frames: for what is computed frame by frame."""

    bytes_held: float
    """Bytes of memory for the prediction per pixel of a block's frames, held until all of these frames are processed."""

    prefiltered: bool
    """Whether a smaller network chose the windows that were predicted; ``run.json`` says so."""

    precision: str
    """The type in which frames are encoded, ``float32`` or ``bfloat16``; ``run.json`` says so."""

    runtime: str
    """What computes, ``TensorFlow`` or ``ONNX Runtime``; ``run.json`` says so."""

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Predict the windows of a block.

        Parameters
        ----------
        strip
            Pixels of the movie's type: of all frames that the block's windows see and `margin_frames` more on both
            sides, and of all their rows and `margin_rows` more, as far as the movie has rows.
        grids
            For each member the window centres of the block, in the movie's frames and pixels; there may be none.
        report
            Called with the part of the block that is done (0 to 1) and :data:`~epifiji.data.progress.LOOKING`; raises
            to cancel.

        Returns
        -------
        list of numpy.ndarray
            For each member (frames, rows, columns, classes) of its grid, float32 from 0 to 1. Class 0 is no event; the
            others are in the order of the description's `classes`. What is predicted for a window may depend on the
            block's frames, which `frames_at_once` decides, but not on its rows, whose number depends on memory.
        """


def divide(grids: Sequence[Grid], shape: tuple[int, int, int], frames_at_once: int, rows_at_once: int) -> list[Block]:
    """Divide a movie (T, Y, X) into blocks: first by time, then from top to bottom.

    Parameters
    ----------
    frames_at_once, rows_at_once
        Most frames and pixel rows of the centres of a block's windows; all blocks have about the same duration and
        height.
    """
    count, height, _ = shape
    return [
        Block(start, stop, top, bottom)
        for start, stop in _evenly(count, frames_at_once)
        for top, bottom in _evenly(height, rows_at_once)
        if any(((grid.ys >= top) & (grid.ys < bottom)).any() for grid in grids)
    ]


def _evenly(size: int, most: int) -> list[tuple[int, int]]:
    parts = max(1, -(-size // max(1, most)))
    return list(pairwise(np.linspace(0, size, parts + 1).round().astype(int).tolist()))


def rows_within(
    megabytes: float,
    shape: tuple[int, int, int],
    description: EventNetworkDescription,
    predictor: BlockPredictor,
    item: int,
) -> int:
    """Return the most rows of a block for which pixels of `item` bytes, and what is computed from them, fit into `megabytes`."""
    count, height, width = shape
    at_once = min(predictor.frames_at_once, count)
    frames = at_once + description.window_frames + 2 * predictor.margin_frames
    bytes_for_row = width * (frames * (item + predictor.bytes_for_pixel) + predictor.bytes_for_place)
    rows = (megabytes * 1e6 - at_once * height * width * predictor.bytes_held) / bytes_for_row
    around = 2 * (description.window_half_size_px + predictor.margin_rows)
    return int(np.clip(rows - around, description.window_size_px, height))


def read_strip(movie: Movie, block: Block, description: EventNetworkDescription, predictor: BlockPredictor) -> Strip:
    """Read the pixels that a block needs."""
    count, height, _ = movie.shape
    before, after = (
        description.frames_before + predictor.margin_frames,
        description.frames_after + predictor.margin_frames,
    )
    around = description.window_half_size_px + predictor.margin_rows
    top = max(0, block.top - around)
    rows = slice(top, min(height, block.bottom + around))
    wanted = np.clip(np.arange(block.start - before, block.stop - 1 + after), 0, count - 1)
    # Frame by frame, each released at once: only the rows of a large frame that are needed stay in memory.
    pixels = np.empty((len(wanted), rows.stop - rows.start, movie.shape[2]), movie.dtype)
    for t in range(int(wanted[0]), int(wanted[-1]) + 1):
        pixels[wanted == t] = movie.frames(t, t + 1)[0, rows]
    return Strip(pixels, block.start - before, top)
