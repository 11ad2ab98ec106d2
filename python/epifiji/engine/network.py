"""The DeXNet: a CNN on every frame of a window, a GRU over its frames (Villars, Letort et al., Development 2023).

Every frame passes ``[conv 3x3 relu, conv 3x3 relu, batch norm]`` with f, 2f, 4f and 8f filters, a 2x2 max-pool after
the first three, then a global max-pool; a GRU runs over the frames; dense layers of 32, 16 and the classes' number
(softmax) follow. All sizes are read off the weights, so that a network with other numbers of filters or units works.

A member's arrays are named ``conv_<i>/kernel|bias`` (i = 0–7), ``norm_<i>/gamma|beta|mean|variance`` (i = 0–3),
``gru/kernel|recurrent|bias`` and ``dense_<i>/kernel|bias`` (i = 0–2), with Keras's axes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.network import Network, NetworkDescription, Weights
from epifiji.data.quiet_tensorflow import import_tensorflow

if TYPE_CHECKING:
    import keras

BLOCKS = 4
CONVOLUTIONS = 2 * BLOCKS
DENSE = 3
LEAST_SIDE_PX = 8
"""Three poolings by 2 leave one pixel of it."""

BATCH_WINDOWS = 32
"""Windows classified at once. Larger batches gain 5 % of speed and cost 40 MB for each doubling."""


def array_shapes(weights: Weights, description: NetworkDescription) -> dict[str, tuple[int, ...]]:
    """Give the shape that each array must have, from the first convolution's filters, the GRU's units and the description."""
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


def check_network(network: Network) -> None:
    """Make sure that every member's arrays fit together and fit the description.

    Raises
    ------
    WrongInputError
        Naming the network and the first array that is missing, unexpected, of another shape or not finite.
    """
    name, description = network.description.name, network.description
    if len(network.weights) != description.members:
        raise WrongInputError(
            f"the network {name} says it has {description.members} members but holds the weights of "
            f"{len(network.weights)}: fetch or import it again."
        )
    if description.window_size_px < LEAST_SIDE_PX:
        raise WrongInputError(f"the network {name} has windows of {description.window_size_px} px, too small to pool.")
    for number, weights in enumerate(network.weights):
        problem = _problem(weights, description)
        if problem:
            raise WrongInputError(
                f"the weights of network {name} (member {number}) are not those of a DeXNet with the classes "
                f"{', '.join(description.classes)}: {problem}; fetch or import it again."
            )


def _problem(weights: Weights, description: NetworkDescription) -> str:
    """Say what is wrong with a member's arrays, or give an empty text."""
    needed = ["conv_0/kernel", "gru/recurrent", *(f"dense_{i}/kernel" for i in range(DENSE))]
    for key in needed:
        if key not in weights:
            return f"{key} is missing"
        if weights[key].ndim < 2:
            return f"{key} has the shape {weights[key].shape}"
    shapes = array_shapes(weights, description)
    for key, shape in shapes.items():
        if key not in weights:
            return f"{key} is missing"
        if weights[key].shape != shape:
            return f"{key} has the shape {weights[key].shape} instead of {shape}"
        if weights[key].dtype != np.float32 or not np.isfinite(weights[key]).all():
            return f"{key} is not made of finite 32-bit numbers"
    unexpected = sorted(set(weights) - set(shapes))
    return f"{unexpected[0]} is unexpected" if unexpected else ""


def build_encoder(description: NetworkDescription, weights: Weights) -> keras.Model:
    """Build the Keras model of the part of a member that looks at frames: (n, side, side, 1) in 0–1 to features (n, 8 f)."""
    import_tensorflow()
    import keras
    from keras import layers

    batch_norm = _batch_norm_layer()
    side = description.window_size_px
    x = entry = keras.Input((side, side, 1))
    for block in range(BLOCKS):
        for i in (2 * block, 2 * block + 1):
            width = weights[f"conv_{i}/bias"].size
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv_{i}")(x)
        x = batch_norm(name=f"norm_{block}")(x)
        x = layers.MaxPool2D(2)(x) if block < BLOCKS - 1 else layers.GlobalMaxPool2D()(x)
    model = keras.Model(entry, x, name="encoder")
    set_weights(model, weights)
    return model


def build_judge(description: NetworkDescription, weights: Weights) -> keras.Model:
    """Build the part that joins the frames of a window: features (n, frames, 8 f) to probabilities (n, classes)."""
    import_tensorflow()
    import keras
    from keras import layers

    x = entry = keras.Input((description.window_frames, weights["gru/kernel"].shape[0]))
    x = layers.GRU(weights["gru/recurrent"].shape[0], unroll=True, name="gru")(x)
    x = layers.Dropout(0.5)(x)
    for i in range(DENSE):
        activation = "softmax" if i == DENSE - 1 else "relu"
        x = layers.Dense(weights[f"dense_{i}/bias"].size, activation=activation, name=f"dense_{i}")(x)
    model = keras.Model(entry, x, name="judge")
    set_weights(model, weights)
    return model


