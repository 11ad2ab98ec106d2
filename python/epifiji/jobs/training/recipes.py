"""How networks of each kind are taught: what they begin with, what is drawn for them, and what becomes of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from epifiji.data.labelled import Labelled
from epifiji.data.network import Network, NetworkDescription, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import CHANGES, TrainingSettings
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.networks.dexnet.training import WindowSampler, apart, grown, is_norm, together, window_loss
from epifiji.engine.networks.epinet.model import new_weights
from epifiji.engine.networks.epinet.sampling import Sampler
from epifiji.engine.networks.epinet.training import carried_over, epinet_loss
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import State, Trainer
from epifiji.jobs.training.rehearsal import simulated, taught_by


class School(Protocol):
    """See :class:`EpiNetSchool` and :class:`DexNetSchool`."""

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

    def network(self, weights: Weights, description: NetworkDescription) -> Network:
        """Give the network with such weights."""


class EpiNetSchool:
    """Teaches an EpiNet, from nothing or from what a parent knows; of a parent with several members one goes on.

    Parameters
    ----------
    description
        Of the network that is to learn.
    parent
        What it begins with.
    settings
        For the seed.
    keeping
        Whether it is to keep what the parent knew.
    """

    points = 20

    def __init__(
        self, description: NetworkDescription, parent: Network | None, settings: TrainingSettings, keeping: bool
    ) -> None:
        self._description, self._parent, self._settings = description, parent, settings
        self.rate = 5e-4 if keeping else 1e-3

    def first_weights(self) -> Weights:
        """See :class:`School`."""
        random = np.random.default_rng(self._settings.seed)
        if self._parent is None:
            return new_weights(len(self._description.events), random)
        return carried_over(self._parent.weights[0], self._parent.description.events, self._description.events, random)

    def sampler(self, movies: Sequence[Labelled], without: frozenset[str]) -> Draws:
        """See :class:`School`."""
        random = np.random.default_rng(self._settings.seed)
        return Sampler(movies, len(self._description.events), random, without)

    def prepared(self, movies: Sequence[Labelled], report: Report) -> list[Labelled]:
        """See :class:`School`."""
        return taught_by(self._parent, movies, report) if self._parent else list(movies)

    def rehearsed(self, report: Report) -> list[Labelled]:
        """See :class:`School`."""
        movies = simulated(len(self._description.events), report)
        return taught_by(self._parent, movies, report, len(self._description.events)) if self._parent else []

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`School`."""
        return Trainer(state, steps, rate, epinet_loss)

    def network(self, weights: Weights, description: NetworkDescription) -> Network:
        """See :class:`School`."""
        return Network(description, (weights,))


class DexNetSchool:
    """Lets a DeXNet learn more, all members at once; see :class:`EpiNetSchool`."""

    points = 6
    rate = 1e-4

    def __init__(self, description: NetworkDescription, parent: Network, settings: TrainingSettings) -> None:
        self._description, self._parent, self._settings = description, parent, settings
        self._classifier: Classifier | None = None

    def first_weights(self) -> Weights:
        """See :class:`School`."""
        random = np.random.default_rng(self._settings.seed)
        return together([grown(one, len(self._description.classes), random) for one in self._parent.weights])

    def sampler(self, movies: Sequence[Labelled], without: frozenset[str]) -> Draws:
        """See :class:`School`."""
        random = np.random.default_rng(self._settings.seed)
        return WindowSampler(movies, self._description, random, without, self._answers)

    def _answers(self, windows: np.ndarray) -> np.ndarray:
        """Give what the parent answers to windows, averaged over its members."""
        if self._classifier is None:
            self._classifier = Classifier(self._parent)
        classifier = self._classifier
        return np.asarray(np.mean([classifier(member, windows) for member in range(len(classifier))], 0))

    def prepared(self, movies: Sequence[Labelled], report: Report) -> list[Labelled]:
        """See :class:`School`: windows are answered when they are drawn."""
        return list(movies)

    def rehearsed(self, report: Report) -> list[Labelled]:
        """See :class:`School`."""
        return simulated(len(self._description.events), report)

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`School`."""
        return Trainer(state, steps, rate, window_loss, is_norm)

    def network(self, weights: Weights, description: NetworkDescription) -> Network:
        """See :class:`School`."""
        return Network(description, apart(weights))


def held_out_parts(school: School, movies: Sequence[Labelled], count: int) -> list[Any]:
    """Draw parts of held-out movies, without changing them."""
    if not movies:
        return []
    sampler = school.sampler(movies, frozenset(CHANGES))
    return [sampler.draw() for _ in range(count)]
