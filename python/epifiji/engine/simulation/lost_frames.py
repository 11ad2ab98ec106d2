"""Frames that a microscope skips, loses, or shows twice."""

from __future__ import annotations

import numpy as np

from epifiji.data.settings.simulation import SimulationSettings


def times_of(settings: SimulationSettings) -> int:
    """Return the number of regular times that a movie with skipped ones takes."""
    return int(np.ceil(settings.frames / (1 - settings.skipped_frames)))


def taken(settings: SimulationSettings) -> np.ndarray:
    """Return the times at which frames were taken (`frames`,), increasing from 0 to the last of :func:`times_of`."""
    times = times_of(settings)
    random = np.random.default_rng([settings.seed, 5])
    between = np.sort(random.permutation(np.arange(1, times - 1))[: settings.frames - 2])
    return np.concatenate([[0], between, [times - 1]])


def lose(pixels: np.ndarray, settings: SimulationSettings) -> np.ndarray:
    """Return a movie (T, Y, X), some of whose frames after the first are black and some repeat the frame before."""
    counts = [round(share * len(pixels)) for share in (settings.repeated_frames, settings.black_frames)]
    if not any(counts):
        return pixels
    random = np.random.default_rng([settings.seed, 6])
    lost = 1 + random.permutation(len(pixels) - 1)
    result = pixels.copy()
    for frame in np.sort(lost[: counts[0]]):
        result[frame] = result[frame - 1]
    result[lost[counts[0] : sum(counts)]] = 0
    return result
