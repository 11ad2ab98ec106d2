"""Estimating the diameter of a movie's cells from its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.grey_levels import within_range
from epifiji.data.label_images import at_outlines
from epifiji.data.movie import Movie

SAMPLED_FRAMES = 5
SCALES_PX = 7.0 * 1.25 ** np.arange(13)
"""Diameters that are tried, in pixels of the movie: 7 to 102."""

WINDOW_CELLS = 20
"""Side of the part of a frame that is analysed, in cell diameters."""

LEAST_SIDE_CELLS = 3
"""Shortest side of a frame in which cells of a diameter are searched for, in diameters."""

BLOCK_PX = 8
"""Side of the squares in which the structure of a frame is measured."""

CELL_PX = 10
"""Cell diameter in the image that is segmented, the same for all scales."""

SMOOTHING = 0.1
"""Sigma of the smoothing, in cell diameters. Basins of smoothed white noise are about 0.7 diameters wide."""

SEED_DEPTH = 0.3
"""Smallest depth of a basin, in local standard deviations."""

LEAST_CONTRAST = 0.35
"""Smallest contrast of a cell, as a fraction of the 97th percentile of contrasts in the frame."""

ALLOWED_DRIFT = (0.05, 0.3)
"""Largest d log(median) / d log(scale) on a plateau, for the least and the most skewed images.

