"""Results belong to one movie: it is found by its content, and no other movie is accepted."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.results.movie_identity import find_movie, is_movie_of
from epifiji.files.results.result_folder import read_record
from movie_files import write_zarr

LOOSE = {"threshold": 0, "min_volume": 0, "maps": "raw"}
Terminal = Callable[..., tuple[int, str]]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Run the command line in this process; returns (exit code, text of both outputs)."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["epifiji", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, network_folder: Path) -> Path:
    """A folder with a calibrated movie and its results with maps."""
    place = tmp_path_factory.mktemp("detected")
    shutil.copy2(movie_file, place / "noise.tif")
    epifiji.detect(place / "noise.tif", network_folder, **LOOSE).save(place / "noise_epifiji")
    return place


@pytest.fixture
def moved(detected: Path, tmp_path: Path) -> Path:
    """The same folder, carried elsewhere with everything in it."""
    return Path(shutil.copytree(detected, tmp_path / "moved"))


def another(path: Path, size: tuple[int, ...] = (12, 70, 80), um: float = 9.0) -> Path:
    """Write another movie of the same size, with another calibration."""
    write_movie(Movie(np.random.default_rng(99).integers(0, 255, size).astype(np.uint8), path.stem, um, 7.0), path)
    return path


def found(results: Path) -> str | None:
    return find_movie(read_record(results), results)


class TestFinding:
    def test_it_is_found_where_the_folder_was_carried_to(self, moved, detected):
        shutil.move(detected / "noise.tif", detected / "away.tif")
        try:
            assert found(moved / "noise_epifiji") == str(moved / "noise.tif")
        finally:
            shutil.move(detected / "away.tif", detected / "noise.tif")

    def test_the_movie_next_to_the_results_precedes_the_recorded_one(self, moved):
        assert found(moved / "noise_epifiji") == str(moved / "noise.tif")

    def test_under_another_name_it_is_recognised_by_its_content(self, moved, detected, tmp_path):
        record = read_record(moved / "noise_epifiji").entries()
        record["movie"]["file"] = str(tmp_path / "nowhere" / "noise.tif")
        (moved / "noise_epifiji" / "run.json").write_text(json.dumps(record))
        (moved / "noise.tif").rename(moved / "renamed.tif")
        assert found(moved / "noise_epifiji") == str(moved / "renamed.tif")

    def test_a_zarr_folder_is_a_movie_as_a_file_is(self, detected, tmp_path, network_folder, terminal):
        folder = write_zarr(tmp_path / "noise.zarr", read_movie(detected / "noise.tif").frames(0, 12), version=3)
        loose = ("--threshold", 0, "--min-volume", 0)
        code, said = terminal("detect", f"{folder}{os.sep}", "--network", network_folder, *loose)
        assert (code, f"results: {tmp_path / 'noise_epifiji'}" in said) == (0, True)
        tables = [(place / "noise_epifiji" / "events.csv").read_text() for place in (detected, tmp_path)]
        of_file, of_folder = ([line.split(",")[:6] for line in table.splitlines()] for table in tables)
        assert of_file == of_folder
        folder.rename(tmp_path / "renamed.zarr")
        assert found(tmp_path / "noise_epifiji") == str(tmp_path / "renamed.zarr")

    def test_another_movie_in_its_place_is_not_accepted(self, moved, detected, tmp_path):
        record = read_record(moved / "noise_epifiji").entries()
        record["movie"]["file"] = str(moved / "noise.tif")
        (moved / "noise_epifiji" / "run.json").write_text(json.dumps(record))
        (moved / "noise.tif").unlink()
        state = (detected / "noise.tif").stat()
        another(moved / "noise.tif")
        os.utime(moved / "noise.tif", ns=(state.st_atime_ns, state.st_mtime_ns))
        assert found(moved / "noise_epifiji") is None

    def test_saved_again_with_another_calibration_it_is_the_same_by_its_pixels(self, moved):
        pixels = tifffile.imread(moved / "noise.tif")
        (moved / "noise.tif").unlink()
        write_movie(Movie(pixels, "noise", 0.5, 60.0), moved / "noise.tif")
        assert found(moved / "noise_epifiji") == str(moved / "noise.tif")

    def test_a_relative_path_of_an_earlier_version_leads_nowhere_else(self, moved, tmp_path, monkeypatch):
        """Earlier versions wrote the path as it was specified; from another folder it would be another movie's."""
        record = read_record(moved / "noise_epifiji").entries()
        known = {key: record["movie"][key] for key in ("name", "sha256", "shape", "dtype")}
        record["movie"] = known | {"file": "noise.tif"}
        (moved / "noise_epifiji" / "run.json").write_text(json.dumps(record))
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        another(elsewhere / "noise.tif")
        monkeypatch.chdir(elsewhere)
        assert found(moved / "noise_epifiji") == str(moved / "noise.tif")
        (moved / "noise.tif").unlink()
        assert found(moved / "noise_epifiji") is None

    def test_equal_bytes_of_another_type_are_another_movie(self):
        pixels = np.random.default_rng(0).integers(0, 30000, (6, 10, 10)).astype(np.uint16)
        result = {"dtype": "uint16", "shape": [6, 10, 10], "pixels_sha256": Movie(pixels).sha256()}
        recorded = epifiji.data.record.RecordedMovie(**result)
        assert is_movie_of(Movie(pixels), recorded) is True
        assert is_movie_of(Movie(pixels.view(np.int16)), recorded) is False


