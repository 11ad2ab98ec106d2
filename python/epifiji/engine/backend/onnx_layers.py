"""Operations of networks that process whole frames, as nodes of a graph in ONNX.

They follow :mod:`epifiji.engine.backend.layers` step by step. Axes are those of ONNX: frames are the batch axis, channels
come second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.network import Weights
from epifiji.engine.backend.layers import HIGHEST, LEAST_DEVIATION, LOWEST, STRIDE, Layer
from epifiji.engine.backend.onnx_graph import DOUBLE, SINGLE, OnnxGraph

END = 2**62
"""The end of an axis, in a slice."""

Moments = tuple[str, str, str]
"""Of boxes: the number of values, their mean, and the sum of the squared deviations from it."""


class FrameGraph(OnnxGraph):
    """Collects the operations on frames."""

    def local_contrast(self, x: str, boxes: Sequence[int], dtype: type = np.float64) -> str:
        """Frames (n, 1, Y, X) to contrast (n, 1 + boxes, Y, X), float32. Levels are subtracted in `dtype`, that of the frames."""
        one = self.constant(1, dtype)
        squares = self.add("SpaceToDepth", [x], blocksize=STRIDE)
        channels = self.whole(1)
        darkest = self.add("Neg", [self.add("ReduceMin", [squares, channels])])
        least = self.add("Neg", [self.greatest(darkest, boxes[0])])
        span = self.add("Sub", [self.greatest(self.add("ReduceMax", [squares, channels]), boxes[0]), least])
        level = self.add("Where", [self.add("Equal", [span, self.constant(0, dtype)]), one, span])
        above = self.add("Sub", [squares, least])
        within = self.add("Cast", [self.add("Div", [above, level])], to=SINGLE)
        middle = self.add("ReduceMean", [within, channels])
        away = self.add("Sub", [within, middle])
        spread = self.add("ReduceMean", [self.add("Mul", [away, away]), channels])
        # From here on at a quarter of the sides, in double precision, as in TensorFlow.
        least, span, above, spread = (self.add("Cast", [one], to=DOUBLE) for one in (least, span, above, spread))
        mean = self.add("Add", [least, self.add("ReduceMean", [above, channels])])
        variance = self.add("Mul", [self.add("Mul", [span, span]), spread])
        enough = self.add("Mul", [span, self.constant(LEAST_DEVIATION, np.float64)])
        results = [within]
        for box in boxes:
            box_mean, box_variance = self.moments(mean, variance, box)
            deviation = self.add("Add", [self.add("Sqrt", [box_variance]), enough])
            factor, shift = (self.halved(one, deviation) for one in (span, self.add("Sub", [least, box_mean])))
            ratio = self.add("Add", [self.add("Mul", [within, factor]), shift])
            results.append(self.add("Clip", [ratio, self.constant(LOWEST), self.constant(HIGHEST)]))
        return self.add("DepthToSpace", [self.add("Concat", results, axis=1)], blocksize=STRIDE, mode="CRD")

    def greatest(self, x: str, side: int) -> str:
        """Return the greatest value in boxes."""
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

    def relu(self, x: str) -> str:
        """Return values, and 0 for negative ones."""
        return self.add("Relu", [x])

    def convolved(self, name: str, layer: Layer, weights: Weights, x: str) -> str:
        """Convolve frames (n, channels, Y, X) over y and x, or over time, if the frames of each weight are channels."""
        kernel, bias = (weights[f"{layer.name}/{part}"] for part in ("kernel", "bias"))
        shift = self.constant(bias, name=f"{name}/bias")
        if not layer.side:
            factors = self.constant(kernel.reshape(-1, layer.width).T[..., None, None], name=f"{name}/kernel")
            return self.add("Conv", [x, factors, shift], name)
        before, after = _filled(layer)
        factors = self.constant(np.transpose(kernel, (3, 2, 0, 1)), name=f"{name}/kernel")
        return self.add(
            "Conv",
            [x, factors, shift],
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
