"""The cells and the lumen of a cyst from the maps that a network predicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.instances import fill_by_voronoi, grown_from_seeds, least_cell, or_otsu, outer_cells
from epifiji.engine.volumes.slabs import Box, MapOf, boxes_around, objects_of, otsu_threshold, slabs, voxel_counts

LEAST_LUMEN = 0.25
"""Smallest hole of the mask that is a lumen, as a part of the mean volume of cells; smaller ones are filled."""

MARGIN_VOXELS = 8
"""Voxels around an object that are processed with it: more than smoothing reaches."""

INSIDE, CONTOUR, MASK = range(3)
"""The maps in their order."""


@dataclass(frozen=True)
class GrownPart:
    """The steps of the watershed in a box.

    Parameters
    ----------
    box
        A slice of each axis.
    seeds, labels
        In the box: seeds, and the cells, which do not touch yet, int32.
    """

    box: Box
    seeds: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class GrownCells:
    """The steps of the watershed, in boxes outside of which all of them are empty.

    Parameters
    ----------
    shape
        (Z, Y, X) of the volume.
    parts
        Boxes that do not overlap; numbers of seeds and of cells are those of the whole volume.
    growth_threshold
        Above which cells may grow in the map of the inside.
    mask_threshold
        Above which the mask belongs to the wall.
    """

    shape: tuple[int, ...]
    parts: tuple[GrownPart, ...]
    growth_threshold: float
    mask_threshold: float

    @property
    def seeds(self) -> np.ndarray:
        """The seeds of the whole volume, (Z, Y, X), int32."""
        return _whole(self.shape, np.int32, ((part.box, part.seeds) for part in self.parts))

    @property
    def labels(self) -> np.ndarray:
        """The cells of the whole volume, which do not touch yet, (Z, Y, X), int32."""
        return _whole(self.shape, np.int32, ((part.box, part.labels) for part in self.parts))

    def region(self, maps: Any) -> np.ndarray:
        """Return where cells may grow in the whole volume, (Z, Y, X), bool, from the maps that they grew in."""
        inside = MapOf(maps, INSIDE)
        return _whole(self.shape, bool, (((slab,), inside[slab] > self.growth_threshold) for slab in slabs(self.shape)))


def _whole(shape: tuple[int, ...], dtype: type, parts: Iterable[tuple[Box, np.ndarray]]) -> np.ndarray:
    made: np.ndarray = np.zeros(shape, dtype)
    for box, part in parts:
        made[box] = part
    return made


def grow_cells(maps: Any, settings: InstanceSettings) -> GrownCells:
    """Find seeds in the maps of a network, and grow them by a watershed.

    The steps are those of :func:`epifiji.engine.volumes.instances.cells_of_maps`. Automatic thresholds are those of the whole
    maps, which are read a few planes at a time. Then only boxes around objects are processed, whose voxels belong to the
    wall or to the inside of a cell. The labels are the same, except with a seed height for seeds that do not rise by it
    above their box's border. Objects with fewer voxels than the smallest seed, and those without a seed, are left out.

    Parameters
    ----------
    maps
        (3, Z, Y, X), probabilities from 0 to 1 of a cell's inside, of a contour, and of the mask of both; an array, or an
        object whose parts are arrays.
    settings
        Thresholds and sizes.
    """
    inside, contour, mask = (MapOf(maps, number) for number in (INSIDE, CONTOUR, MASK))
    otsu = otsu_threshold(inside) if None in (settings.foreground_threshold, settings.growth_threshold) else 0.0
    foreground = otsu if settings.foreground_threshold is None else settings.foreground_threshold
    growth = otsu / 2 if settings.growth_threshold is None else settings.growth_threshold
    wall, outline = or_otsu(settings.mask_threshold, mask), or_otsu(settings.contour_threshold, contour)

    def read(slab: slice) -> tuple[np.ndarray, list[np.ndarray]]:
        cells = inside[slab]
        # Seeds are above the foreground's threshold, cells above that of growth.
        cell, seed = cells > min(foreground, growth), (cells > foreground) & (contour[slab] < outline)
        return cell | (mask[slab] > wall), [cell, seed]

    objects = objects_of(inside.shape, read)
    voxels, seeds = objects.counts.T
    with_seeds = objects.those((voxels >= settings.least_seed_voxels) & (seeds > 0))
    parts = []
    for box in boxes_around(inside.shape, with_seeds, MARGIN_VOXELS):
        here, around = (np.ascontiguousarray(one[box]) for one in (inside, contour))
        continued = [(side.start > 0, side.stop < length) for side, length in zip(box, inside.shape, strict=True)]
        found = grown_from_seeds(here, around, foreground, outline, here > growth, settings, continued)
        parts.append(GrownPart(box, *found))
    parts = _in_order(inside.shape, parts)
    if settings.seed_height:
        sizes = _sizes(part.labels for part in parts)
        numbers = _kept(sizes >= least_cell(sizes[1:], settings))
        parts = [replace(part, labels=numbers[part.labels]) for part in parts]
    return GrownCells(inside.shape, tuple(parts), growth, wall)


def _in_order(shape: tuple[int, ...], parts: list[GrownPart]) -> list[GrownPart]:
    """Number the seeds, and their cells, in the order of their first voxels in the volume."""
    firsts: list[np.ndarray] = [np.zeros(0, np.int64)]
    for part in parts:
        places = np.flatnonzero(part.seeds)
        _, at = np.unique(part.seeds.ravel()[places], return_index=True)
        corner = [side.start for side in part.box]
        inner = np.unravel_index(places[at], part.seeds.shape)
        there = tuple(one + start for one, start in zip(inner, corner, strict=True))
        firsts.append(np.ravel_multi_index(there, shape))
    order = np.argsort(np.concatenate(firsts))
    numbers = np.zeros(len(order), np.int32)
    numbers[order] = np.arange(1, len(order) + 1)
    found, total = [], 0
    for part, first in zip(parts, firsts[1:], strict=True):
        own = np.concatenate([np.zeros(1, np.int32), numbers[total : total + len(first)]])
        found.append(GrownPart(part.box, own[part.seeds], own[part.labels]))
        total += len(first)
    return found


def _sizes(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the number of voxels of each label in several parts."""
    counts = [np.zeros(1, np.int64), *(voxel_counts(part) for part in parts)]
    sizes = np.zeros(max(map(len, counts)), np.int64)
    for one in counts:
        sizes[: len(one)] += one
    return sizes


