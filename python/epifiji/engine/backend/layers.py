"""Operations shared by networks that process whole frames: local contrast, and convolutions over a frame or over time.

Arrays are named ``<layer>/kernel|bias``, with Keras's axes (height, width, in, out).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow

STRIDE = 4
"""Pixels of the movie per pixel of the prediction, whose pixel (i, j) is centred at (4 i + 1.5, 4 j + 1.5)."""

LEAST_DEVIATION = 0.02
"""Added to a standard deviation, as a fraction of the range of values in the neighbourhood."""

HIGHEST, LOWEST = 5.0, -2.0
"""Limits of contrast relative to the standard deviation, where networks clip it."""


@dataclass(frozen=True)
class Layer:
    """A convolution: over y and x if `side` is specified, else over time; `dilation` is in pixels, or in frames."""

    name: str
    width: int
    side: int = 0
    stride: int = 1
    dilation: int = 1
    frames: int = 0

    @property
    def reach_frames(self) -> int:
        """Frames before and after a frame that the layer needs."""
        return self.frames // 2 * self.dilation


def layer_shapes(layer: Layer, entering: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a layer's arrays for `entering` input channels."""
    sides = (layer.side, layer.side) if layer.side else (layer.frames, 1)
    return {f"{layer.name}/kernel": (*sides, entering, layer.width), f"{layer.name}/bias": (layer.width,)}


def convolved(weights: Tensors, layer: Layer, x: Tensor) -> Tensor:
    """Apply a layer to frames (n, Y, X, channels); one over time drops the first and last `reach_frames`."""
    tf = import_tensorflow()
    kernel, bias = weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]
    # TensorFlow has no gradient of a dilated kernel on most processors, so such a layer is composed of others.
    if layer.side and layer.dilation > 1:
        return tf.nn.atrous_conv2d(x, kernel, layer.dilation, "SAME") + bias
    if layer.side:
        return tf.nn.conv2d(x, kernel, layer.stride, "SAME") + bias
    count = tf.shape(x)[0] - 2 * layer.reach_frames
    seen = tf.concat([x[at : at + count] for at in range(0, layer.frames * layer.dilation, layer.dilation)], -1)
    return tf.nn.conv2d(seen, tf.reshape(kernel, (1, 1, -1, layer.width)), 1, "VALID") + bias


