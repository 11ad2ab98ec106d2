"""Cells from drawn outlines: which pixels belong to which cell, and which cell is which in the next frame."""

from __future__ import annotations

import numpy as np

from epifiji.data.errors import WrongInputError

_SPECK_PX, _SPECK_SHARE = 8, 0.1  # smaller than either, the latter of the median cell, is a flaw in a line
_OUTSIDE_CELLS = 8  # larger than so many cells and at the frame's edge is beyond the tissue
_LEAST_OVERLAP = 0.3  # of a cell


def label_outlines(outlines: np.ndarray) -> np.ndarray:
    """Number the cells between outlines.

    Parameters
    ----------
    outlines
        (Y, X): lines bright on dark or dark on bright; the rarer of the two are lines.

    Returns
    -------
    numpy.ndarray
        (Y, X), int32: 1, 2, 3 … in the cells, which meet in the middle of the lines, and 0 beyond the tissue's edge.

    Raises
    ------
    WrongInputError
        Where nothing is drawn.
    """
    from scipy import ndimage

    lines = outlines > (float(outlines.min()) + float(outlines.max())) / 2
    if lines.mean() > 0.5:
        lines = ~lines
    parts, count = ndimage.label(~lines)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    real = areas > _SPECK_PX
    if not lines.any() or real.sum() < 3:
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
