"""Retraining of a DeXNet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import TrainingMovie
from epifiji.data.network import Network, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.networks.dexnet.training import WindowSampler, apart, grown, is_norm, together, window_loss
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.rehearsal import simulated
from epifiji.engine.training.trainer import State, Trainer


class DexNetRecipe:
    """Retrains a DeXNet, all members at once; see :class:`EpiNetRecipe`."""

    points = 6
    rate = 1e-4

    def __init__(self, description: EventNetworkDescription, parent: EventNetwork, settings: TrainingSettings) -> None:
        self._description, self._parent, self._settings = description, parent, settings
        self._classifier: Classifier | None = None

    def first_weights(self) -> Weights:
        """See :class:`TrainingRecipe`."""
        random = np.random.default_rng(self._settings.seed)
        return together([grown(one, len(self._description.classes), random) for one in self._parent.weights])

    def sampler(self, movies: Sequence[TrainingMovie], without: frozenset[str]) -> Draws:
        """See :class:`TrainingRecipe`."""
        random = np.random.default_rng(self._settings.seed)
        return WindowSampler(movies, self._description, random, without, self._answers)

    def _answers(self, windows: np.ndarray) -> np.ndarray:
        """Return the parent's probabilities for windows, averaged over its members."""
        if self._classifier is None:
            self._classifier = Classifier(self._parent)
        classifier = self._classifier
        return np.asarray(np.mean([classifier(member, windows) for member in range(len(classifier))], 0))

    def prepared(self, movies: Sequence[TrainingMovie], report: Report) -> list[TrainingMovie]:
        """See :class:`TrainingRecipe`: predictions for windows are made when they are drawn."""
        return list(movies)

    def rehearsed(self, report: Report) -> list[TrainingMovie]:
        """See :class:`TrainingRecipe`."""
        return simulated(len(self._description.events), report)

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`TrainingRecipe`."""
        return Trainer(state, steps, rate, window_loss, is_norm)

    def network(self, weights: Weights, description: EventNetworkDescription) -> EventNetwork:
        """See :class:`TrainingRecipe`."""
        return Network(description, apart(weights))
