"""One-to-one matching compared with brute force, and scores with their formulae."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.engine.metrics.events import Matching, match_as_authors, match_events, score


def death(frame: float, y: float, x: float) -> Event:
    return Event("cell_death", frame, y, x)


def cost(a: Event, b: Event) -> float:
    return math.dist((a.y, a.x), (b.y, b.x)) + abs(a.frame - b.frame)


def allowed(a: Event, b: Event, distance_xy: float, distance_t: float) -> bool:
    near = math.hypot(a.y - b.y, a.x - b.x) <= distance_xy
    return a.event == b.event and near and abs(a.frame - b.frame) <= distance_t


def best_by_brute_force(
    detected: list[Event], reference: list[Event], distance_xy: float, distance_t: float
) -> tuple[int, float]:
    """Pairs and total cost of the best of all matchings, by trying each."""
    if not detected:
        return 0, 0.0
    first, *others = detected
    tries = [best_by_brute_force(others, reference, distance_xy, distance_t)]
    for j, known in enumerate(reference):
        if allowed(first, known, distance_xy, distance_t):
            rest = reference[:j] + reference[j + 1 :]
            pairs, total = best_by_brute_force(others, rest, distance_xy, distance_t)
            tries.append((pairs + 1, total + cost(first, known)))
    return max(tries, key=lambda tried: (tried[0], -tried[1]))


def random_events(rng: np.random.Generator, count: int, shape: tuple[int, int, int]) -> list[Event]:
    return [death(int(t), float(y), float(x)) for t, y, x in rng.random((count, 3)) * shape]


# A coarse grid gives many ties and distances that equal the limits exactly.
grid_events = st.lists(
    st.builds(
        Event,
        st.sampled_from(["cell_death", "cell_sop"]),
        st.integers(0, 6),
        st.integers(0, 4).map(lambda n: 3.0 * n),
        st.integers(0, 4).map(lambda n: 4.0 * n),
    ),
    max_size=5,
)


class TestMatching:
    @settings(max_examples=400, deadline=None)
    @given(grid_events, grid_events, st.sampled_from([0, 3, 5, 10]), st.sampled_from([0, 1, 4]))
    def test_it_is_as_good_as_the_best_of_all_matchings(self, detected, reference, distance_xy, distance_t):
        matching = match_events(detected, reference, distance_xy, distance_t)
        pairs, total = best_by_brute_force(detected, reference, distance_xy, distance_t)
        assert len(matching.pairs) == pairs
        assert sum(cost(*pair) for pair in matching.pairs) == pytest.approx(total)

    @settings(max_examples=200, deadline=None)
    @given(grid_events, grid_events)
    def test_every_event_is_used_once_and_every_pair_is_allowed(self, detected, reference):
        matching = match_events(detected, reference)
        found = [a for a, _ in matching.pairs] + list(matching.false_positives)
        known = [b for _, b in matching.pairs] + list(matching.false_negatives)
        order = lambda event: (event.event, event.frame, event.y, event.x)  # noqa: E731
        assert sorted(found, key=order) == sorted(detected, key=order)
        assert sorted(known, key=order) == sorted(reference, key=order)
        assert all(allowed(a, b, 10, 4) for a, b in matching.pairs)

    @settings(max_examples=100, deadline=None)
    @given(grid_events, grid_events, st.randoms(use_true_random=False))
    def test_the_order_of_the_events_has_no_effect(self, detected, reference, random):
        before = score(match_events(detected, reference))
        random.shuffle(detected)
        random.shuffle(reference)
        assert score(match_events(detected, reference)) == before

    @pytest.mark.parametrize("seed", range(8))
    def test_crowded_events_at_any_place_are_matched_as_by_brute_force(self, seed):
        rng = np.random.default_rng(seed)
        detected, reference = (random_events(rng, 7, (6, 22, 22)) for _ in range(2))
        matching = match_events(detected, reference, 9, 3)
        pairs, total = best_by_brute_force(detected, reference, 9, 3)
        assert len(matching.pairs) == pairs
        assert sum(cost(*pair) for pair in matching.pairs) == pytest.approx(total, abs=1e-9)

    def test_the_nearest_first_would_lose_a_pair(self):
        # Detected a lies between both references, b near the first one only: a takes the second, farther one.
        a, b = death(0, 0, 8), death(0, 0, 0)
        first, second = death(0, 0, 5), death(0, 0, 17)
        matching = match_events([a, b], [first, second])
        assert set(matching.pairs) == {(a, second), (b, first)}

    def test_two_detections_of_one_event_are_one_match_and_one_false_positive(self):
        near, far, event = death(3, 10, 11), death(3, 10, 14), death(3, 10, 10)
        matching = match_events([far, near], [event])
        assert matching == Matching(pairs=((near, event),), false_positives=(far,))

    def test_the_limits_themselves_still_match(self):
        at_limit, beyond = death(14, 6, 8), death(10, 6, 8.001)
        assert len(match_events([at_limit], [death(10, 0, 0)]).pairs) == 1
        assert match_events([beyond], [death(10, 0, 0)]).pairs == ()
        assert match_events([death(5, 0, 0)], [death(10, 0, 0)]).pairs == ()

    def test_the_plane_is_a_circle_and_not_a_square(self):
        assert match_events([death(0, 8, 8)], [death(0, 0, 0)]).pairs == ()

    def test_distances_of_zero_match_equal_places(self):
        detected = [death(1, 2.5, 3.5), death(1, 2.5, 3.6)]
        assert match_events(detected, [death(1, 2.5, 3.5)], 0, 0).pairs == ((detected[0], death(1, 2.5, 3.5)),)

    def test_classes_never_match_each_other(self):
        found, known = Event("cell_death", 0, 1, 1), Event("cell_division", 0, 1, 1)
        assert match_events([found], [known]) == Matching(false_positives=(found,), false_negatives=(known,))

    @pytest.mark.parametrize("distances", [(-1, 4), (10, -0.5), (math.nan, 4), (10, math.inf)])
    def test_impossible_distances_are_refused(self, distances):
        with pytest.raises(WrongInputError, match=r"distance_(xy|t) is .*, but a distance of 0 or more is needed"):
            match_events([], [], *distances)

    def test_an_event_without_a_place_is_refused(self):
        with pytest.raises(WrongInputError, match="has no position, but every event needs numbers"):
            match_events([death(0, math.nan, 0)], [])

    @pytest.mark.parametrize("shape", [(100, 512, 512), (50, 256, 256)])
    def test_five_thousand_events_take_seconds(self, shape):
        rng = np.random.default_rng(7)
        reference = random_events(rng, 5000, shape)
        # Moved by less than 1 px and 1 frame: no event is further away than the distances, so all can be matched.
        moved = [death(e.frame + 1, e.y + 0.5, e.x - 0.5) for e in reference]
        started = time.perf_counter()
        matching = match_events(moved, reference)
        assert time.perf_counter() - started < 10
        assert len(matching.pairs) == 5000
        assert sum(cost(*pair) for pair in matching.pairs) <= 5000 * (1 + math.sqrt(0.5)) + 1e-6


class TestCountingAsTheAuthors:
    # One detection between two reference events, one near the first only: x = 0 … 24 on a line.
    FIRST, SECOND = death(0, 0, 6), death(0, 0, 16)
    BETWEEN, LEFT = death(0, 0, 10), death(0, 0, 0)

    def test_the_first_detection_takes_the_nearest_and_the_next_has_none(self):
        matching = match_as_authors([self.BETWEEN, self.LEFT], [self.FIRST, self.SECOND])
        # Both reference events have a detection near, so none is missed, although only one is in a pair.
        assert matching == Matching(pairs=((self.BETWEEN, self.FIRST),), false_positives=(self.LEFT,))

    def test_in_the_other_order_both_are_correct(self):
        matching = match_as_authors([self.LEFT, self.BETWEEN], [self.FIRST, self.SECOND])
        assert matching == Matching(pairs=((self.LEFT, self.FIRST), (self.BETWEEN, self.SECOND)))

    def test_ours_finds_both_in_either_order(self):
        for detected in ([self.LEFT, self.BETWEEN], [self.BETWEEN, self.LEFT]):
            assert len(match_events(detected, [self.FIRST, self.SECOND]).pairs) == 2

    def test_one_detection_makes_two_reference_events_found(self):
        close = [death(0, 0, 0), death(0, 0, 8)]
        theirs = score(match_as_authors([death(0, 0, 4)], close)).overall
        assert (theirs.true_positives, theirs.false_positives, theirs.false_negatives, theirs.recall) == (1, 0, 0, 1)
        assert score(match_events([death(0, 0, 4)], close)).overall.recall == 0.5

    def test_frames_weigh_as_much_as_pixels_in_what_is_nearest(self):
        beside, later = death(5, 0, 4), death(8, 0, 0)
        assert match_as_authors([death(5, 0, 0)], [beside, later]).pairs[0][1] == later

    def test_of_equally_near_ones_the_first_in_the_file_is_taken(self):
        left, right = death(5, 0, 0), death(5, 0, 8)
        for reference in ([left, right], [right, left]):
            assert match_as_authors([death(5, 0, 4)], reference).pairs[0][1] == reference[0]

    def test_the_order_within_a_class_survives_events_of_others_between(self):
        sop = Event("cell_sop", 0, 0, 10)
        matching = match_as_authors([self.BETWEEN, sop, self.LEFT], [self.FIRST, self.SECOND])
        assert matching.false_positives == (self.LEFT, sop)

    @pytest.mark.parametrize(
        ("detected", "reference", "expected"),
        [([], [], (0, 0, 0)), ([LEFT], [], (0, 1, 0)), ([], [LEFT], (0, 0, 1)), ([LEFT], [death(9, 0, 0)], (0, 1, 1))],
    )
    def test_empty_sides_and_far_events(self, detected, reference, expected):
        found = score(match_as_authors(detected, reference)).overall
        assert (found.true_positives, found.false_positives, found.false_negatives) == expected

    @settings(max_examples=200, deadline=None)
    @given(grid_events, grid_events)
    def test_it_never_pairs_more_nor_misses_more_than_the_best_matching(self, detected, reference):
        theirs, ours = match_as_authors(detected, reference), match_events(detected, reference)
        assert len(theirs.pairs) <= len(ours.pairs)
        assert len(theirs.false_negatives) <= len(ours.false_negatives)
        near = [b for b in reference if any(allowed(a, b, 10, 4) for a in detected)]
        assert len(theirs.false_negatives) == len(reference) - len(near)


class TestScores:
    def test_ratios_and_errors_follow_their_formulae(self):
        reference = [death(10, 0, 0), death(10, 100, 100), death(10, 200, 200), death(10, 300, 300)]
        detected = [death(12, 3, 4), death(9, 100, 100), death(50, 200, 200)]
        overall = score(match_events(detected, reference)).overall
        assert (overall.true_positives, overall.false_positives, overall.false_negatives) == (2, 1, 2)
        assert overall.precision == 2 / 3
        assert overall.recall == 2 / 4
        assert overall.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
        assert overall.position_error_px == (5 + 0) / 2
        assert overall.time_error_frames == (2 + 1) / 2

    def test_each_class_is_scored_separately_and_counted_overall(self):
        detected = [death(0, 0, 0), Event("cell_sop", 0, 50, 50)]
        scores = score(match_events(detected, [death(0, 0, 0)]), classes=["cell_division"])
        assert list(scores.classes) == ["cell_death", "cell_division", "cell_sop"]
        assert (scores.classes["cell_death"].precision, scores.classes["cell_death"].recall) == (1, 1)
        assert (scores.classes["cell_sop"].precision, scores.classes["cell_sop"].recall) == (0, None)
        assert scores.classes["cell_division"].true_positives == 0
        assert (scores.overall.precision, scores.overall.recall) == (0.5, 1)

    @pytest.mark.parametrize(
        ("detected", "reference", "expected"),
        [
            ([], [], (None, None, None)),
            ([death(0, 0, 0)], [], (0, None, 0)),
            ([], [death(0, 0, 0)], (None, 0, 0)),
        ],
    )
    def test_a_ratio_with_denominator_0_is_none(self, detected, reference, expected):
        overall = score(match_events(detected, reference)).overall
        assert (overall.precision, overall.recall, overall.f1) == expected
        assert overall.position_error_px is None
        assert overall.time_error_frames is None
