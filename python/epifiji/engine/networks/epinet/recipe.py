"""Training of an EpiNet, from random weights or from an earlier network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import TrainingMovie
from epifiji.data.network import Network, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.networks.epinet.model import new_weights
from epifiji.engine.networks.epinet.predictor import mean_predictions
from epifiji.engine.networks.epinet.sampling import Sampler
from epifiji.engine.networks.epinet.training import carried_over, epinet_loss
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.rehearsal import simulated
from epifiji.engine.training.trainer import State, Trainer


class EpiNetRecipe:
    """Trains an EpiNet, from random weights or from a parent; of a parent with several members the first is trained.

    Parameters
    ----------
    description
        Of the network to train.
    parent
        The network whose weights initialise the training, or None.
    settings
        For the seed.
    keeping
        Whether to keep what the parent knew.
    """

    points = 20

    def __init__(
        self,
        description: EventNetworkDescription,
        parent: EventNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> None:
        self._description, self._parent, self._settings = description, parent, settings
        self.rate = 5e-4 if keeping else 1e-3

    def first_weights(self) -> Weights:
        """See :class:`TrainingRecipe`."""
        random = np.random.default_rng(self._settings.seed)
        if self._parent is None:
            return new_weights(len(self._description.events), random)
        return carried_over(self._parent.weights[0], self._parent.description.events, self._description.events, random)

    def sampler(self, movies: Sequence[TrainingMovie], without: frozenset[str]) -> Draws:
        """See :class:`TrainingRecipe`."""
        random = np.random.default_rng(self._settings.seed)
        return Sampler(movies, len(self._description.events), random, without)

    def prepared(self, movies: Sequence[TrainingMovie], report: Report) -> list[TrainingMovie]:
        """See :class:`TrainingRecipe`."""
        return with_predictions(self._parent, movies, report) if self._parent else list(movies)

    def rehearsed(self, report: Report) -> list[TrainingMovie]:
        """See :class:`TrainingRecipe`."""
        movies = simulated(len(self._description.events), report)
        return with_predictions(self._parent, movies, report, len(self._description.events)) if self._parent else []

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`TrainingRecipe`."""
        return Trainer(state, steps, rate, epinet_loss)

    def network(self, weights: Weights, description: EventNetworkDescription) -> EventNetwork:
        """See :class:`TrainingRecipe`."""
        return Network(description, (weights,))


PREDICTING = "predicting with the parent network"


def with_predictions(
    parent: EventNetwork, movies: Sequence[TrainingMovie], report: Report, classes: int = 0
) -> list[TrainingMovie]:
    """Add an EpiNet's predictions to movies whose content is not completely known.

    If there are more `classes` than it knows, of which its own are the first, the prediction for the others is 0.
    """
    done = []
    for number, movie in enumerate(movies):
        report(number / len(movies), PREDICTING)
        if movie.known is not None or not movie.is_annotated():
            predicted = mean_predictions(parent, movie.pixels)
            more = max(0, classes - predicted.shape[-1])
            movie = replace(movie, predicted=np.pad(predicted, [(0, 0)] * 3 + [(0, more)]))  # noqa: PLW2901
        done.append(movie)
    return done
