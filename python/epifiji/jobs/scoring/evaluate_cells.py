"""Evaluation of networks for cells: scores of their segmentations of annotated images, as comparisons of cells give them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import QualityDifference
from epifiji.data.labelled import LabelledImage
from epifiji.data.progress import PartReport, Report
from epifiji.data.settings.evaluation import CellEvaluationSettings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.metrics.intervals import FEWEST_MOVIES, difference_of_quality
from epifiji.files.labelled_images import has_labelled_cells, read_labelled_images
from epifiji.files.movies.movie_file import split_path
from epifiji.files.training_data import has_rois
from epifiji.jobs.cells.annotated import cells_and_region, contains_labels
from epifiji.jobs.cells.compare import CellComparison, compare_fields, quality_units
from epifiji.jobs.cells.pairs import Field, field_name
from epifiji.jobs.cells.segmentation import segment
from epifiji.jobs.executors import Executor, executor_for
from epifiji.jobs.learnt_movies import KnownMovie, require_each_once
from epifiji.jobs.scoring.cell_report import CellEvaluation, NetworkOnCells
from epifiji.jobs.scoring.report import learnt_notices, record_of


def evaluate_on_cells(
    networks: Mapping[str, CellNetwork], place: Path, report: Report, chosen: CellEvaluationSettings
) -> CellEvaluation:
    """Evaluate networks, by their names here, on images with annotated cells; see :func:`epifiji.evaluate`."""
    _require_cells(place, next(iter(networks)))
    images = read_labelled_images(place, chosen.channel, chosen.project)
    known = [KnownMovie(image.movie) for image in images]
    require_each_once(((one.movie.name, one.pixels_sha256) for one in known), "image")
    for network in networks.values():
        network.description.require_settings(chosen)
    settings = chosen.model_dump(include=set(SegmentationSettings.model_fields) & chosen.model_fields_set)
    found = []
    notices = [f"{image.name}: {notice}" for image in images for notice in image.movie.notices]
    with executor_for(chosen) as executor:
        for number, (name, network) in enumerate(networks.items()):
            started = time.perf_counter()
            part = PartReport(report, number, len(networks))
            segmented = _Segmented(name, network, images, settings, part, executor)
            comparison = compare_fields(segmented, chosen)
            seconds = time.perf_counter() - started
            learnt = [one.movie.name for one in known if one.is_one_of(network.description.learnt_from)]
            notices += [*segmented.notices, *_left_out(name, comparison)]
            found.append(NetworkOnCells(name, network.source, network.sha256, comparison, seconds, tuple(learnt)))
    return CellEvaluation(
        tuple(found),
        tuple(_differences(found, chosen.seed)),
        record_of(place, chosen, images=_described(images, known)),
        (*notices, *_notices(found, images)),
    )


def _require_cells(place: Path, network: str) -> None:
    """Refuse places that have events instead of cells."""
    is_roi_file = place.is_file() and place.suffix.lower() in (".zip", ".roi")
    if is_roi_file or (place.is_dir() and has_rois(place) and not has_labelled_cells(place)):
        what = "is a ROI file" if is_roi_file else "contains ROI files of events, but no labels or outlines of cells"
        raise WrongInputError(
            f"{place} {what}, but {network} segments cells: specify a folder of images with labels or outlines, or networks that "
            "find events."
        )


class _Segmented:
    """Segments images one after the other, so that one is in memory at a time, and pairs their cells with the annotated ones."""

    def __init__(
        self,
        name: str,
        network: CellNetwork,
        images: Sequence[LabelledImage],
        settings: Mapping[str, Any],
        report: Report,
        executor: Executor,
    ) -> None:
        self._name, self._network, self._images = name, network, images
        self._settings, self._report, self._executor = settings, report, executor
        self.notices: list[str] = []

    def __iter__(self) -> Iterator[Field]:
        for number, image in enumerate(self._images):
            part = PartReport(self._report, number, len(self._images), f"{self._name}, {image.name}: ")
            found = segment(image.movie, self._network, part, self._executor, **self._settings)
            if not all(found.counts):
                self.notices.append(f"{self._name} finds no cells in {_where(image, found.counts)}.")
            labelled = contains_labels(image.cells, image.file)
            for t in range(len(image.movie)):
                field = field_name(image.name, t + 1, len(image.movie))
                yield Field(field, found.labels[t], *cells_and_region(image.cells[t], labelled))


def _where(image: LabelledImage, counts: Sequence[int]) -> str:
    empty = counts.count(0)
    return image.name if empty == len(counts) else f"{empty} of {len(counts)} frames of {image.name}"


def _left_out(network: str, comparison: CellComparison) -> Iterator[str]:
    """Yield a notice about all images together, of which there may be many."""
    counts = [one.left_out for one in comparison.compared if one.left_out]
    if counts:
        images = f"{len(counts)} image" + ("s" if len(counts) > 1 else "")
        yield f"{sum(counts)} cells that {network} predicts in {images} lie where nothing is annotated, and were left out."


def _differences(networks: Sequence[NetworkOnCells], seed: int) -> Iterator[QualityDifference]:
    """Compare every two networks; with more than two, p is multiplied by the number of pairs (Bonferroni)."""
    pairs = list(combinations(networks, 2))
    for one, other in pairs:
        units = [quality_units(network.comparison.compared) for network in (one, other)]
        fields, cells = zip(*units, strict=True)
        quality, p = difference_of_quality(fields, cells, seed)
        yield QualityDifference(one.name, other.name, quality, min(1.0, p * len(pairs)))


def _described(images: Sequence[LabelledImage], known: Sequence[KnownMovie]) -> list[dict[str, Any]]:
    """Describe the images for the record."""
    return [
        {
            "name": image.name,
            "file": split_path(image.movie.path or "")[0].name,
            "sha256": one.file_sha256,
            "shape": list(image.movie.shape),
            "cells": image.file.name,
        }
        for image, one in zip(images, known, strict=True)
    ]


def _notices(networks: Sequence[NetworkOnCells], images: Sequence[LabelledImage]) -> Iterator[str]:
    """Yield notices about what to consider."""
    for image in images:
        if not image.corrected:
            yield (
                f"The cells of {image.name} were segmented by a network and not corrected, so scores on it show how far networks "
                "agree."
            )
    fields = [one.comparison.fields for one in networks]
    empty = [
        scores[0].name
        for scores in zip(*fields, strict=True)
        if not scores[0].annotated and any(s.predicted for s in scores)
    ]
    if empty:
        yield (
            f"{len(empty)} of {len(fields[0])} images or frames have no annotated cell (the first is {empty[0]}), so all cells "
            "predicted there count as false: leave them out if they were not annotated."
        )
    if len(fields[0]) < FEWEST_MOVIES:
        yield (
            f"With fewer than {FEWEST_MOVIES} images the intervals take cells as independent, and do not include the variation "
            "between images."
        )
    yield from learnt_notices({one.name: one.learnt_from for one in networks if one.learnt_from}, len(images), "images")
