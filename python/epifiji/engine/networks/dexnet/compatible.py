"""The maps of the authors' package (DeXtrusion 0.0.20), to the bit, including its quirks.

The shifts of an ensemble's members are exchanged: member m of M starts ``floor(m * step_xy / M)`` frames late and
``floor(m * step_t / M)`` pixels in. Sums, the division and the factor 255 are in float16, member by member and for each
member in ascending frame, y, x. Voxels that no window reaches stay 0.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.event_networks import EventNetworkDescription
from epifiji.engine.tiling.maps import REACH_T, Votes, reach_xy
from epifiji.engine.tiling.windows import Grid


class Compatible:
    """The authors' arithmetic; see :class:`epifiji.engine.tiling.maps.Arithmetic`."""

    def __init__(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, step_xy: int, step_t: int
    ) -> None:
        self._shape = shape
        self._events = len(description.events)
        half = description.window_half_size_px
        self._reach = reach_xy(half)
        self.grids = []
        members = description.members
        for m in range(members):
            late, inward = m * step_xy // members, m * step_t // members
            ys, xs = (
                half + inward + step_xy * np.arange(max(0, -(-(size - (2 * half + 1) - inward) // step_xy)))
                for size in shape[1:]
            )
            frames = late + step_t * np.arange(max(0, -(-(shape[0] - late) // step_t)))
            self.grids.append(Grid(frames, ys, xs))

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`~epifiji.engine.tiling.maps.Arithmetic`."""
        frames = self.grids[member].frames
        near: np.ndarray = frames[np.abs(frames - frame) <= REACH_T]
        return near

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """See :class:`~epifiji.engine.tiling.maps.Arithmetic`: float16 sums in the authors' order."""
        _, height, width = self._shape
        total = np.zeros((self._events, height, width), np.float16)
        count = np.zeros((height, width), np.uint8)
        for member, _, probabilities in votes:
            grid = self.grids[member]
            rounded = probabilities[..., 1:].transpose(2, 0, 1).astype(np.float16)
            for voxels_y, windows_y in _rounds(height, grid.ys, self._reach):
                for voxels_x, windows_x in _rounds(width, grid.xs, self._reach):
                    total[:, voxels_y[:, None], voxels_x] += rounded[:, windows_y[:, None], windows_x]
                    count[voxels_y[:, None], voxels_x] += 1
        reached = count > 0
        total[:, reached] /= count[reached]
        total *= np.float16(255)
        return total.astype(np.uint8)


def _rounds(size: int, centres: np.ndarray, reach: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the k-th window that reaches each voxel along one axis, for k = 0, 1 …: pairs (voxels, windows).

    Adding these one after the other adds to every voxel in the order of its windows, to all voxels at once.
    """
    voxels = np.arange(size)
    first = np.searchsorted(centres, voxels - reach)
    end = np.searchsorted(centres, voxels + reach, side="right")
    return [(voxels[first + k < end], (first + k)[first + k < end]) for k in range(int((end - first).max(initial=0)))]
