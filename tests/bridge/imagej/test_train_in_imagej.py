"""Training as menu commands: headless, and at a desktop with dialog and Escape."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from desktop import desktop
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.network import Network
from epifiji.data.review import Action
from epifiji.engine.networks.epinet.model import REACH_FRAMES, new_weights
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import read_description, write_network
from epifiji.files.results.movie_identity import described_movie
from epifiji.jobs.events.review import decide, finish_review, start_review
from folders import names
from java_folders import cache_with_libraries
from jvm import Finished, run_checks
from labelled_cells import write_labelled
from labelled_movies import write_blinking
from recorded_study import recorded_study
from training_checks import (
    HEADLESS,
    WINDOW,
    asked_in_a_dialog,
    cancelled_by_escape,
    cells_headless,
    refused,
    retrained_headless,
    studied_headless,
    trained_headless,
    trained_in_a_window,
)

PICTURES = ["confusion_matrix.png", "learning_curve.png", "precision_recall.png"]


def files(folder: Path) -> dict[str, str]:
    """Put annotated movies and a network into a folder.

    Return environment variables that keep EpiFiji in that folder.
    """
    for number in range(3):
        write_blinking(folder / "the movies", f"spots{number}", number)
    described = EpiNetDescription(
        name="old",
        classes=("nothing", "blink"),
        frames_before=REACH_FRAMES,
        frames_after=REACH_FRAMES + 1,
        cell_diameter_px=25,
        event_duration_frames=4.5,
    )
    write_network(Network(described, (new_weights(1, np.random.default_rng(3), 0.3),)), networks(folder) / "old")
    return {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(cache_with_libraries(folder / "cache")),
        "EPIFIJI_NETWORKS": "",
    }


def networks(folder: Path) -> Path:
    return folder / "data" / "epifiji" / "networks"


def reviewed(folder: Path) -> None:
    """Put a result with a finished review into a folder: all events are kept."""
    pixels, events = write_blinking(folder, "wing", 5, shape=(28, 64, 96), events=8)
    results = folder / "wing_epifiji"
    results.mkdir()
    record = {
        "movie": {"name": "wing", "file": str(folder / "wing.tif"), "shape": list(pixels.shape)},
        "network": {"name": "old"},
        "settings": {"events": ["blink"]},
    }
    (results / "run.json").write_text(json.dumps(record), encoding="utf-8")
    path, review = start_review(events, results)
    for number in range(len(events)):
        decide(path, review, Action(number, "keep"))
    finish_review(path)


def corrected(folder: Path) -> None:
    """Put an image with its labels into a folder, and another one with a result whose cells were corrected."""
    write_labelled(folder / "the cells", "a", 1)
    labels = write_labelled(folder, "tissue", 2)
    (folder / "tissue_labels.tif").unlink()
    results = folder / "tissue_cells"
    results.mkdir()
    for name in ("tissue_labels.tif", "tissue_corrected_labels.tif"):
        tifffile.imwrite(results / name, labels.astype(np.uint16))
    image = read_movie(folder / "tissue.tif", least_frames=1)
    known = described_movie(image, image.sha256())
    record = {"epifiji": 1, "task": "cells", "movie": known, "network": {"name": "epicells"}}
    (results / "run.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("headless")
    env = files(folder)
    reviewed(folder)
    corrected(folder)
    recorded_study(folder / "a study")
    return run_checks(HEADLESS, folder, env=env)


class TestWithoutAWindow:
    def test_the_new_network_is_listed_and_one_sentence_reports_its_scores(self, headless: Finished) -> None:
        assert headless[trained_headless] is None
        assert read_description(networks(headless.folder) / "spots").classes == ("nothing", "blink")
        (sentence,) = (line for line in headless.out.splitlines() if line.endswith("the new network 'spots'."))
        assert sentence.startswith("EpiFiji: On 6 held-out events F1 is ")
        report = names(headless.folder / "the report")
        assert report == sorted([*PICTURES, "training.json"])

    def test_a_review_retrains_the_network_that_found_the_events(self, headless: Finished) -> None:
        assert headless[retrained_headless] is None
        assert {"old", "old_wing", "spots"} < set(names(networks(headless.folder)))
        record = json.loads((networks(headless.folder) / "old_wing" / "training.json").read_text(encoding="utf-8"))
        assert record["parent"]["name"] == "old"
        assert not (networks(headless.folder) / "old" / "training.json").exists()

    def test_networks_for_cells_are_trained_and_retrained(self, headless: Finished) -> None:
        assert headless[cells_headless] is None
        for name, parent in (("new_cells", None), ("epicells_tissue", "epicells")):
            folder = networks(headless.folder) / name
            assert names(folder) == [
                "card.md",
                "held_out_cells.png",
                "learning_curve.png",
                "network.json",
                "training.json",
                "weights_0.npz",
            ]
            record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
            assert (record["parent"] and record["parent"]["name"]) == parent
        assert record["images"][0]["corrected"]

    def test_a_study_continues_by_its_protocol(self, headless: Finished) -> None:
        assert headless[studied_headless] is None
        place = headless.folder / "a study" / "train_study"
        assert (place / "learning_curve.png").exists()
        assert f"EpiFiji: 3 trainings were scored; the results are in {place}" in headless.out
        assert "EpiFiji: without rotation: the AP differs by -0.100" in headless.out

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            (
                "no folder",
                "No folder was specified, but movies with annotated events, or images with annotated cells, are needed: give "
                "folder=[folder].",
            ),
            ("missing folder", "nowhere does not exist, but a folder is needed that contains a movie such as"),
            (
                "no review",
                "No review and no corrected cells were specified, but one of them is needed to learn from: open",
            ),
            (
                "setting of cells",
                "loss is specified, but it has no effect on a network that finds events: leave it out",
            ),
            ("missing network", "there is no network 'nowhere'"),
            ("network by its older name", "there is no network 'nowhere'"),
            ("exists", "there is a network 'spots' already: give another"),
            ("bad setting", "steps is '3', but it must be a whole number from 10 to 1000000"),
            ("study without images", "No folder of images to train on was specified"),
            ("another study", "the cells is not empty and contains no study: specify another out"),
            (
                "unknown key",
                "Train Event Network... was given 'step', but its parameters are batch_size, cell_diameter",
            ),
        ],
    )
    def test_impossible_requests_are_refused_in_one_sentence(self, headless: Finished, what: str, words: str) -> None:
        told = headless[refused][what]
        assert words in told
        assert "Traceback" not in told


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("window")
    (folder / "temporary").mkdir()
    env = files(folder)
    with desktop() as display:
        env |= {"DISPLAY": display, "TMPDIR": str(folder / "temporary")}
        return run_checks(WINDOW, folder, headless=False, env=env)


class TestAtADesktop:
    def test_a_dialog_without_a_folder_reports_it_and_opens_again(self, shown: Finished) -> None:
        asked = shown[asked_in_a_dialog]
        assert asked["told"].startswith("No folder was specified, but movies with annotated events, or images with")
        assert asked["titles"] == []

    def test_escape_leaves_no_files_and_does_not_change_the_old_network(self, shown: Finished) -> None:
        left = shown[cancelled_by_escape]
        old = networks(shown.folder) / "old"
        assert left["old"] == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in old.iterdir()}
        assert not (old / "training.json").exists()
        assert left["networks"] == ["old"]
        assert left["titles"] == ["mine"]
        assert left["table"] is None
        assert left["temporary"] == []

    def test_scores_and_pictures_are_shown_and_the_sentence_is_in_the_log(self, shown: Finished) -> None:
        seen = shown[trained_in_a_window]
        assert read_description(networks(shown.folder) / "spots").classes == ("nothing", "blink")
        assert seen["active"] == "mine"
        assert len(seen["titles"]) == 1 + len(PICTURES)
        assert [row[:2] for row in seen["table"]["rows"]] == [["blink", "6"]]
        assert seen["log"].rstrip().splitlines()[-1].startswith("EpiFiji: On 6 held-out events F1 is ")
        assert seen["temporary"] == []
