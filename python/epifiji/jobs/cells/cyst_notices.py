"""What is doubtful about the cells that were found in a volume, as sentences for the user."""

from __future__ import annotations

import numpy as np

from epifiji.data.image import Image
from epifiji.data.volume_networks import VolumeNetwork
from epifiji.engine.volumes.properties import lumen_of
from epifiji.engine.volumes.slabs import voxel_counts
from epifiji.jobs.cells.cysts import SEPARATE, separate_objects

OTHER_SCALE = 1.3
"""Voxels that differ by more than this factor from those that a network learnt from are reported."""

OTHER_CELLS = 1.5
"""Cells whose diameter differs by more than this factor from that which a network learnt from are reported.

Of simulated cysts, EpiCysts found those with cells 1.3 times as wide with an AP of 1.00, and those with cells half as wide with
0.24 and 0.58. It cuts cells twice as wide into such as it knows, which shows in their faces, but not in their size.
"""


def notices_of_cells(volume: Image, labels: np.ndarray, lumen: np.ndarray, network: VolumeNetwork | None) -> list[str]:
    """Say why cells were not found or not measured, and that they or the voxels have another size than a network knows."""
    found = []
    if not labels.any():
        found.append(
            f"No cells were found in {volume.name}: check the channel, and whether membranes are brighter than cells."
        )
    elif not all(volume.spacing.values()):
        found.append(
            f"The cells of {volume.name} were not measured, because the size of a voxel is not known: set it in Fiji with "
            "Image > Properties... and save the file."
        )
    elif not lumen.any() and not lumen_of(labels).any():
        found.append(
            f"The cells of {volume.name} were not measured, because they enclose no lumen: check whether the cyst is cut off, or "
            "cells fill its lumen."
        )
    return [*found, *(notices_of_scale(volume, labels, network) if network else ())]


def notices_of_scale(volume: Image, labels: np.ndarray, network: VolumeNetwork) -> list[str]:
    """Say that voxels or cells have another size than those that the network learnt from, as volumes are not rescaled."""
    known = getattr(network.description, "voxel_um", None)
    steps = [step for step in volume.spacing.values() if step]
    found = []
    if known:
        learnt = " x ".join(f"{step:g}" for step in known)
        if len(steps) < len(known):
            found.append(
                f"Whether {volume.name} has voxels such as the network learnt from, of {learnt} µm (z, y, x), is not known: "
                "rescale the volume if not, in Fiji with Image > Scale..."
            )
        elif max((np.array(steps) / known).max(), (np.array(known) / steps).max()) > OTHER_SCALE:
            shown = " x ".join(f"{step:g}" for step in steps)
            found.append(
                f"{volume.name} has voxels of {shown} µm (z, y, x), but the network learnt from such of {learnt} µm: rescale the "
                "volume, in Fiji with Image > Scale..., if cells are cut or joined."
            )
    counts = voxel_counts(labels)[1:]
    if network.description.cell_diameter_px and counts.any():
        diameter, usual = (
            float(np.cbrt(6 / np.pi * np.median(counts[counts > 0]))),
            network.description.cell_diameter_px,
        )
        if max(diameter / usual, usual / diameter) > OTHER_CELLS:
            found.append(
                f"The cells of {volume.name} are {diameter:.3g} voxels wide, but the network learnt from such of {usual:.3g} "
                "voxels: rescale the volume, in Fiji with Image > Scale..., if cells are cut or joined."
            )
    return found


def notices_of_parts(volume: Image, labels: np.ndarray, lumen: np.ndarray) -> list[str]:
    """Say that cells of several cysts were found, of which one has a lumen."""
    count = separate_objects(labels, lumen)
    if count < 2:
        return []
    return [
        f"{volume.name} has {count} {SEPARATE}, but only one lumen was searched for: crop the volume to "
        "one cyst, in Fiji with Image > Crop."
    ]


def notices_of_inner_cells(volume: Image, left_out: int) -> list[str]:
    """Say that cells were left out because they have no outer face."""
    if not left_out:
        return []
    cells = "1 cell that touches" if left_out == 1 else f"{left_out} cells that touch"
    return [
        f"{cells} no surrounding of {volume.name} {'was' if left_out == 1 else 'were'} left out, as the cells of a cyst form one "
        "layer: if these are cells, set --one-layer to false."
    ]
