"""Reviews as files: ``review.csv``, written after every decision, and the results of a review."""

from __future__ import annotations

import csv
import io
import math
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote
from weakref import WeakKeyDictionary

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class, colour_of, same_events, wrong_class_name
from epifiji.data.palette import GREY
from epifiji.data.review import DECISIONS, Action, Item, Review
from epifiji.data.stack_layout import StackLayout
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.result_folder import EVENTS_TABLE, roi_file, roi_files
from epifiji.files.rois.roi_files import NOTHING, write_rois
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import recover
from epifiji.files.storage.spreadsheet_cells import text_of, write_rows
from epifiji.files.storage.writable import new_files, require_absent

REVIEW = "review.csv"
REVIEWED = "reviewed"
"""Name of the folder for the results of a review, next to its file."""

COLUMNS = (
    "number",
    "of",
    "event",
    "frame",
    "y",
    "x",
    "score",
    "raw_score",
    "decision",
    "class",
    "new_frame",
    "new_y",
    "new_x",
    "seconds",
    "source",
    "history",
)
COLUMNS_BEFORE = tuple(
    tuple(name for name in COLUMNS if name not in left_out) for left_out in (["raw_score"], ["raw_score", "of"])
)
"""Columns of reviews by earlier versions: without raw scores, and without the number of events."""

SOURCES = ("detected", "added")
MAX_BYTES = 200_000_000
NO_COLOUR = GREY
_STEP = re.compile(r"([0-9]{1,9}):([a-z]+)(?:=([^ ]*))?@([0-9]{1,15}(?:\.[0-9]+)?)", re.ASCII)


def write_review(path: Path, review: Review) -> None:
    """Write a review as comma-separated values in UTF-8, in one step.

    There is one row per event: its number (from 1) and the number of events, so that a truncated file is recognised;
    class, frame (from 1), y, x and both scores as detected (empty for an added event); the decision (``keep``, ``reject``,
    ``skip`` or empty); the current class and position; the seconds spent on it; ``detected`` or ``added``; and the
    history: all actions on it, each as ``number:what=value@seconds``, where the number counts all actions of the
    review.
    """
    lines = _lines(review)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        file.writelines(lines)


_written: WeakKeyDictionary[Review, list[tuple[Item, str]]] = WeakKeyDictionary()
"""For each review and event the state written last, and its line without numbers: most do not change."""


def _lines(review: Review) -> list[str]:
    before, items = _written.get(review, []), review.items
    after = before[: len(items)]
    # Every action makes a new state, and undoing it restores the identical earlier one, with the actions that led to it.
    other = [index for index, (item, line) in enumerate(zip(items, after, strict=False)) if line[0] is not item]
    other += range(len(after), len(items))
    # One pass over all actions, however many events changed: a review of 20,000 events has at least as many actions.
    histories: dict[int, list[str]] = {index: [] for index in other}
    for number, action in enumerate(review.actions, start=1):
        if action.item in histories:
            histories[action.item].append(_step(number, action))
    for index in other:
        item = items[index]
        after[index : index + 1] = [(item, _line([*_row(item), " ".join(histories[index])]))]
    _written[review] = after
    # An added event changes the number of events, and so every line.
    return [f"{number},{len(after)},{line}" for number, (_, line) in enumerate(after, start=1)]


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    write_rows(text, [cells])
    return text.getvalue()


def _row(item: Item) -> list[str]:
    known = item.detected
    now = item.event
    before = [""] * 6
    if known is not None:
        scores = ["" if math.isnan(score) else repr(score) for score in (known.score, known.raw_score)]
        before = [known.event, str(known.frame + 1), repr(known.y), repr(known.x), *scores]
    after = [item.decision, now.event, str(now.frame + 1), f"{now.y:.2f}", f"{now.x:.2f}"]
    return [*before, *after, f"{item.seconds:.2f}", "detected" if known is not None else "added"]


def _step(number: int, action: Action) -> str:
    value = ""
    if action.event is not None:
        place = f"{action.event.frame + 1}/{action.event.y!r}/{action.event.x!r}"
        name = quote(action.event.event, safe="")
        value = "=" + {"class": name, "move": place, "add": f"{place}/{name}"}[action.what]
    return f"{number}:{action.what}{value}@{action.seconds:.2f}"


