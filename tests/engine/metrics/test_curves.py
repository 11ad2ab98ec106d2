"""Counts at each threshold, by brute force, and which threshold is best."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.evaluation import Counts
from epifiji.data.events import Event
from epifiji.engine.metrics.curves import (
    best_threshold,
    counts_over_thresholds,
    match_over,
)
from epifiji.engine.metrics.events import Matching, match_as_authors

CLASSES = ("death", "division")
GRID = tuple(range(100, 250, 10))


def scattered(seed: int, count: int) -> tuple[list[Event], list[Event]]:
    """Reference events on a wide grid, and detections at about two thirds of them and at places far from all."""
    random = np.random.default_rng(seed)
    reference = [
        Event(CLASSES[random.integers(2)], int(random.integers(0, 9)) * 20, 60.0 * i, 60.0 * (i % 3))
        for i in range(count)
    ]
    detected = [
        Event(one.event, one.frame + int(random.integers(-4, 5)), one.y + 5, one.x - 5, random.uniform(0.3, 1))
        for one in reference
        if random.random() < 0.66
    ]
    detected += [
        Event(CLASSES[random.integers(2)], 10, 60.0 * i + 30, 90.0, random.uniform(0.3, 1)) for i in range(count // 2)
    ]
    return detected, reference


def near(one: Event, other: Event) -> bool:
    return (
        one.event == other.event
        and np.hypot(one.y - other.y, one.x - other.x) <= 10
        and abs(one.frame - other.frame) <= 4
    )


def by_hand(detected: list[Event], reference: list[Event], event: str, level: int) -> tuple[int, int, int]:
    """Count where no event lies near two others, so that matching needs no choice."""
    over = [one for one in detected if one.event == event and 255 * one.score > level]
    known = [one for one in reference if one.event == event]
    right = sum(any(near(one, other) for other in known) for one in over)
    return right, len(over) - right, len(known) - right


class TestCurves:
    def test_each_movie_has_the_counts_of_each_threshold(self):
        movies = [scattered(seed, 40) for seed in range(4)]
        sides = [detected for detected, _ in movies], [reference for _, reference in movies]
        for event in CLASSES:
            counts = counts_over_thresholds(*sides, event, GRID)
            expected = [[by_hand(*movie, event, level) for level in GRID] for movie in movies]
            np.testing.assert_array_equal(counts, expected)
            assert (np.ptp(counts[..., 0], axis=1) > 3).all()  # The curves are no straight lines.

    def test_movies_without_events_have_a_row_too(self):
        found = Event("death", 0, 0, 0, 0.9)
        counts = counts_over_thresholds([[], [found]], [[], []], "death", (120, 240))
        np.testing.assert_array_equal(counts, [[[0, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 0]]])
        assert counts_over_thresholds([], [], "death", (120, 240)).shape == (0, 2, 3)

    def test_another_way_of_matching_and_counting_can_be_given(self):
        movies = [scattered(seed, 30) for seed in (7, 8)]
        sides = [detected for detected, _ in movies], [reference for _, reference in movies]

        def second_alone(movie: int, matching: Matching) -> Counts:
            return matching.counts if movie == 1 else Counts(0, 0, 0)

        counts = counts_over_thresholds(*sides, "death", GRID, match_as_authors, second_alone)
        assert not counts[0].any()
        np.testing.assert_array_equal(counts[1], [by_hand(*movies[1], "death", level) for level in GRID])

    def test_each_class_has_its_own_threshold_and_others_are_left_out(self):
        detected, reference = scattered(3, 50)
        thresholds = {"death": 200, "division": 120}
        matching = match_over(detected, reference, thresholds)
        each = [by_hand(detected, reference, event, level) for event, level in thresholds.items()]
        assert matching.counts == Counts(*np.sum(each, axis=0).tolist())
        assert match_over(detected, reference, {"death": 200}).counts == Counts(*each[0])

    def test_several_classes_are_matched_at_each_threshold(self):
        detected, reference = scattered(4, 50)
        for level in GRID:
            matching = match_over(detected, reference, dict.fromkeys(CLASSES, level))
            each = [by_hand(detected, reference, event, level) for event in CLASSES]
            assert matching.counts == Counts(*np.sum(each, axis=0).tolist())

    def test_an_event_at_the_threshold_is_not_over_it(self):
        one = Event("death", 0, 0, 0, 150 / 255)
        assert counts_over_thresholds([[one]], [[one]], "death", (149, 150)).tolist() == [[[1, 0, 0], [0, 0, 1]]]


class TestTheBestThreshold:
    LEVELS = (100, 110, 120, 130, 140, 150)

    def chosen(self, *scores: float, default: int | None = 150, neighbours: int = 0) -> int:
        """Choose where these percentages of 100 events are found, without a false one."""
        counts = np.array([[score, 0, 100 - score] for score in scores])
        return best_threshold(self.LEVELS, counts, default, neighbours)

    def test_it_is_the_one_with_the_largest_f1(self):
        assert self.chosen(10, 20, 70, 60, 50, 10) == 120

    def test_of_equal_ones_it_is_the_middle_of_the_longest_run(self):
        assert self.chosen(70, 20, 70, 70, 70, 10) == 130

    def test_a_default_that_is_as_good_stays(self):
        assert self.chosen(70, 20, 70, 70, 70, 10, default=100) == 100

    def test_where_nothing_is_found_the_default_stays(self):
        assert self.chosen(0, 0, 0, 0, 0, 0, default=140) == 140
        assert best_threshold(self.LEVELS, np.zeros((6, 3), int), 140) == 140

    def test_without_a_default_none_is_preferred(self):
        assert self.chosen(70, 20, 70, 70, 70, 10, default=None) == 130
        assert self.chosen(0, 0, 0, 0, 0, 0, default=None) == 130

    def test_neighbours_outweigh_a_single_good_threshold(self):
        assert self.chosen(80, 10, 70, 70, 70, 10, default=None) == 100
        assert self.chosen(10, 80, 10, 70, 70, 70, default=None, neighbours=1) == 150

    @pytest.mark.parametrize("seed", range(5))
    def test_averages_over_neighbours_are_those_of_a_loop(self, seed):
        levels = tuple(range(125, 250, 5))
        random = np.random.default_rng(seed)
        for _ in range(100):
            counts = random.integers(0, 6, (len(levels), 3))
            f1 = [0 if 2 * tp + fp + fn == 0 else 2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts.tolist()]
            last = len(levels) - 1
            means = [sum(f1[min(max(i + d, 0), last)] for d in range(-2, 3)) / 5 for i in range(len(levels))]
            best = [i for i, mean in enumerate(means) if mean > max(means) - 1e-9]
            assert best_threshold(levels, counts, neighbours=2) == levels[best[len(best) // 2]]
