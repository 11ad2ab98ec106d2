"""The commands `evaluate`, `calibrate-scores`, and `expected-scores` and `complete-check`: what judged events let conclude."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, say
from epifiji.data.settings.evaluation import EvaluationSettings, EventEvaluationSettings
from epifiji.data.settings.jobs import CalibrationJob, EvaluationJob
from epifiji.data.settings.scoring import CompleteCheckSettings, ExpectedScoresSettings

evaluation_app = typer.Typer()


@evaluation_app.command()
@with_settings(EvaluationJob, EvaluationSettings)
def evaluate(
    *,
    networks: Annotated[
        list[str],
        typer.Argument(metavar="NETWORK...", help="Names, folders or zips of networks; several are compared."),
    ],
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Movies with their events as MOVIE_<class>.zip, or images with their cells as IMAGE_labels.tif and the like; or "
            "one such image.",
        ),
    ],
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Evaluate networks on annotated movies or images: scores with intervals, best thresholds, comparison of networks."""
    from epifiji.files.results.evaluations import FILES
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.scoring.evaluate import evaluate as run

    if out is not None:
        require_absent(out, FILES, overwrite)
    with ProgressBar("evaluate", silent=as_json) as report:
        found = run(networks, folder, report, **settings)
    files = found.save(out, overwrite) if out is not None else []
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in files]})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.columns(), found.rows())
    if found.difference_rows():
        say_table(found.difference_columns(), found.difference_rows())
    for choice in found.choices():
        say(choice)
    if out is not None:
        say(f"written: {out}")
    say(found.conclusion)


@evaluation_app.command("expected-scores")
@with_settings(EvaluationJob, ExpectedScoresSettings)
def expected_scores(
    *,
    review: Annotated[Path, typer.Argument(metavar="REVIEW", help="A result folder with a review, or its review.csv.")],
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Estimate the precision and recall of all events from a review of some, and the threshold for a wish."""
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.scoring.expected_scores import FILES
    from epifiji.jobs.scoring.expected_scores import expected_scores as run

    if out is not None:
        require_absent(out, FILES, overwrite)
    found = run(review, **settings)
    files = found.save(out, overwrite) if out is not None else []
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in files]})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.columns(), found.rows())
    for sentence in found.recommendations():
        say(sentence)
    for file in files:
        say(f"written: {file}")


@evaluation_app.command("complete-check")
@with_settings(CompleteCheckSettings)
def complete_check(
    *,
    results: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.")],
    mark: Annotated[
        list[int] | None,
        typer.Option("--mark", metavar="BOX", help="Every event in this box is marked now. Can be repeated."),
    ] = None,
    unmark: Annotated[
        list[int] | None,
        typer.Option("--unmark", metavar="BOX", help="Not every event in this box is marked. Can be repeated."),
    ] = None,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Draw boxes at random, in which every event is to be marked in a review, and estimate recall from them."""
    from epifiji.jobs.scoring.complete_check import complete_check as run

    found = run(results, **settings)
    for numbers, is_marked in ((mark, True), (unmark, False)):
        for number in numbers or ():
            found = found.mark(number, is_marked)
    files = [str(file) for file in found.files()]
    if as_json:
        say_json(found.to_dict() | {"files": files, "notices": found.notices})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.box_columns(), found.box_rows())
    if found.complete:
        say_table(found.columns(), found.rows())
    for sentence in found.sentences():
        say(sentence)
    for file in files:
        say(f"written: {file}")


@evaluation_app.command("calibrate-scores")
@with_settings(CalibrationJob, EventEvaluationSettings)
def calibrate_scores(
    *,
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="Name, folder or zip of a network for events.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders of movies with their events as MOVIE_<class>.zip, and result folders of this network with a review.",
        ),
    ],
    name: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Make a copy of a network whose scores are the shares of its events that are right; it finds the same events."""
    from epifiji.jobs.scoring.calibrate import calibrate_scores as run

    with ProgressBar("calibrate scores", silent=as_json) as report:
        found = run(network, sources, name, out, overwrite, report, **settings)
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in found.files]})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.columns(), found.rows())
    say(f"network: {found.folder}")
    for file in found.files:
        say(f"written: {file}")
