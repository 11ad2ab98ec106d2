"""The macro of the documentation runs unchanged: with and without a window, in this process and with the worker."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from desktop import desktop
from epifiji.bridge.imagej import ImageJ
from epifiji.engine.simulation.movie import DEMO, simulate
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from jvm import run_checks
from pages import PAGES
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from small_networks import small_network


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    write_network(small_network(1, seed=15), folder / "notum_all")
    return folder


def macro(folder: Path) -> str:
    """Return the page's macro with this folder in place of /data, and the movie activated before each call."""
    (block,) = re.findall(r"```ijm\n(// The open movie; the events.*?)```", PAGES["howto/batch-macro.md"], re.DOTALL)
    assert block.count("run(") == 4
    in_front = 'selectImage("movie.tif");\nrun('
    calls = block.replace("/data", str(folder)).replace("run(", in_front)
    return f'open("{folder / "movie.tif"}");\n{calls}File.saveString(problem, "{folder / "problem.txt"}");\n'


def in_process(imagej: ImageJ, folder: Path) -> Any:
    return imagej.run_macro(macro(folder))


@pytest.mark.parametrize("window", [False, True], ids=["headless", "window"])
@pytest.mark.parametrize("host", ["this process", "worker"])
def test_the_macro_of_the_page_runs(
    host: str, window: bool, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(networks))
    movie, _ = simulate(**DEMO)
    for name in ("movie", "movie 1"):
        write_movie(movie, tmp_path / f"{name}.tif")
    if window:
        with desktop() as display:
            monkeypatch.setenv("DISPLAY", display)
            run_in(host, tmp_path, window)
    else:
        run_in(host, tmp_path, window)
    assert (tmp_path / "problem.txt").read_text() == ""
    records = {path.parent.name: json.loads(path.read_text())["settings"] for path in tmp_path.rglob("run.json")}
    written = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("run.json")}
    beside = set() if window else {"movie_epifiji"}
    assert written == {"my results/movie_epifiji", "my results/movie 1_epifiji"} | beside
    assert records["movie 1_epifiji"]["cell_diameter"] == 40


def run_in(host: str, folder: Path, window: bool) -> None:
    if host == "worker":
        done = run_in_plain_fiji(make_plain_fiji(folder / "Fiji"), macro(folder), headless=not window)
        assert done.returncode == 0, done.stderr
        return
    checked = run_checks([in_process], folder, headless=not window)
    assert checked[in_process] == "", checked[in_process]
