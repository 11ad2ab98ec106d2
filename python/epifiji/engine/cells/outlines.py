"""Cells from outlines that were drawn: which pixels belong to which cell, and which cell is which in the next frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from epifiji.data.errors import WrongInputError

_SPECK_PX, _SPECK_SHARE = 8, 0.1  # regions below either (the latter in median cells) are flaws in a line
_OUTSIDE_CELLS = 8  # regions larger than so many median cells that touch the frame's edge lie outside the tissue
_LEAST_OVERLAP = 0.3  # intersection over union of two cells in successive frames that are the same cell
_CONTAINED = 0.6  # share of a cell that lies in a shared cell of the next frame: the line between was missed
_LEAST_REPAIRED, _MOST_MISSING_FRAMES = 0.35, 6  # in median cells; frames. Beyond either, a cell has really disappeared
_LEAST_CELLS = 5
_PAD_PX = 4
_COARSENING = 2  # factor by which frames are coarser when their shift is measured


def drawn_lines(outlines: np.ndarray) -> np.ndarray:
    """Return which pixels are lines: of bright and dark pixels, the less frequent ones."""
    lines = outlines > (float(outlines.min()) + float(outlines.max())) / 2
    return ~lines if lines.mean() > 0.5 else lines


def label_outlines(lines: np.ndarray) -> np.ndarray:
    """Number the cells between lines.

    Parameters
    ----------
    lines
        (Y, X), bool: true on the lines between cells.

    Returns
    -------
    numpy.ndarray
        (Y, X), int32: 1, 2, 3 … in the cells, which meet in the middle of the lines, and 0 outside the tissue.

    Raises
    ------
    WrongInputError
        If there are no cells.
    """
    from scipy import ndimage

    parts, count = ndimage.label(~lines)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    real = areas > _SPECK_PX
    if real.sum() < _LEAST_CELLS:
        raise WrongInputError("A frame of the outlines shows no cells: give a TIFF of closed lines around cells.")
    real &= areas > _SPECK_SHARE * np.median(areas[real])
    return _filled(parts, areas, real)


def label_regions(lines: np.ndarray) -> np.ndarray:
    """Number the regions between lines as :func:`label_outlines` does, but all of them, however few or small.

    Without any line there are no cells.
    """
    from scipy import ndimage

    parts, count = ndimage.label(~lines)
    if not count or not lines.any():
        return np.zeros(lines.shape, np.int32)
    areas = np.bincount(parts.ravel())
    areas[0] = 0
    return _filled(parts, areas, areas > 0)


def _filled(parts: np.ndarray, areas: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Number the parts that are real and in the tissue; all other pixels belong to the nearest real part."""
    from scipy import ndimage

    at_edge = np.zeros(len(areas), bool)
    for side in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        at_edge[side] = True
    outside = at_edge & (areas > _OUTSIDE_CELLS * np.median(areas[real]))
    numbers = np.zeros(len(areas), np.int32)
    numbers[real & ~outside] = np.arange(1, np.count_nonzero(real & ~outside) + 1)
    nearest = ndimage.distance_transform_edt(~real[parts], return_distances=False, return_indices=True)
    labels: np.ndarray = numbers[parts[tuple(nearest)]]
    return labels


def outlines_of(labels: np.ndarray) -> np.ndarray:
    """Draw lines between cells, one pixel wide, on the pixels of the cells: (Y, X), bool, from labels (Y, X) that touch.

    Lines are connected through corners of pixels, and the cells between them are not (regions of 4 neighbours). Cells
    reach the image's edge without a line there; next to label 0 there is a line.
    """
    from skimage.morphology import skeletonize

    # Repeated pixels around the image keep the ends of lines where they are.
    padded = np.pad(labels, _PAD_PX, "edge")
    lines = np.zeros(padded.shape, bool)
    lines[:, :-1] |= padded[:, :-1] != padded[:, 1:]
    lines[:-1] |= padded[:-1] != padded[1:]
    thin: np.ndarray = skeletonize(lines)[_PAD_PX:-_PAD_PX, _PAD_PX:-_PAD_PX]
    return thin


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
