"""Events as a table of points that napari opens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from epifiji.data.events import Event
from epifiji.files.storage.spreadsheet_cells import write_rows

COLUMNS = ("index", "axis-0", "axis-1", "axis-2", "event", "score", "volume", "border", "raw_score")
"""The number of a point, its position, and properties by which napari can colour it."""


def write_napari(path: Path, events: Iterable[Event]) -> None:
    """Write events as points (frame, y, x), counted from 0, in frames and pixels as in a layer of the movie without a scale."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [COLUMNS])
        # napari reads a column as numbers if all its cells are numbers.
        write_rows(
            file,
            (
                (index, one.frame, one.y, one.x, one.event, one.score, one.volume, int(one.border), one.raw_score)
                for index, one in enumerate(events)
            ),
        )
