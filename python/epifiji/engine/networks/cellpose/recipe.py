"""Training of a network of Cellpose: tiles, loss and gradients by Cellpose, steps as in all trainings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.cellpose import LEARNT_SCALE, MEASURED
from epifiji.data.labelled import TrainingField
from epifiji.data.network import Network, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import FLIP, ROTATION, ZOOM, TrainingSettings
from epifiji.engine.networks.cellpose.process import CellposeProcess, cellpose_process
from epifiji.engine.training.trainer import PARTS_A_STEP, Arrays, State, diverged, rate_at, share_kept

TILE_PX, GRAIN_PX = 224, 8
SCALES = 0.5
"""Cellpose rescales tiles by 0.75 to 1.25."""

RATE, WEIGHT_DECAY = 0.005, 1e-5
FIRST_MOMENT, SECOND_MOMENT, EPSILON = 0.9, 0.999, 1e-8
"""Those of AdamW in Cellpose 3."""

_names = itertools.count()


@dataclass(frozen=True)
class CellposeTiles:
    """Tiles (n, 2, Y, X), targets (n, 3, Y, X) of cells and flows, and where it is known what is there (n, Y, X); float32."""

    images: np.ndarray
    targets: np.ndarray
    counted: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """See :class:`epifiji.engine.training.trainer.Arrays`."""
        return self.images, self.targets, self.counted


class CellposeSampler:
    """Draws tiles; fields are drawn as often as their annotated area is large.

    See :class:`epifiji.engine.training.mixing.Draws`.
    """

    def __init__(
        self,
        fields: Sequence[TrainingField],
        side_px: int,
        random: np.random.Generator,
        without: frozenset[str],
        count: int,
    ) -> None:
        self._count = count
        self._process, self._side, self._random, self._without = cellpose_process(), side_px, random, without
        self._name = f"fields {next(_names)}"
        for one in fields:
            arrays = {"pixels": one.pixels, "labels": one.labels, "known": one.known.astype(np.float32)}
            self._process.ask("field", arrays, fields=self._name)
        areas = np.array([one.known.sum() for one in fields], float)
        self._shares = areas / areas.sum()

    def reseed(self, random: np.random.Generator) -> None:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        self._random = random

    def draw(self) -> CellposeTiles:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        numbers = self._random.choice(len(self._shares), self._count, p=self._shares)
        _, found = self._process.ask(
            "draw",
            fields=self._name,
            numbers=[int(number) for number in numbers],
            seed=int(self._random.integers(2**32)),
            side=self._side,
            scales=0.0 if ZOOM in self._without else SCALES,
            rotation=ROTATION not in self._without,
            flip=FLIP not in self._without,
        )
        return CellposeTiles(found["images"], found["targets"], found["counted"])


class CellposeTrainer:
    """Trains the weights of a network with AdamW (Loshchilov & Hutter, ICLR 2019), as in PyTorch.

    The weights stay here, so that an interrupted training continues as with all networks. See
    :class:`epifiji.engine.training.trainer.Trainer` for the parameters and methods.
    """

    def __init__(self, process: CellposeProcess, state: State, steps: int, rate: float) -> None:
        self._process, self.state, self.steps, self._rate = process, state, steps, rate

    def loss(self, parts: Sequence[Arrays]) -> float:
        """Return the mean loss of some parts under the averaged weights, without learning from them."""
        found = [self._ask(self.state.average, part, learn=False)[0] for part in parts]
        return float(np.mean(found))

    def step(self, parts: Sequence[Arrays]) -> float:
        """Learn from some parts; return their mean loss.

        Raises
        ------
        WrongInputError
            If the training diverges; the state stays as it was before.
        """
        losses, total, measured = [], cast(Weights, {}), cast(Weights, {})
        for part in parts:
            loss, found = self._ask(self.state.weights, part, learn=True)
            losses.append(loss)
            for name, values in found.items():
                if name.endswith(MEASURED):
                    measured[name] = values
                else:
                    total[name] = values / len(parts) + total.get(name, np.float32(0))
        if not all(np.isfinite(values).all() for values in (*total.values(), *measured.values())):
            raise diverged(self.state.step, self._rate)
        self._apply(total, measured)
        self.state.losses.append(float(np.mean(losses)))
        return self.state.losses[-1]

    def _ask(self, weights: Weights, part: Arrays, learn: bool) -> tuple[float, Weights]:
        images, targets, counted = part.arrays
        arrays = {"images": images, "targets": targets, "counted": counted}
        # The weights change in place from step to step.
        self._process.changed()
        entries, found = self._process.ask_network("loss", weights, True, arrays, learn=learn)
        return float(entries["loss"]), found

    def _apply(self, gradients: Weights, measured: Weights) -> None:
        state = self.state
        state.step += 1
        rate = rate_at(state.step, self.steps, self._rate)
        for name, gradient in gradients.items():
            state.weights[name] = adam_step(state.weights[name], gradient, state.moments, name, state.step, rate)
        state.weights.update(measured)
        kept = np.float32(share_kept(state.step))
        for name, values in state.weights.items():
            if name not in LEARNT_SCALE:
                state.average[name] = kept * state.average[name] + (1 - kept) * values


def adam_step(
    values: np.ndarray, gradient: np.ndarray, moments: dict[str, np.ndarray], name: str, number: int, rate: float
) -> np.ndarray:
    """Return an array after step `number` (from 1) of AdamW, and change its moments."""
    first = FIRST_MOMENT * moments.get(f"{name}/first", 0.0) + (1 - FIRST_MOMENT) * gradient
    second = SECOND_MOMENT * moments.get(f"{name}/second", 0.0) + (1 - SECOND_MOMENT) * gradient**2
    moments[f"{name}/first"], moments[f"{name}/second"] = first.astype(np.float32), second.astype(np.float32)
    along = first / (1 - FIRST_MOMENT**number) / (np.sqrt(second / (1 - SECOND_MOMENT**number)) + EPSILON)
    return (values * (1 - rate * WEIGHT_DECAY) - rate * along).astype(np.float32)


class CellposeRecipe:
    """Trains a network of Cellpose further; see :class:`~epifiji.engine.training.recipe.TrainingRecipe`.

    Parameters
    ----------
    description
        Of the network to train.
    parent
        The network whose weights initialise the training.
    settings
        For the seed and the size of tiles.
    """

    points = 20
    rate = RATE

    def __init__(self, description: CellNetworkDescription, parent: CellNetwork, settings: TrainingSettings) -> None:
        self._description, self._parent, self._settings = description, parent, settings

    def first_weights(self) -> Weights:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return dict(self._parent.weights[0])

    def sampler(self, items: Sequence[TrainingField], without: frozenset[str]) -> CellposeSampler:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        side = -(-(self._settings.tile_size or TILE_PX) // GRAIN_PX) * GRAIN_PX
        random = np.random.default_rng(self._settings.seed)
        return CellposeSampler(items, side, random, without, self._settings.batch_size // PARTS_A_STEP)

    def prepared(self, items: Sequence[TrainingField], report: Report) -> list[TrainingField]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: unknown places do not count."""
        return list(items)

    def rehearsed(self, report: Report) -> list[TrainingField]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: as in Cellpose, nothing."""
        return []

    def trainer(self, state: State, steps: int, rate: float) -> CellposeTrainer:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return CellposeTrainer(cellpose_process(), state, steps, rate)

    def network(self, weights: Weights, description: CellNetworkDescription) -> CellNetwork:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Network(description, (weights,))
