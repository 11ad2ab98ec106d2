"""The standard streams: text that every terminal takes, whoever closed them and whichever encoding they have."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    pass


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
    with written_out(stream):
        stream.write(text)


@contextmanager
def written_out(stream: TextIO) -> Iterator[None]:
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
    return "".join(letter if is_shown(letter) or (lines and letter == "\n") else _escape(letter) for letter in text)


def is_shown(letter: str) -> bool:
    """Say whether a terminal shows a letter as itself."""
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()