class TestCommands:
    def test_rois_keep_the_movies_scale_wherever_they_are_run(self, moved, tmp_path, monkeypatch, terminal):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        another(elsewhere / "noise.tif")
        monkeypatch.chdir(elsewhere)
        (moved / "noise.tif").unlink()
        results = moved / "noise_epifiji"
        record = read_record(results).entries()
        record["movie"]["file"] = "noise.tif"
        (results / "run.json").write_text(json.dumps(record))
        code, said = terminal("rois", results, "--threshold", 0, "--min-volume", 0, "--overwrite")
        assert code == 0
        assert "was not found with the same pixels" in said
        header, first = (results / "events.csv").read_text().splitlines()[:2]
        row = dict(zip(header.split(","), first.split(","), strict=True))
        # The movie of the fixture has 0.2 um a pixel and a frame every 300 s.
        assert float(row["y_um"]) == pytest.approx(0.2 * float(row["y"]), abs=2e-3)
        assert float(row["time_min"]) == pytest.approx(5 * (int(row["frame"]) - 1), abs=1e-3)

    @pytest.mark.parametrize("command", ["gallery", "crop", "rescale", "rois", "plot"])
    def test_another_movie_of_the_same_size_is_refused_unless_asked_for(self, moved, tmp_path, terminal, command):
        movie, results, out = another(tmp_path / "another.tif"), moved / "noise_epifiji", tmp_path / "out"
        arguments = {
            "gallery": ["gallery", movie, results, "--out", tmp_path / "gallery.png"],
            "crop": ["crop", movie, "--events", results, "--out", out],
            "rescale": ["rescale", movie, "--events", results, "--factor-xy", 0.5, "--out", out],
            "rois": ["rois", results, "--movie", movie, "--out", out],
            "plot": ["plot", results, "--movie", movie, "--permutations", 19, "--within", "frame", "--out", out],
        }[command]
        code, said = terminal(*arguments)
        assert code == 2
        assert "another" in said
        assert "noise.tif" in said
        assert not out.exists()
        assert not (tmp_path / "gallery.png").exists()
        code, said = terminal(*arguments, "--other-movie")
        assert code == 0
        assert "is not the movie that the results in" in said

    @pytest.mark.parametrize("source", ["noise_epifiji", "noise_epifiji/events.csv"])
    def test_its_own_movie_is_taken_under_any_name(self, moved, tmp_path, terminal, source):
        shutil.copy(moved / "noise.tif", tmp_path / "copy.tif")
        code, said = terminal("gallery", tmp_path / "copy.tif", moved / source, "--out", tmp_path / "gallery.png")
        assert (code, "not the movie" in said) == (0, False)

    def test_results_of_an_earlier_version_are_compared_by_the_files_hash(self, moved, tmp_path, terminal):
        results = moved / "noise_epifiji"
        record = read_record(results).entries()
        for key in ("pixels_sha256", "file_state", "file_from_results"):
            del record["movie"][key]
        (results / "run.json").write_text(json.dumps(record))
        assert terminal("gallery", moved / "noise.tif", results, "--out", tmp_path / "a.png")[0] == 0
        movie = another(tmp_path / "another.tif")
        assert terminal("gallery", movie, results, "--out", tmp_path / "b.png")[0] == 2

    def test_a_comparison_of_two_movies_says_so(self, moved, tmp_path, network_folder):
        other = another(tmp_path / "another.tif")
        results = epifiji.detect(other, network_folder, **LOOSE).save(tmp_path / "another_epifiji")
        (notice,) = epifiji.compare(moved / "noise_epifiji", results).notices
        assert "different pixels" in notice
        assert "another.tif" in notice
        assert epifiji.compare(moved / "noise_epifiji", moved / "noise_epifiji" / "events.csv").notices == ()


