"""Simulated epithelial cysts: one layer of cells around a lumen, as a microscope sees their membranes, with the truth.

Outer surface and lumen are ellipsoids of one centre with smooth bumps; the shell between them is as thick as the cells are
high. A cell is the part of the shell that is nearer to its axis than to those of the others, at the same depth of the
shell. The axis goes from a point of the lumen to one of the surface. Because the lumen is smaller and more elongated than the
surface, and axes are tilted, cells may have other neighbours at the lumen than at the surface (scutoids).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import CystSettings
from epifiji.engine.simulation.microscope import count_photons

SURFACE_POINTS = 60
"""Points of the surface for each cell, from which regular places of the cells are found."""

LLOYD_STEPS = 12
WAVES, WAVE_NUMBERS = 8, (1.5, 3.5)
"""Bumps are sums of so many plane waves on the unit sphere, with radians per radius from this range."""

LUMEN_LIGHT, OUTSIDE_LIGHT = 0.5, 0.35
"""Brightness of the lumen and of the outside, relative to that of the cells' insides."""

VOXELS_AT_ONCE = 50_000
MOST_VOXELS = 200_000_000
LEAST_LUMEN_UM = 1.0


@dataclass(frozen=True)
class SimulatedCyst:
    """A simulated cyst with its truth.

    Parameters
    ----------
    volume
        Grey values with the axes ZYX, uint8 or uint16, with the size of a voxel.
    labels
        The cell of each voxel, 1 to the number of cells, 0 in the lumen and outside; (Z, Y, X), int32. Each cell is one
        connected object, and cells touch each other.
    lumen
        Which voxels belong to the lumen, (Z, Y, X), bool.
    settings
        The settings that were used.
    """

    volume: Image
    labels: np.ndarray
    lumen: np.ndarray
    settings: CystSettings

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.labels.max())

    def __repr__(self) -> str:
        return f"<SimulatedCyst {self.volume.name}: {self.cells} cells, {self.volume!r}>"


def simulate_cyst(chosen: CystSettings | None = None, report: Report = silent, **settings: Any) -> SimulatedCyst:
    """Simulate an epithelial cyst; the same settings give the same voxels.

    Parameters
    ----------
    chosen
        The settings as an object; otherwise they are keyword arguments.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`epifiji.data.settings.cysts.CystSettings`.

    Raises
    ------
    WrongInputError
        If a setting is invalid, the cells leave no room for a lumen, the volume would be too large, or voxels are so
        large that cells are lost.
    """
    chosen = chosen or parse_settings(CystSettings, settings)
    random = np.random.default_rng([chosen.seed, 3])
    shell = _Shell(chosen, random)
    ends = _ends_of_cells(shell, chosen, random)
    report(0.1, "cells")
    labels, lumen = _labelled(shell, *ends, _shape(shell, chosen), chosen)
    report(0.5, "membranes")
    light = _light(labels, lumen, chosen, random)
    report(0.9, "camera")
    pixels = count_photons(light, chosen, random)
    volume = Image(
        pixels,
        f"cyst_{chosen.seed}",
        pixel_size_um=chosen.pixel_size_um,
        voxel_depth_um=chosen.voxel_depth_um,
        axes="ZYX",
    )
    return SimulatedCyst(volume, labels, lumen, chosen)


class _Shell:
    """The two surfaces; directions are unit vectors (n, 3) in the order z, y, x, radii are in µm."""

    def __init__(self, settings: CystSettings, random: np.random.Generator) -> None:
        # Halfway up, each cell has the area of a square of its width; the area of a prolate ellipsoid of small elongation is
        # about that of the sphere with the mean of its squared axes.
        radius = settings.cell_width_um * np.sqrt(settings.cells / (4 * np.pi))
        long = radius * settings.elongation ** (2 / 3)
        axes = np.array([radius * settings.elongation ** (-1 / 3)] * 2 + [long])
        half = settings.cell_height_um / 2
        if axes.min() - half < LEAST_LUMEN_UM:
            raise WrongInputError(
                f"cell_height_um is {settings.cell_height_um:g} µm, but {settings.cells} cells of {settings.cell_width_um:g} µm "
                f"width leave room for a lumen only below {2 * (axes.min() - LEAST_LUMEN_UM):.1f} µm: give flatter, wider or "
                "more cells, or a rounder cyst."
            )
        self.turn = _random_rotation(random)
        self.outer_axes, self.inner_axes = axes + half, axes - half
        # Both surfaces have the same large bumps, and smaller ones of their own.
        common, outer, inner = (_Bumps(random) for _ in range(3))
        self.strength = settings.deformation
        self.outer_bumps, self.inner_bumps = (common, outer), (common, inner)

    def outer(self, directions: np.ndarray) -> np.ndarray:
        """Return the surface's radius (n,)."""
        return self._radius(directions, self.outer_axes, self.outer_bumps)

    def inner(self, directions: np.ndarray) -> np.ndarray:
        """Return the lumen's radius (n,)."""
        return self._radius(directions, self.inner_axes, self.inner_bumps)

    def middle(self, directions: np.ndarray) -> np.ndarray:
        """Return the radius halfway between them (n,)."""
        half: np.ndarray = (self.outer(directions) + self.inner(directions)) / 2
        return half

    def _radius(self, directions: np.ndarray, axes: np.ndarray, bumps: tuple[_Bumps, _Bumps]) -> np.ndarray:
        ellipsoid = 1 / np.sqrt(np.square(directions @ self.turn / axes).sum(1))
        height = 0.9 * bumps[0](directions) + 0.44 * bumps[1](directions)
        radius: np.ndarray = ellipsoid * np.exp(self.strength * height)
        return radius


