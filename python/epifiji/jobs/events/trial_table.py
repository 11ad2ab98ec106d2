"""What networks find in a trial, as a table and in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.events import Event
from epifiji.data.paths import path_from
from epifiji.data.settings.base import option_of
from epifiji.files.results.events_table import event_rows
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import require_absent
from epifiji.jobs.events.suggestions import confirmed, suggested_network, suggested_settings
from epifiji.jobs.events.trial import Trial, TriedNetwork

TRIAL = "trial.csv"


def rows_of(
    finds: Iterable[tuple[str, Event]], pixel_size_um: float | None, frame_interval_s: float | None
) -> Iterator[list[str]]:
    """Yield the table's header, then a row for each find: the network, then as in ``events.csv``."""
    finds = list(finds)
    rows = event_rows((event for _, event in finds), pixel_size_um, frame_interval_s)
    yield ["network", *next(rows)]
    for (network, _), row in zip(finds, rows, strict=True):
        yield [network, *row]


def rows_of_trial(trial: Trial) -> list[list[str]]:
    """Return the header and the finds of all networks; see :func:`rows_of`."""
    finds = ((one.name, event) for one in trial.networks for event in one.finds)
    return list(rows_of(finds, trial.movie.pixel_size_um, trial.movie.frame_interval_s))


def described_trial(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain JSON types: its place, finds by network, and suggested settings; frames count from 1.

    ``command`` is the detection with these settings, in the whole movie; None if no network can be used at the place.
    """
    place, movie, network = trial.place, trial.movie, suggested_network(trial)
    chosen = [one for one in trial.networks if network is not None and one.name == network.value]
    suggested = [] if network is None else [network, *suggested_settings(trial, chosen[0])]
    words = ["epifiji", "detect", str(movie.path or movie.name)]
    words += [word for one in suggested if one.value for word in (option_of(one.setting), one.value)]
    if trial.settings.channel is not None:
        words += ["--channel", str(trial.settings.channel)]
    rows = rows_of_trial(trial)
    return {
        "movie": movie.name,
        "place": {
            "x": place.x,
            "y": place.y,
            "width": place.width,
            "height": place.height,
            "frame": place.frame + 1,
            "first_frame": place.first + 1,
            "last_frame": place.stop,
        },
        "cell_diameter": trial.cell_diameter,
        "networks": [_described(one, trial) for one in trial.networks],
        "suggested": [
            {
                "option": option_of(one.setting),
                "value": one.value or None,
                "shown": one.shown,
                "reason": one.reason,
            }
            for one in suggested
        ],
        "command": shlex.join(words) if suggested else None,
        "columns": rows[0],
        "rows": rows[1:],
        "notices": list(trial.notices),
    }


def _described(one: TriedNetwork, trial: Trial) -> dict[str, Any]:
    names = () if one.problem else one.description.events
    return {
        "name": one.name,
        "counts": {name: sum(event.event == name for event in one.finds) for name in names},
        "confirmed": len(confirmed(one, trial.networks)),
        "rescaled": one.rescaled,
        "seconds": round(one.seconds, 1),
        "problem": one.problem,
    }


def require_place(folder: str | Path, overwrite: bool) -> None:
    """Refuse a folder in which ``trial.csv`` cannot be written or would be overwritten.

    Raises
    ------
    WrongInputError
        If so; the message names the file or the folder.
    """
    require_absent(path_from(folder, "the folder to write into"), [TRIAL], overwrite)


def write_trial(folder: str | Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write ``trial.csv`` into a folder, which is made if it does not exist."""
    path = path_from(folder, "the folder to write into") / TRIAL
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, rows)
    return path
