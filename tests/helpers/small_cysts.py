"""Cysts with known cells in a few thousand voxels, for trainings of seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epifiji.data.image import Image
from epifiji.data.network import Network
from epifiji.data.volume_networks import UNet3DDescription, VolumeNetwork
from epifiji.engine.networks.unet3d.model import Architecture, new_weights
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie

SIDES = (14, 32, 32)
SPACING = {"Z": 1.5, "Y": 1.0, "X": 1.0}
CELLS = 8


def small_cyst(seed: int = 0) -> tuple[Image, np.ndarray]:
    """A shell around a lumen, cut into eight cells with bright borders: the volume and its labels."""
    random = np.random.default_rng(seed)
    z, y, x = np.indices(SIDES, float)
    middle = np.array(SIDES) / 2 - 0.5 + random.uniform(-0.7, 0.7, 3)
    z, y, x = (one - at for one, at in zip((1.8 * z, y, x), middle * (1.8, 1, 1), strict=True))
    radius = np.sqrt(z**2 + y**2 + x**2)
    turned = np.arctan2(y, x) + random.uniform(0, np.pi)
    sector = 1 + np.floor((turned + 2 * np.pi) / (np.pi / 2)).astype(int) % 4 + 4 * (z > 0)
    labels = np.where((radius > 4.5) & (radius < 13), sector, 0).astype(np.int32)
    apart = np.zeros(SIDES, bool)
    for axis in range(3):
        for way in (1, -1):
            apart |= np.roll(labels, way, axis) != labels
    pixels = 20 + 180 * (apart & (labels > 0)) + 40 * (labels > 0) + random.normal(0, 8, SIDES)
    volume = Image(
        np.clip(pixels, 0, 255).astype(np.uint8), f"cyst_{seed}", 1.0, axes="ZYX", voxel_depth_um=SPACING["Z"]
    )
    return volume, labels


def write_cyst(folder: Path, seed: int = 0, cells: Path | None = None) -> None:
    """Write a small cyst, with its labels next to it or, under the same name, in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    volume, labels = small_cyst(seed)
    write_movie(volume, folder / f"{volume.name}.tif")
    if cells is not None:
        cells.mkdir(parents=True, exist_ok=True)
    place = folder / f"{volume.name}_labels.tif" if cells is None else cells / f"{volume.name}.tif"
    write_labels(place, labels, spacing=SPACING)


def small_volume_network(name: str = "tiny") -> VolumeNetwork:
    """Make a network with few features and random weights."""
    sizes = Architecture((4, 6), (1,))
    described = UNet3DDescription(name=name, features=sizes.features, z_steps=sizes.z_steps)
    return Network(described, (new_weights(np.random.default_rng(1), sizes),))
