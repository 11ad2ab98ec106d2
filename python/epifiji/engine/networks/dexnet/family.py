"""DeXNets as a family; see :class:`epifiji.engine.networks.family.EventFamily`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription, event_network
from epifiji.data.network import NOTHING, AnyNetwork
from epifiji.data.settings.detection import MODES, DetectionSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.networks.dexnet.compatible import Compatible
from epifiji.engine.networks.dexnet.exact import ExactPredictor
from epifiji.engine.networks.dexnet.fast import Fast
from epifiji.engine.networks.dexnet.model import Classifier, check_network
from epifiji.engine.networks.dexnet.prefilter import Prefilter
from epifiji.engine.networks.dexnet.recipe import DexNetRecipe
from epifiji.engine.tiling.blocks import BlockPredictor
from epifiji.engine.tiling.maps import Arithmetic, Exact
from epifiji.engine.tiling.windows import ROUNDING, require_room


class DexNetFamily:
    """Networks that classify windows one by one."""

    kind: str = "dexnet"
    needs_tensorflow: bool = True
    modes: tuple[str, ...] = MODES

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        check_network(event_network(network))

    def arithmetic(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, settings: DetectionSettings
    ) -> Arithmetic:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        kind = Compatible if settings.mode == "compatible" else Exact
        return kind(shape, description, settings.step_xy, settings.step_t)

    def uses_prefilter(self, mode: str) -> bool:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return mode == "fast"

    def load(self, network: EventNetwork, mode: str, device: Device) -> Classifier:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return Classifier(network, device.batch, device.precision)

    def variant(self, mode: str) -> str:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        return ""

    def predictor(self, loaded: Classifier, mode: str, prefilter: Prefilter | None) -> BlockPredictor:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        if mode == "fast":
            return Fast(loaded, prefilter)
        return ExactPredictor(loaded, 0.0 if mode == "compatible" else ROUNDING)

    def description_for(
        self, name: str, classes: Sequence[str], parent: EventNetworkDescription | None
    ) -> EventNetworkDescription:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        if parent is None:
            raise WrongInputError("A DeXNet is only trained from another one: specify the network to begin with.")
        # The new network was not imported from the parent's origin, and has other scores.
        changed = {
            "name": name,
            "classes": (NOTHING, *classes),
            "weights_sha256": (),
            "origin": "",
            "calibration": {},
            "calibrated_on": "",
        }
        return parent.model_copy(update=changed)

    def require_trainable(
        self, name: str, shape: tuple[int, int, int], description: EventNetworkDescription, rescaled: bool
    ) -> None:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        require_room(name, shape, description, rescaled)

    def recipe(
        self,
        description: EventNetworkDescription,
        parent: EventNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> DexNetRecipe:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        assert parent is not None  # description_for refuses otherwise
        return DexNetRecipe(description, parent, settings)

    def onnx(self, network: EventNetwork) -> NoReturn:
        """See :class:`~epifiji.engine.networks.family.EventFamily`."""
        raise WrongInputError(
            f"{network.description.name} is of the kind {self.kind}, but only an EpiNet can be exported: train or "
            "retrain one, or specify another."
        )

    def probabilities(self, network: EventNetwork, pixels: np.ndarray) -> NoReturn:
        """See :meth:`onnx`."""
        self.onnx(network)
