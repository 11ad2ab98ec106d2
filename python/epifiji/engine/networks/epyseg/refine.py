"""EPySeg's refinement: seven maps vote on where the outlines of cells are.

This is the refinement that EPySeg 0.1.52 (Aigouy et al., Development 147, dev194589, 2020) calls its default, written
anew so that it needs neither a window nor EPySeg. Five of the maps show outlines and two show the inside of cells. Each
gives seeds; the watershed of the first map from these seeds is a vote for each pixel on its lines. The pixels with
enough votes, by Otsu's threshold, bound the seeds of a last watershed, whose lines are the outlines.

The outlines are the same to the pixel as EPySeg's, so some of its properties are kept deliberately: a place beyond the
first row or column is looked up at the last one, and an image of one value is its own inverse.
"""

from __future__ import annotations

import numpy as np

OUTLINES = 5
"""The first five maps show outlines; the fourth and fifth are bright inside cells."""

INVERTED = (3, 4, 6)
SEED_LEVELS = {5: 0.15, 6: 0.1}
"""Levels above which the last two maps show the inside of a cell."""

WINDOW_PX, SAUVOLA_K, SAUVOLA_R = 25, 0.25, 0.5
LEAST_LEVEL = 0.1
"""Sauvola's local threshold, and the least level of an outline."""

LEAST_LINE_PX = 6
PEAK_PX = 8
LEAST_SCORED_PX, LEAST_SCORE = 4, 0.5
LEAST_CELL_PX = 5

NEAR_END_PX, NEAR_BOND_PX = 2, 1


def outlines_from(maps: np.ndarray) -> np.ndarray:
    """Combine the maps of an image.

    Parameters
    ----------
    maps
        (Y, X, 7), float32 from 0 to 1.

    Returns
    -------
    numpy.ndarray
        (Y, X), bool: true on the lines between cells, one pixel wide; empty if the maps show no lines.
    """
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    first = np.ascontiguousarray(maps[..., 0])
    votes = np.zeros(first.shape, np.uint8)
    for number in range(maps.shape[-1]):
        votes += _lines(first, _seeds(maps[..., number], number))
    if not votes.any():
        return np.zeros(first.shape, bool)
    # The mean of levels of 0 and 255 as float32, so that Otsu's histogram has the same bins as EPySeg's.
    levels = 255 * np.arange(maps.shape[-1] + 1, dtype=np.float32) / np.float32(maps.shape[-1])
    shares = (levels / levels[votes.max()])[votes]
    lines = ndimage.binary_dilation(shares > threshold_otsu(shares))
    cells = _numbered(_inverse(lines), diagonally=False)
    lines |= _of_parts(cells, np.bincount(cells.ravel()) < LEAST_CELL_PX)
    return _lines(first, _numbered(_inverse(lines), diagonally=False))


def _seeds(values: np.ndarray, number: int) -> np.ndarray:
    """Number the seeds that a map shows."""
    values = np.ascontiguousarray(values)
    if number in INVERTED:
        values = -values + values.max() + values.min()
    if number in SEED_LEVELS:
        return _numbered(values > SEED_LEVELS[number], diagonally=True)
    return _numbered(_inverse(_closed_lines(values)), diagonally=False)


def _closed_lines(values: np.ndarray) -> np.ndarray:
    """Threshold a map of outlines, and close gaps in them with lines that are equally far from two outlines."""
    from skimage.filters import threshold_sauvola
    from skimage.morphology import skeletonize

    level = np.maximum(threshold_sauvola(values, WINDOW_PX, k=SAUVOLA_K, r=SAUVOLA_R), LEAST_LEVEL)
    found = values >= level
    skeleton = skeletonize(found)
    halfway = _halfway_lines(_without_specks(skeleton))
    crossings = halfway & (_count_around(halfway) >= 4)
    bonds = _numbered(halfway & ~crossings, diagonally=True)
    crossings = _numbered(crossings, diagonally=True)
    ends = _numbered(skeleton & (_count_around(skeleton) <= 2), diagonally=True)
    return _joined(found, ends, bonds, crossings)


