"""Networks that segment the cells of a frame."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from epifiji.data.errors import WrongInputError
from epifiji.data.linknet import MAPS
from epifiji.data.network import AnyNetwork, Network, NetworkDescription, require_task
from epifiji.data.settings.segmentation import SegmentationSettings


class Choices(BaseModel):
    """How the cells of a frame are separated; a network has its own, and a user may change them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shown: ClassVar[tuple[str, ...]]
    """Names of those that change the cells most, which a preview lets the user move."""

    tissue_threshold: float = Field(ge=0, le=1, description="Least probability of tissue, or of the inside of a cell.")
    least_area: float = Field(
        ge=0, le=1, description="Least area of a cell as a fraction of the disk of the typical diameter."
    )

    def replaced(self, settings: SegmentationSettings) -> Self:
        """Return these choices with those that a user made instead."""
        return self.model_copy(update=self.made_in(settings))

    @classmethod
    def made_in(cls, settings: SegmentationSettings) -> dict[str, float]:
        """Return the choices that a user made."""
        made = {name: getattr(settings, name) for name in cls.model_fields}
        return {name: value for name, value in made.items() if value is not None}


class SeparationChoices(Choices):
    """How a watershed separates cells."""

    shown = ("seed_height", "merge_below")

    seed_height: float = Field(
        ge=0,
        le=1,
        description="Least height of a peak of the distance map, above the pass to a higher one, that is a cell of its own.",
    )
    merge_below: float = Field(
        ge=0, le=1, description="Neighbours are one cell if the mean probability of a border between them is lower."
    )


class FlowChoices(Choices):
    """How flows separate cells; see :mod:`epifiji.engine.cells.flows`."""

    shown = ("tissue_threshold", "least_area")


FLOW_OUTPUTS = ("flow_y", "flow_x", "inside", "border")
"""Outputs of networks for separate cells: directions to the middle of the cell, its inside, and its border."""


class CellNetworkDescription(NetworkDescription):
    """Content of ``network.json`` of a network that segments cells."""

    task: ClassVar[str] = "cells"
    axes: ClassVar[str] = "YX"

    rescales: ClassVar[bool] = True
    """Whether frames are brought to the diameter of cells that the network was trained for."""

    estimates: ClassVar[bool] = True
    """Whether the diameter of cells is estimated if the user specifies none; otherwise it is :attr:`default_diameter_px`."""

    tried_per_octave: ClassVar[int] = 1
    """With how many diameters of cells per doubling an estimate begins."""

    largest_misfit: ClassVar[float] = math.inf
    """Largest factor between a diameter that is tried and the median diameter of the cells that are found with it."""

    inverts: ClassVar[bool] = True
    """Whether frames are inverted if the borders of cells are darker than the cells; otherwise only if the user says so."""

    @property
    def default_diameter_px(self) -> float:
        """The diameter of cells in images for which none is specified or estimated."""
        return self.cell_diameter_px

    def require_settings(self, settings: SegmentationSettings) -> None:
        """Refuse settings that have no effect with this network.

        Raises
        ------
        WrongInputError
            If there are some; the message names the first.
        """


class UNet2DDescription(CellNetworkDescription):
    """A residual U-Net that predicts borders, distances from them, and tissue."""

    kind: Literal["unet2d"] = Field("unet2d", description="Whole frames of one time.")
    choices: SeparationChoices = Field(description="How cells are separated unless the user chooses otherwise.")

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return ("border", "distance", "tissue")

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return "whole frames, one at a time"


class Flow2DDescription(CellNetworkDescription):
    """A residual U-Net that predicts directions to the middle of cells, for cells that are separate or touch."""

    inverts: ClassVar[bool] = False
    # Pieces of larger cells look like smaller cells, and groups like larger ones, so scales are tried more densely.
    tried_per_octave: ClassVar[int] = 2
    largest_misfit: ClassVar[float] = 1.33

    kind: Literal["flow2d"] = Field("flow2d", description="Whole frames of one time; cells that are separate or touch.")
    choices: FlowChoices = Field(description="How cells are separated unless the user chooses otherwise.")

    def require_settings(self, settings: SegmentationSettings) -> None:
        """See :class:`CellNetworkDescription`."""
        for name in SeparationChoices.made_in(settings):
            if name not in FlowChoices.model_fields:
                raise WrongInputError(
                    f"{name} is specified, but {self.name} separates cells by directions to their middle, for which there is "
                    "no such setting: leave it out, or specify another network."
                )

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return FLOW_OUTPUTS

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return "whole frames, one at a time"


class EPySegDescription(CellNetworkDescription):
    """A network of EPySeg, which predicts seven maps; see :mod:`epifiji.data.linknet`."""

    rescales: ClassVar[bool] = False
    estimates: ClassVar[bool] = False
    inverts: ClassVar[bool] = False

    kind: Literal["epyseg"] = Field("epyseg", description="Tiles of 288 x 288 px of one time.")
    cell_diameter_px: float = Field(
        40.0, gt=0, le=2000, allow_inf_nan=False, description="Not used: EPySeg does not rescale images."
    )

    def require_settings(self, settings: SegmentationSettings) -> None:
        """See :class:`CellNetworkDescription`."""
        for name in SeparationChoices.made_in(settings):
            raise WrongInputError(
                f"{name} is specified, but cells of {self.name} are separated by EPySeg's refinement, which has no such setting: "
                "leave it out, or specify another network."
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return MAPS

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return "tiles of 288 x 288 px, one time at once"

    @property
    def scale(self) -> dict[str, float]:
        """See :class:`~epifiji.data.network.NetworkDescription`: none is known."""
        return {}

    @property
    def trained_for(self) -> str:
        """The scale in words."""
        return "cells of the size in the image, which is not rescaled"


CellNetwork = Network[CellNetworkDescription]
"""A network that segments cells."""


def cell_network(network: AnyNetwork) -> CellNetwork:
    """Return a network of any family if it segments cells.

    Raises
    ------
    WrongInputError
        If it has another task.
    """
    require_task(network, CellNetworkDescription, "segments cells")
    return cast(CellNetwork, network)
