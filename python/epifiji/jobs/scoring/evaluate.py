"""Evaluation of networks on annotated movies or images, according to their task: scores with intervals, and differences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epifiji.data.cell_networks import CellNetworkDescription, cell_network
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import event_network
from epifiji.data.network import AnyNetwork, Network
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import formerly, parse_settings
from epifiji.data.settings.evaluation import CellEvaluationSettings, EvaluationSettings, EventEvaluationSettings
from epifiji.files.networks.store import find_network, read_network
from epifiji.jobs.scoring.evaluate_cells import evaluate_on_cells
from epifiji.jobs.scoring.evaluate_events import evaluate_on_events
from epifiji.jobs.scoring.report import Evaluation

GivenNetwork = AnyNetwork | str | Path


@formerly(network="networks")
def evaluate(
    network: GivenNetwork | Sequence[GivenNetwork], folder: str | Path, report: Report = silent, **settings: Any
) -> Evaluation:
    """Evaluate networks on movies with annotated events, or on images with annotated cells, according to their task.

    Networks for events detect the events in each movie once. An event's position and probability do not depend on the
    threshold, which only decides whether it counts, so every threshold is scored from the same candidates. Networks for
    cells segment each image once; the scores are those of :func:`epifiji.compare_cells`.

    Parameters
    ----------
    network
        Names, folders or zips, or networks that were read; one, or several of one task to compare.
    folder
        For events movies and ROI zips, see :func:`epifiji.files.training_data.read_training_folder`. For cells images with
        labels or outlines, or one such image, see :func:`epifiji.files.labelled_images.read_labelled_images`.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.evaluation.EvaluationSettings`. For events they are those of a detection,
        ``threshold`` being the default one that the best is compared with, and ``distance_xy``, ``distance_t``,
        ``unmarked``, ``seed``; for cells those of a segmentation, and ``iou``, ``border``, ``seed``.

    Raises
    ------
    WrongInputError
        If a network, the folder or a setting is not usable, a network is specified twice, networks have different
        tasks, or one knows none of the classes.
    """
    chosen = parse_settings(EvaluationSettings, settings)
    named: list[Any] = list(network) if isinstance(network, list | tuple) else [network]
    loaded = _named(named)
    for_cells = _segment_cells(loaded)
    folder = path_from(folder, "the folder of annotated movies or images")
    if for_cells:
        of_cells = {name: cell_network(one) for name, one in loaded.items()}
        return evaluate_on_cells(of_cells, folder, report, chosen.of_task(CellEvaluationSettings, "segment cells"))
    of_events = {name: event_network(one) for name, one in loaded.items()}
    return evaluate_on_events(of_events, folder, report, chosen.of_task(EventEvaluationSettings, "find events"))


def _named(given: Sequence[GivenNetwork]) -> dict[str, AnyNetwork]:
    """Read the networks, each with a unique name: if two have the same, the file or folder is added."""
    if not given:
        raise WrongInputError("no network was given, but at least one is needed for an evaluation: specify one.")
    places = [one if isinstance(one, Network) else find_network(one) for one in given]
    same = [id(place) if isinstance(place, Network) else place for place in places]
    for place, one in zip(same, given, strict=True):
        if same.count(place) > 1:
            raise WrongInputError(f"the network {_called(one)} is given twice, but networks differ: specify it once.")
    read = [place if isinstance(place, Network) else read_network(place) for place in places]
    names = [network.description.name for network in read]
    unique = [
        name if names.count(name) == 1 else f"{name} ({_called(one)})" for name, one in zip(names, given, strict=True)
    ]
    return dict(zip(unique, read, strict=True))


def _called(network: GivenNetwork) -> str:
    return (network.source or network.description.name) if isinstance(network, Network) else str(network)


def _segment_cells(networks: dict[str, AnyNetwork]) -> bool:
    """Return whether the networks segment cells, and refuse networks of both tasks together."""
    cells = [name for name, one in networks.items() if isinstance(one.description, CellNetworkDescription)]
    events = [name for name in networks if name not in cells]
    if cells and events:
        raise WrongInputError(
            f"{cells[0]} segments cells and {events[0]} finds events, but networks of one task are compared: evaluate them "
            "separately."
        )
    return bool(cells)