About 0 for cells, 0.3 to 0.7 for noise of any grain.
"""

SYMMETRIC_DRIFT, DRIFT_PER_SKEWNESS = 0.15, 0.4
"""The same limit for an image of skewness 0, and its increase per unit of skewness (more bright than dark outliers)."""

LEAST_CELLS = 10
"""Fewest whole cells, in all sampled frames together, for an estimate."""


@dataclass(frozen=True)
class _Cells:
    """Cells that one frame shows at one scale: diameters (px of the movie), contrasts, skewness of the pixels."""

    diameters: np.ndarray
    contrasts: np.ndarray
    skewness: float


NO_CELLS = _Cells(np.empty(0), np.empty(0), 0.0)


@dataclass(frozen=True)
class _Measurement:
    """What all frames show at one scale: medians of diameter (px of the movie), contrast, skewness."""

    diameter: float
    contrast: float
    skewness: float


Diameter = TypeVar("Diameter", float, float | None)


def cell_diameter(movie: Movie, given: Diameter | Literal["auto"]) -> Diameter | float:
    """Return the cell diameter in pixels for a setting: an estimate for ``auto``, any other value unchanged."""
    return estimate_cell_diameter(movie) if given == "auto" else given


def estimate_cell_diameter(movie: Movie) -> float:
    """Estimate the diameter of the cells of a membrane-labelled epithelium.

    The diameter is the median over cells of ``2 * sqrt(area / pi)``, the diameter of a disk of the cell's area. The
    areas of neighbours meet in the middle of their junction.

    Each of 13 scales from 7 to 102 px is tried as the diameter. Frames are smoothed with a sigma of a tenth of the
    scale, sampled at 10 pixels per cell, normalised by their local mean and standard deviation, and segmented by a
    watershed from minima of sufficient depth. If this resolves the cells, their median diameter does not depend on the
    scale. Otherwise the median follows the scale: noise breaks into basins smaller than the scale, and cells merge only
    at scales far above their own size. The estimate is the median that equals the scale *and* is almost constant over
    the neighbouring scales. If several scales qualify, the one with the highest contrast between junctions and
    interiors is chosen. How constant the median must be depends on the skewness of the pixels: junctions are bright and
    thin, noise is symmetric, and dark junctions are refused.

    Five frames spread over the movie, or all of a shorter one, are read, one at a time. In each, at most the 20 by 20
    diameters with the most structure are segmented, so time and memory stay bounded for large frames.

    Parameters
    ----------
    movie
        Bright junctions around dark interiors, of any dtype; the tissue may fill only part of the frame.

    Returns
    -------
    float
        Diameter in pixels of the movie.

    Raises
    ------
    WrongInputError
        If no scale shows at least ten whole cells of a stable size, as in a flat image, in noise, with dark junctions,
        or with cells outside 7 to 100 px; or if a sampled frame has pixels that are not finite.
    """
    found: list[list[_Cells]] = [[] for _ in SCALES_PX]
    for frame in _sampled_frames(movie):
        structure = structure_of(frame)
        for scale, cells in zip(SCALES_PX, found, strict=True):
            window = busiest_window(frame, structure, math.ceil(WINDOW_CELLS * scale))
            cells.append(_cells_at(window, scale))
    diameter = _stable_diameter([_pooled(cells) for cells in found])
    if diameter is None:
        raise WrongInputError(
            f"{movie.name} shows no network of bright junctions with at least {LEAST_CELLS} whole cells of 7 to 100 "
            "pixels, which an estimate of the cell diameter needs: give --cell-diameter in pixels."
        )
    return diameter


def _sampled_frames(movie: Movie) -> Iterator[np.ndarray]:
    """Yield the middle frames (Y, X) of equal parts of the movie, float32, relative to the first one's range of values."""
    count = movie.shape[0]
    limits = None
    for index in dict.fromkeys((2 * part + 1) * count // (2 * SAMPLED_FRAMES) for part in range(SAMPLED_FRAMES)):
        frame = movie.frames(index, index + 1)[0]
        if frame.dtype.kind == "f" and not np.isfinite(frame).all():
            raise WrongInputError(
                f"{movie.name} has pixels that are not numbers (NaN or infinite) in frame {index + 1}, but an estimate "
                "of the cell diameter needs every pixel: replace them or give --cell-diameter in pixels."
            )
        if limits is None or limits[0] == limits[1]:
            limits = frame.min(), frame.max()
        yield within_range(frame, *limits).astype(np.float32)


def structure_of(frame: np.ndarray) -> np.ndarray:
    """Return the standard deviation in each square of `BLOCK_PX` pixels, (Y // BLOCK_PX, X // BLOCK_PX)."""
    height, width = (length // BLOCK_PX for length in frame.shape)
    squares = frame[: height * BLOCK_PX, : width * BLOCK_PX].reshape(height, BLOCK_PX, width, BLOCK_PX)
    structure = squares.std(axis=(1, 3), dtype=np.float32)
    # A few very bright specks are not allowed to dominate the tissue.
    limited: np.ndarray = np.minimum(structure, np.percentile(structure, 90)) if structure.size else structure
    return limited


def busiest_window(frame: np.ndarray, structure: np.ndarray, side: int) -> np.ndarray:
    """Cut out the square of `side` pixels with the most structure, or the whole frame if it is not larger."""
    from scipy import ndimage

    if max(frame.shape) <= side or not structure.size:
        return frame
    density = ndimage.uniform_filter(structure, max(1, side // BLOCK_PX), mode="constant")
    centre = np.unravel_index(np.argmax(density), density.shape)
    top, left = (
        int(np.clip(place * BLOCK_PX - side // 2, 0, max(0, length - side)))
        for place, length in zip(centre, frame.shape, strict=True)
    )
    return frame[top : top + side, left : left + side]


def _cells_at(window: np.ndarray, scale: float) -> _Cells:
    """Segment a window for cells of a diameter of `scale` pixels."""
    from scipy import ndimage

    if min(window.shape) < LEAST_SIDE_CELLS * scale:
        return NO_CELLS
    bins = max(1, int(scale / (2 * CELL_PX)))
    binned = _binned(window, bins)
    smooth = ndimage.gaussian_filter(binned, SMOOTHING * scale / bins)
    image = ndimage.zoom(smooth, CELL_PX * bins / scale, order=1, mode="nearest", grid_mode=True)
    if np.ptp(image) == 0:
        return NO_CELLS
    even = image - ndimage.gaussian_filter(image, CELL_PX)
    even /= np.sqrt(ndimage.gaussian_filter(even**2, 1.5 * CELL_PX)) + 1e-6 * np.ptp(image)
    areas, contrasts = _basins(image, even)
    pixel_area = bins**2 * binned.size / image.size
    skewness = float((((even - even.mean()) / even.std()) ** 3).mean())
    return _Cells(2 * np.sqrt(areas * pixel_area / np.pi), contrasts, skewness)


def _binned(image: np.ndarray, bins: int) -> np.ndarray:
    """Average squares of `bins` pixels a side, as float32."""
    height, width = (length // bins for length in image.shape)
    squares = image[: height * bins, : width * bins].reshape(height, bins, width, bins)
    binned: np.ndarray = squares.mean(axis=(1, 3), dtype=np.float32)
    return binned


def _basins(image: np.ndarray, even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Segment an image by its evened version: areas (px) and contrasts of the whole, contrasted cells."""
    from scipy import ndimage
    from skimage.measure import label, regionprops_table
    from skimage.morphology import h_minima
    from skimage.segmentation import clear_border, watershed

    labels = watershed(even, label(h_minima(even, SEED_DEPTH)))
    borders = at_outlines(labels)
    whole = regionprops_table(clear_border(labels), image, ("label", "area", "intensity_min"))
    if not whole["label"].size:
        return np.empty(0), np.empty(0)
    contrasts = ndimage.mean(image, np.where(borders, labels, 0), whole["label"]) - whole["intensity_min"]
    kept = contrasts > LEAST_CONTRAST * np.percentile(contrasts, 97)
    return whole["area"][kept], contrasts[kept]


def _pooled(frames: list[_Cells]) -> _Measurement | None:
    """Combine the cells of all sampled frames; None if they are too few."""
    diameters = np.concatenate([cells.diameters for cells in frames])
    if diameters.size < LEAST_CELLS:
        return None
    contrasts = np.concatenate([cells.contrasts for cells in frames])
    skewness = [cells.skewness for cells in frames if cells.diameters.size]
    return _Measurement(float(np.median(diameters)), float(np.median(contrasts)), float(np.median(skewness)))


def _stable_diameter(found: list[_Measurement | None]) -> float | None:
    """Find the scale that agrees with its own median on the most contrasted plateau; None if there is none."""
    steps = [(scale, measured) for scale, measured in zip(SCALES_PX, found, strict=True) if measured]
    best, most = None, 0.0
    for index, ((scale, here), (next_scale, after)) in enumerate(pairwise(steps)):
        if not (here.diameter >= scale and after.diameter < next_scale):
            continue
        (low, smaller), *_, (high, larger) = steps[max(0, index - 1) : index + 3]
        drift = math.log(larger.diameter / smaller.diameter) / math.log(high / low)
        allowed = np.clip(SYMMETRIC_DRIFT + DRIFT_PER_SKEWNESS * here.skewness, *ALLOWED_DRIFT)
        if abs(drift) < allowed and here.contrast > most:
            best, most = math.sqrt(here.diameter * after.diameter), here.contrast
    return best
