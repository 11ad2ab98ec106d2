"""What training in ImageJ asks of the engine: a new network, scores as a table, pictures, and a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import RetrainCommand, TrainCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.data.errors import WrongInputError
from epifiji.data.record import RecordedNetwork
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.files.results.places import folder_of


@job("train", commands.TRAIN, in_turn=True)
def train_network(request: Request) -> Answer:
    """Train on a folder: ``settings`` by key."""
    from epifiji.jobs.training.train import train

    command = parse_settings(TrainCommand, request["settings"])
    if command.folder is None:
        raise WrongInputError("No folder was named, but movies with annotated events are needed: give --folder DIR.")
    settings = command.model_dump(include=set(TrainingSettings.model_fields), exclude_unset=True)
    how = command.name, command.output, command.overwrite
    return _told(train(command.folder, command.begin_with, *how, command.from_scratch, request.report, **settings))


@job("retrain", commands.RETRAIN, in_turn=True)
def retrain_network(request: Request) -> Answer:
    """Learn more from a review, annotated movies, or both: ``settings`` by key."""
    from epifiji.jobs.training.train import retrain

    command = parse_settings(RetrainCommand, request["settings"])
    sources = [place for place in (command.results, command.folder) if place is not None]
    if not sources:
        raise WrongInputError(
            "No review was named, but one is needed to learn from: open the reviewed movie, or give --results DIR."
        )
    settings = command.model_dump(include=set(RetrainingSettings.model_fields), exclude_unset=True)
    network = command.network or _network_of(Path(sources[0]))
    how = command.name, command.output, command.overwrite
    return _told(retrain(network, sources, *how, request.report, **settings))


def _network_of(results: Path) -> str:
    """Say which network found the events of a result folder; what came out of a review lies in a folder of it."""
    from epifiji.files.networks.store import find_network, read_network
    from epifiji.files.results.result_folder import is_there, read_record
    from epifiji.files.results.reviews import result_folders

    records = map(read_record, result_folders(folder_of(results)))
    told = next((record.network for record in records if record.network.model_fields_set), RecordedNetwork())
    place = told.source if told.source and is_there(told.source) else told.name
    if not place:
        raise WrongInputError(f"{results} does not say which network found its events: give --network NAME.")
    if told.sha256 and read_network(find_network(place)).sha256 != told.sha256:
        raise WrongInputError(
            f"The events in {results} were found by a network {told.name or place}, but what is called so now is another one: "
            "give --network NAME to name the one that is to learn more."
        )
    return place


def _told(result: Any) -> Answer:
    """Say what came of a training; ``rows`` has a line for each class with held-out events."""
    after, before = result.after, result.before
    rows = []
    for event, counts in (after.counts if after else {}).items():
        old = before.counts.get(event) if before else None
        rows.append(
            [
                event,
                str(counts.true_positives + counts.false_negatives),
                *(_text(value) for value in (counts.precision, counts.recall, counts.f1)),
                _text(old.f1 if old else None),
                str(after.thresholds[event]),
            ]
        )
    return {
        "name": result.network.description.name,
        "folder": str(result.folder),
        "columns": ["event", "held out", "precision", "recall", "F1", "F1 before", "threshold"],
        "rows": rows,
        "pictures": [str(file) for file in result.files if file.suffix == ".png"],
        "temporary": None,
        "notices": list(result.notices),
        "said": result.sentence,
    }


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
