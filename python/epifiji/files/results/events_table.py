"""Tables of events for people and spreadsheets: ``events.csv``."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import AS_SCORE, Event, wrong_class_name
from epifiji.data.record import RunRecord
from epifiji.files.results.result_folder import EVENTS_TABLE, RUN_RECORD, read_record
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.journals import recover
from epifiji.files.storage.spreadsheet_cells import text_of, write_table

COLUMNS = ("event", "frame", "y", "x", "score", "volume", "border", "raw_score")
"""The columns that every table has, in this order; µm and minutes follow if the scale is known."""

REQUIRED_COLUMNS = COLUMNS[:4]
"""The columns that every event needs."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")

MAX_TABLE_BYTES = 200_000_000

KEPT_CHARACTERS = 5_000_000
"""The events of a larger table are not kept for the next time that it is read."""

_EXAMPLE = ",".join(COLUMNS)


@dataclass(frozen=True)
class _Cell:
    """Content of a column of numbers; `empty` is the value of an empty cell, None if it is refused."""

    expected: str
    low: float
    high: float
    whole: bool = False
    empty: float | None = None


_POSITION = _Cell("a number of pixels with a decimal point", low=-1e9, high=1e9)
_CELLS = {
    "frame": _Cell("a whole number of at least 1", low=1, high=2**31, whole=True),
    "y": _POSITION,
    "x": _POSITION,
    "score": _Cell("a number from 0 to 1 or nothing", low=0, high=1, empty=math.nan),
    "volume": _Cell("a whole number of at least 0 or nothing", low=0, high=2**53, whole=True, empty=0),
    "border": _Cell("0, 1 or nothing", low=0, high=1, whole=True, empty=0),
    "raw_score": _Cell("a number from 0 to 1 or nothing", low=0, high=1, empty=math.nan),
}


def write_events(
    path: Path,
    events: Iterable[Event],
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
) -> None:
    """Write events as comma-separated values in UTF-8, in their order.

    Columns: `event` (class), `frame` (from 1, as ImageJ shows it), `y` and `x` (pixels, two decimals, integers at pixel
    centres), `score` (0–1, four decimals, empty if there is none), `volume` (voxels), `border` (1 if the network saw no
    whole window), `raw_score` (mean probability, as `score`). If the movie is calibrated, then `y_um`, `x_um` (position
    times the pixel size) and `time_min` (since the first frame) with three decimals. Trailing zeros are left out.

    Parameters
    ----------
    path
        The table; an existing one is replaced, in one step. Without events it has only its header.
    events
        Any number.
    pixel_size_um
        Side of a pixel in µm, or None if unknown.
    frame_interval_s
        Time between frames in seconds, or None if unknown.
    """
    write_table(Path(path), event_rows(events, pixel_size_um, frame_interval_s))


def event_rows(
    events: Iterable[Event], pixel_size_um: float | None = None, frame_interval_s: float | None = None
) -> Iterator[list[str]]:
    """Yield the table's header, then its rows, as :func:`write_events` writes them."""
    yield [*COLUMNS, *(["y_um", "x_um"] if pixel_size_um else []), *(["time_min"] if frame_interval_s else [])]
    for event in events:
        row = [event.event, str(event.frame + 1), _number(event.y, 2), _number(event.x, 2)]
        row += [_number(event.score, 4), str(event.volume), str(int(event.border)), _number(event.raw_score, 4)]
        if pixel_size_um:
            row += [_number(event.y * pixel_size_um, 3), _number(event.x * pixel_size_um, 3)]
        if frame_interval_s:
            row.append(_number(event.frame * frame_interval_s / 60, 3))
        yield row


def read_events(path: Path) -> list[Event]:
    """Read the events of a table as :func:`write_events` writes it.

    The columns may be in any order, in lower or upper case. `score`, `volume`, `border` and `raw_score` may be absent;
    without the last, as in tables of earlier versions, scores are raw, unless the record next to the table says that they
    were calibrated; then raw ones are not known (NaN). Columns with other names and empty rows are ignored. Positions and
    scores have the decimals of the table. Tables that a spreadsheet saved with semicolons and decimal commas, or with
    tabs, are read too.

    Raises
    ------
    WrongInputError
        If the file is missing, is not such a table, or a cell has an invalid value; the message names the line.
    """
    path = Path(path)
    text = _text(path)
    events = (_last_events_in if len(text) <= KEPT_CHARACTERS else _events_in)(path.name, text)
    _require_whole(path, text, events)
    maps = _maps_of_scores(path, text)
    return [replace(one, raw_score=math.nan) if one.event in maps else one for one in events] if maps else list(events)


