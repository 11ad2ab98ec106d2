"""Every command that a macro can run, and the macro of the documentation, one after the other in one ImageJ.

With and without a window, in this process and with the worker.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from demo_movie import demo_movie
from desktop import desktop
from epifiji.bridge.imagej import ImageJ
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action, Review
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.results.reviews import REVIEW, write_review
from jvm import run_checks
from pages import PAGES
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from small_networks import small_network

MACRO = """
arguments = split(getArgument(), "\\n");
open(arguments[0]);
results = arguments[1] + "/noise_epifiji";
run("Check EpiFiji Installation");
run("Detect Epithelial Events...", "network=small threshold=130 min_volume=100 maps=scaled out=[" + arguments[1] + "]");
selectImage("noise.tif");
place = "x=5 y=5 width=60 height=50 frame=6 cell_diameter=25";
run("Try Networks Here", "networks=small,epinet " + place + " table=false out=[" + arguments[1] + "/trial]");
many = "network=small threshold=130 min_volume=100 maps=scaled out=[" + arguments[1] + "]";
run("Detect in Many Movies...", many);
run("Pool Results of Movies...", "results=[" + arguments[1] + "] overwrite");
close("Pooled events");
selectImage("noise.tif");
run("Open Epithelial Events...", "results=[" + results + "] replace_rois");
run("Adjust Event Thresholds...", "results=[" + results + "] threshold=150 min_volume=100 replace_rois table=false");
run("Show Event Probability Maps...", "results=[" + results + "]");
compared = arguments[1] + "/compared";
run("Compare Event ROIs...", "detected=[" + results + "] reference=[" + results + "] curve out=[" + compared + "]");
run("Plot Event Statistics...", "results=[" + results + "] within=frame out=[" + arguments[1] + "/plots]");
newImage("cells", "8-bit black", 60, 60, 1);
setColor(1); fillRect(0, 0, 20, 60); setColor(2); fillRect(20, 0, 20, 60); setColor(3); fillRect(40, 0, 20, 60);
run("Compare Cells...", "predicted=cells annotated=cells out=[" + arguments[1] + "/cells]");
selectImage("cells");
drawn = arguments[1] + "/drawn";
run("Convert Cells...", "cells=cells to=rois show=false out=[" + drawn + "]");
selectImage("cells");
saveAs("Tiff", drawn + "/cells.tif");
run("Split Cells...", "images=[" + drawn + "] test=right test_size=20 table=false out=[" + arguments[1] + "/parts]");
selectImage("cells.tif");
close();
selectImage("noise.tif");
run("Estimate Event Scores...", "results=[" + arguments[1] + "/reviewed] out=[" + arguments[1] + "/scores]");
close("reviewed-expected_scores");
run("Check Boxes Completely...", "results=[" + results + "] boxes=2 box_frames=5");
selectImage("noise.tif");
run("Show Event Gallery...", "results=[" + results + "] rows=2");
selectImage("noise.tif");
run("Crop Movie and Events...", "results=[" + results + "] width=60 height=50 last_frame=8");
selectImage("noise.tif");
run("Rescale Movie and Events...", "results=[" + results + "] factor_xy=1.5");
selectImage("noise.tif");
run("Segment Epithelium...", "cell_diameter=20 borders=bright rois out=[" + arguments[1] + "]");
run("Stop EpiFiji Engine");
selectImage("noise.tif");
again = "network=small threshold=130 min_volume=100 overwrite replace_rois out=[" + arguments[1] + "]";
run("Detect Epithelial Events...", again);
print("tour ended with " + nImages() + " images");
"""


def page_macro(folder: Path) -> str:
    """Return the page's macro with this folder in place of /data, and the movie activated before each call."""
    (block,) = re.findall(r"```ijm\n(// The open movie; the events.*?)```", PAGES["howto/batch-macro.md"], re.DOTALL)
    assert block.count("run(") == 4
    in_front = 'selectImage("movie.tif");\nrun('
    calls = block.replace("/data", str(folder)).replace("run(", in_front)
    return f'open("{folder / "movie.tif"}");\n{calls}File.saveString(problem, "{folder / "problem.txt"}");\n'


def tour(imagej: ImageJ, folder: Path) -> Any:
    return imagej.run_macro(MACRO, f"{os.environ['EPIFIJI_TEST_MOVIE']}\n{folder / 'out'}")


def page(imagej: ImageJ, folder: Path) -> Any:
    imagej.run_macro('close("*");')
    return imagej.run_macro(page_macro(folder / "page"))


