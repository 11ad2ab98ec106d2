"""Comparisons and plots as menu commands: headless, with windows, and with a worker."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from desktop import desktop
from epifiji.data import palette
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.engine.simulation.movie import simulate
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import map_file, write_map, write_record
from epifiji.files.rois.areas import read_areas
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.statistics_result import ALL_FILES, FILES
from figure_checks import (
    AREAS,
    COMPARE,
    HEADLESS,
    PLOT,
    WINDOW,
    areas_filled,
    compared_from_the_manager,
    compared_headless,
    compared_in_a_window,
    figures_leave_the_movie_its_place,
    plotted_in_a_window,
    plotted_within_tissue,
    refused,
)
from folders import names
from jvm import Finished, run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji

SHAPE = (24, 90, 100)
FOUND, FALSE, MISSED = (
    Event("cell_death", 5, 10, 10, 0.8),
    Event("cell_death", 5, 60, 10),
    Event("cell_death", 9, 60, 60),
)
KNOWN = [Event("cell_death", 6, 12, 10), MISSED, Event("cell_sop", 3, 20, 70)]
GREEN, RED, BLUE = (list(colour) for colour in (palette.GREEN, palette.RED, palette.BLUE))
SHOWN = [
    ["cell_death_match 1 (0.80)", 101, GREEN, [6, 10.0, 10.0]],
    ["cell_death_falsepositive 1", 102, RED, [6, 10.0, 60.0]],
    ["cell_death_falsenegative 1", 103, BLUE, [10, 60.0, 60.0]],
    ["cell_sop_falsenegative 1", 103, BLUE, [4, 70.0, 20.0]],
]


def results(folder: Path) -> Path:
    folder.mkdir()
    write_events(folder / "events.csv", [FOUND, FALSE])
    movie = {"name": "wing", "shape": list(SHAPE), "pixel_size_um": 0.5, "frame_interval_s": 120}
    write_record(folder / "run.json", {"movie": movie})
    return folder


@cache
def cells() -> Movie:
    return simulate(seed=3, frames=6, height=150, width=160, extrusions=0, divisions=0, sops=0)[0]


def files(folder: Path) -> Path:
    """Write the inputs of the checks into a folder."""
    results(folder / "detected")
    maps = results(folder / "detected_with_maps")
    field = np.zeros(SHAPE, np.uint8)
    field[3:8, 3:18, 3:18] = 200
    write_map(maps / map_file("wing", "cell_death", "rawproba"), iter(field), SHAPE)
    write_events(folder / "known.csv", KNOWN)
    write_rois(folder / "wing_cell_death.zip", KNOWN[:2])
    write_movie(replace(cells(), name="cells"), folder / "cells.tif")
    (folder / "of_cells").mkdir()
    write_events(folder / "of_cells" / "events.csv", [FOUND, FALSE])
    write_record(folder / "of_cells" / "run.json", {"movie": {"name": "cells", "shape": [6, 150, 160]}})
    return folder


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_checks(HEADLESS, files(tmp_path_factory.mktemp("headless")))


class TestWithoutAWindow:
    def test_matches_and_errors_are_shown_on_the_movie(self, headless: Finished) -> None:
        assert headless[compared_headless]["first"] == SHOWN

    def test_options_are_used_and_an_earlier_overlay_is_replaced(self, headless: Finished) -> None:
        rois = headless[compared_headless]["strict"]
        assert [name for name, *_ in rois] == [
            "cell_death_falsepositive 1 (0.80)",
            "cell_death_falsepositive 2",
            "cell_death_falsenegative 1",
            "cell_death_falsenegative 2",
            "cell_sop_falsenegative 1",
        ]

    def test_the_output_folder_has_scores_and_zips(self, headless: Finished) -> None:
        assert headless[compared_headless]
        assert names(headless.folder / "the comparison") == [
            "comparison.csv",
            "wing_cell_death_falsenegative.zip",
            "wing_cell_death_falsepositive.zip",
            "wing_cell_death_match.zip",
            "wing_cell_sop_falsenegative.zip",
        ]

    def test_the_log_has_the_scores(self, headless: Finished) -> None:
        assert (
            "EpiFiji: cell_death: precision 0.500, recall 0.500, F1 0.500; cell_sop: precision -, recall 0"
            in headless.out
        )

    def test_a_macro_exports_events(self, headless: Finished) -> None:
        assert (
            (headless.folder / "points.csv").read_text(encoding="utf-8").startswith("index,axis-0,axis-1,axis-2,event")
        )
        assert "exported: " in headless.out

    def test_a_macro_writes_a_report_with_the_pixels_of_the_open_image(self, headless: Finished) -> None:
        assert names(headless.folder / "report") == ["report.html", "report.pdf"]
        page = (headless.folder / "report" / "report.html").read_text(encoding="utf-8")
        assert "<h2>Gallery</h2>" in page
        assert "EpiFiji: written: " in headless.out

    def test_the_tissue_is_found_in_the_pixels_of_the_open_image(self, headless: Finished) -> None:
        assert headless[plotted_within_tissue] is None
        assert names(headless.folder / "within tissue") == sorted(ALL_FILES)
        assert "EpiFiji: Tissue fills " in headless.out
        with (headless.folder / "within tissue" / "summary.csv").open(encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert (row["within"], row["events"], row["outside"]) == ("tissue", "2", "0")
        assert 30 < float(row["cells"]) < 80

    def test_plots_go_into_the_folder(self, headless: Finished) -> None:
        assert names(headless.folder / "plots") == sorted(FILES)
        with (headless.folder / "plots" / "summary.csv").open(encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        # 24 frames of 2 minutes.
        assert (row["events"], row["events per hour"], row["first (min)"]) == ("2", "2.5", "10")

    def test_events_in_a_saved_area_are_counted(self, headless: Finished) -> None:
        assert headless[areas_filled]
        with (headless.folder / "in an area" / "summary.csv").open(encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert (row["within"], row["events"], row["outside"]) == ("rectangle.roi", "1", "1")

    @pytest.mark.parametrize("name", AREAS)
    def test_areas_are_filled_as_imagej_fills_them(self, headless: Finished, name: str) -> None:
        digits = headless[areas_filled][name]
        expected = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))[: 90 * 100].reshape(90, 100) > 0
        region = read_areas(headless.folder / f"{name}.roi", SHAPE)
        found = region.masks[0].pixels()
        assert np.count_nonzero(found != expected) == 0
        assert region.observed.all()

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("no reference", "No reference was specified, but annotated events are needed: give reference="),
            ("missing reference", "nowhere.zip does not exist, but events are needed: check the path."),
            ("no window", "There are no ROIs in the manager to compare: detect events first, or give detected="),
            ("exists", "comparison.csv exists and would be overwritten"),
            ("no maps", "contains no probability maps"),
            ("other movie", "other has 6 frames of 10 x 10 pixels, but the results in "),
            ("other movie", "belong to wing with 24 frames of 100 x 90 pixels: open or name the movie"),
            ("plot without a folder", "Without a window the plots need a folder: give out=[folder]."),
            ("nothing to plot", "There are no ROIs in the manager to plot: detect events first, or give results="),
            (
                "no movie",
                "The movie wing of the events is not found, but its pixels are needed to find the tissue: specify",
            ),
            ("no movie", "the movie, or within=frame."),
            ("no tissue", "The frames of wing have no picture in which tissue can be found: "),
            ("no tissue", "specify the areas as within=[file], or within=frame."),
            ("no areas", "nowhere.zip', which is not a file, but tissue, frame or a file of ROIs is expected"),
            (
                "nothing to report",
                "There are no results to report: give results=[folder], or open the movie of some results.",
            ),
            ("no such clips", "clips is '-1', but it must be a whole number from 0 to 2000"),
            ("bad setting", "time_bin is '0', but it must be a whole number from 1 to 1000000"),
        ],
    )
    def test_impossible_requests_are_refused_in_one_sentence(self, headless: Finished, what: str, words: str) -> None:
        assert words in headless[refused][what]
        assert not (headless.folder / "never").exists()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = files(tmp_path_factory.mktemp("window"))
    (folder / "temporary").mkdir()
    with desktop() as display:
        env = {"DISPLAY": display, "TMPDIR": str(folder / "temporary")}
        return run_checks(WINDOW, folder, headless=False, env=env)


class TestWithAWindow:
    def test_matches_and_errors_follow_the_users_rois(self, window: Finished) -> None:
        rois = window[compared_in_a_window]["rois"]
        assert rois[0][1] == 0
        assert rois[1:] == SHOWN

    def test_scores_are_a_table(self, window: Finished) -> None:
        table = window[compared_in_a_window]["table"]
        assert table["columns"][:5] == ["event", "true positives", "false positives", "false negatives", "precision"]
        assert [row[0] for row in table["rows"]] == ["cell_death", "cell_sop", "all"]

    def test_the_curve_is_shown_and_the_movie_stays_the_active_image(self, window: Finished) -> None:
        seen = window[compared_in_a_window]
        assert seen["titles"] == ["wing", "wing-curve"]
        assert seen["active"] == "wing"
        assert seen["temporary"] == []

    def test_commands_take_the_movie_of_the_figure_that_is_active(self, window: Finished) -> None:
        seen = window[figures_leave_the_movie_its_place]
        assert {what: title for what, (title, _) in seen.items()} == {
            "plot": "wing",
            "export": "wing",
            "maps": "wing",
            "closed": "later",
        }
        assert (window.folder / "of the wing" / "report.html").is_file()

    def test_drawn_rois_have_the_class_of_the_only_reference(self, window: Finished) -> None:
        shown = [name for name, *_ in window[compared_from_the_manager]["rois"]]
        assert shown == ["mine", "cell_death_match 1", "cell_death_falsenegative 1"]
        assert names(window.folder / "drawn") == [
            "comparison.csv",
            "wing_cell_death_falsenegative.zip",
            "wing_cell_death_match.zip",
        ]

    def test_rois_of_an_earlier_comparison_are_not_compared_again(self, window: Finished) -> None:
        assert [name for name, *_ in window[compared_from_the_manager]["again"]] == [
            "event_falsepositive 1",
            "cell_death_falsenegative 1",
            "cell_death_falsenegative 2",
            "cell_sop_falsenegative 1",
        ]

    def test_plots_of_the_manager_are_shown_in_the_images_units(self, window: Finished) -> None:
        seen = window[plotted_in_a_window]
        assert {"wing-rate", "wing-density", "wing-neighbours"} <= set(seen["titles"])
        assert seen["table"]["columns"] == ["quantity", "cell_death"]
        rows = dict(seen["table"]["rows"])
        assert rows["events"] == "2"
        assert float(rows["first (min)"]) == 10
        assert names(window.folder / "managed") == sorted(FILES)


def test_both_run_through_a_worker_too(tmp_path: Path) -> None:
    fiji = make_plain_fiji(tmp_path / "Fiji für später")
    folder = tmp_path / "mit Leerzeichen"
    folder.mkdir()
    files(folder)
    code = "folder = getArgument();\n" + "".join(
        part.replace("@", '" + folder + "/')
        for part in (
            COMPARE + 'detected=[@detected] reference=[@known.csv] output=[@compared]");\n',
            'open("@cells.tif"); run("Add...", "value=1 stack");\n',
            PLOT + 'results=[@of_cells] output=[@tissue] permutations=19"); close();\n',
            PLOT + 'results=[@detected] output=[@plotted] permutations=19 within=frame");\n',
        )
    )
    ended = run_in_plain_fiji(fiji, code, str(folder))
    assert "cell_death: 2 events, 2.5 per hour" in ended.stdout + ended.stderr
    assert len(names(folder / "compared")) == 5
    assert names(folder / "plotted") == sorted(FILES)
    assert names(folder / "tissue") == sorted(ALL_FILES)
