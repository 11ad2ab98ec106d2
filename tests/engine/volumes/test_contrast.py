"""The contrast of borders between cells, checked against scipy's Mann-Whitney test and by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from epifiji.engine.volumes import contrast, slabs
from epifiji.engine.volumes.contrast import border_contrast


def two_cells() -> tuple[np.ndarray, np.ndarray]:
    """Two cells of 8 voxels' width that touch, and the voxels of their border."""
    labels = np.zeros((12, 12, 20), int)
    labels[2:10, 2:10, 2:10], labels[2:10, 2:10, 10:18] = 1, 2
    border = np.zeros(labels.shape, bool)
    border[2:10, 2:10, 9:11] = True
    return labels, border


def inside_of(labels: np.ndarray) -> np.ndarray:
    inside = np.zeros(labels.shape, bool)
    inside[3:9, 3:9, 3:9] = inside[3:9, 3:9, 11:17] = True
    return inside


def test_it_is_1_for_bright_borders_0_for_dark_ones_and_a_half_without_contrast() -> None:
    labels, border = two_cells()
    assert border_contrast(np.where(border, 9, 3), labels) == 1
    assert border_contrast(np.where(border, 3, 9), labels) == 0
    assert border_contrast(np.full(labels.shape, 7), labels) == 0.5


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_it_is_that_of_scipy_for_values_with_ties(kind: str) -> None:
    labels, border = two_cells()
    grey = (np.random.default_rng(3).integers(0, 12, labels.shape) + 2 * border).astype(kind)
    bright, other = grey[border], grey[inside_of(labels)]
    expected = mannwhitneyu(bright, other).statistic / (len(bright) * len(other))
    assert border_contrast(grey, labels) == pytest.approx(expected, rel=1e-12)
    assert border_contrast(grey * np.array(9, kind), labels) == pytest.approx(expected, rel=1e-12)


def test_parts_of_a_volume_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, border = two_cells()
    grey = np.random.default_rng(4).normal(size=labels.shape) + border
    whole = border_contrast(grey, labels)
    monkeypatch.setattr(slabs, "SLAB_VOXELS", 3 * labels[0].size)
    assert len(list(slabs.slabs(labels.shape))) == 4
    assert border_contrast(grey, labels) == whole
    monkeypatch.setattr(contrast, "MOST_VOXELS", 300)
    monkeypatch.setattr(contrast, "FEWEST_VOXELS", 30)
    assert border_contrast(grey, labels) == pytest.approx(whole, abs=0.1)


def test_a_single_cell_and_nothing_have_none() -> None:
    labels, _ = two_cells()
    grey = np.zeros(labels.shape)
    assert border_contrast(grey, (labels == 1).astype(int)) is None
    assert border_contrast(grey, np.zeros_like(labels)) is None
