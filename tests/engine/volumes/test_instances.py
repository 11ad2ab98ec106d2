"""Cells of volumes from maps: those of BiaPy's own functions, and those that a drawing has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epifiji
from cyst_maps import predicted_maps, probabilities
from epifiji.data.errors import WrongInputError
from epifiji.engine.metrics.labels import count_matches, overlaps
from epifiji.engine.volumes.instances import (
    fill_by_voronoi,
    find_seeds,
    grow_seeds,
    growth_region,
    outer_cells,
    without_small,
)

REFERENCE = Path(__file__).parents[2] / "reference_files" / "biapy" / "results.npz"
CHOICES: dict[str, dict[str, Any]] = {
    "cartocell": {"foreground_threshold": 0.2, "contour_threshold": 0.2, "growth_threshold": 0.2}
    | {"least_seed_voxels": 6, "mask_threshold": 0.25, "mask_erosion_voxels": 2},
    "automatic": {"least_seed_voxels": 11, "mask_erosion_voxels": 0},
    "strict": {"foreground_threshold": 0.6, "contour_threshold": 0.15, "growth_threshold": 0.4}
    | {"least_seed_voxels": 1, "mask_threshold": 0.5, "mask_erosion_voxels": 0},
}
"""What benchmarks/biapy_reference.py asks BiaPy for, as EpiFiji's settings."""


def cases() -> Iterator[Any]:
    stored = np.load(REFERENCE)
    for cyst in ("0", "1"):
        for choice in CHOICES:
            names = f"maps/{cyst}", f"cells/{cyst}/{choice}", f"touching/{cyst}/{choice}"
            yield pytest.param(*(stored[name] for name in names), choice, id=f"{cyst} {choice}")


@pytest.mark.parametrize(("maps", "cells", "touching", "choice"), list(cases()))
def test_cells_are_biapys_to_the_voxel(maps: np.ndarray, cells: np.ndarray, touching: np.ndarray, choice: str) -> None:
    foreground, contour, mask = probabilities(maps)
    chosen = CHOICES[choice]
    seeds = find_seeds(foreground, contour, chosen.get("foreground_threshold"), chosen.get("contour_threshold"))
    seeds = without_small(seeds, chosen["least_seed_voxels"])
    grown = grow_seeds(seeds, -foreground, growth_region(foreground, chosen.get("growth_threshold")))
    assert cells.max() > 10
    assert np.array_equal(grown, cells)
    assert np.count_nonzero(touching) != np.count_nonzero(cells)
    assert np.array_equal(epifiji.cells_of_maps(foreground, contour, mask, **chosen), touching)


def test_a_gap_in_a_contour_joins_cells_unless_a_seed_height_is_set() -> None:
    inside = np.zeros((12, 12, 24), np.float32)
    inside[2:10, 2:10, 2:11] = inside[2:10, 2:10, 13:22] = 0.9
    inside[4:8, 4:8, 11:13] = 0.6
    contour, wall = 0.5 - inside / 2, np.zeros(inside.shape, np.float32)
    wall[2:10, 2:10, 2:22] = 1
    known = {"foreground_threshold": 0.5, "contour_threshold": 0.3, "growth_threshold": 0.3, "mask_threshold": 0.5}
    assert epifiji.cells_of_maps(inside, contour, wall, **known).max() == 1
    found = epifiji.cells_of_maps(inside, contour, wall, seed_height=0.1, **known)
    assert found.max() == 2
    assert found[6, 6, 5] != found[6, 6, 18]


def test_maps_with_little_noise_give_the_true_cells() -> None:
    cyst = epifiji.simulate_cyst(seed=1, cells=20, pixel_size_um=0.8, voxel_depth_um=0.8, margin_um=3)
    foreground, contour, mask = probabilities(predicted_maps(cyst, 1, noise=0.02))
    found = epifiji.cells_of_maps(foreground, contour, mask, mask_erosion_voxels=0)
    # A closed mask includes the lumen, which has no cell.
    counts = count_matches(overlaps(cyst.labels, np.where(cyst.lumen, 0, found)), 0.7)
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (20, 0, 0)


def two_plates() -> np.ndarray:
    labels = np.zeros((20, 20, 30), np.int32)
    labels[4:16, 4:16, 4:9], labels[4:16, 4:16, 20:26] = 1, 2
    return labels


