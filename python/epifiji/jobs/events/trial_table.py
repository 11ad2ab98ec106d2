"""The table of what networks find in a trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from epifiji.data.events import Event
from epifiji.data.paths import path_from
from epifiji.files.results.events_table import event_rows
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import require_absent

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
