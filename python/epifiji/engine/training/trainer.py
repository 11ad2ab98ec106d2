"""Training of a network's weights with any loss: AdamW with a cosine-shaped learning rate, and a moving average that is kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Protocol

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, Tensors, import_keras, import_tensorflow

PARTS_A_STEP = 2
AVERAGED_STEPS = 300
WARM_UP_STEPS = 60
WEIGHT_DECAY = 1e-3


class Arrays(Protocol):
    """The arrays of one training part."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Arguments of the loss."""


LossOfPart = Callable[..., Tensor]
"""Returns the loss of a part from weights by name, and the part's arrays as tensors."""


@dataclass
class State:
    """The state of a training: all that is needed to continue after an interruption, except the random numbers.

    Parameters
    ----------
    step
        Steps done.
    weights, average
        The weights and their moving average.
    moments
        AdamW's two moments of each array.
    losses
        Mean loss of each step.
    """

    weights: Weights
    average: Weights
    moments: dict[str, np.ndarray] = field(default_factory=dict)
    step: int = 0
    losses: list[float] = field(default_factory=list)


class _Graph:
    """The graphs of a loss and its gradients; the weights are arguments, so that all trainings with a loss share them.

    They are traced for each size of parts, of which there are one or two, which takes seconds.
    """

    def __init__(self, loss: LossOfPart, learnt: frozenset[str]) -> None:
        tf = import_tensorflow()

        def loss_and_gradients(weights: Tensors, *arrays: Tensor) -> tuple[Tensor, Tensors]:
            with tf.GradientTape() as tape:
                value = loss(weights, *arrays)
            return value, tape.gradient(value, {name: weights[name] for name in learnt})

        self.gradients = tf.function(loss_and_gradients, autograph=False)
        self.loss = tf.function(loss, autograph=False)


_graph = cache(_Graph)


class AnyTrainer(Protocol):
    """What trains the weights of a network; see :class:`Trainer`."""

    state: State
    steps: int

    def loss(self, parts: Sequence[Any]) -> float:
        """Return the mean loss of some parts under the averaged weights, without learning from them."""

    def step(self, parts: Sequence[Any]) -> float:
        """Learn from some parts; give their mean loss."""


def rate_at(step: int, steps: int, rate: float) -> float:
    """Return the learning rate of a step, from 1: it rises to `rate`, and falls to 0 at the last of `steps` like a cosine."""
    warm = min(1.0, step / WARM_UP_STEPS)
    found: float = rate * warm * 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))
    return found


def share_kept(step: int) -> float:
    """Return the share of the averaged weights that stays at a step, from 1; the average is short at first."""
    return min(1 - 1 / AVERAGED_STEPS, step / (step + 10))


def diverged(step: int, rate: float) -> WrongInputError:
    """Return the error of a training whose gradient is not finite after so many steps."""
    return WrongInputError(
        f"the training diverged at step {step + 1} with a rate of {rate:g}, as the gradient is not finite any more: give a "
        "lower rate."
    )


