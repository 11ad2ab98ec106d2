"""A movie in ImageJ cropped and rescaled with its ROIs, and its gallery: without a window, and with a worker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.data.events import EVENT_COLOURS, Event
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.rois.roi_files import read_rois
from jvm import Finished, run_checks
from movie_tools_checks import (
    BOUNDS,
    TOOLS,
    cropped_by_the_selection,
    cropped_results,
    gallery_of_results,
    refused,
    rescaled,
    stored_as_planes,
    written,
)
from plain_fiji import make_plain_fiji, run_in_plain_fiji

EVENTS = [
    Event("cell_death", 4, 20.0, 30.25, 0.9),
    Event("cell_sop", 1, 20.0, 30.0, 0.8),
    Event("cell_division", 8, 51.0, 59.0, 0.7),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, movie_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("results") / "noise_epifiji"
    folder.mkdir()
    write_events(folder / "events.csv", EVENTS)
    record = {"movie": {"name": "noise", "file": str(movie_file), "shape": [12, 70, 80]}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, results: Path) -> Finished:
    env = {"EPIFIJI_TEST_MOVIE": str(movie_file), "EPIFIJI_TEST_RESULTS": str(results)}
    return run_checks(TOOLS, tmp_path_factory.mktemp("tools"), env=env)


def by_name(seen: dict) -> dict[str, dict]:
    return {roi["name"]: roi for roi in seen["rois"]}


def test_the_movie_is_cropped_to_the_selection_and_the_frames(done: Finished, movie_file: Path) -> None:
    seen = done[cropped_by_the_selection]
    x, y, width, height = BOUNDS
    assert (seen["title"], seen["shape"], seen["selected"]) == ("noise_crop", [7, height, width], False)
    pixels = tifffile.imread(movie_file)[2:9, y : y + height, x : x + width]
    assert np.array_equal(np.load(done.folder / "cropped.npy"), pixels)
    assert seen["calibration"] == [pytest.approx(0.2), 300, "µm"]


def test_rois_inside_keep_all_their_properties(done: Finished) -> None:
    seen = done[cropped_by_the_selection]
    rois = by_name(seen)
    assert list(rois) == ["cell_death 1 (0.90)", "cell_sop 2 (0.50)", "many", "area", "region"]
    first = rois["cell_death 1 (0.90)"]
    assert (first["points"], first["frame"], first["group"], first["colour"]) == ([[8, 20.25]], 3, 2, [10, 20, 30])
    assert (rois["cell_sop 2 (0.50)"]["points"], rois["cell_sop 2 (0.50)"]["frame"]) == ([[39, 49]], 7)
    assert (rois["many"]["points"], rois["many"]["frames"]) == ([[1, 1], [38, 40]], [2, 6])
    assert (rois["area"]["bounds"], rois["area"]["frame"]) == ([10, 10, 6, 4], 4)
    assert (rois["region"]["bounds"], rois["region"]["frame"]) == ([1, 1, 30, 20], 0)
    assert rois["region"]["kind"] == "Oval"


def test_the_original_image_is_not_changed(done: Finished) -> None:
    assert done[cropped_by_the_selection]["before"] == {"rois": 7, "selection": list(map(float, BOUNDS))}


def test_the_events_of_results_have_their_colours(done: Finished) -> None:
    rois = by_name(done[cropped_results])
    assert list(rois) == ["cell_death 1 (0.90)", "cell_division 1 (0.70)"]
    assert (rois["cell_death 1 (0.90)"]["points"], rois["cell_death 1 (0.90)"]["frame"]) == ([[8, 20.25]], 3)
    assert tuple(rois["cell_division 1 (0.70)"]["colour"]) == EVENT_COLOURS["cell_division"]


def test_rescaled_rois_are_on_the_same_pixels(done: Finished) -> None:
    seen = done[rescaled]
    assert (seen["title"], seen["shape"]) == ("noise_rescaled", [6, 140, 160])
    assert seen["calibration"] == [pytest.approx(0.1), 600, "µm"]
    rois = by_name(seen)
    assert len(rois) == 7
    assert (rois["cell_death 1 (0.90)"]["points"], rois["cell_death 1 (0.90)"]["frame"]) == ([[40.5, 61]], 3)
    assert rois["cell_death 1 (0.90)"]["colour"] == [10, 20, 30]
    assert (rois["many"]["points"], rois["many"]["frames"]) == ([[26.5, 22.5], [40.5, 40.5], [100.5, 100.5]], [2, 1, 4])
    assert (rois["area"]["bounds"], rois["area"]["frame"]) == ([40, 44, 12, 8], 3)


def test_planes_are_taken_as_frames(done: Finished) -> None:
    assert done[stored_as_planes] == {"planes": 7, "position": 3}


def test_files_are_those_of_python(done: Finished, movie_file: Path) -> None:
    assert done[written] == [
        "noise_crop.tif",
        "noise_crop_cell_death.zip",
        "noise_crop_cell_division.zip",
        "noise_crop_events.csv",
        "noise_rescaled.tif",
        "noise_rescaled_cell_death.zip",
        "noise_rescaled_cell_division.zip",
        "noise_rescaled_cell_sop.zip",
        "noise_rescaled_events.csv",
    ]
    movie = read_movie(done.folder / "made" / "noise_crop.tif")
    x, y, width, height = BOUNDS
    expected = tifffile.imread(movie_file)[2:9, y : y + height, x : x + width]
    assert np.array_equal(movie.frames(0, 7), expected)
    (event,) = read_rois(done.folder / "made" / "noise_crop_cell_death.zip", "cell_death")
    assert (event.frame, event.y, event.x) == (2, 8, 20.25)
    assert read_movie(done.folder / "made" / "noise_rescaled.tif").shape == (12, 35, 40)


def test_a_gallery_is_shown_and_written(done: Finished) -> None:
    assert done[gallery_of_results] == {"title": "noise-gallery", "size": [130 + 5 * 46, 3 * 58]}
    assert (done.folder / "gallery.png").is_file()


def test_impossible_parts_are_refused_in_one_sentence(done: Finished) -> None:
    said = done[refused]
    assert "was requested, but noise has 80 x 70 pixels" in said["part"]
    assert "frames 9 to 12 were requested, but noise has 12 and at least 5 are needed" in said["frames"]
    assert "There is no factor for rescaling" in said["nothing"]
    assert "There are no events to show" in said["no ROIs"]
    assert "Scoring events needs a window" in said["score"]


MACRO = """
open("{movie}");
makeRectangle(10, 12, 50, 40);
run("Crop Movie and Events...", "results=[{results}] first_frame=3 last_frame=9");
print(getTitle() + " " + nSlices + " " + Overlay.size);
run("Rescale Movie and Events...", "factor_xy=2");
print(getTitle() + " " + getWidth() + " " + Overlay.size);
run("Stop EpiFiji Engine");
"""


def test_a_macro_does_the_same_through_a_worker(tmp_path: Path, movie_file: Path, results: Path) -> None:
    fiji = make_plain_fiji(tmp_path / "Fiji")
    ended = run_in_plain_fiji(fiji, MACRO.format(movie=movie_file, results=results))
    assert ended.returncode == 0, ended.stderr
    assert "noise_crop 7 2\n" in ended.stdout
    assert "noise_crop_rescaled 100 2\n" in ended.stdout
