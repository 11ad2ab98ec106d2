"""Settings of simulated movies: their size, their events, what may be mistaken for events, and how a microscope sees them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import MIN_FRAMES, Settings, setting

Count = Annotated[int, Field(ge=0, le=100_000)]
Share = Annotated[float, Field(ge=0, le=0.8, allow_inf_nan=False)]
Width = Annotated[float, Field(gt=0, le=50, allow_inf_nan=False)]

NOMINAL_DURATION = 14
"""Frames that an extrusion takes where nothing else is said."""


def _whole(value: object) -> object:
    """Read a whole number written as a text."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


class SimulationSettings(Settings):
    """A simulated movie; the defaults are a plain one, well focused and with events that are plain to see."""

    seed: int = setting(0, ge=0, le=2**63 - 1, values="number", description="Another number gives another movie.")
    frames: int = setting(30, ge=MIN_FRAMES, le=100_000, unit="frames", description="Length of the movie.")
    height: int = setting(200, ge=16, le=20_000, unit="px", description="Height, at least two cell diameters.")
    width: int = setting(200, ge=16, le=20_000, unit="px", description="Width, at least two cell diameters.")
    cell_diameter_px: float = setting(
        25, ge=8, le=200, unit="px", description="Mean diameter of circles as large as the cells."
    )
    area_spread: float = setting(
        0.3, ge=0, le=0.6, description="How much cells differ in area: standard deviation of its logarithm."
    )
    stretch: float = setting(
        1,
        ge=1,
        le=2,
        unit="times",
        description="How much longer than wide cells are, along the frame's height or width.",
    )

    extrusions: Count = setting(5, values="number", description="Cells that leave the tissue.")
    divisions: Count = setting(3, values="number", description="Cells that divide.")
    sops: Count = setting(2, values="number", description="Sensory organ precursors: a bright spot lives in the cell.")
    event_duration: float = setting(
        NOMINAL_DURATION,
        ge=2,
        le=1000,
        unit="frames",
        description="How long an extrusion takes, give or take a sixth; divisions and SOPs become longer or shorter with it.",
        order=7,
    )
    event_variety: float = setting(
        0,
        ge=0,
        le=1,
        description="How much events differ: from 0, all are plain, to 1, their durations, courses, sizes and brightness "
        "are drawn from wide ranges.",
    )
    margin_frames: int = setting(
        8, ge=1, le=1000, unit="frames", description="No event is planned for so many first and last frames."
    )
    margin_diameters: float = setting(
        1.4,
        ge=0,
        le=20,
        unit="diameters",
        description="No event is planned so near to the frame's edge, in cell diameters.",
    )
    separation_diameters: float = setting(
        1.6,
        ge=1,
        le=20,
        unit="diameters",
        description="Events at about the same time are planned farther apart than this, in cell diameters.",
    )

    shrinking_cells: Count = setting(
        0, values="number", description="Cells that shrink to a small part of their area and recover."
    )
    small_cells: Count = setting(0, values="number", description="Cells that are small and stay so.")
    debris: Count = setting(0, values="number", description="Bright specks that appear, drift and vanish.")
    flickering_spots: Count = setting(
        0,
        values="number",
        description="Spots in cells that are no SOPs: too short, too dim, blinking, or never ending.",
    )

    flow_px: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="How far the tissue flows in a frame. Where not given 0.3 px for cells of 25 px, in proportion to them.",
    )
    restlessness: float = setting(
        1, ge=0, le=5, unit="times", description="How much cells jostle and exchange neighbours; 1 is a calm tissue."
    )
    drift_px: float = setting(
        0, ge=0, le=20, unit="px", description="How far the field of view moves over the tissue in a frame."
    )

    no_tissue: Share = setting(0, range="0-0.8", description="Part of the field of view beyond the tissue's edge.")
    dark_regions: Share = setting(
        0, range="0-0.8", description="Part of the field of view where little light comes from."
    )
    unfocused_regions: Share = setting(0, range="0-0.8", description="Part of the field of view that is out of focus.")
    unfocused_frames: Share = setting(0, range="0-0.8", description="Part of the frames that are out of focus.")
    bleaching: Annotated[float, Field(ge=0, le=0.95)] = setting(
        0, range="0-0.95", description="Part of the brightness that is lost from the first to the last frame."
    )
    unsteady_light: Annotated[float, Field(ge=0, le=0.5)] = setting(
        0,
        range="0-0.5",
        description="How much the light changes from frame to frame: standard deviation of its logarithm.",
    )

    membrane_px: Width | None = setting(
        None,
        unit="px",
        description="Width of a membrane before blurring, a standard deviation. Where not given 1.1 px for cells of 25 px, in "
        "proportion to them.",
    )
    blur_px: Width | None = setting(
        None,
        unit="px",
        description="Standard deviation of the microscope's blur. Where not given 0.9 px for cells of 25 px, in proportion to "
        "them.",
    )
    contrast: float = setting(
        12,
        gt=1,
        le=100,
        unit="times",
        description="How much brighter a membrane is than a cell's inside, before blurring.",
    )
    haze: float = setting(
        0.12, ge=0, le=5, unit="times", description="Light from out of focus, in parts of that in focus."
    )
    junction_spread: float = setting(
        0.22, ge=0, le=1, description="How much membranes differ in brightness: standard deviation of its logarithm."
    )
    tricellular: float = setting(
        0.5, ge=0, le=4, unit="times", description="How much is added to the brightness where three cells meet."
    )
    texture: float = setting(
        0.12,
        ge=0,
        le=1,
        description="How grainy membranes are: standard deviation of the logarithm of their brightness.",
    )
    clouds: float = setting(
        0, ge=0, le=1.5, description="How cloudy the light inside cells is: standard deviation of its logarithm."
    )
    inside_spread: float = setting(
        0,
        ge=0,
        le=1,
        description="How much the cells' insides differ in brightness: standard deviation of its logarithm.",
    )
    brightness: float = setting(
        75, ge=2, le=250, unit="grey levels", description="Brightness of a membrane, of the 255 levels of 8 bits."
    )
    photons: float = setting(
        300,
        ge=1,
        le=1_000_000,
        values="number",
        description="Photons from a membrane's pixel in a frame: fewer, noisier.",
    )
    camera_noise: float = setting(
        1.5, ge=0, le=100, unit="grey levels", description="Noise of the camera: standard deviation, of 255 levels."
    )
    bit_depth: Annotated[Literal[8, 16], BeforeValidator(_whole)] = setting(
        8, range="8|16", description="Bits of a pixel; with 16 there are 16 times as many levels, and an offset of 100."
    )
