"""Studies of networks for cells: learning curves, ablations, and sweeps over settings of the segmentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import mean_of_known, score_text
from epifiji.data.labelled import LabelledImage
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.study import BASE, StudyProtocol, StudyRun, differences, parse_protocol
from epifiji.files.labelled_images import read_labelled_images
from epifiji.files.protocols import read_protocol
from epifiji.files.results.studies import StudyFolder
from epifiji.jobs.cells.annotated import cells_and_region, contains_labels
from epifiji.jobs.cells.compare import CellComparison, compare_fields
from epifiji.jobs.cells.pairs import Field, field_name
from epifiji.jobs.cells.segmenter import segmenter_for
from epifiji.jobs.networks import cell_network_of
from epifiji.jobs.scoring.evaluate_cells import evaluate_on_cells
from epifiji.jobs.training.train import train_on_images

METRICS = {"ap": "AP", "mean_ap": "AP, mean over IoU 0.5 to 0.95", "rand_index": "adjusted Rand index"}
"""The scores of a study by their keys, as means over the test images."""

PREDICTED_ANEW = frozenset({"cell_diameter", "flips", "borders", "channel", "project", "device", "memory", "workers"})
"""Settings that change a network's predictions; for all others of a sweep each image is predicted once."""


@dataclass(frozen=True)
class Study:
    """The results of a study.

    Parameters
    ----------
    folder
        Its folder.
    runs
        For each training ``variant``, ``images``, ``seed``, the scores of :data:`METRICS`, and the AP of each test image.
    summary
        For each variant and number of images the number of ``runs``, and of each score mean and standard deviation over seeds;
        for variants also mean and standard deviation of the difference from the base run with the same seed, and with how many
        seeds it is positive.
    sweep
        For each setting, value and seed the scores.
    files
        Tables and plots.
    """

    folder: Path
    runs: tuple[dict[str, Any], ...]
    summary: tuple[dict[str, Any], ...]
    sweep: tuple[dict[str, Any], ...]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain JSON types."""
        tables = {name: list(getattr(self, name)) for name in ("runs", "summary", "sweep")}
        return {"folder": str(self.folder), **tables, "files": [str(file) for file in self.files]}

    def columns(self) -> list[str]:
        """Return the headings of the table of means."""
        return ["variant", "images", "runs", *METRICS.values()]

    def rows(self) -> list[list[str]]:
        """Return the table of means: a row for each variant and number of images, scores with their spread over seeds."""
        return [
            [row["variant"], str(row["images"]), str(row["runs"]), *(_with_spread(row, key) for key in METRICS)]
            for row in self.summary
        ]

    def in_words(self) -> list[str]:
        """Return a sentence about each variant."""
        return [
            f"{row['variant']}: the AP differs by {_with_spread(row, 'ap_difference')} from that of the base training with the "
            f"same seed, and is higher with {row['ap_higher']} seeds"
            for row in self.summary
            if row["ap_higher"] is not None
        ]


def _with_spread(row: Mapping[str, Any], key: str) -> str:
    """Return the mean of a score and its standard deviation over seeds as a text."""
    spread = row[f"{key}_sd"]
    return score_text(row[key]) + ("" if spread is None else f" ± {score_text(spread)}")


def study_cells(protocol: str | Path | Mapping[str, Any], out: str | Path, report: Report = silent) -> Study:
    """Train and score networks for cells as a protocol describes: a learning curve, variants of the training, and a sweep.

    Each training is an ordinary one; its network and its scores are kept in the study's folder as soon as it is finished, and an
    interrupted study continues when it is called again.

    Parameters
    ----------
    protocol
        A YAML file with the entries of :class:`epifiji.data.study.StudyProtocol`, or these entries. The study's folder
        contains it as ``protocol.yaml``.
    out
        The study's folder. It must be empty, or contain the same study.
    report
        Called with the progress; may raise to cancel.

    Raises
    ------
    WrongInputError
        If the protocol, a folder, a network or a setting is not usable, or `out` contains something else.
    """
    found = (
        parse_protocol(dict(protocol), "the protocol")
        if isinstance(protocol, Mapping)
        else read_protocol(path_from(protocol, "the protocol"))
    )
    scoring = found.scoring_settings
    train, test = (
        read_labelled_images(Path(one), scoring.channel, scoring.project) for one in (found.train, found.test)
    )
    hashed = [[_Hashed(one, one.movie.sha256()) for one in images] for images in (train, test)]
    _require_apart(*hashed)
    runs = list(_runs(found, len(train)))
    folder = StudyFolder(path_from(out, "the study's folder"), _identity(found, *hashed), found)
    rows = []
    for number, run in enumerate(runs):
        part = PartReport(report, number, len(runs) + bool(found.sweep), f"{run.name}: ")
        record = folder.finished(run)
        if record is None:
            record = _run(found, run, train, folder, part)
            folder.finish(run, record)
        rows.append(record)
    last = PartReport(report, len(runs), len(runs) + 1)
    sweep = list(_swept(found, folder, [run for run in runs if _is_whole(run, len(train))], test, last))
    summary = list(_summary(rows))
    files = folder.write([_row(row) for row in rows], summary, sweep, METRICS)
    return Study(folder.folder, tuple(map(_row, rows)), tuple(summary), tuple(sweep), tuple(files))


class _Hashed(NamedTuple):
    """An image, and the hash of its pixels."""

    image: LabelledImage
    sha256: str


def _require_apart(train: Sequence[_Hashed], test: Sequence[_Hashed]) -> None:
    """Refuse images that are in both folders: scores on them would be too high."""
    known = {one.sha256: one.image for one in train}
    for one in test:
        if (other := known.get(one.sha256)) is not None:
            raise WrongInputError(
                f"the test image {one.image.movie.path} has the same pixels as the training image {other.movie.path}, but "
                "networks are scored on images that they were not trained on: remove one of them."
            )


def _runs(protocol: StudyProtocol, most: int) -> Iterator[StudyRun]:
    """Yield the trainings of a study."""
    for count in sorted({*protocol.images, most} if protocol.variants or not protocol.images else set(protocol.images)):
        if count > most:
            raise WrongInputError(
                f"images of the protocol contains {count}, but {protocol.train} has {most} images: specify at most {most}."
            )
        yield from (StudyRun(BASE, count, seed) for seed in protocol.seeds)
    for name in protocol.variants:
        yield from (StudyRun(name, most, seed) for seed in protocol.seeds)


def _is_whole(run: StudyRun, most: int) -> bool:
    return run.variant == BASE and run.images == most


def _identity(protocol: StudyProtocol, train: Sequence[_Hashed], test: Sequence[_Hashed]) -> dict[str, Any]:
    """Return what identifies a study: its entries without places, and its images."""
    return {
        **protocol.model_dump(mode="json", exclude={"train", "test"}),
        **{
            part: [{"name": one.image.name, "sha256": one.sha256, "cells": one.image.file.name} for one in images]
            for part, images in (("train", train), ("test", test))
        },
    }


def chosen_images(images: Sequence[LabelledImage], run: StudyRun) -> list[LabelledImage]:
    """Return the images of a run, in their order: with the same seed each number of images contains the smaller ones."""
    drawn = np.random.default_rng(run.seed).permutation(len(images))[: run.images]
    return [images[number] for number in sorted(drawn)]


def _run(
    protocol: StudyProtocol, run: StudyRun, train: Sequence[LabelledImage], folder: StudyFolder, report: Report
) -> dict[str, Any]:
    """Train and score a network; return its record."""
    images = chosen_images(train, run)
    place = folder.network_folder(run)
    if not place.exists():
        train_on_images(
            images,
            place,
            protocol.network,
            protocol.from_scratch,
            protocol.cells,
            protocol.settings_of(run.variant, run.seed),
            PartReport(report, 0, 2),
        )
    network = cell_network_of(place)
    evaluation = evaluate_on_cells(
        {run.name: network}, Path(protocol.test), PartReport(report, 1, 2), protocol.scoring_settings
    )
    comparison = evaluation.networks[0].comparison
    return {
        "variant": run.variant,
        "images": run.images,
        "seed": run.seed,
        "trained_on": [one.name for one in images],
        "scores": _scores(comparison),
        "ap_of_images": {one.name: one.matches[comparison.iou].ap for one in comparison.fields},
        "notices": list(evaluation.notices),
    }


def _scores(comparison: CellComparison) -> dict[str, float | None]:
    means = comparison.means()
    return {key: means[key] for key in METRICS}


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a run in the table."""
    names = ("variant", "images", "seed")
    of_images = {f"AP {name}": value for name, value in record["ap_of_images"].items()}
    return {name: record[name] for name in names} | record["scores"] | of_images


