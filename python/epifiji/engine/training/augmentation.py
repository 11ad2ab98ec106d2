"""Augmentation: random changes to a part of a movie, or to an image, that preserve its events and cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from epifiji.data.grey_levels import within_range
from epifiji.data.settings.training import FLIP, ROTATION, ZOOM

__all__ = ["CHANGES", "FLIP", "ROTATION", "ZOOM", "Change", "changed", "turned"]

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Takes frames (n, Y, X), float32 in 0–1, and returns frames of that shape."""


def gamma(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Change all grey levels by a power."""
    brightened: np.ndarray = np.clip(frames, 0, None) ** np.float32(random.uniform(0.6, 1.5))
    return brightened


def flicker(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Make single frames darker or brighter."""
    factors = np.exp(0.25 * random.standard_normal(len(frames)) * (random.random(len(frames)) < 0.2))
    return frames * factors.astype(np.float32)[:, None, None]


def bleach(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Reduce the light from frame to frame."""
    fade = np.exp(-random.uniform(0, 0.8) * np.arange(len(frames)) / len(frames))
    return frames * fade.astype(np.float32)[:, None, None]


def shade(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Illuminate the field unevenly."""
    _, height, width = frames.shape
    coarse = random.standard_normal((5, 5))
    relief = ndimage.zoom(coarse, (height / 5, width / 5), order=3)[:height, :width]
    shaded: np.ndarray = frames * np.exp(0.4 * relief).astype(np.float32)
    return shaded


def blur(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur all frames equally."""
    sigma = random.uniform(0.3, 1.2)
    blurred: np.ndarray = ndimage.gaussian_filter(frames, (0, sigma, sigma))
    return blurred


def defocus(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur single frames."""
    result = frames.copy()
    for t in np.flatnonzero(random.random(len(frames)) < 0.1):
        result[t] = ndimage.gaussian_filter(frames[t], random.uniform(0.8, 2.2))
    return result


def noise(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add the noise of photons and of a camera."""
    deviation = np.float32(random.uniform(0, 0.08)) * (np.float32(0.4) + frames)
    noisy: np.ndarray = frames + deviation * random.standard_normal(frames.shape, np.float32)
    return noisy


def shake(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move single frames by whole pixels, like a stage that jumps."""
    jumps = random.integers(-2, 3, (len(frames), 2)) * (random.random((len(frames), 1)) < 0.15)
    return np.stack([np.roll(f, tuple(j), (0, 1)) for f, j in zip(frames, jumps.tolist(), strict=True)])


def specks(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add bright specks of dirt, which stay for some frames."""
    result = frames.copy()
    count, height, width = frames.shape
    rows, columns = np.ogrid[:height, :width]
    for _ in range(random.integers(1, 5)):
        t, y, x = (random.integers(0, n) for n in (count, height, width))
        spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * random.uniform(0.7, 2) ** 2))
        result[t : t + random.integers(1, 12)] += (random.uniform(0.2, 1) * spot).astype(np.float32)
    return result


CHANGES: dict[str, tuple[float, Change]] = {
    "gamma": (0.4, gamma),
    "flicker": (0.2, flicker),
    "bleach": (0.2, bleach),
    "shade": (0.3, shade),
    "blur": (0.25, blur),
    "defocus": (0.15, defocus),
    "shake": (0.1, shake),
    "specks": (0.15, specks),
    "noise": (0.4, noise),
}
"""By name: the probability, and the change; applied in this order. Noise comes last, as in a camera.

`ROTATION`, `FLIP` and `ZOOM` move events too; see :func:`turned` and
:mod:`epifiji.engine.networks.epinet.sampling`.
"""


def turned(
    arrays: Sequence[np.ndarray], random: np.random.Generator, without: frozenset[str] = frozenset()
) -> tuple[np.ndarray, ...]:
    """Rotate arrays (n, Y, X, …) with square frames by quarter turns and mirror them, all in the same way."""
    turns = 0 if ROTATION in without else int(random.integers(4))
    mirrored = FLIP not in without and random.random() < 0.5
    together = tuple(np.rot90(one, turns, (1, 2)) for one in arrays)
    return tuple(np.flip(one, 2) for one in together) if mirrored else together


def changed(frames: np.ndarray, random: np.random.Generator, without: frozenset[str] = frozenset()) -> np.ndarray:
    """Scale frames of any type and level to 0–1, and apply each change with its probability, except those in `without`."""
    frames = within_range(frames, frames.min(), frames.max()).astype(np.float32)
    for name, (probability, change) in CHANGES.items():
        if name not in without and random.random() < probability:
            frames = change(frames, random)
    return np.asarray(frames, np.float32)
