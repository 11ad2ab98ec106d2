"""Cells as values: those of a frame, and scores of predicted ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from epifiji.data.evaluation import Counts

MEAN_IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Least intersections over union at which matches are counted, from 0.5 to 0.95."""


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

    @property
    def mean_ap(self) -> float | None:
        """The mean of the AP over the least intersections over union in `MEAN_IOUS`."""
        found = [self.matches[iou].ap for iou in MEAN_IOUS]
        known = [value for value in found if value is not None]
        return float(np.mean(known)) if known else None


class PackedLabels:
    """Labels (Y, X) or (T, Y, X), compressed: cells are flat areas, which take a tenth of their memory or less.

    numpy's functions unpack them, as in ``np.asarray(labels)``; ``labels[t]`` unpacks one frame.
    """

    def __init__(self, labels: np.ndarray) -> None:
        self.shape: tuple[int, ...] = labels.shape
        self.dtype = labels.dtype
        frames = labels.reshape(-1, *labels.shape[-2:])
        self._frames = [zlib.compress(np.ascontiguousarray(frame).data, 1) for frame in frames]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, t: int) -> np.ndarray:
        """Unpack a frame (Y, X) of labels (T, Y, X)."""
        pixels = bytearray(zlib.decompress(self._frames[t]))
        return np.frombuffer(pixels, self.dtype).reshape(self.shape[-2:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Unpack all labels."""
        labels = np.stack([self[t] for t in range(len(self._frames))]).reshape(self.shape)
        return labels.astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class ComparedField:
    """The cells of one image that were compared.

    Parameters
    ----------
    name
        As in :class:`FieldScores`.
    annotated, predicted
        Labels (Y, X), 0 for no cell, without the cells that were left out.
    outcomes
        `Outcome` of each annotated cell, by its label.
    contributions
        What each annotated cell adds to the segmentation quality: 1, 0 or -1, (annotated,).
    left_out
        Number of predicted cells that lie where nothing is annotated.
    """

    name: str
    annotated: PackedLabels | np.ndarray
    predicted: PackedLabels | np.ndarray
    outcomes: Mapping[int, Outcome]
    contributions: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    left_out: int = 0
