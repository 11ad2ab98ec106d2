"""3D U-Nets for the cells of a volume as a family; see :class:`epifiji.engine.networks.family.VolumeFamily`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from epifiji.data.image import Image
from epifiji.data.network import AnyNetwork, array_problem, require_arrays
from epifiji.data.progress import Report
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.volume_networks import UNet3DDescription, VolumeNetwork, VolumeNetworkDescription
from epifiji.engine.backend.devices import Device
from epifiji.engine.networks.unet3d.grey_range import GreyRange
from epifiji.engine.networks.unet3d.model import PRESETS
from epifiji.engine.networks.unet3d.predictor import UNet3D
from epifiji.engine.networks.unet3d.recipe import UNet3DRecipe, architecture_of
from epifiji.engine.tiling.tiles import Area


class UNet3DFamily:
    """Networks that predict the inside of cells, their contours, and the mask of both."""

    kind: str = "unet3d"
    needs_tensorflow: bool = False

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        shapes = architecture_of(cast(UNet3DDescription, network.description)).shapes()
        require_arrays(network, lambda weights: array_problem(weights, shapes), "a 3D U-Net with its features")

    def load(self, network: VolumeNetwork, device: Device) -> UNet3D:
        """See :class:`~epifiji.engine.networks.family.VolumeFamily`."""
        self.check(cast(AnyNetwork, network))
        return UNet3D(network.weights, architecture_of(cast(UNet3DDescription, network.description)), device.onnx)

    def maps(
        self,
        loaded: UNet3D,
        volume: Image,
        megabytes: float,
        padding: tuple[int, int, int] | None,
        flips: bool,
        report: Report,
    ) -> Iterator[tuple[Area, np.ndarray]]:
        """See :class:`~epifiji.engine.networks.family.VolumeFamily`."""
        return loaded.blocks(volume, GreyRange.of(volume), loaded.voxels_within(megabytes), padding, flips, report)

    def description_for(
        self, name: str, parent: VolumeNetworkDescription | None, settings: CystTrainingSettings
    ) -> UNet3DDescription:
        """See :class:`~epifiji.engine.networks.family.VolumeFamily`."""
        if isinstance(parent, UNet3DDescription):
            return UNet3DDescription(name=name, features=parent.features, z_steps=parent.z_steps)
        chosen = PRESETS[settings.preset]
        return UNet3DDescription(name=name, features=chosen.features, z_steps=chosen.z_steps)

    def recipe(
        self,
        description: VolumeNetworkDescription,
        parent: VolumeNetwork | None,
        settings: CystTrainingSettings,
    ) -> UNet3DRecipe:
        """See :class:`~epifiji.engine.networks.family.VolumeFamily`."""
        return UNet3DRecipe(cast(UNet3DDescription, description), parent, settings)

    def scaled(self, volume: Image) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.VolumeFamily`."""
        return GreyRange.of(volume).scaled(np.asarray(volume))
