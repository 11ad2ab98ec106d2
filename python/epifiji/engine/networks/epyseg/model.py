"""EPySeg's network, computed with TensorFlow's operations; :mod:`epifiji.data.linknet` lists its layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from epifiji.data.linknet import FIRST, Convolution, centre, convolutions, decoder, encoder, head
from epifiji.data.network import Weights, array_problem
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.devices import TENSORFLOW

GRAIN_PX = 32
"""Sides of the input are multiples of it, because of five poolings by 2."""

NORM_EPSILON = 1e-3


def array_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a network whose first convolution has `width` channels."""
    return {name: shape for layer in convolutions(width) for name, shape in layer.shapes.items()}


def width_of(weights: Weights) -> int:
    """Return the channels of the first convolution, on which all other sizes depend; 0 if it is not one of a Linknet."""
    kernel = weights.get(f"{FIRST}/kernel", np.empty(0))
    width = kernel.shape[-1] if kernel.ndim == 4 else 0
    return width if width and width % 4 == 0 else 0


def weights_problem(weights: Weights) -> str:
    """Return what is wrong with a network's arrays; an empty text if nothing is."""
    width = width_of(weights)
    if not width:
        return f"{FIRST}/kernel is missing or has no width that four divides"
    problem = array_problem(weights, array_shapes(width))
    if problem:
        return problem
    negative = next((name for name, values in weights.items() if name.endswith("variance") and (values < 0).any()), "")
    return f"{negative} has negative values" if negative else ""


def predict(weights: Tensors, width: int, images: Tensor) -> Tensor:
    """Predict the maps of images (n, Y, X, 1), float32, whose sides are multiples of 32: (n, Y, X, 7), from 0 to 1."""
    tf = import_tensorflow()
    x = images
    skips = []
    for block in encoder(width):
        x = _convolved(weights, block, x)
        skips.append(x)
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = _convolved(weights, centre(width), x)
    for stage, (narrow, *wide) in enumerate(decoder(width)):
        x = _convolved(weights, [narrow], x)
        x = _convolved(weights, wide, tf.repeat(tf.repeat(x, 2, 1), 2, 2))
        # The first block of the encoder, whose size is the image's, is not added.
        x = x + skips[-1 - stage] if stage < len(skips) - 1 else x
    layer = head(width)
    x = tf.nn.conv2d(x, weights[f"{layer.name}/kernel"], 1, "SAME")
    return tf.sigmoid(tf.nn.bias_add(x, weights[f"{layer.name}/bias"]))


def _convolved(weights: Tensors, layers: list[Convolution], x: Tensor) -> Tensor:
    tf = import_tensorflow()
    for layer in layers:
        x = tf.nn.conv2d(x, weights[f"{layer.name}/kernel"], 1, "SAME")
        if layer.norm:
            scale, offset, mean, variance = (
                weights[f"{layer.norm}/{part}"] for part in ("gamma", "beta", "mean", "variance")
            )
            x = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=NORM_EPSILON, is_training=False
            ).y
        else:
            x = tf.nn.bias_add(x, weights[f"{layer.name}/bias"])
        x = tf.nn.relu(x)
    return x


@lru_cache(maxsize=4)
def _graph(width: int) -> Callable[..., Tensor]:
    """Return the graph of all networks of this width, because making one takes a second: of weights and tiles (n, Y, X)."""
    tf = import_tensorflow()
    arrays = {name: tf.TensorSpec(shape, tf.float32) for name, shape in array_shapes(width).items()}
    # Autograph would write a temporary file, which remains if the process is killed.
    function: Callable[..., Tensor] = tf.function(
        lambda weights, tiles: predict(weights, width, tiles[..., None]),
        input_signature=[arrays, tf.TensorSpec((None, None, None), tf.float32)],
        autograph=False,
    )
    return function


class Linknet:
    """A network on its device, traced once: tiles (n, Y, X), float32, to maps (n, Y, X, 7), float32.

    Several members are averaged.
    """

    runtime = TENSORFLOW

    def __init__(self, members: tuple[Weights, ...]) -> None:
        tf = import_tensorflow()
        self._members = [
            partial(_graph(width_of(weights)), {name: tf.constant(values) for name, values in weights.items()})
            for weights in members
        ]

    def __call__(self, tiles: np.ndarray) -> np.ndarray:
        """Predict the maps of tiles of one size, which is a multiple of 32."""
        sides = tiles.shape[1:]
        assert not any(side % GRAIN_PX for side in sides), sides
        predicted = [member(tiles).numpy() for member in self._members]
        maps: np.ndarray = sum(predicted[1:], predicted[0]) / np.float32(len(predicted))
        return maps
