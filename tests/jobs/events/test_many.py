"""Many movies: which are found, where their results belong, and which are there already."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.settings.detection import DetectionSettings
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.networks.store import write_network
from epifiji.jobs.events.detect import detect
from epifiji.jobs.events.many import (
    PlannedMovie,
    WantedResults,
    folder_of_pool,
    left_out_notice,
    movies_in,
    plan,
    planned_files,
    require_new,
    without_repeats,
)
from epifiji.jobs.networks import event_network_of
from small_networks import small_network

SETTINGS = {"threshold": 0, "min_volume": 0, "step_xy": 20}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> EventNetwork:
    return event_network_of(write_network(small_network(1, seed=3), tmp_path_factory.mktemp("network") / "quick"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, network: EventNetwork) -> Path:
    """A folder with two movies of one name in two subfolders, of which the first has results."""
    folder = tmp_path_factory.mktemp("whole")
    for number, condition in enumerate(("control", "drug")):
        (folder / condition).mkdir()
        movie = read_movie(movie_file)
        shifted = movie.frames(0, 12) + np.uint8(number)
        write_movie(type(movie)(shifted, "a"), folder / condition / "a.tif")
    detect(folder / "control" / "a.tif", network, **SETTINGS).save(out=folder / "control")
    return folder


@pytest.fixture
def folder(tmp_path: Path, whole: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "movies"))


def planned(folder: Path, network: EventNetwork, overwrite: bool = False, **settings: object) -> list[PlannedMovie]:
    wanted = WantedResults.of(network, DetectionSettings(**(SETTINGS | settings)))  # type: ignore[arg-type]
    return plan(planned_files(movies_in(folder), folder, None), wanted, overwrite=overwrite)


def test_results_of_the_same_settings_and_movie_are_done(folder: Path, network: EventNetwork) -> None:
    first, second = planned(folder, network)
    assert (first.state, first.condition, second.state, second.condition) == ("done", "control", "waiting", "drug")
    record = json.loads((folder / "control" / "a_epifiji" / "run.json").read_text())
    assert first.counts == record["counts"]
    # How it was computed does not matter.
    assert planned(folder, network, memory=2000, device="cpu")[0].state == "done"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step_xy": 10}, "contains results with step_xy 20 instead of 10: "),
        ({"events": "cell_sop"}, "with events cell_death,cell_sop,cell_division instead of cell_sop: "),
        ({"maps": "raw"}, "contains results with maps none instead of raw: "),
    ],
)
def test_results_of_other_settings_are_refused_unless_they_may_be_replaced(
    folder: Path, network: EventNetwork, settings: dict[str, object], words: str
) -> None:
    first, second = planned(folder, network, **settings)
    assert first.state == "refused"
    assert words in first.reason
    assert second.state == "waiting"
    assert planned(folder, network, True, **settings)[0].state == "waiting"


def test_results_of_another_network_or_movie_are_refused(folder: Path, network: EventNetwork, tmp_path: Path) -> None:
    other = event_network_of(write_network(small_network(1, seed=4), tmp_path / "other"))
    assert "with the network small instead of small" in planned(folder, other)[0].reason
    shutil.copy(folder / "drug" / "a.tif", folder / "control" / "a.tif")
    assert "with another content of the movie's file: " in planned(folder, network)[0].reason


def test_a_copied_folder_is_done_too(folder: Path, network: EventNetwork) -> None:
    os.utime(folder / "control" / "a.tif", (1e9, 1e9))
    assert planned(folder, network)[0].state == "done"


@pytest.mark.parametrize("content", ["{", '{"movie": {"name": "b"}}'])
def test_a_damaged_record_or_one_of_another_movie_is_refused(folder: Path, network: EventNetwork, content: str) -> None:
    (folder / "control" / "a_epifiji" / "run.json").write_text(content)
    first = planned(folder, network)[0]
    assert first.state == "refused"
    assert first.reason.endswith(".")


def test_results_and_hidden_files_are_no_movies(folder: Path) -> None:
    (folder / ".hidden.tif").touch()
    (folder / "notes.txt").touch()
    (folder / "control" / "a_epifiji" / "a_cell_death_rawproba.tif").touch()
    (folder / "pooled").mkdir()
    (folder / "pooled" / "b.tif").touch()
    assert [str(one.relative_to(folder)) for one in movies_in(folder)] == [
        os.path.join("control", "a.tif"), os.path.join("drug", "a.tif"),  # noqa: PTH118
    ]  # fmt: skip
    assert len(movies_in(folder, "*.TXT, a.tif")) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pattern": "*.lif"}, "contains no movies named *.lif: "),
        ({"subfolders": False}, "contains no movies (.tif, .tiff, .zarr): "),
    ],
)
def test_a_folder_without_movies_is_refused(folder: Path, given: dict[str, object], words: str) -> None:
    with pytest.raises(WrongInputError) as problem:
        movies_in(folder, **given)  # type: ignore[arg-type]
    assert words in str(problem.value)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError) as problem:
        movies_in(tmp_path / "no")
    assert "does not exist, but it must contain the movies" in str(problem.value)


def test_copies_and_images_that_are_open_twice_count_once(folder: Path) -> None:
    shutil.copy(folder / "control" / "a.tif", folder / "drug" / "b.tif")
    size = (folder / "drug" / "a.tif").stat().st_size
    (folder / "drug" / "c.tif").write_bytes(bytes(size))
    movies = planned_files(movies_in(folder), folder, None)
    assert [movie.name for movie in movies] == ["a", "a", "b", "c"]
    kept, notices = without_repeats(
        [*movies, movies[1], PlannedMovie("new", None, None), PlannedMovie("new", None, None)]
    )
    assert kept == [0, 1, 3, 5, 6]
    assert notices == [
        f"{movies[2].path} is a copy of {movies[0].path}, so it is left out: each movie counts once.",
        f"{movies[1].path} is open more than once, but each movie counts once.",
    ]


def test_hdf5_files_are_reported_but_no_movies(folder: Path) -> None:
    assert left_out_notice(folder) is None
    for name in ("x.h5", "y.HDF5"):
        (folder / "drug" / name).touch()
    assert left_out_notice(folder, subfolders=False) is None
    said = "2 HDF5 files are left out, the first is x.h5: specify --pattern *.h5 if they are movies."
    assert left_out_notice(folder) == said
    (folder / "only").mkdir()
    (folder / "only" / "z.h5").touch()
    with pytest.raises(WrongInputError) as problem:
        movies_in(folder / "only")
    assert str(problem.value).endswith(
        "1 HDF5 file is left out, the first is z.h5: specify --pattern *.h5 if they are movies."
    )


def test_two_movies_of_one_name_in_a_folder_are_refused_once(folder: Path, network: EventNetwork) -> None:
    shutil.copy(folder / "control" / "a.tif", folder / "drug" / "A.tiff")
    states = [one.state for one in planned(folder, network)]
    assert states == ["done", "waiting", "refused"]
    assert "has the same name, so the results of both" in planned(folder, network)[2].reason


def test_an_image_that_is_not_saved_needs_a_folder(network: EventNetwork) -> None:
    wanted = WantedResults.of(network, DetectionSettings())
    (only,) = plan([PlannedMovie("a", None, None)], wanted)
    assert only.state == "refused"
    assert only.reason.startswith("a was not opened from a file, but results are written into files: save it first")


def test_a_movie_without_a_condition_is_refused(folder: Path, network: EventNetwork) -> None:
    wanted = WantedResults.of(network, DetectionSettings())
    with pytest.raises(WrongInputError) as problem:
        plan(planned_files(movies_in(folder), folder, None), wanted, {"b": "control"})
    assert "is not in the table of conditions, but each movie needs one" in str(problem.value)


def test_the_same_movie_counts_once(folder: Path) -> None:
    movie = read_movie(folder / "control" / "a.tif")
    done = [str(folder / "control" / "a_epifiji")]
    with pytest.raises(WrongInputError) as problem:
        require_new(movie, done)
    assert "has the same pixels as the movie of" in str(problem.value)
    require_new(read_movie(folder / "drug" / "a.tif"), done)


def test_results_elsewhere_keep_the_subfolders(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    places = [one.folder for one in planned_files(movies_in(folder), folder, out)]
    assert places == [out / "control" / "a_epifiji", out / "drug" / "a_epifiji"]


def test_the_pooled_table_is_in_the_folder_of_all(folder: Path, tmp_path: Path) -> None:
    movies = planned_files(movies_in(folder), folder, None)
    assert folder_of_pool(movies, str(folder), None) == folder / "pooled"
    assert folder_of_pool(movies, str(folder), str(tmp_path / "out")) == tmp_path / "out" / "pooled"
    assert folder_of_pool(movies, None, None) == folder / "pooled"
    assert folder_of_pool([PlannedMovie("a", None, None)], None, None) is None
