"""EpiNet for a few frames at a time, as a graph in ONNX; see :func:`epifiji.engine.networks.epinet.model.join_more_frames`."""

from __future__ import annotations

from collections import deque

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.layers import STRIDE, Layer
from epifiji.engine.backend.onnx_graph import DOUBLE, SINGLE, Shape
from epifiji.engine.backend.onnx_runtime import OnnxSession
from epifiji.engine.networks.epinet.graph import EpiNetGraph
from epifiji.engine.networks.epinet.model import (
    ANSWER,
    COARSE,
    FINE_AGAIN,
    FRAMES_TOGETHER,
    GRAIN_PX,
    REACH_FRAMES,
    Begin,
    Continued,
)

FRAMES, MEMBER = "frames", "member"
PROBABILITY = f"{MEMBER}/probability"
FINE_MEMORY = "fine"

COARSE_SIDES, FINE_SIDES = ((f"y/{grain}", f"x/{grain}") for grain in (GRAIN_PX, STRIDE))


class StreamedGraph(EpiNetGraph):
    """Collects the operations for `FRAMES_TOGETHER` more frames (n, 1, Y, X), float64.

    What later frames need is an output, and then an input: the features before each convolution over time, and the fine ones.

    Attributes
    ----------
    memory
        For each output that is remembered the inputs with its earlier values, the oldest first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.inputs: dict[str, tuple[int, Shape]] = {FRAMES: (DOUBLE, (FRAMES_TOGETHER, 1, "y", "x"))}
        self.outputs: dict[str, tuple[int, Shape]] = {}
        self.memory: dict[str, list[str]] = {}

    def frames_around(self, layer: Layer, x: str) -> list[str]:
        """See :meth:`EpiNetGraph.frames_around`: of `FRAMES_TOGETHER` frames and the remembered ones before them."""
        shape = FRAMES_TOGETHER, COARSE.width, *COARSE_SIDES
        pieces = [*self.remembered(x, layer.name, 2 * layer.reach_frames // FRAMES_TOGETHER, shape), x]
        starts = [layer.reach_frames, *range(0, 2 * layer.reach_frames + 1, layer.dilation)]
        return [self.frames_from(pieces, start) for start in starts]

    def frames_from(self, pieces: list[str], start: int) -> str:
        """Return `FRAMES_TOGETHER` frames of several pieces."""
        number, at = divmod(start, FRAMES_TOGETHER)
        if not at:
            return pieces[number]
        return self.add("Concat", [self.cut(pieces[number], at, 0), self.cut(pieces[number + 1], 0, at)], axis=0)

    def predicted(self, x: str) -> str:
        """See :meth:`EpiNetGraph.predicted`: the oldest of the remembered ones."""
        shape = FRAMES_TOGETHER, FINE_AGAIN[1].width, *FINE_SIDES
        return self.remembered(x, FINE_MEMORY, REACH_FRAMES // FRAMES_TOGETHER, shape)[0]

    def remembered(self, x: str, name: str, count: int, shape: Shape) -> list[str]:
        """Return earlier values of `x`, the oldest first."""
        self.outputs[x] = SINGLE, shape
        pieces = [f"{name}/{number}" for number in range(count)]
        self.memory[x] = pieces
        self.inputs.update(dict.fromkeys(pieces, (SINGLE, shape)))
        return pieces


def in_onnx(weights: Weights) -> Begin:
    """Return a member that ONNX Runtime computes, in float32."""
    graph = streamed_graph(weights)
    session = OnnxSession(graph.model("epinet", graph.inputs, graph.outputs))
    outputs = list(graph.outputs)

    def begin(height: int, width: int) -> Continued:
        memory = {}
        for name, pieces in graph.memory.items():
            count, depth, *_ = (int(side) for side in graph.outputs[name][1][:2])
            grain = GRAIN_PX if depth == COARSE.width else STRIDE
            blank = session.value(np.zeros((count, depth, height // grain, width // grain), np.float32))
            memory[name] = deque([blank] * len(pieces), len(pieces))

        def more(frames: np.ndarray) -> np.ndarray:
            inputs = {FRAMES: session.value(frames[:, None])}
            for name, pieces in graph.memory.items():
                inputs.update(zip(pieces, memory[name], strict=True))
            found = session(inputs, outputs)
            for name, held in memory.items():
                held.append(found[name])
            probabilities: np.ndarray = found[PROBABILITY].numpy()
            return np.moveaxis(probabilities, 1, -1)

        return more

    return begin


def streamed_graph(weights: Weights) -> StreamedGraph:
    """Return the graph of a member."""
    graph = StreamedGraph()
    graph.member(MEMBER, weights, graph.contrast(FRAMES))
    graph.outputs[PROBABILITY] = SINGLE, (FRAMES_TOGETHER, weights[f"{ANSWER}/bias"].size, *FINE_SIDES)
    return graph
