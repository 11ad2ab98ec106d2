"""Names that results cannot have are refused before anything is computed, and one movie's failure does not stop a batch."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from command_line import run_here


def detect(network: Path, *arguments: str | bytes | Path) -> tuple[int, str, str]:
    """Detect on the command line: (exit code, standard output, standard error)."""
    return run_here("detect", *map(os.fsdecode, arguments), "--network", str(network))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 240, "more than 240"),
        ("a\nb", "the character '\\n'"),
        ("CON", "Windows reserves that name for a device"),
        ("aux.day 1", "Windows reserves that name for a device"),
    ],
    ids=["long", "line break", "device", "device with an ending"],
)
def test_a_name_that_results_cannot_have(
    tmp_path: Path, movie_file: Path, network_folder: Path, name: str, words: str
) -> None:
    movie = tmp_path / f"{name}.tif"
    shutil.copy(movie_file, movie)
    code, _, error = detect(network_folder, movie, "--threshold", "0", "--min-volume", "0")
    assert code == 2, error
    assert words in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [movie]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_whose_bytes_are_no_letters(tmp_path: Path, movie_file: Path, network_folder: Path) -> None:
    movie = os.fsencode(tmp_path) + b"/wing\xff.tif"
    shutil.copy(movie_file, movie)
    code, _, error = detect(network_folder, movie)
    assert code == 2
    assert "does not consist of Unicode characters" in error
    assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208 - the name is no text


def test_a_name_cannot_control_the_terminal(tmp_path: Path, movie_file: Path, network_folder: Path) -> None:
    movie = tmp_path / "a\u202e[bold]b.tif"
    shutil.copy(movie_file, movie)
    code, out, error = detect(network_folder, movie)
    assert code == 0, error
    assert "\u202e" not in out + error
    assert r"a\u202e[bold]b: " in out
    _, as_json, _ = detect(network_folder, movie, "--overwrite", "--json")
    assert "\u202e" not in as_json
    assert json.loads(as_json)["results"][0]["movie"] == movie.stem
    code, _, error = detect(network_folder, tmp_path / "\x1b[2Jnone\n.tif")
    assert code == 2
    assert "\x1b" not in error
    assert error.count("\n") == 1


def test_a_batch_goes_on_after_a_file_that_cannot_be_written(
    tmp_path: Path, movie_file: Path, network_folder: Path
) -> None:
    movies = [tmp_path / f"{name}.tif" for name in "abc"]
    for movie in movies:
        shutil.copy(movie_file, movie)
    (tmp_path / "b_epifiji" / "events.csv").mkdir(parents=True)
    code, _, error = detect(network_folder, *movies, "--overwrite")
    assert code == 2
    assert "b_epifiji/events.csv" in error
    assert "1 of 3 movies could not be used" in error
    assert [(tmp_path / f"{name}_epifiji" / "run.json").exists() for name in "abc"] == [True, False, True]
