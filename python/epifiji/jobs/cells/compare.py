"""Compare predicted with annotated cells: matches, segmentation quality, Rand index, information, outlines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cells import ComparedField, FieldScores, Outcome
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Interval, score_text
from epifiji.data.paths import path_from
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.engine.cells.outlines import drawn_lines
from epifiji.engine.metrics.intervals import quality_interval, score_intervals
from epifiji.engine.metrics.labels import (
    Overlaps,
    SegmentationQuality,
    adjusted_rand_index,
    count_matches,
    labels_at_border,
    outline_iou,
    overlaps,
    segmentation_quality,
    variation_of_information,
)
from epifiji.files.labels import image_of_cells, is_cell_image, read_cells
from epifiji.files.results.cell_comparisons import write_cell_comparison
from epifiji.files.results.cell_corrections import latest_labels
from epifiji.files.results.cell_results import labels_in
from epifiji.jobs.cells.annotated import cells_between

IOUS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Intersections over union at which matches are counted, in addition to the specified one."""

Cells = str | Path | np.ndarray
"""A file, a folder of files, or an array (Y, X) or (T, Y, X)."""

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
        """Return a row of texts for each image and one for all, three decimals, a dash for what is undefined."""
        rows = []
        for one in self.fields:
            counts = one.matches[self.iou]
            numbers = [one.annotated, one.predicted, counts.ap, counts.f1, *(getattr(one, key) for key in COLUMNS)]
            rows.append([one.name, *map(score_text, numbers)])
        return [*rows, ["all", *map(score_text, self._together())]] if len(rows) > 1 else rows

    def _together(self) -> list[float | int | None]:
        """Return the numbers of all images together: sums, scores of all cells, means over images of what has no counts."""
        sums = {
            key: sum(getattr(one, key) for one in self.fields) for key in ("annotated", "predicted", "over", "under")
        }
        means = [
            _mean([getattr(one, key) for one in self.fields])
            for key in ("rand_index", "split_bits", "merged_bits", "outline_iou")
        ]
        scores = [self.ap.value, self.f1.value, self.quality.value]
        return [sums["annotated"], sums["predicted"], *scores, sums["over"], sums["under"], *means]

    def to_dict(self) -> dict[str, Any]:
        """All scores as plain JSON types, unrounded; what is undefined is None."""
        intervals = {key: getattr(self, key) for key in ("precision", "recall", "f1", "ap", "quality")}
        return {
            "iou": self.iou,
            "all": {key: asdict(one) for key, one in intervals.items()},
            "images": [_row(one) for one in self.fields],
            "notices": list(self.notices),
        }

    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write ``cell_comparison.csv``, ``cell_comparison.json`` and a picture of each image, and return the files.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        folder = path_from(out, "the folder to write into")
        rows = [_row(one) for one in self.fields]
        return write_cell_comparison(folder, rows, self.to_dict(), self.compared, overwrite)


