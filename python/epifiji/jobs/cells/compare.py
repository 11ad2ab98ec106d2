"""Compare predicted with annotated cells: matches, segmentation quality, Rand index, information, outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cells import MEAN_IOUS, ComparedField, FieldScores, Outcome, PackedLabels
from epifiji.data.evaluation import Interval, mean_of_known, pooled, score_text
from epifiji.data.label_images import labels_at_border
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.engine.metrics.intervals import quality_interval, score_intervals
from epifiji.engine.metrics.labels import (
    Overlaps,
    SegmentationQuality,
    adjusted_rand_index,
    count_matches,
    outline_iou,
    overlaps,
    segmentation_quality,
    variation_of_information,
)
from epifiji.files.results.cell_comparisons import write_cell_comparison
from epifiji.jobs.cells.pairs import Cells, Field, mostly, pairs, without_small

COLUMNS = {
    "quality": "quality",
    "over": "over",
    "under": "under",
    "rand_index": "Rand index",
    "split_bits": "split bits",
    "merged_bits": "merged bits",
    "outline_iou": "outlines",
}
"""Scores of an image in a table for people, by their names in :class:`epifiji.data.cells.FieldScores`."""


@dataclass(frozen=True)
class CellComparison:
    """How predicted cells agree with annotated ones, for each image and for all together.

    Parameters
    ----------
    fields
        Scores of each image.
    compared
        The cells of each image that were compared, and what became of them.
    iou
        Least intersection over union of a match.
    precision, recall, f1, ap
        Of all cells of all images together, with 95 % intervals. AP is TP / (TP + FP + FN).
    quality
        Segmentation quality of all cells together, with its interval.
    notices
        Sentences about what was left out.
    """

    fields: tuple[FieldScores, ...]
    compared: tuple[ComparedField, ...]
    iou: float
    precision: Interval
    recall: Interval
    f1: Interval
    ap: Interval
    quality: Interval
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        cells = sum(one.annotated for one in self.fields)
        scores = f"AP {score_text(self.ap.value)}, quality {score_text(self.quality.value)}"
        return f"<CellComparison of {len(self.fields)} images, {cells} cells: {scores}>"

    def columns(self) -> list[str]:
        """Return the headings of a table for people."""
        return ["image", "cells", "predicted", f"AP {self.iou:g}", "F1", *COLUMNS.values()]

    def rows(self) -> list[list[str]]:
        """Return a row of texts for each image, one for the means over images, and one for all cells together.

        Three decimals; a dash for what is undefined.
        """
        rows = [[one.name, *self.field_row(number)] for number, one in enumerate(self.fields)]
        if len(rows) < 2:
            return rows
        means = self.means()
        shown = [None, None, means["ap"], means["f1"], *(means.get(key) for key in COLUMNS)]
        return [*rows, ["mean", *map(score_text, shown)], ["all", *map(score_text, self.together().values())]]

    def means(self) -> dict[str, float | None]:
        """Return the means of the scores of images, in which each image counts the same; `ap` and `f1` are those at `iou`."""
        counts = [one.matches[self.iou] for one in self.fields]
        means = {"ap": mean_of_known([one.ap for one in counts]), "f1": mean_of_known([one.f1 for one in counts])}
        keys = ("mean_ap", "quality", "rand_index", "split_bits", "merged_bits", "outline_iou")
        return means | {key: mean_of_known([getattr(one, key) for one in self.fields]) for key in keys}

    def curve(self) -> list[dict[str, Any]]:
        """Return the AP of each image, of all cells together and in the mean over images, for each least IoU."""
        rows = []
        for iou in sorted(self.fields[0].matches):
            counts = [one.matches[iou] for one in self.fields]
            row: dict[str, Any] = {
                "iou": iou,
                "all": pooled(counts).ap,
                "mean": mean_of_known([one.ap for one in counts]),
            }
            rows.append(row | {f"image {one.name}": two.ap for one, two in zip(self.fields, counts, strict=True)})
        return rows

    def field_row(self, number: int) -> list[str]:
        """Return the texts of an image in a table for people, without its name."""
        one = self.fields[number]
        counts = one.matches[self.iou]
        return [
            *map(
                score_text,
                [one.annotated, one.predicted, counts.ap, counts.f1, *(getattr(one, key) for key in COLUMNS)],
            )
        ]

    def together(self) -> dict[str, float | int | None]:
        """Return the numbers of all images: sums, scores of all cells, means over images of what has no counts."""
        sums = {
            key: sum(getattr(one, key) for one in self.fields) for key in ("annotated", "predicted", "over", "under")
        }
        means = {
            key: mean_of_known([getattr(one, key) for one in self.fields])
            for key in ("rand_index", "split_bits", "merged_bits", "outline_iou")
        }
        scores = {"ap": self.ap.value, "f1": self.f1.value, "quality": self.quality.value}
        order = ("annotated", "predicted", *scores, "over", "under", *means)
        every: dict[str, float | int | None] = {**sums, **scores, **means}
        return {key: every[key] for key in order}

    def to_dict(self) -> dict[str, Any]:
        """All scores as plain JSON types, unrounded; what is undefined is None."""
        intervals = {key: getattr(self, key) for key in ("precision", "recall", "f1", "ap", "quality")}
        return {
            "iou": self.iou,
            "all": {key: asdict(one) for key, one in intervals.items()},
            "mean": self.means(),
            "images": [_row(one) for one in self.fields],
            "notices": list(self.notices),
        }

    def save(self, out: str | Path, overwrite: bool = False, report: Report = silent) -> list[Path]:
        """Write tables of scores and of AP over the IoU, a record, a plot and a picture of each image; return the files.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        folder = path_from(out, "the folder to write into")
        rows = [_row(one) for one in self.fields]
        return write_cell_comparison(folder, rows, self.curve(), self.to_dict(), self.compared, overwrite, report)


