"""U-Nets for the cells of a frame as a family; see :class:`epifiji.engine.networks.family.CellFamily`."""

from __future__ import annotations

from typing import cast

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription, SeparationChoices, UNet2DDescription
from epifiji.data.cells import CellMaps
from epifiji.data.network import AnyNetwork, array_problem, require_arrays
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.cells.scale import border_certainty
from epifiji.engine.cells.watershed import separate_cells
from epifiji.engine.networks.unet2d.model import shapes
from epifiji.engine.networks.unet2d.predictor import UNet2D
from epifiji.engine.networks.unet2d.recipe import UNet2DRecipe
from epifiji.engine.simulation.rendered_cells import DIAMETER_PX

DEFAULT_CHOICES = SeparationChoices(seed_height=0.2, merge_below=0.5, tissue_threshold=0.5, least_area=0.1)
"""How cells are separated by a network that is trained from random weights."""


class UNet2DFamily:
    """Networks that predict borders, distances from them, and tissue."""

    kind: str = "unet2d"
    needs_tensorflow: bool = False

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        require_arrays(network, lambda weights: array_problem(weights, shapes()), "a U-Net for cells")

    def load(self, network: CellNetwork, device: Device) -> UNet2D:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        self.check(cast(AnyNetwork, network))
        return UNet2D(network.weights, onnx=device.onnx)

    def maps(self, loaded: UNet2D, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return loaded.averaged(frame, flips, megabytes)

    def separate(
        self, maps: np.ndarray, description: CellNetworkDescription, diameter_px: float, settings: SegmentationSettings
    ) -> CellMaps:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        choices = cast(UNet2DDescription, description).choices.replaced(settings)
        return separate_cells(maps[..., 0], maps[..., 1], maps[..., 2], diameter_px, choices)

    def certainty(self, maps: np.ndarray, cells: CellMaps) -> float | None:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return border_certainty(cells)

    def description_for(self, name: str, parent: CellNetworkDescription | None) -> UNet2DDescription:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        known = cast(UNet2DDescription | None, parent)
        return UNet2DDescription(
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
    ) -> UNet2DRecipe:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return UNet2DRecipe(description, parent, settings, keeping)
