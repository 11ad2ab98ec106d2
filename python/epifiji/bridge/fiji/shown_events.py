"""Events as ImageJ shows them: ROIs with names, colours and groups, and the rows of a table."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from epifiji.data.events import Event, by_class, colour_of, group_of
from epifiji.files.results.events_table import event_rows
from epifiji.files.rois.roi_files import shown_name

KEY_LENGTH = 16

BETWEEN_EVENTS, BETWEEN_VALUES = "/", ":"
"""What separates the events of a text for Jython, and the values of each.

No class may have these characters, and JSON has them as they are: Jython takes most of a second to read thousands of ``\\n``
and ``\\t``. The client's are in ``jars/Lib/epifiji_client/images/movies.py``.
"""


def shown_events(
    events: list[Event],
    classes: Sequence[str],
    pixel_size_um: float | None,
    interval_s: float | None,
    request: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Describe events as ROIs and as a table for people.

    A request can leave out what takes long to transfer of thousands of events: with ``as_text`` there are the names of the
    ROIs, as one text, instead of ``events``, and with ``table`` false no rows.
    """
    groups = by_class(events, classes)
    shown: dict[str, Any] = {
        "classes": [
            {"name": name, "colour": colour_of(name, groups), "group": group_of(name, groups), "count": len(group)}
            for name, group in groups.items()
        ],
        "text": text_of_events(event for group in groups.values() for event in group),
    }
    numbered = [(event, number) for group in groups.values() for number, event in enumerate(group, start=1)]
    if request.get("as_text"):
        shown["names"] = BETWEEN_EVENTS.join(shown_name(event, number) for event, number in numbered)
    else:
        shown["events"] = [shown_event(event, number) for event, number in numbered]
    if request.get("table", True):
        rows = list(event_rows((event for event, _ in numbered), pixel_size_um, interval_s))
        shown |= {"columns": rows[0], "rows": rows[1:]}
    return shown


def movie_key(sha256: str | None, file: str | None = None, folder: Path | None = None) -> str | None:
    """Return the key that marks ImageJ's ROIs of a movie (see ``jars/Lib/epifiji_client/images/rois.py``).

    None if the movie cannot be identified.

    The key is the beginning of the file's SHA-256. If that is not known, or one file holds several movies, the key is a
    hash of the folder or dataset and begins with ``w``, which no SHA-256 does.
    """
    from epifiji.files.movies.movie_file import split_path

    dataset = split_path(file)[1] if file else None
    if sha256 and not dataset:
        return sha256[:KEY_LENGTH]
    known = f"{sha256}/{dataset}" if sha256 else str(folder.resolve()) if folder is not None else None
    return None if known is None else "w" + hashlib.sha256(known.encode()).hexdigest()[: KEY_LENGTH - 1]


def text_of_events(events: Iterable[Event]) -> str:
    """Write events as a text; Jython is slow with JSON."""
    return BETWEEN_EVENTS.join(map(text_of_event, events))


def text_of_event(event: Event, decision: str = "", added: bool = False) -> str:
    """Write the values of an event: class, frame (from 1), y, x, score, decision, whether it was added, and the raw score."""
    score, raw = ("" if math.isnan(one) else repr(one) for one in (event.score, event.raw_score))
    values = event.event, event.frame + 1, event.y, event.x, score, decision, int(added), raw
    return BETWEEN_VALUES.join(map(str, values))


def events_of_text(text: str) -> list[Event]:
    """Read the events of such a text."""
    found = []
    for one in text.split(BETWEEN_EVENTS) if text else ():
        name, frame, y, x, score, _, _, raw = one.split(BETWEEN_VALUES)
        place = int(frame) - 1, float(y), float(x)
        found.append(Event(name, *place, float(score or "nan"), raw_score=float(raw or "nan")))
    return found


def shown_event(event: Event, number: int) -> dict[str, Any]:
    """Describe an event's ROI for the client: frame from 1; `number` counts the events of its class from 1."""
    return {
        "name": shown_name(event, number),
        "event": event.event,
        "frame": event.frame + 1,
        "y": event.y,
        "x": event.x,
    }
