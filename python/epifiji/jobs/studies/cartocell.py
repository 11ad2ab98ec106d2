"""CartoCell's pipeline: a network from a few drawn cysts, labels predicted for many, a network from all, and its cells.

Phases as in J. A. Andres-San Roman et al., Cell Reports Methods 3, 100597, 2023: 2, train M1 on drawn cysts; 3, predict
undrawn ones; 4, train M2 on all of them; 5, predict new cysts. A phase whose files exist is not repeated.

M2 starts from the weights of M1, and the same drawn cysts validate both. From random weights, with predicted labels alone
to learn from and to choose the best moment by, M2 learnt M1's errors: on clear cysts it was worse than M1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from epifiji.data.cartocell import CartoCellConfig, parse_config
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.labelled import LabelledVolume, TrainingVolume
from epifiji.data.network import AnyNetwork
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.data.settings.cyst_jobs import CartoCellJob
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.settings.cysts import InstanceSettings, NetworkPredictionSettings
from epifiji.data.volume_networks import UNet3DDescription, VolumeNetwork, volume_network
from epifiji.engine.networks.families import VOLUME_FAMILIES
from epifiji.engine.networks.unet3d.model import PRESETS
from epifiji.engine.volumes.cysts import cells_of_cyst, grow_cells
from epifiji.files.figures.training import LEARNING_CURVE
from epifiji.files.labelled_volumes import labelled_volume, read_labelled_volumes, volume_files
from epifiji.files.labels import read_cells
from epifiji.files.movies.volume_file import read_volume
from epifiji.files.networks.store import find_network, read_network, weights_sha256
from epifiji.files.protocols import read_yaml
from epifiji.files.results.cartocell_tree import EVALUATION, INSTANCES, POST_PROCESSED, WATERSHED, CartoCellTree
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.jobs.cells.compare import CellComparison, compare_fields
from epifiji.jobs.cells.cyst_notices import notices_of_scale
from epifiji.jobs.cells.cyst_segmenter import CystSegmenter
from epifiji.jobs.cells.pairs import Field
from epifiji.jobs.cells.volumes import notices_of_contrast
from epifiji.jobs.networks import volume_network_of
from epifiji.jobs.new_network import Target
from epifiji.jobs.training.result import RECORD
from epifiji.jobs.training.run import run_training
from epifiji.jobs.training.volumes import VolumeTask, middle_planes

BIAPY_WEIGHTS = (".h5", ".pth", ".hdf5", ".safetensors")
SAMPLES = 4
"""Augmented parts that are written."""


@dataclass
class CartoCellResult:
    """What a command of the pipeline did.

    Parameters
    ----------
    folder
        Of the job.
    networks
        Folders of the networks that were trained or used.
    cells
        Number of predicted cells of each volume of the last run.
    scores
        Scores of these volumes if labels are known, else None.
    notices
        Sentences for the user: keys without an effect, phases that were done before, volumes that were left out.
    """

    folder: Path
    networks: list[Path] = field(default_factory=list)
    cells: dict[str, int] = field(default_factory=dict)
    scores: CellComparison | None = None
    notices: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON types."""
        return {
            "folder": str(self.folder),
            "networks": [str(one) for one in self.networks],
            "cells": self.cells,
            "scores": self.scores.to_dict() if self.scores else None,
            "notices": self.notices,
        }


