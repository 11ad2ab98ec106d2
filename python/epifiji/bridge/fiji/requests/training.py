"""The jobs that train networks for ImageJ. They return scores as a table, pictures, and a conclusion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.network_commands import OF_RESULTS, RetrainCommand, TrainCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.record import RecordedNetwork
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.files.results.places import folder_of


@job("train", commands.TRAIN, exclusive=True)
def train_network(request: Request) -> Answer:
    """Train a network on a folder of annotated movies or images. The request has ``settings`` by key."""
    from epifiji.jobs.training.train import train

    command = parse_settings(TrainCommand, request["settings"])
    if command.folder is None:
        raise WrongInputError(
            "No folder was specified, but movies with annotated events, or images with annotated cells, are needed: give "
            "--folder DIR."
        )
    settings = settings_of(command, TrainingSettings)
    how = command.name, command.out, command.overwrite
    return _training_answer(
        train(
            command.folder, command.network, *how, command.from_scratch, request.report, cells=command.cells, **settings
        )
    )


@job("retrain", commands.RETRAIN, exclusive=True)
def retrain_network(request: Request) -> Answer:
    """Retrain a network on a review or corrected cells, annotated data, or both. The request has ``settings`` by key."""
    from epifiji.jobs.training.train import retrain

    command = parse_settings(RetrainCommand, request["settings"])
    sources = [place for place in (command.results, command.folder) if place is not None]
    if not sources:
        raise WrongInputError(
            "No review and no corrected cells were specified, but one of them is needed to learn from: open the movie or "
            "image that they belong to, or give --results DIR."
        )
    settings = settings_of(command, RetrainingSettings)
    network = command.network if command.network not in (None, OF_RESULTS) else _network_of(Path(sources[0]))
    how = command.name, command.out, command.overwrite
    return _training_answer(retrain(network, sources, *how, request.report, **settings))


def _network_of(results: Path) -> str:
    """Return the name or path of the network that found the events or cells of results, or of a review in a folder of them."""
    from epifiji.files.networks.store import find_network, read_network
    from epifiji.files.results.result_folder import is_there, read_record
    from epifiji.files.results.reviews import result_folders

    records = map(read_record, result_folders(folder_of(results)))
    recorded = next((record.network for record in records if record.network.model_fields_set), RecordedNetwork())
    place = recorded.source if recorded.source and is_there(recorded.source) else recorded.name
    if not place:
        raise WrongInputError(
            f"{results} does not record which network found its events or cells: give --network NAME."
        )
    if recorded.sha256 and read_network(find_network(place)).sha256 != recorded.sha256:
        raise WrongInputError(
            f"The results in {results} were made with a network {recorded.name or place}, but another one has this name now: "
            "give --network NAME to specify the network to retrain."
        )
    return place


def _training_answer(result: Any) -> Answer:
    """Describe the result of a training; ``rows`` has a row for each class, or image, that was held out."""
    columns, rows = result.after.table(result.before) if result.after else ([], [])
    return {
        "name": result.network.description.name,
        "folder": str(result.folder),
        "columns": columns,
        "rows": rows,
        "pictures": [str(file) for file in result.files if file.suffix == ".png"],
        "notices": list(result.notices),
        "said": result.sentence,
    }
