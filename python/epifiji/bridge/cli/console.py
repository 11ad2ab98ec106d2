"""What the command line prints: progress bars, tables, and sentences."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from epifiji.data.events import Event

if TYPE_CHECKING:
    from rich.progress import Progress


WIDE = 200
"""Characters of a table's line, at most, where no terminal shows it."""


READABLE = "epifiji.readable"
"""The error handler of encodings that :func:`prepare_streams` sets: it replaces a character that the output cannot hold."""

STAND_INS = {
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "×": "x",
    "µ": "u",
    "μ": "u",
    "²": "2",
    "³": "3",
    "±": "+-",
    "°": " deg",
}


def _readable(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    letters = problem.object[problem.start : problem.end]
    escaped = (STAND_INS.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(escaped), problem.end


def prepare_streams() -> None:
    """Make the standard streams exist and take every text, whatever the caller closed and whichever encoding it chose.

    Standard output on Windows is in an old code page where it goes into a file, and file names may hold bytes that are no text.
    """
    codecs.register_error(READABLE, _readable)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Whatever opens a file next would get the free number, and what a library prints would go into that file.
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def finish_output() -> None:
    """Write out what standard output still holds, so that Python finds nothing to complain about when it ends."""
    _write(sys.stdout, "")


def say(text: str = "") -> None:
    """Print a line on standard output; nothing happens where nobody reads it any more."""
    _write(sys.stdout, f"{visible(text, lines=True)}\n")


def note(text: str) -> None:
    """Print a line on standard error, beside the result; nothing happens where that is impossible."""
    with suppress(OSError):
        _write(sys.stderr, f"{visible(text)}\n")


def _write(stream: TextIO, text: str) -> None:
    with _written_out(stream):
        stream.write(text)


@contextmanager
def _written_out(stream: TextIO) -> Iterator[None]:
    """Write out what the block writes; where the reader has gone, as after `epifiji … | head`, the command goes on without."""
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
    except OSError as problem:
        _discard(stream)
        raise OSError(problem.errno, problem.strerror, "the standard output") from problem


def _discard(stream: TextIO) -> None:
    """Let what a stream holds, and what comes, go nowhere."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def plain(text: str) -> str:
    """Take out of a stranger's text what would move a terminal's cursor or colour it."""
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def visible(text: str, lines: bool = False) -> str:
    """Show as escapes what would move a terminal's cursor, colour it, turn its text around or end its line.

    File names and classes may come from anyone, and have any letters in them. With `lines`, ends of lines stay.
    """
    return "".join(letter if _is_shown(letter) or (lines and letter == "\n") else _escape(letter) for letter in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()


def say_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; in ASCII where standard output is not in UTF-8, which JSON is by definition."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").replace("_", "")
    text = json.dumps(value, ensure_ascii=encoding != "utf8", allow_nan=False, indent=2)
    # Only texts have such letters, and there JSON may write any letter as an escape.
    say("".join(one if _is_shown(one) or one == "\n" else json.dumps(one)[1:-1] for one in text))


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
        # As they are: in rich's own texts, brackets have a meaning.
        table.add_row(*map(Text, row))
    # In a pipe nothing is narrow, and lines that are whole can be searched.
    width = None if sys.stdout.isatty() else WIDE
    with _written_out(sys.stdout):
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
