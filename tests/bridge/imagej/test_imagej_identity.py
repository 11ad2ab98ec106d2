"""In ImageJ results are only shown on their own movie, which is recognised by its pixels, unless the user allows another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import epifiji
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from identity_checks import (
    ANOTHER,
    COMMANDS,
    IDENTITY,
    MOVIE,
    RESULTS,
    another_movie,
    asked_for,
    changed_in_memory,
    its_own,
)
from jvm import Finished, run_checks


@pytest.fixture(scope="module", params=["uint8", "uint16", "float32"])
def done(request, tmp_path_factory: pytest.TempPathFactory, movie_file: Path, network_folder: Path) -> Finished:
    folder = tmp_path_factory.mktemp("identity")
    pixels = epifiji.read_movie(movie_file).frames(0, 12).astype(request.param)
    write_movie(Movie(pixels, "movie", 0.2, 300.0), folder / "movie.tif")
    other = np.random.default_rng(1).integers(0, 255, pixels.shape).astype(request.param)
    write_movie(Movie(other, "another", 0.2, 300.0), folder / "another.tif")
    found = epifiji.detect(folder / "movie.tif", network_folder, threshold=0, min_volume=0, maps="raw")
    results = found.save(folder / "movie_epifiji")
    env = {MOVIE: str(folder / "movie.tif"), ANOTHER: str(folder / "another.tif"), RESULTS: str(results)}
    return run_checks(IDENTITY, tmp_path_factory.mktemp("run"), env=env)


def test_every_command_refuses_another_movie_of_the_same_size(done):
    said = done[another_movie]
    assert said.keys() == COMMANDS.keys()
    for name, sentence in said.items():
        assert "another.tif is not the movie that the results in" in sentence, name
        assert "other_movie" in sentence


def test_a_changed_movie_is_refused(done):
    assert "is not the movie" in done[changed_in_memory]


def test_the_right_movie_is_recognised_in_memory_too(done):
    assert done[its_own] == "done"


def test_another_movie_is_accepted_with_other_movie(done):
    assert done[asked_for] == "done"
