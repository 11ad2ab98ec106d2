"""Training a network on annotated movies or images, and retraining one with more of them, with reviews or corrected cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.labelled import LabelledImage
from epifiji.data.network import AnyNetwork, Network
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.jobs import CellForm
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.engine.networks.families import CELL_FAMILIES, EVENT_FAMILIES, cell_family_of, event_family_of
from epifiji.engine.networks.family import CellFamily
from epifiji.files.labelled_images import FORM as FORM_OF_IMAGES
from epifiji.files.labelled_images import has_labelled_cells, is_made_by_hand
from epifiji.files.networks.store import find_network, read_network, shipped_network
from epifiji.files.results.cell_results import labels_in
from epifiji.files.training_data import FORM, has_rois
from epifiji.jobs.networks import cell_network_of, event_network_of
from epifiji.jobs.new_network import Target, target_for
from epifiji.jobs.training.cell_sources import read_cell_sources
from epifiji.jobs.training.cells import CellTask
from epifiji.jobs.training.events import EventTask
from epifiji.jobs.training.result import TrainingResult, report_files
from epifiji.jobs.training.run import run_training
from epifiji.jobs.training.sources import classes_in, read_sources, review_of

OWN_FAMILY = EVENT_FAMILIES["epinet"]
"""The family of networks for events that are trained from a folder only."""

CELL_FAMILIES_BY_FORM: dict[str, CellFamily] = {
    "tissue": CELL_FAMILIES["unet2d"],
    "separate": CELL_FAMILIES["flow2d"],
}
"""The families of networks for cells that are trained from random weights, by what the cells are."""


def train(
    folder: str | Path,
    network: AnyNetwork | str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    from_scratch: bool = False,
    report: Report = silent,
    *,
    cells: CellForm = "auto",
    **settings: Any,
) -> TrainingResult:
    """Train a network on a folder of annotated movies or images.

    What the folder contains decides what the network is for: ROIs of events, with classes of any names, or labels or
    outlines of cells. An interrupted training continues when it is called again with the same arguments.

    Parameters
    ----------
    folder
        Movies, each with the ROIs of its events in ``<movie>_<class>.zip``, and of places that look like events but are
        not in ``<movie>_nothing.zip``. Or images, each with its cells in ``<image>_labels.tif``, ``<image>_outlines.tif``,
        ``<image>/handCorrection.tif`` or a segmentation's results ``<image>_cells``; corrected labels count first.
    network
        The network whose weights initialise the training. Default for events: the default network (``epifiji networks
        default``) if it is an EpiNet, else the one that comes with EpiFiji, with a notice. Default for cells: EpiFiji's own.
    name
        Of the new network. Default: that of the folder.
    out
        A folder for figures and ``training.json``. Default: the new network's.
    overwrite
        Whether an earlier network of that name, and files in `out`, may be replaced.
    from_scratch
        Begin with random weights instead.
    report
        Called with the progress; may raise to cancel.
    cells
        ``tissue`` if the annotated cells meet at borders, ``separate`` if they have an inside of their own and may touch; then
        of a network for tissues all layers but the last initialise the training; ``auto`` is what `network` segments.
    **settings
        Those of :class:`~epifiji.data.settings.training.TrainingSettings`.

    Returns
    -------
    TrainingResult
        The new network is in the user's folder of networks, and available by its name.

    Raises
    ------
    WrongInputError
        If the folder, the network, the name or a setting is not usable.
    """
    chosen = parse_settings(TrainingSettings, settings)
    if from_scratch and network is not None:
        raise WrongInputError(
            "from_scratch means random weights, but a network to begin with was given: leave one out."
        )
    folder = path_from(folder, "the folder of annotated movies or images")
    how = name, Path(os.path.realpath(folder)).name, _path(out), overwrite
    if _holds_cells(folder):
        chosen.require_task(CellTask.task)
        return _train_cells(folder, network, from_scratch, cells, chosen, how, report)
    if cells != "auto":
        raise WrongInputError(
            f"cells is {cells}, but {folder} contains ROIs of events: leave it out, or specify a folder of "
            "images with annotated cells."
        )
    chosen.require_task(EventTask.task)
    parent, notices = (None, []) if from_scratch else _beginning(network)
    target = target_for(*how, parent, report_files(EventTask.figures))
    sources = read_sources([folder], chosen)
    description = OWN_FAMILY.description_for(target.name, classes_in(sources), parent.description if parent else None)
    recipe = OWN_FAMILY.recipe(description, parent, chosen, keeping=False)
    return run_training(EventTask(chosen, sources, description, parent, recipe, notices), target, report)


def _train_cells(
    folder: Path,
    network: AnyNetwork | str | Path | None,
    from_scratch: bool,
    cells: CellForm,
    settings: TrainingSettings,
    how: tuple[str | None, str, Path | None, bool],
    report: Report,
) -> TrainingResult:
    parent = None if from_scratch else cell_network_of(network)
    target = target_for(*how, cast(AnyNetwork | None, parent), report_files(CellTask.figures))
    return _train_on(read_cell_sources([folder], settings), parent, cells, settings, target, report)


def train_on_images(
    images: Sequence[LabelledImage],
    folder: Path,
    network: AnyNetwork | str | Path | None,
    from_scratch: bool,
    cells: CellForm,
    settings: TrainingSettings,
    report: Report = silent,
) -> TrainingResult:
    """Train a network for cells on images, as :func:`train` does, and write it into a folder of its own.

    Parameters
    ----------
    folder
        Of the network, which gets its name; it does not exist yet.

    Raises
    ------
    WrongInputError
        If the network or a setting is not usable, or the folder cannot be written to.
    """
    parent = None if from_scratch else cell_network_of(network)
    return _train_on(images, parent, cells, settings, Target(folder.name, folder, None, False), report)


def _train_on(
    images: Sequence[LabelledImage],
    parent: CellNetwork | None,
    cells: CellForm,
    settings: TrainingSettings,
    target: Target,
    report: Report,
) -> TrainingResult:
    family = _family_for(parent, cells)
    description = family.description_for(target.name, parent.description if parent else None)
    recipe = family.recipe(description, parent, settings, keeping=False)
    return run_training(CellTask(settings, images, description, parent, recipe), target, report)


def _family_for(parent: CellNetwork | None, cells: CellForm) -> CellFamily:
    """Return the family of a network to train for cells.

    Raises
    ------
    WrongInputError
        If it cannot begin with the parent.
    """
    if parent is None:
        return CELL_FAMILIES_BY_FORM["tissue" if cells == "auto" else cells]
    known = cell_family_of(parent.description)
    wanted = known if cells == "auto" else CELL_FAMILIES_BY_FORM[cells]
    if wanted is not known and known is not CELL_FAMILIES_BY_FORM["tissue"]:
        raise WrongInputError(
            f"cells is {cells}, but a training for such cells cannot begin with {parent.description.name}, a network of "
            "another kind: leave cells out, or specify another network."
        )
    return wanted


def retrain(
    network: AnyNetwork | str | Path,
    sources: str | Path | Sequence[str | Path],
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Retrain a network with reviews of detected events or corrected cells, and with folders of annotated movies or images.

    The new network keeps what the old one knew, such as its classes of events, and gets new classes. The old one is
    unchanged. An interrupted training continues when it is called again with the same arguments.

    Parameters
    ----------
    network
        Name, folder or zip of an EpiNet, of one of the authors' networks, or of EpiFiji's networks for cells.
    sources
        For events reviews (``review.csv``, or the result folder that holds it), for cells result folders of segmentations,
        corrected ones above all; and folders as :func:`train` takes them.
    name, out, overwrite, report
        As for :func:`train`; the default name combines the old network's and the first movie's or image's.
    **settings
        Those of :class:`~epifiji.data.settings.training.RetrainingSettings`.

    Raises
    ------
    WrongInputError
        If the network, a source, the name or a setting is not usable.
    """
    chosen = parse_settings(RetrainingSettings, settings)
    parent = network if isinstance(network, Network) else read_network(find_network(network))
    given: list[Any] = list(sources) if isinstance(sources, list | tuple) else [sources]
    how = _path(out), overwrite
    if isinstance(parent.description, CellNetworkDescription):
        chosen.require_task(CellTask.task)
        return _retrain_cells(cell_network_of(parent), given, chosen, name, how, report)
    chosen.require_task(EventTask.task)
    return _retrain_events(event_network_of(parent), given, chosen, name, how, report)


