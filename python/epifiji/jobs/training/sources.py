"""What a network is to learn from: folders of annotated movies, and reviews of what was detected."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.events import Event, in_fixed_order, wrong_class_name
from epifiji.data.labelled import Labelled
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.networks.epinet.targets import at_network_scale, judged_in, places_of
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.movie_identity import find_movie
from epifiji.files.results.result_folder import RUN_RECORD, is_there, read_record
from epifiji.files.results.reviews import REVIEW, REVIEWED, read_review, result_folders
from epifiji.files.training_data import FORM, LabelledMovie, read_training_folder

READING = "reading the movies"


@dataclass(frozen=True)
class Source:
    """A movie with what is known of it, in its own frames and pixels.

    Parameters
    ----------
    movie
        The movie.
    events
        Its events.
    nothing
        Places that are no event though they look like one.
    undecided
        Places that may or may not be events.
    marked
        The classes that were looked for.
    complete
        Whether all events of these classes are among `events`, or else a place far from all others is unknown.
    cell_diameter, event_duration
        What the movie's events were detected with.
    notices
        Sentences about how it was understood.
    """

    movie: Movie
    events: tuple[Event, ...]
    nothing: tuple[Event, ...]
    undecided: tuple[Event, ...]
    marked: tuple[str, ...]
    complete: bool
    cell_diameter: float | None = None
    event_duration: float | None = None
    notices: tuple[str, ...] = field(default=())

    def counts(self) -> dict[str, int]:
        """Number of events of each class, and of places that are none."""
        found = {name: sum(one.event == name for one in self.events) for name in self.marked}
        return found | ({NOTHING: len(self.nothing)} if self.nothing else {})


def read_sources(given: Sequence[str | Path], settings: TrainingSettings, unmarked: str = "auto") -> list[Source]:
    """Read folders of annotated movies, and reviews: ``review.csv``, the folder that holds it, or what came out of it.

    Raises
    ------
    WrongInputError
        Where nothing is given, a source is neither, events were detected and not reviewed, a movie comes twice, or no
        event is marked in any.
    """
    if not given:
        raise WrongInputError(f"nothing to learn from was given, but a review or a folder is needed that holds {FORM}.")
    sources: list[Source] = []
    for one in (path_from(one, "what to learn from") for one in given):
        review = _review_of(one)
        if review is not None:
            sources.append(_reviewed(review, settings.channel, complete=unmarked == "none"))
        else:
            folder = _folder(one, settings.channel, unmarked == "none")
            marked = tuple(sorted({name for movie in folder for name in movie.events}))
            sources += [_annotated(movie, marked, complete=unmarked != "unknown") for movie in folder]
    for source in sources:
        source.movie.require_finite()
    if not any(source.events for source in sources):
        raise WrongInputError(
            f"no event of any class is marked in {', '.join(map(str, given))}, but events are needed to learn from: mark some in "
            "<movie>_<class>.zip, or keep some in a review."
        )
    _require_each_once(sources)
    return sources


def classes_in(sources: Iterable[Source]) -> tuple[str, ...]:
    """Give the classes that have events, :func:`~epifiji.data.events.in_fixed_order`."""
    return in_fixed_order(event.event for source in sources for event in source.events)


def _require_each_once(sources: Sequence[Source]) -> None:
    seen: dict[str, Source] = {}
    for source in sources:
        place = str(source.movie.path and source.movie.path.resolve())
        if place in seen:
            raise WrongInputError(
                f"the movie {place} is given twice, but each is learnt from once: leave one of them out."
            )
        seen[place] = source


def _review_of(place: Path) -> Path | None:
    """Find the review that a path means."""
    if place.name == REVIEW and place.is_file():
        return place
    for folder in result_folders(place):
        if (folder / REVIEW).is_file():
            return folder / REVIEW
    return None


def _folder(place: Path, channel: int | None, unmarked_is_none: bool) -> list[LabelledMovie]:
    if (place / RUN_RECORD).is_file() and not is_there(str(_named_movie(place))):
        raise WrongInputError(
            f"{place} holds events that were detected and not reviewed, but reviewed ones are needed to learn from: review them "
            "first."
        )
    return read_training_folder(place, channel, unmarked_is_none)


def _named_movie(results: Path) -> Path:
    """Give the place in a result folder of the movie that its run names."""
    return results / Path(read_record(results).movie.file or "").name


def _annotated(movie: LabelledMovie, marked: tuple[str, ...], complete: bool) -> Source:
    """Take a movie with ROIs; a class that other movies of the folder have and this one lacks does not occur here."""
    events = tuple(event for group in movie.events.values() for event in group)
    known = marked if complete else tuple(movie.events)
    return Source(movie.movie, events, tuple(movie.nothing), movie.undecided, known, complete, notices=movie.notices)


def _reviewed(path: Path, channel: int | None, complete: bool) -> Source:
    """Take a review: kept and added events as they are now, rejected ones as nothing, the others as unknown."""
    review = read_review(path)
    record = read_record(path.parent)
    told = record.movie
    if not told.file:
        raise WrongInputError(
            f"{path} does not say which movie it belongs to, as there is no {path.parent / 'run.json'} that names one: put the "
            f"movie and the ROIs of the folder {REVIEWED} into one folder and learn from that."
        )
    found = find_movie(record, path.parent)
    if found is None:
        there = read_movie(told.file, channel)
        if there.shape != told.shape:
            raise WrongInputError(
                f"{path} is the review of a movie of the shape {told.shape}, but {there.path} has {there.shape} now: put "
                "the movie back as it was."
            )
        raise WrongInputError(
            f"{path} is the review of the movie {told.file}, but it has other pixels now: put the movie back as it was."
        )
    movie = read_movie(found, channel)
    _require_class_names(path, {event.event for event in review.kept()})
    undecided = [item.event for item in review.items if item.decision in ("", "skip")]
    kept, rejected = review.kept(), review.rejected()
    if not kept and not rejected:
        raise WrongInputError(
            f"{path} decides of no event, but some must be kept or rejected to learn from: review them first."
        )
    marked = dict.fromkeys([*(record.settings.events or ()), *(event.event for event in kept)])
    notices = [f"{path}: {len(kept)} events kept or added, {len(rejected)} rejected, {len(undecided)} undecided."]
    return Source(
        movie,
        tuple(kept),
        tuple(rejected),
        tuple(undecided),
        tuple(marked),
        complete,
        record.scale.cell_diameter_px,
        record.settings.event_duration,
        (*movie.notices, *notices),
    )


def _require_class_names(path: Path, names: Iterable[str]) -> None:
    for name in sorted(names):
        wrong = wrong_class_name(name)
        if name == NOTHING:
            wrong = f"the class {name!r} stands for places without an event"
        if wrong:
            raise WrongInputError(
                f"{path} keeps events of a class that cannot be learnt, as {wrong}: give them another class in the review, or "
                "reject them."
            )


@dataclass(frozen=True)
class Material:
    """What is learnt from, at the network's scale."""

    movies: list[Labelled]
    names: list[str]
    sha256: list[str]


