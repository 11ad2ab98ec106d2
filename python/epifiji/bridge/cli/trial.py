"""The command that tries networks at one place of a movie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.jobs import TrialJob
from epifiji.data.settings.trial import TrialSettings

trial_app = typer.Typer()


@trial_app.command("try")
@with_settings(TrialSettings, TrialJob)
def try_networks(
    *,
    movie: Annotated[str, typer.Argument(metavar="MOVIE", help="A movie, as for epifiji detect.")],
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Try networks at one place of a movie, in a few frames: what each finds, and suggested settings with reasons."""
    from epifiji.jobs.events.trial import try_networks as run
    from epifiji.jobs.events.trial_table import described_trial, require_place, write_trial

    if out is not None:
        require_place(out, overwrite)
    with ProgressBar("try", silent=as_json) as report:
        trial = run(movie, report=report, **settings)
    found = described_trial(trial)
    rows = [found["columns"], *found["rows"]]
    file = None if out is None else str(write_trial(out, rows))
    if as_json:
        events = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        say_json(
            {key: found[key] for key in found if key not in ("columns", "rows")} | {"events": events, "file": file}
        )
        return
    for notice in found["notices"]:
        note(notice)
    place = found["place"]
    size, corner = f"{place['width']} x {place['height']} px", f"x = {place['x']}, y = {place['y']}"
    frames = f"frames {place['first_frame']} to {place['last_frame']}"
    say(f"{plain(found['movie'])}: {size} at {corner}, {frames}")
    classes = list(dict.fromkeys(name for one in found["networks"] for name in one["counts"]))
    table = [
        [one["name"], *(one["counts"].get(name, "") for name in classes), f"{one['seconds']:.1f}", one["problem"]]
        for one in found["networks"]
    ]
    problems = any(one["problem"] for one in found["networks"])
    say_table(
        ["network", *classes, "seconds", *(["problem"] * problems)], table if problems else [row[:-1] for row in table]
    )
    for one in found["suggested"]:
        say(plain(f"{one['option']}: {one['shown']}. {one['reason']}"))
    if found["command"]:
        say(plain(f"Then: {found['command']}"))
    if file is not None:
        say(f"written: {file}")