def compare_cells(predicted: Cells, annotated: Cells, **settings: Any) -> CellComparison:
    """Compare predicted with annotated cells of the same images.

    Each side is a label image (one whole number for each cell, 0 for none) or an image of outlines, which has two grey
    levels; a movie is compared frame by frame. Of two folders, files with the same image's name belong together, such as
    ``a.png`` and ``a_masks.png``, or ``a_labels.tif`` and ``a/handCorrection.tif``.

    Cells meet in the middle of the lines of outlines. What annotated outlines do not enclose, or the image's border cuts off, is
    unknown: predicted cells of which most lies there are left out. In a label image, 0 is known to be no cell.

    Parameters
    ----------
    predicted, annotated
        The two sides.
    settings
        See :class:`epifiji.data.settings.comparison.CellComparisonSettings`.

    Raises
    ------
    WrongInputError
        If a side cannot be read, sizes differ, or nothing belongs together.
    """
    chosen = parse_settings(CellComparisonSettings, settings)
    fields, compared, notices, units = [], [], [], []
    for name, found, known in _pairs(predicted, annotated):
        field, cells, quality, left_out = _compared(name, found, known, chosen.border)
        fields.append(scores_of(field, cells, quality, chosen.iou))
        compared.append(field)
        units.append(np.stack([quality.contributions, np.ones_like(quality.contributions)], axis=1))
        if left_out:
            notices.append(f"{name}: {left_out}.")
    counts = np.array(
        [[c.true_positives, c.false_positives, c.false_negatives] for c in (f.matches[chosen.iou] for f in fields)]
    )
    precision, recall, f1 = score_intervals(counts, chosen.seed)
    # TP / (TP + FP + FN) rises with F1.
    ap = Interval(*(None if one is None else one / (2 - one) for one in (f1.value, f1.low, f1.high)))
    together = quality_interval(np.array([one.sum(axis=0) for one in units]), np.concatenate(units), chosen.seed)
    return CellComparison(
        tuple(fields), tuple(compared), chosen.iou, precision, recall, f1, ap, together, tuple(notices)
    )


def _pairs(predicted: Cells, annotated: Cells) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the names of images and the pixels (Y, X) of both sides, frame by frame."""
    for name, found, known in _images(predicted, annotated):
        if found.shape != known.shape:
            raise WrongInputError(
                f"The predicted cells of {name} have the shape {found.shape} (T, Y, X) and the annotated ones "
                f"{known.shape}, but both must show the same image: check which files belong together."
            )
        for frame, (one, other) in enumerate(zip(found, known, strict=True), 1):
            yield (name if len(found) == 1 else f"{name} frame {frame}"), one, other


def _images(predicted: Cells, annotated: Cells) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    if isinstance(predicted, np.ndarray) or isinstance(annotated, np.ndarray):
        name = next(
            (image_of_cells(Path(one)) for one in (predicted, annotated) if not isinstance(one, np.ndarray)), "image"
        )
        yield name, _pixels(predicted), _pixels(annotated)
        return
    found, known = (path_from(one, "cells") for one in (predicted, annotated))
    if not (found.is_dir() and known.is_dir()):
        file = _one_file(known)
        yield image_of_cells(file), read_cells(_one_file(found)), read_cells(file)
        return
    sides = _by_image(found), _by_image(known)
    shared = sorted(sides[0].keys() & sides[1].keys())
    if not shared:
        raise WrongInputError(
            f"No file of {found} has the name of an image in {known}, but files that belong together are needed, such as "
            "a_labels.tif and a_masks.tif: rename them."
        )
    for name in shared:
        yield name, read_cells(sides[0][name]), read_cells(sides[1][name])


def _one_file(place: Path) -> Path:
    """Return a file, or the only file of cells in a folder."""
    if not place.is_dir():
        return place
    files = list(_by_image(place).values())
    if len(files) != 1:
        raise WrongInputError(
            f"{place} is a folder with {len(files)} images of cells, but the other side is one file: give a file, or two folders."
        )
    return files[0]


def _by_image(folder: Path) -> dict[str, Path]:
    """Return the files of cells in a folder and its folders by the images that they belong to; of a result the labels.

    If labels were corrected, their corrected version is used.
    """
    results = labels_in(folder)
    places = [] if results else [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [results] if results else []
    for place in places:
        labels = labels_in(place)
        found += [labels] if labels else sorted(p for p in place.iterdir() if p.is_file() and is_cell_image(p))
    latest = {path: latest_labels(path) for path in found}
    files: dict[str, Path] = {}
    for path in found:
        if any(path == one and path != labels for labels, one in latest.items()):
            continue
        name = image_of_cells(path)
        if name in files:
            raise WrongInputError(
                f"{files[name]} and {path} both belong to the image {name}, but one file of cells for each image is expected: "
                "keep the images themselves and other results in another folder."
            )
        files[name] = latest[path]
    return files


def _pixels(given: Cells) -> np.ndarray:
    if not isinstance(given, np.ndarray):
        return read_cells(path_from(given, "cells"))
    if given.ndim not in (2, 3):
        raise WrongInputError(
            f"Cells were given as an array of the shape {given.shape}, but (Y, X) or (T, Y, X) is expected."
        )
    return given[None] if given.ndim == 2 else given


def _cells_of(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (Y, X) of label images and outlines, and where it is known what is there (Y, X), bool."""
    levels = np.unique(pixels)
    if len(levels) != 2:
        return pixels, np.ones(pixels.shape, bool)
    return cells_between(drawn_lines(pixels))


