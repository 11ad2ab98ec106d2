"""Cells of tables that spreadsheets show unchanged: names from untrusted sources must not become formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from epifiji.files.storage.atomic import replacing

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Beginning of a text that a spreadsheet would compute (also in full-width letters), perhaps quoted by :func:`cell_of`."""


def write_rows(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Write rows as comma-separated values; texts that begin like a formula are preceded by an apostrophe."""
    csv.writer(file, lineterminator="\n").writerows([cell_of(value) for value in row] for row in rows)


def write_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows into a file as :func:`write_rows` does; it is replaced in one step when they are complete."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, rows)


def cell_of(value: object) -> object:
    """Convert a value to a cell; numbers stay numbers, with their signs."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def text_of(cell: str) -> str:
    """Return the text of a cell, whether :func:`cell_of` or another program wrote it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
