"""From probability maps to events.

Per class, as in DeXtrusion: voxels above 125 are positive, and a minimum filter of 2 x 2 in (y, x) thins them. Seeds
are the local maxima of the Euclidean distance to the background, widened by a box of the seed distances. A watershed of
the distance from these seeds gives one volume per event. A volume's value is the mean of the map in it.

All of this is local. The map is processed frame by frame; patches of positive voxels are kept until no later frame can
touch them, and are then processed in a box of their own. So neither the map nor a floating-point array of its size is
held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import ndimage

POSITIVE_LEVEL = 125
THINNING = (2, 2)
"""In (y, x): a voxel is kept if it and its neighbours above, to the left and above left are positive."""

LARGEST_WHOLE_BOX = 12_000_000
"""Largest box, in voxels, in which `joining` processes all positive voxels together (about 0.5 GB)."""

EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Volume:
    """One watershed volume of a map.

    Parameters
    ----------
    voxels
        Its voxels in the map as (n, 3) indices (t, y, x), in scanning order.
    value
        Mean of the map in it, 0–255.
    """

    voxels: np.ndarray
    value: float

    @property
    def centroid(self) -> tuple[float, float, float]:
        """Mean (t, y, x) of its voxels."""
        t, y, x = self.voxels.mean(axis=0)
        return float(t), float(y), float(x)


@dataclass(frozen=True)
class _Patch:
    """Touching positive voxels of one frame: their map values in a box, 0 for all other voxels."""

    t: int
    y: int
    x: int
    values: np.ndarray


class _Cluster:
    """Patches whose boxes are close to each other; it grows as frames arrive."""

    def __init__(self, patches: Iterable[_Patch] = ()) -> None:
        self.patches = list(patches)
        self.joined: _Cluster | None = None

    @property
    def root(self) -> _Cluster:
        """The cluster that this one was finally joined to."""
        cluster = self
        while cluster.joined is not None:
            cluster = cluster.joined
        return cluster

    @property
    def last(self) -> int:
        """Last frame with a patch."""
        return max(patch.t for patch in self.patches)

    def box(self, shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Return the box around all patches with a margin of 1, within a map of shape (T, Y, X)."""
        low = np.min([(p.t, p.y, p.x) for p in self.patches], axis=0) - 1
        high = np.max([(p.t + 1, p.y + p.values.shape[0], p.x + p.values.shape[1]) for p in self.patches], axis=0) + 1
        t, y, x = (slice(max(0, a), min(b, size)) for a, b, size in zip(low, high, shape, strict=True))
        return t, y, x

    def values(self, box: tuple[slice, slice, slice]) -> np.ndarray:
        """Return the map in a box that contains all patches; 0 outside them."""
        values = np.zeros([s.stop - s.start for s in box], np.uint8)
        for p in self.patches:
            y, x = p.y - box[1].start, p.x - box[2].start
            part = values[p.t - box[0].start, y : y + p.values.shape[0], x : x + p.values.shape[1]]
            np.maximum(part, p.values, out=part)
        return values


