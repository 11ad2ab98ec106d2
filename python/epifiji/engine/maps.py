"""From windows to probability maps, frame by frame.

Every window gives its class probabilities to the voxels around its centre; a voxel's probability is the mean of what
it was given, stored as ``uint8(255 * p)``. Two arithmetics do this. `Exact` is the project's own: it covers every voxel
up to the border at any step, sums in float32 and shifts the members of an ensemble as the method means it. `Compatible`
gives the maps of the authors' package to the bit, with its quirks; :mod:`epifiji.engine.compatible` holds it.

A frame of the map leaves as soon as no window to come can reach it, so that memory depends on the frame's size alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from epifiji.data.movie import Movie
from epifiji.data.network import NetworkDescription
from epifiji.data.progress import Report, silent
from epifiji.engine.network import Classifier
from epifiji.engine.windows import Grid, NearbyFrames, cut_windows, exact_grids, normalised

REACH_T = 1
"""Frames on either side of its centre to which a window gives its probabilities: 0.2 of its half length."""


def reach_xy(half: int) -> int:
    """Pixels on either side of its centre to which a window gives its probabilities: 0.3 of its half size."""
    return int(0.3 * half)


Votes = list[tuple[int, int, np.ndarray]]
"""(member, centre frame, probabilities (Ny, Nx, classes)), ascending by member, then by frame."""


class Arithmetic(Protocol):
    """How windows are placed and how their probabilities become a map."""

    grids: list[Grid]

    def voting(self, member: int, frame: int) -> np.ndarray:
        """Give the centre frames of a member whose windows vote on a frame of the map, ascending."""

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """Turn all votes on a frame into its map (events, Y, X), uint8."""


class Exact:
    """The project's own arithmetic: float32, no voxel left out, any step.

    In space a window's weight falls linearly from its centre to 0 at :func:`fade_px`, in time it is 1 up to `REACH_T` frames
    away, or half a step where that is more. The authors give all voxels of a block the same weight; with the members of an
    ensemble shifted against each other as the method means it, this lowers the map at an event's centre by 7 to 29
    levels, because windows that see the event off their centre count as much as those that see it best.

    No window is centred nearer to an edge of the frame than half its side. Beyond the outermost centres these speak for
    the border, with a probability that falls linearly towards the edge: a network that answers strongly there saw an
    event near the centre, not at the edge. Taking the answer as it is moves events outwards and joins them; windows
    filled up by reflection were tried too and find events that are none.
    """

    def __init__(self, shape: tuple[int, int, int], description: NetworkDescription, step_xy: int, step_t: int) -> None:
        self.grids = exact_grids(shape, description, step_xy, step_t)
        half = description.window_half_size_px
        fade = fade_px(half, step_xy)
        reach = max(REACH_T, -(-step_t // 2))
        self._ys = [1 - np.minimum(_distances(shape[1], grid.ys) / fade, 1) for grid in self.grids]
        self._xs = [1 - np.minimum(_distances(shape[2], grid.xs) / fade, 1) for grid in self.grids]
        self._ts = [_distances(shape[0], grid.frames) <= reach for grid in self.grids]
        self._trust = np.minimum.outer(*(towards_edge(size, half) for size in shape[1:]))

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`Arithmetic`."""
        return self.grids[member].frames[self._ts[member][frame]]

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """See :class:`Arithmetic`: the weighted mean of all votes."""
        total: np.ndarray | float = 0.0
        weight: np.ndarray | float = 0.0
        for member, _, probabilities in votes:
            along_y, along_x = self._ys[member], self._xs[member]
            total = total + along_y @ probabilities[..., 1:].transpose(2, 0, 1) @ along_x.T
            weight = weight + along_y.sum(1)[:, None] * along_x.sum(1)
        mean = np.minimum(np.asarray(total) / weight, np.float32(1)) * self._trust
        return (mean * np.float32(255)).astype(np.uint8)


def fade_px(half: int, step_xy: int) -> float:
    """Give the distance in pixels at which a window's weight has fallen to 0.

    0.36 of the half size (8 px of 22), about as far as the networks tolerate an event off the centre, and never under 0.8 of
    the step, so that the windows' weights overlap everywhere.
    """
    return max(round(0.36 * half), 0.8 * step_xy)


def towards_edge(size: int, half: int) -> np.ndarray:
    """Factors (size,), float32, of the probability along an axis: 1 where windows are centred, 0 just outside the frame."""
    places = np.arange(size)
    beyond = np.maximum(np.maximum(half - places, places - (size - 1 - half)), 0)
    return (1 - beyond / (half + 1)).astype(np.float32)


def _distances(size: int, centres: np.ndarray) -> np.ndarray:
    """Distances (size, centres), float32, of all places along an axis to the centres.

    What lies beyond the outermost centres counts as lying on them, so that they speak for the border.
    """
    places = np.clip(np.arange(size), centres[0], centres[-1])
    return np.abs(places[:, None] - centres).astype(np.float32)


def map_frames(
    movie: Movie, classifier: Classifier, arithmetic: Arithmetic, report: Report = silent
) -> Iterator[np.ndarray]:
    """Slide the windows over a movie and give its probability maps, frame by frame.

    Parameters
    ----------
    movie
        At the network's scale, at least a window wide.
    classifier
        The network; its members all look at the movie.
    arithmetic
        Made for this movie's shape.

    Yields
    ------
    Maps (events, Y, X), uint8 0–255, for each frame of the movie in turn.
    """
    description = classifier.description
    nearby = NearbyFrames(movie, description.frames_before, description.frames_after)
    members = range(len(arithmetic.grids))
    order = sorted((int(centre), member) for member in members for centre in arithmetic.grids[member].frames)
    place = {call: number for number, call in enumerate(order)}
    held: dict[tuple[int, int], np.ndarray] = {}
    done = 0
    for frame in range(movie.shape[0]):
        voters = [(member, int(centre)) for member in members for centre in arithmetic.voting(member, frame)]
        held = {call: kept for call, kept in held.items() if call[0] >= min((c for _, c in voters), default=frame)}
        needed = max([done, *(place[centre, member] + 1 for member, centre in voters)])
        for number in range(done, needed):
            centre, member = order[number]
            held[centre, member] = _classify(
                nearby(centre),
                arithmetic.grids[member],
                member,
                classifier,
                lambda done, doing, number=number: report((number + done) / len(order), doing),
            )
        done = needed
        yield arithmetic.combine(frame, [(member, centre, held[centre, member]) for member, centre in voters])


def _classify(frames: np.ndarray, grid: Grid, member: int, classifier: Classifier, report: Report) -> np.ndarray:
    """Classify all windows of one member and one centre frame: probabilities (Ny, Nx, classes)."""
    parts, done = [], 0
    total = len(grid.ys) * len(grid.xs)
    for windows in cut_windows(frames, grid, classifier.description.window_half_size_px, classifier.batch):
        parts.append(classifier(member, normalised(windows)))
        done += len(windows)
        report(done / total, "looking for events")
    return np.concatenate(parts).reshape(len(grid.ys), len(grid.xs), -1)
