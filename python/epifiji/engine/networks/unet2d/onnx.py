"""The U-Net for cells as graphs in ONNX, which follow :mod:`epifiji.engine.networks.unet2d.model` step by step."""

from __future__ import annotations

from functools import cache

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.layers import Layer
from epifiji.engine.backend.onnx_graph import DOUBLE, SINGLE
from epifiji.engine.backend.onnx_layers import FrameGraph
from epifiji.engine.backend.onnx_runtime import OnnxSession
from epifiji.engine.networks.unet2d.model import (
    ANSWER,
    BOXES,
    CHANNELS,
    DOWN,
    INWARD,
    OUTWARD,
    STEM,
    UP,
    Compute,
    answer_layer,
)

FRAMES, CONTRAST, MAPS = "frames", "contrast", "maps"


class UNet2DGraph(FrameGraph):
    """Collects the operations of a network with these weights."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._weights = weights

    def layer(self, layer: Layer, x: str) -> str:
        """Apply a layer."""
        return self.convolved(layer.name, layer, self._weights, x)

    def mixed(self, step: tuple[Layer, Layer], x: str) -> str:
        """Apply a residual step."""
        news = self.layer(step[1], self.relu(self.layer(step[0], x)))
        return self.relu(self.add("Add", [x, news]))

    def maps(self, x: str, directions: int) -> None:
        """Predict the maps (n, outputs, Y, X) from contrast (n, 3, Y, X)."""
        x = self.mixed(INWARD[0], self.relu(self.layer(STEM, x)))
        skipped = []
        for layer, step in zip(DOWN, INWARD[1:], strict=True):
            skipped.append(x)
            x = self.mixed(step, self.relu(self.layer(layer, x)))
        for layer, step in zip(reversed(UP), reversed(OUTWARD), strict=True):
            x = self.add("Add", [self.wider(self.layer(layer, x), 2), skipped.pop()])
            x = self.mixed(step, self.relu(x))
        outputs = self._weights[f"{ANSWER}/bias"].size
        x = self.layer(answer_layer(outputs), x)
        if not directions:
            self.add("Sigmoid", [x], MAPS)
            return
        channels = self.whole(1)
        ends = self.whole(0), self.whole(directions), self.whole(outputs)
        first, others = (self.add("Slice", [x, *ends[at : at + 2], channels]) for at in (0, 1))
        self.add("Concat", [self.add("Tanh", [first]), self.add("Sigmoid", [others])], MAPS, axis=1)


@cache
def contrast_in_onnx() -> Compute:
    """Return what ONNX Runtime makes of a frame (Y, X), float64: its contrast (Y, X, 3), float32."""
    graph = FrameGraph()
    contrast = graph.local_contrast(FRAMES, BOXES)
    shapes = {FRAMES: (DOUBLE, (1, 1, "y", "x"))}, {contrast: (SINGLE, (1, CHANNELS, "y", "x"))}
    return _computed(OnnxSession(graph.model(CONTRAST, *shapes)), FRAMES, contrast)


def member_in_onnx(weights: Weights, directions: int) -> Compute:
    """Return what ONNX Runtime makes of the contrast of a frame (Y, X, 3): its maps (Y, X, outputs), float32."""
    return _computed(OnnxSession(member_graph(weights, directions)), CONTRAST, MAPS)


def member_graph(weights: Weights, directions: int) -> bytes:
    """Return the graph of a member."""
    graph = UNet2DGraph(weights)
    graph.maps(CONTRAST, directions)
    outputs = weights[f"{ANSWER}/bias"].size
    shapes = {CONTRAST: (SINGLE, (1, CHANNELS, "y", "x"))}, {MAPS: (SINGLE, (1, outputs, "y", "x"))}
    return graph.model("unet2d", *shapes)


def _computed(session: OnnxSession, entering: str, leaving: str) -> Compute:
    def compute(values: np.ndarray) -> np.ndarray:
        channels = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
        found = session({entering: session.value(np.ascontiguousarray(channels[None]))}, [leaving])[leaving].numpy()
        return np.moveaxis(found[0], 0, -1)

    return compute
