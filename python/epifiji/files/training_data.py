"""Movies with annotated events, as DeXtrusion's authors keep them: ``movie.tif`` and ``movie_<event>.zip`` in one folder.

Such a folder trains a network or judges one. ``movie_nothing.zip`` marks places that look like events and are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, in_fixed_order
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING
from epifiji.files.comparisons import outcome_of_file
from epifiji.files.movies import EXTENSION, movie_name, read_movie
from epifiji.files.results import MAP_KINDS
from epifiji.files.rois import read_rois

ROI_EXTENSIONS = (".zip", ".roi")
EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
FORM = "a movie such as wing.tif with the ROIs of each class in wing_<class>.zip"
NAMES_SHOWN = 4


@dataclass(frozen=True)
class LabelledMovie:
    """A movie and the events that someone marked in it.

    Parameters
    ----------
    movie
        The movie; its frames are read when sliced.
    path
        Its file.
    events
        The marked events of each class that has a ROI file here, by class, in the file's order, 0-based.
    nothing
        Places that are no event though they may look like one.
    notices
        Sentences about how the movie and its ROIs were understood.
    """

    movie: Movie
    path: Path
    events: dict[str, list[Event]]
    nothing: list[Event]
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The movie's name, which its ROI files begin with."""
        return self.movie.name


def read_training_folder(folder: str | Path, channel: int | None = None) -> list[LabelledMovie]:
    """Read the movies of a folder and what is marked in them.

    Sub-folders and other kinds of files are passed over. A ROI file belongs to the movie with the longest name that it begins
    with, and its class is the rest of its name: any of letters, digits and ``_`` that begins with a letter. A movie need not
    have a file for every class.

    Parameters
    ----------
    folder
        Holds movies of any form that :func:`~epifiji.files.movies.read_movie` reads, and ROI zips or ``.roi`` files.
    channel
        Channel of movies that have several, counted from 1.

    Returns
    -------
    list of LabelledMovie
        At least one, by name.

    Raises
    ------
    WrongInputError
        Where there is no folder or no movie in it; a movie has no ROI file or two movies have one name; a ROI file has no movie,
        no class, a class that another file of the movie has too, or one that differs from another only in capitals; a file
        cannot be read or holds no ROIs; or a ROI lies outside the movie's frames, in space or in time.
    """
    folder = Path(folder)
    files = _files(folder)
    movies = _movies(files, folder)
    labels, notices = _labels(files, movies, folder)
    for name, path in movies.items():
        if not labels[name]:
            raise WrongInputError(
                f"{path.name} has no ROI file in {folder}, but {FORM} is needed: mark its events, or move the movie elsewhere."
            )
    _require_one_spelling(name for of_movie in labels.values() for name in of_movie)
    return [_read(movies[name], labels[name], notices[name], channel) for name in sorted(movies)]


def classes_of(movies: Iterable[LabelledMovie]) -> tuple[str, ...]:
    """Give all classes that are marked, :func:`~epifiji.data.events.in_fixed_order`."""
    return in_fixed_order(name for movie in movies for name in movie.events)


def _files(folder: Path) -> list[Path]:
    """List a folder's files by name, without hidden ones."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise WrongInputError(f"{folder} {what}, but a folder is needed that holds {FORM}: check the path.")
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as problem:
        raise WrongInputError(
            f"{folder} cannot be read ({problem.strerror or problem}), but a folder is needed that holds {FORM}: "
            "check your permission."
        ) from problem


def _movies(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Find the movies by name; probability maps that lie beside their movie are none."""
    found = [path for path in files if EXTENSION.search(path.name)]
    names = {movie_name(path) for path in found}
    movies: dict[str, Path] = {}
    for path in found:
        name = movie_name(path)
        if _is_map(name, names):
            continue
        if name in movies:
            raise WrongInputError(
                f"{movies[name].name} and {path.name} have one name, but ROI files belong to a movie by its name: "
                "rename one of them and its ROI files."
            )
        movies[name] = path
    if not movies:
        raise WrongInputError(f"{folder} holds no movie, but {FORM} is needed: put them there.")
    return movies


def _is_map(name: str, names: set[str]) -> bool:
    return name.endswith(tuple(f"_{kind}" for kind in MAP_KINDS)) and any(
        name.startswith(f"{other}_") for other in names
    )


