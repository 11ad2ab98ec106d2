"""Blocks of windows: together they are all windows, and their seams are not visible."""

from __future__ import annotations

import numpy as np
import pytest

from engine_runs import maps_of
from epifiji.data.movie import Movie
from epifiji.engine.networks.dexnet.compatible import Compatible
from epifiji.engine.networks.dexnet.exact import ExactPredictor
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.blocks import divide, read_strip, rows_within
from epifiji.engine.tiling.maps import Exact
from epifiji.engine.tiling.windows import exact_grids
from small_networks import small_network

NETWORK = small_network(2)
SHAPE = (61, 97, 70)


class CountingStack:
    """Frames that count how often each was read."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype
        self.reads = np.zeros(len(pixels), int)

    def __getitem__(self, frames: slice) -> np.ndarray:
        self.reads[frames] += 1
        return self.pixels[frames]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 255, SHAPE, np.uint8)


@pytest.mark.parametrize("rows", [10_000, 48, 45, 7])
def test_every_window_lies_in_one_block(rows: int) -> None:
    grids = exact_grids(SHAPE, NETWORK.description, 7, 2)
    blocks = divide(grids, SHAPE, 24, rows)
    for grid in grids:
        parts = [block.of(grid) for block in blocks]
        found = sorted((t, y, x) for part in parts for t in part.frames for y in part.ys for x in part.xs)
        assert found == [(t, y, x) for t in grid.frames for y in grid.ys for x in grid.xs]
    assert all(block.bottom - block.top <= max(rows, 1) for block in blocks)


def test_a_block_sees_the_pixels_around_its_windows_and_the_movies_ends_repeated(pixels: np.ndarray) -> None:
    stack = CountingStack(pixels)
    description = NETWORK.description
    predictor = ExactPredictor(Classifier(NETWORK))
    padded = np.pad(pixels, ((5, 5), (0, 0), (0, 0)), mode="edge")
    grids = exact_grids(SHAPE, description, 7, 2)
    for block in divide(grids, SHAPE, 24, 30):
        stack.reads[:] = 0
        strip = read_strip(Movie(stack), block, description, predictor)
        assert stack.reads.max() == 1
        for grid in (block.of(grid) for grid in grids):
            for t in grid.frames:
                for y in grid.ys:
                    seen = strip.pixels[
                        t - 5 - strip.first : t + 5 - strip.first, y - 22 - strip.top : y + 23 - strip.top
                    ]
                    assert np.array_equal(seen, padded[t : t + 10, y - 22 : y + 23])


@pytest.mark.parametrize("kind", [Exact, Compatible])
@pytest.mark.parametrize("rows", [50, 3])
def test_maps_from_blocks_are_those_of_the_whole_to_the_bit(pixels: np.ndarray, kind: type, rows: int) -> None:
    movie, classifier = Movie(pixels[:27]), Classifier(NETWORK)
    arithmetic = kind(movie.shape, NETWORK.description, 10, 2)
    whole = np.stack(list(maps_of(movie, classifier, arithmetic)))
    blocked = np.stack(list(maps_of(movie, classifier, arithmetic, rows)))
    assert whole.max() > 0
    assert np.array_equal(whole, blocked)


def test_blocks_fit_into_memory() -> None:
    predictor = ExactPredictor(Classifier(NETWORK))
    shape = (1000, 4000, 3000)
    for megabytes in (300, 600):
        rows = rows_within(megabytes, shape, NETWORK.description, predictor, 2)
        assert (24 + 10) * (rows + 44) * 3000 * 2 <= megabytes * 1e6
        assert rows > 0.8 * (megabytes * 1e6 / (34 * 3000 * 2) - 44)
    assert rows_within(1, shape, NETWORK.description, predictor, 2) == 45
    assert rows_within(10_000, shape, NETWORK.description, predictor, 2) == 4000
