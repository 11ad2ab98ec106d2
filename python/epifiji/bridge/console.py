"""What the command line prints: progress bars, tables, and sentences."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from epifiji.data.events import Event

if TYPE_CHECKING:
    from rich.progress import Progress


WIDE = 200
"""Characters of a table's line, at most, where no terminal shows it."""


def say(text: str = "") -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a line on standard error, beside the result."""
    sys.stderr.write(f"{text}\n")


def plain(text: str) -> str:
    """Take out of a stranger's text what would move a terminal's cursor or colour it."""
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def say_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    say(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    texts = [[str(cell) for cell in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(texts) and all(row[index].replace(".", "").replace("-", "").isdigit() for row in texts)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in texts:
        table.add_row(*row)
    # In a pipe nothing is narrow, and lines that are whole can be searched.
    width = None if sys.stdout.isatty() else WIDE
    Console(file=sys.stdout, highlight=False, width=width).print(table)


def event_rows(events: Iterable[Event]) -> list[list[object]]:
    """Give the rows of a table of events for people: 1-based frames."""
    return [
        [e.event, e.frame + 1, f"{e.y:.1f}", f"{e.x:.1f}", f"{e.score:.2f}", e.volume, "yes" if e.border else ""]
        for e in events
    ]


EVENT_COLUMNS = ("event", "frame", "y", "x", "score", "volume", "at border")


class ProgressBar:
    """A bar on standard error where that is a terminal; silent in a pipe. Used as a report, in a ``with`` block."""

    def __init__(self, title: str, silent: bool = False) -> None:
        self._title, self._silent = title, silent or not sys.stderr.isatty()
        self._progress: Progress | None = None

    def __enter__(self) -> ProgressBar:
        if not self._silent:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=Console(file=sys.stderr), transient=True)
            self._progress.start()
            self._task = self._progress.add_task(self._title, total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, done: float, doing: str) -> None:
        """See :class:`epifiji.data.progress.Report`."""
        if self._progress is not None:
            self._progress.update(self._task, completed=done, description=f"{self._title}: {doing}")