class PeakFinder:
    """Finds the volumes of one class in a map that arrives frame by frame.

    Parameters
    ----------
    shape
        (Y, X) of the map.
    seed_distance_t, seed_distance_xy
        Sides of the box, in frames and pixels, that widens the seeds: two maxima closer than this are one event.
    joining
        Whether seeds of separate positive regions are joined if they are that close, as in the authors' package.
        A watershed over the whole map breaks ties between equal distances by what else the map contains. So all regions
        are processed together at the end, if the box around them has at most `LARGEST_WHOLE_BOX` voxels. In a larger
        box a volume may differ from the authors' by single voxels.
    """

    def __init__(
        self, shape: tuple[int, int], seed_distance_t: int, seed_distance_xy: int, joining: bool = False
    ) -> None:
        self._shape = shape
        self._seed_box = (seed_distance_t, seed_distance_xy, seed_distance_xy)
        self._joining = joining
        self._near_t, self._near_xy = (seed_distance_t, seed_distance_xy) if joining else (1, 1)
        self._frames = 0
        self._open: list[_Cluster] = []
        self._waiting: list[_Patch] = []
        self._recent: list[tuple[_Patch, _Cluster]] = []

    def feed(self, frame: np.ndarray) -> Iterator[Volume]:
        """Take the next frame (Y, X), uint8, and yield the volumes that no later frame can change."""
        positive = frame > POSITIVE_LEVEL
        if positive.any():
            patches = list(_patches(frame, _thinned(positive), self._frames))
            if self._joining:
                self._waiting += patches
            else:
                self._add(patches)
        self._frames += 1
        yield from self._close([c for c in self._open if c.last + self._near_t < self._frames])

    def finish(self) -> Iterator[Volume]:
        """Yield the volumes that remain after the last frame."""
        if self._waiting:
            everything = _Cluster(self._waiting)
            box = everything.box((self._frames, *self._shape))
            if np.prod([s.stop - s.start for s in box]) <= LARGEST_WHOLE_BOX:
                values = everything.values(box)
                yield from _moved(self._split(values, values > 0), box)
            else:
                for _, patches in groupby(self._waiting, key=lambda patch: patch.t):
                    self._add(list(patches))
        yield from self._close(self._open)

    def _add(self, patches: list[_Patch]) -> None:
        """Add the patches of one frame to the clusters that they are close to, and join clusters that they connect."""
        if not patches:
            return
        self._recent = [(p, c) for p, c in self._recent if p.t + self._near_t >= patches[0].t]
        new = [(patch, _Cluster([patch])) for patch in patches]
        self._recent += new
        self._open += [cluster for _, cluster in new]
        around = np.array([(p.y, p.x, p.y + p.values.shape[0], p.x + p.values.shape[1]) for p, _ in self._recent])
        own = around[-len(new) :, None]
        gaps = np.maximum(own[..., :2] - around[None, :, 2:], around[None, :, :2] - own[..., 2:]) + 1
        for one, other in np.argwhere((gaps <= self._near_xy).all(axis=2)).tolist():
            self._join(new[one][1].root, self._recent[other][1].root)
        self._open = [cluster for cluster in self._open if cluster.root is cluster]

    def _join(self, one: _Cluster, other: _Cluster) -> None:
        if one is other:
            return
        small, large = sorted((one, other), key=lambda cluster: len(cluster.patches))
        large.patches += small.patches
        small.patches, small.joined = [], large

    def _close(self, clusters: list[_Cluster]) -> Iterator[Volume]:
        """Yield the volumes of clusters, and drop these clusters."""
        if not clusters:
            return
        done = {id(cluster) for cluster in clusters}
        self._open = [cluster for cluster in self._open if id(cluster) not in done]
        for cluster in clusters:
            box = cluster.box((self._frames, *self._shape))
            yield from _moved(self._volumes(cluster.values(box)), box)

    def _volumes(self, values: np.ndarray) -> Iterator[Volume]:
        """Split a cluster into independent regions, and yield their volumes."""
        positive = values > 0
        if self._joining:
            reach = [2 * (side // 2) + 1 for side in self._seed_box]
            regions, _ = ndimage.label(ndimage.maximum_filter(positive.view(np.uint8), reach), EVERY_NEIGHBOUR)
            regions *= positive
        else:
            regions, _ = ndimage.label(positive, EVERY_NEIGHBOUR)
        for number, box in enumerate(ndimage.find_objects(regions), start=1):
            wide = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box)
            yield from _moved(self._split(values[wide], regions[wide] == number), wide)

    def _split(self, values: np.ndarray, region: np.ndarray) -> Iterator[Volume]:
        """Divide a region (t, y, x) by the watershed of its distance to the outside."""
        from skimage.measure import regionprops
        from skimage.morphology import local_maxima
        from skimage.segmentation import watershed

        distance = ndimage.distance_transform_edt(region)
        maxima = local_maxima(distance, connectivity=3)
        seeds, count = ndimage.label(ndimage.maximum_filter(maxima.view(np.uint8), self._seed_box))
        if count == 1 and ndimage.label(region)[1] == 1:
            # One seed floods all voxels connected by faces; the watershed uses the same connectivity.
            parts = region.astype(np.int32)
        else:
            parts = watershed(-distance, seeds, mask=region)
        for part in regionprops(parts, values):
            yield Volume(part.coords, float(part.intensity_mean))


def _moved(volumes: Iterable[Volume], box: tuple[slice, ...]) -> Iterator[Volume]:
    """Yield volumes found in a box at their positions in the map."""
    corner = np.array([s.start for s in box])
    for volume in volumes:
        yield Volume(volume.voxels + corner, volume.value)


def _thinned(positive: np.ndarray) -> np.ndarray:
    """Apply a minimum filter of `THINNING` to a frame (Y, X), bool, as ndimage.minimum_filter does with mode="reflect"."""
    padded = np.pad(positive, ((1, 0), (1, 0)), mode="symmetric")
    rows = padded[1:] & padded[:-1]
    thin: np.ndarray = rows[:, 1:] & rows[:, :-1]
    return thin


def _patches(frame: np.ndarray, positive: np.ndarray, t: int) -> Iterator[_Patch]:
    """Cut the positive voxels of one frame into patches of touching voxels."""
    labels, _ = ndimage.label(positive, EVERY_NEIGHBOUR[0])
    for number, (ys, xs) in enumerate(ndimage.find_objects(labels), start=1):
        yield _Patch(t, ys.start, xs.start, np.where(labels[ys, xs] == number, frame[ys, xs], 0))
