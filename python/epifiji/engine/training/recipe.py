"""The interface of a training recipe: initial weights, samplers, trainer, and the finished network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from epifiji.data.network import Weights
from epifiji.data.progress import Report
from epifiji.data.settings import cyst_training, training
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import AnyTrainer, State

Item = TypeVar("Item")
"""What a network is trained on, at its scale: a :class:`~epifiji.data.labelled.TrainingMovie`,
:class:`~epifiji.data.labelled.TrainingField`, or a :class:`~epifiji.data.labelled.TrainingVolume`."""


class TrainingRecipe(Protocol[Item]):
    """How one network is trained, from its first weights to the finished network.

    See :class:`~epifiji.engine.networks.epinet.recipe.EpiNetRecipe`,
    :class:`~epifiji.engine.networks.dexnet.recipe.DexNetRecipe`,
    :class:`~epifiji.engine.networks.unet2d.recipe.UNet2DRecipe` and
    :class:`~epifiji.engine.networks.unet3d.recipe.UNet3DRecipe`.
    """

    rate: float
    """Default of the greatest learning rate."""

    points: int
    """Approximate number of validations in a complete training."""

    def first_weights(self) -> Weights:
        """Return the initial arrays: the parent's, or random ones."""

    def sampler(self, items: Sequence[Item], without: frozenset[str]) -> Draws:
        """Return a sampler of training parts.

        Parameters
        ----------
        items
            At the network's scale.
        without
            Augmentations that are left out, of :data:`epifiji.data.settings.training.CHANGES`, or for volumes those of
            :mod:`epifiji.data.settings.cyst_training`.
        """

    def prepared(self, items: Sequence[Item], report: Report) -> list[Item]:
        """Add the parent's predictions to items that are not completely annotated; the others are unchanged."""

    def rehearsed(self, report: Report) -> list[Item]:
        """Return further items from which the network keeps what the parent knew; empty if there is nothing to keep."""

    def trainer(self, state: State, steps: int, rate: float) -> AnyTrainer:
        """Return a trainer for a state, new or interrupted, over `steps` in all, with `rate` as the greatest learning rate."""

    def network(self, weights: Weights, description: Any) -> Any:
        """Return the network of trained arrays."""


def held_out_parts(recipe: TrainingRecipe[Item], items: Sequence[Item], count: int) -> list[Any]:
    """Draw parts of held-out items, without augmentation."""
    if not items:
        return []
    sampler = recipe.sampler(items, frozenset((*training.CHANGES, *cyst_training.CHANGES)))
    return [sampler.draw() for _ in range(count)]
