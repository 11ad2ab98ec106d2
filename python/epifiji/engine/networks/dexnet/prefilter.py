"""A small network that selects the windows to be classified by a DeXNet (see :mod:`epifiji.engine.networks.dexnet.fast`).

A DeXNet classifies each window independently: 24 million multiplications for a frame of 45 x 45 px, which are repeated
for the next window a few pixels further. The prefilter processes every frame once, as a whole: it computes the frame's
local contrast, reduces it to a quarter of its side by convolutions, and joins neighbouring frames by convolutions over
time; 6,000 multiplications per pixel. It was trained to predict the probabilities of the authors' networks, so it knows
their event classes only, and it makes no final decision: events are found by the DeXNet, in the windows that the
prefilter selects.

Its layers are those of `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.layers import STRIDE, Layer, convolved, layer_shapes, local_contrast

BOX = 11
"""Side of the neighbourhood of local contrast, in pixels of the prediction: 44 px, about a window."""

HALO_PX = 48
"""Pixels around a place that a prediction depends on: half a receptive field of 41 px plus half a box, in whole `STRIDE`."""

PLACES_AT_ONCE = 1024
"""Places of a frame that are joined over time at once."""

REACH_FRAMES = 5
"""Frames before and after a place that a prediction depends on."""


LAYERS = (
    Layer("space_0", 16, side=5, stride=2),
    Layer("space_1", 32, side=3, stride=2),
    Layer("space_2", 48, side=3),
    Layer("space_3", 48, side=3, dilation=2),
    Layer("space_4", 48, side=3),
    Layer("time_0", 48, frames=5),
    Layer("time_1", 48, frames=5),
    Layer("time_2", 48, frames=3),
)


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a prefilter with this number of event classes."""
    found: dict[str, tuple[int, ...]] = {}
    width = 2
    for layer in LAYERS:
        found |= layer_shapes(layer, width)
        width = layer.width
    return found | {"answer/kernel": (1, 1, width, classes), "answer/bias": (classes,)}


def frame_features(weights: Tensors, frames: Tensor) -> Tensor:
    """Encode frames one by one: (n, Y, X) of any real type and level, Y and X multiples of `STRIDE`, to (n, Y/4, X/4, width).

    The result has the weights' type, in which the convolutions are computed.
    """
    tf = import_tensorflow()
    x = tf.cast(tf.concat(local_contrast(frames, [BOX]), -1), weights["space_0/kernel"].dtype)
    for layer in LAYERS:
        if layer.side:
            x = tf.nn.relu(convolved(weights, layer, x))
    return x


def logits(weights: Tensors, features: Tensor) -> Tensor:
    """Join frames over time: features (n, places, width) to logits (n - 2 * REACH_FRAMES, places, classes).

    There are no predictions for the first and last `REACH_FRAMES` frames.
    """
    tf = import_tensorflow()
    x = features[:, None]
    for layer in LAYERS:
        if layer.frames:
            x = tf.nn.relu(convolved(weights, layer, x))
    return (tf.nn.conv2d(x, weights["answer/kernel"], 1, "VALID") + weights["answer/bias"])[:, 0]


class Prefilter:
    """The network with its weights, ready to predict for a block's frames.

    Parameters
    ----------
    weights, classes
        The arrays, and the event classes that it knows.
    precision
        The type in which convolutions are computed, ``float32`` or ``bfloat16``.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], classes: Sequence[str], precision: str = "float32") -> None:
        tf = import_tensorflow()
        self.classes = tuple(classes)
        held = {name: tf.cast(tf.constant(values), precision) for name, values in weights.items()}

        def greatest(features: Tensor) -> Tensor:
            return tf.reduce_max(tf.cast(logits(held, features), tf.float32), -1)

        self._features = tf.function(
            lambda frames: frame_features(held, frames),
            input_signature=[tf.TensorSpec((None, None, None), tf.float64)],
            autograph=False,
        )
        self._greatest = tf.function(
            greatest, input_signature=[tf.TensorSpec((None, None, LAYERS[-1].width), precision)], autograph=False
        )

    def __call__(self, frames: np.ndarray, report_done: Callable[[float], None] = lambda done: None) -> np.ndarray:
        """Predict the greatest logit of any event class.

        Parameters
        ----------
        frames
            (n, Y, X), of any real dtype.
        report_done
            Called with the fraction that is done; may raise to cancel.

        Returns
        -------
        (n - 2 * REACH_FRAMES, ceil(Y / 4), ceil(X / 4)), float32; without the first and last frames.
        """
        count, height, width = frames.shape
        rows, columns = -(-height // STRIDE), -(-width // STRIDE)
        fill = ((0, rows * STRIDE - height), (0, columns * STRIDE - width))
        features: np.ndarray | None = None
        for number, frame in enumerate(frames):
            found = self._features(np.pad(frame, fill, "edge")[None].astype(np.float64)).numpy()
            features = np.empty((count, rows * columns, found.shape[-1]), found.dtype) if features is None else features
            features[number] = found.reshape(rows * columns, -1)
            report_done(number / count)
        assert features is not None
        starts = range(0, rows * columns, PLACES_AT_ONCE)
        parts = [self._greatest(features[:, at : at + PLACES_AT_ONCE]).numpy() for at in starts]
        return np.concatenate(parts, 1).reshape(-1, rows, columns)
