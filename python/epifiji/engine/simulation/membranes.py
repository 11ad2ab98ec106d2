"""Membranes between labelled cells."""

from __future__ import annotations

import numpy as np

from epifiji.engine.simulation.epithelium import Epithelium, Scene

_VOID_INSIDE = 0.6


def draw(tissue: Epithelium, labels: np.ndarray) -> Scene:
    """Draw the membranes of a tissue from the cells' labels (Y, X), 0 outside the tissue.

    A pixel's brightness is that of the nearest junction and falls with the distance; it is higher where three cells
    meet.
    """
    from scipy import ndimage

    rows = _rows(tissue.cells, labels)
    light = np.zeros(labels.shape, np.float32)
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1),), (slice(1, None),)),
    ):
        border = labels[here] != labels[there]
        bright = _brightness(tissue, rows[here][border], rows[there][border])
        for side in (here, there):
            part = light[side]
            part[border] = np.maximum(part[border], bright)
    membranes = np.zeros(labels.shape, np.float32)
    edge = light > 0
    if edge.any():
        away, nearest = ndimage.distance_transform_edt(~edge, return_indices=True)
        here = light[tuple(nearest)]
        membranes = here * np.exp(-((away + 0.5) ** 2) / (2 * tissue.membrane_px**2))
        corners = _corners(labels)
        if corners.any():
            far = ndimage.distance_transform_edt(~corners)
            membranes += tissue.tricellular * here * np.exp(-(far**2) / (2 * tissue.membrane_px**2))
    inside = np.append(tissue.cells["inside"], _VOID_INSIDE).astype(np.float32)[rows]
    return Scene(labels, membranes.astype(np.float32), inside)


def _rows(cells: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the row of each pixel's cell, -1 outside the tissue."""
    table = np.full(max(int(labels.max()), int(cells["identity"].max(initial=0))) + 1, -1)
    table[cells["identity"]] = np.arange(len(cells))
    rows: np.ndarray = table[labels]
    return rows


def _brightness(tissue: Epithelium, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the brightness of junctions between cells in these rows (n,), including those at the tissue's edge."""
    rows = np.where(first < 0, second, first), np.where(second < 0, first, second)
    return np.where((first < 0) & (second < 0), 0, tissue.junctions(*rows)).astype(np.float32)


def _corners(labels: np.ndarray) -> np.ndarray:
    """Return at which pixels (Y, X) three or more cells meet."""
    a, b, c, d = labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]
    different = (a != b).astype(np.int8) + (c != d) + (a != c) + (b != d)
    corners = np.zeros(labels.shape, bool)
    corners[:-1, :-1] = different >= 3
    return corners
