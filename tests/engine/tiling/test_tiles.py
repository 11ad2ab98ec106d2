"""Tiles of a frame: each pixel is kept once, with what lies within reach."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.engine.tiling.tiles import tiles


@pytest.mark.parametrize("shape", [(1, 1), (40, 50), (400, 30), (30, 400), (333, 257), (200, 204)])
@pytest.mark.parametrize(("reach", "grain"), [(0, 1), (16, 8), (64, 8), (13, 1)])
def test_each_pixel_is_kept_in_one_tile_with_its_neighbourhood(shape: tuple[int, int], reach: int, grain: int) -> None:
    numbers = np.arange(shape[0] * shape[1]).reshape(shape)
    kept = np.zeros(shape, int)
    found = list(tiles(shape, reach, 100**2, grain))
    for tile in found:
        kept[tile.kept] += 1
        assert np.array_equal(numbers[tile.read][tile.part], numbers[tile.kept])
        for read, inner, length in zip(tile.read, tile.kept, shape, strict=True):
            assert read.start % grain == 0
            assert read.start == max(0, inner.start - reach)
            assert read.stop == min(length, inner.stop + reach)
        if reach < 25:
            assert numbers[tile.read].size <= 110**2
    assert (kept == 1).all()
    assert (len(found) == 1) == (numbers.size <= 100**2)
