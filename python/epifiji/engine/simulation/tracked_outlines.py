"""Cells of drawn outlines followed through a movie: which cell is which in the next frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

_LEAST_OVERLAP = 0.3  # intersection over union of two cells in successive frames that are the same cell
_CONTAINED = 0.6  # share of a cell that lies in a shared cell of the next frame: the line between was missed
_LEAST_REPAIRED, _MOST_MISSING_FRAMES = 0.35, 6  # in median cells; frames. Beyond either, a cell has really disappeared
_COARSENING = 2  # factor by which frames are coarser when their shift is measured


def shifts(lines: np.ndarray) -> np.ndarray:
    """Measure how the tissue as a whole moves relative to the first frame: y, x (T, 2) in whole px, from lines (T, Y, X)."""
    from scipy import ndimage
    from skimage.registration import phase_cross_correlation

    coarse = [ndimage.gaussian_filter(frame.astype(np.float32), 2)[::_COARSENING, ::_COARSENING] for frame in lines]
    steps = [np.zeros(2)]
    for one, other in pairwise(coarse):
        steps.append(_COARSENING * phase_cross_correlation(other, one, upsample_factor=10, normalization=None)[0])
    return np.round(np.cumsum(steps, 0)).astype(int)


def track(frames: list[np.ndarray]) -> np.ndarray:
    """Number cells so that the same cell has the same number in all frames.

    Parameters
    ----------
    frames
        Labels (Y, X) of each frame, 0 where there is no cell. The tissue as a whole does not move.

    Returns
    -------
    numpy.ndarray
        (T, Y, X), int32. Cells of successive frames are the same if their intersection over union is at least 0.3;
        larger overlaps are assigned first. All other cells are new. A line between two cells that is missing in up to
        six frames is drawn at its last position.
    """
    tracked = np.empty((len(frames), *frames[0].shape), np.int32)
    tracked[0], count = frames[0], int(frames[0].max())
    missing_frames = np.zeros(0, int)
    for number, found in enumerate(frames[1:], 1):
        before = tracked[number - 1]
        missing_frames = np.pad(missing_frames, (0, count + 1 - len(missing_frames)))
        after = _repaired(before, found, missing_frames)
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
        names[unknown] = count + 1 + np.arange(len(unknown))
        count += len(unknown)
        tracked[number] = names[after]
    return tracked


def _overlaps(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List which cells of two frames (Y, X) overlap: pairs (2, n) and numbers of pixels (n,)."""
    both = (before > 0) & (after > 0)
    base = int(after.max()) + 1
    codes, counts = np.unique(before[both].astype(np.int64) * base + after[both], return_counts=True)
    return np.stack([codes // base, codes % base]), counts


def _repaired(before: np.ndarray, after: np.ndarray, missing_frames: np.ndarray) -> np.ndarray:
    """Restore lines that are missing in a frame from the frame before: cells never fuse, but lines are missed.

    Parameters
    ----------
    before, after
        Labels (Y, X) of two successive frames.
    missing_frames
        For each cell of `before`, the number of successive frames in which its line was restored; updated here. After
        `_MOST_MISSING_FRAMES` the cell is taken to have disappeared.
    """
    from scipy import ndimage

    pairs, overlaps = _overlaps(before, after)
    areas = np.bincount(before.ravel())
    median_area = np.median(areas[1:][areas[1:] > 0]) if (areas[1:] > 0).any() else 0
    contained = (overlaps > _CONTAINED * areas[pairs[0]]) & (areas[pairs[0]] > _LEAST_REPAIRED * median_area)
    contained &= missing_frames[pairs[0]] < _MOST_MISSING_FRAMES
    repaired, count, updated = after.copy(), int(after.max()), np.zeros_like(missing_frames)
    places = ndimage.find_objects(after)
    for cell in np.unique(pairs[1]):
        former = pairs[0][contained & (pairs[1] == cell)]
        if len(former) < 2:
            continue
        here = places[cell - 1]
        known = np.isin(before[here], former)
        nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
        parts = np.searchsorted(former, before[here][tuple(nearest)])
        mine = after[here] == cell
        repaired[here][mine] = count + 1 + parts[mine]
        count += len(former)
        updated[former] = missing_frames[former] + 1
    missing_frames[:] = updated
    return repaired
