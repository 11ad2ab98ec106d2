"""Changes of intensity that real movies show and the engine's augmentation lacks, made to training parts of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

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


def glow(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move 10 to 50 % of the light into a wide halo, as out-of-focus light and scattering do."""
    share, sigma = random.uniform(0.1, 0.5), random.uniform(3, 9)
    return (1 - share) * frames + share * gaussian_filter(frames, (0, sigma, sigma))


def sharpen(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Enhance edges, as a deconvolution or the camera's software does."""
    strength, sigma = random.uniform(0.3, 1.5), random.uniform(0.8, 2)
    return np.maximum(frames + strength * (frames - gaussian_filter(frames, (0, sigma, sigma))), 0)


def mottle(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Make the light lumpy, as that of a protein in puncta; lumps last for some frames."""
    sizes = (random.uniform(0.5, 3), *(2 * [random.uniform(0.7, 2)]))
    lumps = gaussian_filter(random.standard_normal(frames.shape, np.float32), sizes)
    return frames * np.exp(random.uniform(0.1, 0.5) * lumps / max(float(lumps.std()), 1e-6))


def multiply(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add the noise of an electron-multiplying camera, whose gain is random: its variance is twice that of the photons."""
    photons = np.exp(random.uniform(np.log(8), np.log(150)))
    counted = random.poisson(photons * np.clip(frames, 0, None))
    return random.standard_gamma(np.maximum(counted, 1e-3)) / photons


CHANGES: tuple[tuple[float, Change], ...] = (
    (0.2, glow),
    (0.12, mottle),
    (0.12, multiply),
    (0.12, sharpen),
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
