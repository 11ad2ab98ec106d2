"""Scores of segmented cells, checked against brute force, other libraries and published scores of published masks."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import labels_at_border
from epifiji.engine.metrics.labels import (
    adjusted_rand_index,
    count_matches,
    outline_iou,
    overlaps,
    segmentation_quality,
    variation_of_information,
)

LABELS = arrays(np.uint8, (5, 6), elements=st.sampled_from([0, 1, 2, 5, 200]))


def _ious(annotated: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """All IoUs, each counted on its own masks."""
    first, second = ([one == label for label in np.unique(one) if label] for one in (annotated, predicted))
    table = np.array([[np.sum(a & b) / np.sum(a | b) for b in second] for a in first])
    return table.reshape(len(first), len(second))


class TestMatches:
    @given(LABELS, LABELS, st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]))
    def test_as_many_cells_match_as_the_best_assignment_has(
        self, annotated: np.ndarray, predicted: np.ndarray, iou: float
    ) -> None:
        good = _ious(annotated, predicted) >= iou
        matched = int(good[linear_sum_assignment(good, maximize=True)].sum())
        counts = count_matches(overlaps(annotated, predicted), iou)
        assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (
            matched,
            good.shape[1] - matched,
            good.shape[0] - matched,
        )

    @given(LABELS, LABELS)
    def test_each_pair_has_its_iou(self, annotated: np.ndarray, predicted: np.ndarray) -> None:
        cells, expected = overlaps(annotated, predicted), _ious(annotated, predicted)
        np.testing.assert_allclose(cells.iou.toarray(), expected)
        np.testing.assert_allclose(cells.largest_iou(), expected.max(axis=1, initial=0))

    def test_a_cell_cut_into_halves_matches_one_of_them(self) -> None:
        whole = np.ones((2, 4), int)
        halves = np.array([[1, 1, 2, 2]] * 2)
        counts = count_matches(overlaps(whole, halves), 0.5)
        assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (1, 1, 0)
        assert (counts.ap, counts.f1, counts.precision, counts.recall) == (0.5, 2 / 3, 0.5, 1.0)

    def test_without_cells_there_is_no_score(self) -> None:
        counts = count_matches(overlaps(np.zeros((3, 3), int), np.zeros((3, 3), int)), 0.5)
        assert [counts.ap, counts.f1, counts.precision, counts.recall] == [None] * 4

    def test_volumes_are_counted_alike(self) -> None:
        volume = np.zeros((3, 4, 4), np.uint16)
        volume[:2], volume[2] = 7, 65535
        assert count_matches(overlaps(volume, volume), 1.0).true_positives == 2

    def test_the_published_scores_of_published_masks(self, shared_data: Path) -> None:
        """Masks of seven networks, and the AP at an IoU of 0.5 that the authors' files give for each image."""
        from skimage.io import imread

        folder = shared_data / "segmentation" / "dense"
        published = json.loads((folder / "expected.json").read_text())["AP_recomputed_from_masks"]
        compared = 0
        for path in sorted(folder.glob("authors_predictions/*/*_test_masks.png")):
            name = path.name.removesuffix("_test_masks.png")
            expected = published.get(path.parent.name, {}).get(name)
            if expected is None:
                continue
            annotated = imread(folder / "test" / f"{name}_test_masks.png")
            assert count_matches(overlaps(annotated, imread(path)), 0.5).ap == pytest.approx(expected, abs=1e-6)
            compared += 1
        assert compared >= 20


