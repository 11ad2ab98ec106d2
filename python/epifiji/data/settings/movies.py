"""Settings of what is done with a movie and its events together: cropping, rescaling, and showing events side by side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from epifiji.data.settings.base import Settings, setting
from epifiji.data.settings.figures import LookSettings

Positive = Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1)]
FramesBefore = Annotated[
    int,
    setting(
        ge=0,
        le=50,
        unit="frames",
        description="Number of frames to show before the event.",
        label="Before the event",
        page="more",
        calibrated=True,
    ),
]
FramesAfter = Annotated[
    int,
    setting(
        ge=0,
        le=50,
        unit="frames",
        description="Number of frames to show after the event.",
        label="After the event",
        page="more",
        calibrated=True,
    ),
]
HalfSize = Annotated[
    int,
    setting(
        ge=5,
        le=500,
        unit="px",
        description="Half the side of the region to show around the event.",
        label="Half side of the region",
        page="more",
        calibrated=True,
    ),
]
Zoom = Annotated[
    int,
    setting(
        ge=1,
        le=20,
        unit="times",
        description="Magnification.",
        label="Magnification",
        page="more",
    ),
]


class CropSettings(Settings):
    """Which part of a movie to keep."""

    x: int = setting(0, ge=0, unit="px", description="Left edge of the part, from 0 as ImageJ counts pixels.")
    y: int = setting(0, ge=0, unit="px", description="Upper edge of the part, from 0.")
    width: Size | None = setting(
        None, unit="px", description="Width of the part. Default: up to the movie's right edge."
    )
    height: Size | None = setting(
        None, unit="px", description="Height of the part. Default: down to the movie's lower edge."
    )
    first_frame: int = setting(1, ge=1, values="number", description="First frame to keep, from 1 as ImageJ counts.")
    last_frame: Size | None = setting(
        None, values="number", description="Last frame to keep. Default: the movie's last frame."
    )


class ScalingSettings(Settings):
    """How much to rescale a movie, by factors or by what is to come out."""

    factor_xy: Factor | None = setting(
        None,
        unit="times",
        description="Scale factor of the frames' width and height; 0.5 halves them.",
        label="Scale factor in x and y",
        empty="unchanged",
    )
    factor_t: Factor | None = setting(
        None,
        unit="times",
        description="Scale factor of the number of frames; 0.5 halves it.",
        label="Scale factor in time",
        empty="unchanged",
    )
    new_cell_diameter: Positive | None = setting(
        None, unit="px", description="Cell diameter after rescaling, instead of a factor in x and y.", empty="unchanged"
    )
    cell_diameter: Positive | Literal["auto"] = setting(
        "auto",
        range="px|auto",
        description="Cell diameter before rescaling, for new_cell_diameter; auto estimates it.",
        calibrated=True,
        page="more",
        order=6,
    )
    frames: Size | None = setting(
        None,
        unit="frames",
        description="Number of frames after rescaling, instead of a factor in time.",
        label="New length",
        empty="unchanged",
    )


class GallerySettings(LookSettings):
    """How events are shown side by side."""

    layout: Literal["rows", "figure"] = setting(
        "rows",
        description="rows: a row of crops for each event, pixel by pixel; figure: a figure for a paper, as .png, .svg or .pdf: "
        "a frame with numbered rings above strips with the same numbers, with scale bars and times if the movie is calibrated.",
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 2
    order: Literal["time", "score"] = setting(
        "time", description="Order: by time, or by score, highest first; events without a score are last."
    )
    rows: int = setting(
        40,
        ge=1,
        le=400,
        values="number",
        description="Maximum number of events to show.",
        label="Maximum number of rows",
    )
