"""Cells followed through the frames around an event, and which of them disappears or divides.

One frame is segmented well; from there the cells are carried to the frames before and after: the middle of each cell is
the seed of the same cell in the next frame, and a watershed on the border map finds its outline. So a cell that a single
frame shows badly is neither lost nor cut. A cell that disappears is carried on as a piece without a border of its own,
and so is the border between two daughters when they are carried back to before the division: from the frame on in which
a border is no longer brighter than the cells beside it, the cell is gone, or the two are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from epifiji.engine.cells.borders import borders_of

_SEED_DEPTH = 0.5  # pixels at least this share of a cell's greatest distance to its border are its seed
_SHOWN = 0.35  # least contrast of a border that is there, relative to the median of all cells of the field
_MOST_CONTRAST = 2 * _SHOWN  # greater ones count as this, so that a bright frame does not outvote others
_LONG = 0.15  # borders shorter than this share of a cell's circumference are not measured
_SMALL = 0.5  # a cell that disappears has at most this share of its earlier area in its last frame
_LEAST_EVIDENCE = 0.5  # share of the greatest possible evidence for a change
_NEAR_DIAMETERS = 1.0  # greatest distance of the cell from the event's place
_NEAR_FRAMES = 6  # greatest distance of the change from the event's frame
_BEFORE_ANCHOR = (10, 6)  # frames before a disappearance among which one is chosen to start from
_AFTER_ANCHOR = (2, 4)  # frames after a division
_AGREED = 0.9  # share of the frames without a border between two cells of the first frame that are one cell
_SMOOTHING = 0.03  # sigma in cell diameters of the movie on which outlines are drawn
_SHARPENED, _SHARPENING = 0.05, 1.5  # sigma in cell diameters of the details that are amplified, and by how much
_OUTSIDE = 1  # label of what lies outside the tissue


class Change(NamedTuple):
    """A border that disappears from a series of frames, or appears.

    Parameters
    ----------
    frame
        First frame after the change.
    evidence
        0–1: how clearly contrasts are high on one side of it and low on the other.
    """

    frame: int
    evidence: float


class Carried(NamedTuple):
    """Cells of one frame that are carried to all others, also those that disappear or divide.

    Parameters
    ----------
    first
        Index of that frame.
    cells
        (T, Y, X), int32: a cell has the same label, from 2, in all frames; 1 is the outside of the tissue.
    """

    first: int
    cells: np.ndarray


@dataclass(frozen=True)
class Followed:
    """Cells around an event.

    Parameters
    ----------
    labels
        (T, Y, X), int32: the same cell has the same label in all frames; daughters have new labels.
    cell
        Label of the event's cell; 0 if it was not found.
    daughters
        Labels of its daughters, if it divides.
    end
        First frame without the cell, or with two daughters; None if it stays.
    problem
        Why the cell could not be followed; an empty text if it was.
    """

    labels: np.ndarray
    cell: int = 0
    daughters: tuple[int, ...] = ()
    end: int | None = None
    problem: str = ""


class Views(NamedTuple):
    """What is known of the frames around an event.

    Parameters
    ----------
    border
        (T, Y, X): high on borders between cells, also where they are dim.
    labels
        (T, Y, X), int32: cells of each frame, found independently.
    light
        (T, Y, X): the movie, bright on borders. It shows more sharply than the border map where they meet.
    """

    border: np.ndarray
    labels: np.ndarray
    light: np.ndarray


def carried_from_before(views: Views, frame: int) -> Carried:
    """Carry the cells of a frame before an event to all frames; `frame` is the event's, as an index of T."""
    first = _anchor(views.labels, frame - _BEFORE_ANCHOR[0], frame - _BEFORE_ANCHOR[1])
    return Carried(first, _carried(views.border, _corrected(views.border, views.labels, first), first))


