"""Training of a network for separate cells, from random weights, from an earlier one, or from a network for epithelia."""

from __future__ import annotations

import numpy as np

from epifiji.data.cell_networks import FLOW_OUTPUTS, Flow2DDescription
from epifiji.data.labelled import TrainingField
from epifiji.data.network import Weights
from epifiji.data.progress import Report
from epifiji.engine.networks.flow2d.training import flow_loss, targets_of
from epifiji.engine.networks.unet2d.model import ANSWER, new_weights
from epifiji.engine.networks.unet2d.recipe import UNet2DRecipe
from epifiji.engine.training.trainer import State, Trainer


class Flow2DRecipe(UNet2DRecipe):
    """Trains a network for separate cells; see :class:`~epifiji.engine.networks.unet2d.recipe.UNet2DRecipe`.

    From a parent for epithelia it takes all layers but the last.
    """

    targets_of = staticmethod(targets_of)

    def first_weights(self) -> Weights:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        weights = new_weights(np.random.default_rng(self._settings.seed), len(FLOW_OUTPUTS))
        if self._parent is None:
            return weights
        same = isinstance(self._parent.description, Flow2DDescription)
        known = {
            name: values
            for name, values in self._parent.weights[0].items()
            if same or not name.startswith(f"{ANSWER}/")
        }
        return weights | known

    def rehearsed(self, report: Report) -> list[TrainingField]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: nothing, because no such cells are rendered."""
        return []

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Trainer(state, steps, rate, flow_loss)