def _batch_norm_layer() -> type[keras.layers.BatchNormalization]:
    """Make a batch norm that uses TensorFlow's fused operation when it does not train, as the authors' Keras 2 does.

    Keras 3 computes ``x * scale + (beta - mean * scale)``, whose rounding differs by up to a level of the map here and there,
    and which takes a tenth longer in all.
    """
    tf = import_tensorflow()
    import keras

    class FusedBatchNormalization(keras.layers.BatchNormalization):
        """See above; images (n, height, width, channels) alone."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            if training:
                return super().call(inputs, training=training, mask=mask)
            normalised, *_ = tf.compat.v1.nn.fused_batch_norm(
                inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon, is_training=False
            )
            return normalised

    return FusedBatchNormalization


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Put a member's arrays into its model."""
    parts = {
        "conv": ("kernel", "bias"),
        "norm": ("gamma", "beta", "mean", "variance"),
        "gru": ("kernel", "recurrent", "bias"),
        "dense": ("kernel", "bias"),
    }
    for layer in model.layers:
        kind = layer.name.split("_")[0]
        if kind in parts and f"{layer.name}/{parts[kind][0]}" in weights:
            layer.set_weights([weights[f"{layer.name}/{part}"] for part in parts[kind]])


class Classifier:
    """The members of a network, built and traced once, ready to classify windows, whole or frame by frame.

    Parameters
    ----------
    network
        Its weights are checked first.
    batch
        Windows computed at once; every call is cut into such batches, the last one filled up.

    Raises
    ------
    WrongInputError
        From :func:`check_network`.
    """

    def __init__(self, network: Network, batch: int = BATCH_WINDOWS) -> None:
        check_network(network)
        self.description = network.description
        self.batch = batch
        self._members = [_Member(self.description, weights, batch) for weights in network.weights]

    def __len__(self) -> int:
        return len(self._members)

    def __call__(self, member: int, windows: np.ndarray) -> np.ndarray:
        """Classify windows (n, frames, side, side), uint8 (see :func:`epifiji.engine.windows.normalised`).

        Returns
        -------
        Probabilities (n, classes), float32, each row summing to 1.
        """
        return _in_batches(self._members[member].classify, windows, self.batch)

    def encode(self, member: int, crops: np.ndarray) -> np.ndarray:
        """Encode single frames of windows: (n, side, side), uint8, to features (n, features), float32."""
        return _in_batches(self._members[member].encode, crops, self.batch * self.description.window_frames)

    def judge(self, member: int, features: np.ndarray) -> np.ndarray:
        """Classify windows by the features of their frames (n, frames, features): probabilities (n, classes), float32."""
        return _in_batches(self._members[member].judge, features, self.batch * self.description.window_frames)


class _Member:
    """One member's model, and its two parts, each traced for batches of one size when first needed."""

    def __init__(self, description: NetworkDescription, weights: Weights, batch: int) -> None:
        self._tf = import_tensorflow()
        frames, side = description.window_frames, description.window_size_px
        self._encoder, self._judge = build_encoder(description, weights), build_judge(description, weights)
        features = weights["gru/kernel"].shape[0]
        many = batch * frames

        def encode(crops: Any) -> Any:
            return self._encoder(self._tf.cast(crops, self._tf.float32)[..., None] / 255.0, training=False)

        def judge(given: Any) -> Any:
            return self._judge(given, training=False)

        def classify(windows: Any) -> Any:
            encoded = encode(self._tf.reshape(windows, (many, side, side)))
            return judge(self._tf.reshape(encoded, (batch, frames, features)))

        uint8, float32 = self._tf.uint8, self._tf.float32
        self.classify = self._traced(classify, (batch, frames, side, side), uint8)
        self.encode = self._traced(encode, (many, side, side), uint8)
        self.judge = self._traced(judge, (many, frames, features), float32)

    def _traced(self, function: Callable[[Any], Any], shape: tuple[int, ...], dtype: Any) -> Callable[[Any], Any]:
        # Autograph would write a temporary file, which stays where the process is ended at once.
        signature = [self._tf.TensorSpec(shape, dtype)]
        return self._tf.function(function, input_signature=signature, autograph=False)


def _in_batches(compute: Callable[[Any], Any], values: np.ndarray, batch: int) -> np.ndarray:
    """Compute batches of one size, the last one filled up with zeros."""
    results = []
    for start in range(0, len(values), batch):
        part = values[start : start + batch]
        if len(part) < batch:
            filled = np.zeros((batch, *values.shape[1:]), values.dtype)
            filled[: len(part)] = part
            results.append(compute(filled).numpy()[: len(part)])
        else:
            results.append(compute(part).numpy())
    return np.concatenate(results)
