"""EpiNet as a graph in ONNX, the format of other programs' runtimes.

The graph takes a movie (1, 1, T, Y, X), float32 of any level and of any size, and returns a probability for each event
class, frame and pixel, (1, events, T, Y, X): the result of :mod:`epifiji.engine.networks.epinet.maps` before it is
truncated to 8 bits. As in a detection the first and the last frame are repeated before and after the movie. It follows
:mod:`epifiji.engine.networks.epinet.model` step by step and takes the sizes of all layers from there. Axes are those of
ONNX: frames are the batch axis, channels come second.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.network import Weights
from epifiji.engine.backend.layers import LEAST_DEVIATION, STRIDE, Layer
from epifiji.engine.networks.epinet.model import (
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
"""Of 2023, so runtimes that are some years old can read it."""

INPUT, OUTPUT = "movie", "probability"

SINGLE, DOUBLE = 1, 11
"""ONNX's numbers for float32 and float64."""


def onnx_model(network: EventNetwork) -> bytes:
    """Write a network as an ONNX model; the probabilities of several members are averaged.

    Raises
    ------
    WrongInputError
        If its arrays do not fit, or the package onnx is not installed.
    """
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
    """Collects nodes and constants; a value is the name of a node's output."""

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
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype, order="C"), name))
        return name

    def whole(self, *numbers: int) -> str:
        return self.constant(numbers, np.int64)

    def number(self, value: int) -> str:
        return self.constant(np.array(value), np.int64)

    def frames_of_movie(self) -> str:
        """Movie (1, 1, T, Y, X) to frames (T + 2 REACH_FRAMES, 1, Y, X), padded to multiples of `GRAIN_PX`."""
        x = self.add("Squeeze", [INPUT, self.whole(0)])
        x = self.add("Transpose", [x], perm=[1, 0, 2, 3])
        size = self.add("Shape", [x], start=2, end=4)
        # Python's remainder, which is not negative.
        missing = self.add("Mod", [self.add("Neg", [size]), self.whole(GRAIN_PX)])
        pads = self.add("Concat", [self.whole(REACH_FRAMES, 0, 0, 0, REACH_FRAMES, 0), missing], axis=0)
        return self.add("Pad", [x, pads], mode="edge")

    def movie_of_answers(self, answers: str) -> None:
        """Predictions (T, events, Y/4, X/4) to a movie of maps (1, events, T, Y, X), without the padding."""
        scales = self.constant([1, 1, STRIDE, STRIDE])
        begin, axes = self.whole(0, 0), self.whole(2, 3)
        size = self.add("Shape", [INPUT], start=3, end=5)
        held = self.add("Div", [self.add("Add", [size, self.whole(STRIDE - 1)]), self.whole(STRIDE)])
        x = self.add("Slice", [answers, begin, held, axes])
        x = self.add("Resize", [x, "", scales], mode="linear", coordinate_transformation_mode="half_pixel")
        x = self.add("Slice", [x, begin, size, axes])
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
        """See :func:`epifiji.engine.backend.layers.local_contrast`: frames (n, 1, Y, X) to (n, 3, Y, X)."""

        def pooled(operation: str, values: str) -> str:
            return self.add(operation, [values], kernel_shape=[STRIDE, STRIDE], strides=[STRIDE, STRIDE])

        def greatest(values: str) -> str:
            return self.add("MaxPool", [pooled("MaxPool", values)], kernel_shape=[near, near], pads=[near // 2] * 4)

        # The range between the largest and the least float32 overflows; a power of two changes no digit.
        x = self.add("Mul", [x, self.constant(0.25)])
        near = BOXES[0]
        least = self.add("Neg", [greatest(self.add("Neg", [x]))])
        span = self.add("Sub", [greatest(x), least])
        within = self.ratio(self.add("Sub", [x, self.wider(least, STRIDE)]), self.wider(span, STRIDE), np.float32)
        middle = pooled("AveragePool", within)
        away = self.add("Sub", [within, self.wider(middle, STRIDE)])
        spread = pooled("AveragePool", self.add("Mul", [away, away]))
        # From here on at a quarter of the sides, in double precision, as in TensorFlow.
        least, span, middle, spread = (self.add("Cast", [one], to=DOUBLE) for one in (least, span, middle, spread))
        mean = self.add("Add", [least, self.add("Mul", [span, middle])])
        variance = self.add("Mul", [self.add("Mul", [span, span]), spread])
        enough = self.add("Mul", [span, self.constant(LEAST_DEVIATION, np.float64)])
        half = self.constant(0.5, np.float64)
        channels = [within]
        for box in BOXES:
            box_mean, box_variance = self.moments(mean, variance, box)
            deviation = self.add("Add", [self.add("Sqrt", [box_variance]), enough])
            factor, shift = (
                self.wider(self.add("Cast", [self.ratio(self.add("Mul", [one, half]), deviation)], to=SINGLE), STRIDE)
                for one in (span, self.add("Sub", [least, box_mean]))
            )
            ratio = self.add("Add", [self.add("Mul", [within, factor]), shift])
            channels.append(self.add("Clip", [ratio, self.constant(-2.0), self.constant(5.0)]))
        return self.add("Concat", channels, axis=1)

    def ratio(self, one: str, other: str, dtype: type = np.float64) -> str:
        """Divide; the result is 0 where the divisor is 0."""
        nothing = self.add("Equal", [other, self.constant(0, dtype)])
        divided = self.add("Div", [one, self.add("Where", [nothing, self.constant(1, dtype), other])])
        return self.add("Where", [nothing, self.constant(0, dtype), divided])

    def moments(self, mean: str, variance: str, box: int) -> tuple[str, str]:
        """See :func:`epifiji.engine.backend.layers._moments`: (n, 1, Y/4, X/4), double precision."""
        zero, one = self.whole(0), self.whole(1)
        for axis in (2, 3):
            size = self.add("Shape", [mean], start=axis, end=axis + 1)
            last = self.add("Sub", [size, one])
            places = self.add("Range", [self.number(0), self.add("Squeeze", [size]), self.number(1)])
            places = self.add("Unsqueeze", [places, one])
            near = self.add("Add", [places, self.constant([range(-(box // 2), box // 2 + 1)], np.int64)])
            held = self.add("Min", [self.add("Max", [near, zero]), last])
            inside = self.add("Cast", [self.add("Equal", [near, held])], to=DOUBLE)
            share = self.add("Div", [inside, self.add("ReduceSum", [inside, one], keepdims=1)])
            if axis == 2:
                share = self.add("Unsqueeze", [share, self.whole(2)])
            middle = self.add("Unsqueeze", [mean, self.whole(axis + 1)])
            away = self.add("Sub", [self.add("Gather", [mean, held], axis=axis), middle])
            spread = self.add("Gather", [variance, held], axis=axis)
            over = self.whole(axis + 1)
            shift = self.add("ReduceSum", [self.add("Mul", [share, away]), over], keepdims=0)
            square = self.add("Add", [self.add("Mul", [away, away]), spread])
            square = self.add("ReduceSum", [self.add("Mul", [share, square]), over], keepdims=0)
            variance = self.add("Sub", [square, self.add("Mul", [shift, shift])])
            variance = self.add("Max", [variance, self.constant(0, np.float64)])
            mean = self.add("Add", [mean, shift])
        return mean, variance

    def member(self, name: str, weights: Weights, contrast: str) -> str:
        """Probabilities (T, events, Y/4, X/4) from contrast (T + 2 REACH_FRAMES frames), equal to the model's."""

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
        """Drop this number of frames at both ends."""
        return x if not lost else self.add("Slice", [x, self.whole(lost), self.whole(-lost), self.whole(0)])

    def convolved(self, name: str, layer: Layer, kernel: np.ndarray, bias: np.ndarray, x: str) -> str:
        """Convolve frames (n, channels, Y, X) over y and x, or over the frames, which drops some of them."""
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
    """Return how many pixels TensorFlow's SAME adds before and after, if the side is a multiple of the stride."""
    reach = (layer.side - 1) * layer.dilation + 1
    missing = max(0, reach - layer.stride)
    return missing // 2, missing - missing // 2