def cartocell(
    action: str,
    config: str | Path,
    undrawn: str | Path | None = None,
    network: AnyNetwork | str | Path | None = None,
    out: str | Path | None = None,
    report: Report = silent,
    **settings: Any,
) -> CartoCellResult:
    """Train, predict, or run the whole pipeline as a configuration of BiaPy describes.

    Parameters
    ----------
    action
        ``train``: train a network on DATA.TRAIN (phase 2); ``predict``: predict DATA.TEST (phase 5); ``run``: phases 2 to 5.
    config
        The YAML file: BiaPy's ``cartocell_training.yaml`` or ``cartocell_inference.yaml`` with your paths.
    undrawn
        For ``run``: the folder of the many volumes without labels of phase 3.
    network
        For ``predict``: name, folder or zip of a network. Default: that of PATHS.CHECKPOINT_FILE, or the one of this run.
    out
        Folder in which the folder of the job is made. Default: the current one.
    report
        Called with the progress; may raise to cancel.
    **settings
        Others of :class:`~epifiji.data.settings.cyst_jobs.CartoCellJob`.

    Raises
    ------
    WrongInputError
        If the configuration has an unknown key or an invalid value, or a folder or network is not usable.
    """
    chosen = parse_settings(CartoCellJob, settings)
    place = Path() if out is None else path_from(out, "the folder to write into")
    file = path_from(config, "a configuration of CartoCell")
    read = parse_config(read_yaml(file, "a configuration"), file.name)
    if action != "predict" and network is not None:
        raise WrongInputError(f"network is what predict uses, but {action} trains one: leave it out.")
    if (undrawn is not None) != (action == "run"):
        raise WrongInputError(
            "undrawn, the folder of volumes without labels, belongs to run, which needs it: "
            + ("give it." if action == "run" else "leave it out.")
        )
    return _Pipeline(read, file, chosen, network, place, report).act(
        action, undrawn and path_from(undrawn, "the undrawn volumes")
    )


