"""Overlapping tiles of a frame, so that the memory for it does not depend on its size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

Area = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Tile:
    """A tile: the pixels of the frame that are `read`, and those for which its result is `kept`."""

    read: Area
    kept: Area

    @property
    def part(self) -> Area:
        """The kept pixels, in the tile."""
        rows, columns = (
            slice(kept.start - read.start, kept.stop - read.start)
            for read, kept in zip(self.read, self.kept, strict=True)
        )
        return rows, columns


def tiles(shape: tuple[int, ...], reach_px: int, most_px: int, grain_px: int = 1) -> Iterator[Tile]:
    """Cut a frame (Y, X) into tiles; each pixel is kept in one of them.

    Parameters
    ----------
    reach_px
        Pixels around a pixel on which its result depends; a multiple of `grain_px`.
    most_px
        Pixels of the largest frame that is one tile, and of a tile. Tiles are larger if they would keep less than half
        of their side.
    grain_px
        Tiles begin at multiples of this.
    """
    height, width = shape
    if height * width <= most_px:
        whole = slice(0, height), slice(0, width)
        yield Tile(whole, whole)
        return
    side = math.isqrt(most_px)
    columns = width if width <= side else _kept(width, side, reach_px, grain_px)
    rows = _kept(height, most_px // min(width, columns + 2 * reach_px), reach_px, grain_px)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            kept = slice(top, min(height, top + rows)), slice(left, min(width, left + columns))
            read_rows, read_columns = (
                slice(max(0, one.start - reach_px), min(length, one.stop + reach_px))
                for one, length in zip(kept, shape, strict=True)
            )
            yield Tile((read_rows, read_columns), kept)


def _kept(length: int, side: int, reach_px: int, grain_px: int) -> int:
    """Return how much of a side each tile keeps, the same for all but the last."""
    most = max(side // 2, side - 2 * reach_px, grain_px)
    return -(-length // -(-length // most) // grain_px) * grain_px
