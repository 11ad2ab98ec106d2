"""How EPySeg scales an image, cuts it into tiles, and puts the maps of tiles together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

TILE_PX, OVERLAP_PX = 256, 32
LEAST_RANGE = 1e-20
"""Added to the range of values, so that an image of one value becomes 0."""


def scaled(image: np.ndarray) -> np.ndarray:
    """Scale an image (Y, X) of any real type to the range from 0 to 1, float32."""
    pixels = np.asarray(image, np.float32).astype(np.float64)
    least, greatest = pixels.min(), pixels.max()
    within: np.ndarray = ((pixels - least) / (greatest - least + LEAST_RANGE)).astype(np.float32)
    return within


@dataclass(frozen=True)
class Span:
    """A tile along one axis: it begins at `start`, and its pixels from `first` to `last` (excluded) of the image are used."""

    start: int
    first: int
    last: int


def spans(length: int) -> tuple[int, list[Span]]:
    """Cut an axis of an image into tiles.

    Tiles begin at multiples of 256 and have 32 pixels more, which they share with the next one; each of the two
    contributes half of them. A side of at most 256 pixels is one tile of 256, one of at most 288 one tile of 288.
    EPySeg loses up to 16 pixels of a side of 288, or of 33 more than a multiple of 256; here no pixels are lost.

    Returns
    -------
    int
        Side of a tile in pixels.
    list of Span
        The tiles.
    """
    if length <= TILE_PX + OVERLAP_PX:
        return TILE_PX if length <= TILE_PX else TILE_PX + OVERLAP_PX, [Span(0, 0, length)]
    count = -(-(length - OVERLAP_PX) // TILE_PX)
    cuts = [0, *(number * TILE_PX + OVERLAP_PX // 2 for number in range(1, count)), length]
    return TILE_PX + OVERLAP_PX, [Span(number * TILE_PX, cuts[number], cuts[number + 1]) for number in range(count)]


@dataclass(frozen=True)
class Tiling:
    """The tiles of an image of a `shape` (Y, X), column by column as in EPySeg."""

    shape: tuple[int, int]

    @property
    def tile_shape(self) -> tuple[int, int]:
        """(Y, X) of each tile."""
        return spans(self.shape[0])[0], spans(self.shape[1])[0]

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        """Yield the parts along Y and X of each tile."""
        for across in spans(self.shape[1])[1]:
            for down in spans(self.shape[0])[1]:
                yield down, across

    def cut(self, image: np.ndarray, tile: tuple[Span, Span]) -> np.ndarray:
        """Return a tile of an image, filled by reflection where it exceeds the image."""
        parts = [slice(span.start, span.start + side) for span, side in zip(tile, self.tile_shape, strict=True)]
        pixels = image[tuple(parts)]
        missing = [(0, side - length) for side, length in zip(self.tile_shape, pixels.shape, strict=True)]
        return np.pad(pixels, missing, mode="symmetric")

    def place(self, image: np.ndarray, tile: tuple[Span, Span], maps: np.ndarray) -> None:
        """Write the used part of a tile's maps (Y, X, n) into the image's (Y, X, n)."""
        down, across = tile
        used = maps[
            down.first - down.start : down.last - down.start, across.first - across.start : across.last - across.start
        ]
        image[down.first : down.last, across.first : across.last] = used
