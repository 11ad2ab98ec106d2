"""A small network that says where in a movie a DeXNet is worth asking (see :mod:`epifiji.engine.networks.dexnet.fast`).

A DeXNet classifies each window by itself: 24 million multiplications for a frame of 45 x 45 px, which the next window does
again a few pixels on. The prefilter looks at every frame once, as a whole: it brings the frame to local contrast, reduces it to a
quarter of its side by convolutions, and joins neighbouring frames by convolutions over time; 6,000 multiplications for a pixel.
It was trained to predict what the authors' networks answer, so it knows their event classes and no others, and it decides
nothing: events are found by the DeXNet, in the windows that the prefilter lets through.

Its layers are those of `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.layers import STRIDE, Layer, convolved, layer_shapes, local_contrast

BOX = 11
"""Side of the neighbourhood that contrast is adapted to, in pixels of the answer: 44 px, about a window."""

HALO_PX = 48
"""How far around a place the prefilter looks: half a receptive field of 41 px and half a box, up to a multiple of `STRIDE`."""

PLACES_AT_ONCE = 1024
"""Places of a frame that are joined over time at once."""

REACH_FRAMES = 5
"""How many frames before and after a place the prefilter looks at."""


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
    """Give the shape of each array of a prefilter that knows so many event classes."""
    found: dict[str, tuple[int, ...]] = {}
    width = 2
    for layer in LAYERS:
        found |= layer_shapes(layer, width)
        width = layer.width
    return found | {"answer/kernel": (1, 1, width, classes), "answer/bias": (classes,)}


def frame_features(weights: Tensors, frames: Tensor) -> Tensor:
    """Look at frames one by one: (n, Y, X) of any real type and level, Y and X multiples of `STRIDE`, to (n, Y/4, X/4, width).

    The answer is of the weights' type, in which the convolutions are computed.
    """
    tf = import_tensorflow()
    x = tf.cast(tf.concat(local_contrast(frames, [BOX]), -1), weights["space_0/kernel"].dtype)
    for layer in LAYERS:
        if layer.side:
            x = tf.nn.relu(convolved(weights, layer, x))
    return x


def logits(weights: Tensors, features: Tensor) -> Tensor:
    """Join frames over time: features (n, places, width) to logits (n - 2 * REACH_FRAMES, places, classes).

    The first and last `REACH_FRAMES` frames are looked at and get no answer.
    """
    tf = import_tensorflow()
    x = features[:, None]
    for layer in LAYERS:
        if layer.frames:
            x = tf.nn.relu(convolved(weights, layer, x))
    return (tf.nn.conv2d(x, weights["answer/kernel"], 1, "VALID") + weights["answer/bias"])[:, 0]


class Prefilter:
    """The network with its weights, ready to look at a block's frames.

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

    def __call__(self, frames: np.ndarray, tell: Callable[[float], None] = lambda done: None) -> np.ndarray:
        """Foretell the greatest logit of any event class.

        Parameters
        ----------
        frames
            (n, Y, X), of any real dtype.
        tell
            Called with the fraction that is done; may raise to cancel.

        Returns
        -------
        (n - 2 * REACH_FRAMES, ceil(Y / 4), ceil(X / 4)), float32; the first and last frames get no answer.
        """
        count, height, width = frames.shape
        rows, columns = -(-height // STRIDE), -(-width // STRIDE)
        fill = ((0, rows * STRIDE - height), (0, columns * STRIDE - width))
        features: np.ndarray | None = None
        for number, frame in enumerate(frames):
            found = self._features(np.pad(frame, fill, "edge")[None].astype(np.float64)).numpy()
            features = np.empty((count, rows * columns, found.shape[-1]), found.dtype) if features is None else features
            features[number] = found.reshape(rows * columns, -1)
            tell(number / count)
        assert features is not None
        starts = range(0, rows * columns, PLACES_AT_ONCE)
        parts = [self._greatest(features[:, at : at + PLACES_AT_ONCE]).numpy() for at in starts]
        return np.concatenate(parts, 1).reshape(-1, rows, columns)
