"""Runs of label images: against numpy's sorting of all pixels and scikit-image's boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.segmentation import find_boundaries

from epifiji.data.label_images import areas_of, at_outlines, numbered

LABELS = arrays(np.int32, array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.sampled_from([0, 1, 2, 70_000]))


@given(LABELS)
def test_numbers_and_areas_are_those_of_all_pixels(labels: np.ndarray) -> None:
    found, counts = np.unique(labels, return_counts=True)
    assert [one.tolist() for one in areas_of(labels)] == [found.tolist(), counts.tolist()]
    present, numbers = numbered(labels)
    np.testing.assert_array_equal(present, found)
    np.testing.assert_array_equal(present[numbers], labels)


@given(LABELS)
def test_outlines_are_thick_boundaries(labels: np.ndarray) -> None:
    np.testing.assert_array_equal(at_outlines(labels), find_boundaries(labels, mode="thick"))


@pytest.mark.parametrize("shape", [(0, 4), (0,)])
def test_no_pixels_have_no_labels(shape: tuple[int, ...]) -> None:
    empty = np.zeros(shape, np.uint8)
    assert not any(one.size for one in (*areas_of(empty), *numbered(empty), at_outlines(empty)))
