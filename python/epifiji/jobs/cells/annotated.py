"""Annotated cells of images as labels: from label images, and from outlines that were drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epifiji.data.cells import PackedLabels
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.engine.metrics.labels import labels_at_border
from epifiji.files.labels import OUTLINES_OF_TISSUE_ANALYZER
from epifiji.files.results.cell_corrections import latest_labels
from epifiji.files.results.cell_results import labels_in

LINE_PX = 2
"""Drawn lines disappear if so many pixels are removed from both of their sides; a single labelled cell does not."""


def annotated_cells(pixels: np.ndarray | PackedLabels, file: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the cells of each frame as labels (Y, X), and where it is known what is there (Y, X), bool.

    What outlines do not enclose, or the image's border cuts off, is unknown. In a label image, 0 is known to be no cell; nothing
    is known of a frame without labels.

    Parameters
    ----------
    pixels, file
        (T, Y, X), and the file that they were read from.
    """
    pixels = np.asarray(pixels)
    lines = lines_in(pixels, file)
    if lines is None:
        return [(frame, np.full(frame.shape, bool(frame.any()))) for frame in pixels]
    return [cells_between(frame) if frame.any() else (0 * pixels[0], frame) for frame in lines]


def are_labels(file: Path) -> bool:
    """Return whether a file is known to contain labels: those of a segmentation's result folder, corrected or not."""
    labels = labels_in(file.parent)
    return labels is not None and file in (labels, latest_labels(labels))


def cells_and_region(pixels: np.ndarray, segmented: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (Y, X) of label images and outlines, and where it is known what is there (Y, X), bool.

    Pixels of two grey levels are outlines, unless they are known to be the labels of a segmentation.
    """
    levels = np.unique(pixels)
    if segmented or len(levels) != 2:
        return pixels, np.ones(pixels.shape, bool)
    return cells_between(drawn_lines(pixels))


def cells_between(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells between lines (Y, X) as labels, without those that the image's border cuts off, and where they are."""
    labels = label_outlines(lines)
    cut_off = labels_at_border(np.where(lines, 0, labels))
    labels = np.where(np.isin(labels, cut_off), 0, labels)
    return labels, labels > 0


def lines_in(pixels: np.ndarray, file: Path) -> np.ndarray | None:
    """Return which pixels (T, Y, X) are lines between cells; None if the pixels are labels."""
    from scipy import ndimage

    low, high = pixels.min(), pixels.max()
    if low == high or not ((pixels == low) | (pixels == high)).all():
        return None
    lines = drawn_lines(pixels)
    if file.stem.lower() == OUTLINES_OF_TISSUE_ANALYZER.lower():
        return lines
    around = np.zeros((3, 3, 3), bool)
    around[1] = True
    return None if ndimage.binary_erosion(lines, around, iterations=LINE_PX).any() else lines
