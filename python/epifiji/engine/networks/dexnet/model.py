"""The DeXNet: a CNN on every frame of a window, a GRU over its frames (Villars, Letort et al., Development 2023).

Every frame passes ``[conv 3x3 relu, conv 3x3 relu, batch norm]`` with f, 2f, 4f and 8f filters, a 2x2 max-pool after
the first three, then a global max-pool; a GRU runs over the frames; dense layers of 32, 16 and the classes' number
(softmax) follow. All sizes are determined by the weights, so networks with other numbers of filters or units work too.

A member's arrays are named ``conv_<i>/kernel|bias`` (i = 0–7), ``norm_<i>/gamma|beta|mean|variance`` (i = 0–3),
``gru/kernel|recurrent|bias`` and ``dense_<i>/kernel|bias`` (i = 0–2), with Keras's axes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.network import Weights, array_problem, require_arrays
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.devices import BATCH_WINDOWS

BLOCKS = 4
DENSE = 3
NORM_EPSILON = 1e-3
LEAST_SIDE_PX = 8
"""Three poolings by 2 leave one pixel of this side."""


def array_shapes(weights: Weights, description: EventNetworkDescription) -> dict[str, tuple[int, ...]]:
    """Return the shape that each array must have, from the first convolution's filters, the GRU's units and the description."""
    filters = weights["conv_0/kernel"].shape[-1]
    units = weights["gru/recurrent"].shape[0]
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 1
    for block in range(BLOCKS):
        width = filters * 2**block
        for i in (2 * block, 2 * block + 1):
            shapes[f"conv_{i}/kernel"] = (3, 3, channels, width)
            shapes[f"conv_{i}/bias"] = (width,)
            channels = width
        shapes |= {f"norm_{block}/{part}": (width,) for part in ("gamma", "beta", "mean", "variance")}
    shapes |= {
        "gru/kernel": (channels, 3 * units),
        "gru/recurrent": (units, 3 * units),
        "gru/bias": (2, 3 * units),
    }
    entering = units
    for i in range(DENSE):
        leaving = len(description.classes) if i == DENSE - 1 else weights[f"dense_{i}/kernel"].shape[-1]
        shapes |= {f"dense_{i}/kernel": (entering, leaving), f"dense_{i}/bias": (leaving,)}
        entering = leaving
    return shapes


def check_network(network: EventNetwork) -> None:
    """Check that every member's arrays fit together and fit the description.

    Raises
    ------
    WrongInputError
        If not; the message has the network and the first array that is missing, unexpected, of another shape or not
        finite.
    """
    name, description = network.description.name, network.description
    if len(network.weights) != description.members:
        raise WrongInputError(
            f"the description of network {name} has {description.members} members, but there are weights of "
            f"{len(network.weights)}: fetch or import it again."
        )
    if description.window_size_px < LEAST_SIDE_PX:
        raise WrongInputError(f"the network {name} has windows of {description.window_size_px} px, too small to pool.")
    kind = f"a DeXNet with the classes {', '.join(description.classes)}"
    require_arrays(network, lambda weights: _problem(weights, description), kind, "fetch or import it again")


def _problem(weights: Weights, description: EventNetworkDescription) -> str:
    """Return what is wrong with a member's arrays; an empty text if nothing is."""
    needed = ["conv_0/kernel", "gru/recurrent", *(f"dense_{i}/kernel" for i in range(DENSE))]
    for key in needed:
        if key not in weights:
            return f"{key} is missing"
        if weights[key].ndim < 2:
            return f"{key} has the shape {weights[key].shape}"
    return array_problem(weights, array_shapes(weights, description))


def encode(weights: Tensors, crops: Tensor, precision: str = "float32", rising: bool = False) -> Tensor:
    """Encode single frames of windows: uint8 (n, side, side) to features (n, 8 f), float32.

    Parameters
    ----------
    precision
        The type of the signals between the layers, ``float32`` or ``bfloat16``.
    rising
        Whether all factors of the batch norms are known to be positive. Then the maximum of some values stays the
        maximum, to the bit, so only a quarter of the values need to be normalised, which saves a sixth of the time.
    """
    tf = import_tensorflow()
    x = tf.cast(tf.cast(crops, tf.float32)[..., None] / 255.0, precision)
    for block in range(BLOCKS):
        x = convolve(weights, block, x)
        x = x if rising else normalise(weights, block, x)
        x = tf.nn.max_pool2d(x, 2, 2, "VALID") if block < BLOCKS - 1 else tf.reduce_max(x, (1, 2), keepdims=True)
        x = normalise(weights, block, x) if rising else x
    return tf.cast(x[:, 0, 0], tf.float32)


def convolve(weights: Tensors, block: int, x: Tensor) -> Tensor:
    """Apply a block's two convolutions to images (n, height, width, channels)."""
    tf = import_tensorflow()
    for i in (2 * block, 2 * block + 1):
        kernel, bias = (tf.cast(weights[f"conv_{i}/{part}"], x.dtype) for part in ("kernel", "bias"))
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))
    return x


def normalise(weights: Tensors, block: int, x: Tensor) -> Tensor:
    """Apply a block's batch norm to images (n, height, width, channels).

    It uses TensorFlow's fused operation, as the authors' Keras 2 does. Keras 3 computes ``x * scale + (beta - mean *
    scale)``, whose rounding changes some voxels of the map by a level, and which takes a tenth longer in all.
    """
    tf = import_tensorflow()
    gamma, beta, mean, variance = (weights[f"norm_{block}/{part}"] for part in ("gamma", "beta", "mean", "variance"))
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=NORM_EPSILON, is_training=False
    ).y


