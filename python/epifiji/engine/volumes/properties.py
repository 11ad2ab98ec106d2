"""Measurements of the cells of a cyst, and of the cyst: one layer of cells around a lumen.

The apical face of a cell is its border with the lumen, the basal face that with the outside, lateral faces are those with
other cells. A cell that has other neighbours at its apical than at its basal face is a scutoid (P. Gomez-Galvez et al.,
Scutoids are a geometrical solution to three-dimensional packing of epithelia, Nat. Commun. 9, 2960, 2018); neighbours are
compared layer by layer as in the code of its authors (ComplexOrganizationOfLivingMatter/Epithelia3D,
`calculate_CellularFeatures`). Areas are estimated by the normals of surfaces, instead of counting the sides of voxels, which
are too many on a slope.

Short contacts are lost between large voxels: of simulated cysts of 40 cells, 8 µm wide and without scutoids, 2 to 4 cells
counted as scutoids at voxels of 0.6 and 0.8 µm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from epifiji.engine.volumes.boxes import box_around

CELL_COLUMNS = (
    "label",
    "z_um",
    "y_um",
    "x_um",
    "volume_um3",
    "surface_um2",
    "apical_area_um2",
    "basal_area_um2",
    "lateral_area_um2",
    "height_um",
    "apical_neighbours",
    "basal_neighbours",
    "neighbours",
    "scutoid",
)

SMOOTHING_VOXELS = 1.5
"""Standard deviation of the smoothing before normals are computed, in the largest distance between voxels."""

Pair = tuple[tuple[slice, ...], tuple[slice, ...]]


def lumen_of(labels: np.ndarray) -> np.ndarray:
    """Return the space without cells that cells enclose on all sides, the largest connected one, (Z, Y, X), bool."""
    from scipy.ndimage import binary_fill_holes, label

    lumen, box = np.zeros(labels.shape, bool), box_around(labels > 0, (0, 0, 0))
    if box is None:
        return lumen
    wall = labels[box] > 0
    spaces, count = label(binary_fill_holes(wall) & ~wall)
    if count:
        lumen[box] = spaces == 1 + np.bincount(spaces.ravel())[1:].argmax()
    return lumen


def box_of_cyst(labels: np.ndarray, lumen: np.ndarray, spacing_um: Sequence[float]) -> tuple[slice, ...]:
    """Return the box that measurements of a cyst depend on, in which they are the same as in the whole volume.

    Raises
    ------
    ValueError
        If there are neither cells nor a lumen.
    """
    box = box_around((labels > 0) | lumen, _reach(np.asarray(spacing_um, float)))
    if box is None:
        raise ValueError("the volume has neither cells nor a lumen")
    return box


def _reach(steps: np.ndarray) -> list[int]:
    """Return how many voxels away from a face its normals depend on."""
    reach: list[int] = (np.ceil(4 * SMOOTHING_VOXELS * steps.max() / steps).astype(int) + 1).tolist()
    return reach


def cell_measurements(
    labels: np.ndarray, lumen: np.ndarray, spacing_um: Sequence[float], least_contact_voxels: int
) -> dict[str, np.ndarray]:
    """Measure each cell of a cyst.

    Parameters
    ----------
    labels
        (Z, Y, X), whole numbers; 0 in the lumen and outside.
    lumen
        (Z, Y, X), bool.
    spacing_um
        Distances between voxels along Z, Y and X, µm.
    least_contact_voxels
        Voxels of a face that touch those of another cell's face, by a side, an edge or a corner, from which both are
        neighbours there.

    Returns
    -------
    dict
        An array for each of `CELL_COLUMNS`, with a row for each label in ascending order:

        - `label`; `z_um`, `y_um`, `x_um`: centre of mass, from the centre of the first voxel;
        - `volume_um3`: voxels times the volume of one;
        - `apical_area_um2`, `basal_area_um2`, `lateral_area_um2`, and their sum `surface_um2`;
        - `height_um`: distance between the centres of mass of the apical and basal faces; NaN if one is missing;
        - `apical_neighbours`, `basal_neighbours`: number of neighbours at each face; `neighbours`: at one of them or both;
        - `scutoid`: 1 if it has both faces, and the neighbours at them are not the same cells, else 0.
    """
    from scipy import ndimage

    present, numbers = np.unique(labels, return_inverse=True)
    cells = numbers.reshape(labels.shape) + (1 if present[0] != 0 else 0)
    present = present[present != 0]
    count, steps = len(present), np.asarray(spacing_um, float)
    # Gaps between cells that these enclose are neither lumen nor outside.
    outside = ~ndimage.binary_fill_holes((cells > 0) | lumen)
    apical, apical_centre = _faces_with(cells, lumen, steps, count)
    basal, basal_centre = _faces_with(cells, outside, steps, count)
    lateral = _lateral_areas(cells, steps, count)
    above, below = (neighbours_at(_layer(cells, part), count, least_contact_voxels) for part in (lumen, outside))
    centre = np.array(ndimage.center_of_mass(cells > 0, cells, np.arange(1, count + 1))).reshape(-1, 3) * steps
    columns = (
        present,
        *centre.T,
        np.bincount(cells.ravel(), minlength=count + 1)[1:] * steps.prod(),
        apical + basal + lateral,
        apical,
        basal,
        lateral,
        np.linalg.norm(apical_centre - basal_centre, axis=1),
        above.sum(1),
        below.sum(1),
        (above | below).sum(1),
        ((above != below).any(1) & (apical > 0) & (basal > 0)).astype(int),
    )
    return dict(zip(CELL_COLUMNS, columns, strict=True))


def cyst_measurements(
    labels: np.ndarray, lumen: np.ndarray, spacing_um: Sequence[float], cells: dict[str, np.ndarray]
) -> dict[str, float]:
    """Measure a cyst from its labels, its lumen and its measured cells.

    Volumes in µm³, areas in µm², lengths in µm. The axes are those of the ellipsoid with the same second moments as the
    cyst with its lumen, and for `lumen_long_um` and so on as the lumen. Sphericity is the surface of the sphere of the same
    volume by the cyst's surface, the sum of the basal areas: 1 for a sphere.
    """
    steps = np.asarray(spacing_um, float)
    voxel = float(steps.prod())
    cells_volume, lumen_volume = float(np.count_nonzero(labels)) * voxel, float(np.count_nonzero(lumen)) * voxel
    whole, surface = cells_volume + lumen_volume, float(cells["basal_area_um2"].sum())
    lumen_surface = float(cells["apical_area_um2"].sum())
    long, middle, short = _axes((labels > 0) | lumen, steps)
    lumen_long, lumen_middle, lumen_short = _axes(lumen, steps)
    return {
        "cells": len(cells["label"]),
        "scutoids": int(cells["scutoid"].sum()),
        "cells_volume_um3": cells_volume,
        "lumen_volume_um3": lumen_volume,
        "cyst_volume_um3": whole,
        "surface_um2": surface,
        "lumen_surface_um2": lumen_surface,
        "surface_ratio": surface / lumen_surface if lumen_surface else float("nan"),
        "sphericity": float(np.pi ** (1 / 3) * (6 * whole) ** (2 / 3)) / surface if surface else float("nan"),
        "mean_height_um": float(np.nanmean(cells["height_um"]))
        if np.isfinite(cells["height_um"]).any()
        else float("nan"),
        "long_axis_um": long,
        "middle_axis_um": middle,
        "short_axis_um": short,
        "lumen_long_um": lumen_long,
        "lumen_middle_um": lumen_middle,
        "lumen_short_um": lumen_short,
    }


def _sides() -> Iterator[tuple[int, Pair]]:
    """Iterate over the axes: the slices of all voxels but the last, and of all but the first."""
    for axis in range(3):
        here, there = [slice(None)] * 3, [slice(None)] * 3
        here[axis], there[axis] = slice(None, -1), slice(1, None)
        yield axis, (tuple(here), tuple(there))


def _normals(part: np.ndarray, steps: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """Return the direction in which a smoothed part changes most, (3, Z, Y, X), of length 1 or 0."""
    from scipy.ndimage import gaussian_filter

    sigma = SMOOTHING_VOXELS * steps.max() / steps
    smooth = gaussian_filter(part.astype(np.float32), sigma, mode="nearest")
    if within is not None:
        # Only what lies within counts, so that the ends of a face do not turn its normals.
        smooth /= np.maximum(gaussian_filter(within.astype(np.float32), sigma, mode="nearest"), 1e-3)
    change = np.stack(np.gradient(smooth, *steps))
    length = np.linalg.norm(change, axis=0)
    return change / np.where(length > 0, length, 1)


def _face_areas(apart: np.ndarray, axis: int, pair: Pair, normals: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the area that each side of a voxel between two parts adds, (n,), by the normals on both sides of it.

    A plane of area A with the normal n is seen as A |n| along each axis; the sum over its sides, each times |n|, is A, as the
    squares of a normal add to 1.
    """
    here, there = pair
    both = normals[:, *here][:, apart] + normals[:, *there][:, apart]
    length = np.linalg.norm(both, axis=0)
    weights = np.where(length > 0, np.abs(both[axis]) / np.where(length > 0, length, 1), 1)
    areas: np.ndarray = weights * steps.prod() / steps[axis]
    return areas


