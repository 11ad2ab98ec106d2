"""Safe output on the standard streams: they may be closed, have any encoding, or show text from untrusted files."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

READABLE = "epifiji.readable"
"""The encoding error handler that :func:`prepare_streams` sets.

It replaces characters that the output cannot encode.
"""

ASCII_FORMS = {
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


def _replace_unencodable(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    letters = problem.object[problem.start : problem.end]
    escaped = (ASCII_FORMS.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(escaped), problem.end


def prepare_streams() -> None:
    """Open the standard streams that the caller closed, and let all of them accept any text.

    On Windows, standard output that is redirected to a file has an old code page. File names may contain bytes that are
    not valid text.
    """
    codecs.register_error(READABLE, _replace_unencodable)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Otherwise the next file that is opened would get the free number, and what libraries print would go into
            # it.
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def finish_output() -> None:
    """Flush standard output, so that Python reports no error about it at exit."""
    _write(sys.stdout, "")


def say(text: str = "") -> None:
    """Print a line on standard output. If the reader has closed it, nothing happens."""
    _write(sys.stdout, f"{visible(text, lines=True)}\n")


def note(text: str) -> None:
    """Print a line on standard error, separate from the results. If that is impossible, nothing happens."""
    with suppress(OSError):
        _write(sys.stderr, f"{visible(text)}\n")


def _write(stream: TextIO, text: str) -> None:
    with flushed(stream):
        stream.write(text)


@contextmanager
def flushed(stream: TextIO) -> Iterator[None]:
    """Flush what the block writes.

    If the reader has gone, as after `epifiji … | head`, the command continues without it.
    """
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
    except OSError as problem:
        _discard(stream)
        raise OSError(problem.errno, problem.strerror, "the standard output") from problem


def _discard(stream: TextIO) -> None:
    """Discard what a stream still holds and all further output to it."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def plain(text: str) -> str:
    """Remove control characters from untrusted text, so that it cannot move a terminal's cursor or change colours."""
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def visible(text: str, lines: bool = False) -> str:
    """Escape characters that move a terminal's cursor, change its colours, reverse its text or end its line.

    File names and class names come from untrusted files and may contain any character. With `lines`, line ends are
    kept.
    """
    return "".join(letter if is_shown(letter) or (lines and letter == "\n") else _escape(letter) for letter in text)


def is_shown(letter: str) -> bool:
    """Return whether a terminal shows a character as itself."""
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()
