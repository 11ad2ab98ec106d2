"""In ImageJ results are only shown on their own movie, which is recognised by its pixels, unless the user allows another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import epifiji
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from identity_checks import COMMANDS, IDENTITY, TYPES, another_movie, asked_for, changed_in_memory, its_own
from jvm import Finished, run_checks


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, epinet_folder: Path) -> Finished:
    """Run the checks for movies of all types in one ImageJ."""
    run = tmp_path_factory.mktemp("identity")
    for name in TYPES:
        folder = run / name
        folder.mkdir()
        pixels = epifiji.read_movie(movie_file).frames(0, 12).astype(name)
        write_movie(Movie(pixels, "movie", 0.2, 300.0), folder / "movie.tif")
        other = np.random.default_rng(1).integers(0, 255, pixels.shape).astype(name)
        write_movie(Movie(other, "another", 0.2, 300.0), folder / "another.tif")
        # Events of the rarest class only: galleries and plots of more take most of the time.
        loose = {"events": ["cell_sop"], "threshold": 0, "min_volume": 0}
        found = epifiji.detect(folder / "movie.tif", epinet_folder, maps="raw", **loose)
        assert found.events
        found.save(folder / "movie_epifiji")
    return run_checks(IDENTITY, run)


pytestmark = pytest.mark.parametrize("pixels", TYPES)


def test_every_command_refuses_another_movie_of_the_same_size(done, pixels):
    said = done[another_movie][pixels]
    assert said.keys() == COMMANDS.keys()
    for name, sentence in said.items():
        assert "another.tif is not the movie that the results in" in sentence, name
        assert "other_movie" in sentence


def test_a_changed_movie_is_refused(done, pixels):
    assert "is not the movie" in done[changed_in_memory][pixels]


def test_the_right_movie_is_recognised_in_memory_too(done, pixels):
    assert done[its_own][pixels] == "done"


def test_another_movie_is_accepted_with_other_movie(done, pixels):
    assert done[asked_for][pixels] == "done"