def _retrain_events(
    parent: EventNetwork,
    given: list[Any],
    settings: RetrainingSettings,
    name: str | None,
    how: tuple[Path | None, bool],
    report: Report,
) -> TrainingResult:
    read = read_sources(given, settings, settings.unmarked)
    suggested = f"{parent.description.name}_{read[0].movie.name}"
    target = target_for(name, suggested, *how, cast(AnyNetwork, parent), report_files(EventTask.figures))
    known = parent.description.events
    classes = (*known, *(event for event in classes_in(read) if event not in known))
    family = event_family_of(parent.description)
    family.check(cast(AnyNetwork, parent))
    description = family.description_for(target.name, classes, parent.description)
    recipe = family.recipe(description, parent, settings, keeping=True)
    return run_training(EventTask(settings, read, description, parent, recipe), target, report, settings.keep)


def _retrain_cells(
    parent: CellNetwork,
    given: list[Any],
    settings: RetrainingSettings,
    name: str | None,
    how: tuple[Path | None, bool],
    report: Report,
) -> TrainingResult:
    family = cell_family_of(parent.description)
    description = family.description_for(parent.description.name, parent.description)
    family.check(cast(AnyNetwork, parent))
    read = read_cell_sources(given, settings)
    suggested = f"{parent.description.name}_{read[0].movie.name}"
    target = target_for(name, suggested, *how, cast(AnyNetwork, parent), report_files(CellTask.figures))
    recipe = family.recipe(description, parent, settings, keeping=True)
    return run_training(CellTask(settings, read, description, parent, recipe), target, report, settings.keep)


