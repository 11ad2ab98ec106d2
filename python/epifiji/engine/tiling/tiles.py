"""Overlapping tiles of a frame, or blocks of a volume, so that the memory for it does not depend on its size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

Area = tuple[slice, ...]
"""Rows and columns; of a volume planes, rows and columns."""


@dataclass(frozen=True)
class Tile:
    """A tile: the pixels of the frame that are `read`, and those for which its result is `kept`."""

    read: Area
    kept: Area

    @property
    def part(self) -> Area:
        """The kept pixels, in the tile."""
        return tuple(
            slice(kept.start - read.start, kept.stop - read.start)
            for read, kept in zip(self.read, self.kept, strict=True)
        )


def tiles(shape: Sequence[int], reach_px: int | Sequence[int], most_px: int, grain_px: int = 1) -> Iterator[Tile]:
    """Cut a frame (Y, X) into tiles, or a volume (Z, Y, X) into blocks; each pixel is kept in one of them.

    Parameters
    ----------
    reach_px
        Pixels around a pixel on which its result depends, along all axes or along each; a multiple of `grain_px`.
    most_px
        Pixels of the largest frame that is one tile, and of a tile. Tiles are larger if they would keep less than half
        of their side.
    grain_px
        Tiles begin at multiples of this.
    """
    reaches = [reach_px] * len(shape) if isinstance(reach_px, int) else list(reach_px)
    if math.prod(shape) <= most_px:
        whole = tuple(slice(0, length) for length in shape)
        yield Tile(whole, whole)
        return
    steps = _fewest_read(shape, reaches, most_px, grain_px) or _near_squares(shape, reaches, most_px, grain_px)
    for corner in product(*(range(0, length, step) for length, step in zip(shape, steps, strict=True))):
        kept = tuple(
            slice(start, min(length, start + step)) for start, length, step in zip(corner, shape, steps, strict=True)
        )
        read = tuple(
            slice(max(0, one.start - reach), min(length, one.stop + reach))
            for one, length, reach in zip(kept, shape, reaches, strict=True)
        )
        yield Tile(read, kept)


def _fewest_read(shape: Sequence[int], reaches: Sequence[int], most_px: int, grain_px: int) -> list[int] | None:
    """Return how much of each side tiles keep so that all together read the fewest pixels.

    None if tiles of at most `most_px` pixels keep less than half of their sides on average.
    """
    best, found = 2 ** len(shape) * math.prod(shape), None
    *outer, inner = (_cuts(length, reach, grain_px) for length, reach in zip(shape, reaches, strict=True))
    for cuts in product(*outer):
        left = most_px // math.prod(cut.read for cut in cuts)
        # Fewer cuts come first, and read less.
        last = next((cut for cut in inner if cut.read <= left), None)
        if last is not None and (total := math.prod(cut.total for cut in (*cuts, last))) < best:
            best, found = total, [cut.kept for cut in (*cuts, last)]
    return found


class _Cut(NamedTuple):
    """A way to cut a side: what each part keeps, what it reads at most, and what all of them read, in pixels."""

    kept: int
    read: int
    total: int


def _cuts(length: int, reach_px: int, grain_px: int) -> list[_Cut]:
    """List the ways to cut a side into parts of one length and, at its end, a shorter one."""
    found = []
    for kept in sorted({-(-length // (count * grain_px)) * grain_px for count in range(1, length + 1)}, reverse=True):
        spans = [min(length, start + kept + reach_px) - max(0, start - reach_px) for start in range(0, length, kept)]
        found.append(_Cut(kept, max(spans), sum(spans)))
    return found


def _near_squares(shape: Sequence[int], reaches: Sequence[int], most_px: int, grain_px: int) -> list[int]:
    """Return how much of each side tiles of nearly equal sides keep, at least half of their side."""
    steps: list[int] = []
    left = most_px
    for axis in reversed(range(len(shape))):
        length, reach = shape[axis], reaches[axis]
        side = _root(left, axis + 1)
        steps.insert(0, length if axis and length <= side else _kept(length, side, reach, grain_px))
        left = max(1, left // min(length, length if steps[0] == length else steps[0] + 2 * reach))
    return steps


def _root(number: int, degree: int) -> int:
    """Return the largest whole number whose power is at most a number."""
    root = math.floor(math.pow(number, 1 / degree) + 0.5)
    return root - 1 if math.prod([root] * degree) > number else root


def _kept(length: int, side: int, reach_px: int, grain_px: int) -> int:
    """Return how much of a side each tile keeps, the same for all but the last."""
    most = max(side // 2, side - 2 * reach_px, grain_px)
    return -(-length // -(-length // most) // grain_px) * grain_px
