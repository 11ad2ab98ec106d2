"""The command line's commands that train networks: train, train-cysts and retrain, and studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import AnnotatedData, JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.cyst_jobs import CystTrainingJob
from epifiji.data.settings.cyst_training import CystTrainingSettings
from epifiji.data.settings.jobs import RetrainingJob, StudyJob, TrainingJob
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings

training_app = typer.Typer()


@training_app.command()
@with_settings(TrainingJob, TrainingSettings)
def train(
    *,
    folder: AnnotatedData,
    network: str | None,
    from_scratch: bool,
    name: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Train a network on movies with annotated events, of classes with any names, or on images with annotated cells."""
    from epifiji.jobs.training.train import train as run

    with ProgressBar("train", silent=as_json) as report:
        result = run(folder, network, name, out, overwrite, from_scratch, report, **settings)
    _say_result(result, as_json)


@training_app.command()
@with_settings(RetrainingJob, RetrainingSettings)
def retrain(
    *,
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="Name, folder or zip of the network.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER|REVIEW...",
            help="Folders of annotated movies or crops, and reviews: review.csv or its result folder. For networks for cells "
            "folders of images with their cells, and corrected results of a segmentation.",
        ),
    ],
    name: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Retrain a network with reviews, corrected cells, or annotated movies or images, into a new one; the old one stays."""
    from epifiji.jobs.training.train import retrain as run

    with ProgressBar("retrain", silent=as_json) as report:
        result = run(network, sources, name, out, overwrite, report, **settings)
    _say_result(result, as_json)


@training_app.command("train-cysts")
@with_settings(CystTrainingJob, CystTrainingSettings)
def train_cysts(
    *,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Volumes, each with its cells as VOLUME_labels.tif next to it.")
    ],
    cells: Annotated[
        Path | None,
        typer.Argument(metavar="[CELLS]", help="A folder of labels with the volumes' names. Default: next to them."),
    ] = None,
    network: str | None,
    name: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Train a network on volumes with annotated cells, such as cysts."""
    from epifiji.jobs.training.volumes import train_cysts as run

    with ProgressBar("train", silent=as_json) as report:
        result = run(folder, cells, network, name, out, overwrite, report, **settings)
    _say_result(result, as_json)


@training_app.command("study-cells")
@with_settings(StudyJob)
def study_cells(
    *,
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="A YAML file that describes the study.")],
    out: Path | None,
    as_json: JsonOption = False,
) -> None:
    """Train and score networks for cells as a protocol describes: learning curve, variants of the training, settings."""
    from epifiji.jobs.studies.cells import study_cells as run

    with ProgressBar("study", silent=as_json) as report:
        study = run(protocol, out or Path(f"{protocol.stem}_study"), report)
    if as_json:
        say_json(study.to_dict())
        return
    say_table(study.columns(), study.rows())
    for sentence in study.in_words():
        say(sentence)
    for file in study.files:
        say(f"written: {file}")


def _say_result(result: Any, as_json: bool) -> None:
    """Print the result of a training; its conclusion is the last line."""
    if as_json:
        say_json(result.to_dict())
        return
    for notice in result.notices:
        note(notice)
    say(f"began with: {plain(result.began_with or 'nothing')}")
    say(f"written: {result.folder}")
    for file in result.files:
        if file.parent != result.folder:
            say(f"written: {file}")
    say(result.sentence)