def follow_disappearing(
    views: Views, frame: int, place: tuple[float, float], diameter_px: float, before: Carried | None = None
) -> Followed:
    """Follow the cells around a place at which one disappears.

    Parameters
    ----------
    views
        The frames.
    frame
        About the first frame without the cell, as an index of T.
    place
        y, x of the event.
    diameter_px
        Mean diameter of cells.
    before
        What :func:`carried_from_before` returns, if it is at hand.
    """
    border, labels, _ = views
    if frame < 2:
        return Followed(labels, problem="fewer than two frames before the event")
    first, known = before or carried_from_before(views, frame)
    carried = known.copy()
    contrasts = _contrasts_of_cells(border, carried)
    centres = _centres(carried)
    areas = _areas(carried)
    best, score = None, 0.0
    for cell in range(_OUTSIDE + 1, int(carried.max()) + 1):
        change = _change(contrasts[:, cell], falling=True)
        last = change.frame - 1
        if change.evidence < _LEAST_EVIDENCE or last < 0 or abs(change.frame - frame) > _NEAR_FRAMES:
            continue
        distance = float(np.hypot(*(centres[last, cell] - place))) / diameter_px
        usual = np.median(areas[: max(1, change.frame), cell])
        if distance > _NEAR_DIAMETERS or areas[last, cell] > _SMALL * max(usual, areas[first, cell]):
            continue
        likely = change.evidence * _nearness(distance, change.frame - frame)
        if likely > score:
            best, score = (cell, change.frame), likely
    if best is None:
        return Followed(_without_outside(carried), problem="no cell disappears here")
    cell, end = best
    carried[end:][carried[end:] == cell] = 0
    for t in range(end, len(carried)):
        carried[t] = _grown(border[t], np.where(carried[t - 1] == cell, 0, carried[t - 1]))
    return Followed(_outlined(carried, views, diameter_px), cell, end=end)


def follow_dividing(views: Views, frame: int, place: tuple[float, float], diameter_px: float) -> Followed:
    """Follow the cells around a place at which one divides; the arguments are those of :func:`follow_disappearing`."""
    border, labels, _ = views
    first = _anchor(labels, frame + _AFTER_ANCHOR[0], frame + _AFTER_ANCHOR[1])
    if first < 2:
        return Followed(labels, problem="fewer than two frames before the event")
    carried = _carried(border, _corrected(border, labels, first), first)
    centres, areas = _centres(carried), _areas(carried)
    best, score = None, 0.0
    series = _contrasts_of_pairs(border, carried)
    for (one, other), contrasts in series.items():
        if one == _OUTSIDE:
            continue
        change = _change(contrasts, falling=False)
        if change.evidence < _LEAST_EVIDENCE or not 0 < change.frame < len(carried):
            continue
        if abs(change.frame - frame) > _NEAR_FRAMES:
            continue
        weights = areas[change.frame, [one, other]]
        middle = (centres[change.frame, [one, other]] * weights[:, None]).sum(0) / weights.sum()
        distance = float(np.hypot(*(middle - place))) / diameter_px
        if distance > _NEAR_DIAMETERS:
            continue
        likely = change.evidence * _nearness(distance, change.frame - frame)
        if likely > score:
            best, score = (one, other, change.frame), likely
    if best is None:
        return Followed(_without_outside(carried), problem="no cell divides here")
    one, other, end = best
    mother = int(carried.max()) + 1
    carried[:end][np.isin(carried[:end], (one, other))] = mother
    return Followed(_outlined(carried, views, diameter_px), mother, (one, other), end)


def follow_staying(views: Views, frame: int, place: tuple[float, float], diameter_px: float) -> Followed:
    """Follow the cells around a place, and the cell there; the arguments are those of :func:`follow_disappearing`."""
    border, labels, _ = views
    first = _anchor(labels, frame - 1, frame + 1)
    carried = _outlined(_carried(border, _corrected(border, labels, first), first), views, diameter_px)
    y, x = (min(max(round(at), 0), side - 1) for at, side in zip(place, carried.shape[1:], strict=True))
    cell = int(carried[min(frame, len(carried) - 1), y, x])
    return Followed(carried, cell, problem="" if cell else "no cell lies here")


