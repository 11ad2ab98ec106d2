"""EpiNet's operations as nodes of a graph in ONNX.

They follow :mod:`epifiji.engine.networks.epinet.model` and :func:`epifiji.engine.backend.layers.local_contrast` step by step and
take the sizes of all layers from there. Axes are those of ONNX: frames are the batch axis, channels come second. Two graphs
are made of them: one for whole movies, for other programs, and one for a few frames at a time, for a detection.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.layers import LEAST_DEVIATION, STRIDE, Layer
from epifiji.engine.backend.onnx_graph import DOUBLE, SINGLE, OnnxGraph
from epifiji.engine.networks.epinet.model import ANSWER, BOXES, COARSE, FINE, FINE_AGAIN, GRAIN_PX, MIXING, REACH_FRAMES

HIGHEST, LOWEST = 5.0, -2.0

END = 2**62
"""The end of an axis, in a slice."""

Moments = tuple[str, str, str]
"""Of boxes: the number of values, their mean, and the sum of the squared deviations from it."""


class EpiNetGraph(OnnxGraph):
    """Collects the operations of a network with these weights."""

    def local_contrast(self, x: str, dtype: type = np.float64) -> str:
        """Frames (n, 1, Y, X) to contrast (n, 3, Y, X), float32. Levels are subtracted in `dtype`, that of the frames."""
        one = self.constant(1, dtype)
        squares = self.add("SpaceToDepth", [x], blocksize=STRIDE)
        channels = self.whole(1)
        least = self.add("Neg", [self.greatest(self.add("Neg", [self.add("ReduceMin", [squares, channels])]))])
        span = self.add("Sub", [self.greatest(self.add("ReduceMax", [squares, channels])), least])
        level = self.add("Where", [self.add("Equal", [span, self.constant(0, dtype)]), one, span])
        within = self.add("Cast", [self.add("Div", [self.add("Sub", [squares, least]), level])], to=SINGLE)
        middle = self.add("ReduceMean", [within, channels])
        away = self.add("Sub", [within, middle])
        spread = self.add("ReduceMean", [self.add("Mul", [away, away]), channels])
        # From here on at a quarter of the sides, in double precision, as in TensorFlow.
        least, span, middle, spread = (self.add("Cast", [one], to=DOUBLE) for one in (least, span, middle, spread))
        mean = self.add("Add", [least, self.add("Mul", [span, middle])])
        variance = self.add("Mul", [self.add("Mul", [span, span]), spread])
        enough = self.add("Mul", [span, self.constant(LEAST_DEVIATION, np.float64)])
        results = [within]
        for box in BOXES:
            box_mean, box_variance = self.moments(mean, variance, box)
            deviation = self.add("Add", [self.add("Sqrt", [box_variance]), enough])
            factor, shift = (self.halved(one, deviation) for one in (span, self.add("Sub", [least, box_mean])))
            ratio = self.add("Add", [self.add("Mul", [within, factor]), shift])
            results.append(self.add("Clip", [ratio, self.constant(LOWEST), self.constant(HIGHEST)]))
        return self.add("DepthToSpace", [self.add("Concat", results, axis=1)], blocksize=STRIDE, mode="CRD")

    def greatest(self, x: str) -> str:
        """Return the greatest value in boxes of the first of `BOXES`."""
        side = BOXES[0]
        for sides in ([side, 1], [1, side]):
            x = self.add("MaxPool", [x], kernel_shape=sides, pads=[one // 2 for one in sides] * 2)
        return x

    def halved(self, one: str, other: str) -> str:
        """Return half of a quotient, float32; it is 0 where the divisor is 0."""
        nothing = self.add("Equal", [other, self.constant(0, np.float64)])
        divided = self.add("Div", [one, self.add("Where", [nothing, self.constant(1, np.float64), other])])
        factor = self.add("Where", [nothing, self.constant(0, np.float64), self.constant(0.5, np.float64)])
        return self.add("Cast", [self.add("Mul", [divided, factor])], to=SINGLE)

    def moments(self, mean: str, variance: str, box: int) -> tuple[str, str]:
        """Return mean and variance in boxes, from means and variances of squares (n, 1, Y/4, X/4), double precision.

        A box is composed of halves (Chan, Golub and LeVeque 1979), so one of 33 needs six steps along each axis.
        """
        zero, one = self.constant(0, np.float64), self.constant(1, np.float64)
        for axis in (2, 3):
            pads = self.whole(*(box // 2 if at % 4 == axis else 0 for at in range(8)))
            sides = [self.whole(1)] * 4
            sides[axis] = self.add("Shape", [mean], start=axis, end=axis + 1)
            inside = self.add("Expand", [one, self.add("Concat", sides, axis=0)])
            count, middle, squares = (self.add("Pad", [part, pads, zero]) for part in (inside, mean, variance))
            step: tuple[int, Moments] = 1, (count, middle, squares)
            found: tuple[int, Moments] | None = step if box % 2 else None
            while 2 * step[0] <= box:
                step = self.joined(step, step, axis)
                if box & step[0]:
                    found = step if found is None else self.joined(found, step, axis)
            assert found is not None
            count, mean, squares = found[1]
            variance = self.add("Div", [squares, count])
        return mean, variance

    def joined(self, one: tuple[int, Moments], other: tuple[int, Moments], axis: int) -> tuple[int, Moments]:
        """Join boxes that begin where others of the first width end."""
        (width, first), (further, second) = one, other
        along = self.whole(axis)
        ends = self.whole(0), self.whole(-further), self.whole(width), self.whole(END)
        few, low, spread = (self.add("Slice", [part, *ends[:2], along]) for part in first)
        more, high, wide = (self.add("Slice", [part, *ends[2:], along]) for part in second)
        count = self.add("Add", [few, more])
        share = self.add("Div", [more, self.add("Max", [count, self.constant(1, np.float64)])])
        away = self.add("Sub", [high, low])
        mean = self.add("Add", [low, self.add("Mul", [away, share])])
        between = self.add("Mul", [self.add("Mul", [away, away]), self.add("Mul", [few, share])])
        return width + further, (count, mean, self.add("Add", [self.add("Add", [spread, wide]), between]))

    def member(self, name: str, weights: Weights, contrast: str) -> str:
        """Predict probabilities (frames, events, Y/4, X/4) from contrast, equal to the model's; names begin with `name`."""

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

    def cut(self, x: str, start: int, stop: int) -> str:
        """Return some of the frames; a `stop` of 0 is the last one."""
        return self.add("Slice", [x, self.whole(start), self.whole(stop or END), self.whole(0)])

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

    def convolved(self, name: str, layer: Layer, kernel: np.ndarray, bias: np.ndarray, x: str) -> str:
        """Convolve frames (n, channels, Y, X) over y and x, or over time, if the frames of each weight are channels."""
        held = self.constant(bias, name=f"{name}/bias")
        if not layer.side:
            weights = self.constant(kernel.reshape(-1, layer.width).T[..., None, None], name=f"{name}/kernel")
            return self.add("Conv", [x, weights, held], name)
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


def _filled(layer: Layer) -> tuple[int, int]:
    """Return how many pixels TensorFlow's SAME adds before and after, if the side is a multiple of the stride."""
    reach = (layer.side - 1) * layer.dilation + 1
    missing = max(0, reach - layer.stride)
    return missing // 2, missing - missing // 2
