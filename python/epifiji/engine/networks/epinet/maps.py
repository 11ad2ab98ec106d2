"""Maps from the predictions of a network for whole frames: :class:`epifiji.engine.tiling.maps.Arithmetic`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.event_networks import EventNetwork
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.networks.epinet.model import places
from epifiji.engine.networks.epinet.predictor import predictions_of_members
from epifiji.engine.tiling.maps import Votes
from epifiji.engine.tiling.windows import Grid


class WholeFrames:
    """Predictions at every frame and `STRIDE`-th pixel, linearly interpolated between their centres and averaged over members."""

    def __init__(self, shape: tuple[int, int, int], members: int) -> None:
        self.grids: list[Grid] = [places(shape)] * members
        self._size = shape[1:]

    def voting(self, member: int, frame: int) -> np.ndarray:
        """See :class:`epifiji.engine.tiling.maps.Arithmetic`: only the frame's own predictions."""
        return np.array([frame])

    def combine(self, frame: int, votes: Votes) -> np.ndarray:
        """See :class:`epifiji.engine.tiling.maps.Arithmetic`."""
        answers = votes[0][2][..., 1:] if len(votes) == 1 else np.mean([vote[2][..., 1:] for vote in votes], 0)
        return _at_size(np.moveaxis(np.float32(255) * answers, -1, 0), self._size).astype(np.uint8)


def probabilities(network: EventNetwork, pixels: np.ndarray) -> np.ndarray:
    """Return the probability of each event class at each pixel of a movie (T, Y, X): (events, T, Y, X), float32.

    These are the maps of a detection before they are truncated to 8 bits.
    """
    members = predictions_of_members(network, pixels)
    return np.stack([_at_size(np.moveaxis(frame, -1, 0), pixels.shape[1:]) for frame in np.mean(members, 0)], 1)


def _at_size(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Interpolate predictions (events, rows, columns) to a frame (events, Y, X)."""
    for axis, side in zip((1, 2), size, strict=True):
        values = _finer(values, axis, side)
    return values


def _finer(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Interpolate linearly along an axis (1 or 2) to `size` pixels; beyond the outermost centres the values are constant."""
    values = values.swapaxes(axis, 1)
    padded = np.concatenate([values[:, :1], values, values[:, -1:]], 1)
    result = np.empty((values.shape[0], values.shape[1], STRIDE, values.shape[2]), np.float32)
    for phase in range(STRIDE):
        # In steps of the prediction's grid, from the centre before or after.
        away = np.float32((phase - (STRIDE - 1) / 2) / STRIDE)
        other = padded[:, :-2] if away < 0 else padded[:, 2:]
        result[:, :, phase] = values + abs(away) * (other - values)
    flat = result.reshape(values.shape[0], -1, values.shape[2])[:, :size]
    return flat.swapaxes(axis, 1)
