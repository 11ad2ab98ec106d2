"""The DeXNet compared with its formula in scipy, and refusals."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate

from epifiji.data.errors import WrongInputError
from epifiji.data.network import Network, Weights
from epifiji.engine.networks.dexnet.model import Classifier, check_network
from small_networks import small_network


def formula(windows: np.ndarray, weights: Weights) -> np.ndarray:
    """Compute the probabilities of windows (n, frames, side, side), uint8, layer by layer."""

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def features(image: np.ndarray) -> np.ndarray:
        x = image[..., None]
        for block in range(4):
            for i in (2 * block, 2 * block + 1):
                kernel, bias = weights[f"conv_{i}/kernel"].astype(float), weights[f"conv_{i}/bias"]
                padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
                x = np.maximum(
                    np.stack([correlate(padded, kernel[..., k], "valid")[..., 0] for k in range(bias.size)], -1) + bias,
                    0,
                )
            g, b, m, v = (weights[f"norm_{block}/{part}"] for part in ("gamma", "beta", "mean", "variance"))
            x = g * (x - m) / np.sqrt(v + 1e-3) + b
            if block < 3:
                h, w = x.shape[0] // 2, x.shape[1] // 2
                x = x[: 2 * h, : 2 * w].reshape(h, 2, w, 2, -1).max(axis=(1, 3))
        return x.max(axis=(0, 1))

    result = []
    for window in windows:
        units = weights["gru/recurrent"].shape[0]
        state = np.zeros(units)
        for frame in window / 255:
            a = features(frame) @ weights["gru/kernel"] + weights["gru/bias"][0]
            c = state @ weights["gru/recurrent"] + weights["gru/bias"][1]
            z, r = sigmoid(a[:units] + c[:units]), sigmoid(a[units : 2 * units] + c[units : 2 * units])
            state = z * state + (1 - z) * np.tanh(a[2 * units :] + r * c[2 * units :])
        for i in range(3):
            state = state @ weights[f"dense_{i}/kernel"] + weights[f"dense_{i}/bias"]
            state = np.maximum(state, 0) if i < 2 else np.exp(state - state.max()) / np.exp(state - state.max()).sum()
        result.append(state)
    return np.array(result)


def test_probabilities_are_the_formulas() -> None:
    network = small_network(2, seed=3)
    windows = np.random.default_rng(0).integers(0, 256, (3, 10, 45, 45), np.uint8)
    classifier = Classifier(network, batch=2)
    assert len(classifier) == 2
    for member in range(2):
        probabilities = classifier(member, windows)
        assert probabilities.dtype == np.float32
        assert np.allclose(probabilities, formula(windows, network.weights[member]), atol=1e-5)
    assert not np.allclose(classifier(0, windows), classifier(1, windows))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_frames_that_are_encoded_by_themselves_give_nearly_the_formula_in_either_precision(precision: str) -> None:
    network = small_network(1, seed=3)
    windows = np.random.default_rng(0).integers(0, 256, (3, 10, 45, 45), np.uint8)
    classifier = Classifier(network, batch=2, precision=precision)
    features = classifier.encode(0, windows.reshape(-1, 45, 45)).reshape(3, 10, -1)
    assert features.dtype == np.float32
    difference = np.abs(classifier.classify_features(0, features) - formula(windows, network.weights[0])).max()
    assert difference < (1e-5 if precision == "float32" else 0.02)


def test_keras_is_imported_when_it_is_used() -> None:
    code = (
        "import sys; from epifiji.data.tensorflow_import import import_tensorflow; tf = import_tensorflow();"
        "assert 'keras' not in sys.modules; import tensorflow.keras.optimizers as optimizers;"
        "print(tf.keras.layers.Dense(2)(tf.ones((1, 3))).shape, optimizers.SGD(0.1).name)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "(1, 2) sgd", run.stderr


def test_other_sizes_of_window_and_network_work() -> None:
    network = small_network(1, filters=3, units=5, window_half_size_px=10, frames_before=2, frames_after=4)
    windows = np.random.default_rng(0).integers(0, 256, (1, 6, 21, 21), np.uint8)
    assert np.allclose(Classifier(network, batch=1)(0, windows), formula(windows, network.weights[0]), atol=1e-5)


def _changed(key: str, value: np.ndarray | None) -> Network:
    network = small_network(1)
    weights = {k: v for k, v in network.weights[0].items() if k != key}
    if value is not None:
        weights[key] = value
    return replace(network, weights=(weights,))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (_changed("gru/bias", None), "gru/bias is missing"),
        (_changed("conv_0/kernel", None), "conv_0/kernel is missing"),
        (_changed("conv_0/kernel", np.zeros(3, np.float32)), "conv_0/kernel has the shape"),
        (
            _changed("conv_3/kernel", np.zeros((3, 3, 1, 1), np.float32)),
            "conv_3/kernel has the shape (3, 3, 1, 1) instead of (3, 3, 4, 4)",
        ),
        (
            _changed("norm_2/beta", np.full(8, np.nan, np.float32)),
            "norm_2/beta does not consist of finite 32-bit numbers",
        ),
        (_changed("conv_8/kernel", np.zeros((3, 3, 1, 1), np.float32)), "conv_8/kernel is unexpected"),
        (replace(small_network(2), weights=small_network(1).weights), "has 2 members, but there are weights of 1"),
        (small_network(1, classes=("nothing", "blink")), ""),
    ],
)
def test_weights_that_do_not_fit_are_refused(network: Network, words: str) -> None:
    if not words:
        check_network(network)
        return
    with pytest.raises(WrongInputError) as caught:
        check_network(network)
    assert words in str(caught.value)
    assert str(caught.value).endswith("fetch or import it again.")
