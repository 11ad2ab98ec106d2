"""Directions to the middle of cells, and cells from such directions."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.cell_networks import FlowChoices
from epifiji.engine.cells.flows import MIDDLE_PX, cells_of_flows, flow_targets
from epifiji.engine.metrics.labels import adjusted_rand_index, overlaps

CHOICES = FlowChoices(tissue_threshold=0.5, least_area=0.1)


def touching_cells(side: int, diameter: float, seed: int = 1) -> np.ndarray:
    """Return cells (Y, X) that touch, nearest to points of a jittered grid, with gaps between some: Voronoi's regions."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(diameter / 2, side, diameter)] * 2), -1).reshape(-1, 2)
    points = grid + random.uniform(-0.2, 0.2, grid.shape) * diameter
    places = np.stack(np.indices((side, side)), -1)[:, :, None]
    away = np.hypot(*np.moveaxis(places - points, -1, 0))
    return np.where(away.min(-1) < 0.6 * diameter, away.argmin(-1) + 1, 0).astype(np.int32)


def test_directions_point_to_the_centre_of_a_disk() -> None:
    y, x = np.indices((41, 41))
    disk = (np.hypot(y - 20, x - 20) < 15).astype(np.int32)
    found = flow_targets(disk)
    away = np.hypot(y - 20, x - 20)
    far = (disk > 0) & (away > MIDDLE_PX)
    for axis, places in enumerate((y, x)):
        assert found[far, axis] == pytest.approx((20 - places[far]) / away[far], abs=1e-6)
    assert np.abs(found[20, 20]).max() == 0
    assert np.hypot(*found[20, 21]) == pytest.approx(1 / MIDDLE_PX)
    assert np.abs(found[disk == 0]).max() == 0


def test_the_middle_of_a_ring_lies_in_it() -> None:
    y, x = np.indices((31, 31))
    ring = ((np.hypot(y - 15, x - 15) < 12) & (np.hypot(y - 15, x - 15) > 7)).astype(np.int32)
    found = flow_targets(ring)
    still = np.argwhere((np.abs(found).max(-1) == 0) & (ring > 0))
    assert len(still) == 1


@pytest.mark.parametrize("diameter", [8, 15, 40])
def test_cells_that_touch_are_found_again(diameter: int) -> None:
    labels = touching_cells(12 * diameter, diameter)
    found = cells_of_flows(flow_targets(labels), (labels > 0).astype(np.float32), diameter, CHOICES)
    assert len(np.unique(found)) == len(np.unique(labels))
    assert adjusted_rand_index(overlaps(labels, found)) > 0.99


def test_noisy_directions_and_borders_of_the_frame() -> None:
    labels = touching_cells(150, 15, 2)[7:, 4:]
    random = np.random.default_rng(3)
    flows = flow_targets(labels) + 0.4 * random.standard_normal((*labels.shape, 2)).astype(np.float32)
    found = cells_of_flows(flows, (labels > 0) * np.float32(0.9), 15, CHOICES)
    assert adjusted_rand_index(overlaps(labels, found)) > 0.9


def test_each_cell_is_one_part_without_holes_and_large_enough() -> None:
    labels = touching_cells(90, 15, 4)
    inside = (labels > 0).astype(np.float32)
    inside[20:22, 20:22] = 0
    labels[70:73, 70:73] = 0
    found = cells_of_flows(flow_targets(labels), inside, 15, FlowChoices(tissue_threshold=0.5, least_area=0.3))
    from skimage.measure import regionprops

    least = 0.3 * np.pi / 4 * 15**2
    for cell in regionprops(found):
        assert cell.area >= least
        assert cell.euler_number == 1
    assert set(np.unique(found)) == set(range(found.max() + 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (30, 30)])
def test_nothing_inside(shape: tuple[int, int]) -> None:
    found = cells_of_flows(np.ones((*shape, 2), np.float32), np.zeros(shape, np.float32), 15, CHOICES)
    assert found.shape == shape
    assert found.dtype == np.int32
    assert not found.any()
    assert flow_targets(np.zeros(shape, np.int32)).shape == (*shape, 2)


def test_a_frame_that_is_all_inside_and_does_not_flow() -> None:
    still = cells_of_flows(np.zeros((40, 40, 2), np.float32), np.ones((40, 40), np.float32), 15, CHOICES)
    assert still.shape == (40, 40)