def classify_features(weights: Tensors, features: Tensor) -> Tensor:
    """Classify windows by their frames: features (n, frames, 8 f) to probabilities (n, classes)."""
    tf = import_tensorflow()
    x = last_state(weights, features)
    for i in range(DENSE):
        x = tf.matmul(x, weights[f"dense_{i}/kernel"]) + weights[f"dense_{i}/bias"]
        x = tf.nn.softmax(x) if i == DENSE - 1 else tf.nn.relu(x)
    return x


def last_state(weights: Tensors, features: Tensor) -> Tensor:
    """Run the GRU over the frames of windows: features (n, frames, 8 f) to its last state (n, units).

    It is that of Keras with ``reset_after``: ``z = s(x_z + h_z)``, ``r = s(x_r + h_r)`` and ``h' = z h + (1 - z)
    tanh(x_h + r h_h)``, with the frame's part x and the state's part h of each gate, and the logistic function s.
    """
    tf = import_tensorflow()
    state = tf.zeros((tf.shape(features)[0], weights["gru/recurrent"].shape[0]))
    for frame in tf.unstack(features, axis=1):
        from_frame = tf.matmul(frame, weights["gru/kernel"]) + weights["gru/bias"][0]
        from_state = tf.matmul(state, weights["gru/recurrent"]) + weights["gru/bias"][1]
        x_z, x_r, x_h = tf.split(from_frame, 3, axis=1)
        h_z, h_r, h_h = tf.split(from_state, 3, axis=1)
        update, reset = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
        state = update * state + (1 - update) * tf.tanh(x_h + reset * h_h)
    return state


class Classifier:
    """The members of a network, traced once, ready to classify windows, whole or frame by frame.

    Parameters
    ----------
    network
        Its weights are checked first.
    batch
        Windows computed at once; every call is divided into such batches.
    precision
        The type in which :meth:`encode` computes, ``float32`` or ``bfloat16``; whole windows are always computed in
        float32.

    Raises
    ------
    WrongInputError
        From :func:`check_network`.
    """

    def __init__(self, network: EventNetwork, batch: int = BATCH_WINDOWS, precision: str = "float32") -> None:
        check_network(network)
        self.description = network.description
        self.batch, self.precision = batch, precision
        self._members = [_Member(self.description, weights, precision) for weights in network.weights]

    def __len__(self) -> int:
        return len(self._members)

    def __call__(self, member: int, windows: np.ndarray) -> np.ndarray:
        """Classify windows (n, frames, side, side), uint8 (see :func:`epifiji.engine.tiling.windows.normalised`).

        Returns
        -------
        Probabilities (n, classes), float32, each row summing to 1.
        """
        return _in_batches(self._members[member].classify, windows, self.batch)

    def encode(self, member: int, crops: np.ndarray) -> np.ndarray:
        """Encode single frames of windows: (n, side, side), uint8, to features (n, features), float32.

        Batches are half as large as those of whole windows: this is as fast, and saves 15 MB.
        """
        return _in_batches(self._members[member].encode, crops, self.batch * self.description.window_frames // 2)

    def classify_features(self, member: int, features: np.ndarray) -> np.ndarray:
        """Classify windows by the features of their frames (n, frames, features): probabilities (n, classes), float32."""
        return _in_batches(
            self._members[member].classify_features, features, self.batch * self.description.window_frames
        )


class _Member:
    """One member and its two parts, as functions of an array."""

    def __init__(self, description: EventNetworkDescription, weights: Weights, precision: str) -> None:
        tf = import_tensorflow()
        held = {name: tf.constant(values) for name, values in weights.items()}
        arrays = tuple((name, values.shape, values.dtype.name) for name, values in weights.items())
        rising = all((weights[f"norm_{block}/gamma"] > 0).all() for block in range(BLOCKS))
        graphs = _graphs(arrays, description.window_frames, description.window_size_px, precision, rising)
        self.classify, self.encode, self.classify_features = (partial(graph, held) for graph in graphs)


@lru_cache(maxsize=16)
def _graphs(
    arrays: tuple[tuple[str, tuple[int, ...], str], ...], frames: int, side: int, precision: str, rising: bool
) -> tuple[Callable[..., Tensor], ...]:
    """Return the graphs of all networks with arrays of these names, shapes and types, each traced when it is first used.

    They classify windows, encode frames and classify features; the weights are the first argument.
    """
    tf = import_tensorflow()
    specified = {name: tf.TensorSpec(shape, dtype) for name, shape, dtype in arrays}
    features = specified["gru/kernel"].shape[0]

    def classify(weights: Tensors, windows: Tensor) -> Tensor:
        encoded = encode(weights, tf.reshape(windows, (-1, side, side)), rising=rising)
        return classify_features(weights, tf.reshape(encoded, (-1, frames, features)))

    def traced(function: Callable[..., Tensor], shape: tuple[int | None, ...], dtype: Any) -> Callable[..., Tensor]:
        # Autograph would write a temporary file, which remains if the process is killed.
        graph: Callable[..., Tensor] = tf.function(
            function, input_signature=[specified, tf.TensorSpec(shape, dtype)], autograph=False
        )
        return graph

    return (
        traced(classify, (None, frames, side, side), tf.uint8),
        traced(lambda weights, crops: encode(weights, crops, precision, rising), (None, side, side), tf.uint8),
        traced(classify_features, (None, frames, features), tf.float32),
    )


def _in_batches(compute: Callable[[Tensor], Tensor], values: np.ndarray, batch: int) -> np.ndarray:
    """Compute batches; the last is padded with zeros to a multiple of a quarter, because every new size takes time at first."""
    results, grain = [], max(1, batch // 4)
    for start in range(0, len(values), batch):
        part = values[start : start + batch]
        missing = -len(part) % grain
        filled = np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)]) if missing else part
        results.append(compute(filled).numpy()[: len(part)])
    return np.concatenate(results)
