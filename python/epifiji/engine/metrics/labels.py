"""How well predicted cells agree with annotated ones, as label images: equal positive integers are one cell, 0 is no cell.

Label images are (Y, X), or (Z, Y, X) for volumes. Labels need not be consecutive. `Overlaps` counts the pixels that each
predicted cell shares with each annotated one, once; all scores of cells are computed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Counts
from epifiji.data.label_images import areas_of, at_outlines, numbered

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PROPER_IOU = 0.7
"""IoU above which an annotated cell counts as properly segmented (Aigouy et al., Development 147, dev194589, 2020)."""


@dataclass(frozen=True)
class Overlaps:
    """The pixels that annotated and predicted cells share.

    Parameters
    ----------
    annotated, predicted
        The labels, ascending, without 0.
    annotated_area, predicted_area
        Pixels of each of them.
    shared
        Pixels that they share, sparse (annotated, predicted).
    table
        The same with a row and a column for no cell before the others, sparse (1 + annotated, 1 + predicted).
    """

    annotated: np.ndarray
    predicted: np.ndarray
    annotated_area: np.ndarray
    predicted_area: np.ndarray
    shared: csr_array
    table: csr_array

    @cached_property
    def iou(self) -> csr_array:
        """Return the intersection over union of each pair of cells that overlap, sparse (annotated, predicted), 0–1."""
        pairs = self.shared.tocoo()
        rows, columns = pairs.coords
        union = self.annotated_area[rows] + self.predicted_area[columns] - pairs.data
        ratios = type(pairs)((pairs.data / union, (rows, columns)), shape=pairs.shape)
        return ratios.tocsr()

    def largest_iou(self) -> np.ndarray:
        """Return, for each annotated cell, the largest IoU with any predicted one, (annotated,), 0–1."""
        best = np.zeros(len(self.annotated))
        pairs = self.iou.tocoo()
        np.maximum.at(best, pairs.coords[0], pairs.data)
        return best


def overlaps(annotated: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """Count the pixels that the cells of two label images of one shape share.

    Raises
    ------
    WrongInputError
        Where their shapes differ, or one of them is no label image.
    """
    from scipy.sparse import coo_array

    if annotated.shape != predicted.shape:
        raise WrongInputError(
            f"The predicted cells are an image of the shape {predicted.shape} and the annotated ones of {annotated.shape}, but "
            "both must show the same field: give the labels of one image."
        )
    (rows, row_labels), (columns, column_labels) = _numbered(annotated), _numbered(predicted)
    pairs, counts = areas_of(rows * (len(column_labels) + 1) + columns)
    row, column = np.divmod(pairs, len(column_labels) + 1)
    shape = (len(row_labels) + 1, len(column_labels) + 1)
    table = coo_array((counts, (row, column)), shape=shape).tocsr()
    first, second = (table.sum(axis=axis)[1:] for axis in (1, 0))
    return Overlaps(row_labels, column_labels, first, second, table[1:, 1:], table)


def _numbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace labels by 0 for no cell and consecutive numbers from 1, flat; and return the labels in that order."""
    if labels.dtype.kind not in "bui":
        raise WrongInputError(
            f"An image of cells has pixels of type {labels.dtype}, but a whole number for each cell is expected: give a label "
            "image."
        )
    if labels.size and labels.min() < 0:
        raise WrongInputError("An image of cells has negative labels, but 0 or more is expected: give a label image.")
    found, numbers = numbered(labels)
    numbers = numbers.ravel()
    return (numbers, found[1:]) if len(found) and found[0] == 0 else (numbers + 1, found)


def count_matches(cells: Overlaps, iou: float) -> Counts:
    """Match annotated and predicted cells whose IoU is at least `iou`, one to one, so that as many as possible match."""
    from scipy.sparse.csgraph import maximum_bipartite_matching

    good = (cells.iou >= iou).astype(np.int8)
    partner = maximum_bipartite_matching(good, perm_type="column") if good.nnz else np.empty(0, int)
    matched = int(np.count_nonzero(partner >= 0))
    return Counts(matched, len(cells.predicted) - matched, len(cells.annotated) - matched)


