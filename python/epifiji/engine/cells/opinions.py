"""A second opinion on events: whether the cells next to an event are the same before and after it.

The cells of a frame before the event are carried to all frames (:mod:`epifiji.engine.cells.tracks`), also those that
disappear or divide. In each frame the region of a carried cell is compared with the cells that the segmentation finds in
this frame alone: one cell of its own, two, or none but a part of a larger one. So a place at which nothing happens is
recognised by what is there, and not by an event that was not found. A single frame decides nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from epifiji.data.opinions import Opinion, Verdict
from epifiji.engine.cells.tracks import Carried, Views, carried_from_before

_NEAR = {"cell_death": 0.6, "cell_division": 0.3}
"""Greatest distance of a cell next to the event from its place, in cell diameters."""

CLASSES = tuple(_NEAR)
"""The classes of which outlines of cells can say something."""

_CHANGES = {"cell_death": "a cell disappears", "cell_division": "a cell divides"}
_INSTEAD = {
    "cell_death": "a cell divides, none disappears",
    "cell_division": "a cell disappears, none divides",
}
_STILL = {
    "cell_death": "the cell is still there {} frames later",
    "cell_division": "not divided: one cell {} frames later",
}

_OWN = 0.6  # a cell of a frame belongs to a carried cell if at least this share of its pixels lies in it
_WHOLE = 0.6  # least share of a carried cell that the cells belonging to it cover
_PART = 0.2  # least share of a carried cell in each of two daughters
_LATER = 2  # frames after the event from which on the change must have happened: detections are this early
_FEWEST = 3  # least number of frames before, and after
_CLEAR = 0.7  # least share of frames that show the same
_STAYED = {
    "cell_death": 0.6,
    "cell_division": 0.7,
}  # least share of its area that a cell kept to which nothing happened


class Course(NamedTuple):
    """What becomes of a cell, as shares of the frames after an event in which it is one, two, or none.

    Parameters
    ----------
    known
        Share of the frames before the event in which it is one cell.
    one, two, none
        Shares of the frames after the event.
    remaining
        Median area of its largest part in these frames / its median area before; NaN if it never was one cell before.
    """

    known: float
    one: float
    two: float
    none: float
    remaining: float


def opinion_on(
    event: str,
    views: Views,
    frame: int,
    place: tuple[float, float],
    diameter_px: float,
    is_followed: bool,
    before: Carried | None = None,
) -> Opinion:
    """Say whether the cells around an event change as its class says.

    Parameters
    ----------
    event
        Its class. Only for ``cell_death`` and ``cell_division`` a segmentation can say something.
    views
        The frames around it.
    frame
        About the first frame without the cell, or with two daughters, as an index of T.
    place
        y, x of the event.
    diameter_px
        Mean diameter of cells.
    is_followed
        Whether a cell was found and followed that changes as the class says.
    before
        What :func:`~epifiji.engine.cells.tracks.carried_from_before` returns, if it is at hand.
    """
    if event not in CLASSES:
        return Opinion("unknown", "outlines of cells do not show this class")
    courses = courses_near(event, views, frame, place, diameter_px, before)
    if isinstance(courses, str):
        return Opinion("agrees", _CHANGES[event]) if is_followed else Opinion("unknown", courses)
    verdict, reason = _verdict(event, courses, is_followed, len(views.labels) - 1 - frame)
    remaining = [one.remaining for one in courses if not math.isnan(one.remaining)]
    return Opinion(verdict, reason, min(remaining, default=math.nan))


def _verdict(event: str, courses: list[Course], is_followed: bool, later: int) -> tuple[Verdict, str]:
    """Return the verdict on an event `later` frames before the last one, and its reason."""
    gone = [one for one in courses if one.none >= _CLEAR]
    split = [one for one in courses if one.two >= _CLEAR]
    kept = [one for one in courses if one.one >= _CLEAR and one.remaining >= _STAYED[event]]
    changed, instead = (gone, split) if event == "cell_death" else (split, gone)
    if is_followed or changed:
        return "agrees", _CHANGES[event]
    if all(one.known >= _CLEAR for one in courses) and len(kept) + len(instead) == len(courses):
        return "disagrees", _INSTEAD[event] if instead else _STILL[event].format(later)
    return "unknown", "the cells here cannot be told apart well enough"


def courses_near(
    event: str,
    views: Views,
    frame: int,
    place: tuple[float, float],
    diameter_px: float,
    before: Carried | None = None,
) -> list[Course] | str:
    """Return what becomes of each cell next to an event, or why it cannot be known; arguments as in :func:`opinion_on`."""
    labels = views.labels
    after = range(frame + _LATER, len(labels))
    if frame < _FEWEST:
        return "too few frames before the event"
    if len(after) < _FEWEST:
        return "too few frames after the event"
    first, carried = before or carried_from_before(views, frame)
    earlier = range(max(0, first - _FEWEST), min(first + _FEWEST, frame - 1) + 1)
    near = _near(carried[frame], place, _NEAR[event] * diameter_px)
    if not near:
        return "no cell lies here"
    if any(_is_cut_off(carried[t], cell) for cell in near for t in (first, frame)):
        return "the edge of the frame cuts a cell off"
    return [_course(labels, carried, cell, earlier, after) for cell in near]


def _near(cells: np.ndarray, place: tuple[float, float], radius_px: float) -> list[int]:
    """Return the cells (Y, X) of which a pixel is within a radius of a place, without the outside of the tissue."""
    y, x = np.indices(cells.shape)
    around = np.hypot(y - place[0], x - place[1]) <= max(1.0, radius_px)
    return [int(one) for one in np.unique(cells[around]) if one > 1]


def _is_cut_off(cells: np.ndarray, cell: int) -> bool:
    return any((side == cell).any() for side in (cells[0], cells[-1], cells[:, 0], cells[:, -1]))


def _course(labels: np.ndarray, carried: np.ndarray, cell: int, before: range, after: range) -> Course:
    earlier = [_parts(labels[t], carried[t] == cell) for t in before]
    later = [_parts(labels[t], carried[t] == cell) for t in after]
    counts = np.array([len(one) for one in later])
    areas = [one[0] for one in earlier if len(one) == 1]
    usual = float(np.median(areas)) if areas else math.nan
    left = float(np.median([one[0] if one else 0 for one in later]))
    return Course(
        len(areas) / len(earlier),
        float(np.mean(counts == 1)),
        float(np.mean(counts > 1)),
        float(np.mean(counts == 0)),
        left / usual,
    )


def _parts(labels: np.ndarray, region: np.ndarray) -> list[int]:
    """Return the areas of the cells of a frame (Y, X) that belong to a region, largest first.

    There are none if they cover too little of it; the smaller ones are left out if they are too small for a daughter.
    """
    area = int(region.sum())
    inside = np.bincount(labels[region])
    inside[:1] = 0
    sizes = np.bincount(labels.ravel(), minlength=len(inside))[: len(inside)]
    own = np.flatnonzero((inside > 0) & (inside >= _OWN * sizes))
    if not area or inside[own].sum() < _WHOLE * area:
        return []
    return sorted((int(sizes[one]) for one in own if inside[one] >= _PART * area), reverse=True)