class _Pipeline:
    """The pipeline of one configuration."""

    def __init__(
        self, config: CartoCellConfig, file: Path, job: CartoCellJob, network: Any, out: Path, report: Report
    ) -> None:
        self._config, self._file, self._job, self._report = config, file, job, report
        self._network, self._folder = network, out / job.name
        self._result = CartoCellResult(self._folder)
        self._result.notices += [f"{key} in {file.name} has no effect: {why}." for key, why in config.ignored.items()]

    def act(self, action: str, undrawn: Any) -> CartoCellResult:
        first = CartoCellTree(self._folder, self._job.run_id)
        if action == "predict":
            network = self._given_network()
            first.keep_config(self._file)
            self._predict(first, network, self._folder_of("DATA.TEST.PATH"), self._truth(), self._report)
            return self._result
        if action == "run":
            volume_files(undrawn)
        drawn = self._drawn()
        held_out = self._validation()
        first.keep_config(self._file)
        if action == "train":
            self._train(first, drawn, held_out, self._report)
            return self._result
        second = CartoCellTree(self._folder, self._job.run_id + 1)
        tests = self._folder_of("DATA.TEST.PATH")
        truth = self._truth()
        parts = [PartReport(self._report, number, 4, f"phase {number + 2}: ") for number in range(4)]
        m1 = self._train(first, drawn, held_out, parts[0])
        pseudo = self._predict(first, m1, undrawn, None, parts[1])
        second.keep_config(self._file)
        if held_out is None:
            names = json.loads((first.network / RECORD).read_text(encoding="utf-8"))["held_out_volumes"]
            held_out = [one for one in drawn if one.name in names]
            drawn = [one for one in drawn if one.name not in names]
        m2 = self._train(second, drawn, held_out, parts[2], m1, self._learnable(pseudo))
        self._predict(second, m2, tests, truth, parts[3])
        return self._result

    def _folder_of(self, key: str) -> Path:
        place = Path(self._config.need(key))
        if not place.is_dir():
            raise WrongInputError(
                f"{key} in {self._file.name} is {place}, which is no folder: write the path of your folder there."
            )
        return place

    def _drawn(self) -> list[LabelledVolume]:
        return read_labelled_volumes(self._folder_of("DATA.TRAIN.PATH"), self._folder_of("DATA.TRAIN.GT_PATH"))

    def _validation(self) -> list[LabelledVolume] | None:
        """Read the validation set; None if it is a part of the training set."""
        if self._config.get("DATA.VAL.FROM_TRAIN", False):
            return None
        return read_labelled_volumes(self._folder_of("DATA.VAL.PATH"), self._folder_of("DATA.VAL.GT_PATH"))

    def _truth(self) -> Path | None:
        """Return the folder of the labels of the test set, if there is one."""
        place = self._config.get("DATA.TEST.GT_PATH")
        if self._config.get("DATA.TEST.LOAD_GT", False):
            return self._folder_of("DATA.TEST.GT_PATH")
        return Path(place) if place and Path(place).is_dir() else None

    def _given_network(self) -> VolumeNetwork:
        if self._network is not None:
            return volume_network_of(self._network)
        given = self._config.get("PATHS.CHECKPOINT_FILE")
        own = CartoCellTree(self._folder, self._job.run_id).network
        if own.is_dir() and not Path(str(given)).exists():
            given = str(own)
        if given is None:
            raise WrongInputError(
                f"{self._file.name} has no PATHS.CHECKPOINT_FILE, but a prediction needs a network: give --network."
            )
        if str(given).lower().endswith(BIAPY_WEIGHTS):
            raise WrongInputError(
                f"PATHS.CHECKPOINT_FILE in {self._file.name} is {given}, weights of BiaPy, which EpiFiji does not read: train a "
                "network with 'epifiji cartocell train', or give one with --network."
            )
        return volume_network_of(given)

    def _train(
        self,
        tree: CartoCellTree,
        volumes: Sequence[LabelledVolume],
        held_out: Sequence[LabelledVolume] | None,
        report: Report,
        parent: VolumeNetwork | None = None,
        predicted: Sequence[LabelledVolume] = (),
    ) -> VolumeNetwork:
        """Train the network of a run, unless it is there, and write charts and augmented samples."""
        self._result.networks.append(tree.network)
        job, preset = self._job, PRESETS.get(self._job.preset)
        learnt_from = [*predicted, *volumes]
        known = self._config.training(len(learnt_from))
        if preset is not None:
            known["patch"] = None
        known |= {name: value for name in ("steps", "minutes", "patience", "seed") if (value := getattr(job, name))}
        settings = parse_settings(CystTrainingSettings, {"minutes": 100_000.0, **known})
        description = UNet3DDescription(
            name=tree.name,
            features=preset.features if preset else self._config.features,
            z_steps=cast(Any, preset.z_steps if preset else self._config.z_steps),
        )
        every = [*learnt_from, *(held_out or ())]
        if len(every) < 2:
            raise WrongInputError(
                f"{len(every) or 'no'} volume with labels was found, but at least two are needed, as one validates the network: "
                "add another."
            )
        parts = {"DATA.TRAIN": volumes, "DATA.VAL": held_out or ()} | ({"predicted": predicted} if predicted else {})
        tree.keep_origin(tree.network, _origin_of(description, settings, parts, parent))
        if tree.network.is_dir():
            self._result.notices.append(f"{tree.network} was trained before and is used again.")
            return volume_network(read_network(find_network(tree.network)))
        family = VOLUME_FAMILIES[description.family]
        recipe = family.recipe(description, parent, settings)
        last = None if held_out is None else len(held_out)
        task = VolumeTask(settings, every, description, parent, recipe, family, held_out=last)
        learnt = run_training(task, Target(tree.name, tree.network, None, False), report)
        tree.copy_charts({"loss": tree.network / LEARNING_CURVE})
        first = learnt_from[0]
        shown = TrainingVolume(family.scaled(first.volume), np.asarray(first.cells), first.name)
        sampler = recipe.sampler([shown], frozenset(settings.without or ()))
        tree.write_augmented([sampler.draw().volumes[0] for _ in range(SAMPLES)])
        self._result.notices += [*learnt.notices, learnt.sentence]
        return volume_network(learnt.network)

    def _predict(
        self, tree: CartoCellTree, network: VolumeNetwork, volumes: Path, truth: Path | None, report: Report
    ) -> list[tuple[Path, Path]]:
        """Predict the volumes of a folder that have no results yet; return each with its labels."""
        config, made = self._config, []
        padding = config.get("DATA.TEST.PADDING")
        prediction = NetworkPredictionSettings(
            padding=None if padding is None else tuple(int(one) for one in padding),
            flips=bool(config.get("TEST.AUGMENTATION", False)),
            device=self._job.device,
        )
        instances = parse_settings(InstanceSettings, config.instances)
        segmenter = CystSegmenter(network, prediction, instances)
        last = POST_PROCESSED if config.get("TEST.POST_PROCESSING.VORONOI_ON_MASK", True) else INSTANCES
        files, self._result.cells = volume_files(volumes), {}
        fields = []
        known = {} if truth is None else {one.name: one for one in read_labelled_volumes(volumes, truth)}
        for number, (name, path) in enumerate(files.items()):
            place = tree.file(last, name)
            one = replace(read_volume(path), name=name)
            tree.keep_origin(place, {"volume": one.sha256(), "network": weights_sha256(*network.weights)})
            if not place.exists():
                _write_cells(tree, segmenter, one, instances, last, PartReport(report, number, len(files), f"{name}: "))
            labels = read_cells(place)
            self._result.notices += [
                *one.notices,
                *notices_of_scale(one, labels, network),
                *notices_of_contrast(one, labels, "network"),
            ]
            self._result.cells[name] = int(np.count_nonzero(np.unique(labels)))
            made.append((path, place))
            if name in known:
                cells = np.asarray(known[name].cells)
                fields.append(Field(name, labels, cells, np.ones(cells.shape, bool)))
        if fields:
            compared = compare_fields(fields, CellComparisonSettings())
            scores = replace(compared, compared=middle_planes(compared.compared))
            scores.save(tree.results / EVALUATION, overwrite=True)
            tree.copy_charts({"ap_over_iou": tree.results / EVALUATION / "cell_comparison_curve.png"})
            self._result.scores = scores
        return made

    def _learnable(self, pairs: Sequence[tuple[Path, Path]]) -> list[LabelledVolume]:
        """Return volumes with predicted labels; those with fewer than two cells are left out.

        Raises
        ------
        WrongInputError
            If there is none.
        """
        found = []
        for path, labels in pairs:
            try:
                found.append(labelled_volume(read_volume(path), read_cells(labels), labels))
            except WrongInputError:
                self._result.notices.append(f"{path.name} is not learnt from, as fewer than two cells were predicted.")
        if not found:
            raise WrongInputError(
                "M1 found fewer than two cells in each of the undrawn volumes, so there is nothing that M2 could learn from: "
                "draw more cysts, or train M1 longer."
            )
        return found


