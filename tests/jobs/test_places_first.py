"""Files that cannot be written are reported before anything is computed, in Fiji and on the command line.

Each input has a second fault, which only the computation detects: the message shows which of the two came first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epifiji
from command_line import run
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.jobs.networks import fetch_network, import_network
from labelled_movies import write_blinking
from requests_of_fiji import bytes_of, image, refused

TAKEN = {"rescale": "noise_rescaled.tif", "gallery": "gallery.png"}
TOO_LARGE = {"half_size": "500", "zoom": "20"}
"""A gallery with more pixels than the limit."""

AT_WORK = {"rescale": "NaN", "gallery": "are drawn"}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    made = np.random.default_rng(5).random((8, 40, 50)).astype(np.float32)
    made[-1, -1, -1] = np.nan
    return made


@pytest.fixture
def events(tmp_path: Path) -> Path:
    write_events(tmp_path / "events.csv", [Event("cell_death", frame, 20.0, 20.0) for frame in range(8)])
    return tmp_path / "events.csv"


@pytest.fixture(params=["nothing", "a file", "a file in the folder's place"])
def place(request, tmp_path: Path) -> tuple[str, Path]:
    folder = tmp_path / "out"
    if request.param == "a file in the folder's place":
        folder.write_text("mine")
        return request.param, folder
    folder.mkdir()
    for name in TAKEN.values() if request.param == "a file" else ():
        (folder / name).write_text("mine")
    return request.param, folder


def check(job: str, what: str, folder: Path, said: str) -> None:
    if what == "nothing":
        assert AT_WORK[job] in said
        assert not list(folder.iterdir())
    elif what == "a file":
        assert f"{folder / TAKEN[job]} exists" in said
        assert (folder / TAKEN[job]).read_text() == "mine"
    else:
        assert str(folder) in said
        assert AT_WORK[job] not in said
        assert folder.read_text() == "mine"


@pytest.mark.parametrize("job", TAKEN)
def test_in_fiji(job: str, pixels: np.ndarray, events: Path, place: tuple[str, Path]) -> None:
    what, folder = place
    settings: dict[str, Any] = {"results": str(events), "other_movie": True}
    settings |= {"factor_xy": "2"} if job == "rescale" else TOO_LARGE
    settings["output"] = str(folder if job == "rescale" else folder / TAKEN[job])
    said = refused(job, {"settings": settings, "image": image(pixels), "manager": None}, bytes_of(pixels))
    check(job, what, folder, said)


@pytest.mark.parametrize("job", TAKEN)
def test_on_the_command_line(
    job: str, pixels: np.ndarray, events: Path, place: tuple[str, Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    what, folder = place
    write_movie(Movie(pixels, "noise", 0.2, 300.0), tmp_path / "noise.tif")
    words = {
        "rescale": ["--events", str(events), "--factor-xy", "2", "--out", str(folder)],
        "gallery": [str(events), "--half-size", "500", "--zoom", "20", "--out", str(folder / "gallery.png")],
    }
    code, _, said = run([job, str(tmp_path / "noise.tif"), *words[job]], monkeypatch, capsys)
    assert code == 2
    check(job, what, folder, said)


@pytest.mark.parametrize("job", ["train", "retrain", "import", "fetch"])
def test_a_networks_place_is_checked_before_anything_is_learnt_or_fetched(
    job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "epifiji").write_text("mine")
    write_blinking(tmp_path / "spots", "spots", 1)
    work = {
        "train": lambda: epifiji.train(tmp_path / "spots", steps=10, report=_never),
        "retrain": lambda: epifiji.retrain("epinet", tmp_path / "spots", steps=10, report=_never),
        "import": lambda: import_network("http://127.0.0.1:9/net.zip", sha256="0" * 64),
        "fetch": lambda: fetch_network("notum_all", "http://127.0.0.1:9"),
    }
    with pytest.raises(WrongInputError) as refused_place:
        work[job]()
    assert str(refused_place.value) == (
        f"{tmp_path / 'epifiji'} is a file, but results go into a folder: make sure that you have write permission and "
        "free disk space, or set XDG_DATA_HOME to another folder."
    )
    assert (tmp_path / "epifiji").read_text() == "mine"


def _never(done: float, doing: str) -> None:
    raise AssertionError(doing)
