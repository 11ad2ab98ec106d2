"""Cells from drawn outlines: which pixels belong to which cell, and which cell is which in the next frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from epifiji.data.errors import WrongInputError

_SPECK_PX, _SPECK_SHARE = 8, 0.1  # smaller than either, the latter of the median cell, is a flaw in a line
_OUTSIDE_CELLS = 8  # larger than so many cells and at the frame's edge is beyond the tissue
_LEAST_OVERLAP = 0.3  # of what two cells cover together, to be one cell
_LEAST_CELLS = 5
_HALVING = 2  # how much coarser frames are when their shift is looked for


def drawn_lines(outlines: np.ndarray) -> np.ndarray:
    """Tell which pixels are lines: of bright and dark the rarer."""
    lines = outlines > (float(outlines.min()) + float(outlines.max())) / 2
    return ~lines if lines.mean() > 0.5 else lines


def label_outlines(lines: np.ndarray) -> np.ndarray:
    """Number the cells between lines.

    Parameters
    ----------
    lines
        (Y, X), bool: true on the lines around cells.

    Returns
    -------
    numpy.ndarray
        (Y, X), int32: 1, 2, 3 … in the cells, which meet in the middle of the lines, and 0 beyond the tissue's edge.

    Raises
    ------
    WrongInputError
        Where no cells are drawn.
    """
    from scipy import ndimage

    parts, count = ndimage.label(~lines)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    real = areas > _SPECK_PX
    if real.sum() < _LEAST_CELLS:
        raise WrongInputError("A frame of the outlines shows no cells: give a TIFF of closed lines around cells.")
    real &= areas > _SPECK_SHARE * np.median(areas[real])
    at_edge = np.zeros(count + 1, bool)
    for side in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        at_edge[side] = True
    outside = at_edge & (areas > _OUTSIDE_CELLS * np.median(areas[real]))
    numbers = np.zeros(count + 1, np.int32)
    numbers[real & ~outside] = np.arange(1, np.count_nonzero(real & ~outside) + 1)
    nearest = ndimage.distance_transform_edt(~real[parts], return_distances=False, return_indices=True)
    return numbers[parts[tuple(nearest)]]


def shifts(lines: np.ndarray) -> np.ndarray:
    """Find how the tissue as a whole moves: y and x (T, 2) in whole px, from the first frame, of lines (T, Y, X)."""
    from scipy import ndimage
    from skimage.registration import phase_cross_correlation

    coarse = [ndimage.gaussian_filter(frame.astype(np.float32), 2)[::_HALVING, ::_HALVING] for frame in lines]
    steps = [np.zeros(2)]
    for one, other in pairwise(coarse):
        steps.append(_HALVING * phase_cross_correlation(other, one, upsample_factor=10, normalization=None)[0])
    return np.round(np.cumsum(steps, 0)).astype(int)


def track(frames: list[np.ndarray]) -> np.ndarray:
    """Give cells that overlap from frame to frame one number.

    Parameters
    ----------
    frames
        Labels (Y, X) of each frame, 0 where there is no cell; the tissue as a whole does not move.

    Returns
    -------
    numpy.ndarray
        (T, Y, X), int32. Cells of successive frames that overlap are one, those that do so most first, where the
        overlap is at least 0.3 of what they cover together; all others are new.
    """
    tracked = np.empty((len(frames), *frames[0].shape), np.int32)
    tracked[0], born = frames[0], int(frames[0].max())
    for number, after in enumerate(frames[1:], 1):
        before = tracked[number - 1]
        names = np.zeros(int(after.max()) + 1, np.int32)
        both = (before > 0) & (after > 0)
        pairs, overlaps = np.unique(np.stack([before[both], after[both]]), axis=1, return_counts=True)
        areas = np.bincount(before.ravel()), np.bincount(after.ravel())
        share = overlaps / (areas[0][pairs[0]] + areas[1][pairs[1]] - overlaps)
        taken: set[int] = set()
        for index in np.argsort(-share, kind="stable"):
            old, new = (int(cell) for cell in pairs[:, index])
            if share[index] >= _LEAST_OVERLAP and not names[new] and old not in taken:
                names[new] = old
                taken.add(old)
        unknown = np.flatnonzero(names[1:] == 0) + 1
        names[unknown] = born + 1 + np.arange(len(unknown))
        born += len(unknown)
        tracked[number] = names[after]
    return tracked
