"""Cells as values: those of a frame, and scores of predicted ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from epifiji.data.evaluation import Counts


@dataclass(frozen=True, eq=False)
class CellMaps:
    """The cells of a frame, and the maps that they were made from.

    Parameters
    ----------
    labels
        (Y, X), int32: a number for each cell, from 1 on; 0 where there is none. Cells meet without a line between them.
    border
        (Y, X), float32: probability from 0 to 1 that a pixel lies on a border.
    tissue
        (Y, X), bool: where there is tissue, with or without cells that could be separated.
    outlines
        (Y, X), bool: the lines between cells, if the method that separated them draws some; else None.
    """

    labels: np.ndarray
    border: np.ndarray
    tissue: np.ndarray
    outlines: np.ndarray | None = None


class Outcome(IntEnum):
    """Outcome of an annotated cell in a segmentation."""

    PROPER = 1
    OVER = 2
    UNDER = 3
    MISSED = 4
    """None of the others: not found, or found with another outline."""


@dataclass(frozen=True)
class FieldScores:
    """Scores of the predicted cells of one image.

    Parameters
    ----------
    name
        The image, with the frame's number for movies.
    annotated, predicted
        Numbers of cells that were compared.
    matches
        Counts by the least intersection over union (IoU) of a match.
    proper, over, under
        Numbers of annotated cells that are properly, over- and under-segmented.
    quality
        Segmentation quality, :class:`epifiji.engine.metrics.labels.SegmentationQuality`; None without annotated cells.
    rand_index
        Adjusted Rand index of all pixels, at most 1.
    split_bits, merged_bits
        The parts of the variation of information that over- and under-segmentation cause, in bits; 0 is best.
    outline_iou
        IoU of the outlines; None if there are none.
    """

    name: str
    annotated: int
    predicted: int
    matches: Mapping[float, Counts]
    proper: int
    over: int
    under: int
    quality: float | None
    rand_index: float
    split_bits: float
    merged_bits: float
    outline_iou: float | None


@dataclass(frozen=True, eq=False)
class ComparedField:
    """The cells of one image that were compared.

    Parameters
    ----------
    name
        As in :class:`FieldScores`.
    annotated, predicted
        Labels (Y, X), int32, 0 for no cell, without the cells that were left out.
    outcomes
        `Outcome` of each annotated cell, by its label.
    """

    name: str
    annotated: np.ndarray
    predicted: np.ndarray
    outcomes: Mapping[int, Outcome]
