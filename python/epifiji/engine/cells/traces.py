"""The trace of an event's cell: it is followed through a part of the movie, and measured in each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from epifiji.data.cell_traces import AREA, NEIGHBOURS, CellTrace
from epifiji.data.events import Event
from epifiji.data.opinions import Opinion
from epifiji.engine.cells.alignment import fit_constriction, frames_to_end
from epifiji.engine.cells.around import angle_between, centres_of, long_axis, measure_around
from epifiji.engine.cells.opinions import CLASSES, opinion_on
from epifiji.engine.cells.tracks import (
    Carried,
    Followed,
    Views,
    carried_from_before,
    follow_disappearing,
    follow_dividing,
    follow_staying,
)

_FEWEST_MEASURED = 3
AT_EDGE = "the edge of the frame cuts the cell off"
NO_CELLS = "no cells are found around it"


class Field(NamedTuple):
    """The part of a movie around an event.

    Parameters
    ----------
    frames
        (n,): frames of the movie.
    corners
        (n, 2): y, x of the first pixel in the movie; the field moves along with the tissue.
    images
        (n, h, w): the movie.
    views
        What the cells are found from.
    """

    frames: np.ndarray
    corners: np.ndarray
    images: np.ndarray
    views: Views


def trace_event(number: int, event: Event, field: Field, diameter_px: float, seed: int) -> CellTrace:
    """Follow and measure the cell of an event.

    The cell of a ``cell_death`` is the one that disappears near the event, that of a ``cell_division`` the one that
    divides. For other classes it is one that divides or disappears, else the cell at the event's place. The second opinion
    is also given if no such cell is found (:mod:`epifiji.engine.cells.opinions`).

    Parameters
    ----------
    number
        Number of the event, from 1.
    event
        The event.
    field
        The movie around it.
    diameter_px
        Mean diameter of cells.
    seed
        Of the draw of control cells.
    """
    if not field.views.labels.any():
        return CellTrace(number, event, NO_CELLS, opinion=Opinion("unknown", NO_CELLS))
    index = int(np.clip(event.frame - field.frames[0], 0, len(field.frames) - 1))
    y, x = np.array([event.y, event.x]) - field.corners[index]
    place = float(y), float(x)
    before = carried_from_before(field.views, index) if event.event in CLASSES else None
    found = _followed(event.event, field, index, place, diameter_px, before)
    opinion = opinion_on(event.event, field.views, index, place, diameter_px, not found.problem, before)
    if found.problem:
        return CellTrace(number, event, found.problem, opinion=opinion)
    trace = CellTrace(
        number,
        event,
        frames=field.frames,
        end=None if found.end is None else int(field.frames[found.end]),
        labels=found.labels,
        cell=found.cell,
        daughters=found.daughters,
        corners=field.corners,
        opinion=opinion,
    )
    return measured(trace, field.images, seed)


def measured(trace: CellTrace, images: np.ndarray, seed: int) -> CellTrace:
    """Return a trace with the measurements of its labels in a movie (n, h, w); other arguments as in :func:`trace_event`."""
    values = measure_around(trace.labels, images, trace.cell, trace.daughters, seed)
    if np.count_nonzero(~np.isnan(values[AREA])) < _FEWEST_MEASURED:
        return CellTrace(trace.number, trace.event, AT_EDGE, opinion=trace.opinion)
    places = centres_of(trace.labels, (trace.cell, *trace.daughters))
    known = replace(trace, values=values, places=places + trace.corners)
    if trace.end is None:
        return known
    if trace.daughters:
        end = int(np.flatnonzero(trace.frames == trace.end)[0])
        one, other = (centres_of(trace.labels[end : end + 1], (label,))[0] for label in trace.daughters)
        axis = long_axis(trace.labels[0] == trace.cell)
        return replace(known, orientation_deg=angle_between(one, other), long_axis_deg=axis)
    last = int(np.flatnonzero((trace.labels == trace.cell).any(axis=(1, 2)))[-1])
    fit = fit_constriction(values[AREA][: last + 1])
    return replace(
        known,
        end=int(min(trace.frames[last] + frames_to_end(values[AREA][: last + 1]), trace.frames[-1])),
        constriction=fit and replace(fit, onset=fit.onset + float(trace.frames[0])),
        rosette=None if np.isnan(values[NEIGHBOURS][last]) else int(values[NEIGHBOURS][last]),
    )


def edited(trace: CellTrace, regions: Mapping[tuple[int, int], np.ndarray]) -> CellTrace:
    """Return a trace whose cell has other outlines.

    Pixels that the cell loses go to the nearest other cell. A frame without a region has no cell. The cell then ends
    after the last frame with a region, unless it divides or stays.

    Parameters
    ----------
    trace
        The trace.
    regions
        (h, w), bool, by index of the frame and daughter (0 for the cell itself, else 1 or 2).
    """
    labels = np.stack([_edited_frame(trace, index, regions) for index in range(len(trace.frames))])
    return replace(trace, labels=labels)


def _edited_frame(trace: CellTrace, index: int, regions: Mapping[tuple[int, int], np.ndarray]) -> np.ndarray:
    """Return the labels (h, w) of a frame with the regions of its cell and daughters."""
    from scipy import ndimage

    before = trace.labels[index]
    own = (trace.cell, *trace.daughters)
    kept = np.isin(before, own)
    nearest = ndimage.distance_transform_edt(kept, return_distances=False, return_indices=True)
    labels: np.ndarray = before[tuple(nearest)]
    for part, label in enumerate(own):
        if (index, part) in regions:
            labels[regions[index, part]] = label
    return labels


def _followed(
    event: str, field: Field, index: int, place: tuple[float, float], diameter_px: float, before: Carried | None
) -> Followed:
    """Follow the cell of an event by what becomes of it in its class."""
    arguments = (field.views, index, place, diameter_px)
    if event == "cell_death":
        return follow_disappearing(*arguments, before)
    if event == "cell_division":
        return follow_dividing(*arguments)
    for follow in (follow_dividing, follow_disappearing):
        found = follow(*arguments)
        if not found.problem:
            return found
    return follow_staying(*arguments)
