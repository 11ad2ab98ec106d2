"""Changes of intensity that real movies show and the engine's augmentation lacks, made to training parts of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from epifiji.engine.networks.epinet.sampling import Part, Sampler

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Takes frames (n, Y, X), float32, about 0 to 1, and returns frames of that shape."""


def saturate(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Cut off the brightest 0.5 to 10 % of the pixels, as a camera that is exposed for too long."""
    return np.minimum(frames, np.quantile(frames[:, ::4, ::4], 1 - random.uniform(0.005, 0.1)))


def cut_below(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Set the darkest 5 to 50 % of the pixels to one level, as a background that was subtracted."""
    return np.maximum(frames, np.quantile(frames[:, ::4, ::4], random.uniform(0.05, 0.5)))


def coarsen(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Keep 8 to 40 grey levels, as a dim movie that was saved with 8 bits."""
    levels = random.uniform(8, 40)
    return np.round(frames * levels) / levels


def stripe(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add noise of rows that changes from frame to frame, or of columns that stays."""
    strength = random.uniform(0.01, 0.06)
    count, height, width = frames.shape
    shape = (count, height, 1) if random.random() < 0.5 else (1, 1, width)
    return frames + strength * random.standard_normal(shape)


def lose(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Let one to three frames be black or equal to the frame before."""
    result = frames.copy()
    black = random.random() < 0.4
    for t in sorted(random.integers(1, len(frames), random.integers(1, 4)).tolist()):
        result[t] = 0 if black else result[t - 1]
    return result


CHANGES: tuple[tuple[float, Change], ...] = (
    (0.12, saturate),
    (0.12, cut_below),
    (0.1, coarsen),
    (0.1, stripe),
    (0.12, lose),
)
"""The probability of each change; applied in this order."""


class Worn:
    """Draws the parts of another sampler, with changed intensities.

    Parameters
    ----------
    sampler
        Draws parts of movies.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler, self._random = sampler, np.random.default_rng(0)

    def reseed(self, random: np.random.Generator) -> None:
        """Use this source of random numbers from now on."""
        self._random = random
        self._sampler.reseed(random)

    def draw(self) -> Part:
        """Draw a part."""
        part = self._sampler.draw()
        frames = part.frames
        for probability, change in CHANGES:
            if self._random.random() < probability:
                frames = change(frames, self._random)
        return replace(part, frames=np.ascontiguousarray(frames, np.float32))