def _holds_cells(folder: Path) -> bool:
    """Return whether a folder is one of images with annotated cells, and not of movies with events.

    Raises
    ------
    WrongInputError
        If it is both, or neither.
    """
    # The ROIs of a segmentation are its cells.
    cells, events = has_labelled_cells(folder), has_rois(folder) and labels_in(folder) is None
    if cells and events and is_made_by_hand(folder):
        raise WrongInputError(
            f"{folder} contains cells of images and ROIs of events, but a network is trained on one of them: put the images and "
            "their cells, or the movies and their ROIs, into a folder of their own."
        )
    if folder.is_dir() and not cells and not events and review_of(folder) is None:
        raise WrongInputError(
            f"{folder} contains neither ROIs of events nor labels or outlines of cells, but a network is trained on one of them: "
            f"add {FORM}, or {FORM_OF_IMAGES}."
        )
    return cells and not events


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else path_from(given, "the folder to write into")


def _beginning(network: AnyNetwork | str | Path | None) -> tuple[EventNetwork, list[str]]:
    """Read the EpiNet to begin with; a notice says if it is not the default network although none was specified."""
    read = event_network_of(network)
    of_own_family = event_family_of(read.description) is OWN_FAMILY
    if not of_own_family and network is None:
        own = event_network_of(shipped_network())
        notice = (
            f"The default network {read.description.name} is one of the authors', which cannot initialise a training: the "
            f"training began with {own.description.name}. To train {read.description.name} further, use retrain."
        )
        return own, [notice]
    if not of_own_family:
        raise WrongInputError(
            f"{read.description.name} is one of the authors' networks, but a training begins with an EpiNet or with "
            "random weights: specify another network, or use retrain to train this one further."
        )
    OWN_FAMILY.check(read)
    return read, []
