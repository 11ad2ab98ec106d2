"""How large the cells of a movie are, measured without being told anything about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie

SAMPLED_FRAMES = 5
SCALES_PX = 7.0 * 1.25 ** np.arange(13)
"""Diameters that are tried, in pixels of the movie: 7 to 102."""

WINDOW_CELLS = 20
"""Side of the part of a frame that is looked at, in cell diameters."""

LEAST_SIDE_CELLS = 3
"""Shortest side of a frame in which cells of a diameter are looked for, in diameters."""

BLOCK_PX = 8
"""Side of the squares over which structure is judged."""

CELL_PX = 12
"""Cell diameter in the image that is segmented, whatever the scale."""

SMOOTHING = 0.10
"""Sigma of the smoothing, in cell diameters. White noise so smoothed has basins of about 0.7 diameters."""

SEED_DEPTH = 0.3
"""Least depth of a basin, in local standard deviations."""

LEAST_CONTRAST = 0.35
"""Least contrast of a cell, as a fraction of that of the frame's most contrasted cells."""

MOST_DRIFT = 0.25
"""Most d log(median) / d log(scale) on a plateau: about 0 for cells, 0.5 for noise of any correlation length."""

LEAST_CELLS = 10
"""Fewest whole cells, over all sampled frames, that make an estimate."""


@dataclass(frozen=True)
class _Measurement:
    """What one scale shows: median diameter (px of the movie), median contrast, number of cells."""

    diameter: float
    contrast: float
    cells: int


def estimate_cell_diameter(movie: Movie) -> float:
    """Estimate the diameter of the cells of a membrane-labelled epithelium.

    The diameter is the median over cells of ``2 * sqrt(area / pi)``, the diameter of the disk of the cell's area,
    where the areas of neighbours meet on the middle of their junction.

    Each of 13 scales from 7 to 102 px is taken in turn as the hypothetical diameter: the frames are smoothed
    with a sigma of a tenth of it, sampled down to 12 pixels per cell, evened out by their local mean and
    standard deviation, and segmented by a watershed from the minima of some depth. Where cells are resolved, their
    median diameter does not depend on the scale; where they are not, it follows the scale: noise breaks into
    basins smaller than the hypothesis, and cells fuse into larger ones only far above their own size. The estimate is where
    hypothesis and median agree *and* the median stays the same from scale to scale; among several such, the one
    with the most contrast between junctions and interiors.

    Five frames spread over the movie are read, one at a time, and of each at most the 20 by 20 diameters with the
    most structure are segmented, so time and memory stay bounded for large frames.

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
        Where no scale gives at least ten whole cells of a stable size, or a sampled frame has pixels that are not finite.
    """
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in SCALES_PX]
    for frame in _sampled_frames(movie):
        structure = _structure(frame)
        for scale, cells in zip(SCALES_PX, found, strict=True):
            window = _busiest_window(frame, structure, math.ceil(WINDOW_CELLS * scale))
            cells.append(_cells_at(window, scale))
    diameter = _stable_diameter([_pooled(cells) for cells in found])
    if diameter is None:
        raise WrongInputError(
            f"No cell diameter can be estimated from {movie.name}, which shows no network of bright junctions with at least "
            f"{LEAST_CELLS} whole cells of 8 to 100 pixels: give --cell-diameter in pixels."
        )
    return diameter


def _sampled_frames(movie: Movie) -> Iterator[np.ndarray]:
    """Read the middle frames (Y, X) of equal parts of the movie, one at a time."""
    count = movie.shape[0]
    for part in range(SAMPLED_FRAMES):
        index = (2 * part + 1) * count // (2 * SAMPLED_FRAMES)
        frame = movie.frames(index, index + 1)[0]
        if frame.dtype.kind == "f" and not np.isfinite(frame).all():
            raise WrongInputError(
                f"Frame {index + 1} of {movie.name} has pixels that are not numbers (NaN or infinite), so no cell diameter can be "
                "estimated: replace them or give --cell-diameter in pixels."
            )
        yield frame


