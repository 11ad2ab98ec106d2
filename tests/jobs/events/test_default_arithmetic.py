"""The default arithmetic finds the planted events, at least as well as the authors' package, and covers the border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.events import Event
from epifiji.data.settings.detection import DEFAULT_MIN_VOLUME, DEFAULT_THRESHOLD
from epifiji.engine.metrics.events import match_events, score
from epifiji.files.rois.roi_files import read_rois

AUTHORS_EMPTY_BORDER_PX = 16


@pytest.fixture(scope="module")
def result(shared_data: Path) -> epifiji.Result:
    oracle = shared_data / "oracle"
    return epifiji.detect(oracle / "movie.tif", shared_data / "dexnets" / "notum_all.zip", maps="raw")


def inside(events: list[Event]) -> list[Event]:
    """Keep the events at which the authors' maps have values."""
    edge = AUTHORS_EMPTY_BORDER_PX
    return [e for e in events if edge <= e.y < 256 - edge and edge <= e.x < 256 - edge]


def test_more_planted_extrusions_are_found_with_no_more_false_ones(result: epifiji.Result, shared_data: Path) -> None:
    oracle = shared_data / "oracle"
    planted = read_rois(oracle / "movie_cell_death.zip", "cell_death")
    authors = read_rois(oracle / "default" / "movie_cell_death.zip", "cell_death")
    ours = [event for event in result.events if event.event == "cell_death"]
    theirs = score(match_events(authors, planted)).classes["cell_death"]
    assert (theirs.true_positives, theirs.false_positives, len(planted)) == (12, 0, 14)
    found = score(match_events(inside(ours), planted)).classes["cell_death"]
    assert found.true_positives >= theirs.true_positives
    assert found.false_positives <= theirs.false_positives


def test_the_thresholds_are_those_chosen_for_it(result: epifiji.Result) -> None:
    assert (DEFAULT_THRESHOLD["exact"], DEFAULT_MIN_VOLUME["exact"]) == (160, 600)
    assert set(result.record["settings"]["threshold"].values()) == {160}


def test_the_map_goes_on_where_the_authors_ends(result: epifiji.Result, shared_data: Path) -> None:
    authors = tifffile.imread(shared_data / "oracle" / "default" / "movie_cell_death_rawproba.tif")
    ours = result.maps["rawproba"]["cell_death"][:]
    edge = AUTHORS_EMPTY_BORDER_PX
    outside = np.ones(ours.shape, bool)
    outside[:, edge:-edge, edge:-edge] = False
    assert not authors[outside].any()
    assert ours[outside].max() > 100
    # Where windows are centred the two mostly agree: they use the same networks and the same movie.
    assert np.corrcoef(authors[5:35, 30:-30, 30:-30].ravel(), ours[5:35, 30:-30, 30:-30].ravel())[0, 1] > 0.85


def test_events_at_the_border_are_counted_apart(result: epifiji.Result) -> None:
    near = [e for e in result.events if min(e.y, e.x, 255 - e.y, 255 - e.x) < 22]
    assert [e for e in result.events if e.border] == near
    assert sum(result.border_counts.values()) == len(near)
