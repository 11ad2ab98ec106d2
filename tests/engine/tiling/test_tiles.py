"""Tiles of a frame and blocks of a volume: each pixel is kept once, with what lies within reach."""

from __future__ import annotations

import itertools
from math import prod
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from epifiji.data.image import Image
from epifiji.engine.tiling.tiles import tiles
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.movies.volume_file import read_volume


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


@pytest.mark.parametrize("shape", [(9, 10, 11), (200, 40, 30), (30, 200, 210), (120, 121, 122), (1, 300, 300)])
@pytest.mark.parametrize(("reach", "grain"), [((0, 0, 0), 1), ((4, 8, 12), 4), ((3, 5, 5), 1)])
def test_blocks_of_a_volume_have_their_reach_along_each_axis(
    shape: tuple[int, ...], reach: tuple[int, ...], grain: int
) -> None:
    numbers = np.arange(np.prod(shape)).reshape(shape)
    kept = np.zeros(shape, int)
    found = list(tiles(shape, reach, 50**3, grain))
    for tile in found:
        kept[tile.kept] += 1
        assert np.array_equal(numbers[tile.read][tile.part], numbers[tile.kept])
        for read, inner, length, halo in zip(tile.read, tile.kept, shape, reach, strict=True):
            assert read.start % grain == 0
            assert read.start == max(0, inner.start - halo)
            assert read.stop == min(length, inner.stop + halo)
        assert numbers[tile.read].size <= 1.3 * 50**3
    assert (kept == 1).all()
    assert (len(found) == 1) == (numbers.size <= 50**3)


@pytest.mark.parametrize("most", [900, 1500, 4000])
@pytest.mark.parametrize("shape", [(12, 40, 44), (30, 21, 24), (60, 13, 9)])
def test_no_other_blocks_read_fewer_voxels(shape: tuple[int, ...], most: int) -> None:
    reach = (1, 2, 2)
    sides = [
        [
            [min(length, start + kept + halo) - max(0, start - halo) for start in range(0, length, kept)]
            for kept in range(1, length + 1)
        ]
        for length, halo in zip(shape, reach, strict=True)
    ]
    totals = [prod(map(sum, cuts)) for cuts in itertools.product(*sides) if prod(map(max, cuts)) <= most]
    read = [[side.stop - side.start for side in tile.read] for tile in tiles(shape, reach, most)]
    assert len(read) > 1
    assert max(map(prod, read)) <= most
    assert sum(map(prod, read)) == min(totals)


def test_a_filter_in_blocks_of_a_volume_from_a_file_is_that_of_the_whole(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 41, 42), np.uint8)
    write_movie(Image(pixels, axes="ZYX", pixel_size_um=0.5, voxel_depth_um=1.5), tmp_path / "volume.tif")
    volume = read_volume(tmp_path / "volume.tif")
    result = np.zeros(volume.shape, np.uint8)
    for tile in tiles(volume.shape, (1, 3, 3), 20**3):
        result[tile.kept] = ndimage.maximum_filter(volume.box(tile.read), (3, 7, 7))[tile.part]
    assert np.array_equal(result, ndimage.maximum_filter(pixels, (3, 7, 7)))
