"""From windows to probability maps, frame by frame.

Every window adds its class probabilities to a block of voxels around its centre; a voxel's probability is the mean of
what it was given, stored as ``uint8(255 * p)``. Two arithmetics do this. `Exact` is the project's own: it covers every voxel
up to the border at any step, sums in float32 and shifts the members of an ensemble as the method means it. `Compatible`
gives the maps of the authors' package to the bit, with its quirks; :mod:`epifiji.engine.compatible` holds it.

A frame of the map leaves as soon as no window to come can reach it, so that memory depends on the frame's size alone.
"""

from __future__ import annotations

from collections import defaultdict
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
    """The project's own arithmetic: float32, no voxel left out, any step."""

    def __init__(self, shape: tuple[int, int, int], description: NetworkDescription, step_xy: int, step_t: int) -> None:
        self.grids = exact_grids(shape, description, step_xy, step_t)
        half = description.window_half_size_px
        near = max(reach_xy(half), -(-step_xy // 2))
        self._ys = [votes_along(shape[1], grid.ys, near) for grid in self.grids]
        self._xs = [votes_along(shape[2], grid.xs, near) for grid in self.grids]
        self._ts = [votes_along(shape[0], grid.frames, max(REACH_T, -(-step_t // 2))) for grid in self.grids]

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`Arithmetic`."""
        return self.grids[member].frames[self._ts[member][frame] > 0]

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """See :class:`Arithmetic`: the mean of all votes, in float32."""
        total: np.ndarray | float = 0.0
        count: np.ndarray | float = 0.0
        for member, _, probabilities in votes:
            along_y, along_x = self._ys[member], self._xs[member]
            total = total + along_y @ probabilities[..., 1:].transpose(2, 0, 1) @ along_x.T
            count = count + along_y.sum(1)[:, None] * along_x.sum(1)
        mean = np.minimum(np.asarray(total) / count, np.float32(1))
        return (mean * np.float32(255)).astype(np.uint8)


def votes_along(size: int, centres: np.ndarray, near: int) -> np.ndarray:
    """Weights (size, centres) of the windows along one axis: 1 within `near` of the centre.

    What lies beyond the outermost centres belongs to those.
    """
    places = np.clip(np.arange(size), centres[0], centres[-1])
    return (np.abs(places[:, None] - centres) <= near).astype(np.float32)


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
    calls = sorted((int(t), member) for member, grid in enumerate(arithmetic.grids) for t in grid.frames)
    last_call = {call: number for number, call in enumerate(calls)}
    held: dict[tuple[int, int], np.ndarray] = {}
    done = 0
    for frame in range(movie.shape[0]):
        voters = [
            (member, int(t)) for member in range(len(arithmetic.grids)) for t in arithmetic.voting(member, frame)
        ]
        needed = max((last_call[t, member] for member, t in voters), default=-1) + 1
        for centre, member in calls[done:needed]:
            held[member, centre] = _classify(nearby(centre), arithmetic.grids[member], member, classifier, report,
                                             (done, len(calls)))
            done += 1
        yield arithmetic.combine(frame, [(member, t, held[member, t]) for member, t in voters])
        keep = defaultdict(lambda: movie.shape[0])
        for member in range(len(arithmetic.grids)):
            ahead = arithmetic.voting(member, min(frame + 1, movie.shape[0] - 1))
            keep[member] = int(ahead[0]) if len(ahead) else frame
        held = {(member, t): value for (member, t), value in held.items() if t >= keep[member]}


def _classify(
    frames: np.ndarray, grid: Grid, member: int, classifier: Classifier, report: Report, position: tuple[int, int]
) -> np.ndarray:
    """Classify all windows of one member and one centre frame: probabilities (Ny, Nx, classes)."""
    half = classifier.description.window_half_size_px
    total = len(grid.ys) * len(grid.xs)
    parts, finished = [], 0
    for windows in cut_windows(frames, grid, half, classifier.batch):
        parts.append(classifier(member, normalised(windows)))
        finished += len(windows)
        report((position[0] + finished / total) / position[1], "looking for events")
    return np.concatenate(parts).reshape(len(grid.ys), len(grid.xs), -1)
