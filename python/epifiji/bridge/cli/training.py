"""The command line's commands that train networks: train and retrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings

training_app = typer.Typer()

NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name of the new network. Default: a name made from the data."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="A folder for figures and training.json. Default: the new network's folder."
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier network of that name.")]


@training_app.command()
@with_settings(TrainingSettings)
def train(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Movies, each with its events as MOVIE_<class>.zip beside it.")
    ],
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            metavar="NAME|DIR|ZIP",
            help="The EpiNet to start from (default: the default network if it is an EpiNet, otherwise EpiFiji's own).",
        ),
    ] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from random weights.")] = False,
    name: NameOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Train a network on annotated movies, with event classes of any names."""
    from epifiji.jobs.training.train import train as run

    with ProgressBar("train", silent=as_json) as report:
        result = run(folder, network, name, out, overwrite, from_scratch, report, **(settings or {}))
    _say_result(result, as_json)


@training_app.command()
@with_settings(RetrainingSettings)
def retrain(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="Name, folder or zip of the network.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER|REVIEW...",
            help="Folders of annotated movies or crops, and reviews: review.csv or the result folder that holds it.",
        ),
    ],
    name: NameOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Retrain a network with reviews or annotated movies, into a new network; the old one is not changed."""
    from epifiji.jobs.training.train import retrain as run

    with ProgressBar("retrain", silent=as_json) as report:
        result = run(network, sources, name, out, overwrite, report, **(settings or {}))
    _say_result(result, as_json)


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
