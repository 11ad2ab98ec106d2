"""A residual U-Net that predicts maps of cells: of borders, distances and tissue, or those of another family.

The frame's local contrast is reduced three times to half its side and brought back; at each of the four sizes a step
of two convolutions adds to what there was (residual), and on the way back the features of the same size are added.
Nothing is normalised over a batch, so the same operations train and predict, and a network that was trained further has
the same arrays. 34,000 multiplications a pixel.

Layers are those of :mod:`epifiji.engine.backend.layers`; all sizes are determined by the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.layers import Layer, clipped_contrast, convolved, layer_shapes

WIDTHS = (16, 32, 64, 96)
"""Features at the full side, and at a half, a quarter and an eighth of it."""

GRAIN_PX = 2 ** (len(WIDTHS) - 1)
"""Frames are padded to a multiple of this, the coarsest of the network's grids."""

BOXES = (11, 33)
"""Sides of the neighbourhoods of local contrast, in squares of 4 px: 44 px, and 132 px."""

CHANNELS = 3
"""Local contrast by range, and by standard deviation near and far."""

CONTRAST_REACH_PX, FIELD_REACH_PX = 72, 64
"""Half the larger box, and half the receptive field of the convolutions, in whole `GRAIN_PX`."""

REACH_PX = CONTRAST_REACH_PX + FIELD_REACH_PX
"""Pixels around a place that a prediction depends on."""

OUTPUTS = ("border", "distance", "tissue")

Compute = Callable[[np.ndarray], np.ndarray]
"""Computes the contrast (Y, X, 3) of a frame (Y, X), or the outputs (Y, X, n) of that; Y and X are multiples of `GRAIN_PX`."""

STEM = Layer("stem", WIDTHS[0], side=3)
DOWN = tuple(Layer(f"down_{n}", width, side=3, stride=2) for n, width in enumerate(WIDTHS[1:], 1))
UP = tuple(Layer(f"up_{n}", width, side=1) for n, width in enumerate(WIDTHS[:-1]))
ANSWER = "answer"
"""Name of the last layer; its width is the number of outputs."""


def _step(name: str, width: int) -> tuple[Layer, Layer]:
    return Layer(f"{name}_0", width, side=3), Layer(f"{name}_1", width, side=3)


INWARD = tuple(_step(f"in_{n}", width) for n, width in enumerate(WIDTHS))
OUTWARD = tuple(_step(f"out_{n}", width) for n, width in enumerate(WIDTHS[:-1]))


def answer_layer(outputs: int) -> Layer:
    """Return the last layer of a network with so many outputs."""
    return Layer(ANSWER, outputs, side=1)


def shapes(outputs: int = len(OUTPUTS)) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a network with so many outputs."""
    found = layer_shapes(STEM, CHANNELS)
    for layer, entering in zip(DOWN, WIDTHS, strict=False):
        found |= layer_shapes(layer, entering)
    for layer, entering in zip(UP, WIDTHS[1:], strict=True):
        found |= layer_shapes(layer, entering)
    for step in (*INWARD, *OUTWARD):
        for layer in step:
            found |= layer_shapes(layer, layer.width)
    return found | layer_shapes(answer_layer(outputs), WIDTHS[0])


def new_weights(random: np.random.Generator, outputs: int = len(OUTPUTS)) -> Weights:
    """Draw random weights: He's normal distribution, and residual steps that add nothing yet."""
    still = {step[-1].name for step in (*INWARD, *OUTWARD)}
    found = {}
    for name, shape in shapes(outputs).items():
        layer, part = name.split("/")
        spread = np.sqrt(2 / np.prod(shape[:-1])) if part == "kernel" and layer not in still else 0.0
        spread *= 0.1 if layer == ANSWER else 1.0
        found[name] = (spread * random.standard_normal(shape)).astype(np.float32)
    return found


def contrast(frames: Tensor) -> Tensor:
    """Convert frames (n, Y, X) of any real type and level to :func:`clipped_contrast` (n, Y, X, 3), float32."""
    return clipped_contrast(frames, BOXES)


def logits(weights: Tensors, contrasts: Tensor) -> Tensor:
    """Predict from the :func:`contrast` of frames (n, Y, X, 3), Y and X multiples of `GRAIN_PX`: logits (n, Y, X, outputs)."""
    tf = import_tensorflow()
    x = _mixed(weights, INWARD[0], tf.nn.relu(convolved(weights, STEM, contrasts)))
    skipped = []
    for layer, step in zip(DOWN, INWARD[1:], strict=True):
        skipped.append(x)
        x = _mixed(weights, step, tf.nn.relu(convolved(weights, layer, x)))
    for layer, step in zip(reversed(UP), reversed(OUTWARD), strict=True):
        x = tf.repeat(tf.repeat(convolved(weights, layer, x), 2, 1), 2, 2)
        x = _mixed(weights, step, tf.nn.relu(x + skipped.pop()))
    return convolved(weights, answer_layer(weights[f"{ANSWER}/bias"].shape[0]), x)


def activated(found: Tensor, directions: int) -> Tensor:
    """Convert logits (…, outputs) to values: the first `directions` outputs from -1 to 1, the others from 0 to 1."""
    tf = import_tensorflow()
    if not directions:
        return tf.sigmoid(found)
    return tf.concat([tf.tanh(found[..., :directions]), tf.sigmoid(found[..., directions:])], -1)


def _mixed(weights: Tensors, step: tuple[Layer, Layer], x: Tensor) -> Tensor:
    """Apply a residual step."""
    tf = import_tensorflow()
    news = tf.nn.relu(convolved(weights, step[0], x))
    return tf.nn.relu(x + convolved(weights, step[1], news))


@cache
def _contrast_graph() -> Callable[..., Tensor]:
    """Return the graph of :func:`contrast` for one frame, float64."""
    tf = import_tensorflow()
    function: Callable[..., Tensor] = tf.function(
        contrast, [tf.TensorSpec((1, None, None), tf.float64)], autograph=False
    )
    return function


@cache
def _graph(outputs: int, directions: int) -> Callable[..., Tensor]:
    """Return the graph of all networks, because making one takes a second: of weights and the contrast of a frame."""
    tf = import_tensorflow()
    arrays = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes(outputs).items()}
    function: Callable[..., Tensor] = tf.function(
        lambda weights, contrasts: activated(logits(weights, contrasts), directions),
        input_signature=[arrays, tf.TensorSpec((1, None, None, CHANNELS), tf.float32)],
        autograph=False,
    )
    return function


def contrast_in_tensorflow() -> Compute:
    """Return what TensorFlow makes of a frame (Y, X), float64: its contrast (Y, X, 3), float32."""
    return lambda frame: _contrast_graph()(frame[None]).numpy()[0]


def member_in_tensorflow(weights: Weights, directions: int) -> Compute:
    """Return what TensorFlow makes of the contrast of a frame (Y, X, 3): its outputs (Y, X, n), float32."""
    tf = import_tensorflow()
    held = {name: tf.constant(values) for name, values in weights.items()}
    predict = partial(_graph(len(weights[f"{ANSWER}/bias"]), directions), held)
    return lambda contrasts: predict(contrasts[None]).numpy()[0]
