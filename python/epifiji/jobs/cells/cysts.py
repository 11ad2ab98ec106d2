"""Measurements of a cyst and its cells, as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import labels_at_border
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import CystMeasurementSettings
from epifiji.engine.simulation.cysts import SimulatedCyst
from epifiji.engine.volumes.properties import box_of_cyst, cell_measurements, cyst_measurements, lumen_of
from epifiji.engine.volumes.slabs import objects_of
from epifiji.engine.volumes.watershed import similar_objects
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import require_absent
from epifiji.jobs.cells.volumes import VolumeCells, volume_labels

SEPARATE = "separate objects of similar size"

LARGEST_VOXEL = 0.25
"""Largest side of a voxel without a notice, in heights of cells.

Of a spherical shell 8 µm high, cut into eight cells that meet along Z or along X, lateral areas are too small by 4 % at voxels of
0.6 µm, by 8 and 9 % at planes 1.2 µm apart, by 16 and 21 % at 3 µm, and by 26 and 35 % at 5 µm.
"""


@dataclass(frozen=True, eq=False)
class MeasuredCyst:
    """The measurements of a cyst.

    Parameters
    ----------
    cells
        An array for each measurement, with a row for each cell; see
        :func:`epifiji.engine.volumes.properties.cell_measurements`.
    cyst
        Measurements of the whole; see :func:`epifiji.engine.volumes.properties.cyst_measurements`.
    notices
        Sentences for the user, about what makes measurements wrong: a cyst that is cut off, cells on top of each other,
        large voxels, or a second cyst.
    """

    cells: dict[str, np.ndarray]
    cyst: dict[str, float]
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<MeasuredCyst: {self.cyst['cells']} cells, {self.cyst['scutoids']} scutoids>"

    def to_dict(self) -> dict[str, float | None]:
        """Return the measurements of the whole as plain JSON types; None for what has no value, as without an outer surface."""
        return {name: None if math.isnan(value) else value for name, value in self.cyst.items()}

    def save(self, out: str | Path, overwrite: bool = False) -> Path:
        """Write the measurements of the cells as a table (CSV), and return its path.

        Raises
        ------
        WrongInputError
            If the file exists and may not be overwritten.
        """
        file = Path(out)
        require_absent(file.parent, [file.name], overwrite)
        columns = [column.tolist() for column in self.cells.values()]
        write_table(file, [list(self.cells), *(list(row) for row in zip(*columns, strict=True))])
        return file


def measure_cyst(
    cells: VolumeCells | SimulatedCyst | np.ndarray | str | Path,
    spacing_um: Sequence[float] | None = None,
    lumen: np.ndarray | None = None,
    **settings: Any,
) -> MeasuredCyst:
    """Measure the cells of a cyst, and the cyst: volumes, areas, heights, neighbours, scutoids, and shape.

    Short contacts are lost between large voxels, and so a few cells are counted as scutoids that are none: of simulated cysts
    without scutoids, with 40 cells of 8 µm width, 2 to 4 at voxels of 0.6 and 0.8 µm.

    Parameters
    ----------
    cells
        Segmented or simulated cells, or labels (Z, Y, X), or a file of them. Cells must touch each other.
    spacing_um
        Distances between voxels along Z, Y and X, µm. Default: those of the volume or the file.
    lumen
        (Z, Y, X), bool: the lumen. Default: that of the volume, or the largest space that the cells enclose.
    **settings
        Those of :class:`epifiji.data.settings.cysts.CystMeasurementSettings`.

    Raises
    ------
    WrongInputError
        If a setting is invalid, there are no cells, no lumen, or the size of a voxel is not known.
    """
    chosen = parse_settings(CystMeasurementSettings, settings)
    labels, known = volume_labels(cells, "measured")
    steps = _steps(known if spacing_um is None else spacing_um)
    if not labels.any():
        raise WrongInputError("The volume has no cells, but a cyst is measured: give the labels of one.")
    if lumen is None:
        lumen = cells.lumen if isinstance(cells, VolumeCells | SimulatedCyst) else lumen_of(labels)
    lumen = np.asarray(lumen, bool)
    if lumen.shape != labels.shape:
        raise WrongInputError(
            f"The lumen has the shape {lumen.shape} and the cells {labels.shape}, but both must be of one volume: give such."
        )
    lumen = lumen & (labels == 0)
    if not lumen.any():
        raise WrongInputError(
            "The cells enclose no lumen, but apical faces are those with a lumen: give it as lumen, or close the gaps between "
            "cells."
        )
    further, cut = _notices_of_parts(labels, lumen), _notices_of_cut(labels, lumen)
    # Normals of faces take 250 bytes a voxel, and a cyst is a small part of many volumes.
    box = box_of_cyst(labels, lumen, steps)
    labels, lumen = labels[box], lumen[box]
    found = cell_measurements(labels, lumen, steps, chosen.least_contact_voxels)
    for name, side, step in zip(("z_um", "y_um", "x_um"), box, steps, strict=True):
        found[name] = found[name] + side.start * step
    cyst = cyst_measurements(labels, lumen, steps, found)
    doubts = (*cut, *_notices_of_faces(found), *_notices_of_voxels(steps, cyst["mean_height_um"]), *further)
    return MeasuredCyst(found, cyst, doubts)


def separate_objects(labels: np.ndarray, lumen: np.ndarray) -> int:
    """Return how many objects of similar size the cells and the lumen (Z, Y, X) form, connected by the faces of voxels."""

    def read(slab: slice) -> tuple[np.ndarray, list[np.ndarray]]:
        there = (labels[slab] > 0) | lumen[slab]
        return there, [there]

    return similar_objects(objects_of(labels.shape, read).counts[:, 0])


def _notices_of_faces(cells: Mapping[str, np.ndarray]) -> list[str]:
    """Say that cells do not reach from the lumen to the surface, as each cell of a cyst does."""
    faces = {"the lumen": cells["apical_area_um2"] > 0, "the surface": cells["basal_area_um2"] > 0}
    lacking = [f"{np.count_nonzero(~there)} do not reach {name}" for name, there in faces.items() if not there.all()]
    if not lacking:
        return []
    return [
        f"Of {len(cells['label'])} cells, {' and '.join(lacking)}, but all cells of a cyst reach both, so neighbours and "
        "scutoids are wrong: delete cells in the lumen and outside, and merge those on top of each other."
    ]


def _notices_of_voxels(steps: Sequence[float], height_um: float) -> list[str]:
    """Say that voxels are so large that lateral areas are wrong; the height of cells is NaN if it is not known."""
    if not max(steps) > LARGEST_VOXEL * height_um:
        return []
    return [
        f"Voxels of {max(steps):g} µm are large for cells {height_um:.3g} µm high: areas of lateral faces, and with them "
        "surfaces of cells, are too small by a tenth to a third, and short contacts are lost; record more planes."
    ]


def _notices_of_cut(labels: np.ndarray, lumen: np.ndarray) -> list[str]:
    """Say that cells or the lumen (Z, Y, X) reach the border of the volume, where a cyst is cut off."""
    cut, count = len(labels_at_border(labels)), np.count_nonzero(np.unique(labels))
    inner = len(labels_at_border(lumen.astype(np.uint8)))
    if not cut and not inner:
        return []
    return [
        f"{cut} of {count} cells{' and the lumen' if inner else ''} reach the border of the volume, so the cyst may be cut off: "
        "they, and the cyst, are measured as far as they lie in the volume; record all of the cyst."
    ]


def _notices_of_parts(labels: np.ndarray, lumen: np.ndarray) -> list[str]:
    """Say that cells belong to several cysts, of which one has a lumen."""
    count = separate_objects(labels, lumen)
    if count < 2:
        return []
    return [
        f"The cells are {count} {SEPARATE}, but are measured as one cyst, with one lumen: crop the labels to one cyst."
    ]


def _steps(given: Sequence[float | None] | None) -> tuple[float, ...]:
    steps = tuple(given or ())
    if len(steps) != 3 or not all(isinstance(step, int | float) and np.isfinite(step) and step > 0 for step in steps):
        raise WrongInputError(
            f"The distances between voxels are {steps or 'not known'}, but three along Z, Y and X in µm are needed: give them as "
            "spacing_um, or set them in Fiji with Image > Properties... and save the file."
        )
    return tuple(float(step) for step in steps if step)
