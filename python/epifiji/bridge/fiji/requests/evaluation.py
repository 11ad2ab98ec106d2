"""The job that evaluates networks for ImageJ. It returns tables, curves as a picture, and a conclusion."""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import chosen_or_shown_folder
from epifiji.bridge.fiji.network_commands import EvaluateCommand
from epifiji.bridge.fiji.requests.cells import shown_pictures
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.evaluation import EvaluationSettings


@job("evaluate", commands.EVALUATE, exclusive=True)
def evaluate_networks(request: Request) -> Answer:
    """Evaluate networks. The request has ``settings`` by key, and ``headless``."""
    from epifiji.files.networks.store import find_network
    from epifiji.files.results.evaluations import FILES, PICTURE
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.scoring.evaluate import evaluate

    command = parse_settings(EvaluateCommand, request["settings"])
    if command.folder is None:
        raise WrongInputError(
            "No folder was specified, but movies with annotated events, or images with annotated cells, are needed: give "
            "--folder DIR."
        )
    if command.out is not None:
        require_absent(Path(command.out), FILES, command.overwrite)
    networks = [find_network(command.network), *(find_network(name) for name in command.other_networks or ())]
    settings = settings_of(command, EvaluationSettings)
    found = evaluate(networks, command.folder, request.report, **settings)
    with chosen_or_shown_folder(command.out, "evaluation", not request.get("headless")) as folder:
        files = found.save(folder, command.overwrite) if folder is not None else []
    place_name = Path(command.folder).name
    pictures, left_out = shown_pictures(files, command.out)
    return {
        "name": place_name,
        "pictures": [str(file) for file in pictures],
        "titles": [f"{place_name}-evaluation" if file.name == PICTURE else file.stem for file in pictures],
        "columns": found.columns(),
        "rows": found.rows(),
        "difference_columns": found.difference_columns(),
        "difference_rows": found.difference_rows(),
        "notices": [*found.notices, *left_out, *found.choices()],
        "said": found.conclusion,
    }
