"""The grey values of a volume that become 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from epifiji.data.image import Image
from epifiji.engine.tiling.tiles import Area

SHARES = (0.01, 0.995)
"""These quantiles of the grey values become 0 and 1."""

LOWEST, HIGHEST = -0.5, 2.0
"""Limits of grey values after that."""

SAMPLED_VOXELS = 4_000_000
"""Most voxels from which quantiles are computed, at least half of them if the volume has as many."""

WINDOW_VOXELS = 128
"""Sides of the windows of a larger volume, in one of which the higher quantile is largest: background has no part in it."""


def _quantile(pixels: np.ndarray, share: float) -> float:
    return float(np.quantile(pixels.astype(np.float64), share))


def _windows(shape: Sequence[int], sides: Sequence[int]) -> Iterator[Area]:
    """Iterate over windows that overlap by half of their sides; a shorter side of the volume is that of a window."""
    starts = [
        [*range(0, max(0, length - side), max(1, side // 2)), max(0, length - side)]
        for length, side in zip(shape, sides, strict=True)
    ]
    for corner in product(*starts):
        yield tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))


@dataclass(frozen=True)
class GreyRange:
    """The grey values that become 0 and 1.

    Parameters
    ----------
    low, high
        Quantiles :data:`SHARES` of a volume's grey values; the higher one is the largest that a window of it has.
    """

    low: float
    high: float

    @classmethod
    def of(cls, volume: Image) -> GreyRange:
        """Measure it on evenly distributed voxels; planes are read one after the other.

        In a volume of which a cyst is a small part, the higher quantile of all voxels is that of the background, whose noise
        would be as bright as membranes.
        """
        step = math.ceil(math.sqrt(math.prod(volume.shape) / SAMPLED_VOXELS))
        # Copies, so that the planes are not kept.
        some = np.concatenate([pixels[:, ::step, ::step].copy() for _, pixels in volume.chunks()])
        sides = (WINDOW_VOXELS, *[math.ceil(WINDOW_VOXELS / step)] * 2)
        high = max(_quantile(some[window], SHARES[1]) for window in _windows(some.shape, sides))
        return cls(_quantile(some, SHARES[0]), high)

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Scale pixels of any real type to float32."""
        span = self.high - self.low
        values = (pixels.astype(np.float64) - self.low) / (span if span > 0 else 1.0)
        return np.clip(values, LOWEST, HIGHEST).astype(np.float32)
