"""Events from maps, compared with scipy and scikit-image on the whole map, and with shapes whose result is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from epifiji.engine.events import peaks
from epifiji.engine.events.peaks import PeakFinder, Volume


def found(probability: np.ndarray, joining: bool = False, distance_t: int = 4, distance_xy: int = 10) -> list[Volume]:
    finder = PeakFinder(probability.shape[1:], distance_t, distance_xy, joining)
    volumes = [volume for frame in probability for volume in finder.feed(frame)]
    return volumes + list(finder.finish())


def described(volumes: list[Volume]) -> set[tuple[int, float, bytes]]:
    return {(len(v.voxels), round(v.value, 9), np.sort(v.voxels, axis=0).tobytes()) for v in volumes}


def blobs(seed: int, shape: tuple[int, int, int] = (24, 90, 100), count: int = 25) -> np.ndarray:
    """Random smooth bumps, some of which touch."""
    random = np.random.default_rng(seed)
    field = np.zeros(shape)
    field[tuple(random.integers(0, n, count) for n in shape)] = 1
    field = ndimage.gaussian_filter(field, (2, 5, 5))
    return (255 * np.minimum(field / field.max() * 1.6, 1)).astype(np.uint8)


def whole_map(probability: np.ndarray, region: np.ndarray, distance_t: int, distance_xy: int) -> list[Volume]:
    """Process a region in arrays of the whole map."""
    distance = ndimage.distance_transform_edt(region)
    maxima = local_maxima(distance, connectivity=3) & region
    seeds, _ = ndimage.label(ndimage.maximum_filter(maxima.astype(np.uint8), (distance_t, distance_xy, distance_xy)))
    parts = watershed(-distance, seeds, mask=region)
    return [Volume(np.argwhere(parts == n), float(probability[parts == n].mean())) for n in np.unique(parts[parts > 0])]


def positives(probability: np.ndarray) -> np.ndarray:
    return ndimage.minimum_filter((probability > 125).astype(np.uint8), (1, 2, 2)).astype(bool)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("distances", [(4, 10), (3, 5), (1, 1)])
def test_joined_volumes_are_those_of_the_whole_map(seed: int, distances: tuple[int, int]) -> None:
    probability = blobs(seed)
    expected = whole_map(probability, positives(probability), *distances)
    assert described(found(probability, True, *distances)) == described(expected)


@pytest.mark.parametrize("seed", range(6))
def test_separate_volumes_are_those_of_each_region_alone(seed: int) -> None:
    probability = blobs(seed)
    regions, count = ndimage.label(positives(probability), np.ones((3, 3, 3)))
    expected = [v for n in range(1, count + 1) for v in whole_map(probability, regions == n, 4, 10)]
    result = found(probability)
    assert sum(len(v.voxels) for v in result) == positives(probability).sum()
    # Ties between equal distances depend on other regions of the array: sizes may differ by single voxels.
    assert len(result) == len(expected)
    for ours, theirs in zip(_by_place(result), _by_place(expected), strict=True):
        assert abs(len(ours.voxels) - len(theirs.voxels)) <= 0.02 * len(theirs.voxels) + 2
        assert np.abs(np.subtract(ours.centroid, theirs.centroid)).max() < 0.5


def _by_place(volumes: list[Volume]) -> list[Volume]:
    return sorted(volumes, key=lambda v: (round(v.centroid[1] / 3), round(v.centroid[2] / 3), v.centroid[0]))


def test_large_maps_are_joined_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    probability = blobs(3)
    whole = found(probability, True)
    monkeypatch.setattr(peaks, "LARGEST_WHOLE_BOX", 0)
    pieces = found(probability, True)
    assert len(pieces) == len(whole)
    assert sum(len(v.voxels) for v in pieces) == sum(len(v.voxels) for v in whole)


def boxes(*corners: tuple[int, int, int], size: tuple[int, int, int] = (6, 14, 14)) -> np.ndarray:
    probability = np.zeros((20, 60, 80), np.uint8)
    for t, y, x in corners:
        probability[t : t + size[0], y : y + size[1], x : x + size[2]] = 200
    return probability


def test_a_box_gives_its_centre_volume_and_value() -> None:
    (volume,) = found(boxes((4, 10, 20)))
    # The 2 x 2 minimum filter removes the first row and column.
    assert len(volume.voxels) == 6 * 13 * 13
    assert volume.value == 200
    assert volume.centroid == (4 + 2.5, 11 + 6, 21 + 6)


def test_blobs_four_pixels_apart_are_two_events_unless_joined_as_the_authors_do() -> None:
    probability = boxes((4, 10, 10), (4, 10, 28), size=(5, 14, 6))
    probability[4:9, 10:24, 20:26] = 200
    probability[:, :, 26:28] = 0
    apart = boxes((4, 10, 10), (4, 10, 20), size=(5, 14, 6))
    assert len(found(apart)) == 2
    assert len(found(apart, joining=True)) == 1


def test_an_empty_map_has_no_events_and_a_full_one_has_one() -> None:
    assert found(np.zeros((6, 50, 50), np.uint8)) == []
    (volume,) = found(np.full((6, 50, 50), 200, np.uint8))
    assert len(volume.voxels) == 6 * 50 * 50


def test_volumes_leave_as_soon_as_nothing_can_change_them() -> None:
    probability = boxes((2, 10, 10), (12, 30, 50))
    finder = PeakFinder(probability.shape[1:], 4, 10)
    at = [t for t, frame in enumerate(probability) for _ in finder.feed(frame)]
    assert at == [8, 18]


def test_events_on_the_maps_edges_are_found() -> None:
    probability = np.zeros((20, 60, 80), np.uint8)
    probability[0:5, 0:14, 0:14] = 200
    probability[15:20, 46:60, 66:80] = 220
    assert sorted(v.value for v in found(probability)) == [200, 220]
