"""Training and validation sets are separate: by movie, or by a cut through one."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.labelled import TrainingMovie
from epifiji.engine.training.validation_split import GUARD_PX, held_out_events, split


def labelled(events: list[tuple[int, float, float, float]], shape=(30, 120, 200), **known: object) -> TrainingMovie:
    """Make a movie whose pixel (t, y, x) is t * 1e6 + y * 1e3 + x, so that every pixel is identifiable."""
    t, y, x = np.indices(shape)
    return TrainingMovie(
        t * 1_000_000 + y * 1000 + x, np.array(events, float).reshape(-1, 4), np.empty((0, 3)), **known
    )


def scattered(count: int, kind: int, seed: int, shape=(30, 120, 200)) -> list[tuple[int, float, float, float]]:
    random = np.random.default_rng(seed)
    return [(kind, *place) for place in random.uniform((0, 0, 0), np.array(shape) - 1, (count, 3))]


def random() -> np.random.Generator:
    return np.random.default_rng(0)


class TestWholeMovies:
    def test_some_are_held_out_with_about_their_share_of_each_class(self):
        movies = [labelled([*scattered(10, 0, n), *scattered(4, 1, 50 + n)]) for n in range(5)]
        parted = split(movies, 2, 0.2, random())
        assert parted.way == "movies"
        assert [len(parted.learnt), len(parted.held_out)] == [4, 1]
        assert held_out_events(parted.held_out, 2) == [10, 4]
        assert all(parted.held_out[0] is not learnt for learnt in parted.learnt)

    def test_a_class_that_only_one_movie_has_is_cut_out_of_it_instead(self):
        movies = [labelled(scattered(20, 0, n)) for n in range(2)] + [labelled(scattered(20, 1, 9))]
        parted = split(movies, 2, 0.2, random())
        assert parted.way == "parts"
        assert all(count > 0 for count in held_out_events(parted.held_out, 2))

    @pytest.mark.parametrize("count", [3, 11, 14])
    def test_any_number_of_movies_is_split_without_a_movie_on_both_sides(self, count):
        movies = [labelled(scattered(6, 0, n)) for n in range(count)]
        parted = split(movies, 1, 0.2, random())
        assert len(parted.learnt) + len(parted.held_out) == count
        assert parted.held_out
        assert {id(one) for one in parted.learnt}.isdisjoint(id(one) for one in parted.held_out)


class TestParts:
    def test_no_pixel_is_on_both_sides_and_no_event_within_the_guard_counts(self):
        movie = labelled([*scattered(40, 0, 1), *scattered(20, 1, 2)])
        parted = split([movie], 2, 0.2, random())
        (learnt,), (held,) = parted.learnt, parted.held_out
        assert not np.isin(learnt.pixels, held.pixels).any()
        assert learnt.pixels.size + held.pixels.size == movie.pixels.size
        counting = held.events[held.is_scored(held.events[:, 1:])]
        assert len(counting) == sum(held_out_events(parted.held_out, 2)) > 0
        known = {int(value) for value in learnt.pixels[0].ravel()}
        for _, _, y, x in counting:
            value = int(held.pixels[0, int(y), int(x)])
            row, column = value // 1000, value % 1000
            near = [
                (row + dy, column + dx)
                for dy in (-GUARD_PX + 1, 0, GUARD_PX - 1)
                for dx in (-GUARD_PX + 1, 0, GUARD_PX - 1)
            ]
            assert not any(a * 1000 + b in known for a, b in near if 0 <= a < 120 and 0 <= b < 200)

    def test_events_stay_where_they_are_in_the_movie(self):
        movie = labelled(scattered(30, 0, 3))
        parted = split([movie], 1, 0.2, random())
        for part in (*parted.learnt, *parted.held_out):
            offset = int(part.pixels[0, 0, 0])
            for kind, t, y, x in part.events:
                back = (kind, t + offset // 1_000_000, y + offset // 1000 % 1000, x + offset % 1000)
                assert np.isclose(movie.events, back).all(1).any()
        kept = sum(len(part.events) for part in (*parted.learnt, *parted.held_out))
        assert kept == 30

    def test_about_the_share_is_held_out(self):
        movie = labelled(scattered(60, 0, 4))
        (count,) = held_out_events(split([movie], 1, 0.2, random()).held_out, 1)
        assert 8 <= count <= 16

    def test_what_is_known_is_cut_with_the_pixels(self):
        movie = labelled(scattered(30, 0, 3), known=np.indices((30, 120, 200))[2] % 2 == 0)
        parted = split([movie], 1, 0.2, random())
        for part in (*parted.learnt, *parted.held_out):
            assert np.array_equal(part.known, part.pixels % 1000 % 2 == 0)

    def test_the_part_that_is_held_out_keeps_the_name_and_says_where_events_are_scored(self):
        parted = split([labelled(scattered(30, 0, 3), name="wing")], 1, 0.2, random())
        (learnt,), (held,) = parted.learnt, parted.held_out
        assert (learnt.name, held.name) == ("wing", "wing")
        assert learnt.region is None
        low, high = np.array(held.scored_region)
        assert sorted([*low, *(np.array(held.pixels.shape) - high)]) == [0, 0, 0, 0, 0, GUARD_PX]

    def test_a_small_field_is_cut_in_time(self):
        movie = labelled(scattered(30, 0, 3, (200, 60, 60)), (200, 60, 60))
        (held,) = split([movie], 1, 0.2, random()).held_out
        assert held.pixels.shape[1:] == (60, 60)
        assert held.pixels.shape[0] < 200

    def test_too_few_events_or_too_small_a_movie_hold_nothing_out(self):
        for movie in (labelled(scattered(2, 0, 1)), labelled(scattered(30, 0, 1, (20, 60, 60)), (20, 60, 60))):
            parted = split([movie], 1, 0.2, random())
            assert (parted.way, parted.held_out, parted.learnt[0] is movie) == ("", [], True)
