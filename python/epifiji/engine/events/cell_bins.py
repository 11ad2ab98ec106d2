"""Events per cell: cells and events counted in squares of the frame and bins of time."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv, stdtrit

from epifiji.data.tissue import CellBins, Tissue, nearest, share

LEVELS = (0.025, 0.975)
"""Ends of 95 % intervals."""


def bin_cells(tissue: Tissue, times: np.ndarray, square_px: float) -> CellBins:
    """Count cells by their centres, and average their shapes.

    A frame that was not segmented has the cells of the nearest segmented one.

    Parameters
    ----------
    tissue
        The tissue and its cells.
    times
        Bounds of the bins of time in frames, (t + 1,).
    square_px
        Side of a square; the frame is divided into squares of about this side.
    """
    frames, *size = tissue.region.shape
    rows, columns = (np.linspace(-0.5, side - 0.5, max(1, round(side / square_px)) + 1) for side in size)
    cells, count = tissue.cells, len(tissue.frames)
    edges = (np.arange(count + 1) - 0.5, rows, columns)
    places = (cells.number, cells.y, cells.x)
    number, area, elongation = (
        np.histogramdd(places, edges, weights=weights)[0] for weights in (None, cells.area_px, cells.elongation)
    )
    # How often each segmented frame stands for a frame of each bin of time.
    stands_for = np.zeros((len(times) - 1, count))
    time = np.searchsorted(times, np.arange(frames), side="right") - 1
    np.add.at(stands_for, (time, nearest(tissue.frames, frames)), tissue.region.observed)
    observed = stands_for.sum(axis=1)
    exposure, areas, elongations = (np.tensordot(stands_for, one, 1) for one in (number, area, elongation))
    mean = exposure / np.maximum(1, observed)[:, None, None]
    return CellBins(times, rows, columns, observed, mean, share(areas, exposure), share(elongations, exposure))


def bin_events(places: np.ndarray, bins: CellBins) -> np.ndarray:
    """Count events (frame, y, x, (n, 3)) in the bins of cells, (t, y, x)."""
    low, high = (np.array([edges[end] for edges in (bins.rows, bins.columns)]) for end in (0, -1))
    in_frame = np.column_stack([places[:, 0] + 0.5, np.clip(places[:, 1:], low, high)])
    return np.histogramdd(in_frame, (bins.times, bins.rows, bins.columns))[0].astype(int)


def poisson_interval(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact 95 % interval of the means of Poisson-distributed counts (Garwood 1936)."""
    counts = np.asarray(counts, float)
    low = np.where(counts > 0, gammaincinv(np.maximum(counts, 1), LEVELS[0]), 0.0)
    return low, gammaincinv(counts + 1, LEVELS[1])


def mean_interval(counts: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of a number of cells over frames, and its 95 % interval by Student's t; NaN for a single frame."""
    mean, number = float(np.mean(counts)), len(counts)
    if number < 2:
        return mean, np.nan, np.nan
    half = float(stdtrit(number - 1, LEVELS[1]) * np.std(counts, ddof=1) / np.sqrt(number))
    return mean, max(0.0, mean - half), mean + half
