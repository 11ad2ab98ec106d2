"""The estimate of the diameter of cells from what a segmentation at each scale shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from epifiji.engine.cells.scale import Scale, Seen, estimate_scale

SIDE = 28
"""Side of square cells; the diameter of a disk of their area is 31.6 px."""

DIAMETER = 2 * SIDE / math.sqrt(math.pi)

TISSUE = np.add.outer(1000.0 * (np.arange(700) // SIDE), np.arange(700) // SIDE)


def as_labels(window: np.ndarray) -> np.ndarray:
    """Label the cells of a part of the tissue, in which each has a value of its own."""
    _, numbers = np.unique(window, return_inverse=True)
    return (numbers.reshape(window.shape) + 1).astype(np.int32)


def known_near_the_right_scale(window: np.ndarray, scale: Scale) -> Seen:
    """Find all cells, with a certainty that is high only if the scale is right within 25 %."""
    away = abs(math.log(scale.diameter_px / DIAMETER))
    return Seen(as_labels(window), 0.8 if away < math.log(1.25) else 0.5)


def test_a_network_that_needs_the_right_scale_gets_more_of_them() -> None:
    scale = estimate_scale([TISSUE], known_near_the_right_scale, dark=False, per_octave=2)
    assert scale is not None
    assert scale.diameter_px == pytest.approx(DIAMETER, rel=0.01)
    # 10, 20 and 40 px are all too far away.
    assert estimate_scale([TISSUE], known_near_the_right_scale, dark=False) is None


def test_a_scale_whose_cells_have_another_size_does_not_count() -> None:
    """Most certain of all where cells are taken to be half as large."""

    def seen(window: np.ndarray, scale: Scale) -> Seen:
        return Seen(as_labels(window), 0.9 if scale.diameter_px < DIAMETER / 2 else 0.6)

    assert estimate_scale([TISSUE], seen, dark=False, per_octave=2) is not None
    assert estimate_scale([TISSUE], seen, dark=False, per_octave=2, misfit=1.33) is None


def test_nothing_is_estimated_from_uncertain_cells() -> None:
    assert estimate_scale([TISSUE], lambda window, _: Seen(as_labels(window), 0.6), dark=False) is None
    assert estimate_scale([TISSUE], lambda window, _: Seen(np.zeros(window.shape, np.int32), None), dark=False) is None
