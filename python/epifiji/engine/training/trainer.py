"""Training the weights of a network, whatever its loss: AdamW with a cosine-shaped rate; what is kept is their moving average."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, import_tensorflow

PARTS_A_STEP = 2
AVERAGED_STEPS = 300
WARM_UP_STEPS = 60
WEIGHT_DECAY = 1e-3


class Arrays(Protocol):
    """What a network learns from in one go."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """As the loss takes them."""


LossOfPart = Callable[..., Tensor]
"""Takes weights by name, and a part's arrays as tensors."""


@dataclass
class State:
    """How far training has come: everything that is needed to go on after an interruption, but the random numbers.

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


class Trainer:
    """Trains the weights of a network.

    Parameters
    ----------
    state
        Where to begin or go on; changed in place.
    steps
        Steps in all, for the rate; the attribute may be changed on the way.
    rate
        Greatest learning rate.
    loss
        Gives the loss of a part under weights.
    frozen
        Says of an array's name whether it stays as it is.
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
        self._names = [name for name in state.weights if frozen is None or not frozen(name)]
        self._variables = {name: tf.Variable(values) for name, values in state.weights.items()}
        self._loss_of = loss
        # Traced anew for each size of parts, of which there are one or two.
        self._gradients = tf.function(self._loss_and_gradients, autograph=False)
        self._loss = tf.function(lambda *arrays: self._loss_of(self._variables, *arrays), autograph=False)

    def _loss_and_gradients(self, *arrays: Tensor) -> Tensor:
        tf = import_tensorflow()
        watched = [self._variables[name] for name in self._names]
        with tf.GradientTape() as tape:
            loss = self._loss_of(self._variables, *arrays)
        return loss, tape.gradient(loss, watched)

    def loss(self, parts: Sequence[Arrays]) -> float:
        """Return the mean loss of some parts under the averaged weights, without learning from them."""
        for name, values in self.state.average.items():
            self._variables[name].assign(values)
        losses = [float(self._loss(*self._tensors(part))) for part in parts]
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
            loss, found = self._gradients(*self._tensors(part))
            losses.append(float(loss))
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        total, norm = tf.clip_by_global_norm([gradient / len(parts) for gradient in total], 1.0)
        if not np.isfinite(float(norm)):
            raise WrongInputError(
                f"the training diverged at step {self.state.step + 1} with a rate of {self._rate:g}, as the gradient is not "
                "finite any more: give a lower rate."
            )
        self._apply({name: gradient.numpy() for name, gradient in zip(self._names, total, strict=True)})
        self.state.losses.append(float(np.mean(losses)))
        return self.state.losses[-1]

    @staticmethod
    def _tensors(part: Arrays) -> list[Tensor]:
        tf = import_tensorflow()
        return [tf.constant(values) for values in part.arrays]

    def _apply(self, gradients: Mapping[str, np.ndarray]) -> None:
        """Do a step of AdamW (Loshchilov & Hutter, ICLR 2019), and update the average.

        The same gradients give the same weights and average as Keras's AdamW, which needs as many lines here: it has
        neither a rate whose number of steps may change nor an average that begins short, and its state has to be stored
        by name. For a small part of a movie (28 x 64 x 64) a step takes 0.21 s of processor time, with Keras 3.15 in a
        graph 0.23 to 0.27 s (and 0.7 s to trace it), with Keras outside a graph 0.29 s. Importing Keras takes another
        0.9 s and 75 MB.
        """
        state = self.state
        state.step += 1
        n, warm = state.step, min(1.0, state.step / WARM_UP_STEPS)
        rate = self._rate * warm * 0.5 * (1 + np.cos(np.pi * min(1.0, n / self.steps)))
        kept = min(1 - 1 / AVERAGED_STEPS, n / (n + 10))
        for name, gradient in gradients.items():
            first = state.moments.setdefault(f"{name}/first", np.zeros_like(gradient))
            second = state.moments.setdefault(f"{name}/second", np.zeros_like(gradient))
            first += 0.1 * (gradient - first)
            second += 0.005 * (gradient**2 - second)
            news = (first / (1 - 0.9**n)) / (np.sqrt(second / (1 - 0.995**n)) + 1e-8)
            values = state.weights[name]
            decay = WEIGHT_DECAY if name.endswith("kernel") else 0.0
            values -= np.float32(rate) * (news + decay * values)
            state.average[name] += np.float32(1 - kept) * (values - state.average[name])
            self._variables[name].assign(values)


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
