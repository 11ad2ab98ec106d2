"""Settings of a trial: where in a movie networks are tried, and which ones. No dialog has them: a window shows the trial."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Settings, names, placed, setting
from epifiji.data.settings.detection import MapSettings, ScaleSettings

Pixel = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]


class PlaceSettings(Settings):
    """The rectangle of a frame in which networks are tried."""

    x: Pixel | None = setting(
        None,
        unit="px",
        page="macro",
        description="Left edge of the rectangle, from 0 as ImageJ counts pixels. Default: the selection or the "
        "middle of the view in Fiji, else the middle of the frame.",
    )
    y: Pixel | None = setting(
        None, unit="px", page="macro", description="Upper edge of the rectangle, from 0. Default: as for x."
    )
    width: Side | None = setting(None, unit="px", page="macro", description="Width of the rectangle. Default: 200 px.")
    height: Side | None = setting(
        None, unit="px", page="macro", description="Height of the rectangle. Default: 200 px."
    )
    frame: Side | None = setting(
        None,
        values="number",
        page="macro",
        description="Frame in the middle of the trial, from 1. Default: the frame in view in Fiji, else the middle one.",
    )


class TrialSettings(PlaceSettings):
    """Where networks are tried, which ones, and how."""

    networks: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="names",
        page="macro",
        description="Networks to try, by name, folder or zip, separated by commas. Default: all installed networks for events.",
        order=1,
    )
    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] = setting(
        "auto",
        range="px|auto",
        description="Diameter of the cells in pixels, or auto to estimate it at the place. The place is rescaled if it differs "
        "from a network's by more than 30 %.",
        page="macro",
        order=6,
        calibrated=True,
    )
    event_duration: Annotated[float, Field(gt=0, le=10000, allow_inf_nan=False)] | None = placed(
        ScaleSettings, "event_duration", "macro", 7
    )
    mode: Literal["fast", "exact", "compatible"] = placed(MapSettings, "mode", "macro")
    channel: int | None = placed(MapSettings, "channel", "macro")
