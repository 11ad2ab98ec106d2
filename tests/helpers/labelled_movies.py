"""Small movies with blinking discs, all of whose events are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.rois.roi_files import write_rois


def blinking(seed: int, shape: tuple[int, int, int] = (28, 64, 64), events: int = 6) -> tuple[np.ndarray, list[Event]]:
    """Draw discs that are bright for three frames, and permanent ones, on a noisy background: (T, Y, X), uint8."""
    random = np.random.default_rng(seed)
    count, height, width = shape
    pixels = 60 + 150 * ndimage.gaussian_filter(random.standard_normal(shape), (1, 2, 2))
    pixels += 8 * random.standard_normal(shape)
    places: list[tuple[int, float, float]] = []
    for _ in range(10_000):
        if len(places) == events:
            break
        t, y, x = int(random.integers(4, count - 4)), random.uniform(9, height - 9), random.uniform(9, width - 9)
        if all(abs(t - a) > 6 or np.hypot(y - b, x - c) > 26 for a, b, c in places):
            places.append((t, y, x))
            pixels[t - 1 : t + 2] += _disc(shape, y, x)
    for _ in range(max(1, height * width // 2000)):
        pixels += _disc(shape, random.uniform(9, height - 9), random.uniform(9, width - 9))
    found = [Event("blink", *place) for place in places]
    return np.clip(pixels, 0, 255).astype(np.uint8), found


def _disc(shape: tuple[int, int, int], y: float, x: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    return 70 / (1 + np.exp(np.hypot(rows - y, columns - x) - 7))


def write_blinking(folder: Path, name: str, seed: int, **how: object) -> tuple[np.ndarray, list[Event]]:
    """Write such a movie and its ROIs in the form of a training folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels, events = blinking(seed, **how)  # type: ignore[arg-type]
    write_movie(Movie(pixels, name), folder / f"{name}.tif")
    write_rois(folder / f"{name}_blink.zip", events)
    return pixels, events
