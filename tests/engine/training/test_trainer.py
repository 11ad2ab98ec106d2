"""The trainer's optimiser compared with Keras's."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.tensorflow_import import import_tensorflow
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
    trainer = Trainer(state, PLANNED, RATE, linear_loss, frozen=lambda name: name.startswith("fixed"))
    for both in parts:
        trainer.step(both)
    return state


def test_the_same_gradients_give_the_weights_and_the_average_of_keras_adamw(first, parts, trained) -> None:
    import_tensorflow()
    import keras

    learnt = {name: keras.Variable(values) for name, values in first.items() if not name.startswith("fixed")}
    optimizer = keras.optimizers.AdamW(
        weight_decay=WEIGHT_DECAY, beta_2=0.995, epsilon=1e-8, global_clipnorm=1.0, use_ema=True
    )
    optimizer.exclude_from_weight_decay([learnt["first/bias"]])
    optimizer.build(list(learnt.values()))
    for number, (one, other) in enumerate(parts, start=1):
        cosine = 0.5 * (1 + np.cos(np.pi * number / PLANNED))
        optimizer.learning_rate = RATE * min(1, number / WARM_UP_STEPS) * cosine
        optimizer.ema_momentum = min(1 - 1 / AVERAGED_STEPS, number / (number + 10))
        means = [(a + b) / 2 for a, b in zip(one.arrays, other.arrays, strict=True)]
        optimizer.apply(means[: len(learnt)])
    for name, variable in learnt.items():
        assert np.abs(variable.numpy() - first[name]).max() > 0.01, "they moved"
        assert np.allclose(trained.weights[name], variable.numpy(), rtol=1e-5, atol=1e-5), name
    # At its end Keras puts the average in the weights' place.
    optimizer.finalize_variable_values(list(learnt.values()))
    for name, variable in learnt.items():
        assert np.abs(trained.average[name] - trained.weights[name]).max() > 1e-3, "the average lags"
        assert np.allclose(trained.average[name], variable.numpy(), rtol=1e-5, atol=1e-5), name


def test_frozen_arrays_stay_as_they_are(first, trained) -> None:
    assert np.array_equal(trained.weights["fixed/kernel"], first["fixed/kernel"])
    assert np.array_equal(trained.average["fixed/kernel"], first["fixed/kernel"])
    assert not any(name.startswith("fixed") for name in trained.moments)


def test_a_trainer_continues_from_a_state_as_the_first_one_would_have(first, parts, trained) -> None:
    state = as_state(first)
    for half in (parts[:40], parts[40:]):
        trainer = Trainer(state, PLANNED, RATE, linear_loss, frozen=lambda name: name.startswith("fixed"))
        for both in half:
            trainer.step(both)
    assert state.step == trained.step == STEPS
    for name, values in trained.average.items():
        assert np.array_equal(state.average[name], values), name
