"""Measuring the cells around events as a menu command: headless, and with a window."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cells_around_checks import HEADLESS, WINDOW, measured_headless, measured_in_a_window, refused
from demo_movie import demo_movie
from desktop import desktop
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.results.cells_around import FILES
from epifiji.files.results.events_table import write_events
from epifiji.files.results.movie_identity import described_movie
from epifiji.files.results.result_folder import write_record
from folders import names
from jvm import Finished, run_checks


def files(folder: Path) -> Path:
    """Put a movie with the results of a detection, and another movie, into a folder."""
    made, known = demo_movie()
    write_movie(made, folder / "m.tif")
    write_movie(Movie(made.frames(0, 30)[::-1]), folder / "other.tif")
    (folder / "m_epifiji").mkdir()
    movie = read_movie(folder / "m.tif")
    write_record(folder / "m_epifiji" / "run.json", {"movie": described_movie(movie, movie.sha256())})
    events = [next(one for one in known if one.event == "cell_division"), Event("cell_death", 1, 80, 80)]
    write_events(folder / "m_epifiji" / "events.csv", events)
    return folder


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_checks(HEADLESS, files(tmp_path_factory.mktemp("headless")))


def test_all_files_are_written_and_the_division_is_followed(headless: Finished) -> None:
    assert headless[measured_headless] is None
    assert names(headless.folder / "m_epifiji" / "cells") == sorted(FILES)
    with (headless.folder / "m_epifiji" / "cells" / "followed_events.csv").open(encoding="utf-8") as file:
        rows = {row["event"]: row for row in csv.DictReader(file)}
    assert rows["cell_death"]["problem"] == "fewer than two frames before the event"
    assert rows["cell_division"]["followed"] == "yes"
    assert abs(int(rows["cell_division"]["end frame"]) - int(rows["cell_division"]["frame"])) <= 2
    assert "EpiFiji: cell_death: 0 of 1 followed, 1 could not be followed; cell_division: 1 of 1" in headless.out


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no results", "No results were specified, but events are needed: give results=[folder]."),
        ("missing", "does not exist"),
        ("exists", "exists and would be overwritten"),
        ("other movie", "is not the movie that the results in"),
        ("bad setting", "before is '1', but it must be a whole number from 3 to 500"),
    ],
)
def test_impossible_requests_are_refused_in_one_sentence(headless: Finished, what: str, words: str) -> None:
    assert words in headless[refused][what]


def test_with_a_window_there_are_curves_gallery_table_and_outlines(tmp_path: Path) -> None:
    files(tmp_path)
    with desktop() as display:
        seen = run_checks(WINDOW, tmp_path, headless=False, env={"DISPLAY": display})[measured_in_a_window]
    assert {"m-aligned", "m-cell_gallery"} <= set(seen["titles"])
    assert seen["table"]["columns"][:3] == ["number", "event", "frame"]
    assert len(seen["table"]["rows"]) == 2
    assert len(seen["rois"]) > 16
    assert all(name.startswith(f"cell 2 frame {frame}") for name, frame in seen["rois"])
