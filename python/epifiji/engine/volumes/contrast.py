"""Whether borders between cells are brighter than the cells, in a volume with its labels."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from epifiji.data.image import Sliced
from epifiji.engine.volumes.slabs import slabs

FEWEST_VOXELS = 100
"""Of borders, and of insides; with fewer there is no contrast to be measured."""

MOST_VOXELS = 1_000_000
"""Of borders, and of insides, that are compared: one in so many of a larger volume."""


def border_contrast(volume: Sliced, labels: np.ndarray) -> float | None:
    """Return the probability that a voxel at a border between two cells is brighter than one inside a cell.

    This is U / (n m) of Mann and Whitney (Ann. Math. Stat. 18, 1947), the area under the curve of the receiver operating
    characteristic: 1 if all borders are brighter than all insides, 0.5 if there is no difference. It does not depend on the unit
    of grey values.

    Parameters
    ----------
    volume
        (Z, Y, X), grey values.
    labels
        (Z, Y, X), cells from 1 on, 0 elsewhere.

    Returns
    -------
    float or None
        0–1; None if there are too few voxels at borders, or inside.
    """
    step = max(1, round(np.count_nonzero(labels) / MOST_VOXELS))
    borders, insides = [], []
    for slab in slabs(labels.shape):
        wider = slice(max(0, slab.start - 1), min(labels.shape[0], slab.stop + 1))
        border, edge = _borders(labels[wider])
        own = slice(slab.start - wider.start, slab.stop - wider.start)
        grey, here = np.asarray(volume[slab]), labels[slab]
        borders.append(grey[border[own]][::step])
        insides.append(grey[(here > 0) & ~edge[own]][::step])
    bright, other = np.concatenate(borders), np.concatenate(insides)
    if min(len(bright), len(other)) < FEWEST_VOXELS:
        return None
    ranks = rankdata(np.concatenate([bright, other]))[: len(bright)].sum()
    return float((ranks - len(bright) * (len(bright) + 1) / 2) / (len(bright) * len(other)))


def _borders(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where labels (Z, Y, X) touch another cell along an axis, and where they touch any other value."""
    border, edge = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        first = (slice(None),) * axis + (slice(None, -1),)
        second = (slice(None),) * axis + (slice(1, None),)
        differ = labels[first] != labels[second]
        cells = differ & (labels[first] > 0) & (labels[second] > 0)
        for part in (first, second):
            edge[part] |= differ
            border[part] |= cells
    return border, edge
