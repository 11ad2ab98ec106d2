"""Movies with annotated events in the form of DeXtrusion's authors: ``movie.tif`` and ``movie_<event>.zip`` in one folder.

Such a folder is used to train a network or to evaluate one. ``movie_nothing.zip`` marks places that look like events
but are not. A movie that has only this file, which may be empty, has no events, and neither has any movie of a folder
without ROI files. Files of a review next to a class's file, ``movie_<class>_kept.zip`` and
``movie_<class>_nothing.zip``, replace that file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, in_fixed_order, two_spellings, without_repeats
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.movie import Movie
from epifiji.data.names import composed
from epifiji.data.network import NOTHING
from epifiji.files.listing import visible_files
from epifiji.files.movies.movie_file import EXTENSION, movie_name, read_movie
from epifiji.files.results.result_folder import MAP_KINDS, RUN_RECORD
from epifiji.files.rois.names import Meaning, meaning_of, other_reading
from epifiji.files.rois.roi_files import read_named_rois, read_rois

ROI_EXTENSIONS = (".zip", ".roi")
FORM = "a movie such as wing.tif with the ROIs of each class in wing_<class>.zip"
NAMES_SHOWN = 4
UNNAMED = "?"
"""Class of ROIs whose names contain none."""


def read_training_folder(
    folder: str | Path, channel: int | None = None, unmarked_is_none: bool = False
) -> list[AnnotatedMovie]:
    """Read the movies of a folder and their annotations.

    Sub-folders and other kinds of files are ignored. A ROI file belongs to the movie with the longest name with which
    its own name begins; its class is the rest of its name: letters, digits and ``_``, beginning with a letter. Accents
    may be encoded in either of Unicode's forms. A movie need not have a file for every class. If other movies have ROI
    files, a movie without events needs ``movie_nothing.zip``, which may be empty; if no movie has a ROI file, none has
    events.

    Parameters
    ----------
    folder
        Movies of any form that :func:`~epifiji.files.movies.movie_file.read_movie` reads, and ROI zips or ``.roi``
        files.
    channel
        Channel of movies that have several, counted from 1.
    unmarked_is_none
        Whether the user confirmed that a movie without ROI files has no events.

    Returns
    -------
    list of AnnotatedMovie
        At least one, by name.

    Raises
    ------
    WrongInputError
        If there is no folder or no movie in it; two movies have the same name; some movies have ROI files and another
        has none, unless `unmarked_is_none`; a ROI file has no movie, no class, a class that another file of the movie
        has too, or one that differs from another only in case; a file cannot be read; or a ROI lies outside the movie's
        frames, in space or in time.
    """
    folder = Path(folder)
    files = _files(folder)
    movies = _movies(files, folder)
    labels, notices = _labels(files, movies, folder)
    _require_one_spelling(meaning.event for of_movie in labels.values() for meaning in of_movie if meaning.event)
    if not unmarked_is_none:
        _require_all_annotated(movies, labels, folder)
    return [_read(movies[name], labels[name], notices[name], channel) for name in sorted(movies)]


def has_rois(folder: Path) -> bool:
    """Return whether a folder contains ROI files."""
    return folder.is_dir() and any(path.suffix.lower() in ROI_EXTENSIONS for path in _files(folder))


def classes_of(movies: Iterable[AnnotatedMovie]) -> tuple[str, ...]:
    """Return all annotated classes, :func:`~epifiji.data.events.in_fixed_order`."""
    return in_fixed_order(name for movie in movies for name in movie.classes)


def _files(folder: Path) -> list[Path]:
    """List a folder's files by name, without hidden ones."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise WrongInputError(f"{folder} {what}, but a folder is needed that contains {FORM}: check the path.")
    return visible_files(folder, FORM)


