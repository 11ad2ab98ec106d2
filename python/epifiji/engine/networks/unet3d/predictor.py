"""The prediction of volumes block by block by 3D U-Nets, with ONNX Runtime or TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from epifiji.data.image import Image
from epifiji.data.network import Weights
from epifiji.data.progress import Report, silent
from epifiji.engine.backend.devices import ONNX_RUNTIME, TENSORFLOW
from epifiji.engine.backend.onnx_runtime import accepted
from epifiji.engine.networks.unet3d.grey_range import GreyRange
from epifiji.engine.networks.unet3d.model import OUTPUTS, Architecture, member_in_tensorflow
from epifiji.engine.networks.unet3d.onnx import member_in_onnx
from epifiji.engine.tiling.tiles import Area, tiles

PREDICTING = "predicting cells"

BYTES_A_FEATURE = {ONNX_RUNTIME: 42, TENSORFLOW: 50}
"""Approximate memory for the prediction of a voxel, for each feature of the first level; measured: 25 to 38, and 29 to 49."""

MOST_VOXELS = 4_000_000
"""Voxels that are predicted at once if there is memory for them."""


class UNet3D:
    """A network with its weights, ready to predict volumes.

    Parameters
    ----------
    members
        Arrays of each member; their predictions are averaged.
    architecture
        Their sizes.
    onnx
        Whether ONNX Runtime computes if it can; else TensorFlow does.
    """

    def __init__(self, members: Sequence[Weights], architecture: Architecture, onnx: bool = False) -> None:
        self.architecture = architecture
        found = accepted(lambda: [member_in_onnx(weights, architecture) for weights in members]) if onnx else None
        self.runtime = TENSORFLOW if found is None else ONNX_RUNTIME
        self._members = found or [member_in_tensorflow(weights, architecture) for weights in members]

    def voxels_within(self, megabytes: float) -> int:
        """Return how many voxels can be predicted at once."""
        bytes_a_voxel = BYTES_A_FEATURE[self.runtime] * self.architecture.features[0]
        return int(min(MOST_VOXELS, megabytes * 1e6 / bytes_a_voxel))

    def blocks(
        self,
        volume: Image,
        grey: GreyRange,
        voxels_at_once: int,
        padding: tuple[int, int, int] | None = None,
        flips: bool = False,
        report: Report = silent,
    ) -> Iterator[tuple[Area, np.ndarray]]:
        """Predict a volume block by block: the place of each, and its outputs (Z, Y, X, 3), float32 from 0 to 1.

        Parameters
        ----------
        voxels_at_once
            Voxels of the largest block, as it is read.
        padding
            Voxels around each block that are read too, and predicted but not kept, along Z, Y and X; rounded up to whole
            grains. Default: all on which a prediction depends, so that blocks do not show.
        flips
            Whether to average over the four mirror images in the plane.
        report
            Called before each block; may raise to cancel.
        """
        grain = self.architecture.grain
        wanted = self.architecture.reach if padding is None else padding
        around = [-(-one // grain) * grain for one in wanted]
        every = list(tiles(volume.shape, around, voxels_at_once, grain))
        for number, tile in enumerate(every):
            report(number / len(every), PREDICTING)
            block = grey.scaled(volume.box(tile.read))
            sides = block.shape
            block = np.pad(block, [(0, -side % grain) for side in sides], "edge")
            found = self._averaged(block, flips)
            yield tile.kept, found[tuple(slice(side) for side in sides)][tile.part]

    def _averaged(self, block: np.ndarray, flips: bool) -> np.ndarray:
        ways = list(product((1, -1), repeat=2)) if flips else [(1, 1)]
        total: np.ndarray = np.zeros((*block.shape, OUTPUTS), np.float32)
        for y, x in ways:
            seen = np.ascontiguousarray(block[:, ::y, ::x])
            for member in self._members:
                total += member(seen)[:, ::y, ::x]
        return total / np.float32(len(ways) * len(self._members))
