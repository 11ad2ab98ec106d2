"""Settings of volumes of epithelial cysts: simulated ones, and how cells are made of predicted maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Channel, Settings, placed, setting
from epifiji.data.settings.cyst_training import sides
from epifiji.data.settings.detection import ComputingSettings
from epifiji.data.settings.simulation import whole_number

Padding = Annotated[int, Field(ge=0, le=512)]
Threshold = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class CystSettings(Settings):
    """A simulated cyst; the defaults are a round one, well focused and with little noise."""

    seed: int = setting(0, ge=0, le=2**63 - 1, values="number", description="Seed of the cyst.")
    cells: int = setting(60, ge=12, le=400, values="number", description="Number of cells.")
    cell_width_um: float = setting(
        8, ge=2, le=100, unit="µm", description="Width of the cells halfway between lumen and surface."
    )
    cell_height_um: float = setting(10, ge=1, le=200, unit="µm", description="Height of the cells, lumen to surface.")
    elongation: float = setting(
        1.2, ge=1, le=3, unit="times", description="Ratio of the cyst's length to its width; its direction is random."
    )
    deformation: float = setting(
        0.05,
        ge=0,
        le=0.3,
        description="Bumps of the surface and of the lumen: standard deviation of the radius, divided by the radius.",
    )
    irregularity: float = setting(
        0.15,
        ge=0,
        le=1,
        description="Displacement of the cells from a regular arrangement: standard deviation in cell widths.",
    )
    tilt: float = setting(
        0.15,
        ge=0,
        le=1,
        description="Displacement of a cell's apical end from its basal one: standard deviation in cell widths. More tilt, "
        "more scutoids.",
    )
    pixel_size_um: float = setting(0.6, ge=0.05, le=10, unit="µm", description="Width and height of a pixel.")
    voxel_depth_um: float = setting(0.9, ge=0.05, le=20, unit="µm", description="Distance between planes.")
    margin_um: float = setting(5, ge=0, le=200, unit="µm", description="Space around the cyst on each side.")
    membrane_um: float = setting(
        0.35, gt=0, le=20, unit="µm", description="Width of a membrane before blurring, a standard deviation."
    )
    blur_um: float = setting(
        0.4, ge=0, le=20, unit="µm", description="Blur of the microscope within a plane, a standard deviation."
    )
    blur_depth_um: float = setting(
        1.2, ge=0, le=40, unit="µm", description="Blur of the microscope across planes, a standard deviation."
    )
    contrast: float = setting(
        10, gt=1, le=100, unit="times", description="Ratio of a membrane's brightness to that of a cell's inside."
    )
    membrane_spread: float = setting(
        0.25, ge=0, le=1, description="Variation of the faces' brightness: standard deviation of the logarithm."
    )
    attenuation: float = setting(
        0.4, ge=0, le=0.95, range="0-0.95", description="Fraction of the light lost from the first to the last plane."
    )
    brightness: float = setting(
        140, ge=2, le=250, unit="grey levels", description="Brightness of a membrane, of the 255 levels of 8 bits."
    )
    photons: float = setting(
        100,
        ge=0.1,
        le=1_000_000,
        values="number",
        description="Photons from a membrane's voxel; fewer photons give more noise.",
    )
    camera_noise: float = setting(
        1.5, ge=0, le=100, unit="grey levels", description="Noise of the camera: standard deviation, of 255 levels."
    )
    bit_depth: Annotated[Literal[8, 16], BeforeValidator(whole_number)] = setting(
        8, range="8|16", description="Bits of a voxel; with 16 there are 16 times as many levels, and an offset of 100."
    )


SEED_HEIGHT = 0.1
"""Seed height for the maps of EpiFiji's own networks."""