def local_contrast(frames: Tensor, boxes: Sequence[int]) -> list[Tensor]:
    """Convert frames (n, Y, X) of any level to contrast relative to their neighbourhoods, as channels (n, Y, X, 1), float32.

    The first channel is the value relative to the range of the neighbourhood of the first box. Then there is one
    channel per box: half the distance from the box's mean, in standard deviations plus 0.02 of that range. It is 0 in a
    flat neighbourhood. Sides of boxes are in pixels of the prediction, odd; Y and X are multiples of `STRIDE`.

    Windows of a DeXNet are normalised by their own minimum and maximum, so dim and bright parts of a tissue look alike;
    this does the same for whole frames. A movie's zero and unit have no effect: values are subtracted before they are
    squared, and no constant that has a unit is added.
    """
    tf = import_tensorflow()
    x = tf.cast(frames, tf.float64)
    count, height, width = (tf.shape(x)[axis] for axis in range(3))

    def squares(values: Tensor) -> Tensor:
        return tf.reshape(values, (count, height // STRIDE, STRIDE, width // STRIDE, STRIDE))

    def wide(values: Tensor) -> Tensor:
        return tf.reshape(values, (count, height // STRIDE, 1, width // STRIDE, 1))

    def greatest(values: Tensor) -> Tensor:
        found = tf.reduce_max(squares(values), (2, 4))
        for axis in (1, 2):
            (found,) = _slid([found], boxes[0], axis, lambda most, here: [tf.maximum(*most, *here)], [found], -inf)
        return found

    least = -greatest(-x)
    span = greatest(x) - least
    above = squares(x) - wide(least)
    within = tf.cast(tf.math.divide_no_nan(above, wide(span)), tf.float32)
    # With the digits of a mean in float32 a flat place would not have one level, if what is around it is not flat.
    mean = least + tf.reduce_mean(above, (2, 4))
    variance = tf.cast(tf.math.reduce_variance(within, (2, 4)), tf.float64)
    channels = [within]
    for box in boxes:
        box_mean, box_variance = _moments(mean, span**2 * variance, box)
        deviation = tf.sqrt(box_variance) + LEAST_DEVIATION * span
        factor, shift = (
            wide(tf.cast(tf.math.divide_no_nan(0.5 * one, deviation), tf.float32)) for one in (span, least - box_mean)
        )
        channels.append(factor * within + shift)
    return [tf.reshape(channel, (count, height, width, 1)) for channel in channels]


def clipped_contrast(frames: Tensor, boxes: Sequence[int]) -> Tensor:
    """Convert frames (n, Y, X) of any real type and level to :func:`local_contrast` (n, Y, X, 1 + boxes), float32, clipped."""
    tf = import_tensorflow()
    by_range, *by_deviation = local_contrast(frames, boxes)
    return tf.concat([by_range, *(tf.clip_by_value(one, LOWEST, HIGHEST) for one in by_deviation)], -1)


def _moments(mean: Tensor, variance: Tensor, box: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance in boxes, from means and variances of squares (n, Y, X), float64.

    A box ends at the frame's edge. The variance of a row of squares is the mean of their variances plus the variance of
    their means; likewise for columns. Means are taken relative to the middle one, so a level that all of them share
    costs no digits.
    """
    tf = import_tensorflow()
    for axis in (1, 2):
        inside = tf.ones_like(mean[:1, :, :1] if axis == 1 else mean[:1, :1])

        def add(sums: Sequence[Tensor], here: Sequence[Tensor], middle: Tensor = mean) -> list[Tensor]:
            one, spread, there = here
            away = there * (one - middle)
            return [sums[0] + away, sums[1] + (away**2 + spread), sums[2] + there]

        begun = [tf.zeros_like(one) for one in (mean, mean, inside)]
        total, square, among = _slid([mean, variance, inside], box, axis, add, begun)
        shift = total / among
        mean, variance = mean + shift, tf.maximum(square / among - shift**2, 0.0)
    return mean, variance


def _slid(
    arrays: Sequence[Tensor],
    box: int,
    axis: int,
    add: Callable[[Sequence[Tensor], Sequence[Tensor]], list[Tensor]],
    begun: Sequence[Tensor],
    beyond: float = 0.0,
) -> Sequence[Tensor]:
    """Shift arrays (n, Y, X) along an axis to each position of a box, and return what `add` has made of all, from `begun` on.

    `beyond` is what lies outside of the frame. It is a loop in TensorFlow's graph: to make the operations of each position took
    longer than the arithmetic of a short movie.
    """
    tf = import_tensorflow()
    ends = [(box // 2, box // 2) if one == axis else (0, 0) for one in range(3)]
    fills = [tf.cast(beyond, values.dtype) for values in arrays]
    padded = [
        (tf.pad(values, ends, constant_values=fill), tf.shape(values), values.shape)
        for values, fill in zip(arrays, fills, strict=True)
    ]

    def shifted(at: Tensor) -> list[Tensor]:
        begin = [at if one == axis else 0 for one in range(3)]
        found = [tf.slice(values, begin, size) for values, size, _ in padded]
        for one, (_, _, shape) in zip(found, padded, strict=True):
            one.set_shape(shape)
        return found

    results: Sequence[Tensor] = tf.while_loop(
        lambda at, *_: at < box,
        lambda at, *so_far: (at + 1, *add(so_far, shifted(at))),
        (tf.constant(0), *begun),
        parallel_iterations=1,
    )[1:]
    return results
