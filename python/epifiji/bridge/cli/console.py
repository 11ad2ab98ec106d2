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
from epifiji.bridge.streams import flushed, is_shown, say, visible

WIDE = 200
"""The greatest width of a table in characters if standard output is not a terminal."""


def say_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object.

    JSON is UTF-8 by definition; if standard output has another encoding, only ASCII is printed.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").replace("_", "")
    text = json.dumps(value, ensure_ascii=encoding != "utf8", allow_nan=False, indent=2)
    # Only strings contain such characters, and in strings JSON allows any character as an escape.
    say("".join(one if is_shown(one) or one == "\n" else json.dumps(one)[1:-1] for one in text))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    texts = [[visible(str(cell)) for cell in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(texts) and all(row[index].replace(".", "").replace("-", "").isdigit() for row in texts)
        table.add_column(Text(visible(column)), justify="right" if numeric else "left", overflow="fold")
    for row in texts:
        # As Text: in plain strings rich interprets brackets.
        table.add_row(*map(Text, row))
    # A pipe has no width, and unbroken lines can be searched.
    width = None if sys.stdout.isatty() else WIDE
    with flushed(sys.stdout):
        Console(file=sys.stdout, highlight=False, width=width).print(table)


def event_rows(events: Iterable[Event]) -> list[list[object]]:
    """Return the rows of an event table; frames count from 1."""
    return [
        [e.event, e.frame + 1, f"{e.y:.1f}", f"{e.x:.1f}", f"{e.score:.2f}", e.volume, "yes" if e.border else ""]
        for e in events
    ]


EVENT_COLUMNS = ("event", "frame", "y", "x", "score", "volume", "at border")


class ProgressBar:
    """A progress bar on standard error; silent if that is not a terminal. Used as a report, in a ``with`` block."""

    def __init__(self, title: str, silent: bool = False) -> None:
        self._title, self._silent = visible(title), silent or not sys.stderr.isatty()
        self._progress: Progress | None = None

    def __enter__(self) -> ProgressBar:
        if not self._silent:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
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
            self._progress.update(self._task, completed=done, description=f"{self._title}: {visible(doing)}")
