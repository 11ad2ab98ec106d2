"""The segmenter of volumes: a network for volumes, and how cells are made of its maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from epifiji.data.image import Image
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.cysts import InstanceSettings, NetworkPredictionSettings
from epifiji.data.settings.detection import BASE_MEGABYTES
from epifiji.data.volume_networks import VOLUME_OUTPUTS, VolumeNetwork
from epifiji.engine.networks.families import volume_family_of
from epifiji.engine.volumes.cysts import CystCells, cells_of_cyst
from epifiji.engine.volumes.watershed import SEPARATING
from epifiji.jobs.networks import loaded_for_volumes


class CystSegmenter:
    """Segments volumes.

    Parameters
    ----------
    network
        The network.
    prediction, instances
        How it predicts, and how cells are made of its maps.
    """

    def __init__(
        self, network: VolumeNetwork, prediction: NetworkPredictionSettings, instances: InstanceSettings
    ) -> None:
        self.network, self._prediction, self._instances = network, prediction, instances
        self._family = volume_family_of(network.description)
        self._loaded = loaded_for_volumes(network, prediction.device)

    @property
    def runtime(self) -> str:
        """What computes the network, such as ``ONNX Runtime``."""
        return str(self._loaded.runtime)

    def maps(
        self, volume: Image, make: Callable[[tuple[int, ...], Any], Any] = np.zeros, report: Report = silent
    ) -> Any:
        """Predict the maps of a volume: (3, Z, Y, X), float32, in an array that `make` makes of a shape and a type."""
        maps = make((len(VOLUME_OUTPUTS), *volume.shape), np.float32)
        chosen = self._prediction
        blocks = self._family.maps(
            self._loaded, volume, chosen.memory - BASE_MEGABYTES, chosen.padding, chosen.flips, report
        )
        for place, found in blocks:
            maps[(slice(None), *place)] = np.moveaxis(found, -1, 0)
        return maps

    def __call__(
        self, volume: Image, make: Callable[[tuple[int, ...], Any], Any] = np.zeros, report: Report = silent
    ) -> CystCells:
        """Segment a volume."""
        maps = self.maps(volume, make, PartReport(report, 0, 2))
        report(0.5, SEPARATING)
        return cells_of_cyst(maps, self._instances)
