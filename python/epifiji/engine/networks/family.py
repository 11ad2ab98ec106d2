"""The interface of a family of networks: how its networks are checked, predict, are trained and exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.cells import CellMaps
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.image import Image
from epifiji.data.labelled import TrainingField, TrainingMovie, TrainingVolume
from epifiji.data.network import AnyNetwork
from epifiji.data.progress import Report
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.data.volume_networks import VolumeNetwork, VolumeNetworkDescription
from epifiji.engine.backend.devices import Device
from epifiji.engine.tiling.blocks import BlockPredictor
from epifiji.engine.tiling.maps import Arithmetic
from epifiji.engine.tiling.tiles import Area
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
    """A family of networks; :data:`epifiji.engine.networks.families.families` lists all.

    Its descriptions (:data:`epifiji.data.descriptions.DESCRIPTIONS`) define what its networks are; this class defines
    what is done with them. It receives only networks whose description names the family.
    """

    kind: str
    """Its name: the `kind` of its descriptions, and its key in both registries."""

    needs_tensorflow: bool
    """Whether its networks predict with TensorFlow on processors too, and not with ONNX Runtime or a program of their own."""

    def check(self, network: AnyNetwork) -> None:
        """Check a network's arrays and numbers before it is stored or trained; :func:`epifiji.data.network.array_problem` helps.

        Raises
        ------
        WrongInputError
            If the network is not usable; the message names its first invalid array or number.
        """


class EventFamily(Family, Protocol):
    """A family of networks that find events in movies."""

    modes: tuple[str, ...]
    """The modes of detection in which its networks predict; see :data:`epifiji.data.settings.detection.MODES`."""

    def arithmetic(
        self, shape: tuple[int, int, int], description: EventNetworkDescription, settings: DetectionSettings
    ) -> Arithmetic:
        """Return how predictions become maps.

        Parameters
        ----------
        shape
            (T, Y, X) of the movie at the network's scale.
        settings
            Of the detection: `mode`, and the steps `step_xy` (px) and `step_t` (frames) between windows.
        """

    def uses_prefilter(self, mode: str) -> bool:
        """Return whether a prefilter, if there is one for a network, saves predictions in this mode."""

    def load(self, network: EventNetwork, mode: str, device: Device) -> Any:
        """Put the weights on a device.

        The result is kept for the next movie, and used again for the same network on the same device in each mode with
        the same :meth:`variant`. Networks that were not read from a file are loaded each time.
        """

    def variant(self, mode: str) -> str:
        """Return the same text for all modes that can share the result of :meth:`load`."""

    def predictor(self, loaded: Any, mode: str, prefilter: Any) -> BlockPredictor:
        """Return the predictor of blocks.

        Parameters
        ----------
        loaded
            The result of :meth:`load`.
        prefilter
            A :class:`~epifiji.engine.networks.dexnet.prefilter.Prefilter`, or None if :meth:`uses_prefilter` is False,
            or there is none for the network.
        """

    def description_for(
        self, name: str, classes: Sequence[str], parent: EventNetworkDescription | None
    ) -> EventNetworkDescription:
        """Describe a network that is to be trained to find these event classes, from a parent or from random weights.

        Raises
        ------
        WrongInputError
            If networks of this family are not trained, or not from random weights.
        """

    def require_trainable(
        self, name: str, shape: tuple[int, int, int], description: EventNetworkDescription, rescaled: bool
    ) -> None:
        """Check that a movie is large enough for training.

        Parameters
        ----------
        name, shape
            Of the movie; (T, Y, X) at the network's scale.
        rescaled
            Whether it was rescaled for the network.

        Raises
        ------
        WrongInputError
            If it is too small.
        """

    def recipe(
        self,
        description: EventNetworkDescription,
        parent: EventNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> TrainingRecipe[TrainingMovie]:
        """Return how the network of a :meth:`description_for` is trained.

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
            If networks of this family are not exported, or the package onnx is not installed.
        """

    def probabilities(self, network: EventNetwork, pixels: np.ndarray) -> np.ndarray:
        """Predict what the ONNX model predicts: (T, Y, X) of any real type to (events, T, Y, X), float32 from 0 to 1.

        Raises
        ------
        WrongInputError
            If networks of this family are not exported.
        """


class CellFamily(Family, Protocol):
    """A family of networks that predict maps of one frame, from which its cells are separated."""

    def load(self, network: CellNetwork, device: Device) -> Any:
        """Put the weights on a device; the result is kept for the next image. Its attribute `runtime` names what computes."""

    def maps(self, loaded: Any, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """Predict the network's outputs for a whole frame of any size, in tiles if it is large.

        Parameters
        ----------
        loaded
            The result of :meth:`load`.
        frame
            (Y, X), float64 and finite, at the network's scale, with borders brighter than cells.
        flips
            Whether to average over mirror images, and whatever else the family averages over.
        megabytes
            Approximate memory for the computation, apart from the frame and the result.

        Returns
        -------
        numpy.ndarray
            (Y, X, outputs), float32 from 0 to 1; directions from -1 to 1.
        """

    def separate(
        self, maps: np.ndarray, description: CellNetworkDescription, diameter_px: float, settings: SegmentationSettings
    ) -> CellMaps:
        """Separate the cells of a frame.

        Parameters
        ----------
        maps
            The result of :meth:`maps`, at any scale.
        diameter_px
            Typical diameter of the cells in pixels of the maps.
        settings
            Those that are None are the network's own.
        """

    def certainty(self, maps: np.ndarray, cells: CellMaps) -> float | None:
        """Return how well a network knows the cells of its maps, from 0 to 1, at the scale of :meth:`maps`.

        It is the larger the better the scale is that the frame was brought to. None where there are no cells.
        """

    def description_for(self, name: str, parent: CellNetworkDescription | None) -> CellNetworkDescription:
        """Describe a network that is to be trained, from a parent or from random weights.

        Raises
        ------
        WrongInputError
            If networks of this family are not trained.
        """

    def recipe(
        self,
        description: CellNetworkDescription,
        parent: CellNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> TrainingRecipe[TrainingField]:
        """Return how the network of a :meth:`description_for` is trained; see :meth:`EventFamily.recipe`."""


class VolumeFamily(Family, Protocol):
    """A family of networks that predict maps of a volume, from which its cells are separated."""

    def load(self, network: VolumeNetwork, device: Device) -> Any:
        """Put the weights on a device; the result is kept for the next volume. Its attribute `runtime` names what computes."""

    def maps(
        self,
        loaded: Any,
        volume: Image,
        megabytes: float,
        padding: tuple[int, int, int] | None,
        flips: bool,
        report: Report,
    ) -> Iterator[tuple[Area, np.ndarray]]:
        """Predict a volume block by block.

        Parameters
        ----------
        loaded
            The result of :meth:`load`.
        volume
            With the axes ZYX, of which only a block is in memory.
        megabytes
            Approximate memory for the computation of a block.
        padding
            Voxels around each block that are predicted too and not kept, along Z, Y and X. Default: so many that blocks do
            not show.
        flips
            Whether to average over the mirror images in the plane.
        report
            Called before each block; may raise to cancel.

        Returns
        -------
        iterator
            Of the place of each block, and its probabilities (Z, Y, X, 3), float32 from 0 to 1, of
            :data:`epifiji.data.volume_networks.VOLUME_OUTPUTS`.
        """

    def description_for(
        self, name: str, parent: VolumeNetworkDescription | None, settings: CystTrainingSettings
    ) -> VolumeNetworkDescription:
        """Describe a network that is to be trained, from a parent or from random weights."""

    def recipe(
        self, description: VolumeNetworkDescription, parent: VolumeNetwork | None, settings: CystTrainingSettings
    ) -> TrainingRecipe[TrainingVolume]:
        """Return how the network of a :meth:`description_for` is trained; see :meth:`EventFamily.recipe`."""

    def scaled(self, volume: Image) -> np.ndarray:
        """Return a volume's grey values as its networks receive them: (Z, Y, X), float32."""
