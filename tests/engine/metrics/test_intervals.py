"""Intervals against published values, exact enumeration and simulated experiments."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from epifiji.data.evaluation import Difference, Interval
from epifiji.engine.metrics.intervals import (
    difference_of_f1,
    difference_of_quality,
    drawn_interval,
    f1_of,
    precision_of,
    recall_of,
    score_intervals,
    wilson_interval,
)

HIT, FALSE, MISS, NONE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)


def places(*answers: tuple[tuple[int, int, int], tuple[int, int, int], int]) -> tuple[np.ndarray, np.ndarray]:
    """Places by what each network says of them, and how many there are of each kind."""
    first = [one for one, _, count in answers for _ in range(count)]
    second = [other for _, other, count in answers for _ in range(count)]
    return np.array(first), np.array(second)


def in_one_movie(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair[0].sum(axis=0, keepdims=True), pair[1].sum(axis=0, keepdims=True)


class TestScores:
    def test_they_follow_their_formulae_and_are_undefined_without_a_denominator(self):
        counts = np.array([[6, 2, 4], [0, 0, 3], [0, 2, 0], [0, 0, 0]])
        np.testing.assert_allclose(precision_of(counts), [0.75, np.nan, 0, np.nan])
        np.testing.assert_allclose(recall_of(counts), [0.6, 0, np.nan, np.nan])
        np.testing.assert_allclose(f1_of(counts), [12 / 18, 0, 0, np.nan])

    def test_wilsons_interval_is_the_published_one(self):
        """Newcombe, Stat. Med. 17, 1998, table I, method 3."""
        for part, whole, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
            found = wilson_interval(part, whole)
            assert (found.value, found.low, found.high) == pytest.approx((part / whole, low, high), abs=1e-4)
        assert wilson_interval(0, 0) == Interval()

    def test_with_few_movies_the_interval_of_f1_holds_the_true_one_as_often_as_it_says(self):
        random = np.random.default_rng(3)
        truth, held = np.array([0.7, 0.1, 0.2]), 0
        for _ in range(300):
            found = score_intervals(random.multinomial(40, truth)[None], 1)[2]
            held += found.low <= f1_of(truth) <= found.high
        assert 0.92 <= held / 300 <= 0.985

    @pytest.mark.parametrize("movies", [5, 12])
    def test_with_more_movies_it_holds_it_where_movies_differ(self, movies):
        """Each movie has its own recall; events within one are no more independent."""
        random = np.random.default_rng(4)
        held = {"recall": 0, "f1": 0}
        for _ in range(100):
            recalls = random.beta(8, 2, movies)
            found = random.binomial(30, recalls)
            counts = np.stack([found, random.poisson(4, movies), 30 - found], axis=1)
            _, recall, f1 = score_intervals(counts, 1)
            held["recall"] += recall.low <= 0.8 <= recall.high
            held["f1"] += f1.low <= 48 / (48 + 4 + 6) <= f1.high
        assert all(number >= 88 for number in held.values()), held

    def test_movies_that_differ_give_wider_intervals_than_events_do(self):
        uneven = np.array([[30, 0, 0], [0, 0, 30]] * 4)
        found = score_intervals(uneven, 1)[1]
        assert found.low < wilson_interval(120, 240).low - 0.2

    def test_the_same_seed_gives_the_same_interval(self):
        counts = np.random.default_rng(5).poisson(5, (7, 3))
        assert score_intervals(counts, 2) == score_intervals(counts, 2)
        assert score_intervals(counts, 2) != score_intervals(counts, 3)

    def test_what_is_undefined_has_no_interval(self):
        for movies in (1, 6):
            precision, recall, f1 = score_intervals(np.zeros((movies, 3), int), 1)
            assert precision == recall == f1 == Interval()
            precision, recall, _ = score_intervals(np.array([[0, 0, 2]] * movies), 1)
            assert (precision, recall.value) == (Interval(), 0)

    def test_the_interval_of_draws_approaches_students_for_a_mean(self):
        """For draws of a mean from normal numbers the widened percentiles are near the exact interval."""
        sample = stats.norm.ppf((np.arange(8) + 0.5) / 8) + 3
        drawn = np.random.default_rng(7).choice(sample, (20000, 8)).mean(axis=1)
        found = drawn_interval(sample.mean(), drawn, 8)
        exact = stats.t.interval(0.95, 7, sample.mean(), stats.sem(sample))
        assert (found.low, found.high) == pytest.approx(exact, abs=0.12 * (exact[1] - exact[0]))


class TestDifferences:
    def test_the_p_value_is_that_of_all_exchanges(self):
        pair = places((HIT, HIT, 5), (HIT, MISS, 6), (MISS, HIT, 1), (NONE, FALSE, 3), (FALSE, FALSE, 2))
        first, second = pair
        differs = [i for i in range(len(first)) if tuple(first[i]) != tuple(second[i])]
        observed = f1_of(first.sum(0)) - f1_of(second.sum(0))
        as_large = []
        for swapped in product((False, True), repeat=len(differs)):
            one, other = first.copy(), second.copy()
            for i, swap in zip(differs, swapped, strict=True):
                if swap:
                    one[i], other[i] = second[i], first[i]
            as_large.append(abs(f1_of(one.sum(0)) - f1_of(other.sum(0))) >= abs(observed) - 1e-12)
        interval, p = difference_of_f1(in_one_movie(pair), pair, 1)
        assert interval.value == pytest.approx(observed)
        assert p == pytest.approx(np.mean(as_large), abs=0.015)

    def test_equal_answers_differ_by_nothing(self):
        pair = places((HIT, HIT, 5), (MISS, MISS, 2), (FALSE, FALSE, 2))
        assert difference_of_f1(in_one_movie(pair), pair, 1) == (Interval(0, 0, 0), 1)

    def test_exchanged_networks_have_the_opposite_difference(self):
        first, second = places((HIT, MISS, 9), (HIT, HIT, 20), (FALSE, NONE, 3))
        there, p = difference_of_f1(in_one_movie((first, second)), (first, second), 1)
        back, q = difference_of_f1(in_one_movie((second, first)), (second, first), 1)
        assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=0.01)
        assert p == pytest.approx(q, abs=0.01)

    def test_a_network_without_scores_has_no_difference(self):
        pair = places((NONE, FALSE, 2))
        assert difference_of_f1(in_one_movie(pair), pair, 1) == (Interval(), 1)

    def test_quality_is_exchanged_cell_by_cell(self):
        # What seven cells add to the quality with either network, and that they are cells.
        first, second = np.array([1, 1, 1, 0, 1, 1, -1]), np.array([1, -1, 0, 0, 1, -1, 1])
        cells = tuple(np.stack([one, np.ones_like(one)], axis=1) for one in (first, second))
        differs = first - second
        totals = [np.dot(signs, differs) for signs in product((1, -1), repeat=len(differs))]
        expected = np.mean(np.abs(totals) >= abs(differs.sum()))
        interval, p = difference_of_quality(in_one_movie(cells), cells, 1)
        assert interval.value == pytest.approx(differs.sum() / 7)
        assert interval.low < interval.value < interval.high
        assert p == pytest.approx(expected, abs=0.015)
        none = tuple(np.zeros((0, 2), int) for _ in cells)
        assert difference_of_quality(in_one_movie(none), none, 1) == (Interval(), 1)

    @pytest.mark.parametrize("movies", [1, 5])
    def test_networks_that_do_not_differ_are_seldom_told_apart(self, movies):
        random = np.random.default_rng(8)
        told = sum(self.told(random, movies, 0.8, 0.8) for _ in range(60))
        assert told <= 8, told

    @pytest.mark.parametrize("movies", [1, 8])
    def test_networks_that_differ_much_are_told_apart(self, movies):
        random = np.random.default_rng(9)
        assert sum(self.told(random, movies, 0.9, 0.6) for _ in range(20)) >= 18

    def told(self, random: np.random.Generator, movies: int, first: float, second: float) -> bool:
        """Let two networks with such recalls look at movies of 80 events in all, and say whether they are told apart."""
        each = -(-80 // movies)
        answers: tuple[list, list] = ([], [])
        for _ in range(movies):
            harder = random.normal(0, 0.1)
            for network, recall in enumerate((first, second)):
                found = random.random(each) < np.clip(recall + harder, 0, 1)
                false = random.random(each) < 0.15
                answers[network].append(
                    np.array([HIT if hit else MISS for hit in found] + [FALSE if one else NONE for one in false])
                )
        by_movie = tuple(np.array([movie.sum(axis=0) for movie in network]) for network in answers)
        interval, p = difference_of_f1(by_movie, tuple(np.concatenate(network) for network in answers), 1)
        return Difference("e", "best", "a", "b", interval, p).telling
