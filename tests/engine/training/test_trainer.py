"""The steps of a training: what the same gradients do to weights, average and moments."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.tensorflow_import import import_keras, import_tensorflow
from epifiji.engine.training.trainer import AVERAGED_STEPS, WARM_UP_STEPS, WEIGHT_DECAY, State, Trainer

STEPS, PLANNED, RATE = 90, 400, 3e-3
SHAPES = {"first/kernel": (5, 7), "first/bias": (7,), "second/kernel": (3, 3, 2, 4), "fixed/kernel": (6,)}


class Gradients:
    """A part whose loss has these arrays as its gradients, whatever the weights are."""

    def __init__(self, random: np.random.Generator) -> None:
        size = 10 ** random.uniform(-2, 1)
        self.arrays = tuple((size * random.standard_normal(shape)).astype(np.float32) for shape in SHAPES.values())


def linear_loss(weights, *gradients):
    tf = import_tensorflow()
    pairs = zip(weights.values(), gradients, strict=True)
    return tf.add_n([tf.reduce_sum(values * gradient) for values, gradient in pairs])


def as_state(arrays: dict[str, np.ndarray]) -> State:
    return State(*({name: values.copy() for name, values in arrays.items()} for _ in range(2)))


def trainer_of(state: State) -> Trainer:
    return Trainer(state, PLANNED, RATE, linear_loss, frozen=lambda name: name.startswith("fixed"))


@pytest.fixture(scope="module")
def parts() -> list[tuple[Gradients, Gradients]]:
    random = np.random.default_rng(4)
    return [(Gradients(random), Gradients(random)) for _ in range(STEPS)]


@pytest.fixture(scope="module")
def first() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


@pytest.fixture(scope="module")
def trained(first, parts) -> State:
    state = as_state(first)
    trainer = trainer_of(state)
    for both in parts:
        trainer.step(both)
    return state


def test_weights_average_and_moments_follow_adamw(first, parts, trained) -> None:
    """AdamW as Loshchilov & Hutter (ICLR 2019) write it, in double precision."""
    names = [name for name in SHAPES if not name.startswith("fixed")]
    weights = {name: first[name].astype(float) for name in names}
    average = {name: values.copy() for name, values in weights.items()}
    m, v = ({name: np.zeros(SHAPES[name]) for name in names} for _ in range(2))
    for n, (one, other) in enumerate(parts, start=1):
        means = [(a.astype(float) + b) / 2 for a, b in zip(one.arrays, other.arrays, strict=True)][: len(names)]
        norm = np.sqrt(sum((gradient**2).sum() for gradient in means))
        rate = RATE * min(1, n / WARM_UP_STEPS) * 0.5 * (1 + np.cos(np.pi * n / PLANNED))
        kept = min(1 - 1 / AVERAGED_STEPS, n / (n + 10))
        for name, mean in zip(names, means, strict=True):
            gradient = mean / max(1, norm)
            m[name] = 0.9 * m[name] + 0.1 * gradient
            v[name] = 0.995 * v[name] + 0.005 * gradient**2
            step = (m[name] / (1 - 0.9**n)) / (np.sqrt(v[name] / (1 - 0.995**n)) + 1e-8)
            decay = WEIGHT_DECAY * weights[name] if name.endswith("kernel") else 0
            weights[name] = weights[name] - rate * (step + decay)
            average[name] = kept * average[name] + (1 - kept) * weights[name]
    for name in names:
        assert np.abs(weights[name] - first[name]).max() > 0.01, "they moved"
        assert np.abs(average[name] - weights[name]).max() > 1e-3, "the average lags"
        assert np.allclose(trained.weights[name], weights[name], rtol=1e-5, atol=1e-5), name
        assert np.allclose(trained.average[name], average[name], rtol=1e-5, atol=1e-5), name
        assert np.allclose(trained.moments[f"{name}/first"], m[name], rtol=1e-4, atol=1e-7), name
        assert np.allclose(trained.moments[f"{name}/second"], v[name], rtol=1e-4, atol=1e-10), name


def test_frozen_arrays_stay_as_they_are(first, trained) -> None:
    assert np.array_equal(trained.weights["fixed/kernel"], first["fixed/kernel"])
    assert np.array_equal(trained.average["fixed/kernel"], first["fixed/kernel"])
    assert not any(name.startswith("fixed") for name in trained.moments)


def test_a_trainer_continues_from_a_state_as_the_first_one_would_have(first, parts, trained) -> None:
    state = as_state(first)
    for half in (parts[:40], parts[40:]):
        trainer = trainer_of(state)
        for both in half:
            trainer.step(both)
    assert state.step == trained.step == STEPS
    for name, values in trained.average.items():
        assert np.array_equal(state.average[name], values), name


def test_the_users_choice_of_another_backend_for_keras_does_not_matter() -> None:
    code = "from epifiji.data.tensorflow_import import import_keras; print(import_keras().config.backend())"
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "tensorflow"


def test_keras_with_another_backend_in_this_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(config=SimpleNamespace(backend=lambda: "torch"))
    monkeypatch.setitem(sys.modules, "keras", other)
    with pytest.raises(WrongInputError, match="uses Keras with the backend torch, but a training needs TensorFlow"):
        import_keras()
