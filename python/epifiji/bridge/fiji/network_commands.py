"""The parameters of Fiji's commands for networks; see :mod:`epifiji.bridge.fiji.commands`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from epifiji.bridge.fiji.fields import KEEP_GOING
from epifiji.bridge.fiji.fields import flag as _flag
from epifiji.bridge.fiji.fields import path as _path
from epifiji.data.settings.base import Settings, names, placed, setting
from epifiji.data.settings.evaluation import EvaluationSettings, EventEvaluationSettings
from epifiji.data.settings.jobs import (
    AnyNetworkName,
    CalibrationJob,
    EvaluationJob,
    ExportJob,
    NetworkName,
    NewNetworkJob,
    RetrainingJob,
    TrainingJob,
)
from epifiji.data.settings.segmentation import SegmentationSettings, Share
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings


def _annotated(end: str) -> Any:
    described = (
        "Movies, each with its events next to it (movie_cell_death.zip for movie.tif and so on), or images, each with its cells "
        f"(image_labels.tif, outlines or results){end}"
    )
    return _path("folder", "Annotated movies or images", described, order=5)


OF_RESULTS = "that of the results"
"""The network that found the events or cells which were reviewed or corrected."""


class EvaluateCommand(EvaluationJob, EvaluationSettings):
    """Evaluates networks on movies with annotated events, or on images with annotated cells, and reports which is better.

    Networks for events are scored by precision, recall and F1 over thresholds, networks for cells as Compare Cells does.
    """

    network: AnyNetworkName = None
    other_networks: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="names",
        description="Others of the same task to compare it with, by name, folder or zip, separated by commas.",
        order=4,
        empty="none",
    )
    folder: str | None = _annotated("; or the path of one such image.")
    borders: Literal["auto", "bright", "dark"] = placed(SegmentationSettings, "borders", order=15)
    seed_height: Share | None = placed(SegmentationSettings, "seed_height", "more")
    merge_below: Share | None = placed(SegmentationSettings, "merge_below", "more")
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)


class CalibrateCommand(CalibrationJob, EventEvaluationSettings):
    """Makes a copy of a network whose scores are the shares of its events that are right; it finds the same events.

    Which events are right is known from annotated movies, from reviews of this network's events, or from both.
    """

    network: NetworkName = None
    folder: str | None = _path(
        "folder",
        "Annotated movies",
        "Movies, each with its events next to it (movie_cell_death.zip for movie.tif and so on).",
        order=4,
    )
    results: str | None = _path(
        "folder",
        "Reviewed results",
        "A result folder of this network with a review, or a folder that contains such folders, at any depth.",
        order=4,
    )
    table: bool = _flag("Show a table", "Show the errors as a table; table=false in a macro shows none.", default=True)


TRAINING_TABLE = "Show the scores on held-out events or cells as a table; table=false in a macro shows none."


class TrainCommand(TrainingJob, TrainingSettings):
    """Trains a network on movies with annotated events, of classes with any names, or on images with annotated cells.

    A cancelled training continues when it is started again.
    """

    table: bool = _flag("Show a table", TRAINING_TABLE, default=True)
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")
    folder: str | None = _annotated(".")


class RetrainCommand(RetrainingJob, RetrainingSettings):
    """Retrains a network with events that you reviewed, or with cells that you corrected. The old network is not changed.

    A cancelled training continues when it is started again.
    """

    table: bool = _flag("Show a table", TRAINING_TABLE, default=True)
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")
    network: str | None = setting(
        None,
        kind="any_network",
        description="The network to retrain, which is not changed. Default: the one that found the events or cells.",
        order=3,
        words=(OF_RESULTS,),
    )
    results: str | None = _path(
        "folder",
        "Reviewed or corrected results",
        "The result folder with the review, or with corrected cells. Default: that of the open movie or image.",
        order=2,
    )
    folder: str | None = _annotated(", to train on in addition or instead.")


class ManageNetworksCommand(Settings):
    """Shows the networks that can be used by name, with their cards; a macro chooses the default for events, or deletes one."""

    default: str | None = setting(
        None, values="name", description="Make this network the default for events.", page="macro"
    )
    remove: str | None = setting(
        None, values="name", description="Delete this network, which was imported or trained.", page="macro"
    )
    cellpose: str | None = setting(
        None,
        values="folder",
        description="Compute Cellpose's models in this Python, or that of this environment's folder; none forgets it.",
        page="macro",
    )
    card: str | None = setting(
        None, values="name", description="Write the card of this network to the log.", page="macro"
    )


class ImportNetworkCommand(NewNetworkJob):
    """Imports a network into your own folder, so that it can be used by name."""

    network: str | None = _path(
        "file",
        "Network",
        "A network of EpiFiji, DeXtrusion or EPySeg: a zip, .h5 or .keras file, a folder, or the address of a zip.",
        order=0,
    )
    name: str | None = setting(None, values="name", description="Name to give it. Default: its own name.", order=1)
    sha256: str | None = setting(
        None,
        values="hash",
        description="SHA-256 of the zip, which an address needs; another file is refused.",
        label="SHA-256",
        order=2,
        empty="not checked",
    )


class FetchNetworkCommand(NewNetworkJob):
    """Downloads a network of DeXtrusion's authors from their repository."""

    name: Literal["notum_all", "notum_ExtSOPDiv", "notum_ExtSOP", "notum_Ext"] = setting(
        "notum_all",
        description="The network: extrusions, SOPs and divisions (notum_all and notum_ExtSOPDiv), extrusions and SOPs, or "
        "extrusions only.",
        label="Network",
        order=0,
    )
    base_url: str | None = setting(
        None,
        values="address",
        description="Address of the folder of NAME.zip. Default: the authors' repository.",
        page="macro",
    )


class ExportNetworkCommand(ExportJob):
    """Exports an EpiNet for other programs, as an ONNX model or as a bioimage.io package."""

    network: str | None = setting(
        None, kind="network", description="The EpiNet. Default in a macro: the default network.", order=0
    )
    author: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="names",
        description="Who made it, for a package; several are separated by commas.",
        label="Authors",
        empty="needed for a package",
    )
    license: str | None = setting(
        None,
        values="SPDX",
        description="Its licence, for a package, such as CC-BY-4.0.",
        label="Licence",
        empty="none",
    )
