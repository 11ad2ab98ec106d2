"""Measurements of a cell and its neighbours, against formulas."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.cell_traces import (
    AREA,
    CONTROL_AREA,
    JUNCTIONS,
    NEIGHBOUR_AREA,
    NEIGHBOURS,
    PERIMETER,
    ROUNDNESS,
    VERTICES,
    CellTrace,
)
from epifiji.data.events import Event
from epifiji.engine.cells.alignment import align, fit_constriction, frames_to_end
from epifiji.engine.cells.around import angle_between, long_axis, measure_around
from epifiji.engine.cells.borders import borders_of, corners_of

GRID = np.repeat(np.repeat(np.arange(1, 26).reshape(5, 5), 8, 0), 8, 1).astype(np.int32)
"""Squares of 8 x 8 pixels; number 13 is in the middle."""


def test_borders_and_corners_of_a_grid() -> None:
    found = borders_of(GRID, np.ones(GRID.shape))
    assert len(found.pairs) == 40
    assert (found.lengths == 8).all() and (found.means == 1).all()
    assert np.count_nonzero(corners_of(GRID)) == 16 and corners_of(GRID).max() == 4


def test_a_square_is_measured_with_its_neighbours_and_controls() -> None:
    image = np.zeros(GRID.shape)
    image[15:17, 15:25] = 10  # the upper border of the cell in the middle, from corner to corner
    values = measure_around(GRID[None], image[None], 13)
    assert values[AREA] == 64 and values[NEIGHBOURS] == 4
    assert values[PERIMETER] == pytest.approx(32, rel=0.1)
    assert 0.7 < values[ROUNDNESS][0] < 0.95
    assert 0 < values[JUNCTIONS][0] < 10 and values[VERTICES] == 5
    assert values[NEIGHBOUR_AREA] == 64 and values[CONTROL_AREA] == 64


@pytest.mark.parametrize("radius", [5, 8, 12, 20])
def test_a_disk_is_round(radius: int) -> None:
    y, x = np.indices((64, 64)) - 31.3
    disk = np.where(np.hypot(y, x) < radius, 2, 1).astype(np.int32)
    values = measure_around(disk[None], np.zeros((1, 64, 64)), 2)
    assert values[PERIMETER][0] == pytest.approx(2 * np.pi * radius, rel=0.02)
    assert values[ROUNDNESS][0] == pytest.approx(1, abs=0.04)


def test_a_cell_that_the_edge_cuts_off_is_not_measured() -> None:
    assert np.isnan(measure_around(GRID[None], np.zeros((1, *GRID.shape)), 3)[AREA]).all()


def test_angles_are_those_of_imagej() -> None:
    assert angle_between(np.array([0, 0]), np.array([-1, 1])) == pytest.approx(45)
    assert angle_between(np.array([0, 0]), np.array([1, 1])) == pytest.approx(135)
    tall = np.zeros((20, 20), bool)
    tall[2:18, 9:12] = True
    assert long_axis(tall) == pytest.approx(90)


def test_the_fit_finds_onset_and_speed() -> None:
    areas = 500 - 30 * np.clip(np.arange(20) - 6.5, 0, None)
    fit = fit_constriction(areas + np.random.default_rng(0).normal(0, 2, 20))
    assert fit is not None
    assert fit.onset == pytest.approx(6.5, abs=0.5) and fit.speed == pytest.approx(30, rel=0.05) and fit.r2 > 0.99
    assert fit_constriction(np.full(20, np.nan)) is None
    assert fit_constriction(np.arange(20.0)) is None


def test_means_are_aligned_with_the_interval_of_student() -> None:
    from scipy import stats

    random = np.random.default_rng(2)
    traces = []
    for number in range(6):
        frames = np.arange(number, number + 8)
        values = random.normal(100, 10, 8)
        traces.append(
            CellTrace(number + 1, Event("cell_death", 0, 0, 0), end=number + 5, frames=frames, values={AREA: values})
        )
    mean = align(traces, AREA)
    assert mean.offsets.tolist() == list(range(-5, 3)) and (mean.counts == 6).all()
    for index in range(8):
        values = np.array([one.values[AREA][index] for one in traces])
        low, high = stats.t.interval(0.95, 5, values.mean(), stats.sem(values))
        assert mean.means[index] == pytest.approx(values.mean())
        assert (mean.low[index], mean.high[index]) == pytest.approx((low, high))


def test_the_end_is_extrapolated_from_the_decline() -> None:
    assert frames_to_end(np.array([100.0, 80, 60, 40, 20])) == 1
    assert frames_to_end(np.array([100.0, 80, 60, 40])) == 2
    assert frames_to_end(np.array([100.0, 95, 90, 85])) == 3
    assert frames_to_end(np.array([50.0, 50, 50])) == 1
    assert frames_to_end(np.array([50.0, np.nan])) == 1
