"""The command on the results of many movies together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import say_json
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.comparison import PoolSettings
from epifiji.data.settings.jobs import PoolJob

pool_app = typer.Typer()


@pool_app.command()
@with_settings(PoolJob, PoolSettings)
def pool(
    *,
    results: Annotated[
        list[str], typer.Argument(metavar="RESULTS...", help="Result folders, or folders that contain them.")
    ],
    conditions: Path | None,
    out: Path,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Pool the events of many movies: counts and rates of each movie, and a test of conditions that has movies as its unit."""
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.events.pooled import FILES, pool_results

    require_absent(out, FILES, overwrite)
    found = pool_results(results, conditions, **settings)
    files = found.save(out, overwrite)
    if as_json:
        rows = {"movies": list(found.rows()), "conditions": list(found.condition_rows())}
        say_json(rows | {"files": [str(file) for file in files], "notices": list(found.notices)})
        return
    for notice in found.notices:
        note(notice)
    for event in found.classes:
        say(f"{plain(event)}: {plain(found.in_words(event))}")
    say(f"written: {out}")
