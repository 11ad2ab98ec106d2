"""Compare detected with reference events, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, repeats_notice, without_repeats
from epifiji.data.stack_layout import StackLayout
from epifiji.engine.metrics.events import (
    DISTANCE_T_FRAMES,
    DISTANCE_XY_PX,
    ClassScores,
    Matching,
    Scores,
    match_as_authors,
    match_events,
    score,
)
from epifiji.files.movies.movie_file import EXTENSION, movie_name
from epifiji.files.results.comparisons import outcome_of_file, write_comparison
from epifiji.files.results.events_table import read_events
from epifiji.files.results.layouts import layout_of
from epifiji.files.results.movie_identity import record_of_events
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import read_record
from epifiji.files.rois.roi_files import NOTHING, event_of_file, read_named_rois, read_rois

TABLE_NAME = "events.csv"
AUTHORS_ZIPS = "*_cell_*.zip"

Counting = Literal["one-to-one", "authors"]
"""How events are matched: the best matching, or as DeXtrusion's authors count."""

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
    counting
        How the events were matched.
    movie
        What files of the comparison are named after.
    layout
        Where the movie's frames lie in ImageJ's stack, where that is known.
    """

    scores: Scores
    matching: Matching
    distance_xy_px: float
    distance_t_frames: float
    notices: tuple[str, ...] = ()
    counting: Counting = "one-to-one"
    movie: str = "movie"
    layout: StackLayout | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(events)} {name}" for name, events in self.outcomes.items())
        return f"<Comparison of {self.movie}: {counts}>"

    @property
    def outcomes(self) -> dict[str, list[Event]]:
        """Give the detected events that match and that do not, and the reference events that were missed."""
        return {
            "match": [found for found, _ in self.matching.pairs],
            "falsepositive": list(self.matching.false_positives),
            "falsenegative": list(self.matching.false_negatives),
        }

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write the scores as ``comparison.csv``, and a ROI zip for each class and outcome that has events.

        Raises
        ------
        WrongInputError
            Where a file would be overwritten without being asked, or the folder cannot be written to.
        """
        folder = Path(folder)
        how = {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            "counting": self.counting,
        }
        scores = {name: asdict(found) | how for name, found in self._by_name().items()}
        write_comparison(folder, self.movie, scores, self.outcomes, overwrite, self.layout)
        return folder

    def _by_name(self) -> dict[str, ClassScores]:
        return {**self.scores.classes, "all": self.scores.overall}

    def to_dict(self) -> dict[str, Any]:
        """Scores, distances and notices as plain JSON types, unrounded; what is undefined is None."""
        return {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            "counting": self.counting,
            **asdict(self.scores),
            "notices": list(self.notices),
        }

    def columns(self) -> list[str]:
        """Give the headings of a table for people."""
        return ["event", *(field.name.replace("_", " ") for field in fields(ClassScores))]

    def rows(self) -> list[list[str]]:
        """Give a row of texts for each class and one for all, three decimals, a dash where nothing is defined."""
        return [[name, *map(_text, astuple(scores))] for name, scores in self._by_name().items()]


@dataclass(frozen=True)
class Compared:
    """What is compared with what: events of the judged classes alone, these classes, and what a user should know."""

    detected: list[Event]
    reference: list[Event]
    classes: frozenset[str]
    notices: tuple[str, ...]


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
    notices: tuple[str, ...] = ()


def compare(
    detected: Events,
    reference: Events,
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
    counting: Counting = "one-to-one",
) -> Comparison:
    """Match detected to reference events one to one and score the match.

    Each side is a result folder (its ``events.csv``, else its ROI zips), such a table, one ROI file, a
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
        See :func:`epifiji.engine.metrics.events.match_events`; in pixels and frames.
    counting
        ``one-to-one``, or ``authors`` for :func:`epifiji.engine.metrics.events.match_as_authors`, which says how it differs.

    Raises
    ------
    WrongInputError
        Where a side cannot be read, holds one class twice, or has no class in common with the other side.
    """
    sides = judge(detected, reference)
    matching = matcher(counting)(sides.detected, sides.reference, distance_xy, distance_t)
    return Comparison(
        score(matching, sides.classes),
        matching,
        float(distance_xy),
        float(distance_t),
        sides.notices,
        counting,
        movie_of(detected),
        _layout(detected) or _layout(reference),
    )


def matcher(counting: str) -> Callable[[Iterable[Event], Iterable[Event], float, float], Matching]:
    """Give the function that matches in a way.

    Raises
    ------
    WrongInputError
        Where there is no such way.
    """
    ways = {"one-to-one": match_events, "authors": match_as_authors}
    if counting not in ways:
        raise WrongInputError(f"counting is {counting!r}, but it must be one of {', '.join(ways)}: give another value.")
    return ways[counting]


