"""Tables of the conditions of movies."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.spreadsheet_cells import text_of

COLUMNS = ("movie", "condition")
MOST_BYTES = 10_000_000


def read_conditions(path: Path) -> dict[str, str]:
    """Read a table with the columns `movie` and `condition`, separated by commas, semicolons or tabs.

    Raises
    ------
    WrongInputError
        If it cannot be read, lacks a column, or names a movie twice with different conditions.
    """
    expected = "but a table with the columns movie and condition is needed"
    require_ordinary(path)
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text in UTF-8"
        raise WrongInputError(f"{path} cannot be read ({reason}), {expected}: check the path.") from problem
    header = text.partition("\n")[0]
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count)))
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if not set(COLUMNS) <= set(names):
        raise WrongInputError(f"{path} begins with {header.strip()[:60]!r}, {expected}: add them.")
    at = [names.index(name) for name in COLUMNS]
    found: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [text_of(row[i].strip()) if i < len(row) else "" for i in at]
        if not any(cells):
            continue
        movie, condition = cells
        if not movie or not condition or found.get(movie, condition) != condition:
            raise WrongInputError(
                f"{path}, line {number}, has movie {movie!r} and condition {condition!r}, but each movie has one condition: "
                "correct the line."
            )
        found[movie] = condition
    return found


def condition_of(conditions: Mapping[str, str] | None, folder: Path, movie: str) -> str:
    """Return the condition of a movie, by its name or that of its result folder; without conditions the parent folder's name.

    Raises
    ------
    WrongInputError
        If there are conditions, but none of this movie.
    """
    if conditions is None:
        return folder.resolve().parent.name or "all"
    for name in (movie, folder.name, str(folder)):
        if name in conditions:
            return conditions[name]
    raise WrongInputError(
        f"{movie} ({folder}) is not in the table of conditions, but each movie needs one: add a line with its name."
    )
