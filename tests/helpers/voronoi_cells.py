"""Cells that fill an image: regions of nearest points, and how a microscope might show their borders."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree


def voronoi_labels(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Label each pixel (side, side) by the nearest of evenly spread points, from 1; each cell is one piece."""
    random = np.random.default_rng(seed)
    points = random.uniform(0, side, (count, 2))
    y, x = np.mgrid[:side, :side]
    places = np.stack([y.ravel(), x.ravel()], 1)
    for _ in range(3):
        nearest = cKDTree(points).query(places)[1]
        points = np.array([places[nearest == n].mean(axis=0) for n in range(count)])
    nearest = cKDTree(points).query(places)[1]
    labels: np.ndarray = nearest.reshape(side, side).astype(np.int32) + 1
    return labels


def membranes(labels: np.ndarray, sigma_px: float = 1.2) -> np.ndarray:
    """Draw bright, blurred borders between cells: (Y, X), uint8."""
    lines = np.zeros(labels.shape)
    lines[:, :-1] += labels[:, :-1] != labels[:, 1:]
    lines[:-1] += labels[:-1] != labels[1:]
    blurred = ndimage.gaussian_filter(lines, sigma_px)
    noise = np.random.default_rng(0).normal(0, 4, labels.shape)
    shown: np.ndarray = np.clip(20 + 180 * blurred / blurred.max() + noise, 0, 255).astype(np.uint8)
    return shown
