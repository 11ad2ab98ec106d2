"""Evaluating networks as a menu command: headless, with a window, and with a worker."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

import epifiji
from desktop import desktop
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.networks import cell_network_of
from evaluation_checks import (
    EVALUATE,
    HEADLESS,
    WINDOW,
    calibrated_headless,
    evaluated_headless,
    evaluated_in_a_window,
    refused,
)
from folders import names
from jvm import Finished, run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from reviewed_results import reviewed
from small_networks import small_network
from voronoi_cells import membranes, voronoi_labels

CELL_SCORES = ["evaluation.csv", "evaluation.json", "evaluation.png", "evaluation_images.csv"]
SCORES = ["evaluation.csv", "evaluation.json", "evaluation.png", "evaluation_curves.csv"]


def files(folder: Path) -> Path:
    """Put two networks and an annotated movie into a folder."""
    for name, seed in (("net one", 15), ("net two", 25)):
        network = small_network(1, seed=seed, name=name.replace(" ", "_"))
        network.weights[0]["dense_2/kernel"] *= 6
        write_network(network, folder / name)
    (folder / "the movies").mkdir()
    field = gaussian_filter(np.random.default_rng(7).normal(size=(12, 100, 110)), (1, 3, 3))
    pixels = (255 * (field - field.min()) / (field.max() - field.min())).astype(np.uint8)
    write_movie(Movie(pixels), folder / "the movies" / "noise.tif")
    found = epifiji.detect(pixels, folder / "net one", threshold=175, min_volume=20, events="cell_death").events
    rounded = [Event("cell_death", event.frame, round(event.y), round(event.x)) for event in found]
    write_rois(folder / "the movies" / "noise_cell_death.zip", rounded)
    labels = voronoi_labels(25, 96).astype(np.uint16)
    (folder / "the cells").mkdir()
    tifffile.imwrite(folder / "the cells" / "a.tif", membranes(labels))
    tifffile.imwrite(folder / "the cells" / "a_labels.tif", labels)
    of_cells = cell_network_of()
    choices = of_cells.description.choices.model_copy(update={"merge_below": 0.8})
    merging = of_cells.description.model_copy(update={"name": "merging", "choices": choices})
    write_network(replace(of_cells, description=merging), folder / "merging")
    for number, place in enumerate(("a_epifiji", "day 2/b_epifiji")):
        reviewed(folder / "my results" / "day 1" / place, folder / "net one", seed=number)
    reviewed(folder / "not reviewed", folder / "net one")
    (folder / "not reviewed" / "review.csv").unlink()
    reviewed(folder / "of another", folder / "net two")
    return folder


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_checks(HEADLESS, files(tmp_path_factory.mktemp("headless")))


class TestWithoutAWindow:
    def test_the_scores_are_those_of_python(self, headless: Finished) -> None:
        folder = headless.folder
        assert names(folder / "its scores") == SCORES
        written = json.loads((folder / "its scores" / "evaluation.json").read_text(encoding="utf-8"))
        expected = epifiji.evaluate(folder / "net one", folder / "the movies", events="cell_death", min_volume=20)
        (one,), (other,) = written["networks"], json.loads(json.dumps(expected.to_dict()))["networks"]
        assert one["classes"] == other["classes"]
        assert f"EpiFiji: {expected.conclusion}" in headless.out
        assert "EpiFiji: best for net_one: threshold=cell_death=" in headless.out

    def test_networks_for_cells_are_evaluated_too(self, headless: Finished) -> None:
        folder = headless.folder
        assert names(folder / "cell scores") == ["a_cells.png", *CELL_SCORES]
        for place, out, settings in (("the cells", "cell scores", {}), ("the cells/a.tif", "one image", {"iou": 0.75})):
            expected = epifiji.evaluate("epicells", folder / place, cell_diameter=20, borders="bright", **settings)
            written = json.loads((folder / out / "evaluation.json").read_text(encoding="utf-8"))
            assert written["networks"][0]["all"] == json.loads(json.dumps(expected.to_dict()))["networks"][0]["all"]
            assert f"EpiFiji: {expected.conclusion}" in headless.out

    def test_reviews_in_all_folders_calibrate_a_copy(self, headless: Finished) -> None:
        folder, first = headless.folder, headless.folder / "my results" / "day 1"
        assert headless[calibrated_headless] is None
        assert names(folder / "its calibration") == ["calibration.csv", "calibration.json", "calibration.png"]
        expected = epifiji.calibrate_scores(
            folder / "net one", [first / "a_epifiji", first / "day 2/b_epifiji"], name="in_python"
        )
        written = json.loads((folder / "its calibration" / "calibration.json").read_text(encoding="utf-8"))
        assert written["classes"] == json.loads(json.dumps(expected.to_dict()))["classes"]
        assert "EpiFiji: of_reviews is in the lists of networks from now on" in headless.out

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            (
                "no folder",
                "images with annotated cells, are needed: give folder=[folder].",
            ),
            ("missing folder", "nowhere does not exist, but a folder is needed that contains a movie such as"),
            ("missing network", "there is no network 'nowhere'"),
            ("twice", "is given twice, but networks differ: specify it once."),
            ("exists", "evaluation.csv exists and would be overwritten"),
            ("bad setting", "unmarked is 'maybe', but it must be one of none, unknown"),
            ("both tasks", "epicells segments cells and net_one finds events, but networks of one task are compared"),
            (
                "events only",
                "the movies contains ROI files of events, but no labels or outlines of cells, but epicells",
            ),
            ("cells only", "the cells contains images with annotated cells, but epinet finds events"),
            ("nothing to calibrate with", "with annotated movies, or results=[folder] with reviewed results."),
            (
                "results without a review",
                "not reviewed contains results without a review, but reviewed ones are needed",
            ),
            ("results of another network", "is a review of events of lab, but the scores of net_one are to be"),
            ("no results", "the movies contains no results of a detection, but events.csv is expected"),
            ("a name that exists", "of_reviews"),
            (
                "a setting of events",
                "threshold is specified, but evaluations of networks that segment cells have no such",
            ),
        ],
    )
    def test_impossible_requests_are_refused_in_one_sentence(self, headless: Finished, what: str, words: str) -> None:
        assert headless[evaluated_headless] is None
        assert words in headless[refused][what]


def test_with_a_window_there_are_tables_and_curves(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "temporary").mkdir()
    with desktop() as display:
        env = {"DISPLAY": display, "TMPDIR": str(tmp_path / "temporary")}
        seen = run_checks(WINDOW, tmp_path, headless=False, env=env)[evaluated_in_a_window]
    assert seen["titles"] == ["mine", "the movies-evaluation"]
    assert seen["calibrated"] == ["mine", "the movies-evaluation", "net_one_calibrated-calibration"]
    assert [row[:3] for row in seen["calibration errors"]["rows"]] == [["cell_death", "60", "1"]]
    assert seen["active"] == "mine"
    assert seen["of cells"] == ["mine", "the movies-evaluation", "the cells-evaluation", "a_cells"]
    assert [row[:2] for row in seen["cell scores"]["rows"]] == [
        ["a", "epicells"], ["a", "merging"], ["all", "epicells"], ["all", "merging"],
    ]  # fmt: skip
    assert [row[0] for row in seen["cell differences"]["rows"]] == ["epicells - merging"]
    assert seen["temporary"] == []
    assert seen["scores"]["columns"][:3] == ["event", "network", "threshold"]
    assert {row[1] for row in seen["scores"]["rows"]} == {"net_one", "net_two"}
    assert [row[:3] for row in seen["differences"]["rows"]] == [
        ["cell_death", "default", "net_one - net_two"],
        ["cell_death", "best", "net_one - net_two"],
    ]
    assert seen["log"].rstrip().splitlines()[-1].startswith("EpiFiji: cell_death: ")


def test_it_runs_through_a_worker_too(tmp_path: Path) -> None:
    fiji = make_plain_fiji(tmp_path / "Fiji für später")
    folder = tmp_path / "mit Leerzeichen"
    folder.mkdir()
    files(folder)
    code = "folder = getArgument();\n" + (
        EVALUATE + 'network=[@net one] other_networks=[@net two] folder=[@the movies] output=[@scores]");\n'
    ).replace("@", '" + folder + "/')
    ended = run_in_plain_fiji(fiji, code, str(folder))
    assert "EpiFiji: cell_death: " in ended.stdout + ended.stderr
    assert names(folder / "scores") == sorted([*SCORES, "evaluation_differences.csv"])
