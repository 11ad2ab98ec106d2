"""Events as a table for people and spreadsheets: ``events.csv``."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, wrong_class_name
from epifiji.files.results.result_folder import EVENTS_TABLE, RUN_RECORD, read_record
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import recover
from epifiji.files.storage.spreadsheet_cells import text_of, write_rows

COLUMNS = ("event", "frame", "y", "x", "score", "volume", "border")
"""The columns that every table has, in this order; µm and minutes follow where the scale is known."""

REQUIRED_COLUMNS = COLUMNS[:4]
"""The columns without which a row is no event."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")

MAX_TABLE_BYTES = 200_000_000

_EXAMPLE = ",".join(COLUMNS)


@dataclass(frozen=True)
class _Cell:
    """What a column of numbers holds; `empty` is the value of an empty cell, None where one is refused."""

    expected: str
    low: float
    high: float
    whole: bool = False
    empty: float | None = None


_POSITION = _Cell("a number of pixels with a decimal point", low=-1e9, high=1e9)
_CELLS = {
    "frame": _Cell("a whole number from 1 on", low=1, high=2**31, whole=True),
    "y": _POSITION,
    "x": _POSITION,
    "score": _Cell("a number from 0 to 1 or nothing", low=0, high=1, empty=math.nan),
    "volume": _Cell("a whole number from 0 on or nothing", low=0, high=2**53, whole=True, empty=0),
    "border": _Cell("0, 1 or nothing", low=0, high=1, whole=True, empty=0),
}


def write_events(
    path: Path,
    events: Iterable[Event],
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
) -> None:
    """Write events as comma-separated values in UTF-8, in the order given.

    Columns: `event` (class), `frame` (from 1, as ImageJ shows it), `y` and `x` (pixels, two decimals, integers at
    pixel centres), `score` (0–1, four decimals, empty where nobody computed one), `volume` (voxels), `border`
    (1 where the network saw no whole window), then `y_um`, `x_um` (position times the pixel size) and `time_min`
    (since the first frame), three decimals, where the movie is calibrated. Trailing zeros are left out.

    Parameters
    ----------
    path
        The table; one that exists is replaced, in one step. Without events it has its header alone.
    events
        Any number.
    pixel_size_um
        Side of a pixel in µm, or None where unknown.
    frame_interval_s
        Time between frames in seconds, or None where unknown.
    """
    path = Path(path)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, event_rows(events, pixel_size_um, frame_interval_s))


def event_rows(
    events: Iterable[Event], pixel_size_um: float | None = None, frame_interval_s: float | None = None
) -> Iterator[list[str]]:
    """Give the table's header, then its rows, as :func:`write_events` writes them."""
    yield [*COLUMNS, *(["y_um", "x_um"] if pixel_size_um else []), *(["time_min"] if frame_interval_s else [])]
    for event in events:
        row = [event.event, str(event.frame + 1), _number(event.y, 2), _number(event.x, 2)]
        row += [_number(event.score, 4), str(event.volume), str(int(event.border))]
        if pixel_size_um:
            row += [_number(event.y * pixel_size_um, 3), _number(event.x * pixel_size_um, 3)]
        if frame_interval_s:
            row.append(_number(event.frame * frame_interval_s / 60, 3))
        yield row


def read_events(path: Path) -> list[Event]:
    """Read the events of a table such as :func:`write_events` writes.

    The columns may stand in any order, in small or capital letters; `score`, `volume` and `border` may be absent, and
    columns with other names are passed over, as are empty rows. Positions and scores have the decimals of the table. A
    table that a spreadsheet saved with semicolons, and commas as decimal signs, or with tabs, is read too.

    Raises
    ------
    WrongInputError
        Where the file is missing, no such table, or a cell cannot be an event's; the line is named.
    """
    path = Path(path)
    text, delimiter = _separated(_text(path))
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    events: list[Event] = []
    columns: dict[str, int] | None = None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            cells = [_with_point(cell, delimiter) for cell in row]
            if columns is None:
                columns = _columns(cells, path)
            else:
                events.append(_event(cells, columns, f"{path.name}, line {rows.line_num}"))
    except csv.Error as error:
        raise WrongInputError(
            f"{path.name}, line {rows.line_num}, is not comma-separated values ({error}): "
            f"give a table with the header {_EXAMPLE}."
        ) from None
    if columns is None:
        raise WrongInputError(
            f"{path.name} is empty, but a table with the header {_EXAMPLE} is needed: write it again."
        )
    _require_whole(path, text, events)
    return events


