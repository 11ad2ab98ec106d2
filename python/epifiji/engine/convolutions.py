"""What networks that look at whole frames share: local contrast, and convolutions over a frame or over time.

Arrays are named ``<layer>/kernel|bias``, with Keras's axes (height, width, in, out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from epifiji.data.quiet_tensorflow import import_tensorflow

STRIDE = 4
"""Pixels of the movie for one of the answer, whose pixel (i, j) is centred at (4 i + 1.5, 4 j + 1.5)."""


@dataclass(frozen=True)
class Layer:
    """A convolution: over y and x where `side` is given, else over time; `dilation` is in pixels, or in frames."""

    name: str
    width: int
    side: int = 0
    stride: int = 1
    dilation: int = 1
    frames: int = 0

    @property
    def reach_frames(self) -> int:
        """How many frames before and after a frame it looks at."""
        return self.frames // 2 * self.dilation


def layer_shapes(layer: Layer, entering: int) -> dict[str, tuple[int, ...]]:
    """Give the shapes of a layer's arrays where so many channels enter it."""
    sides = (layer.side, layer.side) if layer.side else (layer.frames, 1)
    return {f"{layer.name}/kernel": (*sides, entering, layer.width), f"{layer.name}/bias": (layer.width,)}


def convolved(weights: Mapping[str, Any], layer: Layer, x: Any) -> Any:
    """Pass frames (n, Y, X, channels) through a layer; one over time loses the first and last `reach_frames`."""
    tf = import_tensorflow()
    kernel, bias = weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]
    # TensorFlow has no gradient of a dilated kernel on most processors, so such a layer is made of others.
    if layer.side and layer.dilation > 1:
        return tf.nn.atrous_conv2d(x, kernel, layer.dilation, "SAME") + bias
    if layer.side:
        return tf.nn.conv2d(x, kernel, layer.stride, "SAME") + bias
    count = tf.shape(x)[0] - 2 * layer.reach_frames
    seen = tf.concat([x[at : at + count] for at in range(0, layer.frames * layer.dilation, layer.dilation)], -1)
    return tf.nn.conv2d(seen, tf.reshape(kernel, (1, 1, -1, layer.width)), 1, "VALID") + bias


def local_contrast(frames: Any, boxes: Sequence[int]) -> list[Any]:
    """Bring frames (n, Y, X), float32 of any level, to contrast adapted to neighbourhoods, as channels (n, Y, X, 1).

    The first is the value within the range of those in the neighbourhood of the first box; then for each box comes half the
    distance from its mean in standard deviations. Sides of boxes are in pixels of the answer, odd.

    As a window is normalised by its own minimum and maximum, dim parts of a tissue look to a DeXNet as bright ones do, and
    so they shall here.
    """
    tf = import_tensorflow()
    x = frames[..., None]

    def pooled(pool: Any, values: Any, box: int) -> Any:
        return pool(pool(values, STRIDE, STRIDE, "VALID"), box, 1, "SAME")

    def wide(values: Any) -> Any:
        return tf.repeat(tf.repeat(values, STRIDE, 1), STRIDE, 2)

    greatest, least = pooled(tf.nn.max_pool2d, x, boxes[0]), -pooled(tf.nn.max_pool2d, -x, boxes[0])
    span = greatest - least
    channels = [(x - wide(least)) / wide(span + 1e-6)]
    for box in boxes:
        mean, square = pooled(tf.nn.avg_pool2d, x, box), pooled(tf.nn.avg_pool2d, x**2, box)
        deviation = tf.sqrt(tf.maximum(square - mean**2, 0.0)) + 0.02 * span + 1e-6
        channels.append(0.5 * (x - wide(mean)) / wide(deviation))
    return channels
