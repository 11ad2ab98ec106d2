"""Parts of volumes that a 3D U-Net is trained on, with their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.labelled import TrainingVolume
from epifiji.data.settings.cyst_training import BLUR, BRIGHTNESS, DROPOUT, ELASTIC, NOISE
from epifiji.data.settings.training import FLIP, ROTATION, ZOOM
from epifiji.engine.networks.unet3d.grey_range import HIGHEST, LOWEST
from epifiji.engine.networks.unet3d.model import Architecture
from epifiji.engine.networks.unet3d.training import targets_of

MARGIN_VOXELS = 1
"""Voxels around a part from which its contours are computed too."""

LARGEST_ZOOM = 0.2
"""Largest logarithm of the factor by which the scale is changed."""

ELASTIC_GRID_VOXELS, ELASTIC_VOXELS = 16, 1.5
"""Distance between places that are displaced at random, and standard deviation of their displacement."""

NOISIEST = 0.3
"""Largest standard deviation of noise where grey values are 1; its variance is about proportional to them."""

LIGHT_LOST = 0.8
"""Largest logarithm of the factor by which planes become darker from one end to the other."""


@dataclass(frozen=True)
class Parts:
    """Parts of volumes and their targets.

    Parameters
    ----------
    volumes
        (n, Z, Y, X), float32.
    targets
        (n, Z, Y, X, 3), float32; see :func:`~epifiji.engine.networks.unet3d.training.targets_of`.
    kept
        (n, features of all blocks), float32: factors for dropout.
    """

    volumes: np.ndarray
    targets: np.ndarray
    kept: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """See :class:`epifiji.engine.training.trainer.Arrays`."""
        return self.volumes, self.targets, self.kept


class PartSampler:
    """Draws parts of volumes; volumes are drawn as often as they are large.

    Parameters
    ----------
    volumes
        The volumes.
    sides
        Sides of a part along Z, Y and X; smaller along axes along which no volume is that long.
    random
        All choices depend on it.
    without
        Augmentations that are left out; see :data:`epifiji.data.settings.cyst_training.CHANGES`.
    architecture
        Of the network.
    dropout
        Share of the features that are dropped.
    count
        Number of parts drawn together.
    """

    def __init__(
        self,
        volumes: Sequence[TrainingVolume],
        sides: tuple[int, int, int],
        random: np.random.Generator,
        without: frozenset[str],
        architecture: Architecture,
        dropout: float,
        count: int = 1,
    ) -> None:
        self._volumes, self._random, self._without, self._count = volumes, random, without, count
        grain = architecture.grain
        longest = np.max([one.labels.shape for one in volumes], 0)
        self._sides = tuple(
            -(-min(side, int(length)) // grain) * grain for side, length in zip(sides, longest, strict=True)
        )
        self._features = sum(width for *_, width in architecture.blocks)
        self._dropout = 0.0 if DROPOUT in without else dropout
        sizes = np.array([one.labels.size for one in volumes], float)
        self._shares = sizes / sizes.sum()

    def reseed(self, random: np.random.Generator) -> None:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        self._random = random

    def draw(self) -> Parts:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        drawn = [self._part() for _ in range(self._count)]
        volumes, targets = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
        share = 1 - self._dropout
        kept = (self._random.random((self._count, self._features)) < share) / share
        return Parts(volumes, targets, kept.astype(np.float32))

    def _part(self) -> tuple[np.ndarray, np.ndarray]:
        random = self._random
        volume = self._volumes[int(random.choice(len(self._volumes), p=self._shares))]
        places = [self._along(length, side) for length, side in zip(volume.labels.shape, self._sides, strict=True)]
        moved = self._moved(places)
        pixels, labels = _taken(volume, moved) if moved is not None else _cut(volume, places)
        pixels, labels = self._turned(pixels, labels)
        inside = (slice(MARGIN_VOXELS, -MARGIN_VOXELS),) * 3
        return self._changed(np.ascontiguousarray(pixels[inside])), targets_of(labels)[inside]

    def _along(self, length: int, side: int) -> np.ndarray:
        """Draw the places of a part along an axis; beyond the ends the volume is reflected."""
        start = int(self._random.integers(min(0, length - side), max(0, length - side) + 1))
        return np.arange(start - MARGIN_VOXELS, start + side + MARGIN_VOXELS)

    def _moved(self, places: Sequence[np.ndarray]) -> np.ndarray | None:
        """Return places (3, Z, Y, X) between voxels if the part is enlarged or deformed."""
        from scipy import ndimage

        random, without = self._random, self._without
        factor = 1.0 if ZOOM in without else float(np.exp(random.uniform(-LARGEST_ZOOM, LARGEST_ZOOM)))
        bent = ELASTIC not in without and random.random() < 0.3
        if factor == 1 and not bent:
            return None
        axes = [one.mean() + (one - one.mean()) / factor for one in places]
        grid = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
        if bent:
            shape = grid.shape[1:]
            coarse = [max(2, side // ELASTIC_GRID_VOXELS) for side in shape]
            for axis in range(3):
                rough = ELASTIC_VOXELS * random.standard_normal(coarse, np.float32)
                wide = [length / side for length, side in zip(shape, coarse, strict=True)]
                grid[axis] += ndimage.zoom(rough, wide, order=1)
        return grid

    def _turned(self, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mirror a part along its axes, and rotate its planes by quarter turns if they are square."""
        random, without = self._random, self._without
        axes = tuple(axis for axis in range(3) if FLIP not in without and random.random() < 0.5)
        square = labels.shape[1] == labels.shape[2]
        turns = int(random.integers(4)) if ROTATION not in without and square else 0
        pixels, labels = (np.rot90(np.flip(one, axes), turns, (1, 2)) for one in (pixels, labels))
        return pixels, labels

    def _changed(self, pixels: np.ndarray) -> np.ndarray:
        """Change the grey values of a part."""
        from scipy import ndimage

        random, without = self._random, self._without
        if BRIGHTNESS not in without:
            pixels = pixels * np.float32(random.uniform(0.8, 1.25)) + np.float32(random.uniform(-0.1, 0.1))
            fade = np.linspace(0, random.uniform(-LIGHT_LOST, LIGHT_LOST), len(pixels), dtype=np.float32)
            pixels = pixels * np.exp(fade - fade.mean())[:, None, None]
        if BLUR not in without and random.random() < 0.2:
            pixels = ndimage.gaussian_filter(pixels, random.uniform(0.3, 1.0))
        if NOISE not in without and random.random() < 0.6:
            spread = np.sqrt(0.1 + np.clip(pixels, 0, None)) * np.float32(random.uniform(0, NOISIEST))
            pixels = pixels + spread * random.standard_normal(pixels.shape, np.float32)
        changed: np.ndarray = np.clip(pixels, LOWEST, HIGHEST)
        return changed.astype(np.float32, copy=False)


def _cut(volume: TrainingVolume, places: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Cut a part out of a volume, which is reflected at its ends."""
    there = np.ix_(*(_reflected(one, length) for one, length in zip(places, volume.labels.shape, strict=True)))
    return volume.pixels[there], volume.labels[there]


def _taken(volume: TrainingVolume, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take a part at places (3, Z, Y, X) between voxels: interpolated pixels, and the nearest labels."""
    from scipy import ndimage

    pixels = ndimage.map_coordinates(volume.pixels, places, order=1, mode="mirror")
    nearest = np.rint(places).astype(np.intp)
    there = tuple(_reflected(one, length) for one, length in zip(nearest, volume.labels.shape, strict=True))
    return pixels, volume.labels[there]


def _reflected(places: np.ndarray, length: int) -> np.ndarray:
    """Reflect places at the first and the last voxel of an axis."""
    period = max(1, 2 * (length - 1))
    folded: np.ndarray = np.abs((places + length - 1) % period - (length - 1)) if length > 1 else 0 * places
    return folded
