"""Annotated movies: events by class, and what identifies a training movie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epifiji.data.events import Event
from epifiji.data.labelled import AnnotatedMovie, TrainingMovie
from epifiji.data.movie import Movie

DEATH, DIVISION = (Event(name, 3, 10.0, 20.0) for name in ("cell_death", "cell_division"))
SHAPE = (6, 40, 50)


def test_every_annotated_class_is_listed_with_its_events() -> None:
    nothing = (Event("nothing", 1, 5.0, 5.0),)
    movie = AnnotatedMovie(
        Movie(np.zeros(SHAPE), "wing"),
        (DIVISION, DEATH, replace(DIVISION, frame=1)),
        nothing,
        classes=("cell_division", "fusion", "cell_death"),
    )
    assert movie.name == "wing"
    assert list(movie.events_by_class.items()) == [
        ("cell_division", [DIVISION, replace(DIVISION, frame=1)]),
        ("fusion", []),
        ("cell_death", [DEATH]),
    ]
    assert movie.counts() == {"cell_division": 2, "fusion": 0, "cell_death": 1, "nothing": 1}
    assert "nothing" not in replace(movie, nothing=()).counts()


def training_movie() -> TrainingMovie:
    return TrainingMovie(np.zeros(SHAPE, np.uint8), np.array([[0, 2.0, 10, 20]]), np.empty((0, 3)))


def test_events_are_scored_within_the_region_or_else_everywhere() -> None:
    places = np.array([[0, 0, 0], [5, 39, 49.9], [2, 10, 24], [2, 10, 23.9]])
    whole = training_movie()
    assert whole.scored_region == ((0, 0, 0), SHAPE)
    assert whole.is_scored(places).tolist() == [True] * 4
    cut = replace(whole, region=((0, 0, 24), SHAPE))
    assert cut.is_scored(places).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"pixels": np.ones(SHAPE, np.uint8)}, False),
        ({"pixels": np.zeros(SHAPE, np.uint16)}, False),
        ({"events": np.array([[1, 2.0, 10, 20]])}, False),
        ({"nothing": np.array([[2.0, 10, 20]])}, False),
        ({"known": np.ones(SHAPE, bool)}, False),
        ({"annotated": (True, False)}, False),
        ({"predicted_nothing_only": True}, False),
        ({"name": "other", "region": ((0, 0, 0), (3, 40, 50))}, True),
    ],
)
def test_the_hash_is_that_of_what_is_known(changed: dict, same: bool) -> None:
    one = training_movie()
    assert (replace(one, **changed).sha256() == one.sha256()) is same


def test_what_is_known_at_a_place() -> None:
    known = np.zeros(SHAPE, bool)
    known[2, :, 25:] = True
    half = replace(training_movie(), known=known, annotated=(True, False))
    assert [half.is_annotated(kind) for kind in (0, 1, None)] == [True, False, False]
    places = [np.array(place, float) for place in ((2.4, 10, 24.6), (2.4, 10, 24.4), (3, 10, 30), (2, 41, 50.5))]
    assert [half.is_known(place, 0) for place in places] == [True, False, False, True]
    assert not any(half.is_known(place, kind) for place in places for kind in (1, None))
    assert all(training_movie().is_known(place, kind) for place in places for kind in (0, None))
