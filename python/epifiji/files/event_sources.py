"""Reading events from result folders, tables and ROI files, singly or as the two sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, two_spellings
from epifiji.data.paths import path_from
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.movie_file import EXTENSION, movie_name
from epifiji.files.results.cell_results import TASK
from epifiji.files.results.comparisons import outcome_of_file
from epifiji.files.results.events_table import read_events
from epifiji.files.results.layouts import layout_of
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import EVENTS_TABLE, read_record
from epifiji.files.rois.roi_files import NOTHING, event_of_file, read_named_rois, read_rois

AUTHORS_ZIPS = "*_cell_*.zip"

Events = Path | str | Sequence[Event] | Sequence[Path | str]
"""A result folder, a table, one or several ROI files, or the events themselves."""


def events_given(source: object) -> Events:
    """Check what a user specified as events: a path, several ROI files, an iterable of events, or an object with events.

    A result of a detection, and a movie with events, have them as ``events``. An iterator of events is read once, so
    that they can be used several times.

    Raises
    ------
    WrongInputError
        If it is none of these.
    """
    if isinstance(source, str | Path):
        return path_from(source, "the place of the events")
    listed = getattr(source, "events", source)
    if isinstance(listed, Iterable) and not isinstance(listed, bytes | Mapping) and not hasattr(listed, "dtype"):
        items = list(listed)
        if all(isinstance(item, Event) for item in items) or all(isinstance(item, str | Path) for item in items):
            return items
        if all(isinstance(item, Event | str | Path) for item in items):
            raise WrongInputError("A side mixes events and files, but one kind is needed: specify either.")
    raise WrongInputError(
        f"events were given as {type(source).__name__}, but a result folder, a table, ROI files, a detection's result "
        "or a list of Event is needed: specify one of them."
    )


@dataclass(frozen=True)
class Side:
    """The events of one side.

    `complete` is true if an absent class was searched for and not found (a table, a list of events); ROI files concern
    only the classes in their names. `alone` is true for a single ROI file.
    """

    events: list[Event]
    classes: frozenset[str]
    complete: bool
    alone: bool = False
    notices: tuple[str, ...] = ()


def movie_of(source: Events) -> str:
    """Return the name of the events' movie: from the record of the run, the ROI file's name or the folder's."""
    if not isinstance(source, str | Path):
        paths = [item for item in source if isinstance(item, str | Path)]
        return movie_of(paths[0]) if paths else "movie"
    path = Path(source)
    folder = folder_of(path)
    if path.is_dir() or path.suffix.lower() == ".csv":
        named = read_record(folder).movie.name
        zips = [] if named or not path.is_dir() else _zips_of(path, ())
        if zips:
            return _movie_of_file(*zips[0])
        return str(named or folder.resolve().name.removesuffix("_epifiji") or "movie")
    return _movie_of_file(path, event_of_file(path))


def _movie_of_file(path: Path, event: str) -> str:
    return path.stem.removesuffix(event).rstrip("_") or path.stem


def read_events_of(place: Path, layout: StackLayout | None = None, notices: list[str] | None = None) -> list[Event]:
    """Read the events of a result folder (its ``events.csv``, else its ROI zips), such a table, or one ROI file.

    ROI zips of a folder are those of the authors' classes, and those named after a known class or after a movie: the
    one of ``run.json`` or one in the folder. Other zips are not read as events.

    A zip that is not named after a known class, such as the ROI Manager's ``RoiSet.zip``, may contain several: each ROI
    then has the class in its own name, as EpiFiji names the ROIs that it shows.

    `layout` is the position of the movie's frames in ImageJ's stack, if it is open; else it is that of the record or of
    the movie next to the ROIs. `notices` receives sentences about what was assumed if there is neither.

    Raises
    ------
    WrongInputError
        If there are none, or a file cannot be read.
    """
    if place.is_file() and place.suffix.lower() != ".csv" and event_of_file(place) not in (*EVENT_COLOURS, NOTHING):
        return read_named_rois(place, event_of_file(place), layout or layout_of(place), notices)
    side = _complete_side(place) or _roi_side(place, (), layout)
    if notices is not None:
        notices += side.notices
    return side.events


def events_of(events: Events, layout: StackLayout | None = None, notices: list[str] | None = None) -> list[Event]:
    """Read events from a result folder, a table, or one or several ROI files, or return the events themselves.

    `layout` and `notices` are those of :func:`read_events_of`.
    """
    found: list[Event] = []
    for one in [events] if isinstance(events, str | Path) else events:
        found += [one] if isinstance(one, Event) else read_events_of(existing_place(one), layout, notices)
    return found


def existing_place(place: str | Path) -> Path:
    """Refuse a path of events that does not exist."""
    if not Path(place).exists():
        raise WrongInputError(f"{place} does not exist, but a result folder or a ROI zip is needed: check the path.")
    return Path(place)