@dataclass(frozen=True)
class SegmentationQuality:
    """Properly, over- and under-segmented annotated cells, after Aigouy et al. (Development 147, dev194589, 2020).

    Parameters
    ----------
    proper
        Which annotated cells have an IoU above `PROPER_IOU` with a predicted one, (annotated,).
    over
        Which are over-segmented: not proper, and most of two or more predicted cells lies in them, (annotated,).
    under
        Which are under-segmented: most of them lies in a predicted cell that holds most of two or more, (annotated,).
    """

    proper: np.ndarray
    over: np.ndarray
    under: np.ndarray

    @property
    def contributions(self) -> np.ndarray:
        """What each annotated cell adds: 1 if proper, minus 1 if over- or under-segmented, (annotated,)."""
        cells: np.ndarray = self.proper.astype(int) - self.over - self.under
        return cells

    @property
    def value(self) -> float | None:
        """Proper cells minus over- and under-segmented ones, by all annotated cells: at most 1, negative where errors prevail.

        The paper gives the terms in words only, and its code does not compute them; the rules above make them exact. None if
        no cell is annotated.
        """
        return int(self.contributions.sum()) / len(self.proper) if len(self.proper) else None


def segmentation_quality(cells: Overlaps) -> SegmentationQuality:
    """Find properly, over- and under-segmented annotated cells; "most" is more than half of the pixels."""
    pairs = cells.shared.tocoo()
    rows, columns = pairs.coords
    proper = cells.largest_iou() > PROPER_IOU
    predicted_inside = 2 * pairs.data > cells.predicted_area[columns]
    parts = np.bincount(rows[predicted_inside], minlength=len(cells.annotated))
    annotated_inside = 2 * pairs.data > cells.annotated_area[rows]
    held = np.bincount(columns[annotated_inside], minlength=len(cells.predicted))
    under = np.zeros(len(cells.annotated), bool)
    under[rows[annotated_inside & (held[columns] > 1)]] = True
    return SegmentationQuality(proper, ~proper & (parts > 1), under)


def adjusted_rand_index(cells: Overlaps) -> float:
    """Compare two label images as partitions of all pixels, 0 being one part of each; 1 is the same, about 0 is chance.

    The index of L. Hubert and P. Arabie, Comparing partitions, J. Classif. 2, 193–218, 1985.
    """
    table = cells.table
    pairs = _pairs(table.data).sum()
    rows, columns = (_pairs(table.sum(axis=axis)).sum() for axis in (1, 0))
    expected = rows * columns / max(_pairs(table.sum()), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((pairs - expected) / (most - expected))


def _pairs(counts: np.ndarray) -> np.ndarray:
    numbers = np.asarray(counts, float)
    pairs: np.ndarray = numbers * (numbers - 1) / 2
    return pairs


def variation_of_information(cells: Overlaps) -> tuple[float, float]:
    """Return the two parts of the variation of information, in bits: of over-segmentation and of under-segmentation; 0 is best.

    They are the conditional entropies of the prediction given the annotation, and of the annotation given the prediction
    (M. Meila, Comparing clusterings, J. Multivar. Anal. 98, 873–895, 2007). No cell counts as one more cell.
    """
    shared = cells.table.tocoo()
    rows, columns = shared.coords
    whole = max(int(shared.data.sum()), 1)
    over, under = (
        float(shared.data @ np.log2(cells.table.sum(axis=axis)[part] / shared.data)) / whole
        for axis, part in ((1, rows), (0, columns))
    )
    return over, under


def outline_iou(annotated: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return the IoU of the outlines, 0–1: all pixels that touch another label, so that an outline is two pixels wide.

    None if neither image has an outline.
    """
    one, other = at_outlines(annotated), at_outlines(predicted)
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else None
