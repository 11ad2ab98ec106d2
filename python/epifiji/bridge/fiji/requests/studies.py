"""The job that studies networks for cells for ImageJ. It returns the table of means, plots, and what the study found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import OWN_NETWORK, RANDOM_WEIGHTS, StudyCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import option_of, parse_settings, shown_of
from epifiji.data.settings.evaluation import CellEvaluationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.data.study import StudyProtocol

NO_TRAIN, NO_TEST = (
    "No folder of images to train on was specified, but images with cells are needed: give --train DIR, or --protocol FILE.",
    "No folder of images to test on was specified, but images with cells are needed: give --test DIR, or --protocol FILE.",
)


@job("study_cells", commands.STUDY, exclusive=True)
def study(request: Request) -> Answer:
    """Train and score networks for cells. The request has ``settings`` by key.

    An interrupted study continues when the same settings are requested again.
    """
    from epifiji.jobs.studies.cells import study_cells

    command = parse_settings(StudyCommand, request["settings"])
    protocol, name, folder = _protocol(command)
    found = study_cells(protocol, command.out or folder / f"{name}_study", request.report)
    return {
        "name": name,
        "columns": found.columns(),
        "rows": found.rows(),
        "pictures": [str(file) for file in found.files if file.suffix == ".png"],
        "notices": found.in_words(),
        "said": f"{len(found.runs)} trainings were scored; the results are in {found.folder}",
    }


def _protocol(command: StudyCommand) -> tuple[str | dict[str, Any], str, Path]:
    """Return the protocol, as a file or by its entries, a name, and the folder in which it or the training images are."""
    if command.protocol is not None:
        beside = shown_of(StudyCommand.model_fields["protocol"]).beside
        more = sorted(command.model_fields_set - {"protocol", *beside})
        if more:
            raise WrongInputError(
                f"A protocol was specified and also {', '.join(map(option_of, more))}, but all settings "
                "come from the protocol: leave them out, or specify no protocol."
            )
        file = Path(command.protocol)
        return command.protocol, file.stem, file.parent
    for place, sentence in ((command.train, NO_TRAIN), (command.test, NO_TEST)):
        if place is None:
            raise WrongInputError(sentence)
    entries = _entries(command)
    train = Path(entries["train"])
    return entries, train.name, train.parent


def _entries(command: StudyCommand) -> dict[str, Any]:
    """Return the entries of the protocol that the settings of a command mean."""
    entries = command.model_dump(include=command.model_fields_set & set(StudyProtocol.model_fields), mode="json")
    network = entries.pop("network", OWN_NETWORK)
    if network == RANDOM_WEIGHTS:
        entries["from_scratch"] = True
    elif network != OWN_NETWORK:
        entries["network"] = network
    for entry, kind in (("training", TrainingSettings), ("scoring", CellEvaluationSettings)):
        entries[entry] = command.model_dump(include=command.model_fields_set & set(kind.model_fields), mode="json")
    entries["variants"] = {f"without {name}": {"without": [name]} for name in command.leave_out or ()}
    return entries
