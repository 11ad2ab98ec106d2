"""What a family of networks offers to whoever uses one: how its networks are checked, predict, are trained and exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.network import AnyNetwork
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.tiling.blocks import BlockPredictor
from epifiji.engine.tiling.maps import Arithmetic
from epifiji.engine.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class OnnxModel:
    """A network in ONNX.

    Parameters
    ----------
    data, opset
        The model, and the version of its operators.
    input_name, output_name
        Its only input (1, 1, T, Y, X) and output (1, events, T, Y, X), both float32.
    grain_px
        Sides of the input are multiples of it.
    reach_frames
        Frames before and after a frame that its prediction depends on.
    """

    data: bytes
    opset: int
    input_name: str
    output_name: str
    grain_px: int
    reach_frames: int


class Family(Protocol):
    """A family of networks that find events; :data:`epifiji.engine.networks.families.FAMILIES` lists all.

    What its networks are is said by its descriptions (:data:`epifiji.data.descriptions.DESCRIPTIONS`); here stands what is done
    with them. Only networks whose description names the family come to it.
    """

    kind: str
    """Its name: the `kind` of its descriptions, and its key in both registries."""

    modes: tuple[str, ...]
    """The modes of detection in which its networks predict; see :data:`epifiji.data.settings.detection.MODES`."""

    def check(self, network: AnyNetwork) -> None:
        """Check a network's arrays and numbers before it is kept or trained further; :func:`epifiji.data.network.unlike` helps.

        Raises
        ------
        WrongInputError
            Naming the first array or number with which the network cannot work.
        """

    def arithmetic(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, settings: DetectionSettings
    ) -> Arithmetic:
        """Give how predictions become maps.

        Parameters
        ----------
        shape
            (T, Y, X) of the movie at the network's scale.
        settings
            Of the detection: `mode`, and the steps `step_xy` (px) and `step_t` (frames) between windows.
        """

    def uses_prefilter(self, mode: str) -> bool:
        """Say whether a prefilter, where there is one for a network, saves predictions in this mode."""

    def load(self, network: EventNetwork, mode: str, device: Device) -> Any:
        """Put the weights on a device.

        The result is kept for the next movie, and used again for the same network on the same device in each mode with the
        same :meth:`variant`. Networks that were not read from a file are loaded each time.
        """

    def variant(self, mode: str) -> str:
        """Give the same text for all modes that can share what :meth:`load` gave."""

    def predictor(self, loaded: Any, mode: str, prefilter: Any) -> BlockPredictor:
        """Give what predicts blocks.

        Parameters
        ----------
        loaded
            What :meth:`load` gave.
        prefilter
            A :class:`~epifiji.engine.networks.dexnet.prefilter.Prefilter`, or None where :meth:`uses_prefilter` says no, or there
            is none for the network.
        """

    def description_for(
        self, name: str, classes: Sequence[str], parent: EventNetworkDescription | None
    ) -> EventNetworkDescription:
        """Describe a network that is to be trained to find these event classes, from a parent or from random weights.

        Raises
        ------
        WrongInputError
            Where networks of this family are not trained, or not from random weights.
        """

    def require_trainable(
        self, name: str, shape: tuple[int, int, int], description: EventNetworkDescription, rescaled: bool
    ) -> None:
        """Check whether a movie is large enough to learn from.

        Parameters
        ----------
        name, shape
            Of the movie; (T, Y, X) at the network's scale.
        rescaled
            Whether it was rescaled for the network.

        Raises
        ------
        WrongInputError
            Where it is too small.
        """

    def recipe(
        self,
        description: EventNetworkDescription,
        parent: EventNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> TrainingRecipe:
        """Give how the network of a :meth:`description_for` is trained.

        Parameters
        ----------
        parent
            The network whose weights initialise the training; None for random weights.
        keeping
            Whether it is to keep what the parent knows.
        """

    def onnx(self, network: EventNetwork) -> OnnxModel:
        """Export a network.

        Raises
        ------
        WrongInputError
            Where networks of this family are not exported, or the package onnx is not installed.
        """

    def probabilities(self, network: EventNetwork, pixels: np.ndarray) -> np.ndarray:
        """Predict what the ONNX model predicts: (T, Y, X) of any real type to (events, T, Y, X), float32 from 0 to 1.

        Raises
        ------
        WrongInputError
            Where networks of this family are not exported.
        """
