"""A rescaled part of a movie or map is what rescaling all of it gives there."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.movie import Movie
from epifiji.engine.tiling.parts import Box, rescaled_map_part, rescaled_part, whole
from epifiji.engine.tiling.scaling import rescale_for_network, rescale_map, rescaled_shape

SHAPE = (60, 130, 150)
KNOWN = Box((4, 10, 0), (58, 130, 140))


def pixels(dtype: str) -> np.ndarray:
    return (np.random.default_rng(4).random(SHAPE) * 200 + 20).astype(dtype)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize(("factor_t", "factor_xy"), [(1, 0.64), (1, 1.7), (0.6, 1), (1.5, 0.64)])
def test_a_part_has_the_pixels_of_the_rescaled_movie(factor_t: float, factor_xy: float, compatible: bool) -> None:
    movie = Movie(pixels("uint16"), "m")
    everything = np.asarray(rescale_for_network(movie, factor_t, factor_xy, compatible, np.empty).pixels)
    new = rescaled_shape("m", SHAPE, factor_t, factor_xy)
    assert everything.shape == new
    middle = Box((29, 60, 40), (35, 75, 95)).rescaled(SHAPE, new)
    known = Movie(movie.pixels[KNOWN.within(whole(SHAPE))], "m")
    found = rescaled_part(known, KNOWN, SHAPE, new, middle, compatible)
    expected = everything[middle.within(whole(new))].astype(float)
    assert found.shape == middle.shape
    # Without a common zero, and rounded to steps of another range: to a hundredth of the noise, or to a level of whole numbers.
    difference = found - expected
    if not compatible:
        difference -= difference.mean()
    assert np.abs(difference).max() <= (1 if compatible else 2e-3)


@pytest.mark.parametrize("new", [(60, 83, 96), (35, 130, 150), (90, 200, 260)])
def test_a_part_of_a_map_has_the_levels_of_all_of_it(new: tuple[int, int, int]) -> None:
    raw = pixels("uint8")
    everything = np.asarray(rescale_map(raw, new, False, np.empty))
    wanted = Box((25, 50, 40), (38, 80, 90)).rescaled(SHAPE, new)
    found = rescaled_map_part(raw[KNOWN.within(whole(SHAPE))], KNOWN, SHAPE, new, wanted, False)
    expected = everything[wanted.within(whole(new))]
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 1
    # Some interpolated levels are exactly halves, which the last digit rounds up or down.
    assert (found != expected).mean() < 0.05


def test_boxes_grow_up_to_the_ends_and_begin_on_the_grid() -> None:
    box = Box((5, 50, 90), (9, 80, 110))
    assert box.wider((2, 30, 30), (10, 100, 200), (2, 40, 40)) == Box((2, 0, 40), (10, 100, 140))
    assert Box((2, 0, 40), (10, 100, 140)).narrower((2, 30, 30), (10, 100, 200)) == Box((4, 0, 70), (10, 100, 110))
    # Half of 5 to 9 is 2.5 to 4.5: a box that contains it, and one within it, on the grid.
    assert Box((5, 5, 5), (9, 9, 9)).rescaled((20, 20, 20), (10, 10, 10)) == Box((2, 2, 2), (5, 5, 5))
    assert Box((5, 5, 5), (9, 9, 9)).inner((20, 20, 20), (10, 10, 10), (2, 1, 1)) == Box((4, 3, 3), (4, 4, 4))