def _origin_of(
    description: UNet3DDescription,
    settings: CystTrainingSettings,
    parts: Mapping[str, Sequence[LabelledVolume]],
    parent: VolumeNetwork | None,
) -> dict[str, Any]:
    """Return what identifies a network that is trained; a training may be longer than it was at first."""
    return {
        "network": description.model_dump(mode="json", include={"features", "z_steps"}),
        "settings": settings.of_task(description.task, frozenset({"minutes", "patience", "steps"})),
        **({"start": weights_sha256(*parent.weights)} if parent else {}),
        **{part: {one.name: one.sha256() for one in every} for part, every in parts.items()},
    }


def _write_cells(
    tree: CartoCellTree, segmenter: CystSegmenter, volume: Image, settings: InstanceSettings, last: str, report: Report
) -> None:
    """Predict a volume, and write its maps, the steps of the watershed and its cells; the last file is the one looked for."""
    volume.require_finite()
    scratch = ScratchFolder()
    try:
        maps = segmenter.maps(volume, scratch, report)
        tree.write_maps(volume, maps)
        grown = grow_cells(maps, settings)
        tree.write_labels(WATERSHED, volume, grown.seeds, "_seed_map")
        tree.write_labels(WATERSHED, volume, grown.region(maps).astype(np.int32), "_foreground")
        for part, ending in ((WATERSHED, "_watershed"), (INSTANCES, "")):
            tree.write_labels(part, volume, grown.labels, ending)
        if last == POST_PROCESSED:
            cells = cells_of_cyst(maps, settings, grown).labels
            tree.write_labels(POST_PROCESSED, volume, cells)
    finally:
        scratch.remove()
