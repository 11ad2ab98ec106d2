"""Settings of simulated movies: their size, their events, what may be mistaken for events, and how a microscope sees them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import MIN_FRAMES, Settings, setting

Count = Annotated[int, Field(ge=0, le=100_000)]
Share = Annotated[float, Field(ge=0, le=0.8, allow_inf_nan=False)]
Width = Annotated[float, Field(gt=0, le=50, allow_inf_nan=False)]

NOMINAL_DURATION = 14
"""Default duration of an extrusion in frames."""


def whole_number(value: object) -> object:
    """Read a whole number written as a text."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


class SimulationSettings(Settings):
    """A simulated movie; the defaults are a plain one, well focused and with events that are plain to see."""

    seed: int = setting(0, ge=0, le=2**63 - 1, values="number", description="Seed of the movie.")
    frames: int = setting(30, ge=MIN_FRAMES, le=100_000, unit="frames", description="Length of the movie.")
    height: int = setting(200, ge=16, le=20_000, unit="px", description="Height, at least two cell diameters.")
    width: int = setting(200, ge=16, le=20_000, unit="px", description="Width, at least two cell diameters.")
    cell_diameter_px: float = setting(
        25, ge=8, le=200, unit="px", description="Mean diameter of circles with the cells' area."
    )
    area_spread: float = setting(
        0.3, ge=0, le=0.6, description="Variation of cell areas: standard deviation of the logarithm."
    )
    stretch: float = setting(
        1,
        ge=1,
        le=2,
        unit="times",
        description="Ratio of the cells' length to their width, along the frame's height or width.",
    )

    extrusions: Count = setting(5, values="number", description="Number of cells that leave the tissue.")
    divisions: Count = setting(3, values="number", description="Number of cells that divide.")
    sops: Count = setting(
        2, values="number", description="Number of sensory organ precursors: cells with a bright spot."
    )
    event_duration: float = setting(
        NOMINAL_DURATION,
        ge=2,
        le=1000,
        unit="frames",
        description="Duration of an extrusion, within a sixth; that of divisions and SOPs changes with it.",
        order=7,
    )
    event_variety: float = setting(
        0,
        ge=0,
        le=2,
        description="Variation of events: from 0, all are similar, to 1, durations, courses, sizes and brightness "
        "are drawn from wide ranges, to 2, from still wider ones, with furrows, midbodies and lumpy spots.",
    )
    margin_frames: int = setting(
        8, ge=1, le=1000, unit="frames", description="Number of first and last frames without events."
    )
    margin_diameters: float = setting(
        1.4,
        ge=0,
        le=20,
        unit="diameters",
        description="Minimum distance of events from the frame's edge, in cell diameters.",
    )
    separation_diameters: float = setting(
        1.6,
        ge=1,
        le=20,
        unit="diameters",
        description="Minimum distance between events at about the same time, in cell diameters.",
    )

    shrinking_cells: Count = setting(
        0, values="number", description="Number of cells that shrink to a small part of their area and recover."
    )
    small_cells: Count = setting(0, values="number", description="Number of cells that are always small.")
    debris: Count = setting(0, values="number", description="Number of bright specks that appear, drift and disappear.")
    flickering_spots: Count = setting(
        0,
        values="number",
        description="Number of spots in cells that are not SOPs: too short, too dim, blinking, or permanent.",
    )

    flow_px: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="Flow of the tissue per frame. Default: 0.3 px for cells of 25 px, in proportion to them.",
    )
    restlessness: float = setting(
        1,
        ge=0,
        le=5,
        unit="times",
        description="Strength of random cell movement and neighbour exchange; 1 is a calm tissue.",
    )
    drift_px: float = setting(
        0, ge=0, le=20, unit="px", description="Movement of the field of view over the tissue per frame."
    )

    no_tissue: Share = setting(0, range="0-0.8", description="Fraction of the field of view outside the tissue.")
    dark_regions: Share = setting(0, range="0-0.8", description="Fraction of the field of view with little light.")
    unfocused_regions: Share = setting(
        0, range="0-0.8", description="Fraction of the field of view that is out of focus."
    )
    unfocused_frames: Share = setting(0, range="0-0.8", description="Fraction of the frames that are out of focus.")
    bleaching: Annotated[float, Field(ge=0, le=0.95)] = setting(
        0, range="0-0.95", description="Fraction of the brightness that is lost from the first to the last frame."
    )
    unsteady_light: Annotated[float, Field(ge=0, le=0.5)] = setting(
        0,
        range="0-0.5",
        description="Variation of the light from frame to frame: standard deviation of the logarithm.",
    )

    black_frames: Share = setting(
        0, range="0-0.8", description="Fraction of the frames, of those after the first, that are black."
    )
    repeated_frames: Share = setting(
        0, range="0-0.8", description="Fraction of the frames that show the frame before once more."
    )
    skipped_frames: Share = setting(
        0,
        range="0-0.8",
        description="Fraction of the times at which no frame was taken, so that the interval between frames varies.",
    )

    membrane_px: Width | None = setting(
        None,
        unit="px",
        description="Width of a membrane before blurring, a standard deviation. Default: 1.1 px for cells of 25 px, in "
        "proportion to them.",
    )
    blur_px: Width | None = setting(
        None,
        unit="px",
        description="Standard deviation of the microscope's blur. Default: 0.9 px for cells of 25 px, in proportion to "
        "them.",
    )
    contrast: float = setting(
        12,
        gt=1,
        le=100,
        unit="times",
        description="Ratio of a membrane's brightness to that of a cell's inside, before blurring.",
    )
    haze: float = setting(
        0.12, ge=0, le=5, unit="times", description="Out-of-focus light relative to the light in focus."
    )
    junction_spread: float = setting(
        0.22, ge=0, le=1, description="Variation of the membranes' brightness: standard deviation of the logarithm."
    )
    tricellular: float = setting(
        0.5, ge=0, le=4, unit="times", description="Additional brightness where three cells meet."
    )
    texture: float = setting(
        0.12,
        ge=0,
        le=1,
        description="Graininess of membranes: standard deviation of the logarithm of the brightness.",
    )
    clouds: float = setting(
        0, ge=0, le=1.5, description="Cloudiness of the light inside cells: standard deviation of the logarithm."
    )
    inside_spread: float = setting(
        0,
        ge=0,
        le=1,
        description="Variation of the brightness of the cells' insides: standard deviation of the logarithm.",
    )
    brightness: float = setting(
        75, ge=2, le=250, unit="grey levels", description="Brightness of a membrane, of the 255 levels of 8 bits."
    )
    overexposure: float = setting(
        1,
        ge=1,
        le=20,
        unit="times",
        description="Factor of the brightness, after which the camera cuts off what is brighter than its 255 levels.",
    )
    photons: float = setting(
        300,
        ge=1,
        le=1_000_000,
        values="number",
        description="Photons from a membrane's pixel in a frame; fewer photons give more noise.",
    )
    camera_noise: float = setting(
        1.5, ge=0, le=100, unit="grey levels", description="Noise of the camera: standard deviation, of 255 levels."
    )
    bit_depth: Annotated[Literal[8, 16], BeforeValidator(whole_number)] = setting(
        8, range="8|16", description="Bits of a pixel; with 16 there are 16 times as many levels, and an offset of 100."
    )