class InstanceSettings(Settings):
    """How the cells of a volume are made of maps of probabilities; without thresholds, they are chosen automatically."""

    foreground_threshold: Threshold | None = setting(
        None,
        range="0-1",
        page="more",
        description="A cell's seed has a higher probability of the inside. Default: Otsu's threshold of the map.",
    )
    contour_threshold: Threshold | None = setting(
        None,
        range="0-1",
        page="more",
        description="A cell's seed has a lower probability of a contour. Default: Otsu's threshold of the map.",
    )
    seed_height: float = setting(
        0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        label="Seed height",
        page="more",
        description="Seeds are places where the smoothed difference of inside and contour rises by so much above the pass to "
        "a higher one; 0: all that is beyond the thresholds, as in BiaPy.",
    )
    least_seed_voxels: int = setting(
        6,
        ge=1,
        le=1_000_000,
        unit="voxels",
        label="Smallest seed",
        page="more",
        description="Seeds with fewer voxels are removed; with a seed height, cells.",
    )
    growth_threshold: Threshold | None = setting(
        None,
        range="0-1",
        page="more",
        description="Seeds grow where the probability of the inside is higher. Default: half of Otsu's threshold of the map.",
    )
    mask_threshold: Threshold | None = setting(
        None,
        range="0-1",
        page="more",
        description="Cells are extended, until they touch, where the probability of the mask is higher. Default: Otsu's "
        "threshold of the map.",
    )
    mask_erosion_voxels: int = setting(
        0,
        ge=0,
        le=100,
        unit="voxels",
        label="Erosion of the mask",
        page="more",
        description="Radius of the ball by which the mask is eroded; 0: it is not. BiaPy uses 2 if a network predicts no mask.",
    )
    one_layer: bool = setting(
        False,
        label="Cells form one layer",
        page="more",
        description="Cells that touch neither the surrounding nor the volume's border are left out: in a cyst of one layer they "
        "lie in the lumen.",
    )


class VolumeWatershedSettings(Settings):
    """How the cells of a volume are separated without a network."""

    smoothing_px: float = setting(
        1,
        ge=0,
        le=50,
        unit="px",
        label="Smoothing",
        description="Standard deviation of the smoothing along all axes, in widths of a pixel.",
    )
    seed_depth: float = setting(
        0.05,
        gt=0,
        le=1,
        description="Depth of a cell below the pass to the next one, as a fraction of the range of grey values; more depth, "
        "fewer cells.",
    )
    surrounding: bool = setting(
        True,
        label="A cyst in a dark surrounding",
        description="The volume is a cyst with a lumen in a dark surrounding; otherwise cells fill all of it.",
    )


class CystMeasurementSettings(Settings):
    """How the cells of a cyst are measured."""

    least_contact_voxels: int = setting(
        1,
        ge=1,
        le=1000,
        unit="voxels",
        label="Smallest contact",
        page="more",
        description="Voxels at the lumen, or at the surface, by which cells have to touch to be neighbours there.",
    )


class NetworkPredictionSettings(Settings):
    """How a network predicts the maps of a volume."""

    padding: Annotated[tuple[Padding, Padding, Padding] | None, BeforeValidator(sides)] = setting(
        None,
        values="z,y,x",
        page="more",
        description="Voxels around each block of a volume that are predicted too and not kept. Default: so many that blocks "
        "do not show.",
    )
    flips: bool = setting(
        False,
        label="Average mirror images",
        page="more",
        description="Average the predictions for the volume and its mirror images in the plane, which takes four times as long.",
    )
    memory: int = placed(ComputingSettings, "memory", "more")
    device: Literal["auto", "cpu", "gpu"] = placed(ComputingSettings, "device", "more")


class CystSegmentationSettings(
    CystMeasurementSettings, VolumeWatershedSettings, InstanceSettings, NetworkPredictionSettings
):
    """How the cells of a cyst are segmented, with a network or without one, and measured."""

    seed_height: float = placed(InstanceSettings, "seed_height", "more", default=SEED_HEIGHT)
    one_layer: bool = placed(InstanceSettings, "one_layer", "more", default=True)

    channel: Channel = None
