"""Training of a U-Net for cells, from random weights or from an earlier network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.labelled import TrainingField
from epifiji.data.network import Network, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.networks.unet2d.model import GRAIN_PX, new_weights
from epifiji.engine.networks.unet2d.sampling import TileSampler
from epifiji.engine.networks.unet2d.training import cell_loss, jaccard_loss, targets_of
from epifiji.engine.simulation.rendered_cells import render_cells
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.trainer import PARTS_A_STEP, State, Trainer

TILE_PX = 144
RENDERED, RENDERED_SIDE_PX = 96, 192
"""Number and side of the rendered images from which the network keeps what it knew."""

FIRST_SEED = 9_000_000
"""Far from the seeds of images that a network was trained on."""

RENDERING = "rendering cells, so that nothing is forgotten"


class UNet2DRecipe:
    """Trains a U-Net for cells; of a parent with several members the first is trained.

    Parameters
    ----------
    description
        Of the network to train.
    parent
        The network whose weights initialise the training, or None.
    settings
        For the seed, the loss and the size of tiles.
    keeping
        Whether to keep what the parent knew.
    """

    points = 20

    targets_of = staticmethod(targets_of)
    """Makes the targets of labels; see :class:`~epifiji.engine.networks.unet2d.sampling.TileSampler`."""

    def __init__(
        self,
        description: CellNetworkDescription,
        parent: CellNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> None:
        self._description, self._parent, self._settings = description, parent, settings
        self.rate = 5e-4 if keeping else 1e-3

    def first_weights(self) -> Weights:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        if self._parent is None:
            return new_weights(np.random.default_rng(self._settings.seed))
        return dict(self._parent.weights[0])

    def sampler(self, items: Sequence[TrainingField], without: frozenset[str]) -> Draws:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        side = -(-(self._settings.tile_size or TILE_PX) // GRAIN_PX) * GRAIN_PX
        count = self._settings.batch_size // PARTS_A_STEP
        random = np.random.default_rng(self._settings.seed)
        return TileSampler(items, side, random, without, self.targets_of, count)

    def prepared(self, items: Sequence[TrainingField], report: Report) -> list[TrainingField]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: unknown places do not count."""
        return list(items)

    def rehearsed(self, report: Report) -> list[TrainingField]:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`: rendered cells, whose labels are known."""
        made = []
        for number in range(RENDERED):
            report(number / RENDERED, RENDERING)
            pixels, labels = render_cells(np.random.default_rng(FIRST_SEED + number), RENDERED_SIDE_PX)
            made.append(TrainingField(pixels, labels, np.ones(labels.shape, bool), f"rendered {number + 1}"))
        return made

    def trainer(self, state: State, steps: int, rate: float) -> Trainer:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Trainer(state, steps, rate, jaccard_loss if self._settings.loss == "jaccard" else cell_loss)

    def network(self, weights: Weights, description: CellNetworkDescription) -> CellNetwork:
        """See :class:`~epifiji.engine.training.recipe.TrainingRecipe`."""
        return Network(description, (weights,))
