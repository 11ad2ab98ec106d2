"""Reviews whose events were detected again since, or that changed after they were finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.networks.store import write_network
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.reviews import review_of_results, write_review
from reviewed_results import reviewed
from small_networks import small_network

SHAPE = (60, 64, 64)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(small_network(1, name="lab"), tmp_path_factory.mktemp("networks") / "lab")


@pytest.fixture
def results(tmp_path: Path, network: Path) -> Path:
    """Results of a movie with a finished review of all 90 events."""
    tifffile.imwrite(tmp_path / "m.tif", np.zeros(SHAPE, np.uint8))
    movie = {"name": "m", "file": str(tmp_path / "m.tif"), "shape": SHAPE, "pixels_sha256": "0" * 64}
    folder = reviewed(tmp_path / "m_epifiji", network, movie=movie)
    epifiji.finish_review(folder / "review.csv")
    return folder


def detect_again(results: Path) -> None:
    """Write the events that a higher threshold leaves, as detect --overwrite does: the review stays."""
    events = read_events(results / "events.csv")
    write_events(results / "events.csv", [event for event in events if event.raw_score > 0.8])


USES: dict[str, Callable[[Path, Path], object]] = {
    "estimate": lambda results, _: epifiji.expected_scores(results),
    "calibrate": lambda results, network: epifiji.calibrate_scores(network, results, out=results.parent / "copy"),
    "report": lambda results, _: epifiji.report(results, results.parent / "report", within="frame"),
    "cells": lambda results, _: epifiji.measure_cells(results),
    "learn": lambda results, network: epifiji.retrain(network, results, name="new"),
    "pool": lambda results, _: epifiji.pool_results(results),
}


@pytest.mark.parametrize("use", USES)
def test_a_review_of_events_that_were_detected_again_is_used_by_nothing(results: Path, network: Path, use: str) -> None:
    detect_again(results)
    left = len(read_events(results / "events.csv"))
    with pytest.raises(WrongInputError, match=rf"is the review of 90 other events than the {left} in events.csv"):
        USES[use](results, network)


@pytest.mark.parametrize("use", ["report", "pool"])
def test_results_of_a_review_that_changed_since_are_refused(results: Path, network: Path, use: str) -> None:
    path, review = epifiji.start_review(results)
    kept = len(review.kept())
    epifiji.decide(path, review, Action(review.actions[-1].item, "reject"))
    with pytest.raises(WrongInputError, match=rf"has {kept} events, but the review .* now keeps {kept - 1}: .* finish"):
        USES[use](results, network)
    epifiji.finish_review(path)
    assert sum(movie.events for movie in epifiji.pool_results(results).movies) == kept - 1


def test_the_sentence_and_the_exit_code_of_the_command(results: Path) -> None:
    detect_again(results)
    code, _, told = run_here("expected-scores", str(results))
    assert code == 2
    assert "move it and the folder reviewed away" in one_sentence(told)


def test_a_review_of_one_class_in_any_order_and_rounding_is_of_these_events(tmp_path: Path) -> None:
    events = [Event(name, n, 10.004 + n, 20.0, 0.7) for name in ("cell_death", "cell_sop") for n in range(5)]
    write_events(tmp_path / "events.csv", events[::-1])
    review = Review([event for event in events if event.event == "cell_sop"], [Action(0, "keep")])
    write_review(tmp_path / "review.csv", review)
    assert len(review_of_results(tmp_path / "review.csv").detected) == 5
    moved = [*events[:-1], replace(events[-1], frame=30)]
    write_events(tmp_path / "events.csv", moved)
    with pytest.raises(WrongInputError, match="review of 5 other events than the 5 in"):
        review_of_results(tmp_path / "review.csv")


def test_a_review_without_its_results_is_read_as_it_is(results: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = (results / "review.csv").replace(tmp_path / "alone" / "review.csv")
    assert len(epifiji.expected_scores(alone).classes) == 2