class TestMoviesThatChange:
    def replaced_during(
        self, change: Callable[[Path], object], tmp_path: Path, movie_file: Path, network: Path
    ) -> None:
        path = tmp_path / "noise.tif"
        shutil.copy2(movie_file, path)
        seen: list[str] = []

        def report(_: float, doing: str) -> None:
            if not seen:
                change(path)
            seen.append(doing)

        epifiji.detect(path, network, report, **LOOSE).save(tmp_path / "noise_epifiji")
        assert seen

    def test_a_movie_that_was_replaced_is_refused(self, tmp_path, movie_file, network_folder):
        def change(path: Path) -> None:
            another(path.with_name("new.tif")).replace(path)

        with pytest.raises(WrongInputError, match="was changed or removed during the detection"):
            self.replaced_during(change, tmp_path, movie_file, network_folder)
        assert not (tmp_path / "noise_epifiji").exists()

    def test_a_replaced_movie_with_the_same_time_stamp_is_refused(self, tmp_path, movie_file, network_folder):
        def change(path: Path) -> None:
            new, state = another(path.with_name("new.tif")), path.stat()
            data = new.read_bytes()[: state.st_size].ljust(state.st_size, b"\0")
            new.write_bytes(data)
            os.utime(new, ns=(state.st_atime_ns, state.st_mtime_ns))
            new.replace(path)

        with pytest.raises(WrongInputError, match="was changed or removed during the detection"):
            self.replaced_during(change, tmp_path, movie_file, network_folder)

    def test_a_movie_that_was_written_into_is_refused(self, tmp_path, movie_file, network_folder):
        def change(path: Path) -> None:
            with path.open("r+b") as file:
                file.seek(2000)
                file.write(b"\xff" * 500)

        with pytest.raises(WrongInputError, match="was changed or removed during the detection"):
            self.replaced_during(change, tmp_path, movie_file, network_folder)

    @pytest.mark.skipif(os.name == "nt", reason="Windows keeps other rights")
    def test_other_permissions_are_no_change(self, tmp_path, movie_file, network_folder):
        self.replaced_during(lambda path: path.chmod(0o600), tmp_path, movie_file, network_folder)
        assert (tmp_path / "noise_epifiji" / "run.json").is_file()

    def test_one_that_was_opened_before_it_was_replaced_is_refused_at_once(self, tmp_path, movie_file, network_folder):
        path = tmp_path / "noise.tif"
        shutil.copy2(movie_file, path)
        opened = read_movie(path)
        another(tmp_path / "new.tif").replace(path)
        with pytest.raises(WrongInputError, match="was changed or removed during the detection"):
            epifiji.detect(opened, network_folder, **LOOSE)


def test_the_record_says_where_the_movie_is_from_both_sides(detected):
    movie = json.loads((detected / "noise_epifiji" / "run.json").read_text())["movie"]
    assert Path(movie["file"]) == (detected / "noise.tif").absolute()
    assert movie["file_from_results"] == "../noise.tif"
    assert movie["pixels_sha256"] == read_movie(detected / "noise.tif").sha256()