class Trainer:
    """Trains the weights of a network with TensorFlow.

    Parameters
    ----------
    state
        State to start from; changed in place.
    steps
        Total number of steps, for the rate; may be changed during the training.
    rate
        Maximum learning rate.
    loss
        Returns the loss of a part for some weights.
    frozen
        Whether the array of a name is not trained. Default: all are trained.
    """

    def __init__(
        self,
        state: State,
        steps: int,
        rate: float,
        loss: LossOfPart,
        frozen: Callable[[str], bool] | None = None,
    ) -> None:
        tf = import_tensorflow()
        self.state, self.steps, self._rate = state, steps, rate
        self._variables = {name: tf.Variable(values) for name, values in state.weights.items()}
        self._learnt = {name: v for name, v in self._variables.items() if frozen is None or not frozen(name)}
        # AdamW treats every number by itself, so one variable for all arrays that decay and one for the others give the
        # same as one for each array, in graphs that are traced and computed in a fraction of the time.
        decay = [name for name in self._learnt if name.endswith("kernel")]
        others = [name for name in self._learnt if not name.endswith("kernel")]
        self._groups = [names for names in (decay, others) if names]
        self._joined = [tf.Variable(_joined(state.weights, names)) for names in self._groups]
        self._optimizer = import_keras().optimizers.AdamW(weight_decay=WEIGHT_DECAY, beta_2=0.995, epsilon=1e-8)
        self._optimizer.exclude_from_weight_decay(
            [v for names, v in zip(self._groups, self._joined, strict=True) if names is others]
        )
        self._optimizer.build(self._joined)
        self._optimizer.iterations.assign(state.step)
        # Step and rate come before the moments.
        first, second = self._optimizer.variables[2::2], self._optimizer.variables[3::2]
        self._moments = {"first": first, "second": second}
        if state.moments:
            for moment, variables in self._moments.items():
                for names, variable in zip(self._groups, variables, strict=True):
                    variable.assign(_joined(state.moments, [f"{name}/{moment}" for name in names]))
        self._update = tf.function(self._traced_update, autograph=False)
        self._graph = _graph(loss, frozenset(self._learnt))

    def loss(self, parts: Sequence[Arrays]) -> float:
        """Return the mean loss of some parts under the averaged weights, without learning from them."""
        for name, values in self.state.average.items():
            self._variables[name].assign(values)
        losses = [float(self._graph.loss(self._variables, *self._tensors(part))) for part in parts]
        for name, values in self.state.weights.items():
            self._variables[name].assign(values)
        return float(np.mean(losses))

    def step(self, parts: Sequence[Arrays]) -> float:
        """Learn from some parts; give their mean loss.

        Raises
        ------
        WrongInputError
            Where the training diverges; the state stays as it was before.
        """
        tf = import_tensorflow()
        total: list[Tensor] = []
        losses = []
        for part in parts:
            loss, found = self._graph.gradients(self._variables, *self._tensors(part))
            losses.append(float(loss))
            gradients = [found[name] for name in self._learnt]
            total = [a + b for a, b in zip(total, gradients, strict=True)] if total else gradients
        total, norm = tf.clip_by_global_norm([gradient / len(parts) for gradient in total], 1.0)
        if not np.isfinite(float(norm)):
            raise diverged(self.state.step, self._rate)
        self._apply(total)
        self.state.losses.append(float(np.mean(losses)))
        return self.state.losses[-1]

    @staticmethod
    def _tensors(part: Arrays) -> list[Tensor]:
        tf = import_tensorflow()
        return [tf.constant(values) for values in part.arrays]

    def _apply(self, gradients: Sequence[Any]) -> None:
        """Do a step of AdamW (Loshchilov & Hutter, ICLR 2019), update the average, and note both in the state.

        Rate and average are computed here: Keras's schedules need the number of steps in advance, which may change, and its
        average (``use_ema``) is as long at the first step as later, so that it lags behind for the first `AVERAGED_STEPS`.
        """
        state = self.state
        state.step += 1
        self._optimizer.learning_rate = rate_at(state.step, self.steps, self._rate)
        self._update(dict(zip(self._learnt, gradients, strict=True)))
        state.weights.update(self._arrays(self._joined))
        for moment, variables in self._moments.items():
            found = self._arrays(variables)
            state.moments.update({f"{name}/{moment}": values for name, values in found.items()})
        kept = share_kept(state.step)
        for name, variable in self._learnt.items():
            variable.assign(state.weights[name])
            state.average[name] += np.float32(1 - kept) * (state.weights[name] - state.average[name])

    def _traced_update(self, gradients: Tensors) -> None:
        tf = import_tensorflow()
        self._optimizer.apply(
            [tf.concat([tf.reshape(gradients[name], [-1]) for name in names], 0) for names in self._groups]
        )

    def _arrays(self, joined: Sequence[Tensor]) -> Weights:
        """Return the arrays by name of variables that contain them joined, one for each group."""
        found = {}
        for names, variable in zip(self._groups, joined, strict=True):
            shapes = [tuple(self._learnt[name].shape) for name in names]
            ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
            parts = np.split(variable.numpy(), ends[:-1])
            found.update({name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes, strict=True)})
        return found


def _joined(arrays: Weights, names: Sequence[str]) -> np.ndarray:
    return np.concatenate([arrays[name].ravel() for name in names])


def drawn_ahead(sampler: Iterable[Any], parts: int) -> Generator[list[Any], None, None]:
    """Draw the parts of the next step while one is learnt from; one thread, so that a seed gives one course.

    tf.data does the same in as many lines, needs the shapes and types of all arrays in advance, and is no faster: 25 to
    28 ms of processor time a part, drawn and as tensors, instead of 14 to 25.
    """
    source = iter(sampler)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(lambda: list(islice(source, parts)))
        while True:
            ready = coming.result()
            coming = maker.submit(lambda: list(islice(source, parts)))
            yield ready