def _outlined(carried: np.ndarray, views: Views, diameter_px: float) -> np.ndarray:
    """Draw the outlines of all cells (T, Y, X) once more, on the movie itself, sharpened so that short borders show."""
    from scipy import ndimage

    outlines = []
    for one, cells in zip(views.light, carried, strict=True):
        smooth = ndimage.gaussian_filter(np.asarray(one, np.float32), _SMOOTHING * diameter_px)
        smoother = ndimage.gaussian_filter(smooth, _SHARPENED * diameter_px)
        outlines.append(_grown(smooth + _SHARPENING * (smooth - smoother), cells))
    return _without_outside(np.stack(outlines))


def _nearness(diameters: float, frames: int) -> float:
    """Return a factor from 0.25 to 1 by which a change counts less the farther it is from the event in space and time."""
    return (1 - 0.5 * diameters / _NEAR_DIAMETERS) * (1 - 0.5 * abs(frames) / _NEAR_FRAMES)


def _without_outside(carried: np.ndarray) -> np.ndarray:
    return np.where(carried == _OUTSIDE, 0, carried)


def _anchor(labels: np.ndarray, start: int, stop: int) -> int:
    """Return the frame among some whose cells agree best with those of the frames beside it."""
    last = len(labels) - 1
    frames = sorted({min(max(t, 0), last) for t in range(start, stop + 1)})
    scores = [
        np.mean([_agreement(labels[t], labels[s]) for s in (t - 1, t + 1) if 0 <= s <= last] or [0.0]) for t in frames
    ]
    return frames[int(np.argmax(scores))]


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean over pixels of the overlap (IoU) of the cells of two frames."""
    base = int(other.max()) + 1
    codes, counts = np.unique(one.astype(np.int64) * base + other, return_counts=True)
    areas = np.bincount(one.ravel()), np.bincount(other.ravel())
    iou = counts / (areas[0][codes // base] + areas[1][codes % base] - counts)
    return float(np.sum(iou * counts) / one.size)


def _corrected(border: np.ndarray, labels: np.ndarray, first: int) -> np.ndarray:
    """Return the cells of the first frame (Y, X), numbered from 2; where other frames agree that two are one cell, joined.

    What lies outside the tissue is carried along as the region `_OUTSIDE`.
    """
    _, numbers = np.unique(labels[first], return_inverse=True)
    cells = numbers.reshape(labels.shape[1:]).astype(np.int32) + (1 if (labels[first] == 0).any() else 2)
    carried = _carried(border, cells, first)
    joined: np.ndarray = np.arange(int(cells.max()) + 1, dtype=np.int32)
    for (one, other), contrasts in _contrasts_of_pairs(border, carried).items():
        known = contrasts[~np.isnan(contrasts)]
        if one != _OUTSIDE and np.mean(known < _SHOWN) > _AGREED:
            joined[joined == joined[other]] = joined[one]
    return joined[cells].astype(np.int32)


def _carried(border: np.ndarray, cells: np.ndarray, first: int) -> np.ndarray:
    """Carry the cells (Y, X) of one frame to all others, (T, Y, X)."""
    carried = np.empty(border.shape, np.int32)
    carried[first] = _grown(border[first], cells)
    for t in range(first - 1, -1, -1):
        carried[t] = _grown(border[t], carried[t + 1])
    for t in range(first + 1, len(border)):
        carried[t] = _grown(border[t], carried[t - 1])
    return carried


def _grown(border: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Find the outlines of the cells of a neighbouring frame (Y, X) on a border map (Y, X)."""
    from skimage.segmentation import watershed

    grown: np.ndarray = watershed(border, _seeds(cells))
    return grown


def _seeds(cells: np.ndarray) -> np.ndarray:
    """Return the middle of each cell, with its label: (Y, X), 0 elsewhere."""
    from scipy import ndimage
    from skimage.segmentation import find_boundaries

    # Each cell's pixels on its border are at 0, so that cells of single pixels have a seed too.
    depth = ndimage.distance_transform_edt(~find_boundaries(cells, mode="inner"))
    deepest = np.zeros(int(cells.max()) + 1)
    np.maximum.at(deepest, cells.ravel(), depth.ravel())
    return np.where(depth >= _SEED_DEPTH * deepest[cells], cells, 0)