def compare_cells(predicted: Cells, annotated: Cells, report: Report = silent, **settings: Any) -> CellComparison:
    """Compare predicted with annotated cells of the same images.

    Each side is a label image (one whole number for each cell, 0 for none) or an image of outlines, which has two grey
    levels; a movie is compared frame by frame. Of two folders, files with the same image's name belong together, such as
    ``a.png`` and ``a_masks.png``, or ``a_labels.tif`` and ``a/handCorrection.tif``.

    Cells meet in the middle of the lines of outlines. What annotated outlines do not enclose, or the image's border cuts off, is
    unknown: predicted cells of which most lies there are left out. In a label image, 0 is known to be no cell. Annotated cells at
    the border that predicted outlines do not enclose are left out too.

    Parameters
    ----------
    predicted, annotated
        The two sides.
    report
        Called with the fraction of the work done; may raise to cancel.
    settings
        See :class:`epifiji.data.settings.comparison.CellComparisonSettings`.

    Raises
    ------
    WrongInputError
        If a side cannot be read, sizes differ, or nothing belongs together.
    """
    chosen = parse_settings(CellComparisonSettings, settings)
    notices: list[str] = []
    found = compare_fields(pairs(predicted, annotated, notices, report), chosen)
    return replace(found, notices=(*notices, *found.notices))


def compare_fields(fields: Iterable[Field], settings: CellComparisonSettings) -> CellComparison:
    """Compare predicted with annotated cells of images that are given one after the other; see :func:`compare_cells`."""
    scores, compared = [], []
    for one in fields:
        field, cells, quality = compare_labels(*without_small(one, settings.min_area), settings.border)
        scores.append(scores_of(field, cells, quality, settings.iou))
        compared.append(field)
    left_out = {one.name: one.left_out for one in compared if one.left_out}
    if len(left_out) > 1:
        left_out = {f"{len(left_out)} images": sum(left_out.values())}
    said = "predicted cells lie where nothing is annotated, and were left out."
    notices = [f"{name}: {count} {said}" for name, count in left_out.items()]
    counts = counts_of_fields(scores, settings.iou)
    precision, recall, f1 = score_intervals(counts, settings.seed)
    # TP / (TP + FP + FN) rises with F1.
    ap = Interval(*(None if one is None else one / (2 - one) for one in (f1.value, f1.low, f1.high)))
    together = quality_interval(*quality_units(compared), settings.seed)
    return CellComparison(
        tuple(scores), tuple(compared), settings.iou, precision, recall, f1, ap, together, tuple(notices)
    )