def _joined(found: np.ndarray, ends: np.ndarray, bonds: np.ndarray, crossings: np.ndarray) -> np.ndarray:
    """Add lines at loose ends.

    Parameters
    ----------
    found
        (Y, X), bool: the outlines.
    ends, bonds, crossings
        (Y, X), int: the loose ends of the outlines, and the parts of other lines and their crossings; each has a number.

    Returns
    -------
    numpy.ndarray
        (Y, X), bool: the outlines with the bonds near a loose end that are short or lie mostly on outlines already, those
        that are near exactly two loose ends, and the crossings at their ends.
    """
    areas = np.bincount(bonds.ravel())
    overlap = np.bincount(bonds[found], minlength=len(areas))
    likely = (areas <= LEAST_SCORED_PX) | (overlap >= LEAST_SCORE * areas)
    likely[0] = False
    places = np.argwhere(ends)
    near = _near(bonds, places, NEAR_END_PX)
    added = np.zeros(len(areas), bool)
    added[near[likely[near]]] = True
    at_crossing = np.zeros(int(crossings.max()) + 1, bool)
    at_crossing[_near(crossings, places, NEAR_END_PX)] = True

    # The last pixel of an end that is joined by now does not look for bonds any more.
    numbers = ends[tuple(places.T)]
    joined = np.zeros(int(ends.max()) + 1, bool)
    joined[numbers[likely[near].any(-1)]] = True
    last = np.zeros(len(places), bool)
    last[len(numbers) - 1 - np.unique(numbers[::-1], return_index=True)[1]] = True
    free = ~(last & joined[numbers])
    pairs = np.stack([np.broadcast_to(numbers[free, None], near[free].shape), near[free]], -1).reshape(-1, 2)
    pairs = np.unique(pairs[pairs[:, 1] > 0], axis=0)
    added |= np.bincount(pairs[:, 1], minlength=len(areas)) == 2
    added[0] = False

    chosen = added[bonds]
    at_crossing[_near(crossings, np.argwhere(chosen), NEAR_BOND_PX)] = True
    at_crossing[0] = False
    closed: np.ndarray = found | chosen | at_crossing[crossings]
    return closed


def _halfway_lines(skeleton: np.ndarray) -> np.ndarray:
    """Return the lines of the watershed of the distance from a skeleton."""
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    inside = _inverse(skeleton)
    distance = ndimage.distance_transform_edt(inside)
    peaks = peak_local_max(distance, footprint=np.ones((PEAK_PX, PEAK_PX)), labels=inside.astype(np.int32))
    seeds = np.zeros(distance.shape, bool)
    seeds[tuple(peaks.T)] = True
    lines: np.ndarray = watershed(-distance, _numbered(seeds, diagonally=True), watershed_line=True) == 0
    return lines


def _lines(heights: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the lines of a watershed, (Y, X), bool."""
    from skimage.segmentation import watershed

    lines: np.ndarray = watershed(heights, seeds, watershed_line=True) == 0
    return lines


def _without_specks(skeleton: np.ndarray) -> np.ndarray:
    """Remove parts of fewer than six pixels."""
    parts = _numbered(skeleton, diagonally=True)
    kept: np.ndarray = skeleton & ~_of_parts(parts, np.bincount(parts.ravel()) < LEAST_LINE_PX)
    return kept


def _of_parts(labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return where labels are chosen; 0 never is."""
    chosen = chosen.copy()
    chosen[0] = False
    where: np.ndarray = chosen[labels]
    return where


def _inverse(mask: np.ndarray) -> np.ndarray:
    """Invert a mask; one that is the same everywhere stays as it is."""
    return mask if mask.all() or not mask.any() else ~mask


def _numbered(mask: np.ndarray, diagonally: bool) -> np.ndarray:
    """Number the connected parts of a mask, (Y, X), int32."""
    from scipy import ndimage

    numbers: np.ndarray = ndimage.label(mask, np.ones((3, 3)) if diagonally else None)[0]
    return numbers


def _count_around(mask: np.ndarray) -> np.ndarray:
    """Count the pixels of a mask in the 3x3 neighbourhood of each; those outside the image count."""
    from scipy import ndimage

    counts: np.ndarray = ndimage.convolve(mask.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant", cval=1)
    return counts


def _near(labels: np.ndarray, places: np.ndarray, reach: int) -> np.ndarray:
    """Look labels up around places (n, 2): (n, (2 reach + 1)²), 0 beyond the last row or column."""
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), -1).reshape(1, -1, 2)
    around = places[:, None] + steps
    outside = (around >= labels.shape).any(-1)
    around[outside] = 0
    # Negative indices count from the end.
    found: np.ndarray = np.where(outside, 0, labels[around[..., 0], around[..., 1]])
    return found
