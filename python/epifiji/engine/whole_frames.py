"""From the answers of a network that looks at whole frames to a map: :class:`epifiji.engine.maps.Arithmetic`."""

from __future__ import annotations

import numpy as np

from epifiji.engine.epinet import STRIDE, places
from epifiji.engine.maps import Votes
from epifiji.engine.windows import Grid


class WholeFrames:
    """Answers at every frame and every `STRIDE`-th pixel, linearly interpolated between their centres; members are averaged."""

    def __init__(self, shape: tuple[int, int, int], members: int) -> None:
        self.grids: list[Grid] = [places(shape)] * members
        self._size = shape[1:]

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`epifiji.engine.maps.Arithmetic`: the frame's own answers alone."""
        return np.array([frame])

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """See :class:`epifiji.engine.maps.Arithmetic`."""
        answers = votes[0][2][..., 1:] if len(votes) == 1 else np.mean([vote[2][..., 1:] for vote in votes], 0)
        levels = np.moveaxis(np.float32(255) * answers, -1, 0)
        for axis, size in zip((1, 2), self._size, strict=True):
            levels = _finer(levels, axis, size)
        return levels.astype(np.uint8)


def _finer(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Interpolate linearly along an axis (1 or 2) to `size` pixels; what lies beyond the outermost centres equals these."""
    values = values.swapaxes(axis, 1)
    padded = np.concatenate([values[:, :1], values, values[:, -1:]], 1)
    result = np.empty((values.shape[0], values.shape[1], STRIDE, values.shape[2]), np.float32)
    for phase in range(STRIDE):
        # In steps of the answer's grid, from the centre before or after.
        away = np.float32((phase - (STRIDE - 1) / 2) / STRIDE)
        other = padded[:, :-2] if away < 0 else padded[:, 2:]
        result[:, :, phase] = values + abs(away) * (other - values)
    flat = result.reshape(values.shape[0], -1, values.shape[2])[:, :size]
    return flat.swapaxes(axis, 1)