def _summary(records: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield means and standard deviations over seeds, of each variant and number of images."""
    rows = [{**{name: one[name] for name in ("variant", "images", "seed")}, **one["scores"]} for one in records]
    most = max(row["images"] for row in rows)
    base = {row["seed"]: row for row in rows if row["variant"] == BASE and row["images"] == most}
    for variant, images in dict.fromkeys((row["variant"], row["images"]) for row in rows):
        these = [row for row in rows if (row["variant"], row["images"]) == (variant, images)]
        made: dict[str, Any] = {"variant": variant, "images": images, "runs": len(these)}
        for key in METRICS:
            made |= {key: mean_of_known([row[key] for row in these]), f"{key}_sd": _spread([row[key] for row in these])}
            apart = [] if variant == BASE else differences(base, these, key)
            made |= {
                f"{key}_difference": mean_of_known(apart),
                f"{key}_difference_sd": _spread(apart),
                f"{key}_higher": f"{sum(one > 0 for one in apart)} of {len(apart)}" if apart else None,
            }
        yield made


def _spread(values: Sequence[float | None]) -> float | None:
    """Return the standard deviation over seeds; None for fewer than two."""
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def _swept(
    protocol: StudyProtocol,
    folder: StudyFolder,
    runs: Sequence[StudyRun],
    test: Sequence[LabelledImage],
    report: Report,
) -> Iterator[dict[str, Any]]:
    """Score the networks of all images with each value of each setting, one setting at a time."""
    plan = [(run, name) for run in runs for name in protocol.sweep]
    for number, (run, name) in enumerate(plan):
        report(number / len(plan), f"{name} with seed {run.seed}")
        network = cell_network_of(folder.network_folder(run))
        values = protocol.sweep[name]
        for value, comparison in zip(values, _compared(protocol, network, name, values, test), strict=True):
            yield {"setting": name, "value": value, "seed": run.seed, **_scores(comparison)}


def _compared(
    protocol: StudyProtocol, network: CellNetwork, name: str, values: Sequence[Any], test: Sequence[LabelledImage]
) -> list[CellComparison]:
    """Compare the cells of the test images for each value of a setting."""
    given = {key: value for key, value in protocol.scoring.items() if key in SegmentationSettings.model_fields}
    chosen = [parse_settings(SegmentationSettings, {**given, name: value}) for value in values]
    fields: list[list[Field]] = [[] for _ in values]
    for image in test:
        labelled = contains_labels(image.cells, image.file)
        segmenters = [segmenter_for(image.movie, network, settings) for settings in chosen]
        for t in range(len(image.movie)):
            frame = image.movie.frames(t, t + 1)[0]
            maps = None if name in PREDICTED_ANEW else segmenters[0].maps(frame)
            for found, segmenter in zip(fields, segmenters, strict=True):
                labels = segmenter.separate(segmenter.maps(frame) if maps is None else maps).labels
                place = field_name(image.name, t + 1, len(image.movie))
                found.append(Field(place, labels, *cells_and_region(image.cells[t], labelled)))
    return [compare_fields(one, protocol.scoring_settings) for one in fields]