def _labels(
    files: Sequence[Path], movies: dict[str, Path], folder: Path
) -> tuple[dict[str, dict[str, Path]], dict[str, list[str]]]:
    """Find the ROI files of each movie by class, and what should be said of them."""
    labels: dict[str, dict[str, Path]] = {name: {} for name in movies}
    notices: dict[str, list[str]] = {name: [] for name in movies}
    for path in files:
        if path.suffix.lower() not in ROI_EXTENSIONS:
            continue
        movie, event = _belongs(path, movies, folder)
        if "_" in event and outcome_of_file(path):
            notices[movie].append(f"{path.name} was passed over: it is what a comparison leaves, and no annotation.")
            continue
        if event in labels[movie]:
            raise WrongInputError(
                f"{labels[movie][event].name} and {path.name} both hold {event} of {movie}, but a class has one file: "
                "join them, or move one elsewhere."
            )
        labels[movie][event] = path
        other = _other_reading(path, movie, movies)
        if other:
            notices[movie].append(f"{path.name} was read as {event} of {movie}, and not as {other}.")
    return labels, notices


def _belongs(path: Path, movies: dict[str, Path], folder: Path) -> tuple[str, str]:
    """Tell which movie's ROIs a file holds, and of which class."""
    stem = path.stem
    owners = [name for name in movies if f"{stem}_".startswith(f"{name}_")]
    if not owners:
        raise WrongInputError(
            f"{path.name} belongs to none of the movies in {folder} ({_listed(movies)}), but {FORM} is needed: "
            "add its movie, or give the file its movie's name."
        )
    movie = max(owners, key=len)
    event = stem[len(movie) + 1 :]
    if not EVENT_NAME.fullmatch(event):
        raise WrongInputError(
            f"{path.name} names the class {event!r}, but a class's name begins with a letter and has letters, digits and _ "
            f"alone: call the file {movie}_<class>{path.suffix}, such as {movie}_cell_death{path.suffix}."
        )
    return movie, event


def _other_reading(path: Path, movie: str, movies: dict[str, Path]) -> str | None:
    """Say how a file's name could be read too: as a known class of a movie with a shorter name."""
    known = (*EVENT_COLOURS, NOTHING)
    if path.stem[len(movie) + 1 :] in known:
        return None
    return next((f"{event} of {name}" for name in movies for event in known if path.stem == f"{name}_{event}"), None)


def _require_one_spelling(events: Iterable[str]) -> None:
    spellings = {name: name for name in (*EVENT_COLOURS, NOTHING)}
    for event in events:
        other = spellings.setdefault(event.lower(), event)
        if other != event:
            raise WrongInputError(
                f"a ROI file names the class {event}, but it is written {other} elsewhere: rename the file."
            )


def _read(path: Path, files: dict[str, Path], notices: list[str], channel: int | None) -> LabelledMovie:
    """Open a movie and read its ROI files."""
    movie = read_movie(path, channel)
    said = [*movie.notices, *notices]
    events: dict[str, list[Event]] = {}
    for event, file in files.items():
        found = read_rois(file, event)
        if not found:
            raise WrongInputError(
                f"{file.name} holds no ROIs, but a class's file has one for each event: mark the events, or delete the file."
            )
        _require_inside(found, movie, file)
        events[event] = list({(one.frame, one.y, one.x): one for one in found}.values())
        if repeated := len(found) - len(events[event]):
            said.append(f"{file.name} marks {repeated} of its events twice; each was taken once.")
    nothing = events.pop(NOTHING, [])
    return LabelledMovie(movie, path, events, nothing, tuple(said))


def _require_inside(events: Sequence[Event], movie: Movie, file: Path) -> None:
    """Refuse events outside the frame, which a click at the very edge is not, or after the last frame."""
    count, height, width = movie.shape
    late = [event for event in events if event.frame >= count]
    if late:
        last = max(event.frame for event in late) + 1
        raise WrongInputError(
            f"{file.name} has {len(late)} of {len(events)} ROIs after the last frame (up to frame {last}), but {movie.name} has "
            f"{count} frames: give the movie of these ROIs."
        )
    outside = [event for event in events if not (-1 <= event.y <= height and -1 <= event.x <= width)]
    if outside:
        first = outside[0]
        raise WrongInputError(
            f"{file.name} has {len(outside)} of {len(events)} ROIs outside the frame (the first at x {first.x:g}, "
            f"y {first.y:g}), but {movie.name} is {width} px wide and {height} px high: give the movie of these ROIs."
        )


def _listed(movies: Iterable[str]) -> str:
    """Name some of the movies."""
    names = sorted(movies)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