def _compared(
    name: str, found: np.ndarray, known: np.ndarray, border: str
) -> tuple[ComparedField, Overlaps, SegmentationQuality, str]:
    """Return the cells of an image that are compared, their overlaps and quality, and a text about those left out."""
    return compare_labels(name, _cells_of(found)[0], *_cells_of(known), border)


def compare_labels(
    name: str, predicted: np.ndarray, annotated: np.ndarray, region: np.ndarray, border: str
) -> tuple[ComparedField, Overlaps, SegmentationQuality, str]:
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
        The cells that were compared, their overlaps and quality, and a text about those left out.
    """
    if border == "ignore":
        region = region & ~np.isin(annotated, labels_at_border(annotated))
        annotated = np.where(region, annotated, 0)
    outside = _mostly(predicted, ~region)
    predicted = np.where(np.isin(predicted, outside), 0, predicted)
    cells = overlaps(annotated, predicted)
    quality = segmentation_quality(cells)
    left_out = (
        f"{len(outside)} predicted cells lie where nothing is annotated, and were left out" if len(outside) else ""
    )
    return ComparedField(name, annotated, predicted, _outcomes(cells, quality)), cells, quality, left_out


def _outcomes(cells: Overlaps, quality: SegmentationQuality) -> dict[int, Outcome]:
    """Return what became of each annotated cell, by its label."""
    choices = {Outcome.PROPER: quality.proper, Outcome.OVER: quality.over, Outcome.UNDER: quality.under}
    kinds = np.select(list(choices.values()), list(choices), Outcome.MISSED)
    return {int(label): Outcome(int(kind)) for label, kind in zip(cells.annotated, kinds, strict=True)}


def _mostly(labels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the labels of which more than half of the pixels lie somewhere."""
    present, inverse, areas = np.unique(labels, return_inverse=True, return_counts=True)
    inside = np.bincount(inverse.ravel(), where.ravel(), len(present))
    return present[(2 * inside > areas) & (present > 0)]


def scores_of(field: ComparedField, cells: Overlaps, quality: SegmentationQuality, iou: float) -> FieldScores:
    """Return the scores of compared cells; matches are counted at `iou` and at those of `IOUS`."""
    split, merged = variation_of_information(field.annotated, field.predicted)
    return FieldScores(
        field.name,
        len(cells.annotated),
        len(cells.predicted),
        {one: count_matches(cells, one) for one in sorted({*IOUS, iou})},
        int(quality.proper.sum()),
        int(quality.over.sum()),
        int(quality.under.sum()),
        quality.value,
        adjusted_rand_index(field.annotated, field.predicted),
        split,
        merged,
        outline_iou(field.annotated, field.predicted),
    )


def _row(one: FieldScores) -> dict[str, Any]:
    """Return the scores of an image by name, as plain JSON types."""
    numbers: dict[str, Any] = {"image": one.name, "annotated": one.annotated, "predicted": one.predicted}
    for iou, counts in one.matches.items():
        numbers |= {f"ap_{iou:g}": counts.ap, f"f1_{iou:g}": counts.f1}
    keys = ("proper", "over", "under", "quality", "rand_index", "split_bits", "merged_bits", "outline_iou")
    return numbers | {key: getattr(one, key) for key in keys}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
