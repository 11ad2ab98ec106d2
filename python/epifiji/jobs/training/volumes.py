"""What a network learns that segments volumes, and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from epifiji.data.cells import ComparedField
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.labelled import LabelledVolume, TrainingVolume
from epifiji.data.network import AnyNetwork
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.settings.cysts import SEED_HEIGHT, InstanceSettings, NetworkPredictionSettings
from epifiji.data.training import MATCH_IOU, CellValidationScores
from epifiji.data.volume_networks import VolumeNetwork, VolumeNetworkDescription
from epifiji.engine.networks.families import VOLUME_FAMILIES, volume_family_of
from epifiji.engine.networks.family import VolumeFamily
from epifiji.engine.training.recipe import TrainingRecipe
from epifiji.engine.training.validation_split import Split, split_volumes
from epifiji.files.figures.training import HELD_OUT_CELLS, draw_held_out_cells
from epifiji.files.labelled_volumes import labelled_volume, read_labelled_volumes
from epifiji.jobs.cells.compare import compare_labels, scores_of
from epifiji.jobs.cells.cyst_segmenter import CystSegmenter
from epifiji.jobs.cells.volumes import Volume, opened_volume, volume_labels
from epifiji.jobs.networks import volume_network_of
from epifiji.jobs.new_network import target_for
from epifiji.jobs.training.cell_summary import CellSummary
from epifiji.jobs.training.result import TrainingResult, report_files
from epifiji.jobs.training.run import file_of, notices_of_seen, run_training

READING = "reading the volumes"
VALIDATING = "validating the network on held-out volumes"

FEW_CELLS = 100
"""With fewer cells the user is warned that little can be learnt."""

OWN_FAMILY = VOLUME_FAMILIES["unet3d"]
"""The family of networks that are trained from random weights."""


def train_cysts(
    volumes: str | Path | Sequence[tuple[Volume, np.ndarray | str | Path]],
    cells: str | Path | None = None,
    network: AnyNetwork | str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Train a network on volumes with annotated cells, such as cysts.

    Whole volumes are held out to choose the best moment of the training. An interrupted training continues when it is called
    again with the same arguments.

    Parameters
    ----------
    volumes
        A folder of volumes, each with its cells in ``<volume>_labels.tif``, as :func:`epifiji.simulate_cysts` writes them; or
        pairs of a volume and its labels, files or arrays.
    cells
        A folder of labels with the names of the volumes. Default: they are next to the volumes.
    network
        The network whose weights initialise the training. Default: random weights.
    name
        Of the new network. Default: that of the folder.
    out
        A folder for figures and ``training.json``. Default: the new network's.
    overwrite
        Whether an earlier network of that name, and files in `out`, may be replaced.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.cyst_training.CystTrainingSettings`.

    Returns
    -------
    TrainingResult
        The new network is in the user's folder of networks, and available by its name.

    Raises
    ------
    WrongInputError
        If the volumes, the network, the name or a setting is not usable.
    """
    chosen = parse_settings(CystTrainingSettings, settings)
    parent = None if network is None else volume_network_of(network)
    sources, suggested = _sources(volumes, cells, chosen.channel)
    place = None if out is None else path_from(out, "the folder to write into")
    target = target_for(
        name, suggested, place, overwrite, cast(AnyNetwork | None, parent), report_files(VolumeTask.figures)
    )
    family = OWN_FAMILY if parent is None else volume_family_of(parent.description)
    description = family.description_for(target.name, parent.description if parent else None, chosen)
    recipe = family.recipe(description, parent, chosen)
    return run_training(VolumeTask(chosen, sources, description, parent, recipe, family), target, report)


def _sources(volumes: Any, cells: str | Path | None, channel: int | None) -> tuple[list[LabelledVolume], str]:
    """Read what a network is to learn from, at least two volumes, and suggest a name."""
    if isinstance(volumes, str | Path):
        folder = path_from(volumes, "the folder of volumes")
        labels = None if cells is None else path_from(cells, "the folder of labels")
        found, name = read_labelled_volumes(folder, labels, channel), folder.resolve().name
    else:
        found = []
        for number, (given, known) in enumerate(volumes, start=1):
            opened = opened_volume(given, channel)
            if opened.path is None:
                opened = replace(opened, name=f"volume {number}")
            found.append(labelled_volume(opened, volume_labels(known, "annotated")[0]))
        name = "cysts"
    if len(found) < 2:
        raise WrongInputError(
            f"{len(found) or 'no'} volume with annotated cells was given, but at least two are needed, as one is held out to "
            "validate the network: add another."
        )
    for one in found:
        one.volume.require_finite()
    return found, name


