"""Positions of windows, their pixels, and their normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.engine.tiling.windows import Grid, cut_windows, even_centres, exact_grids, normalised, require_room
from small_networks import small_network

DTYPES = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_normalisation_is_the_authors_formula(dtype: type) -> None:
    random = np.random.default_rng(1)
    full = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
    low, high = (full.min, full.max) if full else (-3.0, 7.0)
    windows = random.uniform(low, high, (4, 10, 9, 9)).astype(dtype)
    for window, result in zip(windows, normalised(windows), strict=True):
        wide = window.astype(np.float32 if dtype is np.float32 else np.float64)
        quotient = (wide - wide.min()) / (wide.max() - wide.min())
        assert np.array_equal(result, (255 * quotient).astype(np.uint8))
        assert (result.min(), result.max()) == (0, 255)


def test_a_flat_window_becomes_zero() -> None:
    assert not normalised(np.full((1, 10, 9, 9), 7, np.uint8)).any()


def test_each_window_is_normalised_by_itself() -> None:
    windows = np.random.default_rng(2).integers(0, 50, (3, 10, 9, 9), np.uint8)
    together = normalised(windows * np.array([1, 2, 5], np.uint8)[:, None, None, None])
    assert np.array_equal(together[1], normalised(windows[1:2] * np.uint8(2))[0])


@pytest.mark.parametrize("size", [45, 46, 54, 55, 100, 101, 256])
@pytest.mark.parametrize("step", [1, 7, 10, 25, 60])
@pytest.mark.parametrize("shift", [0, 3])
def test_centres_reach_from_end_to_end(size: int, step: int, shift: int) -> None:
    centres = even_centres(size, 22, step, shift)
    assert centres[0] == 22
    assert centres[-1] == size - 23
    assert (np.diff(centres) > 0).all()
    assert np.diff(centres).max(initial=0) <= max(step, shift)


def test_windows_of_members_lie_between_each_other() -> None:
    first, second = exact_grids((40, 128, 128), small_network(2).description, 10, 2)
    assert second.ys[1] - first.ys[0] == 5
    assert second.frames[1] - first.frames[0] == 1


def test_windows_are_the_pixels_around_their_centre() -> None:
    frames = np.random.default_rng(3).integers(0, 255, (10, 60, 70), np.uint8)
    grid = Grid(np.array([0]), np.array([22, 30, 37]), np.array([22, 47]))
    batches = list(cut_windows(frames, grid, 22, batch=4))
    assert [len(b) for b in batches] == [4, 2]
    windows = np.concatenate(batches)
    centres = [(y, x) for y in grid.ys for x in grid.xs]
    for window, (y, x) in zip(windows, centres, strict=True):
        assert np.array_equal(window, frames[:, y - 22 : y + 23, x - 22 : x + 23])


def test_a_movie_narrower_than_a_window_is_refused() -> None:
    network = small_network().description
    require_room("movie", (10, 45, 45), network, rescaled=False)
    with pytest.raises(
        WrongInputError,
        match="movie is 200 x 44 px .* windows of the network .* are 45 x 45 px: use a larger field of view",
    ):
        require_room("movie", (10, 44, 200), network, rescaled=False)
    with pytest.raises(WrongInputError, match="after rescaling to the network's cell diameter.*check --cell-diameter"):
        require_room("movie", (10, 44, 200), network, rescaled=True)
