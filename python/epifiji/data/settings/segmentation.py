"""The settings of the segmentation of cells."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from epifiji.data.settings.base import Channel, Seed, setting
from epifiji.data.settings.detection import ComputingSettings

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class SegmentationSettings(ComputingSettings):
    """How the cells of an image or of each frame of a movie are segmented."""

    channel: Channel = None
    borders: Literal["auto", "bright", "dark"] = setting(
        "auto",
        description="Whether the borders of cells are brighter or darker than the cells.",
        label="Borders",
        order=5,
    )
    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] = setting(
        "auto",
        range="px|auto",
        description="Diameter of the cells in pixels, or auto to estimate it. The image is rescaled to the cells of the network.",
        label="Cell diameter",
        order=6,
        calibrated=True,
    )
    project: Literal["none", "max"] = setting(
        "none",
        description="How a stack of planes (Z) becomes one: not at all, so that it is refused, or by the maximum of each pixel.",
        label="Projection of Z",
        page="more",
    )
    flips: bool = setting(
        False,
        description="Average the predictions for the image and its mirror images, which takes four times as long; networks of "
        "EPySeg average 13 predictions, as EPySeg does unless its high quality is switched off.",
        label="Average over flips",
        page="more",
    )
    seed_height: Share | None = setting(
        None,
        range="0-1",
        description="Least depth of the notch between two cells of a tissue. Lower values split more. Default: the "
        "network's own.",
        label="Least notch between cells",
        order=7,
    )
    merge_below: Share | None = setting(
        None,
        range="0-1",
        description="Least mean probability of a border between two cells of a tissue; with a weaker one they are one cell. "
        "Default: the network's own.",
        label="Least border probability",
        order=8,
    )
    tissue_threshold: Share | None = setting(
        None,
        range="0-1",
        description="Least probability of tissue, or of the inside of separate cells. Default: the network's own.",
        label="Least tissue probability",
        page="more",
    )
    least_area: Share | None = setting(
        None,
        range="0-1",
        description="Least area of a cell, as a fraction of a disk of the cells' diameter. Default: the network's own.",
        label="Least cell area",
        page="more",
    )


class CellsAroundSettings(SegmentationSettings):
    """How the cells around events are followed and measured."""

    before: int = setting(
        16,
        ge=3,
        le=500,
        unit="frames",
        description="Number of frames before the event in which its cell is followed.",
        label="Before the event",
        order=9,
        calibrated=True,
    )
    after: int = setting(
        6,
        ge=0,
        le=500,
        unit="frames",
        description="Number of frames after the event; at least three are needed to see a division.",
        label="After the event",
        order=10,
        calibrated=True,
    )
    field_diameters: float = setting(
        3,
        ge=2,
        le=20,
        unit="diameters",
        description="Half the side of the region around the event in which cells are followed, in cell diameters.",
        label="Half side of the region",
        page="more",
    )
    seed: Seed = Field(1, description="Seed of the random choice of control cells.")
