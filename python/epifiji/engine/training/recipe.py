"""The interface of a training recipe: initial weights, samplers, trainer, and the finished network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import TrainingMovie
from epifiji.data.network import Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import CHANGES
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import State, Trainer


class TrainingRecipe(Protocol):
    """How one network is trained, from its first weights to the finished network.

    See :class:`~epifiji.engine.networks.epinet.recipe.EpiNetRecipe` and
    :class:`~epifiji.engine.networks.dexnet.recipe.DexNetRecipe`.
    """

    rate: float
    """Default of the greatest learning rate."""

    points: int
    """Approximate number of validations in a complete training."""

    def first_weights(self) -> Weights:
        """Return the initial arrays: the parent's, or random ones."""

    def sampler(self, movies: Sequence[TrainingMovie], without: frozenset[str]) -> Draws:
        """Return a sampler of training parts.

        Parameters
        ----------
        movies
            At the network's scale.
        without
            Augmentations that are left out, of :data:`epifiji.data.settings.training.CHANGES`.
        """

    def prepared(self, movies: Sequence[TrainingMovie], report: Report) -> list[TrainingMovie]:
        """Add the parent's predictions to movies that are not completely annotated; the others are unchanged."""

    def rehearsed(self, report: Report) -> list[TrainingMovie]:
        """Return further movies from which the network keeps what the parent knew; empty if there is nothing to keep."""

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """Return a trainer for a state, new or interrupted, over `steps` in all, with `rate` as the greatest learning rate."""

    def network(self, weights: Weights, description: EventNetworkDescription) -> EventNetwork:
        """Return the network of trained arrays."""


def held_out_parts(recipe: TrainingRecipe, movies: Sequence[TrainingMovie], count: int) -> list[Any]:
    """Draw parts of held-out movies, without augmentation."""
    if not movies:
        return []
    sampler = recipe.sampler(movies, frozenset(CHANGES))
    return [sampler.draw() for _ in range(count)]
