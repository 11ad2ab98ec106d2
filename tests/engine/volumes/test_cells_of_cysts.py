"""Cells of cysts, made box by box: those of the whole volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label
from skimage.segmentation import flood

import epifiji
from cyst_maps import probabilities
from epifiji.data.settings.cysts import SEED_HEIGHT, InstanceSettings
from epifiji.engine.networks.unet3d.training import targets_of
from epifiji.engine.volumes.cysts import cells_of_cyst, grow_cells
from epifiji.engine.volumes.instances import without_small
from small_cysts import small_cyst

REFERENCE = Path(__file__).parents[2] / "reference_files" / "biapy" / "results.npz"

SHAPE = (40, 130, 140)
CORNERS = ((3, 0, 4), (24, 90, 101))
"""Where two cysts lie in a volume: the second one has the larger lumen."""

SPECK = (slice(20, 22), slice(60, 62), slice(20, 22))
MASK_ALONE = (slice(20, 23), slice(10, 13), slice(120, 123))

THRESHOLDS = {
    "foreground_threshold": 0.5,
    "contour_threshold": 0.4,
    "growth_threshold": 0.3,
    "mask_threshold": 0.5,
}


def maps_of_two_cysts() -> np.ndarray:
    """Maps with two cysts, a speck that looks like a cell of 8 voxels, and a speck of the mask alone, (3, Z, Y, X)."""
    random = np.random.default_rng(3)
    maps = np.clip(0.03 + 0.01 * random.standard_normal((3, *SHAPE)), 0, 1)
    for seed, corner in enumerate(CORNERS):
        labels = small_cyst(seed)[1]
        place = tuple(slice(start, start + side) for start, side in zip(corner, labels.shape, strict=True))
        perfect = np.moveaxis(targets_of(labels), -1, 0)
        maps[(slice(None), *place)] = 0.05 + 0.85 * perfect + 0.02 * random.random(perfect.shape)
    maps[(0, *SPECK)] = maps[(2, *SPECK)] = maps[(2, *MASK_ALONE)] = 0.9
    return maps.astype(np.float32)


@pytest.mark.parametrize("seed_height", [0, SEED_HEIGHT])
def test_two_cysts_have_the_cells_of_the_whole_volume_and_specks_have_none(seed_height: float) -> None:
    maps = maps_of_two_cysts()
    chosen = InstanceSettings(seed_height=seed_height, least_seed_voxels=9, **THRESHOLDS)
    grown = grow_cells(maps, chosen)
    assert len(grown.parts) == 2
    assert sum(part.labels.size for part in grown.parts) < 0.4 * maps[0].size
    found, lumen, _ = cells_of_cyst(maps, chosen, grown)
    whole = epifiji.cells_of_maps(*maps, **chosen.model_dump())
    whole[lumen] = 0
    assert lumen.any()
    for speck in (SPECK, MASK_ALONE):
        # In the whole volume, as in BiaPy, a speck of the mask belongs to a cell that is far away.
        assert whole[speck].all()
        assert not found[speck].any()
        whole[speck] = 0
    assert np.array_equal(found, whole)
    assert found.max() == 16
    assert np.count_nonzero(lumen) == largest_lumen(maps)


def largest_lumen(maps: np.ndarray) -> int:
    """The number of voxels that the wall of a cyst encloses, of the cyst in which there are more."""
    enclosed = flood(np.pad(maps[2] > THRESHOLDS["mask_threshold"], 1).astype(np.uint8), (0, 0, 0), connectivity=1)
    rest = ~enclosed[1:-1, 1:-1, 1:-1] & (maps[2] <= THRESHOLDS["mask_threshold"])
    return max(np.count_nonzero(rest[:, :80]), np.count_nonzero(rest[:, 80:]))


@pytest.mark.parametrize("seed_height", [0, SEED_HEIGHT])
@pytest.mark.parametrize("cyst", ["0", "1"])
def test_cysts_with_noisy_maps_have_the_cells_of_the_whole_volume(cyst: str, seed_height: float) -> None:
    maps = np.stack(probabilities(np.load(REFERENCE)[f"maps/{cyst}"]))
    chosen = InstanceSettings(seed_height=seed_height)
    grown = grow_cells(maps, chosen)
    found, lumen, _ = cells_of_cyst(maps, chosen, grown)
    whole = without_small(epifiji.cells_of_maps(*maps, **chosen.model_dump()), 1)
    assert found.max() > 10
    assert not lumen.any()
    # Noise has made specks of the mask, of a few voxels each.
    specks, _ = label(maps[2] > grown.mask_threshold)
    alone = (found == 0) & (whole > 0)
    sizes = np.bincount(specks.ravel())[np.unique(specks[alone])]
    assert 0 < sizes.max() < 10
    assert sizes.sum() == np.count_nonzero(alone)
    assert np.array_equal(found[~alone], whole[~alone])


def test_cells_are_numbered_in_the_order_of_their_first_voxels() -> None:
    grown = grow_cells(maps_of_two_cysts(), InstanceSettings(**THRESHOLDS))
    seeds = grown.seeds
    _, firsts = np.unique(seeds, return_index=True)
    assert (np.diff(firsts[1:]) > 0).all()
    assert np.array_equal(np.unique(seeds), np.arange(18))


def test_a_maximum_that_hardly_rises_above_its_surroundings_is_no_seed_in_its_box_either() -> None:
    inside = np.full((30, 40, 90), 0.3, np.float32)
    high, low = (slice(10, 18), slice(10, 20), slice(10, 20)), (slice(10, 18), slice(10, 20), slice(60, 70))
    inside[high], inside[low] = 0.9, 0.37
    maps = np.stack([inside, np.zeros_like(inside), inside > 0.35]).astype(np.float32)
    chosen = InstanceSettings(
        seed_height=SEED_HEIGHT, **{**THRESHOLDS, "foreground_threshold": 0.35, "growth_threshold": 0.35}
    )
    grown = grow_cells(maps, chosen)
    assert len(grown.parts) == 2
    assert [len(np.unique(part.seeds)) for part in grown.parts] == [2, 1]
    found, _, _ = cells_of_cyst(maps, chosen, grown)
    assert (found[high] == 1).all()
    assert not found[low].any()
