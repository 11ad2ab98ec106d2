"""Small images of cells with labels, for trainings and evaluations of networks for cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from voronoi_cells import membranes, voronoi_labels

CELLS, SIDE_PX = 25, 110
"""Cells of 22 px, for which EpiFiji's own network was trained."""


def write_labelled(folder: Path, name: str, seed: int, dark: bool = False, cells: int = CELLS) -> np.ndarray:
    """Write an image and its labels; return the labels (Y, X)."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = voronoi_labels(cells, SIDE_PX, seed)
    image = membranes(labels)
    tifffile.imwrite(folder / f"{name}.tif", 255 - image if dark else image)
    tifffile.imwrite(folder / f"{name}_labels.tif", labels.astype(np.uint16))
    return labels


def lines_of(labels: np.ndarray) -> np.ndarray:
    """Draw lines between cells, one or two pixels wide: (Y, X), uint8, 255 on lines."""
    lines = np.zeros(labels.shape, bool)
    lines[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    lines[1:] |= labels[1:] != labels[:-1]
    drawn: np.ndarray = lines.astype(np.uint8) * 255
    return drawn
