"""The windows of a movie in blocks of space and time, each computed by itself.

A block has all windows of every member whose centre lies in some frames and some rows. It gives the windows' probabilities;
:mod:`epifiji.engine.tiling.maps` makes maps of them. docs/decisions/blocks-of-windows.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from epifiji.data.movie import Movie
from epifiji.data.network import NetworkDescription
from epifiji.data.progress import Report
from epifiji.engine.tiling.windows import Grid

Probabilities = list[np.ndarray]
"""For each member (frames, rows, columns, classes), float32, of the windows in a block."""


@dataclass(frozen=True)
class Block:
    """Windows whose centre lies in the frames ``start:stop`` and the pixel rows ``top:bottom``."""

    start: int
    stop: int
    top: int
    bottom: int

    def of(self, grid: Grid) -> Grid:
        """Give the part of a grid that lies in this block."""
        in_time = (grid.frames >= self.start) & (grid.frames < self.stop)
        in_space = (grid.ys >= self.top) & (grid.ys < self.bottom)
        return Grid(grid.frames[in_time], grid.ys[in_space], grid.xs)


@dataclass(frozen=True)
class Strip:
    """The pixels that a block looks at: frames (n, rows, X) from frame `first` and pixel row `top` of the movie on.

    Beyond the movie's ends its first and last frame are repeated, so `first` may be negative.
    """

    pixels: np.ndarray
    first: int
    top: int


class BlockPredictor(Protocol):
    """A way of computing the windows of a block."""

    frames_at_once: int
    """Most centre frames of a block; where a block's windows share work, answers depend on this number, and not on memory."""

    margin_frames: int
    """Frames that are needed before and after those that windows see."""

    margin_rows: int
    """Pixel rows that are needed above and below those that windows see."""

    bytes_for_pixel: float
    """Memory that is needed for a pixel of a block's frames, beside the pixel itself."""

    bytes_for_place: float
    """Memory that is needed for a pixel of one frame, however many frames a block has."""

    bytes_held: float
    """Memory that the answer for a pixel of a block's frames takes, held until all of these frames are looked at."""

    prefiltered: bool
    """Whether a smaller network chose the windows that were predicted."""

    precision: str
    """The type in which frames are encoded, ``float32`` or ``bfloat16``."""

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Classify the windows at the centres of each member's part of its grid, in the movie's coordinates."""


def divide(grids: Sequence[Grid], shape: tuple[int, int, int], frames_at_once: int, rows_at_once: int) -> list[Block]:
    """Divide a movie (T, Y, X) into blocks: first by time, then from top to bottom.

    Parameters
    ----------
    frames_at_once, rows_at_once
        Most frames and pixel rows of a block's windows' centres; blocks are made equally long and high.
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
    megabytes: float, shape: tuple[int, int, int], description: NetworkDescription, predictor: BlockPredictor, item: int
) -> int:
    """Give the most rows of a block whose pixels, `item` bytes each, and what is made of them fit into so much memory."""
    count, height, width = shape
    at_once = min(predictor.frames_at_once, count)
    frames = at_once + description.window_frames + 2 * predictor.margin_frames
    bytes_for_row = width * (frames * (item + predictor.bytes_for_pixel) + predictor.bytes_for_place)
    rows = (megabytes * 1e6 - at_once * height * width * predictor.bytes_held) / bytes_for_row
    around = 2 * (description.window_half_size_px + predictor.margin_rows)
    return int(np.clip(rows - around, description.window_size_px, height))


def read_strip(movie: Movie, block: Block, description: NetworkDescription, predictor: BlockPredictor) -> Strip:
    """Read what a block looks at."""
    count, height, _ = movie.shape
    before, after = (
        description.frames_before + predictor.margin_frames,
        description.frames_after + predictor.margin_frames,
    )
    around = description.window_half_size_px + predictor.margin_rows
    top = max(0, block.top - around)
    rows = slice(top, min(height, block.bottom + around))
    wanted = np.clip(np.arange(block.start - before, block.stop - 1 + after), 0, count - 1)
    # Frame by frame, each let go at once: of a large frame only the rows that are needed stay in memory.
    pixels = np.empty((len(wanted), rows.stop - rows.start, movie.shape[2]), movie.dtype)
    for t in range(int(wanted[0]), int(wanted[-1]) + 1):
        pixels[wanted == t] = movie.frames(t, t + 1)[0, rows]
    return Strip(pixels, block.start - before, top)
