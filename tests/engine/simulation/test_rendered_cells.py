"""Rendered images of cells: labels, types, and the same image for the same random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.label_images import at_outlines
from epifiji.engine.cells.borders import contacts
from epifiji.engine.simulation.rendered_cells import DIAMETER_PX, RealTissue, render_cells


@pytest.mark.parametrize("seed", range(12))
def test_an_image_and_its_labels(seed: int) -> None:
    image, labels = render_cells(np.random.default_rng(seed), 96)
    assert image.shape == labels.shape == (96, 96)
    assert (image.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.isfinite(image).all() and image.min() >= 0 and image.std() > 0
    assert labels.any() and len(contacts(labels))


def test_borders_are_brighter_than_cells_on_average() -> None:
    ratios = []
    for seed in range(30):
        image, labels = render_cells(np.random.default_rng(seed), 96)
        edges = at_outlines(labels)
        inside = ~edges & (labels > 0)
        ratios.append(image[edges].mean() / image[inside].mean())
    assert np.median(ratios) > 1.15
    assert np.mean(np.array(ratios) > 1) > 0.85


def test_the_same_numbers_give_the_same_image() -> None:
    one, other = (render_cells(np.random.default_rng(5), 80) for _ in range(2))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_real_tissues_are_used_at_the_scale_of_the_others() -> None:
    ys, xs = np.mgrid[:600, :600]
    squares = RealTissue((ys // 10 * 60 + xs // 10 + 1).astype(np.int32), 10 * 2 / np.sqrt(np.pi))
    areas = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        labels = render_cells(random, 120, [[squares]])[1]
        areas.append(np.median(np.bincount(labels.ravel())[1:][np.bincount(labels.ravel())[1:] > 0]))
    assert 2 * np.sqrt(np.median(areas) / np.pi) == pytest.approx(DIAMETER_PX, rel=0.25)
