"""Compare detected with reference events, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event
from epifiji.engine.metrics import (
    DISTANCE_T_FRAMES,
    DISTANCE_XY_PX,
    ClassScores,
    Matching,
    Scores,
    match_events,
    score,
)
from epifiji.files.rois import event_of_file, read_rois
from epifiji.files.tables import read_events

TABLE_NAME = "events.csv"
ZIP_PATTERN = "*_cell_*.zip"

Events = Path | str | Sequence[Event] | Sequence[Path | str]
"""Where events are: a result folder, a table, a ROI zip or several, or the events themselves."""


@dataclass(frozen=True)
class Comparison:
    """How detected events agree with a reference.

    Parameters
    ----------
    scores
        Precision, recall and so on, for each class and overall.
    matching
        Matched and unmatched events.
    distance_xy_px, distance_t_frames
        How far apart matched events may lie.
    notices
        Sentences about events that were not judged or classes that were joined.
    """

    scores: Scores
    matching: Matching
    distance_xy_px: float
    distance_t_frames: float
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Scores, distances and notices as plain JSON types, unrounded; what is undefined is None."""
        return {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            **asdict(self.scores),
            "notices": list(self.notices),
        }

    def columns(self) -> list[str]:
        """Give the headings of a table for people."""
        return ["event", *(field.name.replace("_", " ") for field in fields(ClassScores))]

    def rows(self) -> list[list[str]]:
        """Give a row of texts for each class and one for all, three decimals, a dash where nothing is defined."""
        by_name = {**self.scores.classes, "all": self.scores.overall}
        return [[name, *map(_text, astuple(scores))] for name, scores in by_name.items()]


@dataclass(frozen=True)
class _Side:
    """The events of one side.

    `complete` is true where a class that is absent was looked for and not found (a table, a list of events);
    ROI files speak only of the classes that they are named after. `alone` is true for a single ROI file given by name.
    """

    events: list[Event]
    classes: frozenset[str]
    complete: bool
    alone: bool = False


def compare(
    detected: Events,
    reference: Events,
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
) -> Comparison:
    """Match detected to reference events one to one and score the match.

    Each side is a result folder (its ``events.csv``, else its ``*_cell_*.zip``), such a table, one ROI file, a
    sequence of ROI files (each named after its class), or a sequence of events. Classes that are judged:

    - two single ROI files are compared as one class, whatever their names; it has the reference's name;
    - a single ROI file against anything else: the class it is named after;
    - ROI files as reference: the classes they are named after;
    - otherwise: the classes of either side.

    Events of other classes are left out, and a notice says how many.

    Parameters
    ----------
    detected, reference
        The two sides.
    distance_xy, distance_t
        See :func:`epifiji.engine.metrics.match_events`; in pixels and frames.

    Raises
    ------
    WrongInputError
        Where a side cannot be read, holds one class twice, or has no class in common with the other side.
    """
    found, known = _sides(detected, reference)
    notices: list[str] = []
    if found.alone and known.alone:
        found = _joined(found, known, notices)
    _require_understood(found, known)
    _require_understood(known, found)
    judged = _judged_classes(found, known)
    for side, name, other in ((found, "Detected", "reference"), (known, "Reference", "detected side")):
        for event in sorted(side.classes - judged):
            count = sum(one.event == event for one in side.events)
            notices.append(f"{name} events of {event} were left out ({count}): the {other} says nothing of this class.")
    matching = match_events(
        [event for event in found.events if event.event in judged],
        [event for event in known.events if event.event in judged],
        distance_xy,
        distance_t,
    )
    return Comparison(score(matching, judged), matching, float(distance_xy), float(distance_t), tuple(notices))


def _sides(detected: Events, reference: Events) -> tuple[_Side, _Side]:
    """Read both sides; classes that a table names help to understand the other side's file names."""
    sides: list[_Side | None] = [_complete_side(source) for source in (detected, reference)]
    classes = frozenset[str]().union(*(side.classes for side in sides if side))
    found, known = (
        side or _roi_side(source, classes) for side, source in zip(sides, (detected, reference), strict=True)
    )
    return found, known


def _complete_side(source: Events) -> _Side | None:
    """Events of a table, a folder with a table, or a sequence of events; None for ROI files."""
    if isinstance(source, str | Path):
        path = Path(source)
        table = path / TABLE_NAME if path.is_dir() else path
        is_table = table.is_file() if path.is_dir() else table.suffix.lower() == ".csv"
        return _side(read_events(table)) if is_table else None
    events = [item for item in source if isinstance(item, Event)]
    if len(events) != len(source):
        return None
    return _side(events)


def _side(events: list[Event]) -> _Side:
    return _Side(events, frozenset(event.event for event in events), complete=True)


def _is_file(source: Events) -> bool:
    return isinstance(source, str | Path) and not Path(source).is_dir()


def _roi_files(source: Events) -> list[Path]:
    """ROI files of a folder, a path or a sequence of paths."""
    if not isinstance(source, str | Path):
        paths = [Path(item) for item in source if isinstance(item, str | Path)]
        if len(paths) != len(source):
            raise WrongInputError("A side has events and files mixed, but either is needed: give one kind.")
        return paths
    path = Path(source)
    if not path.is_dir():
        return [path]
    paths = sorted(path.glob(ZIP_PATTERN))
    if not paths:
        raise WrongInputError(
            f"{path} has neither {TABLE_NAME} nor a {ZIP_PATTERN}, but a result folder is needed: check the path."
        )
    return paths


def _roi_side(source: Events, classes: Iterable[str]) -> _Side:
    """Read ROI files, one for each class."""
    names: dict[str, Path] = {}
    events: list[Event] = []
    for path in _roi_files(source):
        name = event_of_file(path, classes=classes)
        if name in names:
            raise WrongInputError(
                f"{names[name].name} and {path.name} both hold {name}, but one side of a comparison is one movie with "
                "one file for each class: compare the files of one movie at a time."
            )
        names[name] = path
        events += read_rois(path, name)
    return _Side(events, frozenset(names), complete=False, alone=_is_file(source))


def _joined(found: _Side, known: _Side, notices: list[str]) -> _Side:
    """Give the detected events of a single file the class of the reference's single file."""
    (old,), (new,) = found.classes, known.classes
    if old == new:
        return found
    notices.append(f"The detected {old} and the reference {new} were compared as one class.")
    return replace(found, events=[replace(event, event=new) for event in found.events], classes=known.classes)


def _judged_classes(found: _Side, known: _Side) -> frozenset[str]:
    """Classes that the comparison is about; see :func:`compare`."""
    if found.alone:
        return found.classes
    return found.classes | known.classes if known.complete else known.classes


def _require_understood(side: _Side, other: _Side) -> None:
    """Refuse file names that speak of no class of the other side, unless that may have looked for it in vain."""
    if side.complete or not other.classes or side.classes & other.classes:
        return
    if other.complete and side.classes & EVENT_COLOURS.keys():
        return
    raise WrongInputError(
        f"The ROI files of one side are named after {_listed(side.classes)}, but the other side has "
        f"{_listed(other.classes)}: name the files <movie>_<class>.zip after the classes to be compared."
    )


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _listed(classes: Iterable[str]) -> str:
    return ", ".join(sorted(classes))