def _faces_with(cells: np.ndarray, part: np.ndarray, steps: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the area of each cell's face with a part, (n,), and the face's centre of mass, (n, 3), µm; NaN without one."""
    normals = _normals(part, steps)
    area, moments = np.zeros(count + 1), np.zeros((3, count + 1))
    for axis, (here, there) in _sides():
        for one, other, shift in ((here, there, 0.5), (there, here, -0.5)):
            apart = (cells[one] > 0) & part[other]
            owners = cells[one][apart]
            areas = _face_areas(apart, axis, (here, there), normals, steps)
            area += np.bincount(owners, areas, count + 1)
            first = [one[k].start or 0 for k in range(3)]
            for k, places in enumerate(np.nonzero(apart)):
                position = (places + first[k] + (shift if k == axis else 0)) * steps[k]
                moments[k] += np.bincount(owners, areas * position, count + 1)
    centre = np.full((count, 3), np.nan)
    found = area[1:] > 0
    centre[found] = (moments[:, 1:][:, found] / area[1:][found]).T
    return area[1:], centre


def _lateral_areas(cells: np.ndarray, steps: np.ndarray, count: int) -> np.ndarray:
    """Return the area of each cell's faces with other cells, (n,)."""
    from scipy.ndimage import find_objects

    margin = _reach(steps)
    areas = np.zeros(count)
    for number, box in enumerate(find_objects(cells, count), start=1):
        around = tuple(
            slice(max(0, side.start - more), side.stop + more) for side, more in zip(box, margin, strict=True)
        )
        near = cells[around]
        normals = _normals(near == number, steps, near > 0)
        for axis, (here, there) in _sides():
            one, other = near[here], near[there]
            apart = (one != other) & (one > 0) & (other > 0) & ((one == number) | (other == number))
            areas[number - 1] += _face_areas(apart, axis, (here, there), normals, steps).sum()
    return areas


def _layer(cells: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the labels of the voxels that have a side on a part, 0 elsewhere."""
    touching = np.zeros(cells.shape, bool)
    for _, (here, there) in _sides():
        touching[here] |= part[there]
        touching[there] |= part[here]
    return np.where(touching, cells, 0)


def neighbours_at(layer: np.ndarray, count: int, least_voxels: int) -> np.ndarray:
    """Return which cells (n, n) touch in a layer, (Z, Y, X) of labels 1 to n: enough voxels of one touch voxels of the other."""
    padded = np.pad(layer, 1)
    places = np.argwhere(padded > 0)
    own = padded[tuple(places.T)].astype(np.int64)
    seen = []
    for way in product((-1, 0, 1), repeat=3):
        other = padded[tuple((places + way).T)]
        apart = (other > 0) & (other != own)
        seen.append(np.flatnonzero(apart) * (count + 1) + other[apart])
    # A voxel counts once for each cell that it touches.
    voxels, others = np.divmod(np.unique(np.concatenate(seen)), count + 1)
    pairs = np.bincount(own[voxels] * (count + 1) + others, minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    touch: np.ndarray = np.minimum(pairs, pairs.T)[1:, 1:] >= max(least_voxels, 1)
    return touch


def _axes(part: np.ndarray, steps: np.ndarray) -> tuple[float, float, float]:
    """Return the three axes of the ellipsoid with the second moments of a part, the longest first."""
    places = np.argwhere(part) * steps
    if len(places) < 2:
        return (0.0, 0.0, 0.0)
    # A voxel has a variance too, that of a box. An ellipsoid's variance along an axis is a twentieth of its length squared.
    variances = np.linalg.eigvalsh(np.cov(places.T, ddof=0) + np.diag(steps**2 / 12))
    short, middle, long = np.sqrt(20 * np.maximum(variances, 0)).tolist()
    return long, middle, short
