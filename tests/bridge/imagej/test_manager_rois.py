"""EpiFiji's ROIs in the ROI Manager are recognised and replaced; the user's ROIs are never lost."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from desktop import desktop
from epifiji.data.events import Event
from epifiji.files.movies.movie_file import file_sha256
from epifiji.files.results.events_table import write_events
from jvm import Finished, run_checks
from manager_checks import MANAGER, repeated_rows, saved_and_opened_again, shown_twice, two_movies

SHAPE = (12, 70, 80)
FIRST = [Event("cell_death", 2, 10.25, 20, 0.91), Event("cell_death", 5, 30, 40.5, 0.8), Event("cell_sop", 7, 50, 60)]
SECOND = [Event("cell_death", 3, 12, 22, 0.91), Event("cell_death", 9, 33, 44, 0.8)]
EVENTS = {"first": FIRST, "second": SECOND}


def rois_of(events: list[Event]) -> list[list[object]]:
    """Return name (class, number and score), frame, x and y of the ROIs of events."""
    numbers = [sum(other.event == event.event for other in events[: i + 1]) for i, event in enumerate(events)]
    scores = ["" if event.score != event.score else f" ({event.score:.2f})" for event in events]
    return [
        [f"{e.event} {number}{score}", e.frame + 1, e.x, e.y]
        for e, number, score in zip(events, numbers, scores, strict=True)
    ]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("manager")
    for seed, (name, events) in enumerate(EVENTS.items()):
        movie = folder / f"{name}.tif"
        pixels = np.random.default_rng(seed).integers(0, 255, SHAPE, np.uint8)
        tifffile.imwrite(movie, pixels, imagej=True, metadata={"axes": "TYX"})
        results = folder / f"{name}_epifiji"
        results.mkdir()
        write_events(results / "events.csv", events)
        record = {"name": name, "file": str(movie), "sha256": file_sha256(movie), "shape": SHAPE}
        (results / "run.json").write_text(json.dumps({"epifiji": 1, "movie": record, "settings": {}, "network": {}}))
    with desktop() as display:
        return run_checks(MANAGER, folder, headless=False, env={"DISPLAY": display})


def test_events_shown_again_replace_the_earlier_ones(shown: Finished) -> None:
    seen = shown[shown_twice]
    assert seen["once"][0][0] == "mine"
    assert seen["once"][1:] == rois_of(FIRST)
    assert seen["twice"] == seen["once"]
    assert (seen["counted"]["cell_death"], seen["counted"]["cell_sop"]) == ("2", "1")


def test_moved_and_renamed_rois_replace_their_originals(shown: Finished) -> None:
    seen = shown[shown_twice]
    mine, first, second, third = seen["edited"]
    expected = rois_of(FIRST)
    assert mine[0] == "mine"
    assert first == [expected[0][0], 3, 27, 13.25]
    assert second == ["looks odd", *expected[1][1:]]
    assert third == expected[2]
    assert "2 ROIs that you moved or renamed stay" in seen["log"]


def test_the_managers_zip_keeps_the_identity_of_rois(shown: Finished) -> None:
    seen = shown[saved_and_opened_again]
    assert seen["before"] == rois_of(SECOND) + rois_of(FIRST)
    assert [roi[1:] for roi in seen["after"]] == [roi[1:] for roi in seen["before"]]
    assert seen["counted"]["cell_death"] == "2"
    assert "2 ROIs were left out: they belong to the movie second" in seen["log"]


def test_only_the_events_of_the_active_movie_are_used(shown: Finished) -> None:
    seen = shown[two_movies]
    assert seen["counted"]["first"] == {"quantity": "events", "cell_death": "2", "cell_sop": "1"}
    assert seen["counted"]["second"] == {"quantity": "events", "cell_death": "2"}
    assert "2 ROIs were left out: they belong to the movie second" in seen["counted"]["log"]
    assert seen["counted"]["opened again"] == seen["counted"]["first"]


def test_rois_of_movies_that_are_not_active_are_refused(shown: Finished) -> None:
    said = shown[two_movies]["said"]
    assert "The ROIs belong to the movie first, second, and the active image is another" in said["another"]
    assert "The ROIs belong to 2 movies (first, second), and no image is open" in said["none"]


def test_copies_of_rois_count_once(shown: Finished) -> None:
    seen = shown[repeated_rows]
    assert seen["rois"] == 5
    assert seen["counted"] == {"quantity": "events", "cell_death": "2", "cell_sop": "1"}
    assert (
        "2 events that repeat another of the same class, frame and place were left out of the ROI Manager's events "
        "(2 cell_death)." in seen["log"]
    )
