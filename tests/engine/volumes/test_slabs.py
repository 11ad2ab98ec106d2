"""Volumes that are read a few planes at a time: the same numbers as of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from epifiji.engine.volumes.slabs import MapOf, boxes_around, objects_of, otsu_threshold, slabs, voxel_counts

SHAPE = (7, 1200, 1100)
"""A volume of which one plane is read at a time."""


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """Smooth noise from 0 to 1."""
    noise = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal(SHAPE).astype(np.float32), (1, 4, 4))
    found: np.ndarray = (noise - noise.min()) / (noise.max() - noise.min())
    return found


def test_planes_are_read_one_after_the_other() -> None:
    assert [(slab.start, slab.stop) for slab in slabs(SHAPE)] == [(z, z + 1) for z in range(SHAPE[0])]
    assert [(slab.start, slab.stop) for slab in slabs((5, 1000, 1000))] == [(0, 2), (2, 4), (4, 5)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_otsus_threshold_is_that_of_scikit_image(smooth: np.ndarray, dtype: type) -> None:
    values = smooth.astype(dtype) ** 3
    assert otsu_threshold(values) == threshold_otsu(values)
    assert otsu_threshold(MapOf(np.stack([1 - values, values]), 1)) == threshold_otsu(values)


def test_otsus_threshold_separates_two_levels() -> None:
    assert 0.2 <= otsu_threshold(np.repeat([0.2, 0.7], 50).reshape(4, 5, 5)) < 0.7
    assert otsu_threshold(np.full((3, 3, 3), 0.4)) == 0.4


def test_objects_are_those_of_the_whole_volume(smooth: np.ndarray) -> None:
    there, bright = smooth > 0.62, smooth > 0.7
    found = objects_of(SHAPE, lambda slab: (there[slab], [there[slab], bright[slab]]))
    numbers, count = ndimage.label(there)
    assert count > 50
    known = sorted(
        (
            tuple(side.start for side in box),
            tuple(side.stop for side in box),
            np.count_nonzero(numbers[box] == number),
            np.count_nonzero(bright[box] & (numbers[box] == number)),
        )
        for number, box in enumerate(ndimage.find_objects(numbers), start=1)
    )
    assert any(stop[0] - start[0] > 2 for start, stop, *_ in known)
    assert known == sorted(
        (tuple(start), tuple(stop), *counts)
        for start, stop, counts in zip(found.starts.tolist(), found.stops.tolist(), found.counts.tolist(), strict=True)
    )
    chosen = found.those(found.counts[:, 1] > 0)
    assert 0 < len(chosen.starts) < count
    assert chosen.counts[:, 1].sum() == np.count_nonzero(bright)


def test_two_ends_that_meet_in_a_later_plane_are_one_object() -> None:
    there = np.zeros((3, 1500, 1400), bool)
    there[:2, 10, 10] = there[:2, 10, 1300] = True
    there[2, 10, 10:1301] = True
    found = objects_of(there.shape, lambda slab: (there[slab], [there[slab]]))
    assert (found.starts.tolist(), found.stops.tolist()) == ([[0, 10, 10]], [[3, 11, 1301]])
    assert found.counts.tolist() == [[4 + 1291]]


def test_boxes_do_not_overlap_and_contain_each_object_with_its_margin() -> None:
    shape, margin = (60, 200, 210), 5
    random = np.random.default_rng(2)
    there = np.zeros(shape, bool)
    for corner in random.integers(0, np.array(shape) - 6, (12, 3)):
        z, y, x = corner
        there[z : z + 4, y : y + 6, x : x + 3] = True
    found = objects_of(shape, lambda slab: (there[slab], [there[slab]]))
    boxes = boxes_around(shape, found, margin)
    times = np.zeros(shape, int)
    for box in boxes:
        times[box] += 1
    assert times.max() == 1
    assert 1 < len(boxes) < len(found.starts)
    for start, stop in zip(found.starts, found.stops, strict=True):
        low, high = np.maximum(start - margin, 0), np.minimum(stop + margin, shape)
        assert any(
            all(side.start <= a and b <= side.stop for side, a, b in zip(box, low, high, strict=True)) for box in boxes
        )


def test_nothing_has_no_boxes() -> None:
    nothing = np.zeros((4, 5, 6), bool)
    found = objects_of(nothing.shape, lambda slab: (nothing[slab], [nothing[slab]]))
    assert (len(found.starts), boxes_around(nothing.shape, found, 3)) == (0, [])


def test_voxels_of_labels_are_counted() -> None:
    labels = np.zeros((4, 1000, 1100), np.int32)
    labels[1:3, 5:8, 5:9], labels[3, 0, 0] = 4, 2
    assert voxel_counts(labels).tolist() == [labels.size - 25, 0, 1, 0, 24]