def _structure(frame: np.ndarray) -> np.ndarray:
    """Give the standard deviation within each square of `BLOCK_PX` pixels, (Y // BLOCK_PX, X // BLOCK_PX)."""
    height, width = (length // BLOCK_PX for length in frame.shape)
    squares = frame[: height * BLOCK_PX, : width * BLOCK_PX].reshape(height, BLOCK_PX, width, BLOCK_PX)
    structure = squares.std(axis=(1, 3), dtype=np.float32)
    # A few very bright specks must not outweigh the tissue.
    return np.minimum(structure, np.percentile(structure, 90)) if structure.size else structure


def _busiest_window(frame: np.ndarray, structure: np.ndarray, side: int) -> np.ndarray:
    """Cut out the square of `side` pixels with the most structure, or as much of the frame as there is."""
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


def _cells_at(window: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Segment a window for cells of a diameter of `scale` pixels: diameters (px of the movie) and contrasts."""
    from scipy import ndimage

    if min(window.shape) < LEAST_SIDE_CELLS * scale:
        return np.empty(0), np.empty(0)
    bins = max(1, int(scale / (2 * CELL_PX)))
    image = _binned(window, bins)
    image = ndimage.gaussian_filter(image, SMOOTHING * scale / bins)
    image = ndimage.zoom(image, CELL_PX * bins / scale, order=1)
    areas, contrasts = _basins(image)
    return 2 * np.sqrt(areas / np.pi) * scale / CELL_PX, contrasts


def _binned(image: np.ndarray, bins: int) -> np.ndarray:
    """Average squares of `bins` pixels a side, as float32."""
    height, width = (length // bins for length in image.shape)
    squares = image[: height * bins, : width * bins].reshape(height, bins, width, bins)
    return squares.mean(axis=(1, 3), dtype=np.float32)


def _basins(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Segment an image whose cells are 12 px wide: areas (px) and contrasts of the whole, contrasted cells."""
    from scipy import ndimage
    from skimage.measure import label
    from skimage.morphology import h_minima
    from skimage.segmentation import clear_border, find_boundaries, watershed

    if np.ptp(image) == 0:
        return np.empty(0), np.empty(0)
    even = image - ndimage.gaussian_filter(image, CELL_PX)
    even /= np.sqrt(ndimage.gaussian_filter(even**2, 1.5 * CELL_PX)) + 1e-6 * np.ptp(image)
    labels = watershed(even, label(h_minima(even, SEED_DEPTH)))
    borders = find_boundaries(labels)
    whole = np.unique(clear_border(labels))
    whole = whole[whole > 0]
    if not whole.size:
        return np.empty(0), np.empty(0)
    areas = np.bincount(labels.ravel())[whole]
    around = ndimage.mean(image, np.where(borders, labels, 0), whole)
    lowest = np.full(labels.max() + 1, np.inf, dtype=np.float32)
    np.minimum.at(lowest, labels.ravel(), image.ravel())
    contrasts = around - lowest[whole]
    kept = contrasts > LEAST_CONTRAST * np.percentile(contrasts, 97)
    return areas[kept], contrasts[kept]


def _pooled(cells: list[tuple[np.ndarray, np.ndarray]]) -> _Measurement:
    """Put the cells of all sampled frames together."""
    diameters = np.concatenate([diameters for diameters, _ in cells])
    contrasts = np.concatenate([contrasts for _, contrasts in cells])
    if diameters.size < LEAST_CELLS:
        return _Measurement(math.nan, 0.0, 0)
    return _Measurement(float(np.median(diameters)), float(np.median(contrasts)), diameters.size)


def _stable_diameter(measured: list[_Measurement]) -> float | None:
    """Find the scale that agrees with its own median on the most contrasted plateau; None where there is none."""
    medians = np.array([measurement.diameter for measurement in measured])
    best, most = None, 0.0
    for index in range(len(measured) - 1):
        here, after = index, index + 1
        if not (medians[here] >= SCALES_PX[here] and medians[after] < SCALES_PX[after]):
            continue
        low, high = max(0, index - 1), min(len(measured) - 1, index + 2)
        if math.isnan(medians[high]):
            high = after
        drift = math.log(medians[high] / medians[low]) / math.log(SCALES_PX[high] / SCALES_PX[low])
        if abs(drift) < MOST_DRIFT and measured[here].contrast > most:
            best, most = math.sqrt(medians[here] * medians[after]), measured[here].contrast
    return best