class TestQuality:
    @staticmethod
    def _row(text: str) -> np.ndarray:
        """A row of cells, ten pixels high."""
        return np.array([[int(digit) for digit in text]] * 10)

    @pytest.mark.parametrize(
        ("predicted", "proper", "over", "under", "value"),
        [
            ("1111122222", 2, 0, 0, 1.0),
            ("1111111111", 0, 0, 2, -1.0),
            ("1112222222", 1, 0, 0, 0.5),
            ("1123322222", 1, 1, 0, 0.0),
            ("0000022222", 1, 0, 0, 0.5),
            ("0000000000", 0, 0, 0, 0.0),
        ],
        ids=["same", "merged", "moved", "split", "missed", "nothing"],
    )
    def test_two_cells(self, predicted: str, proper: int, over: int, under: int, value: float) -> None:
        quality = segmentation_quality(overlaps(self._row("1111122222"), self._row(predicted)))
        assert [int(one.sum()) for one in (quality.proper, quality.over, quality.under)] == [proper, over, under]
        assert quality.value == value

    @given(LABELS, LABELS)
    def test_as_counted_cell_by_cell(self, annotated: np.ndarray, predicted: np.ndarray) -> None:
        masks, others = ([one == k for k in np.unique(one) if k] for one in (annotated, predicted))
        proper = [any(np.sum(a & b) > 0.7 * np.sum(a | b) for b in others) for a in masks]
        parts = [sum(np.sum(a & b) > np.sum(b) / 2 for b in others) for a in masks]
        holders = [b for b in others if sum(np.sum(a & b) > np.sum(a) / 2 for a in masks) > 1]
        under = [any(np.sum(a & b) > np.sum(a) / 2 for b in holders) for a in masks]
        quality = segmentation_quality(overlaps(annotated, predicted))
        assert quality.proper.tolist() == proper
        assert quality.over.tolist() == [many > 1 and not good for many, good in zip(parts, proper, strict=True)]
        assert quality.under.tolist() == under


class TestPartitions:
    @given(LABELS, LABELS)
    def test_rand_index_by_all_pairs_of_pixels(self, annotated: np.ndarray, predicted: np.ndarray) -> None:
        one, other = annotated.ravel(), predicted.ravel()
        same = np.array([(one[i] == one[j], other[i] == other[j]) for i, j in combinations(range(one.size), 2)])
        both, first, second = int(same.all(axis=1).sum()), int(same[:, 0].sum()), int(same[:, 1].sum())
        expected = first * second / len(same)
        most = (first + second) / 2
        index = 1.0 if most == expected else (both - expected) / (most - expected)
        assert adjusted_rand_index(overlaps(annotated, predicted)) == pytest.approx(index)

    @given(LABELS, LABELS)
    def test_information_by_its_definition(self, annotated: np.ndarray, predicted: np.ndarray) -> None:
        over = under = 0.0
        for a, b in product(np.unique(annotated), np.unique(predicted)):
            joint = np.mean((annotated == a) & (predicted == b))
            if joint:
                over -= joint * np.log2(joint / np.mean(annotated == a))
                under -= joint * np.log2(joint / np.mean(predicted == b))
        assert variation_of_information(overlaps(annotated, predicted)) == pytest.approx((over, under), abs=1e-9)

    def test_outlines(self) -> None:
        """A straight outline two pixels wide, of two images that are one pixel apart: one column of three is shared."""
        one, other = np.ones((6, 8), int), np.ones((6, 8), int)
        one[:, 4:], other[:, 5:] = 2, 2
        assert outline_iou(one, one) == 1
        assert outline_iou(one, other) == pytest.approx(1 / 3)
        assert outline_iou(np.ones((4, 4), int), np.ones((4, 4), int)) is None


def test_cells_at_the_border() -> None:
    labels = np.zeros((5, 5), int)
    labels[0, 1], labels[2, 2], labels[3, 4], labels[4, 0] = 3, 4, 5, 6
    assert labels_at_border(labels).tolist() == [3, 5, 6]


@pytest.mark.parametrize(
    ("predicted", "sentence"),
    [
        (
            np.zeros((3, 4), int),
            r"predicted cells are an image of the shape \(3, 4\) and the annotated ones of \(3, 3\)",
        ),
        (np.zeros((3, 3)), "pixels of type float64, but a whole number for each cell is expected"),
        (np.full((3, 3), -1), "negative labels, but 0 or more is expected"),
    ],
    ids=["other shape", "no labels", "negative"],
)
def test_what_is_no_pair_of_label_images_is_refused(predicted: np.ndarray, sentence: str) -> None:
    with pytest.raises(WrongInputError, match=sentence):
        overlaps(np.zeros((3, 3), int), predicted)
