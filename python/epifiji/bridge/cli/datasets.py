"""The command line's commands for published datasets: list, fetch, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.datasets import ArchiveSettings, FetchSettings
from epifiji.data.settings.evaluation import EvaluationSettings

if TYPE_CHECKING:
    from epifiji.jobs.datasets import ListedDataset

datasets_app = typer.Typer(
    help="List, download and evaluate on published movies and images with annotations.", no_args_is_help=True
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name from 'epifiji datasets list'.")]
COLUMNS = ["name", "contents", "size", "licence", "DOI"]


@datasets_app.command("list")
@with_settings(ArchiveSettings)
def datasets_list(
    *,
    online: Annotated[bool, typer.Option("--online", help="Ask the archive for sizes and licences.")] = False,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """List the published datasets: what they contain, sizes and licences, what to cite, and published scores."""
    from epifiji.jobs.datasets import PUBLISHED_COLUMNS, list_datasets

    with ProgressBar("datasets", silent=as_json) as report:
        found = list_datasets(online, report, **settings)
    if as_json:
        say_json({"datasets": [one.to_dict() for one in found]})
        return
    say_table(COLUMNS, [_row(one) for one in found])
    for one in found:
        say(f"{one.dataset.name}: cite {one.dataset.citation}")
        if one.folder is not None:
            say(f"  downloaded to {one.folder}")
    scores = [
        [one.dataset.name, score.about, score.value, score.source] for one in found for score in one.dataset.published
    ]
    say_table(["name", *PUBLISHED_COLUMNS], scores)
    if any(one.record is None for one in found):
        note("sizes and licences are known after fetch, or with --online.")


def _row(one: ListedDataset) -> list[str]:
    record = one.record
    size = _size(record.size) if record else "-"
    licence = plain(record.licence) if record and record.licence else "-"
    return [one.dataset.name, one.dataset.description, size, licence, one.dataset.doi]


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


@datasets_app.command("fetch")
@with_settings(FetchSettings)
def datasets_fetch(*, name: NameArgument, as_json: JsonOption = False, settings: dict[str, Any]) -> None:
    """Download a dataset, or the rest of it after an interruption, and check its files."""
    from epifiji.jobs.datasets import fetch_dataset

    with ProgressBar("fetch", silent=as_json) as report:
        found = fetch_dataset(name, report, **settings)
    if as_json:
        files = {"folder": str(found.folder), "files": [str(file) for file in found.files]}
        say_json(files | {"licence": found.record.licence, "doi": found.dataset.doi, "notices": list(found.notices)})
        return
    for notice in found.notices:
        note(plain(notice))
    say(f"{len(found.files)} files, {_size(sum(file.stat().st_size for file in found.files))}: {found.folder}")
    say(f"licence: {plain(found.record.licence) or 'not stated in the archive'}")
    say(f"cite: {found.dataset.citation}, and https://doi.org/{found.dataset.doi}")


@datasets_app.command("evaluate")
@with_settings(EvaluationSettings)
def datasets_evaluate(
    *,
    name: NameArgument,
    networks: Annotated[
        list[str],
        typer.Argument(metavar="NETWORK...", help="Names, folders or zips of networks; several are compared."),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="The dataset's folder, or a part of it. Default: where fetch stores it."
        ),
    ] = None,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Evaluate networks on a downloaded dataset, beside the scores that its authors published."""
    from epifiji.jobs.datasets import PUBLISHED_COLUMNS, evaluate_on_dataset

    with ProgressBar("evaluate", silent=as_json) as report:
        found = evaluate_on_dataset(name, networks, folder, report, **settings)
    if as_json:
        say_json(found.to_dict())
        return
    for notice in found.notices:
        note(plain(notice))
    for place, part in found.parts.items():
        say(f"{plain(place)}:")
        for notice in part.notices:
            note(notice)
        say_table(part.columns(), part.rows())
        say(part.conclusion)
    say_table(PUBLISHED_COLUMNS, found.published_rows())
    say(f"Published scores may be of other parts of the data and other definitions: see {found.dataset.citation}.")
