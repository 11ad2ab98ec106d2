"""Cells and events in squares and bins of time, by hand; intervals as scipy's distributions give them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from epifiji.data.region import TISSUE, Mask, Region
from epifiji.data.tissue import Cells, Tissue, nearest
from epifiji.engine.events.cell_bins import bin_cells, bin_events, mean_interval, poisson_interval

SHAPE = (6, 20, 40)


def tissue() -> Tissue:
    """Two segmented frames, 1 and 4; in the second the right half has no tissue any more."""
    first = np.ones(SHAPE[1:], bool)
    second = first.copy()
    second[:, 20:] = False
    frames = np.array([1, 4])
    region = Region.of(TISSUE, [Mask.of(first), Mask.of(second)], nearest(frames, SHAPE[0]))
    #                 number           y                 x                   area                    elongation
    columns = [0, 0, 0, 1, 1], [5, 15, 5, 5, 6], [5, 5, 30, 5, 6], [100, 200, 300, 50, 70], [1, 2, 3, 1.5, 2.5]
    number, *rest = (np.array(column, float) for column in columns)
    return Tissue(region, frames, Cells(number.astype(int), *rest))


class TestBins:
    def test_frames_have_the_cells_of_the_nearest_segmented_frame(self) -> None:
        assert tissue().region.of_frame.tolist() == [0, 0, 0, 1, 1, 1]
        assert tissue().counts.tolist() == [3, 2]
        assert tissue().counts_over_time.tolist() == [3, 3, 3, 2, 2, 2]
        assert nearest(np.array([0, 3, 4]), 8).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
        assert nearest(np.array([5]), 3).tolist() == [0, 0, 0]

    def test_cells_are_counted_and_averaged_by_hand(self) -> None:
        bins = bin_cells(tissue(), np.array([0, 2, 6]), 20)
        assert bins.cells.shape == (2, 1, 2)
        assert bins.observed.tolist() == [2, 4]
        assert bins.cells[0].tolist() == [[2, 1]]
        # One frame with the first mask and three with the second one.
        assert bins.cells[1].tolist() == [[(2 + 3 * 2) / 4, 1 / 4]]
        assert bins.area_px[1].ravel() == pytest.approx([(300 + 3 * 120) / 8, 300])
        assert bins.elongation[0].ravel() == pytest.approx([1.5, 3])
        assert bins.exposure.sum() == 3 * 3 + 3 * 2
        assert bins.mean(bins.area_px, (0, 1, 2)) == pytest.approx((3 * 600 + 3 * 120) / 15)

    def test_squares_without_cells_have_no_mean(self) -> None:
        bins = bin_cells(tissue(), np.array([0, 3, 6]), 20)
        assert bins.cells.tolist() == [[[2, 1]], [[2, 0]]]
        assert np.isnan(bins.area_px[1, 0, 1])
        assert np.isnan(bins.mean(bins.area_px, (1,))[1, 1])

    def test_every_event_is_counted_once(self) -> None:
        bins = bin_cells(tissue(), np.array([0, 2, 6]), 7)
        places = np.array([[0, -0.5, -0.5], [5, 20, 40], [1, 10, 39], [2, 10, 39]], float)
        counts = bin_events(places, bins)
        assert counts.sum() == 4
        assert counts.sum(axis=(1, 2)).tolist() == [2, 2]
        assert counts[0, 0, 0] == counts[1, -1, -1] == 1

    def test_a_frame_without_tissue_does_not_count(self) -> None:
        made = tissue()
        masks = [made.region.masks[0], Mask.of(np.zeros(SHAPE[1:], bool))]
        region = Region.of(TISSUE, masks, made.region.of_frame % 2)
        empty = Tissue(Region.of(TISSUE, masks, nearest(made.frames, SHAPE[0])), made.frames, made.cells)
        assert region.observed.tolist() == [True] * 3 + [False] * 3
        bins = bin_cells(empty, np.array([0, 6]), 40)
        assert bins.observed.tolist() == [3]
        assert bins.cells.ravel() == pytest.approx([3])


class TestIntervals:
    @pytest.mark.parametrize("count", [0, 1, 7, 300])
    def test_the_interval_of_a_count_is_garwoods(self, count: int) -> None:
        low, high = (float(end) for end in poisson_interval(np.array(count)))
        assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * count + 2) / 2)
        assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0)

    def test_the_interval_of_a_mean_is_students(self) -> None:
        counts = np.array([100, 104, 97, 110, 99])
        mean, low, high = mean_interval(counts)
        expected = stats.t.interval(0.95, 4, loc=counts.mean(), scale=stats.sem(counts))
        assert (mean, low, high) == pytest.approx((102, *expected))
        assert np.isnan(mean_interval(np.array([5]))[1])
