"""Networks for separate cells as a family; see :class:`epifiji.engine.networks.family.CellFamily`."""

from __future__ import annotations

from typing import cast

import numpy as np

from epifiji.data.cell_networks import (
    FLOW_OUTPUTS,
    CellNetwork,
    CellNetworkDescription,
    Flow2DDescription,
    FlowChoices,
)
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork, array_problem, require_arrays
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.cells.flows import cells_of_flows
from epifiji.engine.networks.flow2d.recipe import Flow2DRecipe
from epifiji.engine.networks.flow2d.training import DIRECTIONS
from epifiji.engine.networks.unet2d.model import shapes
from epifiji.engine.networks.unet2d.predictor import UNet2D

DIAMETER_PX = 15.0
"""Diameter of the cells that a new network is trained for; smaller ones are enlarged to it."""

DEFAULT_CHOICES = FlowChoices(tissue_threshold=0.45, least_area=0.4)
"""How cells are separated by a network that is trained from random weights."""

OUTPUTS = len(FLOW_OUTPUTS)


class Flow2DFamily:
    """Networks that predict directions to the middle of cells, their inside and their borders."""

    kind: str = "flow2d"
    needs_tensorflow: bool = False

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        require_arrays(network, lambda weights: array_problem(weights, shapes(OUTPUTS)), "a network for separate cells")

    def load(self, network: CellNetwork, device: Device) -> UNet2D:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        self.check(cast(AnyNetwork, network))
        return UNet2D(network.weights, DIRECTIONS, device.onnx)

    def maps(self, loaded: UNet2D, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return loaded.averaged(frame, flips, megabytes)

    def separate(
        self, maps: np.ndarray, description: CellNetworkDescription, diameter_px: float, settings: SegmentationSettings
    ) -> CellMaps:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        choices = cast(Flow2DDescription, description).choices.replaced(settings)
        inside = maps[..., DIRECTIONS]
        labels = cells_of_flows(maps[..., :DIRECTIONS], inside, diameter_px, choices)
        return CellMaps(labels, maps[..., DIRECTIONS + 1], inside >= choices.tissue_threshold)

    def certainty(self, maps: np.ndarray, cells: CellMaps) -> float | None:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        cells_there = cells.labels > 0
        # Directions of what the network does not know are short.
        return float(np.hypot(maps[..., 0], maps[..., 1])[cells_there].mean()) if cells_there.any() else None

    def description_for(self, name: str, parent: CellNetworkDescription | None) -> Flow2DDescription:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        known = parent if isinstance(parent, Flow2DDescription) else None
        return Flow2DDescription(
            name=name,
            cell_diameter_px=known.cell_diameter_px if known else DIAMETER_PX,
            choices=known.choices if known else DEFAULT_CHOICES,
        )

    def recipe(
        self,
        description: CellNetworkDescription,
        parent: CellNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> Flow2DRecipe:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        if settings.loss != TrainingSettings.model_fields["loss"].default:
            raise WrongInputError(
                f"loss is {settings.loss}, but networks for separate cells have a loss of their own: leave it out."
            )
        return Flow2DRecipe(description, parent, settings, keeping)
