"""Outlines of cells: which pixels belong to which cell between drawn lines, and lines between labelled cells."""

from __future__ import annotations

import numpy as np

from epifiji.data.errors import WrongInputError

_SPECK_PX, _SPECK_SHARE = 8, 0.1  # regions below either (the latter in median cells) are flaws in a line
_OUTSIDE_CELLS = 8  # regions larger than so many median cells that touch the frame's edge lie outside the tissue
_LEAST_CELLS = 5
_PAD_PX = 4


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
