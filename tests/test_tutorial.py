"""The tutorial's steps work as written, and give its pictures: with EPIFIJI_PICTURES=docs/images they are saved there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from desktop import desktop
from epifiji.engine.simulation.movie import DEMO, simulate
from epifiji.files.movies.movie_file import write_movie
from jvm import Finished, run_checks
from tutorial_checks import NAME, TUTORIAL, adjusted, detected, plotted, reviewed

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Finished:
    folder = tmp_path_factory.mktemp("tutorial")
    movie, _ = simulate(**DEMO)
    write_movie(movie, folder / f"{NAME}.tif")
    with desktop() as display:
        env = {"DISPLAY": display, "EPIFIJI_NETWORKS": str(shared_data / "dexnets")}
        finished = run_checks(TUTORIAL, folder, headless=False, env=env)
    if os.environ.get("EPIFIJI_PICTURES"):
        for picture in folder.glob("*.png"):
            shutil.copy(picture, Path(os.environ["EPIFIJI_PICTURES"]) / f"tutorial_{picture.name}")
    return finished


def test_the_events_of_the_tutorials_movie_are_found(done: Finished) -> None:
    seen = done[detected]
    assert seen["rois"] == 10
    assert seen["maps"] == [170, 170, 4, 1, 30]


def test_a_few_decisions_give_reviewed_rois(done: Finished) -> None:
    files = done[reviewed]["files"]
    assert "events.csv" in files
    assert f"{NAME}_nothing.zip" in files
    assert done[reviewed]["decisions"] == ["keep", "keep", "keep", "reject"]


def test_sliders_change_what_is_shown_and_what_is_applied(done: Finished) -> None:
    seen = done[adjusted]
    assert seen["shown"] < seen["before"]
    assert seen["rois"] == seen["shown"]
    assert seen["overlay"]
    assert 'run("Adjust Event Thresholds...", "results=' in seen["recorded"]
    assert 'threshold=200 min_volume=600 seed_distance_xy=10 seed_distance_t=4");' in seen["recorded"]


def test_plots_a_comparison_a_gallery_and_a_score_are_shown(done: Finished) -> None:
    titles = done[plotted]["images"]
    assert {f"{NAME}-{name}" for name in ("rate", "density", "neighbours", "gallery")} <= set(titles)
    assert done[plotted]["scored"] == ["4", "4", "3"]


def test_every_picture_of_the_tutorial_is_made_by_this_test(done: Finished) -> None:
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    made = {f"tutorial_{picture.name}" for picture in done.folder.glob("*.png")}
    assert made == set(re.findall(r"images/(tutorial_\w+\.png)", text))
    assert made == {file.name for file in (DOCS / "images").glob("tutorial_*.png")}
