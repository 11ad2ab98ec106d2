"""EpiNet's operations as nodes of a graph in ONNX.

They follow :mod:`epifiji.engine.networks.epinet.model` step by step and take the sizes of all layers from there. Axes are those
of ONNX: frames are the batch axis, channels come second. Two graphs are made of them: one for whole movies, for other
programs, and one for a few frames at a time, for a detection.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.layers import STRIDE, Layer
from epifiji.engine.backend.onnx_layers import FrameGraph
from epifiji.engine.networks.epinet.model import ANSWER, BOXES, COARSE, FINE, FINE_AGAIN, GRAIN_PX, MIXING, REACH_FRAMES


class EpiNetGraph(FrameGraph):
    """Collects the operations of a network with these weights."""

    def contrast(self, x: str, dtype: type = np.float64) -> str:
        """Frames (n, 1, Y, X) to contrast (n, 3, Y, X), float32. Levels are subtracted in `dtype`, that of the frames."""
        return self.local_contrast(x, BOXES, dtype)

    def member(self, name: str, weights: Weights, contrast: str) -> str:
        """Predict probabilities (frames, events, Y/4, X/4) from contrast, equal to the model's; names begin with `name`."""

        def convolved(layer: Layer, x: str) -> str:
            return self.convolved(f"{name}/{layer.name}", layer, weights, x)

        relu, x = self.relu, contrast
        for layer in FINE[:2]:
            x = relu(convolved(layer, x))
        seen = relu(self.add("Add", [x, convolved(FINE[2], x)]))
        coarse, skipped = relu(convolved(COARSE, seen)), relu(convolved(FINE_AGAIN[1], seen))
        for step in MIXING:
            middle, news = coarse, coarse
            for at, layer in enumerate(step):
                if layer.frames:
                    middle, *frames = self.frames_around(layer, coarse)
                    news = self.add("Concat", frames, axis=1)
                news = convolved(layer, relu(news) if at else news)
            coarse = relu(self.add("Add", [middle, news]))
        x = relu(convolved(FINE_AGAIN[0], coarse))
        x = self.add("Add", [self.wider(x, GRAIN_PX // STRIDE), self.predicted(skipped)])
        x = relu(self.add("Add", [x, convolved(FINE_AGAIN[2], x)]))
        return self.add("Sigmoid", [convolved(Layer(ANSWER, 0, side=1), x)], name=f"{name}/probability")

    def frames_around(self, layer: Layer, x: str) -> list[str]:
        """Return the frames that a convolution over time predicts, and then the frames that it needs for each of its weights."""
        lost = layer.frames * layer.dilation - layer.dilation
        parts = [self.cut(x, at, at - lost) for at in range(0, lost + 1, layer.dilation)]
        return [self.cut(x, layer.reach_frames, -layer.reach_frames), *parts]

    def predicted(self, x: str) -> str:
        """Return the fine features of the frames that are predicted, given those of all frames."""
        return self.cut(x, REACH_FRAMES, -REACH_FRAMES)
