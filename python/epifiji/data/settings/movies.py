"""Settings of what is done with a movie and its events together: cropping, rescaling, and showing events side by side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from epifiji.data.settings.base import Settings

Positive = Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1)]
FramesBefore = Annotated[int, Field(ge=0, le=50, title="frames", description="Frames to show before the event.")]
FramesAfter = Annotated[int, Field(ge=0, le=50, title="frames", description="Frames to show after the event.")]
HalfSize = Annotated[int, Field(ge=5, le=500, title="px", description="How far around the event to show the movie.")]
Zoom = Annotated[int, Field(ge=1, le=20, title="times", description="How much larger than on the movie to show it.")]


class CropSettings(Settings):
    """Which part of a movie to keep."""

    x: int = Field(0, ge=0, title="px", description="Left edge of the part, from 0 as ImageJ counts pixels.")
    y: int = Field(0, ge=0, title="px", description="Upper edge of the part, from 0.")
    width: Size | None = Field(
        None, title="px", description="Width of the part. Where not given it reaches to the movie's right edge."
    )
    height: Size | None = Field(
        None, title="px", description="Height of the part. Where not given it reaches to the movie's lower edge."
    )
    first_frame: int = Field(1, ge=1, title="number", description="First frame to keep, from 1 as ImageJ counts.")
    last_frame: Size | None = Field(
        None, title="number", description="Last frame to keep. Where not given the movie's last one."
    )


class ScalingSettings(Settings):
    """How much to rescale a movie, by factors or by what is to come out."""

    factor_xy: Factor | None = Field(
        None, title="times", description="How many times wider and higher the frames become; 0.5 halves them."
    )
    factor_t: Factor | None = Field(
        None, title="times", description="How many times as many frames there are; 0.5 halves their number."
    )
    new_cell_diameter: Positive | None = Field(
        None, title="px", description="Diameter that the cells are to have, in place of a factor in x and y."
    )
    cell_diameter: Positive | Literal["auto"] = Field(
        "auto",
        title="px|auto",
        description="Diameter that the cells have, for new_cell_diameter; auto estimates it.",
        json_schema_extra={"page": "more"},
    )
    frames: Size | None = Field(
        None, title="frames", description="Number of frames to come out, in place of a factor in time."
    )


class GallerySettings(Settings):
    """How events are shown side by side."""

    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 2
    order: Literal["time", "score"] = Field(
        "time", description="In which order: by time, or the surest first (score), those without a score at the end."
    )
    rows: int = Field(40, ge=1, le=400, title="number", description="Show this many events at most.")
