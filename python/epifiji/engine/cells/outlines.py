"""Cells from drawn outlines: which pixels belong to which cell, and which cell is which in the next frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from epifiji.data.errors import WrongInputError

_SPECK_PX, _SPECK_SHARE = 8, 0.1  # smaller than either, the latter of the median cell, is a flaw in a line
_OUTSIDE_CELLS = 8  # larger than so many cells and at the frame's edge is beyond the tissue
_LEAST_OVERLAP = 0.3  # of what two cells cover together, to be one cell
_HELD = 0.6  # of a cell that lies in another in the next frame, which it shares: a line between was overlooked
_LEAST_MENDED, _MOST_LAPSES = 0.35, 6  # of the median cell; frames. Smaller ones, or for longer, have really gone
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
    outlines: np.ndarray = numbers[parts[tuple(nearest)]]
    return outlines


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
        overlap is at least 0.3 of what they cover together; all others are new. A line between two cells that is
        missing for up to six frames is drawn where it was.
    """
    tracked = np.empty((len(frames), *frames[0].shape), np.int32)
    tracked[0], born = frames[0], int(frames[0].max())
    lapses = np.zeros(0, int)
    for number, found in enumerate(frames[1:], 1):
        before = tracked[number - 1]
        lapses = np.pad(lapses, (0, born + 1 - len(lapses)))
        after = _mended(before, found, lapses)
        names = np.zeros(int(after.max()) + 1, np.int32)
        pairs, overlaps = _overlaps(before, after)
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


def _overlaps(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List which cells of two frames (Y, X) overlap: pairs (2, n) and pixels (n,)."""
    both = (before > 0) & (after > 0)
    base = int(after.max()) + 1
    codes, counts = np.unique(before[both].astype(np.int64) * base + after[both], return_counts=True)
    return np.stack([codes // base, codes % base]), counts


def _mended(before: np.ndarray, after: np.ndarray, lapses: np.ndarray) -> np.ndarray:
    """Draw a line that is missing in a frame where it was in the frame before; cells never fuse, but lines are overlooked.

    Parameters
    ----------
    before, after
        Labels (Y, X) of two successive frames.
    lapses
        For how many frames in a row each cell of `before` has been drawn so; counted here. After some it is believed to be gone.
    """
    from scipy import ndimage

    pairs, overlaps = _overlaps(before, after)
    areas = np.bincount(before.ravel())
    usual = np.median(areas[1:][areas[1:] > 0]) if (areas[1:] > 0).any() else 0
    held = (overlaps > _HELD * areas[pairs[0]]) & (areas[pairs[0]] > _LEAST_MENDED * usual)
    held &= lapses[pairs[0]] < _MOST_LAPSES
    mended, born, counted = after.copy(), int(after.max()), np.zeros_like(lapses)
    places = ndimage.find_objects(after)
    for cell in np.unique(pairs[1]):
        olds = pairs[0][held & (pairs[1] == cell)]
        if len(olds) < 2:
            continue
        here = places[cell - 1]
        known = np.isin(before[here], olds)
        nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
        parts = np.searchsorted(olds, before[here][tuple(nearest)])
        mine = after[here] == cell
        mended[here][mine] = born + 1 + parts[mine]
        born += len(olds)
        counted[olds] = lapses[olds] + 1
    lapses[:] = counted
    return mended
