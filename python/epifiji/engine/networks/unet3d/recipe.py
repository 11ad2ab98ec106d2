"""Training of a 3D U-Net for cells, from random weights or from an earlier network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.labelled import TrainingVolume
from epifiji.data.network import Network, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.volume_networks import UNet3DDescription, VolumeNetwork
from epifiji.engine.networks.unet3d.model import PRESETS, Architecture, new_weights
from epifiji.engine.networks.unet3d.sampling import PartSampler
from epifiji.engine.networks.unet3d.training import volume_loss
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import PARTS_A_STEP, State, Trainer

SMALL_SIDES, FULL_SIDES = (32, 48, 48), (80, 80, 80)
"""Sides of parts for networks with at most as many features as the small preset, and for larger ones."""


class UNet3DRecipe:
    """Trains a 3D U-Net; of a parent with several members the first is trained.

    Parameters
    ----------
    description
        Of the network to train.
    parent
        The network whose weights initialise the training, or None.
    settings
        For the seed, dropout, and the number and sides of parts.
    """

    points = 10

    def __init__(
        self, description: UNet3DDescription, parent: VolumeNetwork | None, settings: CystTrainingSettings
    ) -> None:
        self._parent, self._settings = parent, settings
        self._architecture = architecture_of(description)
        self.rate = 1e-3 if parent is None else 5e-4

    def first_weights(self) -> Weights:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        if self._parent is None:
            return new_weights(np.random.default_rng(self._settings.seed), self._architecture)
        return dict(self._parent.weights[0])

    def sampler(self, items: Sequence[TrainingVolume], without: frozenset[str]) -> Draws:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        settings = self._settings
        small = self._architecture.features[0] <= PRESETS["small"].features[0]
        return PartSampler(
            items,
            settings.patch or (SMALL_SIDES if small else FULL_SIDES),
            np.random.default_rng(settings.seed),
            without,
            self._architecture,
            settings.dropout,
            settings.batch_size // PARTS_A_STEP,
        )

    def prepared(self, items: Sequence[TrainingVolume], report: Report) -> list[TrainingVolume]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: all cells of a volume are annotated."""
        return list(items)

    def rehearsed(self, report: Report) -> list[TrainingVolume]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: nothing."""
        return []

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Trainer(state, steps, rate, volume_loss(self._architecture))

    def network(self, weights: Weights, description: UNet3DDescription) -> VolumeNetwork:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Network(description, (weights,))


def architecture_of(description: UNet3DDescription) -> Architecture:
    """Return the sizes of a network from its description."""
    return Architecture(description.features, description.z_steps)