def test_free_voxels_belong_to_the_cell_with_the_nearest_perimeter() -> None:
    labels = two_plates()
    region = np.zeros(labels.shape, bool)
    region[4:16, 4:16, 4:26] = True
    filled = fill_by_voronoi(labels, region, erosion_voxels=0)
    # The plates end at x = 8 and 20: those nearer to 8 are below 14, and 14 itself is as near to both.
    assert (filled[4:16, 4:16, 4:14] == 1).all()
    assert (filled[4:16, 4:16, 15:26] == 2).all()
    assert not filled[~region].any()


def test_the_region_is_eroded_and_its_holes_are_filled() -> None:
    labels = two_plates()
    region = np.zeros(labels.shape, bool)
    region[2:18, 2:18, 2:28] = True
    region[9:11, 9:11, 12:15] = False
    filled = fill_by_voronoi(labels, region, erosion_voxels=2)
    # A ball of 2 removes 2 voxels at each face, and more at edges.
    assert (filled[9:11, 9:11, 12:15] > 0).all()
    assert not filled[:4].any()
    assert not filled[:, :, :4].any()
    assert (filled[8:12, 8:12, 4:26] > 0).all()


def test_distances_follow_the_spacing_of_the_planes() -> None:
    labels = np.zeros((24, 24, 24), np.int32)
    labels[2:7, 9:15, 9:15] = 1
    labels[12, 9:15, 18:23] = 2
    region = np.ones(labels.shape, bool)
    place = (12, 11, 12)
    # The first is 6 planes below, the second 6 columns beside it.
    assert fill_by_voronoi(labels, region, erosion_voxels=0, spacing=(0.5, 1, 1))[place] == 1
    assert fill_by_voronoi(labels, region, erosion_voxels=0, spacing=(2, 1, 1))[place] == 2


def test_without_seeds_there_are_no_cells() -> None:
    nothing = np.zeros((6, 7, 8), np.float32)
    assert not epifiji.cells_of_maps(nothing, nothing, nothing).any()


def test_small_objects_are_removed_and_the_others_keep_their_order() -> None:
    labels = np.repeat([0, 3, 1, 5, 2], [4, 3, 2, 5, 3]).reshape(1, 1, -1)
    assert without_small(labels, 3).ravel().tolist() == np.repeat([0, 2, 0, 3, 1], [4, 3, 2, 5, 3]).tolist()


MAP = np.zeros((4, 5, 6), np.float32)


@pytest.mark.parametrize(
    ("maps", "settings", "words"),
    [
        ((MAP[0], MAP, MAP), {}, r"foreground has the shape \(5, 6\) and the type float32, but a map of a volume"),
        ((MAP, MAP, MAP[:, 1:]), {}, "but maps of one volume have one shape"),
        ((MAP, MAP + 200, MAP), {}, "contour has values from 200 to 200, but probabilities from 0 to 1"),
        ((MAP, MAP, MAP * np.nan), {}, "mask has values from nan to nan, but probabilities"),
        ((MAP, MAP, MAP), {"mask_threshold": 2}, "mask_threshold is 2, but it must be a number from 0 to 1"),
    ],
)
def test_wrong_maps_are_refused_in_a_sentence(maps: tuple, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongInputError, match=words):
        epifiji.cells_of_maps(*maps, **settings)


def test_outer_cells_are_those_at_the_surrounding_or_at_the_volumes_border() -> None:
    labels = np.zeros((9, 9, 12), np.int32)
    labels[1:8, 1:8, 1:8] = 2
    labels[3:6, 3:6, 3:5] = 5
    labels[4, 4, 5] = 7
    labels[2, 2, 2] = 0
    labels[:, :, 9:] = 3
    labels[4, 4, 11] = 4
    outer, enclosed, left_out = outer_cells(labels)
    assert left_out == 2
    assert np.unique(outer).tolist() == [0, 2, 3, 4]
    free = np.zeros(labels.shape, bool)
    free[3:6, 3:6, 3:5] = free[4, 4, 5] = free[2, 2, 2] = True
    assert np.array_equal(enclosed, free)
    assert np.array_equal(outer, np.where(free, 0, labels))
