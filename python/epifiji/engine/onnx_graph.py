"""EpiNet as a graph in ONNX, the form that other programs' runtimes read.

The graph takes a movie (1, 1, T, Y, X), float32 of any level, Y and X multiples of `GRAIN_PX`, and gives a probability for each
event class, frame and pixel, (1, events, T, Y, X): what :mod:`epifiji.engine.whole_frames` makes of the network's answers, before
it is cut to 8 bits. As in a detection the first and the last frame stand for those before and after the movie. It follows
:mod:`epifiji.engine.epinet` step by step and takes the sizes of all layers from there; axes are those of ONNX: frames stand
where images of a batch do, channels come second.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.network import EPINET, Network, Weights
from epifiji.engine.convolutions import STRIDE, Layer
from epifiji.engine.epinet import (
    ANSWER,
    BOXES,
    COARSE,
    FINE,
    FINE_AGAIN,
    GRAIN_PX,
    MIXING,
    REACH_FRAMES,
    check_epinet,
)

OPSET = 18
IR_VERSION = 9
"""Of 2023: runtimes that are some years old read them too."""

INPUT, OUTPUT = "movie", "probability"


def onnx_model(network: Network) -> bytes:
    """Write a network as an ONNX model; the probabilities of several members are averaged.

    Raises
    ------
    WrongInputError
        Where it is no EpiNet, its arrays do not fit, or the package onnx is not installed.
    """
    if network.description.kind != EPINET:
        raise WrongInputError(
            f"{network.description.name} is of the kind {network.description.kind}, but only an EpiNet can be exported: train or "
            "retrain one, or name another."
        )
    check_epinet(network)
    try:
        import onnx
    except ImportError as problem:
        raise WrongInputError(
            "an export needs the package onnx, which is not installed: pip install 'epifiji[export]'."
        ) from problem
    graph = _Graph()
    frames = graph.frames_of_movie()
    contrast = graph.local_contrast(frames)
    members = [graph.member(f"member_{number}", one, contrast) for number, one in enumerate(network.weights)]
    mean = members[0] if len(members) == 1 else graph.add("Mean", members)
    graph.movie_of_answers(mean)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    described = network.description
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "epinet",
            [helper.make_tensor_value_info(INPUT, kind, [1, 1, "time", "y", "x"])],
            [helper.make_tensor_value_info(OUTPUT, kind, [1, len(described.events), "time", "y", "x"])],
            graph.initializers,
        ),
        producer_name="epifiji",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        doc_string=f"{described.name}: {', '.join(described.events)}. {described.provenance}".strip(),
    )
    facts = {
        "classes": ",".join(described.events),
        "cell_diameter_px": f"{described.cell_diameter_px:g}",
        "event_duration_frames": f"{described.event_duration_frames:g}",
    }
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    serialized: bytes = model.SerializeToString()
    return serialized


class _Graph:
    """Collects nodes and constants; a value is the name of what a node gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._numbers = count()

    def add(self, operation: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = name or f"{operation.lower()}_{next(self._numbers)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values: Any, dtype: type = np.float32, name: str = "") -> str:
        from onnx import numpy_helper

        name = name or f"constant_{next(self._numbers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def whole(self, *numbers: int) -> str:
        return self.constant(numbers, np.int64)

    def frames_of_movie(self) -> str:
        """Movie (1, 1, T, Y, X) to frames (T + 2 REACH_FRAMES, 1, Y, X)."""
        x = self.add("Squeeze", [INPUT, self.whole(0)])
        x = self.add("Transpose", [x], perm=[1, 0, 2, 3])
        pads = self.whole(REACH_FRAMES, 0, 0, 0, REACH_FRAMES, 0, 0, 0)
        return self.add("Pad", [x, pads], mode="edge")

    def movie_of_answers(self, answers: str) -> None:
        """Answers (T, events, Y/4, X/4) to a movie of maps (1, events, T, Y, X)."""
        scales = self.constant([1, 1, STRIDE, STRIDE])
        x = self.add("Resize", [answers, "", scales], mode="linear", coordinate_transformation_mode="half_pixel")
        x = self.add("Transpose", [x], perm=[1, 0, 2, 3])
        self.add("Unsqueeze", [x, self.whole(0)], name=OUTPUT)

    def wider(self, x: str, times: int) -> str:
        """Repeat each pixel in both directions."""
        scales = self.constant([1, 1, times, times])
        return self.add(
            "Resize",
            [x, "", scales],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def local_contrast(self, x: str) -> str:
        """See :func:`epifiji.engine.epinet.contrast`: frames (n, 1, Y, X) to (n, 3, Y, X)."""

        def pooled(operation: str, values: str, box: int) -> str:
            small = self.add(operation, [values], kernel_shape=[STRIDE, STRIDE], strides=[STRIDE, STRIDE])
            return self.add(operation, [small], kernel_shape=[box, box], pads=[box // 2] * 4)

        near, far = BOXES
        tiny = self.constant(1e-6)
        greatest = pooled("MaxPool", x, near)
        least = self.add("Neg", [pooled("MaxPool", self.add("Neg", [x]), near)])
        span = self.add("Sub", [greatest, least])
        above = self.add("Sub", [x, self.wider(least, STRIDE)])
        channels = [self.add("Div", [above, self.wider(self.add("Add", [span, tiny]), STRIDE)])]
        squared = self.add("Mul", [x, x])
        least_spread = self.add("Add", [self.add("Mul", [span, self.constant(0.02)]), tiny])
        for box in (near, far):
            mean, square = pooled("AveragePool", x, box), pooled("AveragePool", squared, box)
            variance = self.add("Max", [self.add("Sub", [square, self.add("Mul", [mean, mean])]), self.constant(0.0)])
            spread = self.add("Add", [self.add("Sqrt", [variance]), least_spread])
            away = self.add("Mul", [self.add("Sub", [x, self.wider(mean, STRIDE)]), self.constant(0.5)])
            ratio = self.add("Div", [away, self.wider(spread, STRIDE)])
            channels.append(self.add("Clip", [ratio, self.constant(-2.0), self.constant(5.0)]))
        return self.add("Concat", channels, axis=1)

    def member(self, name: str, weights: Weights, contrast: str) -> str:
        """See :mod:`epifiji.engine.epinet`: contrast of T + 2 REACH_FRAMES frames to probabilities (T, events, Y/4, X/4)."""

        def convolved(layer: Layer, x: str) -> str:
            kernel, bias = (weights[f"{layer.name}/{part}"] for part in ("kernel", "bias"))
            return self.convolved(f"{name}/{layer.name}", layer, kernel, bias, x)

        def relu(x: str) -> str:
            return self.add("Relu", [x])

        x = contrast
        for layer in FINE[:2]:
            x = relu(convolved(layer, x))
        seen = relu(self.add("Add", [x, convolved(FINE[2], x)]))
        coarse, skipped = relu(convolved(COARSE, seen)), relu(convolved(FINE_AGAIN[1], seen))
        for step in MIXING:
            news, lost = coarse, 0
            for number, layer in enumerate(step):
                news = convolved(layer, relu(news) if number else news)
                lost += layer.reach_frames
            coarse = relu(self.add("Add", [self.inner(coarse, lost), news]))
        x = relu(convolved(FINE_AGAIN[0], coarse))
        x = self.add("Add", [self.wider(x, GRAIN_PX // STRIDE), self.inner(skipped, REACH_FRAMES)])
        x = relu(self.add("Add", [x, convolved(FINE_AGAIN[2], x)]))
        return self.add("Sigmoid", [convolved(Layer(ANSWER, 0, side=1), x)], name=f"{name}/probability")

    def inner(self, x: str, lost: int) -> str:
        """Leave so many frames out at both ends."""
        return x if not lost else self.add("Slice", [x, self.whole(lost), self.whole(-lost), self.whole(0)])

    def convolved(self, name: str, layer: Layer, kernel: np.ndarray, bias: np.ndarray, x: str) -> str:
        """Convolve frames (n, channels, Y, X) over y and x, or over the frames, of which some are lost then."""
        held = self.constant(bias, name=f"{name}/bias")
        if layer.side:
            before, after = _filled(layer)
            weights = self.constant(np.transpose(kernel, (3, 2, 0, 1)), name=f"{name}/kernel")
            return self.add(
                "Conv",
                [x, weights, held],
                name,
                strides=[layer.stride] * 2,
                dilations=[layer.dilation] * 2,
                pads=[before, before, after, after],
            )
        weights = self.constant(np.transpose(kernel, (3, 2, 0, 1))[..., None], name=f"{name}/kernel")
        x = self.add("Unsqueeze", [self.add("Transpose", [x], perm=[1, 0, 2, 3]), self.whole(0)])
        x = self.add("Conv", [x, weights, held], name, dilations=[layer.dilation, 1, 1])
        return self.add("Transpose", [self.add("Squeeze", [x, self.whole(0)])], perm=[1, 0, 2, 3])


def _filled(layer: Layer) -> tuple[int, int]:
    """How many pixels TensorFlow's SAME adds before and after, where the side is a multiple of the stride."""
    reach = (layer.side - 1) * layer.dilation + 1
    missing = max(0, reach - layer.stride)
    return missing // 2, missing - missing // 2
