"""Networks that segment the cells of a volume."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, cast

from pydantic import Field, model_validator

from epifiji.data.network import AnyNetwork, Network, NetworkDescription, require_task

VOLUME_OUTPUTS = ("inside", "contour", "mask")
"""Outputs of networks for volumes: the inside of cells, their outermost voxels, and both together."""


class VolumeNetworkDescription(NetworkDescription):
    """Content of ``network.json`` of a network that segments the cells of a volume."""

    task: ClassVar[str] = "volumes"
    axes: ClassVar[str] = "ZYX"


class UNet3DDescription(VolumeNetworkDescription):
    """A residual 3D U-Net that predicts the inside of cells, their contours, and the mask of both."""

    kind: Literal["unet3d"] = Field("unet3d", description="Volumes (Z, Y, X), in blocks.")
    cell_diameter_px: float = Field(
        12.0,
        gt=0,
        le=2000,
        allow_inf_nan=False,
        description="Diameter of the cells that it learnt from, in voxels; volumes are not rescaled.",
    )
    features: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        min_length=2, max_length=6, description="Number of features at each level, from the finest."
    )
    z_steps: tuple[Literal[1, 2], ...] = Field(
        max_length=5,
        description="For each level but the first: by how much it has fewer planes than the level above; rows and columns "
        "are always halved.",
    )
    voxel_um: tuple[float, float, float] | None = Field(
        None, description="Mean depth, height and width of the voxels that it learnt from, in µm, if they are known."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.z_steps) != len(self.features) - 1:
            raise ValueError(f"z_steps has {len(self.z_steps)} numbers, but {len(self.features)} levels have one less")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return VOLUME_OUTPUTS

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return "volumes (Z, Y, X), in blocks that overlap"


VolumeNetwork = Network[VolumeNetworkDescription]
"""A network that segments the cells of a volume."""


def volume_network(network: AnyNetwork) -> VolumeNetwork:
    """Return a network of any family if it segments volumes.

    Raises
    ------
    WrongInputError
        If it has another task.
    """
    require_task(network, VolumeNetworkDescription, "segments volumes")
    return cast(VolumeNetwork, network)