def _contrasts_of_cells(border: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """Return how much brighter a cell's weakest border is than both insides, (T, cells + 1), 1 for the median border.

    Borders shorter than a share of the cell's circumference are left out.
    """
    contrasts = np.full((len(border), int(carried.max()) + 1), np.nan)
    usual = []
    for t, (image, cells) in enumerate(zip(border, carried, strict=True)):
        inside = _darkest(image, cells, contrasts.shape[1])
        found = borders_of(cells, image)
        around = np.zeros(len(inside))
        for side in found.pairs.T:
            np.add.at(around, side, found.lengths)
        of_pairs = found.means - inside[found.pairs].max(1)
        usual.append(of_pairs)
        weakest = np.full(len(inside), np.inf)
        for side in found.pairs.T:
            long = found.lengths >= _LONG * around[side]
            np.minimum.at(weakest, side[long], of_pairs[long])
        contrasts[t] = np.where(np.isfinite(weakest), weakest, np.nan)
    pooled = np.concatenate(usual)
    relative: np.ndarray = contrasts / np.median(pooled) if pooled.size else contrasts
    return relative


def _contrasts_of_pairs(border: np.ndarray, carried: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Return how much brighter the border between two cells is than both insides, (T,), by pair; NaN where they do not touch."""
    series: dict[tuple[int, int], np.ndarray] = {}
    count = int(carried.max()) + 1
    for t, (image, cells) in enumerate(zip(border, carried, strict=True)):
        inside = _insides(image, cells, count)
        found = borders_of(cells, image)
        for pair, mean in zip(found.pairs, found.means, strict=True):
            key = int(pair[0]), int(pair[1])
            series.setdefault(key, np.full(len(border), np.nan))[t] = mean - max(inside[pair])
    usual = np.nanmedian(np.concatenate(list(series.values()))) if series else 1.0
    return {key: one / usual for key, one in series.items()}


def _insides(image: np.ndarray, cells: np.ndarray, count: int) -> np.ndarray:
    """Return the mean value in the middle of each cell, by its label."""
    seeds = _seeds(cells).ravel()
    with np.errstate(invalid="ignore"):
        insides: np.ndarray = np.bincount(seeds, image.ravel(), count) / np.bincount(seeds, None, count)
    return insides


def _darkest(image: np.ndarray, cells: np.ndarray, count: int) -> np.ndarray:
    """Return the darkest value in the middle of each cell, by its label: the middle of a small cell is mostly blur."""
    darkest = np.full(count, np.inf)
    np.minimum.at(darkest, _seeds(cells).ravel(), image.ravel())
    return np.where(np.isfinite(darkest), darkest, np.nan)


def _change(contrasts: np.ndarray, falling: bool) -> Change:
    """Find the frame that best separates frames with a border from frames without, as the greatest cumulative sum.

    A frame without a border (its cells do not touch) counts as undecided.
    """
    votes = np.nan_to_num(np.clip(contrasts, 0, _MOST_CONTRAST) - _SHOWN)
    votes = votes if falling else -votes
    sums = np.concatenate([[0], np.cumsum(votes)])
    evidence = sums - (sums[-1] - sums)
    frame = int(np.argmax(evidence))
    return Change(frame, float(evidence[frame] / (_SHOWN * len(votes))))


def _centres(carried: np.ndarray) -> np.ndarray:
    """Return y, x of the centroid of each cell, (T, cells + 1, 2)."""
    areas = _areas(carried)
    axes = [axis.ravel() for axis in np.indices(carried.shape[1:])]
    sums = [np.stack([np.bincount(cells.ravel(), axis, areas.shape[1]) for axis in axes], axis=1) for cells in carried]
    centres: np.ndarray = np.stack(sums) / np.maximum(areas, 1)[..., None]
    return centres


def _areas(carried: np.ndarray) -> np.ndarray:
    """Return the number of pixels of each cell, (T, cells + 1)."""
    count = int(carried.max()) + 1
    return np.stack([np.bincount(cells.ravel(), minlength=count) for cells in carried])
