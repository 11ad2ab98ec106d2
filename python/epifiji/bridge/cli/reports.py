"""The command `report`: results as one HTML file and as PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json
from epifiji.bridge.cli.options import JsonOption, MovieOption, with_settings
from epifiji.bridge.streams import say
from epifiji.data.settings.jobs import ReportJob
from epifiji.data.settings.reports import ReportSettings

reports_app = typer.Typer()


@reports_app.command()
@with_settings(ReportJob, ReportSettings)
def report(
    *,
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT...", help="Result folders, ROI zips or events.csv, or a folder of result folders."
        ),
    ],
    conditions: Path | None,
    out: Path | None,
    movie: MovieOption = None,
    other_movie: bool,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Write a report of results as one HTML file and as PDF: plots, maps, clips, review, methods; several movies are pooled."""
    from epifiji.jobs.reports.write import report as run

    with ProgressBar("report", silent=as_json) as progress:
        files = run(results, out, overwrite, movie, other_movie, conditions, progress, **settings)
    if as_json:
        say_json({"files": [str(file) for file in files]})
        return
    for file in files:
        say(f"written: {file}")
