"""EpiNets as a family; see :class:`epifiji.engine.networks.family.EventFamily`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.event_networks import EpiNetDescription, EventNetwork, EventNetworkDescription, event_network
from epifiji.data.network import NOTHING, AnyNetwork
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.networks.epinet.maps import WholeFrames, probabilities
from epifiji.engine.networks.epinet.model import GRAIN_PX, REACH_FRAMES, check_epinet
from epifiji.engine.networks.epinet.onnx import INPUT, OPSET, OUTPUT, onnx_model
from epifiji.engine.networks.epinet.predictor import EpiNet
from epifiji.engine.networks.epinet.recipe import EpiNetRecipe
from epifiji.engine.networks.family import OnnxModel
from epifiji.engine.tiling.blocks import BlockPredictor
from epifiji.engine.tiling.maps import Arithmetic

CELL_DIAMETER_PX, EVENT_DURATION_FRAMES = 25.0, 4.5
"""The scale of a network that is trained from random weights."""

MIN_VOLUME = 150
"""Minimum volume of an event of a new class, in voxels; targets of one event have about 1,000."""


class EpiNetFamily:
    """Networks that predict maps for whole frames."""

    kind: str = "epinet"
    needs_tensorflow: bool = False
    modes: tuple[str, ...] = ("fast", "exact")

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        check_epinet(event_network(network))

    def arithmetic(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, settings: DetectionSettings
    ) -> Arithmetic:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return WholeFrames(shape, description.members)

    def uses_prefilter(self, mode: str) -> bool:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return False

    def load(self, network: EventNetwork, mode: str, device: Device) -> EpiNet:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return EpiNet(network, device.precision if mode == "fast" else "float32", device.onnx)

    def variant(self, mode: str) -> str:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return "fast" if mode == "fast" else "precise"

    def predictor(self, loaded: EpiNet, mode: str, prefilter: None) -> BlockPredictor:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return loaded

    def description_for(
        self, name: str, classes: Sequence[str], parent: EventNetworkDescription | None
    ) -> EventNetworkDescription:
        """See :class:`~epifiji.engine.networks.family.EventFamily`; training chooses the thresholds of new classes."""
        thresholds, volumes = (dict(parent.thresholds), dict(parent.min_volumes)) if parent else ({}, {})
        return EpiNetDescription(
            name=name,
            classes=(NOTHING, *classes),
            window_half_size_px=parent.window_half_size_px if parent else 22,
            frames_before=REACH_FRAMES,
            frames_after=REACH_FRAMES + 1,
            cell_diameter_px=parent.cell_diameter_px if parent else CELL_DIAMETER_PX,
            event_duration_frames=parent.event_duration_frames if parent else EVENT_DURATION_FRAMES,
            thresholds={event: level for event, level in thresholds.items() if event in classes},
            min_volumes={event: volumes.get(event, MIN_VOLUME) for event in classes},
        )

    def require_trainable(
        self, name: str, shape: tuple[int, int, int], description: EventNetworkDescription, rescaled: bool
    ) -> None:
        """See :class:`~epifiji.engine.networks.family.EventFamily`: frames of any size are accepted."""

    def recipe(
        self,
        description: EventNetworkDescription,
        parent: EventNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> EpiNetRecipe:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return EpiNetRecipe(description, parent, settings, keeping)

    def onnx(self, network: EventNetwork) -> OnnxModel:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return OnnxModel(onnx_model(network), OPSET, INPUT, OUTPUT, GRAIN_PX, REACH_FRAMES)

    def probabilities(self, network: EventNetwork, pixels: np.ndarray) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return probabilities(network, pixels)
