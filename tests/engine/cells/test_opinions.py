"""Second opinions on events, on tissues in which what becomes of each cell is known by construction."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import find_boundaries

from epifiji.data.opinions import Opinion
from epifiji.engine.cells.opinions import opinion_on
from epifiji.engine.cells.tracks import Carried, Views, carried_from_before

PITCH, DIAMETER, AT = 15, 15.0, 12
SIDE = 5 * PITCH
MIDDLE = (39.0, 37.0)


@cache
def tissue(kind: str) -> np.ndarray:
    """Return labels (20, Y, X) of 5 x 5 cells, a power diagram: pixel p is of the cell with the least |p - centre|² - weight.

    From frame `AT` on the middle cell has disappeared after a decline of ten frames, has divided, or is as before.
    """
    pixels = np.stack(np.indices((SIDE, SIDE)), axis=-1)[..., None, :].astype(float)
    rows = np.arange(5)
    centres = np.array([(PITCH * y + 5 + 4 * (x % 2), PITCH * x + 7) for y in rows for x in rows], float)
    labels = []
    for t in range(20):
        places, weights = centres.copy(), np.zeros(25)
        if kind == "shrinks":
            # Between two neighbours at this distance a cell vanishes at the weight -PITCH².
            weights[12] = min(0.0, -(PITCH**2) * (1.05 - 0.1 * max(0, AT - t)))
        if kind == "divides" and t >= AT:
            places, weights = np.vstack([centres, centres[12] + (0, 4)]), np.zeros(26)
            places[12] -= 0, 4
        labels.append(np.argmin(((pixels - places) ** 2).sum(-1) - weights, axis=-1) + 1)
    return np.stack(labels).astype(np.int32)


@cache
def seen(kind: str, frames: int = 20) -> tuple[Views, Carried]:
    """Return what a segmentation shows of cells, lines along their borders that are a little blurred, and carried cells."""
    labels = tissue(kind)[:frames]
    border = np.stack(
        [ndimage.gaussian_filter(find_boundaries(one, mode="thick").astype(np.float32), 1) for one in labels]
    )
    views = Views(border, labels, border)
    return views, carried_from_before(views, AT)


def opinion(
    event: str, kind: str, frames: int = 20, at: int = AT, place: tuple[float, float] = MIDDLE, **others: Any
) -> Opinion:
    views, before = seen(kind, frames)
    views = views._replace(labels=others.get("labels", views.labels))
    return opinion_on(event, views, at, place, DIAMETER, others.get("is_followed", False), before)


def test_the_middle_cell_does_what_the_test_says() -> None:
    counts = {kind: [len(np.unique(one)) for one in tissue(kind)] for kind in ("shrinks", "divides", "stays")}
    assert counts["shrinks"][:AT] == [25] * AT and counts["shrinks"][AT:] == [24] * 8
    assert counts["divides"] == [25] * AT + [26] * 8
    assert set(counts["stays"]) == {25}


@pytest.mark.parametrize(
    ("event", "kind", "expected"),
    [
        ("cell_death", "shrinks", ("agrees", "a cell disappears")),
        ("cell_death", "stays", ("disagrees", "the cell is still there 7 frames later")),
        ("cell_death", "divides", ("disagrees", "a cell divides, none disappears")),
        ("cell_division", "divides", ("agrees", "a cell divides")),
        ("cell_division", "stays", ("disagrees", "not divided: one cell 7 frames later")),
        ("cell_division", "shrinks", ("disagrees", "a cell disappears, none divides")),
        ("cell_sop", "stays", ("unknown", "outlines of cells do not show this class")),
    ],
)
def test_the_opinion_follows_from_what_becomes_of_the_cells(event: str, kind: str, expected: tuple[str, str]) -> None:
    found = opinion(event, kind)
    assert (found.verdict, found.reason) == expected


def test_the_remaining_area_is_that_of_the_cell_that_lost_most() -> None:
    found = {kind: opinion("cell_division", kind).remaining_area for kind in ("shrinks", "divides", "stays")}
    labels = tissue("divides")
    halves = [np.count_nonzero(labels[AT] == one) for one in (13, 26)]
    assert found["shrinks"] == 0
    assert found["divides"] == pytest.approx(max(halves) / np.count_nonzero(labels[0] == 13), abs=0.02)
    assert found["stays"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("event", ["cell_death", "cell_division"])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"frames": AT + 4}, "too few frames after the event"),
        ({"at": 2}, "too few frames before the event"),
        ({"place": (3.0, 3.0)}, "the edge of the frame cuts a cell off"),
    ],
)
def test_nothing_is_known_at_the_ends_and_edges_of_a_movie(event: str, given: dict[str, Any], reason: str) -> None:
    found = opinion(event, "stays", **given)
    assert (found.verdict, found.reason) == ("unknown", reason)
    assert math.isnan(found.remaining_area)


@pytest.mark.parametrize("event", ["cell_death", "cell_division"])
def test_badly_segmented_frames_say_nothing_if_they_are_many(event: str) -> None:
    merged = (tissue("stays") + 1) // 2
    for bad, expected in ((slice(1, None, 2), "unknown"), (slice(AT + 5, AT + 6), "disagrees")):
        labels = tissue("stays").copy()
        labels[bad] = merged[bad]
        assert opinion(event, "stays", labels=labels).verdict == expected


def test_without_cells_nothing_is_known() -> None:
    nothing = np.zeros((20, SIDE, SIDE), np.int32)
    views = Views(nothing.astype(np.float32), nothing, nothing)
    found = opinion_on("cell_death", views, AT, MIDDLE, DIAMETER, is_followed=False)
    assert (found.verdict, found.reason) == ("unknown", "no cell lies here")


def test_a_cell_that_was_followed_agrees_also_at_the_end_of_a_movie() -> None:
    assert opinion("cell_death", "shrinks", AT + 3, is_followed=True).verdict == "agrees"
