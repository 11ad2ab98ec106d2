"""The prediction of frames by U-Nets for cells, with ONNX Runtime or TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.devices import ONNX_RUNTIME, TENSORFLOW
from epifiji.engine.backend.onnx_runtime import accepted
from epifiji.engine.networks.unet2d.model import (
    ANSWER,
    CHANNELS,
    CONTRAST_REACH_PX,
    FIELD_REACH_PX,
    GRAIN_PX,
    Compute,
    contrast_in_tensorflow,
    member_in_tensorflow,
)
from epifiji.engine.networks.unet2d.onnx import contrast_in_onnx, member_in_onnx
from epifiji.engine.tiling.tiles import tiles

TILE_PX = 1_000_000
"""Pixels that are predicted at once if there is memory for them."""

BYTES_A_PIXEL = 500
"""Approximate memory for the prediction of a pixel."""

FLIPS = ((1, 1), (-1, 1), (1, -1), (-1, -1))
"""Steps along Y and X of an image and its mirror images."""


class UNet2D:
    """A network with its weights, ready to predict frames.

    Parameters
    ----------
    members
        Arrays of each member; their predictions are averaged.
    directions
        Number of outputs, the first ones, that are from -1 to 1.
    onnx
        Whether ONNX Runtime computes if it can; else TensorFlow does.
    """

    def __init__(self, members: Sequence[Weights], directions: int = 0, onnx: bool = False) -> None:
        self._outputs = len(members[0][f"{ANSWER}/bias"])
        self._directions = directions
        found = accepted(lambda: _in_onnx(members, directions)) if onnx else None
        self.runtime = TENSORFLOW if found is None else ONNX_RUNTIME
        self._contrast, self._members = found or _in_tensorflow(members, directions)

    def averaged(self, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """Predict the outputs for a frame as :meth:`__call__`, with `flips` as the mean over its mirror images.

        `megabytes` is the approximate memory for it.
        """
        at_once = int(min(TILE_PX, megabytes * 1e6 / BYTES_A_PIXEL))
        found = [self._mirrored(frame, y, x, at_once) for y, x in (FLIPS if flips else FLIPS[:1])]
        mean: np.ndarray = np.mean(found, axis=0)
        return mean

    def _mirrored(self, frame: np.ndarray, y: int, x: int, at_once: int) -> np.ndarray:
        """Predict from a mirror image, in which directions across the mirror are the opposite."""
        found = self(frame[::y, ::x], at_once)[::y, ::x]
        if self._directions:
            found[..., : self._directions] *= np.array((y, x), np.float32)
        return found

    def __call__(self, frame: np.ndarray, at_once: int = TILE_PX) -> np.ndarray:
        """Predict the outputs for a frame (Y, X) of any size, float64: (Y, X, outputs), float32 as :func:`activated`.

        Frames with more pixels than `at_once` are predicted in tiles that overlap by what a prediction depends on, so they
        do not show. The contrast is computed first, because it depends on more pixels than the convolutions.
        """
        height, width = frame.shape
        padded = np.pad(frame, [(0, -n % GRAIN_PX) for n in frame.shape], "edge")
        contrasts = np.empty((*padded.shape, CHANNELS), np.float32)
        for tile in tiles(padded.shape, CONTRAST_REACH_PX, at_once, GRAIN_PX):
            contrasts[tile.kept] = self._contrast(padded[tile.read])[tile.part]
        found = np.empty((*padded.shape, self._outputs), np.float32)
        for tile in tiles(padded.shape, FIELD_REACH_PX, at_once, GRAIN_PX):
            outputs = [member(contrasts[tile.read]) for member in self._members]
            found[tile.kept] = np.mean(outputs, axis=0)[tile.part]
        return found[:height, :width]


def _in_tensorflow(members: Sequence[Weights], directions: int) -> tuple[Compute, list[Compute]]:
    return contrast_in_tensorflow(), [member_in_tensorflow(weights, directions) for weights in members]


def _in_onnx(members: Sequence[Weights], directions: int) -> tuple[Compute, list[Compute]]:
    return contrast_in_onnx(), [member_in_onnx(weights, directions) for weights in members]
