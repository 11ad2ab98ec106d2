"""Simulation with real outlines: cells are found between lines and tracked, and the added events are true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.engine.simulation.geometry import measure
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.engine.simulation.tracked_outlines import shifts, track

SETTINGS: dict[str, Any] = {"frames": 36, "height": 150, "width": 150, "cell_diameter_px": 20, "seed": 3}
EVENTS = {"extrusions": 3, "divisions": 2, "sops": 1, "shrinking_cells": 2, "margin_diameters": 0.8}
NONE = {"extrusions": 0, "divisions": 0, "sops": 0}


def lines_between(labels: np.ndarray) -> np.ndarray:
    """Draw lines of two pixels around cells, white on black."""
    edge = np.zeros(labels.shape, bool)
    edge[..., 1:] |= labels[..., 1:] != labels[..., :-1]
    edge[..., 1:, :] |= labels[..., 1:, :] != labels[..., :-1, :]
    return np.uint8(255) * edge


@pytest.fixture(scope="module")
def tissue() -> Simulation:
    """A simulated tissue without events, whose cells are known."""
    return simulate_tissue(frames=12, height=250, width=250, cell_diameter_px=20, seed=1, **NONE)


@pytest.fixture(scope="module")
def notum(shared_data: Path) -> np.ndarray:
    return tifffile.imread(shared_data / "tissues" / "pupal_notum_segmentation.tif")[None]


@pytest.fixture(scope="module")
def replayed(tissue: Simulation) -> Simulation:
    """Real outlines with added events, shown for longer than they are."""
    return simulate_tissue(outlines=lines_between(tissue.labels), **SETTINGS, **EVENTS)


@pytest.fixture(scope="module")
def moved(notum: np.ndarray) -> Simulation:
    """A single real frame, moved by a flow, with added events."""
    return simulate_tissue(outlines=notum, **SETTINGS, **EVENTS)


@pytest.mark.parametrize("dark_lines", [False, True])
def test_cells_between_lines_are_those_that_the_lines_were_drawn_around(tissue: Simulation, dark_lines: bool) -> None:
    truth = tissue.labels[0]
    drawn = lines_between(truth)
    found = label_outlines(drawn_lines(255 - drawn if dark_lines else drawn))
    pairs, counts = np.unique(np.stack([truth.ravel(), found.ravel()]), axis=1, return_counts=True)
    best = {cell: counts[pairs[0] == cell].max() for cell in np.unique(truth)}
    assert sum(best.values()) / truth.size > 0.9
    inner = (slice(20, -20), slice(20, -20))
    assert len(np.unique(found[inner])) == pytest.approx(len(np.unique(truth[inner])), rel=0.05)


def test_cells_keep_their_numbers_while_they_move(tissue: Simulation) -> None:
    drawn = lines_between(tissue.labels)
    followed = track([label_outlines(drawn_lines(frame)) for frame in drawn])
    kept = 0
    whole = [cell for cell in np.unique(tissue.labels[0][40:-40, 40:-40]) if (tissue.labels[-1] == cell).any()]
    for cell in whole:
        first, last = (
            np.bincount(numbers[tissue.labels[frame] == cell]).argmax()
            for frame, numbers in ((0, followed[0]), (-1, followed[-1]))
        )
        kept += first == last
    assert kept > 0.95 * len(whole)


def test_a_line_that_is_missing_in_some_frames_is_restored_and_one_that_stays_missing_is_not(
    tissue: Simulation,
) -> None:
    for gone, mended in ((slice(4, 7), True), (slice(4, 12), False)):
        labels = tissue.labels.copy()
        one = labels[5, 125, 125]
        other = next(cell for cell in labels[5, 125, 125:] if cell != one)
        labels[gone][labels[gone] == other] = one
        followed = track([label_outlines(drawn_lines(frame)) for frame in lines_between(labels)])
        numbers = [
            np.bincount(found[truth == other]).argmax() for found, truth in zip(followed, tissue.labels, strict=True)
        ]
        beside = [
            np.bincount(found[truth == one]).argmax() for found, truth in zip(followed, tissue.labels, strict=True)
        ]
        assert numbers[5] == numbers[0] != beside[5]
        assert (numbers[11] == numbers[0]) == mended


def test_the_shift_of_a_whole_tissue_is_found(tissue: Simulation) -> None:
    drawn = lines_between(tissue.labels[0]) > 0
    way = np.array([[0, 0], [3, -2], [5, 1]])
    assert np.array_equal(shifts(np.stack([np.roll(drawn, step, (0, 1)) for step in way])), way)


def test_what_lies_outside_the_outlines_is_no_cell(notum: np.ndarray) -> None:
    """Its lower left corner has no tissue."""
    labels = label_outlines(drawn_lines(notum[0]))
    assert labels[-10, 10] == 0
    assert labels[100, 300] > 0
    assert measure(labels[None]).cells == pytest.approx(423, rel=0.03)  # as its authors counted


@pytest.mark.parametrize("movie", ["replayed", "moved"])
def test_events_that_are_put_in_are_true_to_the_cells(movie: str, request: pytest.FixtureRequest) -> None:
    made: Simulation = request.getfixturevalue(movie)
    assert len(made.events) == 6
    for event in made.events:
        before, after = made.labels[event.frame - 1], made.labels[event.frame]
        if event.event == "cell_death":
            gone = set(np.unique(before)) - set(np.unique(made.labels[event.frame :]))
            places = [np.argwhere(before == cell).mean(0) for cell in gone]
        elif event.event == "cell_division":
            new = sorted(set(np.unique(after)) - set(np.unique(made.labels[: event.frame])))
            places = [np.argwhere(np.isin(after, [a, b])).mean(0) for a in new for b in new if a < b]
        else:
            places = [np.argwhere(after == after[round(event.y), round(event.x)]).mean(0)]
        assert min(np.hypot(y - event.y, x - event.x) for y, x in places) < 1e-6


def test_an_extruded_cell_shrinks_and_a_dividing_one_grows_and_becomes_round(moved: Simulation) -> None:
    for event in moved.events:
        labels = moved.labels
        cell = labels[event.frame - 1, round(event.y), round(event.x)]
        area = (labels == cell).sum((1, 2))
        if event.event == "cell_death" and event.frame > 12:
            assert area[event.frame - 10] > 2 * area[event.frame - 3]
        if event.event == "cell_division":
            assert area[event.frame - 1] > 1.8 * area[max(0, event.frame - 12) : event.frame].min()
            mother = labels[event.frame - 1] == cell
            around = mother & ~ndimage.binary_erosion(mother)
            y, x = np.nonzero(around)
            away = np.hypot(y - y.mean(), x - x.mean())
            assert away.std() < 0.12 * away.mean()  # 0.11 would be the corners of a hexagon


def test_shrinking_cells_of_replayed_outlines_recover(moved: Simulation) -> None:
    shown = [d for d in moved.distractors if d.kind == "shrinking_cell"]
    assert shown
    for distractor in shown:
        cell = moved.labels[distractor.frame, round(distractor.y), round(distractor.x)]
        area = (moved.labels == cell).sum((1, 2))
        assert area.min() > 0
        assert area.max() > 2 * area[distractor.frame]


def test_a_single_frame_moves_smoothly(notum: np.ndarray) -> None:
    made = simulate_tissue(outlines=notum, **SETTINGS | NONE)
    for one, other in zip(made.labels[:-1], made.labels[1:], strict=True):
        assert np.mean(one == other) > 0.85
    assert np.mean(made.labels[0] == made.labels[-1]) < 0.9


def test_the_same_seed_replays_the_same(notum: np.ndarray) -> None:
    one, other = (simulate_tissue(outlines=notum, **SETTINGS | NONE | {"frames": 6}).pixels for _ in range(2))
    assert np.array_equal(one, other)


def test_real_cells_that_come_and_go_are_listed_as_unclear(tissue: Simulation) -> None:
    """One cell of the outlines is merged with a neighbour from the third frame on, and taken to be gone six frames later."""
    labels = tissue.labels.copy()
    one = labels[2, 125, 125]
    other = next(cell for cell in labels[2, 125, 125:] if cell != one)
    labels[2:][labels[2:] == one] = other
    settings = SETTINGS | NONE | {"frames": 12, "height": 200, "width": 200}
    made = simulate_tissue(outlines=lines_between(labels), **settings)
    assert any(d.kind == "unclear" and d.frame == 7 for d in made.distractors)


@pytest.mark.parametrize(
    ("outlines", "words"),
    [
        (np.zeros((1, 90, 90), np.uint8), "A frame of the outlines shows no cells: give a TIFF of closed lines"),
        (
            lines_between((np.indices((90, 90))[0] // 10 * 9 + np.indices((90, 90))[1] // 10)[None]),
            "The outlines, scaled to cells of 20 px, are",
        ),
    ],
)
def test_outlines_that_cannot_be_used_are_refused(outlines: np.ndarray, words: str) -> None:
    with pytest.raises(WrongInputError) as refusal:
        simulate_tissue(outlines=outlines, **SETTINGS | NONE | {"height": 400})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