@dataclass
class VolumeTask(CellSummary):
    """See :class:`epifiji.jobs.training.run.TrainingTask`."""

    settings: CystTrainingSettings
    sources: Sequence[LabelledVolume]
    description: VolumeNetworkDescription
    parent: VolumeNetwork | None
    recipe: TrainingRecipe[TrainingVolume]
    family: VolumeFamily
    notices: list[str] = field(default_factory=list)
    held_out: int | None = None
    """Number of the last sources that are held out; None: some are chosen."""

    task: ClassVar[str] = VolumeNetworkDescription.task
    caveat: ClassVar[str] = (
        "The moment of the training was chosen by the same held-out volumes, so on others it will do a little less well."
    )

    def divided(self, report: Report) -> Split[TrainingVolume]:
        """See :class:`TrainingTask`."""
        self._volumes = []
        for number, source in enumerate(self.sources):
            report(number / len(self.sources), READING)
            pixels = self.family.scaled(source.volume)
            self._volumes.append(TrainingVolume(pixels, np.asarray(source.cells), source.name))
        self.description = self.description.model_copy(update=self._scale())
        if self.held_out is None:
            parted = split_volumes(self._volumes, self.settings.held_out, np.random.default_rng(self.settings.seed))
        else:
            first = len(self._volumes) - self.held_out
            parted = Split(self._volumes[:first], self._volumes[first:], "volumes")
        self._held_out = parted.held_out
        self._add_notices()
        return parted

    def _scale(self) -> dict[str, Any]:
        """Return the size of cells and voxels for the description."""
        sizes = np.concatenate([np.bincount(one.labels.ravel())[1:] for one in self._volumes])
        steps = np.array([[step or 0.0 for step in source.volume.spacing.values()] for source in self.sources])
        return {
            "cell_diameter_px": round(float(np.cbrt(6 / np.pi * np.median(sizes[sizes > 0]))), 2),
            "voxel_um": tuple(steps.mean(0).round(4).tolist()) if steps.all() else None,
        }

    @property
    def images(self) -> list[Image]:
        """See :class:`TrainingTask`."""
        return [source.volume for source in self.sources]

    def identity(self) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        return {
            "task": self.task,
            "volumes": [one.sha256() for one in self._volumes],
            "description": self.identified(),
        }

    @property
    def is_scored(self) -> bool:
        """See :class:`TrainingTask`."""
        return any(one.cells for one in self._held_out)

    def scores(self, network: VolumeNetwork, report: Report) -> tuple[float, float | None, CellValidationScores]:
        """See :class:`TrainingTask`."""
        scores = score_volumes(network, self._held_out, report)
        return scores.criterion, scores.counts().f1, scores

    def parent_scores(self, report: Report) -> CellValidationScores | None:
        """See :class:`TrainingTask`."""
        return None if self.parent is None else score_volumes(self.parent, self._held_out, report)

    def draw(
        self, folder: Path, name: str, after: CellValidationScores | None, before: CellValidationScores | None
    ) -> None:
        """See :class:`~epifiji.jobs.training.result.Summary`: the middle planes of held-out volumes."""
        draw_held_out_cells(folder / HELD_OUT_CELLS, name, middle_planes(after.compared if after else ()))

    def learnt_from(self, record: Mapping[str, Any]) -> str:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        volumes = "; ".join(f"{one['name']} ({one['cells']} cells)" for one in record["volumes"])
        return f"{volumes}; held out: {', '.join(record['held_out_volumes'])}"

    def _add_notices(self) -> None:
        """Add notices about how the sources were read, and what is too little."""
        for source in self.sources:
            self.notices += source.volume.notices
        if self.held_out is None:
            self.notices += notices_of_seen(self.parent, self.images, "cells")
        count = sum(one.cells for one in self._volumes)
        if count < FEW_CELLS:
            self.notices.append(f"Only {count} cells are annotated: with fewer than {FEW_CELLS} little can be learnt.")

    def record(self, parted: Split[TrainingVolume]) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        return {
            "volumes": [
                {
                    "name": source.name,
                    "file": file_of(source.volume),
                    "cells_file": str(source.file) if source.file else None,
                    "shape": list(source.volume.shape),
                    "cells": one.cells,
                }
                for source, one in zip(self.sources, self._volumes, strict=True)
            ],
            "split": parted.way,
            "held_out": sum(one.cells for one in parted.held_out),
            "held_out_volumes": [one.name for one in parted.held_out],
        }


def score_volumes(
    network: VolumeNetwork, held_out: Sequence[TrainingVolume], report: Report = silent
) -> CellValidationScores:
    """Segment held-out volumes, and compare their cells with the annotated ones."""
    segmenter = CystSegmenter(network, NetworkPredictionSettings(), InstanceSettings(seed_height=SEED_HEIGHT))
    scores, compared = [], []
    for number, one in enumerate(held_out):
        part = PartReport(report, number, len(held_out))
        labels = segmenter(
            Image(one.pixels, one.name, axes="ZYX"), report=lambda done, _, part=part: part(done, VALIDATING)
        ).labels
        field_, cells, quality = compare_labels(one.name, labels, one.labels, np.ones(labels.shape, bool), "count")
        scores.append(scores_of(field_, cells, quality, MATCH_IOU))
        compared.append(field_)
    return CellValidationScores(tuple(scores), tuple(compared))


def middle_planes(compared: Sequence[ComparedField]) -> tuple[ComparedField, ...]:
    """Return the middle planes of compared volumes, to draw them, with the outcomes of the cells that are in them."""
    return tuple(_middle_plane(one) for one in compared)


def _middle_plane(volume: ComparedField) -> ComparedField:
    annotated, predicted = (np.asarray(one[len(one) // 2]) for one in (volume.annotated, volume.predicted))
    # A legend counts what the picture shows, not the cells of other planes.
    shown = set(np.unique(annotated).tolist())
    outcomes = {label: outcome for label, outcome in volume.outcomes.items() if label in shown}
    return replace(volume, annotated=annotated, predicted=predicted, outcomes=outcomes)
