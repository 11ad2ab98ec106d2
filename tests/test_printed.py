"""What Python prints of results, and how numpy and other libraries read a movie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Review
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import read_network


@pytest.fixture(scope="module")
def simulated() -> tuple[Movie, list[Event]]:
    return epifiji.simulate(frames=12, height=80, width=90, extrusions=0, divisions=0, sops=0)


def test_numpy_takes_a_movie(simulated: tuple[Movie, list[Event]]) -> None:
    movie, _ = simulated
    array = np.asarray(movie)
    assert (array.shape, array.dtype) == ((12, 80, 90), movie.pixels.dtype)
    assert np.shares_memory(array, movie.pixels)
    copied = np.array(movie)
    copied += 1
    assert not np.array_equal(copied, movie.pixels)
    assert np.asarray(movie, dtype=np.float32).dtype == np.float32
    assert float(np.mean(movie)) == pytest.approx(float(np.mean(movie.pixels)))
    assert len(movie) == 12
    with pytest.raises(ValueError, match="copy"):
        np.asarray(movie, dtype=np.float64, copy=False)


def test_tifffile_writes_a_movie_as_it_is(simulated: tuple[Movie, list[Event]], tmp_path: Path) -> None:
    movie, _ = simulated
    tifffile.imwrite(tmp_path / "movie.tif", movie, imagej=True, metadata={"axes": "TYX"})
    assert np.array_equal(tifffile.imread(tmp_path / "movie.tif"), movie.pixels)


def test_a_movie_in_a_file_is_read_by_numpy(movie_file: Path) -> None:
    assert np.array_equal(np.asarray(read_movie(movie_file)), tifffile.imread(movie_file))


def test_what_is_printed_says_what_there_is_and_dumps_no_arrays(
    simulated: tuple[Movie, list[Event]], network_folder: Path, movie_file: Path
) -> None:
    movie, _ = simulated
    result = epifiji.detect(read_movie(movie_file), network_folder, threshold=0, min_volume=0, maps="raw")
    review = Review([Event("cell_death", 1, 2, 3), Event("cell_sop", 1, 2, 3)])
    review.do(Action(0, "keep"))
    network = read_network(network_folder)
    shown = {
        repr(movie): ["Movie simulated_0", "12 frames of 90 x 80 px"],
        repr(read_movie(movie_file)): ["noise", "uint8", "0.2 µm a pixel", "300 s a frame"],
        repr(result): [
            "noise",
            network.description.name,
            f"{result.counts['cell_death']} cell_death",
            "maps: rawproba",
        ],
        repr(network): [network.description.name, "dexnet", "cell_death"],
        repr(review): ["1 of 2 events decided, 0 added"],
        repr(simulate_tissue(frames=8, height=80, width=80, extrusions=0, divisions=0, sops=0)): [
            "8 frames of 80 x 80 px"
        ],
    }
    for text, words in shown.items():
        assert len(text) < 300
        assert "\n" not in text
        assert "array" not in text
        for word in words:
            assert word in text
