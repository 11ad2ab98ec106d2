"""How networks of each kind are taught: what they begin with, what is drawn for them, and what becomes of their weights."""

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
    """Greatest learning rate, where the user gives none."""

    points: int
    """About how often the network is validated in a whole training."""

    def first_weights(self) -> Weights:
        """Give the arrays that the training begins with: the parent's, or random ones."""

    def sampler(self, movies: Sequence[TrainingMovie], without: frozenset[str]) -> Draws:
        """Give what draws parts of movies to learn from.

        Parameters
        ----------
        movies
            At the network's scale.
        without
            Augmentations that are left out, of :data:`epifiji.data.settings.training.CHANGES`.
        """

    def prepared(self, movies: Sequence[TrainingMovie], report: Report) -> list[TrainingMovie]:
        """Add what the parent predicts to movies in which not everything is known; give the others as they are."""

    def rehearsed(self, report: Report) -> list[TrainingMovie]:
        """Give further movies from which the network keeps what the parent knew; none if there is nothing to keep."""

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """Give what trains from a state, its first or an interrupted one, over `steps` in all with `rate` as the greatest."""

    def network(self, weights: Weights, description: EventNetworkDescription) -> EventNetwork:
        """Make the network of trained arrays."""


def held_out_parts(recipe: TrainingRecipe, movies: Sequence[TrainingMovie], count: int) -> list[Any]:
    """Draw parts of held-out movies, without changing them."""
    if not movies:
        return []
    sampler = recipe.sampler(movies, frozenset(CHANGES))
    return [sampler.draw() for _ in range(count)]