class _Bumps:
    """A smooth function on the unit sphere of mean about 0 and standard deviation about 1."""

    def __init__(self, random: np.random.Generator) -> None:
        self.waves = _unit(random.standard_normal((WAVES, 3))) * random.uniform(*WAVE_NUMBERS, (WAVES, 1))
        self.phases = random.uniform(0, 2 * np.pi, WAVES)

    def __call__(self, directions: np.ndarray) -> np.ndarray:
        height: np.ndarray = np.cos(directions @ self.waves.T + self.phases).sum(1) * np.sqrt(2 / WAVES)
        return height


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return the directions of vectors (n, 3); that of a vector of length 0, such as the centre's, is z."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = np.where(lengths > 0, vectors, [1.0, 0.0, 0.0]) / np.where(lengths > 0, lengths, 1)
    return unit


def _random_rotation(random: np.random.Generator) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    matrix: np.ndarray = Rotation.random(rng=random).as_matrix()
    return matrix


def _ends_of_cells(shell: _Shell, settings: CystSettings, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the apical and the basal ends of the cells' axes, (n, 3) each, z, y, x in µm from the centre."""
    from scipy.spatial import cKDTree

    width = settings.cell_width_um
    directions = _unit(random.standard_normal((SURFACE_POINTS * settings.cells, 3)))
    radii = shell.middle(directions)
    # Directions are even on the sphere; a surface has more area per direction where it is far from the centre.
    kept = random.random(len(radii)) < np.square(radii / radii.max())
    points = (radii[:, None] * directions)[kept]
    places = points[random.choice(len(points), settings.cells, replace=False)]
    for _ in range(LLOYD_STEPS):
        nearest = cKDTree(places).query(points)[1]
        counts = np.bincount(nearest, minlength=len(places))
        sums = np.stack([np.bincount(nearest, points[:, axis], len(places)) for axis in range(3)], 1)
        places = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], places)
        places = _unit(places) * shell.middle(_unit(places))[:, None]
    places = places + settings.irregularity * width * random.standard_normal(places.shape)
    tilt = settings.tilt * width * random.standard_normal(places.shape) / 2
    apical, basal = _unit(places - tilt), _unit(places + tilt)
    return apical * shell.inner(apical)[:, None], basal * shell.outer(basal)[:, None]


def _shape(shell: _Shell, settings: CystSettings) -> tuple[int, int, int]:
    """Return the volume's size (Z, Y, X) in voxels, which holds the cyst and its margin."""
    directions = _unit(np.random.default_rng(0).standard_normal((4000, 3)))
    reach = np.abs(directions * shell.outer(directions)[:, None]).max(0) + settings.margin_um
    steps = np.array([settings.voxel_depth_um, settings.pixel_size_um, settings.pixel_size_um])
    z, y, x = (max(5, int(np.ceil(2 * half / step))) for half, step in zip(reach, steps, strict=True))
    if z * y * x > MOST_VOXELS:
        raise WrongInputError(
            f"The cyst would have {x} x {y} x {z} voxels, but at most {MOST_VOXELS / 1e6:.0f} million are simulated: give larger "
            "voxels, or fewer or smaller cells."
        )
    return z, y, x