def _require_whole(path: Path, text: str, events: list[Event]) -> None:
    """Refuse a table that was cut: one that ends within its header, or has fewer events than its run found.

    Raises
    ------
    WrongInputError
        Saying how many there are and how many there were.
    """
    is_ended = text.endswith(("\n", "\r"))
    if not events and not is_ended:
        raise WrongInputError(
            f"{path.name} ends within its first line, {text[-80:]!r}, so it was cut: get the table again; where it is "
            "to have no events, end that line."
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
            f"{path} {lacks}, but {RUN_RECORD} beside it says that the run found {kept}: the table was cut or changed. Put it "
            "back, or detect the events again; a table that you changed yourself is read from another folder."
        )


def _recorded_counts(path: Path) -> dict[str, int] | None:
    """Give how many events of each class a run wrote into its table; None where no record says it."""
    if path.name != EVENTS_TABLE:
        return None
    try:
        return read_record(path.parent).counts
    except WrongInputError:
        # Whoever needs the record says what is wrong with it.
        return None


def read_scale(path: Path) -> tuple[float | None, float | None]:
    """Tell pixel size (µm) and frame interval (s) by the columns in µm and minutes of a table of events; None where it has none.

    The cells are rounded, so the row with the largest numbers tells.
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
    """Divide the largest number of one column by that of another in its row."""
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
    """Shortest text of a number rounded to so many decimals; empty for NaN."""
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
        raise WrongInputError(f"{path.name} is no text in UTF-8, {expected}: save it as CSV UTF-8.") from None


def _separated(text: str) -> tuple[str, str]:
    """Give a table's text and what separates its columns, by its header.

    Spreadsheets save semicolons where the comma is the decimal sign; some put a line such as ``sep=;`` first.
    """
    if text[:4].lower() == "sep=":
        # The line stays, empty, so that lines have their numbers.
        text = text[len(text.splitlines()[0]) :]
    header = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in ",;\t":
        if {*REQUIRED_COLUMNS} <= {name.strip(' "').lower() for name in header.split(delimiter)}:
            return text, delimiter
    return text, ","


def _with_point(cell: str, delimiter: str) -> str:
    """Give a number with a decimal comma as one with a decimal point, where the comma separates no columns."""
    return cell.replace(",", ".") if delimiter == ";" and _DECIMAL_COMMA.fullmatch(cell.strip()) else cell


def _columns(header: list[str], path: Path) -> dict[str, int]:
    """Where each column stands."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        raise WrongInputError(
            f"{path.name} begins with {','.join(header)[:80]!r} and lacks the column {missing[0]}, but the header "
            f"{_EXAMPLE} is needed, separated by commas: write the table again or rename its columns."
        )
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise WrongInputError(f"{path.name} has the column {twice[0]} twice, but one is needed: remove the other.")
    return {name: names.index(name) for name in names}


def _event(row: list[str], columns: dict[str, int], where: str) -> Event:
    """Event of one row."""
    if len(row) != len(columns):
        raise WrongInputError(
            f"{where}, has {len(row)} cells, but the header has {len(columns)} columns: give each column one cell."
        )
    cells = {name: row[column].strip() for name, column in columns.items()}
    cells["event"] = text_of(cells["event"])
    if not cells["event"]:
        raise WrongInputError(f"{where}, has no class in the column event, but every event needs one: name it.")
    if wrong := wrong_class_name(cells["event"]):
        raise WrongInputError(f"{where}, cannot be used, as {wrong}: correct the cell.")
    values = {name: _value(name, cells.get(name, ""), where) for name in _CELLS}
    return Event(
        event=cells["event"],
        frame=int(values["frame"]) - 1,
        y=values["y"],
        x=values["x"],
        score=values["score"],
        volume=int(values["volume"]),
        border=bool(values["border"]),
    )


def _value(name: str, text: str, where: str) -> float:
    """Number in a cell, refused where the column cannot hold it."""
    cell = _CELLS[name]
    if not text and cell.empty is not None:
        return cell.empty
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (cell.low <= value <= cell.high) or (cell.whole and not value.is_integer()):
        raise WrongInputError(f"{where}, has {text!r} as {name}, but {cell.expected} is needed: correct the cell.")
    return value
