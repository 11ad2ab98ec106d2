"""Volumes that are read a few planes at a time: Otsu's threshold, numbers of voxels, and connected objects.

Memory depends on the size of a plane and on the number of objects, not on the number of planes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from epifiji.data.image import Sliced

SLAB_VOXELS = 2_000_000
"""Voxels of the planes that are read at once, if it is more than one plane."""

BINS = 256
"""Of the histogram for Otsu's threshold, as in scikit-image."""

CLUSTER_VOXELS = 8
"""Boxes of objects are rounded up to multiples of it before overlapping ones are joined."""

Box = tuple[slice, ...]


@dataclass(frozen=True)
class MapOf:
    """One of the maps of a network, as planes.

    Parameters
    ----------
    maps
        (n, Z, Y, X), an array or an object whose parts are arrays.
    number
        Which one.
    """

    maps: Any
    number: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, (Z, Y, X)."""
        return tuple(map(int, self.maps.shape[1:]))

    def __getitem__(self, place: Any) -> np.ndarray:
        """Return planes, or a box."""
        return np.asarray(self.maps[(self.number, *place) if isinstance(place, tuple) else (self.number, place)])


def slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Iterate over the planes of a volume (Z, Y, X), as many at once as have :data:`SLAB_VOXELS`."""
    count = max(1, SLAB_VOXELS // math.prod(shape[1:]))
    for start in range(0, shape[0], count):
        yield slice(start, min(shape[0], start + count))


def otsu_threshold(values: Sliced) -> float:
    """Return Otsu's threshold of a map of floats; its value if all values are equal, and so nothing is above it.

    It equals that of scikit-image, which needs the whole map. N. Otsu, A threshold selection method from gray-level
    histograms, IEEE Trans. Syst. Man Cybern. 9, 62–66, 1979.
    """
    from skimage.filters import threshold_otsu

    extremes = [(part.min(), part.max()) for part in (values[slab] for slab in slabs(values.shape))]
    low, high = min(one for one, _ in extremes), max(one for _, one in extremes)
    if not low < high:
        return float(low)
    counts, edges = np.zeros(BINS, np.int64), np.zeros(0)
    for slab in slabs(values.shape):
        found, edges = np.histogram(values[slab], BINS, (low, high))
        counts += found
    return float(threshold_otsu(hist=(counts, (edges[:-1] + edges[1:]) / 2)))


def voxel_counts(labels: np.ndarray) -> np.ndarray:
    """Return how many voxels each label of a volume has, (largest label + 1,), int64."""
    counts = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    for slab in slabs(labels.shape):
        found = np.bincount(labels[slab].ravel())
        counts[: len(found)] += found
    return counts


@dataclass(frozen=True, eq=False)
class Objects:
    """Connected objects of a volume, n of them.

    Parameters
    ----------
    starts, stops
        (n, 3), the box of each, in voxels.
    counts
        (n, m), the number of its voxels that have each of m marks.
    """

    starts: np.ndarray
    stops: np.ndarray
    counts: np.ndarray

    def those(self, chosen: np.ndarray) -> Objects:
        """Return some of the objects, chosen by a bool for each."""
        return Objects(self.starts[chosen], self.stops[chosen], self.counts[chosen])


def objects_of(shape: tuple[int, ...], read: Callable[[slice], tuple[np.ndarray, list[np.ndarray]]]) -> Objects:
    """Find the objects of a volume, whose voxels are connected by their faces.

    Parameters
    ----------
    shape
        (Z, Y, X) of the volume.
    read
        Returns, for some planes, where there is an object, and marks of voxels whose numbers are counted for each object: arrays
        (n, Y, X), bool.
    """
    from scipy.ndimage import label

    starts, stops, counts, joined = [], [], [], []
    above, total = None, 0
    for slab in slabs(shape):
        there, marks = read(slab)
        numbers, count = label(there)
        boxes = _boxes(numbers, count)
        starts.append(boxes[:, 0] + (slab.start, 0, 0))
        stops.append(boxes[:, 1] + (slab.start, 0, 0))
        counts.append(np.stack([np.bincount(numbers[mark], minlength=count + 1)[1:] for mark in marks], 1))
        if above is not None:
            both = (above > 0) & (numbers[0] > 0)
            # Numbers of the planes before end at `total`.
            joined.append(np.unique(np.stack([above[both] - 1, numbers[0][both] - 1 + total], 1), axis=0))
        above = np.where(numbers[-1] > 0, numbers[-1] + total, 0)
        total += count
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *joined])
    return _combined(np.concatenate(starts), np.concatenate(stops), np.concatenate(counts), pairs)


def _boxes(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return the first and last-plus-one voxel of each object along each axis, (count, 2, 3)."""
    from scipy.ndimage import find_objects

    found = [[[side.start for side in box], [side.stop for side in box]] for box in find_objects(numbers, count)]
    return np.array(found, np.int64).reshape(count, 2, 3)


def _combined(starts: np.ndarray, stops: np.ndarray, counts: np.ndarray, pairs: np.ndarray) -> Objects:
    """Combine the parts of objects that continue from planes to the next ones."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    total = len(starts)
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (total, total))
    number, owners = connected_components(graph, directed=False)
    first = np.full((number, 3), np.iinfo(np.int64).max)
    last, sums = np.zeros((number, 3), np.int64), np.zeros((number, counts.shape[1]), np.int64)
    np.minimum.at(first, owners, starts)
    np.maximum.at(last, owners, stops)
    np.add.at(sums, owners, counts)
    return Objects(first, last, sums)


def boxes_around(shape: tuple[int, ...], objects: Objects, margin: int) -> list[Box]:
    """Return boxes that do not overlap, in the order of their corners; each object is in one of them with a margin (voxels)."""
    starts = np.maximum(objects.starts - margin, 0) // CLUSTER_VOXELS
    stops = -(-np.minimum(objects.stops + margin, shape) // CLUSTER_VOXELS)
    boxes = [tuple(map(slice, *ends)) for ends in zip(starts.tolist(), stops.tolist(), strict=True)]
    joined = _joined(shape, boxes)
    while len(joined) < len(boxes):
        boxes, joined = joined, _joined(shape, joined)
    return [
        tuple(
            slice(CLUSTER_VOXELS * side.start, min(length, CLUSTER_VOXELS * side.stop))
            for side, length in zip(box, shape, strict=True)
        )
        for box in joined
    ]


def _joined(shape: Iterable[int], boxes: list[Box]) -> list[Box]:
    """Return the boxes around groups of boxes that touch."""
    from scipy.ndimage import find_objects, label

    grid = np.zeros([-(-length // CLUSTER_VOXELS) for length in shape], bool)
    for box in boxes:
        grid[box] = True
    found: list[Box] = find_objects(label(grid)[0])
    return found
