"""How networks of each kind are taught: what they begin with, what is drawn for them, and what becomes of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import Labelled
from epifiji.data.network import Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import CHANGES
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import State, Trainer


class TrainingRecipe(Protocol):
    """See :class:`EpiNetRecipe` and :class:`DexNetRecipe`."""

    rate: float
    """Of learning, where the user gives none."""

    points: int
    """About how often the network is judged in a whole training."""

    def first_weights(self) -> Weights:
        """Give what the network begins with."""

    def sampler(self, movies: Sequence[Labelled], without: frozenset[str]) -> Draws:
        """Give who draws from movies."""

    def prepared(self, movies: Sequence[Labelled], report: Report) -> list[Labelled]:
        """Add what the parent knows to movies in which not everything is known."""

    def rehearsed(self, report: Report) -> list[Labelled]:
        """Give movies with which the network keeps what it knew."""

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """Give who trains."""

    def network(self, weights: Weights, description: EventNetworkDescription) -> EventNetwork:
        """Give the network with such weights."""


def held_out_parts(recipe: TrainingRecipe, movies: Sequence[Labelled], count: int) -> list[Any]:
    """Draw parts of held-out movies, without changing them."""
    if not movies:
        return []
    sampler = recipe.sampler(movies, frozenset(CHANGES))
    return [sampler.draw() for _ in range(count)]