def _kept(kept: np.ndarray) -> np.ndarray:
    """Return the new number of each label, from 1 in their order, 0 for those that are not kept, and for 0."""
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)


class CystCells(NamedTuple):
    """The cells and the lumen of a cyst.

    Parameters
    ----------
    labels
        (Z, Y, X), int32: the cells from 1 on, 0 elsewhere.
    lumen
        (Z, Y, X), bool; empty if the mask encloses no large hole.
    left_out
        Number of cells that were left out because they have no outer face.
    """

    labels: np.ndarray
    lumen: np.ndarray
    left_out: int = 0


def cells_of_cyst(maps: Any, settings: InstanceSettings, grown: GrownCells | None = None) -> CystCells:
    """Separate the cells of a cyst, and find its lumen.

    The steps are those of :func:`epifiji.engine.volumes.instances.cells_of_maps`, but the largest hole of the mask is the
    lumen and stays free, and so do objects of the mask without a cell, such as specks in a noisy background, which are no part of
    the nearest one.

    Parameters
    ----------
    maps, settings
        As for :func:`grow_cells`.
    grown
        What that function returned. Default: it is called.
    """
    found = grow_cells(maps, settings) if grown is None else grown
    sizes = _sizes(part.labels for part in found.parts)[1:]
    count = int(np.count_nonzero(sizes))
    if not count:
        return CystCells(np.zeros(found.shape, np.int32), np.zeros(found.shape, bool))
    mask = MapOf(maps, MASK)
    walls = [_wall_with_cells(mask[part.box] > found.mask_threshold, part.labels) for part in found.parts]
    least = LEAST_LUMEN * sizes.sum() / count
    holes = [_largest(hole, least) for _, hole in walls]
    largest = _with_most(holes)
    filled, left_out = [], 0
    for number, (part, (wall, _)) in enumerate(zip(found.parts, walls, strict=True)):
        touching = fill_by_voronoi(part.labels, wall, None, settings.mask_erosion_voxels)
        if number == largest:
            touching[holes[number]] = 0
        if settings.one_layer:
            touching, enclosed, inner = outer_cells(touching)
            holes[number] = _largest(enclosed, least)
            left_out += inner
        filled.append((part.box, touching))
    largest = _with_most(holes) if settings.one_layer else largest
    numbers = _kept(_sizes(labels for _, labels in filled) > 0)
    labels = _whole(found.shape, np.int32, ((box, numbers[labels]) for box, labels in filled))
    return CystCells(labels, _whole(found.shape, bool, [(found.parts[largest].box, holes[largest])]), left_out)


def _with_most(holes: list[np.ndarray]) -> int:
    return int(np.argmax([np.count_nonzero(hole) for hole in holes]))


def _wall_with_cells(wall: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the objects of a wall that contain or enclose a cell, and their holes, (Z, Y, X), bool."""
    from scipy.ndimage import binary_fill_holes, label

    numbers, count = label(binary_fill_holes(wall))
    kept = np.zeros(count + 1, bool)
    kept[numbers[labels > 0]] = True
    kept[0] = False
    solid = kept[numbers]
    return solid & wall, solid & ~wall


def _largest(holes: np.ndarray, least_voxels: float) -> np.ndarray:
    """Return the largest connected hole, if it has enough voxels; otherwise nothing."""
    from scipy.ndimage import label

    numbered, count = label(holes)
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    found: np.ndarray = numbered == int(sizes.argmax())
    return found if count and sizes.max() >= least_voxels else np.zeros(holes.shape, bool)
