"""Outlines of cells enclose the same pixels in the engine as in ImageJ."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.polygons import filled
from imagej_checks import headless_process
from jvm import Finished
from outline_checks import HEIGHT, WIDTH, cells, cells_in_imagej, filled_in_imagej, outlines


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return headless_process(tmp_path_factory)


def test_converted_cells_with_holes_and_pieces_are_the_same_pixels_in_imagej(seen: Finished) -> None:
    found = np.zeros((HEIGHT, WIDTH), int)
    for name, pixels in seen[cells_in_imagej].items():
        for y, x in pixels:
            assert found[y, x] == 0
            found[y, x] = int(name.rpartition("-")[2])
    assert np.array_equal(found, cells())


def test_the_engine_fills_outlines_as_imagej_does(seen: Finished) -> None:
    for corners, pixels in zip(outlines(), seen[filled_in_imagej], strict=True):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[tuple(np.array(pixels, int).reshape(-1, 2).T)] = True
        mine = filled(np.array([(y - 0.5, x - 0.5) for x, y in corners]), (HEIGHT, WIDTH))
        assert np.array_equal(mine, mask), corners