def judge(detected: Events, reference: Events, looked_for: Iterable[str] = ()) -> Compared:
    """Read both sides and say which classes are compared; see :func:`compare`.

    `looked_for` are classes that the detected side looked for, where events alone do not tell.
    """
    found, known = _sides(detected, reference, looked_for)
    notices = [*found.notices, *known.notices]
    if found.alone and known.alone:
        found = _joined(found, known, notices)
    _require_understood(found, known)
    _require_understood(known, found)
    judged = _judged_classes(found, known)
    for side, name, other in ((found, "Detected", "reference"), (known, "Reference", "detected side")):
        for event in sorted(side.classes - judged):
            count = sum(one.event == event for one in side.events)
            notices.append(f"{name} events of {event} were left out ({count}): the {other} says nothing of this class.")
    notices += _of_two_movies(detected, reference)
    detected_events, known_events = (
        _distinct(side.events, judged, f"the {name} events", notices)
        for side, name in ((found, "detected"), (known, "reference"))
    )
    return Compared(detected_events, known_events, judged, tuple(notices))


def _distinct(events: list[Event], classes: frozenset[str], what: str, notices: list[str]) -> list[Event]:
    """Give the events of some classes; one that is there twice would count as two."""
    first, repeats = without_repeats(event for event in events if event.event in classes)
    notices += repeats_notice(what, repeats)
    return first


def _of_two_movies(detected: Events, reference: Events) -> list[str]:
    """Say where the two sides were found in different movies, as their records know."""
    sides = [source for source in (detected, reference) if isinstance(source, str | Path)]
    movies = [record_of_events(Path(source)).movie for source in sides]
    hashes = [{value for value in (movie.sha256, movie.pixels_sha256) if value} for movie in movies]
    if len(sides) < 2 or not all(hashes) or hashes[0] & hashes[1]:
        return []
    names = " and ".join(movie.file or movie.name or "another movie" for movie in movies)
    return [f"The two sides were found in movies with different pixels ({names})."]


def movie_of(source: Events) -> str:
    """Name the movie that events belong to: by the record of the run, the ROI file's name or the folder's."""
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

    ROI zips of a folder are those of the authors' classes, and those named after a class that is known or after a movie: the
    one of ``run.json`` or one that lies in the folder. So no other zip is taken for events.

    A zip that is not named after a known class, as the ROI Manager's ``RoiSet.zip``, may hold several: each ROI then has the
    class that its own name tells, as EpiFiji names those that it shows.

    `layout` says where the movie's frames lie in ImageJ's stack, where it is open; else the record or the movie beside the ROIs
    says it. `notices` takes sentences about what was assumed where neither is there.

    Raises
    ------
    WrongInputError
        Where there are none, or a file cannot be read.
    """
    if place.is_file() and place.suffix.lower() != ".csv" and event_of_file(place) not in (*EVENT_COLOURS, NOTHING):
        return read_named_rois(place, event_of_file(place), layout or layout_of(place), notices)
    side = _complete_side(place) or _roi_side(place, (), layout)
    if notices is not None:
        notices += side.notices
    return side.events


def _sides(detected: Events, reference: Events, looked_for: Iterable[str]) -> tuple[_Side, _Side]:
    """Read both sides; classes that a table names help to understand the other side's file names."""
    sides: list[_Side | None] = [_complete_side(source) for source in (detected, reference)]
    if sides[0] is not None:
        sides[0] = replace(sides[0], classes=sides[0].classes.union(looked_for))
    classes = frozenset[str]().union(*(side.classes for side in sides if side))
    # Both are of one movie, so what is known of it by one side holds for the other.
    layout = _layout(detected) or _layout(reference)
    found, known = (
        side or _roi_side(source, classes, layout) for side, source in zip(sides, (detected, reference), strict=True)
    )
    return found, known


def _layout(source: Events) -> StackLayout | None:
    """Find the layout of the movie that events belong to; see :func:`~epifiji.files.results.layouts.layout_of`."""
    return layout_of(Path(source)) if isinstance(source, str | Path) else None


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


def _roi_files(source: Events, classes: Iterable[str]) -> list[tuple[Path, str]]:
    """Give the ROI files of a folder, a path or a sequence of paths, each with its class."""
    if not isinstance(source, str | Path):
        paths = [Path(item) for item in source if isinstance(item, str | Path)]
        if len(paths) != len(source):
            raise WrongInputError("A side has events and files mixed, but either is needed: give one kind.")
        return [(path, event_of_file(path, classes=classes)) for path in paths]
    path = Path(source)
    if not path.is_dir():
        return [(path, event_of_file(path, classes=classes))]
    files = _zips_of(path, classes)
    if not files:
        raise WrongInputError(
            f"{path} has neither {TABLE_NAME} nor a {AUTHORS_ZIPS} nor a <movie>_<class>.zip beside its movie, but a result "
            "folder is needed: check the path."
        )
    return files


def _zips_of(folder: Path, classes: Iterable[str]) -> list[tuple[Path, str]]:
    """Give the ROI zips of a folder, each with its class; see :func:`read_events_of`."""
    record = read_record(folder)
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


def _roi_side(source: Events, classes: Iterable[str], layout: StackLayout | None = None) -> _Side:
    """Read ROI files, one for each class."""
    names: dict[str, Path] = {}
    notices: list[str] = []
    events: list[Event] = []
    for path, name in _roi_files(source, classes):
        if name in names:
            raise WrongInputError(
                f"{names[name].name} and {path.name} both hold {name}, but one side of a comparison is one movie with "
                "one file for each class: compare the files of one movie at a time."
            )
        names[name] = path
        events += read_rois(path, name, layout or layout_of(path), notices)
    return _Side(events, frozenset(names), complete=False, alone=_is_file(source), notices=tuple(notices))


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
