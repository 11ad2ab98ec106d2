"""Every window is in docs/windows.md with a picture. EPIFIJI_PICTURES=docs/images writes the pictures there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial import cKDTree

from broken_cells import broken_field, write_field
from complete_check_checks import boxes_checked
from cysts_checks import write_simulated
from demo_movie import demo_movie
from desktop import desktop
from dialogs_on_screen import NAME, chosen, scaled
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.data.events import Event, by_class
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import map_file, write_map
from epifiji.files.rois.roi_files import write_rois
from jvm import Finished, run_checks
from many_checks import BROKEN, KILLED, TWICE, detected_in_many, killed_in_many, make_movies
from networks_window import networks_managed
from requests_of_fiji import ask
from small_networks import small_network
from trial_checks import networks_tried
from window_pictures import (
    DIALOGS,
    FIELD,
    PICTURES,
    cells_compared,
    corrected,
    dialogs,
    discarded,
    macro,
    navigated,
    previewed,
    scored,
    shown,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "windows.md"

PICTURES_TIMEOUT_S = 900
"""With other scalings, some windows do not look as expected, and are waited for in vain."""


def results_of(folder: Path, events: list[Event], shape: tuple[int, int, int], movie: Path) -> Path:
    """Make a result folder with maps: a blob for each event, whose brightness depends on the score."""
    folder.mkdir()
    write_events(folder / "events.csv", events, 0.2, 300)
    record = {
        "movie": {
            "name": NAME, "file": str(movie), "shape": list(shape), "pixel_size_um": 0.2, "frame_interval_s": 300,
        },
        "settings": {"mode": "exact", "threshold": 140, "min_volume": 100},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    for name, group in by_class(events).items():
        field = np.zeros(shape, np.float32)
        for event in group:
            blob = np.zeros(shape, np.float32)
            blob[event.frame, round(event.y), round(event.x)] = 1
            blob = gaussian_filter(blob, (2, 5, 5))
            field = np.maximum(field, blob / blob.max() * 300 * (event.score if event.score == event.score else 1))
        write_map(folder / map_file(NAME, name, "rawproba"), iter(np.minimum(field, 255).astype(np.uint8)), shape)
    return folder


def cells_of(folder: Path) -> None:
    """Write label images of annotated cells, and of segmented ones of which some are merged or split."""
    random = np.random.default_rng(4)
    y, x = np.mgrid[:260, :320]
    annotated = cKDTree(random.random((70, 2)) * [260, 320]).query(np.column_stack([y.ravel(), x.ravel()]))[1] + 1
    annotated = annotated.reshape(y.shape).astype(np.uint16)
    segmented = annotated.copy()
    for cell in (5, 23, 41):
        near = np.unique(segmented[binary_dilation(segmented == cell)])
        segmented[segmented == near[near != cell][0]] = cell
    for cell in (11, 33, 60):
        rows = np.flatnonzero((segmented == cell).any(1))
        segmented[(segmented == cell) & (y > rows.mean())] = 100 + cell
    for name, labels in (("annotated", annotated), ("segmented", segmented)):
        tifffile.imwrite(folder / f"{name}.tif", labels, imagej=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    # Fields show the end of a path: in the pictures it is to be one that a user may have.
    folder = tmp_path_factory.mktemp("windows") / "movies_of_the_pupal_notum_2026"
    folder.mkdir()
    made, known = demo_movie()
    movie = folder / f"{NAME}.tif"
    write_movie(replace(made, pixel_size_um=0.2, frame_interval_s=300.0), movie)
    # Two are missed, two are false positives, and none is exactly at its true position.
    found = [
        replace(e, y=e.y + 2, x=e.x - 1, score=0.72 + 0.025 * i, raw_score=0.72 + 0.025 * i)
        for i, e in enumerate(known)
        if i not in (1, 6)
    ]
    found += [Event("cell_death", 9, 120, 60, 0.71), Event("cell_division", 15, 30, 90, 0.73)]
    results_of(folder / f"{NAME}_epifiji", found, made.shape, movie)
    results_of(folder / "known_epifiji", known, made.shape, movie)
    write_field(folder, FIELD, broken_field(2))
    deaths = [event for event in found if event.event == "cell_death"]
    write_rois(folder / f"{NAME}_cell_death.zip", deaths)
    cells_of(folder)
    write_simulated(folder)
    make_movies(folder, made)
    network = small_network(1, name="my_notum", origin="the network of our laboratory")
    write_network(network, folder / "networks" / "my_notum")
    temporary = folder.parent / "temporary"
    temporary.mkdir()
    with desktop() as display:
        env = {
            "DISPLAY": display,
            "EPIFIJI_TEST_DEATHS": str(len(deaths)),
            "EPIFIJI_NETWORKS": str(folder / "networks"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TMPDIR": str(temporary),
        }
        # The dialogs open the movie, and the networks are there until the window of networks removes some.
        after = PICTURES.index(dialogs) + 1
        checks = [
            *PICTURES[:after],
            networks_tried,
            *PICTURES[after:],
            scaled,
            chosen,
            detected_in_many,
            killed_in_many,
        ]
        finished = run_checks(checks, folder, headless=False, env=env, timeout_s=PICTURES_TIMEOUT_S)
    if os.environ.get("EPIFIJI_PICTURES"):
        for picture in folder.glob("*.png"):
            shutil.copy(picture, Path(os.environ["EPIFIJI_PICTURES"]) / f"window_{picture.name}")
    return finished


def test_every_dialog_has_the_parameters_of_its_command(done: Finished) -> None:
    seen = done[dialogs]
    assert sorted(seen) == sorted(DIALOGS)
    for label, pages in seen.items():
        for page in ("first", "more"):
            wanted = [one["label"] for one in described(label)["parameters"] if one["page"] == page]
            texts = pages.get(page, [])
            for text in wanted:
                assert any(one.startswith(text) for one in texts), f"{label}, {page}: {text} in {texts}"


def test_lengths_and_times_of_a_calibrated_movie_are_in_micrometres_and_minutes(done: Finished) -> None:
    texts = done[dialogs]["Compare Event ROIs..."]["first"]
    place = texts.index("Maximum distance in x and y (µm)")
    assert texts[place : place + 4] == [
        "Maximum distance in x and y (µm)",
        "= 10 px",
        "Maximum distance in time (min)",
        "= 4 frames",
    ]
    assert "Cell diameter (px or auto)" in done[dialogs]["Train Event Network..."]["first"]


def test_a_dialog_in_twice_the_size_fits_on_the_screen_and_scrolls(done: Finished) -> None:
    seen = done[scaled]
    assert seen["whole"]
    assert not seen["first"], "the last field is below the others that have room"
    assert seen["lines"][0] == seen["lines"][1] >= 24
    assert seen["buttons"]
    assert all(seen["buttons"]), "a row of buttons that is too wide for the screen has two lines"


def test_a_field_for_results_takes_a_folder_and_a_file(done: Finished) -> None:
    assert done[chosen] == [f"{NAME}_epifiji", f"{NAME}_cell_death.zip"]


def test_the_window_of_the_networks_chooses_the_default(done: Finished) -> None:
    assert done[networks_managed][:2] == ["my_notum", "epinet"]


def test_a_wrong_python_for_cellpose_is_refused_in_wrapped_lines(done: Finished) -> None:
    said, width, status = done[networks_managed][2:]
    assert "notes.txt is a file, but no Python: choose the environment" in said
    assert width < 800
    assert "Esc cancels" not in status


def test_networks_are_tried_at_a_place(done: Finished) -> None:
    seen = done[networks_tried]
    assert len(seen["before"]) == 2
    assert int(seen["before"][0].split()[0]) > int(seen["fewer"][0].split()[0])
    assert "The width of the rectangle is 8 px in the movie, but at least 32 px are needed" in seen["refused"]
    assert seen["labels"] == ["Cell diameter (µm)", "Event duration (min)", "= 25 px", "= 6 frames"]
    assert "900 µm" in seen["too large"]
    assert "400 µm" in seen["too large"], "2000 px of 0.2 µm are the largest"
    assert seen["choices"][0] == "epinet"
    assert not seen["more"]
    assert seen["open"] == []


def test_many_movies_are_detected_in_a_window(done: Finished) -> None:
    """It pauses, asks at Escape, continues after a failure, retries, and recognises what is done."""
    seen = done[detected_in_many]
    assert seen["paused"]["control/notum_1"].startswith("paused")
    assert set(list(seen["paused"].values())[1:]) == {"waiting"}
    assert seen["second"] == [], "one at a time"
    assert seen["ended"] == {
        "control/notum_1": "done", f"control/{TWICE}": "done", f"drug/{BROKEN}": "failed", "drug/notum_1": "done",
    }  # fmt: skip
    assert f"{BROKEN}.tif" in seen["reason"]
    assert seen["pooled"] == ["conditions.csv", "pooled.csv", "pooled.png"]
    assert seen["retried"][f"drug/{BROKEN}"] == "done"
    assert seen["plots of"] == "notum_1_epifiji"
    assert list(seen["again"].values()) == ["done before"] * 4
    assert seen["unchanged"]


def test_a_killed_detection_in_many_movies_continues(done: Finished) -> None:
    """What is done is recognised, and nothing is half-written."""
    assert done.code == -signal.SIGKILL
    folder = done.folder / KILLED
    request = {"settings": {"folder": str(folder)}, "images": []}
    first, second = ask("plan_many", request)["result"]["movies"]
    assert (first["state"], second["state"]) == ("done", "waiting")
    assert sorted(place.name for place in folder.iterdir() if not place.name.startswith(".")) == [
        "a.tif", "a_epifiji", "b.tif",
    ]  # fmt: skip
    ask("detect", {"settings": {"input": second["path"]}, "headless": True, "done": [first["folder"]]})
    assert [one["state"] for one in ask("plan_many", request)["result"]["movies"]] == ["done", "done"]


def test_a_complete_check_shows_its_box(done: Finished) -> None:
    assert done[boxes_checked].startswith("Box 1 of 3: frames ")


def test_corrected_cells_are_shown(done: Finished) -> None:
    assert "is merged into cell" in done[corrected]


def test_a_closed_preview_leaves_no_outlines(done: Finished) -> None:
    assert done[previewed]


def test_matches_and_errors_and_all_plots_are_shown(done: Finished) -> None:
    seen = done[shown]
    assert {"cell_death_falsepositive", "cell_division_falsepositive"} <= {n.split(" ")[0] for n in seen["outcomes"]}
    assert {name.split(" ")[0].rpartition("_")[2] for name in seen["outcomes"]} == {
        "match", "falsepositive", "falsenegative",
    }  # fmt: skip
    assert {f"{NAME}-{name}" for name in ("curve", "rate", "density", "neighbours", "per_cell")} <= set(seen["titles"])


def test_tables_show_all_their_columns_if_the_screen_has_room(done: Finished) -> None:
    sizes = {**done[shown]["sizes"], **done[scored]}
    for title, size in sizes.items():
        assert size["hidden"] <= 0 or size["width"] >= 1280, (title, size)
        assert size["narrow"] == [], title


def test_the_dialog_shows_the_active_image_as_segmented_and_another_as_annotated(done: Finished) -> None:
    assert done[cells_compared]["fields"] == ["segmented.tif", "annotated.tif", "0.5", "only show them"]


def test_the_picture_of_compared_cells_is_whole_on_the_screen(done: Finished) -> None:
    assert not done[cells_compared]["cut off"]


def test_a_navigator_whose_decisions_were_undone_leaves_no_review(done: Finished) -> None:
    assert done[navigated]["review"] is False


def test_thresholds_changed_in_the_navigator_keep_decisions_and_are_undone(done: Finished) -> None:
    before, fewer, after = done[navigated]["counts"]
    assert fewer[0] < before[0]
    assert before == after
    assert [decisions for _, decisions in (before, fewer, after)] == [1, 1, 1]


def test_discarded_thresholds_change_nothing(done: Finished) -> None:
    seen = done[discarded]
    assert seen["files"]
    assert seen["rois"]
    assert [way["colours"] for way in seen["ways"]] == [2, 2], "the sliders of one class leave the others"


def test_no_command_leaves_its_temporary_files(done: Finished) -> None:
    assert done[shown]["sizes"]
    assert done[scored]["score"]
    assert list((done.folder.parent / "temporary").iterdir()) == []


def test_the_macro_asks_its_two_questions(done: Finished) -> None:
    first, second = done[macro]["said"]
    assert "Is this an event?" in first
    assert second.startswith("Undo the last event, or stop and save?")


def test_the_macros_question_does_not_cover_the_crops(done: Finished) -> None:
    assert done[macro]["hidden"] == [False]


def test_the_page_has_exactly_these_windows(done: Finished) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for label in COMMANDS:
        assert f"## {label}" in text
    made = {f"window_{picture.name}" for picture in done.folder.glob("*.png")}
    assert made == set(re.findall(r"images/(window_\w+\.png)", text))
    assert made == {file.name for file in (DOCS / "images").glob("window_*.png")}