def _movies(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Find the movies by name; probability maps and labels of cells next to their movie are not movies."""
    found = [path for path in files if EXTENSION.search(path.name)]
    names = {composed(movie_name(path)) for path in found}
    movies: dict[str, Path] = {}
    for path in found:
        name = composed(movie_name(path))
        if _is_map(name, names, (folder / RUN_RECORD).is_file()) or _is_labels(name, names):
            continue
        if name in movies:
            raise WrongInputError(
                f"{movies[name].name} and {path.name} have the same name, but ROI files belong to a movie by its name: "
                "rename one of them and its ROI files."
            )
        movies[name] = path
    if not movies:
        raise WrongInputError(f"{folder} contains no movie, but {FORM} is needed: put them there.")
    return movies


def _require_all_annotated(movies: dict[str, Path], labels: dict[str, dict[Meaning, Path]], folder: Path) -> None:
    """Refuse a movie without ROI files among others that have some: its events may not be annotated yet."""
    bare = [name for name in sorted(movies) if not labels[name]]
    if not bare or len(bare) == len(movies):
        return
    more = f" and {len(bare) - 1} more movies have" if len(bare) > 1 else " has"
    raise WrongInputError(
        f"{movies[bare[0]].name}{more} no ROI file in {folder}, but the other movies have: annotate the events, move movies "
        f"without annotations elsewhere, or confirm that there are no events with an empty file {bare[0]}_{NOTHING}.zip."
    )


def _is_map(name: str, names: set[str], results: bool) -> bool:
    """Return whether a file is a probability map: it lies next to its movie, or among a run's results."""
    placed = results or any(name.startswith(f"{other}_") for other in names)
    return placed and name.endswith(tuple(f"_{kind}" for kind in MAP_KINDS))


def _is_labels(name: str, names: set[str]) -> bool:
    """Return whether a file contains the segmented cells, or the corrected ones, of a movie next to it."""
    return any(name in (f"{other}_labels", f"{other}_corrected_labels") for other in names)


def _labels(
    files: Sequence[Path], movies: dict[str, Path], folder: Path
) -> tuple[dict[str, dict[Meaning, Path]], dict[str, list[str]]]:
    """Find the ROI files of each movie by their meaning, with notices for the user."""
    labels: dict[str, dict[Meaning, Path]] = {name: {} for name in movies}
    notices: dict[str, list[str]] = {name: [] for name in movies}
    named = {path.with_name(composed(path.name)): path for path in files if path.suffix.lower() in ROI_EXTENSIONS}
    owners = {path: _owner(path, movies, folder) for path in named}
    classes = {path.stem[len(movie) + 1 :] for path, movie in owners.items()}
    for path, movie in owners.items():
        meaning = meaning_of(path, movie, classes)
        if meaning.role == "compared":
            notices[movie].append(f"{path.name} was ignored: it is an outcome of a comparison, not an annotation.")
            continue
        if meaning in labels[movie]:
            raise WrongInputError(
                f"{labels[movie][meaning].name} and {path.name} both contain {meaning.event} of {movie}, but a class "
                "has one file: join them, or move one elsewhere."
            )
        labels[movie][meaning] = named[path]
        other = _other_reading(path, movie, movies)
        part = other_reading(meaning.event, classes - {meaning.event})
        if other:
            notices[movie].append(f"{path.name} was read as {meaning.event} of {movie}, and not as {other}.")
        elif part:
            notices[movie].append(f"{path.name} was read as a class {meaning.event} of its own, and not as {part}.")
    return labels, notices


def _owner(path: Path, movies: dict[str, Path], folder: Path) -> str:
    """Find the movie of a ROI file."""
    owners = [name for name in movies if f"{path.stem}_".startswith(f"{name}_")]
    if not owners:
        raise WrongInputError(
            f"{path.name} belongs to none of the movies in {folder} ({_listed(movies)}), but {FORM} is needed: "
            "add its movie, or give the file its movie's name."
        )
    return max(owners, key=len)


def _other_reading(path: Path, movie: str, movies: dict[str, Path]) -> str | None:
    """Return another possible meaning of a file's name: a known class of a movie with a shorter name."""
    known = (*EVENT_COLOURS, NOTHING)
    if path.stem[len(movie) + 1 :] in known:
        return None
    return next((f"{event} of {name}" for name in movies for event in known if path.stem == f"{name}_{event}"), None)


def _require_one_spelling(events: Iterable[str]) -> None:
    if both := two_spellings((*EVENT_COLOURS, NOTHING, *events)):
        raise WrongInputError(
            f"a ROI file names the class {both[1]}, but it is written {both[0]} elsewhere: rename the file."
        )


def _read(path: Path, files: dict[Meaning, Path], notices: list[str], channel: int | None) -> AnnotatedMovie:
    """Open a movie and read its ROI files."""
    movie = read_movie(path, channel)
    said = [*movie.notices, *notices]
    read = {meaning: _places(file, meaning, movie, said) for meaning, file in files.items()}
    events: dict[str, list[Event]] = {}
    nothing = read.pop(Meaning(NOTHING, "rejected"), [])
    undecided: list[Event] = []
    for one in read.pop(Meaning("", "kept"), []):
        events.setdefault(one.event, []).append(one)
    for event in dict.fromkeys(meaning.event for meaning in read):
        annotated, kept, rejected = (read.get(Meaning(event, role)) for role in ("annotated", "kept", "rejected"))
        decided = {_place(one) for one in (*(kept or ()), *(rejected or ()))}
        if annotated and decided & {_place(one) for one in annotated}:
            left = [one for one in annotated if _place(one) not in decided]
            said.append(
                f"{files[Meaning(event, 'annotated')].name} was ignored, because there is a review of it: {len(kept or ())} "
                f"events of {event} are kept, {len(rejected or ())} rejected, {len(left)} undecided."
            )
            undecided += left
            annotated = None
        if annotated is not None or kept is not None:
            every = (*(annotated or ()), *(kept or ()), *events.get(event, ()))
            events[event] = list({_place(one): one for one in every}.values())
        elif undecided:
            events[event] = []
        nothing += rejected or []
    if not files:
        said.append(f"{path.name} has no ROI file, so it counts as a movie without events.")
    elif not events and not undecided:
        said.append(
            f"{path.name} has no ROI file except {', '.join(file.name for file in files.values())}, so it counts as a "
            "movie without events."
        )
    every_event = tuple(one for group in events.values() for one in group)
    return AnnotatedMovie(movie, every_event, tuple(nothing), tuple(undecided), tuple(events), notices=tuple(said))


def _place(event: Event) -> tuple[int, float, float]:
    return event.frame, event.y, event.x


def _places(file: Path, meaning: Meaning, movie: Movie, said: list[str]) -> list[Event]:
    """Read a ROI file's places, each once; `said` receives notices about them."""
    if meaning.event == NOTHING and not file.stat().st_size:
        # ImageJ saves no zip without ROIs, so an empty file marks a movie without events.
        return []
    found = (
        read_rois(file, meaning.event, movie.layout) if meaning.event else read_named_rois(file, UNNAMED, movie.layout)
    )
    if any(one.event == UNNAMED for one in found):
        raise WrongInputError(
            f"{file.name} has no class in its name, nor in the names of all its ROIs: call the file "
            f"{movie.name}_<class>_kept{file.suffix}, such as {movie.name}_cell_death_kept{file.suffix}."
        )
    _require_inside(found, movie, file)
    if not found:
        said.append(f"{file.name} contains no ROIs, so {movie.name} has none of these.")
    once, repeats = without_repeats(found)
    if repeats:
        said.append(f"{file.name} marks {len(repeats)} of its events twice; each was used once.")
    return once


def _require_inside(events: Sequence[Event], movie: Movie, file: Path) -> None:
    """Refuse events outside the frame (a click at the very edge is accepted), or after the last frame."""
    count, height, width = movie.shape
    late = [event for event in events if event.frame >= count]
    if late:
        last = max(event.frame for event in late) + 1
        raise WrongInputError(
            f"{file.name} has {len(late)} of {len(events)} ROIs after the last frame (up to frame {last}), but "
            f"{movie.name} has {count} frames: use the movie of these ROIs."
        )
    outside = [event for event in events if not (-1 <= event.y <= height and -1 <= event.x <= width)]
    if outside:
        first = outside[0]
        raise WrongInputError(
            f"{file.name} has {len(outside)} of {len(events)} ROIs outside the frame (the first at x {first.x:g}, "
            f"y {first.y:g}), but {movie.name} is {width} px wide and {height} px high: use the movie of these ROIs."
        )


def _listed(movies: Iterable[str]) -> str:
    """List some of the movies."""
    names = sorted(movies)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
