"""Measurements of a cell and of the cells around it, in each frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from epifiji.data.cell_traces import (
    AREA,
    CONTROL_AREA,
    JUNCTIONS,
    NEIGHBOUR_AREA,
    NEIGHBOURS,
    PERIMETER,
    QUANTITIES,
    ROUNDNESS,
    VERTICES,
)
from epifiji.engine.cells.borders import borders_of, corners_of

_SHORTEST_BORDER_PX = 2  # pixel sides; shorter contacts are errors of the outlines as often as borders
_RING_SHARE = 0.5  # cells that touch the cell in at least this share of its frames are its neighbours
_CONTROL_SHARE = 0.8  # cells that are whole in at least this share of the frames can be control cells


def measure_around(
    labels: np.ndarray, images: np.ndarray, cell: int, daughters: tuple[int, ...] = (), seed: int = 1
) -> Mapping[str, np.ndarray]:
    """Measure a cell, its borders and the cells around it.

    Parameters
    ----------
    labels
        (T, Y, X), int32: a cell keeps its label; 0 where there is no cell.
    images
        (T, Y, X): the movie.
    cell, daughters
        Labels of the cell and of its daughters, which are measured as one.
    seed
        Of the draw of control cells.

    Returns
    -------
    mapping
        For each of :data:`epifiji.data.cell_traces.QUANTITIES` an array (T,), NaN where the cell is absent or cut off by
        the edge of the field. The perimeter is Crofton's in four directions, which is right within about 1 % for cells
        from 5 px in radius; roundness is 4 pi area / perimeter², 1 for a disk. Neighbours share a border of at least two
        pixel sides. Junctions are the pixels on both sides of the cell's borders, vertices those of the squares of 2 x 2
        pixels in which it meets two others; their intensity is the mean of the movie there. The neighbours whose mean
        area is measured are the same in all frames: those that touch the cell in at least half of its frames. As many
        control cells are drawn at random from those that never touch it. Cells that the edge of the field cuts off are
        left out of both means.
    """
    merged = np.where(np.isin(labels, daughters), cell, labels)
    count = int(merged.max()) + 1
    areas = np.stack([np.bincount(frame.ravel(), minlength=count) for frame in merged]).astype(float)
    whole = np.ones_like(areas, bool)
    touching = np.zeros_like(areas, bool)
    values = {name: np.full(len(labels), np.nan) for name in QUANTITIES}
    for t, (frame, image) in enumerate(zip(merged, images, strict=True)):
        for side in (frame[0], frame[-1], frame[:, 0], frame[:, -1]):
            whole[t, side] = False
        found = borders_of(frame)
        own = (found.pairs == cell).any(1) & (found.lengths >= _SHORTEST_BORDER_PX)
        touching[t, found.pairs[own].ravel()] = True
        touching[t, cell] = False
        if not areas[t, cell] or not whole[t, cell]:
            continue
        mine = frame == cell
        perimeter = _perimeter(mine)
        values[AREA][t], values[PERIMETER][t] = areas[t, cell], perimeter
        values[ROUNDNESS][t] = min(1.0, 4 * np.pi * areas[t, cell] / perimeter**2)
        values[NEIGHBOURS][t] = np.count_nonzero(touching[t])
        values[JUNCTIONS][t], values[VERTICES][t] = _intensities(frame, image, mine)
    ring, controls = _ring_and_controls(areas, whole, touching, cell, seed)
    shown = np.where(whole & (areas > 0), areas, np.nan)
    values[NEIGHBOUR_AREA], values[CONTROL_AREA] = _mean(shown[:, ring]), _mean(shown[:, controls])
    return values


def _perimeter(mine: np.ndarray) -> float:
    """Return the length of a region's outline (Y, X) in pixels, at least that of a square of one pixel."""
    from skimage.measure import perimeter_crofton

    return max(4.0, float(perimeter_crofton(mine, directions=4))) if mine.any() else 0.0


def _intensities(frame: np.ndarray, image: np.ndarray, mine: np.ndarray) -> tuple[float, float]:
    """Return the mean of an image (Y, X) on the junctions of a cell, and on its vertices; NaN where there are none."""
    from scipy import ndimage

    cross = ndimage.generate_binary_structure(2, 1)
    others = (frame > 0) & ~mine
    junctions = (ndimage.binary_dilation(mine, cross) & others) | (ndimage.binary_dilation(others, cross) & mine)
    corners = corners_of(frame) > 0
    squares = np.zeros_like(mine)
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        squares[y : y + corners.shape[0], x : x + corners.shape[1]] |= corners
    # Squares that contain the cell itself touch its pixels.
    vertices = squares & ndimage.binary_dilation(mine, np.ones((3, 3), bool)) & (frame > 0)
    means = [float(image[where].mean()) if where.any() else float("nan") for where in (junctions, vertices)]
    return means[0], means[1]


def _ring_and_controls(
    areas: np.ndarray, whole: np.ndarray, touching: np.ndarray, cell: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a cell's neighbours, and those of as many random cells that never touch it."""
    there = areas[:, cell] > 0
    ring = np.flatnonzero(touching[there].mean(0) >= _RING_SHARE)
    always = (whole & (areas > 0)).mean(0) >= _CONTROL_SHARE
    possible = np.flatnonzero(always & ~touching.any(0))
    possible = possible[(possible != cell) & (possible > 0)]
    drawn = np.random.default_rng(seed).permutation(possible)[: len(ring)]
    return ring, np.sort(drawn)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return means over the second axis, NaN where nothing is known."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, values, 0).sum(1) / known.sum(1)
    return mean


def centres_of(labels: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """Return y, x of the centroid of some cells together in each frame: (T, 2), NaN where they are absent."""
    centres = np.full((len(labels), 2), np.nan)
    for t, frame in enumerate(np.isin(labels, cells)):
        if frame.any():
            centres[t] = np.argwhere(frame).mean(0)
    return centres


def angle_between(one: np.ndarray, other: np.ndarray) -> float:
    """Return the angle of the line between two places (y, x): degrees from 0 to 180, counter-clockwise from the x axis."""
    y, x = other - one
    return float(np.degrees(np.arctan2(-y, x)) % 180)


def long_axis(mine: np.ndarray) -> float:
    """Return the angle of the longest axis of a region (Y, X), as :func:`angle_between` does."""
    places = np.argwhere(mine)
    values, vectors = np.linalg.eigh(np.cov(places.T))
    return angle_between(np.zeros(2), vectors[:, int(np.argmax(values))])