def _labelled(
    shell: _Shell, apical: np.ndarray, basal: np.ndarray, shape: tuple[int, int, int], settings: CystSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the cells (int32) and the lumen (bool), both (Z, Y, X)."""
    steps = np.array([settings.voxel_depth_um, settings.pixel_size_um, settings.pixel_size_um])
    labels, lumen = np.zeros(shape, np.int32), np.zeros(shape, bool)
    flat_labels, flat_lumen = labels.reshape(-1), lumen.reshape(-1)
    centre = (np.array(shape) - 1) / 2
    for start in range(0, labels.size, VOXELS_AT_ONCE):
        places = np.arange(start, min(start + VOXELS_AT_ONCE, labels.size))
        points = (np.stack(np.unravel_index(places, shape), 1) - centre) * steps
        radii = np.linalg.norm(points, axis=1)
        directions = _unit(points)
        inner, outer = shell.inner(directions), shell.outer(directions)
        flat_lumen[places] = radii < inner
        inside = (radii >= inner) & (radii < outer)
        depth = ((radii - inner) / (outer - inner))[inside]
        flat_labels[places[inside]] = 1 + _nearest_axis(points[inside], depth, apical, basal)
    return _in_one_piece(labels, len(apical), steps), lumen


def _nearest_axis(points: np.ndarray, depth: np.ndarray, apical: np.ndarray, basal: np.ndarray) -> np.ndarray:
    """Return for each point (n, 3) the cell whose axis is nearest at the point's depth (n,), 0 apical to 1 basal."""
    along = basal - apical
    # |p - a - s d|², without |p|², which is the same for all cells.
    squared = -2 * points @ apical.T + np.square(apical).sum(1)
    squared += depth[:, None] * (-2 * points @ along.T + 2 * (apical * along).sum(1))
    squared += np.square(depth)[:, None] * np.square(along).sum(1)
    nearest: np.ndarray = squared.argmin(1)
    return nearest


def _in_one_piece(labels: np.ndarray, cells: int, steps: np.ndarray) -> np.ndarray:
    """Keep the largest piece of each cell, and give the others' voxels to the nearest cell."""
    from scipy import ndimage

    lost = labels > 0
    for number, box in enumerate(ndimage.find_objects(labels, cells), start=1):
        if box is None:
            raise WrongInputError(
                f"cell {number} of {cells} has no voxel: give smaller voxels, larger cells, or less irregularity and tilt."
            )
        pieces, count = ndimage.label(labels[box] == number)
        largest = 1 + np.bincount(pieces.ravel())[1:].argmax() if count > 1 else 1
        lost[box] &= pieces != largest
    if not lost.any():
        return labels
    kept = np.where(lost, 0, labels)
    nearest = ndimage.distance_transform_edt(kept == 0, steps, return_distances=False, return_indices=True)
    whole: np.ndarray = np.where(lost, kept[tuple(nearest)], labels)
    return whole


def _light(labels: np.ndarray, lumen: np.ndarray, settings: CystSettings, random: np.random.Generator) -> np.ndarray:
    """Return the light that reaches the camera, (Z, Y, X), in grey levels of 0–255."""
    from scipy import ndimage

    steps = np.array([settings.voxel_depth_um, settings.pixel_size_um, settings.pixel_size_um])
    inside = np.full(int(labels.max()) + 2, 1.0)
    inside[0], inside[-1] = OUTSIDE_LIGHT, LUMEN_LIGHT
    parts = np.where(lumen, len(inside) - 1, labels)
    faces = _faces(parts, settings.membrane_spread, random)
    away, nearest = ndimage.distance_transform_edt(faces == 0, steps, return_indices=True)
    # A face lies between two voxels that both are marked, half a voxel from each.
    away = np.maximum(away - steps.min() / 2, 0)
    signal = faces[tuple(nearest)] * np.exp(-np.square(away / settings.membrane_um) / 2)
    signal += inside[parts] / (settings.contrast - 1)
    blur = np.array([settings.blur_depth_um, settings.blur_um, settings.blur_um]) / steps
    light = ndimage.gaussian_filter(signal, blur, mode="nearest")
    planes = len(light)
    lost = 1 - settings.attenuation
    light *= (settings.brightness * lost ** np.linspace(0, 1, planes))[:, None, None]
    received: np.ndarray = light
    return received


def _faces(parts: np.ndarray, spread: float, random: np.random.Generator) -> np.ndarray:
    """Return the brightness of the faces between parts at the voxels on both sides of them, 0 elsewhere, (Z, Y, X)."""
    count = int(parts.max()) + 1
    table = np.exp(spread * np.clip(random.standard_normal((count, count)), -2, 2))
    table = np.maximum(table, table.T)
    faces = np.zeros(parts.shape)
    for here, there in _neighbours(parts.ndim):
        differ = parts[here] != parts[there]
        bright = table[parts[here][differ], parts[there][differ]]
        for side in (here, there):
            part = faces[side]
            part[differ] = np.maximum(part[differ], bright)
    return faces


def _neighbours(axes: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Iterate over the axes: the slices of all voxels but the last, and of all but the first."""
    for axis in range(axes):
        whole = [slice(None)] * axes
        yield (
            (*whole[:axis], slice(None, -1), *whole[axis + 1 :]),
            (*whole[:axis], slice(1, None), *whole[axis + 1 :]),
        )