def read_sides(detected: Events, reference: Events, looked_for: Iterable[str]) -> tuple[Side, Side]:
    """Read both sides; the classes in a table help to interpret the other side's file names."""
    sides: list[Side | None] = [_complete_side(source) for source in (detected, reference)]
    if sides[0] is not None:
        sides[0] = replace(sides[0], classes=sides[0].classes.union(looked_for))
    classes = frozenset[str]().union(*(side.classes for side in sides if side))
    # Both sides belong to one movie, so the layout known from one is that of the other.
    layout = layout_of_events(detected) or layout_of_events(reference)
    found, known = (
        side or _roi_side(source, classes, layout) for side, source in zip(sides, (detected, reference), strict=True)
    )
    return found, known


def layout_of_events(source: Events) -> StackLayout | None:
    """Find the layout of the events' movie; see :func:`~epifiji.files.results.layouts.layout_of`."""
    return layout_of(Path(source)) if isinstance(source, str | Path) else None


def _complete_side(source: Events) -> Side | None:
    """Read events of a table, a folder with a table, or a sequence of events; None for ROI files."""
    if isinstance(source, str | Path):
        path = Path(source)
        table = path / EVENTS_TABLE if path.is_dir() else path
        is_table = table.is_file() if path.is_dir() else table.suffix.lower() == ".csv"
        return _side(read_events(table)) if is_table else None
    events = [item for item in source if isinstance(item, Event)]
    if len(events) != len(source):
        return None
    return _side(events)


def _side(events: list[Event]) -> Side:
    return Side(events, frozenset(event.event for event in events), complete=True)


def _is_file(source: Events) -> bool:
    return isinstance(source, str | Path) and not Path(source).is_dir()


def _roi_files(source: Events, classes: Iterable[str]) -> list[tuple[Path, str]]:
    """Return the ROI files of a folder, a path or a sequence of paths, each with its class."""
    if not isinstance(source, str | Path):
        paths = [Path(item) for item in source if isinstance(item, str | Path)]
        if len(paths) != len(source):
            raise WrongInputError("A side mixes events and files, but one kind is needed: specify either.")
        return [(path, event_of_file(path, classes=classes)) for path in paths]
    path = Path(source)
    if not path.is_dir():
        return [(path, event_of_file(path, classes=classes))]
    files = _zips_of(path, classes)
    if not files:
        raise WrongInputError(
            f"{path} has neither {EVENTS_TABLE} nor a {AUTHORS_ZIPS} nor a <movie>_<class>.zip next to its movie, but a result "
            "folder is needed: check the path."
        )
    return files


def _zips_of(folder: Path, classes: Iterable[str]) -> list[tuple[Path, str]]:
    """Return the ROI zips of a folder, each with its class; see :func:`read_events_of`."""
    record = read_record(folder)
    if record.task == TASK:
        raise WrongInputError(
            f"{folder} contains the cells of a segmentation, but events are needed: specify the result folder of a detection."
        )
    known = {*classes, *record.classes}
    movies = {movie_name(file) for file in folder.glob("*") if EXTENSION.search(file.name)}
    if record.movie.name:
        movies.add(record.movie.name)
    found = []
    for file in sorted(folder.glob("*.zip")):
        movie = max((name for name in movies if file.stem.startswith(f"{name}_")), key=len, default=None)
        event = event_of_file(file, movie, known)
        named = movie or fnmatch(file.name, AUTHORS_ZIPS) or (event in known and file.stem.endswith(f"_{event}"))
        if named and event != NOTHING and outcome_of_file(file) is None:
            found.append((file, event))
    return found


def _roi_side(source: Events, classes: Iterable[str], layout: StackLayout | None = None) -> Side:
    """Read ROI files, one for each class."""
    names: dict[str, Path] = {}
    notices: list[str] = []
    events: list[Event] = []
    for path, name in _roi_files(source, classes):
        if name in names:
            raise WrongInputError(
                f"{names[name].name} and {path.name} both contain {name}, but one side of a comparison is one movie with "
                "one file for each class: compare the files of one movie at a time."
            )
        names[name] = path
        events += read_rois(path, name, layout or layout_of(path), notices)
    return Side(events, frozenset(names), complete=False, alone=_is_file(source), notices=tuple(notices))


def joined(found: Side, known: Side, notices: list[str]) -> Side:
    """Return the detected events of a single file the class of the reference's single file."""
    (old,), (new,) = found.classes, known.classes
    if old == new:
        return found
    notices.append(f"The detected {old} and the reference {new} were compared as one class.")
    return replace(found, events=[replace(event, event=new) for event in found.events], classes=known.classes)


def require_understood(side: Side, other: Side) -> None:
    """Refuse file names without a class of the other side, unless that side searched for the class and found none."""
    if side.complete or not other.classes or side.classes & other.classes:
        return
    if other.complete and side.classes & EVENT_COLOURS.keys():
        return
    raise WrongInputError(
        f"The ROI files of one side are named after {_listed(side.classes)}, but the other side has "
        f"{_listed(other.classes)}: name the files <movie>_<class>.zip after the classes to be compared."
    )


def require_one_spelling(side: Side, other: Side) -> None:
    """Refuse a class that is written in two ways, which would count as two classes."""
    if both := two_spellings(sorted(side.classes | other.classes)):
        raise WrongInputError(
            f"The events are of {both[0]!r} and of {both[1]!r}, which would count as two classes: write the name in one way."
        )


def _listed(classes: Iterable[str]) -> str:
    return ", ".join(sorted(classes))