def counts_of_fields(scores: Sequence[FieldScores], iou: float) -> np.ndarray:
    """Return true positives, false positives and false negatives of each image, (images, 3)."""
    counts = [one.matches[iou] for one in scores]
    return np.array([[one.true_positives, one.false_positives, one.false_negatives] for one in counts])


def quality_units(compared: Sequence[ComparedField]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and the cells of which :func:`~epifiji.engine.metrics.intervals.quality_interval` draws."""
    units = [np.stack([one.contributions, np.ones_like(one.contributions)], axis=1) for one in compared]
    return np.array([one.sum(axis=0) for one in units]), np.concatenate(units)


def compare_labels(
    name: str, predicted: np.ndarray, annotated: np.ndarray, region: np.ndarray, border: str
) -> tuple[ComparedField, Overlaps, SegmentationQuality]:
    """Compare labels (Y, X) of an image.

    Parameters
    ----------
    region
        (Y, X), bool: where it is known what is there. Predicted cells of which most lies elsewhere are left out.
    border
        Whether annotated cells at the image's border count; see
        :class:`epifiji.data.settings.comparison.CellComparisonSettings`.

    Returns
    -------
    tuple
        The cells that were compared, their overlaps, and quality.
    """
    if border == "ignore":
        region = region & ~np.isin(annotated, labels_at_border(annotated))
        annotated = np.where(region, annotated, 0)
    outside = mostly(predicted, ~region)
    if len(outside):
        predicted = np.where(np.isin(predicted, outside), 0, predicted)
    cells = overlaps(annotated, predicted)
    quality = segmentation_quality(cells)
    sides = PackedLabels(annotated), PackedLabels(predicted)
    outcomes = _outcomes(cells, quality)
    return ComparedField(name, *sides, outcomes, quality.contributions, len(outside)), cells, quality


def _outcomes(cells: Overlaps, quality: SegmentationQuality) -> dict[int, Outcome]:
    """Return what became of each annotated cell, by its label."""
    choices = {Outcome.PROPER: quality.proper, Outcome.OVER: quality.over, Outcome.UNDER: quality.under}
    kinds = np.select(list(choices.values()), list(choices), Outcome.MISSED)
    return {int(label): Outcome(int(kind)) for label, kind in zip(cells.annotated, kinds, strict=True)}


def scores_of(field: ComparedField, cells: Overlaps, quality: SegmentationQuality, iou: float) -> FieldScores:
    """Return the scores of compared cells; matches are counted at `iou` and at those of `MEAN_IOUS`."""
    annotated, predicted = np.asarray(field.annotated), np.asarray(field.predicted)
    split, merged = variation_of_information(cells)
    return FieldScores(
        field.name,
        len(cells.annotated),
        len(cells.predicted),
        {one: count_matches(cells, one) for one in sorted({*MEAN_IOUS, iou})},
        int(quality.proper.sum()),
        int(quality.over.sum()),
        int(quality.under.sum()),
        quality.value,
        adjusted_rand_index(cells),
        split,
        merged,
        outline_iou(annotated, predicted),
    )


def _row(one: FieldScores) -> dict[str, Any]:
    """Return the scores of an image by name, as plain JSON types."""
    numbers: dict[str, Any] = {"image": one.name, "annotated": one.annotated, "predicted": one.predicted}
    for iou, counts in one.matches.items():
        numbers |= {f"ap_{iou:g}": counts.ap, f"f1_{iou:g}": counts.f1}
    numbers["mean_ap"] = one.mean_ap
    keys = ("proper", "over", "under", "quality", "rand_index", "split_bits", "merged_bits", "outline_iou")
    return numbers | {key: getattr(one, key) for key in keys}
