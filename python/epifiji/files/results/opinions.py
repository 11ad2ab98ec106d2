"""Second opinions on events, read from the table of a measurement of the cells around them."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import get_args

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, wrong_class_name
from epifiji.data.opinions import Opinion, Verdict
from epifiji.files.results.cells_around import EVENTS_TABLE, default_folder
from epifiji.files.results.places import folder_of
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.journals import recover

OPINION, REASON, REMAINING = "second opinion", "reason", "remaining area"
"""Columns of the table; measurements of earlier versions lack them."""

MAX_TABLE_BYTES = 200_000_000


def opinions_file(place: Path) -> Path:
    """Return the table with the second opinions on the events of a result folder, or of a file in it."""
    return default_folder(place) / EVENTS_TABLE


def read_opinions(place: Path) -> list[tuple[Event, Opinion]]:
    """Read the second opinions on the events of a result folder, or of a file in it.

    Returns
    -------
    list of (Event, Opinion)
        Each with the event as it was measured. Empty if the cells around the events were not measured, or by a version
        without second opinions.

    Raises
    ------
    WrongInputError
        If the table of the measurement cannot be read.
    """
    path = opinions_file(place)
    if path.parent.is_dir():
        recover(path.parent)
    if not path.exists():
        return []
    require_ordinary(path)
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise _wrong(path, "it is larger than any such table")
    try:
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        return [_read(row) for row in rows if row.get(OPINION)]
    except (KeyError, TypeError, ValueError, csv.Error) as problem:
        raise _wrong(path, str(problem)) from problem


def require_opinions(place: Path) -> list[tuple[Event, Opinion]]:
    """Read second opinions as :func:`read_opinions` does, and refuse results that have none.

    Raises
    ------
    WrongInputError
        Also if there are none.
    """
    found = read_opinions(place)
    if not found:
        raise WrongInputError(
            f"Events are sorted by whether the cells around them disagree, but {folder_of(place)} has no measurement with second "
            f"opinions: run 'epifiji cells {folder_of(place)}' first."
        )
    return found


def opinion_columns(opinion: Opinion | None) -> dict[str, str | float | None]:
    """Return the columns of an event in the table; empty ones if there is no opinion."""
    if opinion is None:
        return dict.fromkeys((OPINION, REASON, REMAINING))
    area = None if math.isnan(opinion.remaining_area) else opinion.remaining_area
    return {OPINION: opinion.verdict, REASON: opinion.reason, REMAINING: area}


def _read(row: dict[str, str]) -> tuple[Event, Opinion]:
    """Read a row; raises KeyError, TypeError or ValueError if a cell is wrong."""
    verdict = next((one for one in get_args(Verdict) if one == row[OPINION]), None)
    frame, y, x = int(row["frame"]) - 1, float(row["y"]), float(row["x"])
    area = float(row[REMAINING]) if row[REMAINING] else math.nan
    if verdict is None or wrong_class_name(row["event"]) or not (math.isfinite(y) and math.isfinite(x)):
        raise ValueError(f"the second opinion on event {row['number']} is {row[OPINION]!r}")
    return Event(row["event"], frame, y, x), Opinion(verdict, row[REASON], area)


def _wrong(path: Path, problem: str) -> WrongInputError:
    return WrongInputError(f"{path} cannot be read ({problem}): measure the cells again.")
