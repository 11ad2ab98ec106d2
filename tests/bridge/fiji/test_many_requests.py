"""The requests for many movies and for their pooled events."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.networks.store import write_network
from requests_of_fiji import ask, refused
from small_networks import small_network


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    network = write_network(small_network(1, seed=15), tmp_path_factory.mktemp("network") / "quick")
    return {"network": str(network), "threshold": "0", "min_volume": "0", "step_xy": "20"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, settings: dict[str, str]) -> Path:
    """Two conditions of two movies each with results, and one movie that is there twice."""
    folder = tmp_path_factory.mktemp("movies")
    movie = read_movie(movie_file)
    for number, place in enumerate(("control/a", "control/b", "drug/a", "drug/c")):
        file = folder / f"{place}.tif"
        file.parent.mkdir(exist_ok=True)
        write_movie(type(movie)(movie.frames(0, 12) + np.uint8(number), file.stem), file)
        ask("detect", {"settings": settings | {"input": str(file)}})
    return folder


def planned(given: dict[str, Any], images: Any = ()) -> dict[str, Any]:
    return ask("plan_many", {"settings": given, "images": list(images)})["result"]


def test_movies_with_results_are_done(folder: Path, settings: dict[str, str]) -> None:
    found = planned(settings | {"folder": str(folder)})
    assert [(one["name"], one["condition"], one["state"]) for one in found["movies"]] == [
        ("a", "control", "done"), ("b", "control", "done"), ("a", "drug", "done"), ("c", "drug", "done"),
    ]  # fmt: skip
    assert found["pooled"] == str(folder / "pooled")
    assert found["classes"] == ["cell_death", "cell_sop", "cell_division"]
    assert all(one["size"] > 0 and one["counts"] for one in found["movies"])


def test_other_results_are_refused_in_the_words_of_macros(folder: Path, settings: dict[str, str]) -> None:
    found = planned(settings | {"folder": str(folder), "step_xy": "30"})
    assert {one["state"] for one in found["movies"]} == {"refused"}
    assert found["reasons"][0].endswith(
        "with step_xy 20 instead of 30: specify overwrite to replace them, or another out."
    )


def test_open_images_are_movies(folder: Path, settings: dict[str, str], tmp_path: Path) -> None:
    images = [{"title": "a.tif", "file": str(folder / "control" / "a.tif")}, {"title": "new", "file": None}]
    found = planned(settings, images)
    assert [one["state"] for one in found["movies"]] == ["done", "refused"]
    found = planned(settings | {"out": str(tmp_path)}, images)
    assert [one["folder"] for one in found["movies"]] == [str(tmp_path / "a_epifiji"), str(tmp_path / "new_epifiji")]


def test_nothing_to_do_is_refused(settings: dict[str, str]) -> None:
    said = refused("plan_many", {"settings": settings, "images": []})
    assert said == "No movie is open, and no folder was specified: open movies, or choose their folder."


def test_a_table_of_conditions_with_a_missing_or_an_unknown_movie(
    folder: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "conditions.csv"
    given = settings | {"folder": str(folder), "conditions": str(table)}
    table.write_text("movie,condition\na,x\nb,y\n")
    assert "c (" in refused("plan_many", {"settings": given, "images": []})
    table.write_text("movie,condition\na,x\nb,y\nc,y\nd,y\n")
    found = planned(given)
    assert [one["condition"] for one in found["movies"]] == ["x", "y", "x", "y"]
    assert found["notices"] == ["The table of conditions names d, which is not among the movies."]


def test_a_movie_that_is_done_under_another_name_is_refused(
    folder: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(folder / "control" / "a.tif", tmp_path / "copy.tif")
    request = {
        "settings": settings | {"input": str(tmp_path / "copy.tif")},
        "done": [str(folder / "control" / "a_epifiji")],
    }
    assert "copy has the same pixels as the movie of" in refused("detect", request)
    assert [file.name for file in tmp_path.iterdir()] == ["copy.tif"]


def test_pooled_tables_are_written_and_shown(folder: Path, tmp_path: Path) -> None:
    given = {"results": str(folder), "out": str(tmp_path / "pooled")}
    found = ask("pool", {"settings": given})["result"]
    movies, conditions = found["tables"]
    assert {(row[0], row[1]) for row in movies["rows"]} == {
        ("a", "control"), ("b", "control"), ("a", "drug"), ("c", "drug"),
    }  # fmt: skip
    assert len(conditions["rows"]) == 6
    assert sorted(file.name for file in (tmp_path / "pooled").iterdir()) == [
        "conditions.csv", "pooled.csv", "pooled.png",
    ]  # fmt: skip
    assert found["pictures"] == [str(tmp_path / "pooled" / "pooled.png")]
    assert "exists and would be overwritten" in refused("pool", {"settings": given})


def test_only_some_results_are_pooled(folder: Path, tmp_path: Path) -> None:
    folders = [str(folder / "control" / "a_epifiji"), str(folder / "drug" / "c_epifiji")]
    found = ask("pool", {"settings": {"out": str(tmp_path)}, "folders": folders})["result"]
    assert {row[0] for row in found["tables"][0]["rows"]} == {"a", "c"}


def test_a_pool_of_nothing_is_refused() -> None:
    assert refused("pool", {"settings": {}}) == (
        "No results were specified, but a folder of result folders is needed: give results=[folder]."
    )