def _events_in(name: str, text: str) -> tuple[Event, ...]:
    """Read the events of a table's text; the name of its file is for messages."""
    text, delimiter = _separated(text)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    events: list[Event] = []
    columns: dict[str, int] | None = None
    try:
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            cells = [_with_point(cell, delimiter) for cell in row] if delimiter == ";" else row
            if columns is None:
                columns = _columns(cells, name)
                places = [columns.get(column) for column in COLUMNS]
            elif len(cells) != len(columns):
                raise WrongInputError(
                    f"{name}, line {rows.line_num}, has {len(cells)} cells, but the header has {len(columns)} columns: "
                    "give each column one cell."
                )
            else:
                texts = ["" if place is None else cells[place].strip() for place in places]
                try:
                    events.append(_event(texts, "raw_score" in columns))
                except ValueError as error:
                    raise WrongInputError(f"{name}, line {rows.line_num}, {error}") from None
    except csv.Error as error:
        raise WrongInputError(
            f"{name}, line {rows.line_num}, is not comma-separated values ({error}): "
            f"use a table with the header {_EXAMPLE}."
        ) from None
    if columns is None:
        raise WrongInputError(f"{name} is empty, but a table with the header {_EXAMPLE} is needed: write it again.")
    return tuple(events)


_last_events_in = lru_cache(maxsize=1)(_events_in)
"""The same text is often read by several jobs in turn, and in Fiji the user waits for it."""


def _require_whole(path: Path, text: str, events: Sequence[Event]) -> None:
    """Refuse a truncated table: one that ends within its header, or has fewer events than its run found.

    Raises
    ------
    WrongInputError
        If it is truncated; the message has the number of events, and the recorded number.
    """
    is_ended = text.endswith(("\n", "\r"))
    if not events and not is_ended:
        raise WrongInputError(
            f"{path.name} ends within its first line, {text[-80:]!r}, so it was truncated: get the table again; if it "
            "is to have no events, end that line."
        )
    counts = _recorded_counts(path)
    if counts is None:
        return
    found = Counter(event.event for event in events)
    fewer = next((name for name, count in counts.items() if found[name] < count), None)
    if fewer is not None or not is_ended:
        lacks = f"has {found[fewer]} events of {fewer}" if fewer is not None else "ends within its last line"
        kept = f"{counts[fewer]}" if fewer is not None else f"{sum(counts.values())} whole lines"
        raise WrongInputError(
            f"{path} {lacks}, but according to {RUN_RECORD} next to it the run found {kept}: the table was truncated "
            "or changed. Restore it, or detect the events again; move a table that you changed yourself to another "
            "folder."
        )


def _maps_of_scores(path: Path, text: str) -> Collection[str]:
    """Return the classes whose scores a run calibrated, if their raw scores were removed from its table."""
    beginning, delimiter = _separated(text[:10_000])
    if "raw_score" in _names(_header(beginning), delimiter):
        return ()
    record = _record_beside(path)
    return () if record is None or record.settings.mode == "compatible" else record.network.calibration.keys()


def _recorded_counts(path: Path) -> dict[str, int] | None:
    """Return how many events of each class a run wrote into its table; None if no record contains it."""
    record = _record_beside(path)
    return None if record is None else record.counts


def _record_beside(path: Path) -> RunRecord | None:
    """Return the record of the run that wrote a table; None if the table has another name, or the record is not valid."""
    if path.name != EVENTS_TABLE:
        return None
    try:
        return read_record(path.parent)
    except WrongInputError:
        # Code that needs the record reports what is wrong with it.
        return None


def read_scale(path: Path) -> tuple[float | None, float | None]:
    """Return pixel size (µm) and frame interval (s) from a table's columns in µm and minutes; None if it lacks them.

    The cells are rounded, so the row with the largest numbers is used.
    """
    text, delimiter = _separated(_text(Path(path)))
    rows = [
        {
            name: _with_point(cell, delimiter)
            for name, cell in row.items()
            if isinstance(name, str) and isinstance(cell, str)
        }
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    ]
    return _scale(rows, "y_um", "y"), _scale(rows, "time_min", "frame", offset=1, factor=60)


