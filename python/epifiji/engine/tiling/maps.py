"""From windows to probability maps, frame by frame.

Every window adds its class probabilities to the voxels around its centre. A voxel's probability is the mean of what was
added, stored as ``uint8(255 * p)``. There are two arithmetics. `Exact` is the project's own: it covers every voxel up
to the border at any step, sums in float32 and shifts the members of an ensemble as the method intends. `Compatible`
gives the maps of the authors' package to the bit, with its quirks; it is in
:mod:`epifiji.engine.networks.dexnet.compatible`.

A frame of the map is finished as soon as no later window can reach it, so memory depends only on the size of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from epifiji.data.event_networks import EventNetworkDescription
from epifiji.engine.tiling.blocks import Block, Probabilities
from epifiji.engine.tiling.windows import Grid, exact_grids

REACH_T = 1
"""Frames on either side of its centre to which a window adds its probabilities: 0.2 of its half length."""


BAND_ROWS = 512


def reach_xy(half: int) -> int:
    """Return how many pixels on either side of its centre a window adds its probabilities to: 0.3 of its half size."""
    return int(0.3 * half)


Votes = list[tuple[int, int, np.ndarray]]
"""(member, centre frame, probabilities (Ny, Nx, classes)), ascending by member, then by frame."""


class Arithmetic(Protocol):
    """How windows are placed and how their probabilities become a map."""

    grids: list[Grid]
    """The window centres of each member in the whole movie."""

    def voting(self, member: int, frame: int) -> np.ndarray:
        """Return the centre frames of a member's windows that contribute to a frame of the map, ascending."""

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """Combine all contributions to a frame into its map (events, Y, X), uint8."""


class Exact:
    """The project's own arithmetic: float32, no voxel left out, any step.

    In space a window's weight falls linearly from its centre to 0 at :func:`fade_px`. In time it is 1 up to `REACH_T`
    frames away, or half a step if that is more. The authors give all voxels of a block the same weight. With the
    members of an ensemble shifted against each other as the method intends, equal weights lower the map at an event's
    centre by 7 to 29 levels, because windows with the event off their centre count as much as those with the event in
    the middle.

    No window is centred closer to an edge of the frame than half its side. Beyond the outermost centres their windows
    predict the border, with a probability that falls linearly towards the edge: a high probability there means an event
    near the centre, not at the edge. Without this factor, events move outwards and merge. Windows filled by reflection
    were tried too, and give false events.
    """

    def __init__(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, step_xy: int, step_t: int
    ) -> None:
        self.grids = exact_grids(shape, description, step_xy, step_t)
        half = description.window_half_size_px
        fade = fade_px(half, step_xy)
        reach = max(REACH_T, -(-step_t // 2))
        # A voxel lies within reach of two or three windows per axis, so sparse matrices hold all nonzero weights.
        self._ys = [csr_array(1 - np.minimum(_distances(shape[1], grid.ys) / fade, 1)) for grid in self.grids]
        self._xs = [csr_array(1 - np.minimum(_distances(shape[2], grid.xs) / fade, 1)) for grid in self.grids]
        self._ts = [_distances(shape[0], grid.frames) <= reach for grid in self.grids]
        self._trust = np.minimum.outer(*(towards_edge(size, half) for size in shape[1:]))

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`Arithmetic`."""
        frames: np.ndarray = self.grids[member].frames[self._ts[member][frame]]
        return frames

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """Return the weighted mean of all contributions, computed in bands of rows; see :class:`Arithmetic`."""
        height, width = self._trust.shape
        given: dict[int, np.ndarray] = {}
        for member, _, probabilities in votes:
            given[member] = given.get(member, np.float32(0)) + probabilities[..., 1:].transpose(2, 0, 1)
        counts = {member: sum(voter == member for voter, *_ in votes) for member in given}
        result = np.empty((votes[0][2].shape[-1] - 1, height, width), np.uint8)
        for top in range(0, height, BAND_ROWS):
            rows = slice(top, top + BAND_ROWS)
            ys = {member: self._ys[member][rows] for member in given}
            weight = sum(
                np.outer(counts[member] * along_y.sum(1), self._xs[member].sum(1)) for member, along_y in ys.items()
            )
            for event, found in enumerate(result[:, rows]):
                total = sum((self._xs[m] @ (along_y @ given[m][event]).T).T for m, along_y in ys.items())
                found[:] = np.minimum(total / weight, np.float32(1)) * self._trust[rows] * np.float32(255)
        return result


def fade_px(half: int, step_xy: int) -> float:
    """Return the distance in pixels at which a window's weight has fallen to 0.

    0.36 of the half size (8 px of 22), about the offset of an event that the networks tolerate, and at least 0.8 of the
    step, so that the windows' weights overlap everywhere.
    """
    return max(round(0.36 * half), 0.8 * step_xy)


def towards_edge(size: int, half: int) -> np.ndarray:
    """Return factors (size,), float32, of probabilities along an axis: 1 where windows are centred, 0 just outside the frame."""
    places = np.arange(size)
    beyond = np.maximum(np.maximum(half - places, places - (size - 1 - half)), 0)
    return (1 - beyond / (half + 1)).astype(np.float32)


def _distances(size: int, centres: np.ndarray) -> np.ndarray:
    """Return the distances (size, centres), float32, of all positions along an axis to the centres.

    Positions beyond the outermost centres count as lying on them, so these windows predict the border.
    """
    places = np.clip(np.arange(size), centres[0], centres[-1])
    distances: np.ndarray = np.abs(places[:, None] - centres).astype(np.float32)
    return distances


def map_frames(
    shape: tuple[int, int, int], arithmetic: Arithmetic, blocks: Sequence[Block], answers: Iterable[Probabilities]
) -> Iterator[np.ndarray]:
    """Make the probability maps of a movie of this shape from its blocks' probabilities, frame by frame.

    Parameters
    ----------
    arithmetic
        Made for this shape.
    blocks, answers
        All blocks of the movie, ordered by time, and the probabilities of each; taken as the frames need them.

    Yields
    ------
    Maps (events, Y, X), uint8 0–255, one for each frame of the movie in order.
    """
    held: dict[tuple[int, int], list[np.ndarray]] = {}
    done, members = 0, range(len(arithmetic.grids))
    lowest = set({block.start: block for block in blocks}.values())
    answered = iter(zip(blocks, answers, strict=True))
    for frame in range(shape[0]):
        voters = [(m, int(centre)) for m in members for centre in arithmetic.voting(m, frame)]
        least = min((centre for _, centre in voters), default=frame)
        held = {vote: rows for vote, rows in held.items() if vote[1] >= least}
        last = max((centre for _, centre in voters), default=-1)
        while done <= last:
            block, answer = next(answered)
            for member, found in enumerate(answer):
                for centre, rows in zip(block.of(arithmetic.grids[member]).frames, found, strict=True):
                    held.setdefault((member, int(centre)), []).append(rows)
            if block in lowest:
                done = block.stop
        yield arithmetic.combine(frame, [(m, centre, np.concatenate(held[m, centre])) for m, centre in voters])
    for _ in answered:
        # Windows that contribute to no frame are still computed, so that progress reaches 100 %.
        pass
