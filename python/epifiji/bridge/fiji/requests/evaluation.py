"""The jobs that evaluate networks for ImageJ, and calibrate their scores. They return tables, pictures, and a conclusion."""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import chosen_or_shown_folder
from epifiji.bridge.fiji.network_commands import CalibrateCommand, EvaluateCommand
from epifiji.bridge.fiji.requests.cells import shown_pictures
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.evaluation import EvaluationSettings, EventEvaluationSettings


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


@job("calibrate_scores", commands.CALIBRATE, exclusive=True)
def calibrate_scores(request: Request) -> Answer:
    """Make a copy of a network with calibrated scores. The request has ``settings`` by key."""
    from epifiji.files.networks.store import find_network
    from epifiji.jobs.scoring.calibrate import PICTURE, calibrate_scores
    from epifiji.jobs.scoring.judged_events import reviewed_results_in

    command = parse_settings(CalibrateCommand, request["settings"])
    sources = [] if command.folder is None else [Path(command.folder)]
    if command.results is not None:
        sources += reviewed_results_in(Path(command.results))
    if not sources:
        raise WrongInputError(
            "No folder was specified, but events of which it is known whether they are right are needed: give --folder DIR with "
            "annotated movies, or --results DIR with reviewed results."
        )
    found = calibrate_scores(
        find_network(command.network),
        sources,
        command.name,
        command.out,
        command.overwrite,
        request.report,
        **settings_of(command, EventEvaluationSettings),
    )
    name = found.network.description.name
    return {
        "name": name,
        "pictures": [str(file) for file in found.files if file.name == PICTURE],
        "titles": [f"{name}-calibration"],
        "columns": found.columns(),
        "rows": found.rows(),
        "notices": list(found.notices),
        "said": f"{name} is in the lists of networks from now on; it finds the same events.",
    }