def read_review(path: Path) -> Review:
    """Read a review, including all actions that can be undone.

    Raises
    ------
    WrongInputError
        If the file is missing or not a review; the message names the line.
    """
    rows = _rows(path)
    events: list[Event] = []
    steps: list[tuple[int, int, str, str, float]] = []
    for line, row in enumerate(rows, start=2):
        where = f"{path.name}, line {line}"
        if row["source"] not in SOURCES or row["number"] != str(line - 1):
            raise WrongInputError(
                f"{where}, has the number {row['number']!r} and the source {row['source']!r}, but the number {line - 1} and "
                f"{' or '.join(SOURCES)} are expected: restore the file as it was."
            )
        if row["source"] == "detected":
            events.append(_event(row, where))
        for step in row["history"].split():
            match = _STEP.fullmatch(step)
            if match is None:
                raise WrongInputError(
                    f"{where}, has the step {step!r}, which no review writes: restore the file as it was."
                )
            number, what, value, seconds = match.groups()
            steps.append((int(number), line - 2, what, value or "", float(seconds)))
    review = Review(events)
    for expected, (number, item, what, value, seconds) in enumerate(sorted(steps), start=1):
        if number != expected:
            raise WrongInputError(f"{path.name} lacks the step {expected} of the review: restore the file as it was.")
        review.do(Action(item, what, _changed(review, item, what, value, path.name), seconds))
    _require_same(review, rows, path.name)
    return review


def review_of_results(path: Path) -> Review:
    """Read a review of results: of the events in the table next to it, if there is one.

    Raises
    ------
    WrongInputError
        Also if these are other events, for example because they were detected again since. A review of some classes alone is
        compared with these.
    """
    review, table = read_review(path), path.parent / EVENTS_TABLE
    if not table.is_file():
        return review
    classes = {event.event for event in review.detected}
    events = [event for event in read_events(table) if event.event in classes]
    if not same_events(review.detected, events):
        raise WrongInputError(
            f"{path} is the review of {len(review.detected)} other events than the {len(events)} in {EVENTS_TABLE} next to it, "
            f"for example because they were detected again since: move it and the folder {REVIEWED} away and review the new "
            "events, or restore those that were reviewed."
        )
    return review


def finished_results(place: Path, review: Review) -> Path | None:
    """Return the folder with the results of a finished review of a result folder; None if it is not finished.

    Raises
    ------
    WrongInputError
        If the review has decided otherwise since.
    """
    table = place / REVIEWED / EVENTS_TABLE
    if not table.is_file():
        return None
    written, kept = read_events(table), review.kept()
    if not same_events(written, kept):
        raise WrongInputError(
            f"{table} has {len(written)} events, but the review in {place / REVIEW} has changed since, and now keeps "
            f"{len(kept)}: open the review again and finish it, or call epifiji.finish_review."
        )
    return place / REVIEWED


def _require_same(review: Review, rows: list[dict[str, str]], name: str) -> None:
    """Refuse a file whose columns do not agree with its history, because somebody edited one of them."""
    items = review.items
    for line, row in enumerate(rows, start=2):
        item = items[line - 2] if line - 2 < len(items) else None
        if item is None:
            raise WrongInputError(
                f"{name}, line {line}, has no event that its history added: restore the file as it was."
            )
        for column, came, expected in (
            ("decision", row["decision"], item.decision),
            ("class", row["class"], item.event.event),
        ):
            if came != expected:
                raise WrongInputError(
                    f"{name}, line {line}, has the {column} {came!r}, but its history leads to {expected!r}: restore the file "
                    "as it was, and change decisions in the review's window, which updates both."
                )


