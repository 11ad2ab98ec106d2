"""The 3D U-Net as a graph in ONNX, which follows :mod:`epifiji.engine.networks.unet3d.model` step by step.

Planes are the batch axis, and channels come second. A convolution over three planes is three over a plane, whose results are
added: in one convolution for all three, as in TensorFlow, they took as long and twice the memory.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.onnx_graph import SINGLE
from epifiji.engine.backend.onnx_layers import END, FrameGraph
from epifiji.engine.backend.onnx_runtime import OnnxSession
from epifiji.engine.networks.unet3d.model import ANSWER, OUTPUTS, Architecture, Compute

BLOCK, MAPS = "block", "maps"


class UNet3DGraph(FrameGraph):
    """Collects the operations of a network with these weights."""

    def __init__(self, weights: Weights, architecture: Architecture) -> None:
        super().__init__()
        self._weights, self._z_steps = weights, architecture.z_steps

    def maps(self, x: str) -> None:
        """Predict the maps (Z, 3, Y, X) of grey values (Z, 1, Y, X)."""
        skipped = []
        for level, step in enumerate((0, *self._z_steps)):
            x = self._block(f"in_{level}", self._pooled(x, step) if level else x)
            skipped.append(x)
        x = skipped.pop()
        for level in range(len(self._z_steps) - 1, -1, -1):
            x = self._enlarged(f"up_{level}", x, self._z_steps[level])
            x = self._block(f"out_{level}", self.add("Concat", [skipped.pop(), x], axis=1))
        self.add("Sigmoid", [self._mixed(x, ANSWER, self._weights[f"{ANSWER}/bias"])], MAPS)

    def _block(self, name: str, x: str) -> str:
        """Apply a residual block of two convolutions."""
        news = self._convolved(f"{name}_1", self.relu(self._convolved(f"{name}_0", x)))
        return self.relu(self.add("Add", [self._mixed(x, f"{name}_past"), news]))

    def _convolved(self, name: str, x: str) -> str:
        """Convolve over three planes; outside there are zeros."""
        shift = self.constant(self._weights[f"{name}/bias"])
        before, here, after = (
            self.constant(np.transpose(kernel, (3, 2, 0, 1))) for kernel in self._weights[f"{name}/kernel"]
        )
        summed = self.add("Conv", [x, here, shift], pads=[1] * 4)
        for kernel, start, end, ends in ((before, 0, -1, (1, 0)), (after, 1, END, (0, 1))):
            # Planes are left out after the convolution: to copy its input instead takes half as much memory again.
            planes = self.add("Conv", [x, kernel], pads=[1] * 4)
            planes = self.add("Slice", [planes, self.whole(start), self.whole(end), self.whole(0)])
            pads = self.whole(ends[0], 0, 0, 0, ends[1], 0, 0, 0)
            summed = self.add("Add", [summed, self.add("Pad", [planes, pads])])
        return summed

    def _mixed(self, x: str, name: str, shift: np.ndarray | None = None) -> str:
        """Mix the features of each voxel."""
        kernel = self.constant(self._weights[f"{name}/kernel"].T[..., None, None])
        return self.add("Conv", [x, kernel, *([] if shift is None else [self.constant(shift)])])

    def _pooled(self, x: str, planes: int) -> str:
        """Keep the largest value of 2 x 2 pixels, and of `planes` planes."""
        x = self.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        if planes == 1:
            return x
        ends = self.whole(END), self.whole(0), self.whole(planes)
        return self.add("Max", [self.add("Slice", [x, self.whole(first), *ends]) for first in range(planes)])

    def _enlarged(self, name: str, x: str, planes: int) -> str:
        """Make 2 x 2 pixels, and `planes` planes, of each voxel."""
        kernel, shift = (self._weights[f"{name}/{part}"] for part in ("kernel", "bias"))
        parts = np.moveaxis(kernel.reshape(len(kernel), planes, 2, 2, shift.size), -1, 2)
        made = [
            self.add("ConvTranspose", [x, self.constant(parts[:, plane]), self.constant(shift)], strides=[2, 2])
            for plane in range(planes)
        ]
        if planes == 1:
            return made[0]
        sides = self.add("Concat", [self.whole(-1), self.add("Shape", [made[0]], start=1, end=4)], axis=0)
        beside = self.add("Concat", [self.add("Unsqueeze", [one, self.whole(1)]) for one in made], axis=1)
        return self.add("Reshape", [beside, sides])


def member_in_onnx(weights: Weights, architecture: Architecture) -> Compute:
    """Return a member that ONNX Runtime computes."""
    # A block needs gigabytes, and Fiji's engine stays.
    session = OnnxSession(member_graph(weights, architecture), frees=True)

    def compute(block: np.ndarray) -> np.ndarray:
        maps: np.ndarray = session({BLOCK: session.value(block[:, None])}, [MAPS])[MAPS].numpy()
        return np.moveaxis(maps, 1, -1)

    return compute


def member_graph(weights: Weights, architecture: Architecture) -> bytes:
    """Return the graph of a member."""
    graph = UNet3DGraph(weights, architecture)
    graph.maps(BLOCK)
    inputs = {BLOCK: (SINGLE, ("z", 1, "y", "x"))}
    return graph.model("unet3d", inputs, {MAPS: (SINGLE, ("z", OUTPUTS, "y", "x"))})