def _scale(rows: list[dict[str, str]], scaled: str, plain: str, offset: int = 0, factor: int = 1) -> float | None:
    """Divide the largest number of one column by that of another in the same row."""
    pairs = []
    for row in rows:
        try:
            pairs.append((float(row[scaled]), float(row[plain]) - offset))
        except (KeyError, TypeError, ValueError):
            continue
    above, below = max(pairs, default=(0.0, 0.0))
    scale = factor * above / below if below > 0 else 0.0
    return scale if math.isfinite(scale) and scale > 0 else None


def _number(value: float, decimals: int) -> str:
    """Return the shortest text of a number rounded to this number of decimals; empty for NaN."""
    if math.isnan(value):
        return ""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _text(path: Path) -> str:
    """Read a whole file as text."""
    expected = "but a table of events such as events.csv is needed"
    recover(path.parent)
    require_ordinary(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TABLE_BYTES + 1)
    except FileNotFoundError:
        raise WrongInputError(f"{path} does not exist, {expected}: check the path.") from None
    except OSError as error:
        reason = error.strerror or error
        raise WrongInputError(f"{path} cannot be read ({reason}), {expected}: check the path.") from None
    if len(data) > MAX_TABLE_BYTES:
        raise WrongInputError(f"{path.name} has more than {MAX_TABLE_BYTES} bytes, {expected}: split it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongInputError(f"{path.name} is not text in UTF-8, {expected}: save it as CSV UTF-8.") from None


def _separated(text: str) -> tuple[str, str]:
    """Return a table's text and the separator of its columns, according to its header.

    Spreadsheets save semicolons if the comma is the decimal sign; some put a line such as ``sep=;`` first.
    """
    if text[:4].lower() == "sep=":
        # The line is kept, empty, so that line numbers are right.
        text = text[len(text.splitlines()[0]) :]
    header = _header(text)
    for delimiter in ",;\t":
        if {*REQUIRED_COLUMNS} <= _names(header, delimiter):
            return text, delimiter
    return text, ","


def _header(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _names(header: str, delimiter: str) -> set[str]:
    """Return the names of the columns in a header."""
    return {name.strip(' "').lower() for name in header.split(delimiter)}


def _with_point(cell: str, delimiter: str) -> str:
    """Replace a number's decimal comma by a decimal point, unless the comma separates columns."""
    return cell.replace(",", ".") if delimiter == ";" and _DECIMAL_COMMA.fullmatch(cell.strip()) else cell


def _columns(header: list[str], name: str) -> dict[str, int]:
    """Return the index of each column."""
    names = [cell.strip().lower() for cell in header]
    missing = [column for column in REQUIRED_COLUMNS if column not in names]
    if missing:
        raise WrongInputError(
            f"{name} begins with {','.join(header)[:80]!r} and lacks the column {missing[0]}, but the header "
            f"{_EXAMPLE} is needed, separated by commas: write the table again or rename its columns."
        )
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if twice:
        raise WrongInputError(f"{name} has the column {twice[0]} twice, but one is needed: remove the other.")
    return {column: names.index(column) for column in names}


def _event(cells: Sequence[str], raw_known: bool) -> Event:
    """Return the event of the cells of one row, which are those of `COLUMNS`; a ValueError says which cell is wrong."""
    event, frame, y, x, score, volume, border, raw = cells
    if wrong := _wrong_class(event):
        raise ValueError(wrong)
    return Event(
        event=text_of(event),
        frame=int(_value("frame", frame)) - 1,
        y=_value("y", y),
        x=_value("x", x),
        score=_value("score", score),
        volume=int(_value("volume", volume)),
        border=bool(_value("border", border)),
        raw_score=_value("raw_score", raw) if raw_known else AS_SCORE,
    )


@lru_cache(maxsize=1000)
def _wrong_class(cell: str) -> str:
    """Return what is wrong with a cell of the column event; an empty text if nothing is."""
    name = text_of(cell)
    if not name:
        return "has no class in the column event, but every event needs one: name it."
    wrong = wrong_class_name(name)
    return f"cannot be used, as {wrong}: correct the cell." if wrong else ""


def _value(name: str, text: str) -> float:
    """Return the number in a cell; a ValueError says why the column cannot have it."""
    cell = _CELLS[name]
    if not text and cell.empty is not None:
        return cell.empty
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (cell.low <= value <= cell.high) or (cell.whole and not value.is_integer()):
        raise ValueError(f"has {text!r} as {name}, but {cell.expected} is needed: correct the cell.")
    return value