def prepare(
    sources: Sequence[Source],
    description: EventNetworkDescription,
    settings: TrainingSettings,
    report: Report = silent,
) -> Material:
    """Bring movies and events to a network's scale; places and numbers of the classes are those of the description."""
    made = Material([], [], [])
    for number, source in enumerate(sources):
        report(number / len(sources), READING)
        diameter = settings.cell_diameter if settings.cell_diameter is not None else source.cell_diameter
        if diameter == "auto":
            from epifiji.engine.cells.diameter import estimate_cell_diameter

            diameter = estimate_cell_diameter(source.movie)
        duration = settings.event_duration if settings.event_duration is not None else source.event_duration
        pixels = at_network_scale(source.movie, description, diameter, duration)
        labelled = _labelled(source, pixels, description.events)
        made.movies.append(labelled)
        made.names.append(source.movie.name)
        made.sha256.append(_hash(labelled))
    return made


def _labelled(source: Source, pixels: np.ndarray, classes: Sequence[str]) -> Labelled:
    shape = source.movie.shape
    places, marked, undecided = (
        places_of(some, shape, pixels.shape) for some in (source.events, source.nothing, source.undecided)
    )
    kinds = np.array([classes.index(one.event) for one in source.events], float).reshape(-1, 1)
    return Labelled(
        pixels,
        np.concatenate([kinds, places], 1),
        marked,
        judged_in(pixels.shape, np.concatenate([places, marked]), undecided, source.complete),
        tuple(name in source.marked for name in classes),
        sure=not source.complete,
    )


def _hash(movie: Labelled) -> str:
    """Tell apart what is learnt from."""
    digest = hashlib.sha256()
    parts = (movie.pixels, movie.events, movie.marked, movie.judged)
    for values in (part for part in parts if part is not None):
        digest.update(str((values.shape, values.dtype)).encode())
        digest.update(np.ascontiguousarray(values).data)
    digest.update(str((movie.labelled, movie.sure)).encode())
    return digest.hexdigest()