def _rows(path: Path) -> list[dict[str, str]]:
    recover(path.parent)
    require_ordinary(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WrongInputError(f"{path} has more than {MAX_BYTES} bytes, but a review has less: check the path.")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise WrongInputError(f"{path} does not exist, but a review is needed: check the path.") from None
    except UnicodeDecodeError:
        raise WrongInputError(_spreadsheet(path.name, "is not text in UTF-8")) from None
    except OSError as error:
        raise WrongInputError(f"{path} cannot be read ({error}), but a review is needed: check the path.") from None
    header = text.partition("\n")[0]
    for separator, what in ((";", "semicolons"), ("\t", "tabs")):
        if tuple(header.strip("\r").split(separator)[:2]) == COLUMNS[:2]:
            raise WrongInputError(_spreadsheet(path.name, f"has {what} between its columns"))
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    # The history of an event that was moved thousands of times is longer than csv allows by default.
    limit = csv.field_size_limit(MAX_BYTES)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise WrongInputError(
            f"{path.name} is not a table ({error}), but a review is needed: check the path."
        ) from None
    finally:
        csv.field_size_limit(limit)
    if tuple(reader.fieldnames or ()) not in (COLUMNS, *COLUMNS_BEFORE) or any(
        None in row or None in row.values() for row in rows
    ):
        raise WrongInputError(f"{path.name} lacks the columns of a review ({', '.join(COLUMNS)}): check the path.")
    _require_whole(rows, text, path.name)
    return [{column: text_of(cell) for column, cell in row.items()} for row in rows]


def _spreadsheet(name: str, wrong: str) -> str:
    return (
        f"{name} {wrong}, so a spreadsheet or another program saved it, but a review is needed as EpiFiji wrote it: restore the "
        "file, and open a copy to look at it."
    )


def _require_whole(rows: list[dict[str, str]], text: str, name: str) -> None:
    """Refuse a truncated review, even if a line is complete; earlier versions did not write the number of events."""
    wrong = next((row["of"] for row in rows if row.get("of", str(len(rows))) != str(len(rows))), None)
    if rows and wrong is None and text.endswith("\n"):
        return
    found = "ends within a line" if rows and wrong is None else f"has {len(rows)} events"
    of = "" if wrong is None else f", but it was written with {wrong}"
    raise WrongInputError(f"{name} {found}{of}: the file was truncated or changed, so restore it as it was.")


def _event(row: dict[str, str], where: str) -> Event:
    try:
        score = float(row["score"] or "nan")
        raw = float(row["raw_score"] or "nan") if "raw_score" in row else score
        place = int(row["frame"]) - 1, float(row["y"]), float(row["x"])
        return _sound(Event(row["event"], *place, score, raw_score=raw))
    except ValueError as error:
        raise WrongInputError(f"{where}, contains no event ({error}): restore the file as it was.") from None


def _sound(event: Event) -> Event:
    """Return an event after checking that its class can be part of a file name, and that it has possible scores and a place."""
    if wrong := wrong_class_name(event.event):
        raise ValueError(wrong)
    if not (event.frame >= 0 and math.isfinite(event.y) and math.isfinite(event.x)):
        raise ValueError(f"frame {event.frame + 1}, y {event.y}, x {event.x}")
    scores = event.score, event.raw_score
    if not all(math.isnan(one) or 0 <= one <= 1 for one in scores):
        raise ValueError(f"its scores are {scores[0]:g} and {scores[1]:g}, which are not from 0 to 1")
    return event


def _changed(review: Review, item: int, what: str, value: str, name: str) -> Event | None:
    """Return the event after an action."""
    if what in DECISIONS:
        return None
    try:
        if what == "add":
            frame, y, x, event = value.split("/", 3)
            return _sound(Event(unquote(event), int(frame) - 1, float(y), float(x)))
        now = review.event(item)
        if what == "class":
            return _sound(replace(now, event=unquote(value)))
        frame, y, x = value.split("/")
        return _sound(replace(now, frame=int(frame) - 1, y=float(y), x=float(x)))
    except (ValueError, IndexError) as error:
        raise WrongInputError(f"{name} has the step {what}={value}, which no review writes ({error}).") from None


def result_folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders that may contain the results to which a folder belongs; results of a review lie one level deeper."""
    return (folder, folder.parent) if folder.name == REVIEWED else (folder,)


def write_reviewed(
    folder: Path,
    movie: str,
    review: Review,
    pixel_size_um: float | None,
    interval_s: float | None,
    layout: StackLayout | None = None,
) -> list[Path]:
    """Write the results of a review: kept events by class, rejected ones as ``<movie>_nothing.zip``, and a table.

    All files are written or none. Files of an earlier result of this review are replaced; a class without events gets
    no file.

    Returns
    -------
    list of Path
        The files.
    """
    if folder.is_symlink():
        raise WrongInputError(
            f"{folder} is a link to another folder, but the results of a review are written next to it: delete the link."
        )
    classes, possible = _classes(review), _possible(folder, movie, review)
    require_absent(folder, possible, overwrite=True)
    with new_files(folder, possible) as partial:
        for event, events in by_class(review.kept(), classes).items():
            if events:
                write_rois(partial / roi_file(movie, event), events, colour_of(event, classes), layout)
        if rejected := list(review.rejected()):
            write_rois(partial / roi_file(movie, NOTHING), rejected, NO_COLOUR, layout)
        write_events(partial / EVENTS_TABLE, review.kept(), pixel_size_um, interval_s)
        written = [name for name in dict.fromkeys(possible) if (partial / name).exists()]
    return [folder / name for name in written]


def remove_reviewed(folder: Path, movie: str, review: Review) -> None:
    """Remove the results of a review of which no decision is left; other files in the folder stay, and the folder with them."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for name in _possible(folder, movie, review):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _possible(folder: Path, movie: str, review: Review) -> list[str]:
    """List the names of all files that results of a review may have."""
    classes = [*_classes(review), *_classes_of_earlier(folder / EVENTS_TABLE), NOTHING]
    return [*roi_files(movie, classes), EVENTS_TABLE]


def _classes_of_earlier(table: Path) -> list[str]:
    """List the classes of an earlier result of a review, whose events may all have been given other classes since."""
    try:
        return list(by_class(read_events(table)))
    except WrongInputError:
        return []


def _classes(review: Review) -> list[str]:
    """List all classes that events of the review ever had."""
    named = [event for item in review.items for event in (item.detected, item.event) if event is not None]
    changed = [action.event for action in review.actions if action.event is not None]
    return list(dict.fromkeys(event.event for event in [*named, *changed]))
