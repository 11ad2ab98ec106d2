"""Separation of cells: peaks, weak borders, small cells, and where there is no tissue."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.graph import rag_boundary

from epifiji.data.cell_networks import SeparationChoices
from epifiji.engine.cells.watershed import _merged, separate_cells

CHOICES = SeparationChoices(seed_height=0.2, merge_below=0.5, tissue_threshold=0.5, least_area=0.1)
DIAMETER = 20.0


def grid(strength: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps of cells of 20 x 20 px in a row, between which the borders have these probabilities."""
    count = len(strength) + 1
    border, distance = np.zeros((20, 20 * count), np.float32), np.zeros((20, 20 * count), np.float32)
    ys, xs = np.mgrid[:20, :20]
    for cell in range(count):
        distance[:, 20 * cell : 20 * cell + 20] = np.minimum.reduce([ys + 1, 20 - ys, xs + 1, 20 - xs]) / 10
    for number, probability in enumerate(strength):
        border[:, 20 * number + 19 : 20 * number + 21] = probability
    return border, distance, np.ones_like(border)


def labels(strength: list[float], **changed: float) -> np.ndarray:
    made = separate_cells(*grid(np.array(strength)), DIAMETER, CHOICES.model_copy(update=changed))
    assert made.labels.dtype == np.int32
    return made.labels


def cells_in_row(found: np.ndarray) -> list[int]:
    return [int(found[10, 20 * cell + 10]) for cell in range(found.shape[1] // 20)]


def test_cells_between_strong_borders_are_separate() -> None:
    found = labels([0.9, 0.8, 0.95])
    assert len(set(cells_in_row(found))) == 4
    assert (found > 0).all()
    # The cells meet on the border, without a line between them.
    assert np.array_equal(np.unique(found), [1, 2, 3, 4])
    assert all((found == cell).sum() == pytest.approx(400, abs=40) for cell in range(1, 5))


def test_neighbours_with_a_weak_border_are_one_cell() -> None:
    first, second, third, fourth = cells_in_row(labels([0.9, 0.3, 0.9]))
    assert second == third
    assert len({first, second, fourth}) == 3


def test_the_least_border_probability_decides() -> None:
    assert len(set(cells_in_row(labels([0.6, 0.6])))) == 3
    assert len(set(cells_in_row(labels([0.6, 0.6], merge_below=0.7)))) == 1
    assert len(set(cells_in_row(labels([0.1, 0.1], merge_below=0.0)))) == 3


def test_the_height_of_peaks_decides() -> None:
    border, distance, tissue = grid(np.array([0.9]))
    shallow = 0.9 + 0.1 * distance
    for height, count in ((0.05, 2), (0.5, 1)):
        choices = CHOICES.model_copy(update={"seed_height": height, "merge_below": 0.0})
        made = separate_cells(np.zeros_like(border), shallow, tissue, 1.0, choices)
        assert made.labels.max() == count


def test_a_small_cell_joins_its_neighbour() -> None:
    border, distance, tissue = grid(np.array([0.9]))
    border[8:12, 8:12] = 0.9
    border[9:11, 9:11] = 0
    distance[8:12, 8:12] = 0
    distance[9:11, 9:11] = 1
    kept = separate_cells(border, distance, tissue, DIAMETER, CHOICES.model_copy(update={"least_area": 0.0}))
    joined = separate_cells(border, distance, tissue, DIAMETER, CHOICES)
    assert joined.labels.max() == 2 <= kept.labels.max()
    assert (joined.labels > 0).all()


def test_there_are_no_cells_outside_the_tissue() -> None:
    border, distance, tissue = grid(np.array([0.9, 0.9]))
    tissue[:, 40:] = 0.2
    made = separate_cells(border, distance, tissue, DIAMETER, CHOICES)
    assert (made.labels[:, 40:] == 0).all()
    assert (made.labels[:, :40] > 0).all()
    assert np.array_equal(made.tissue, tissue >= 0.5)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_maps_without_tissue_or_structure_are_no_error(level: float) -> None:
    flat = np.zeros((15, 12), np.float32)
    made = separate_cells(flat, flat, flat + level, DIAMETER, CHOICES)
    assert made.labels.shape == (15, 12)
    assert made.labels.max() <= 1


def test_joining_is_that_of_a_plain_loop() -> None:
    random = np.random.default_rng(4)
    seeds = random.random((30, 2)) * 60
    ys, xs = np.mgrid[:60, :60]
    parts = np.argmin((ys[..., None] - seeds[:, 0]) ** 2 + (xs[..., None] - seeds[:, 1]) ** 2, -1) + 1
    border = random.random((60, 60)).astype(np.float32)
    found, expected = _merged(parts, border, 0.495), _slowly_merged(parts, border, 0.495)
    assert len(np.unique(found)) == len(np.unique(expected)) < 30
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(found))


def _slowly_merged(parts: np.ndarray, border: np.ndarray, least: float) -> np.ndarray:
    """Join the pair with the lowest mean on its common border again and again, from scikit-image's borders of all pairs."""
    known = rag_boundary(parts, border, connectivity=1).edges(data=True)
    sums = {frozenset((a, b)): np.array([edge["count"] * edge["weight"], edge["count"]]) for a, b, edge in known}
    parts = parts.copy()
    while sums:
        pair = min(sums, key=lambda one: sums[one][0] / sums[one][1])
        if sums[pair][0] / sums[pair][1] >= least:
            break
        kept, joined = pair
        parts[parts == joined] = kept
        pooled: dict[frozenset[int], np.ndarray] = {}
        for one, values in sums.items():
            renamed = frozenset(kept if cell == joined else cell for cell in one)
            if len(renamed) == 2:
                pooled[renamed] = pooled.get(renamed, 0) + values
        sums = pooled
    return parts