@dataclass(frozen=True)
class Toured:
    """A run of both macros: the folder of their files, whether with a window, and the output."""

    folder: Path
    window: bool
    out: str


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory, epinet_folder: Path) -> Path:
    """The tour detects with an EpiNet, which needs no TensorFlow in the second worker; the macro of the page with a DeXNet."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "small").symlink_to(epinet_folder, target_is_directory=True)
    write_network(small_network(1, seed=15), folder / "notum_all")
    return folder


@pytest.fixture(scope="module")
def simulated() -> Movie:
    """A part of the demonstration's movie, for the macro of the page."""
    whole, _ = demo_movie()
    return replace(whole, pixels=whole.pixels[:16, :110, :110])


@pytest.fixture(scope="module", params=[False, True], ids=["headless", "window"])
def window(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module", params=["this process", "worker"])
def toured(
    request: pytest.FixtureRequest,
    window: bool,
    tmp_path_factory: pytest.TempPathFactory,
    movie_file: Path,
    networks: Path,
    simulated: Movie,
) -> Toured:
    folder = tmp_path_factory.mktemp("toured")
    (folder / "page").mkdir()
    for name in ("movie", "movie 1"):
        write_movie(simulated, folder / "page" / f"{name}.tif")
    events = [Event("cell_death", 0, 10 * n, 5, 0.4 + n / 50) for n in range(20)]
    (folder / "out" / "reviewed").mkdir(parents=True)
    decisions = [Action(n, "keep" if n > 8 else "reject") for n in range(20)]
    write_review(folder / "out" / "reviewed" / REVIEW, Review(events, decisions))
    env = {"EPIFIJI_NETWORKS": str(networks), "EPIFIJI_TEST_MOVIE": str(movie_file)}
    with desktop() if window else nullcontext("") as display:
        if window:
            env["DISPLAY"] = display
        run = run_with_worker if request.param == "worker" else run_in_this_process
        return Toured(folder, window, run(folder, movie_file, window, env))


def run_with_worker(folder: Path, movie: Path, window: bool, env: dict[str, str]) -> str:
    fiji = make_plain_fiji(folder / "Fiji")
    (fiji / "tour.ijm").write_text(MACRO)
    (fiji / "page.ijm").write_text(page_macro(folder / "page"))
    argument = f"{movie}\\n{folder / 'out'}"
    code = f'runMacro("{fiji / "tour.ijm"}", "{argument}"); close("*"); runMacro("{fiji / "page.ijm"}");'
    done = run_in_plain_fiji(fiji, code, headless=not window, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_in_this_process(folder: Path, _: Path, window: bool, env: dict[str, str]) -> str:
    done = run_checks([tour, page], folder, headless=not window, env=env)
    assert done[tour] == "", done[tour]
    assert done[page] == "", done[page]
    return done.out


def test_every_command_runs(toured: Toured) -> None:
    out = toured.folder / "out"
    assert {"comparison.csv", "curve.csv"} & {file.name for file in (out / "compared").iterdir()}
    assert (out / "pooled" / "pooled.png").exists()
    assert list((out / "plots").glob("*.png"))
    assert (out / "trial" / "trial.csv").read_text().startswith("network,event,frame,")
    assert list((out / "cells").glob("*.png"))
    assert (out / "scores" / "expected_scores.csv").read_text().startswith("class,threshold,events,precision,")
    assert len(json.loads((out / "noise_epifiji" / "complete_check.json").read_text())["boxes"]) == 2
    assert (out / "parts" / "split.csv").read_text().splitlines()[1:] == [
        "cells,train,train/cells.tif,0,0,60,40,2",
        "cells,test,test/cells.tif,0,40,60,20,1",
    ]
    table = (out / "noise_epifiji" / "events.csv").read_text()
    assert len(table.splitlines()) > 1
    assert {"noise_labels.tif", "noise_rois.zip", "cells.csv"} <= {
        file.name for file in (out / "noise_cells").iterdir()
    }
    if not toured.window:
        assert "tour ended with 6 images" in toured.out
        assert "EpiFiji: ok  TensorFlow" in toured.out
        assert "EpiFiji: movie 1 of 1, noise: done before (" in toured.out
        assert ", found by small; the results are in " in toured.out


def test_the_macro_of_the_page_runs_unchanged(toured: Toured) -> None:
    folder = toured.folder / "page"
    assert (folder / "problem.txt").read_text() == ""
    records = {path.parent.name: json.loads(path.read_text())["settings"] for path in folder.rglob("run.json")}
    written = {str(path.parent.relative_to(folder)) for path in folder.rglob("run.json")}
    beside = set() if toured.window else {"movie_epifiji"}
    assert written == {"my results/movie_epifiji", "my results/movie 1_epifiji"} | beside
    assert records["movie 1_epifiji"]["cell_diameter"] == 40
