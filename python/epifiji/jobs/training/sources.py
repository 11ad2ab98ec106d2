"""Training data: folders of annotated movies, and reviews of detected events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.events import in_fixed_order, wrong_class_name
from epifiji.data.labelled import AnnotatedMovie, TrainingMovie
from epifiji.data.network import NOTHING
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.cells.diameter import cell_diameter
from epifiji.engine.networks.epinet.targets import at_network_scale, known_region, places_of
from epifiji.files.labelled_images import has_labelled_cells
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.cell_results import labels_in
from epifiji.files.results.movie_identity import find_movie
from epifiji.files.results.result_folder import RUN_RECORD, is_there, read_record
from epifiji.files.results.reviews import REVIEW, REVIEWED, result_folders, review_of_results
from epifiji.files.training_data import FORM, has_rois, read_training_folder

READING = "reading the movies"


def read_sources(
    given: Sequence[str | Path], settings: TrainingSettings, unmarked: str = "auto"
) -> list[AnnotatedMovie]:
    """Read folders of annotated movies, and reviews: ``review.csv``, the folder that contains it, or the review's results.

    Raises
    ------
    WrongInputError
        If there is no source, a source is neither, its events were not reviewed, a movie is specified twice, or no
        event is marked in any.
    """
    if not given:
        raise WrongInputError(f"nothing to learn from was given, but a review or a folder is needed that holds {FORM}.")
    sources: list[AnnotatedMovie] = []
    for one in (path_from(one, "what to learn from") for one in given):
        review = review_of(one)
        if review is not None:
            sources.append(_reviewed(review, settings.channel, complete=unmarked == "none"))
        else:
            folder = _folder(one, settings.channel, unmarked == "none")
            if unmarked == "unknown":
                sources += [replace(movie, complete=False) for movie in folder]
            else:
                # A class that other movies of the folder have and this one lacks does not occur here.
                classes = tuple(sorted({name for movie in folder for name in movie.classes}))
                sources += [replace(movie, classes=classes) for movie in folder]
    for source in sources:
        source.movie.require_finite()
    if not any(source.events for source in sources):
        raise WrongInputError(
            f"no event of any class is marked in {', '.join(map(str, given))}, but events are needed to learn from: "
            "mark some in <movie>_<class>.zip, or keep some in a review."
        )
    _require_each_once(sources)
    return sources


def classes_in(sources: Iterable[AnnotatedMovie]) -> tuple[str, ...]:
    """Return the classes that have events, :func:`~epifiji.data.events.in_fixed_order`."""
    return in_fixed_order(event.event for source in sources for event in source.events)


def _require_each_once(sources: Sequence[AnnotatedMovie]) -> None:
    seen: dict[str, AnnotatedMovie] = {}
    for source in sources:
        place = str(source.movie.path and source.movie.path.resolve())
        if place in seen:
            raise WrongInputError(
                f"the movie {place} is given twice, but each is learnt from once: leave one of them out."
            )
        seen[place] = source


def review_of(place: Path) -> Path | None:
    """Find the review that a path means."""
    if place.name == REVIEW and place.is_file():
        return place
    for folder in result_folders(place):
        if (folder / REVIEW).is_file():
            return folder / REVIEW
    return None


def _folder(place: Path, channel: int | None, unmarked_is_none: bool) -> list[AnnotatedMovie]:
    if has_labelled_cells(place) and not (has_rois(place) and labels_in(place) is None):
        raise WrongInputError(
            f"{place} contains cells of images, but {FORM} is needed to learn to find events: give another folder, or a network "
            "that segments cells."
        )
    if (place / RUN_RECORD).is_file() and not is_there(str(_named_movie(place))):
        raise WrongInputError(
            f"{place} contains events that were detected and not reviewed, but reviewed ones are needed to learn from: "
            "review them first."
        )
    return read_training_folder(place, channel, unmarked_is_none)


def _named_movie(results: Path) -> Path:
    """Return the path of the run's movie next to or in a result folder."""
    return results / Path(read_record(results).movie.file or "").name


def _reviewed(path: Path, channel: int | None, complete: bool) -> AnnotatedMovie:
    """Read a review: kept and added events in their current state, rejected ones as nothing, the others as unknown."""
    review = review_of_results(path)
    record = read_record(path.parent)
    recorded = record.movie
    if not recorded.file:
        raise WrongInputError(
            f"{path} does not say which movie it belongs to, as there is no {path.parent / 'run.json'} that names one: put the "
            f"movie and the ROIs of the folder {REVIEWED} into one folder and learn from that."
        )
    found = find_movie(record, path.parent)
    if found is None:
        there = read_movie(recorded.file, channel)
        if there.shape != recorded.shape:
            raise WrongInputError(
                f"{path} is the review of a movie of the shape {recorded.shape}, but {there.path} has {there.shape} now: "
                "restore the movie as it was."
            )
        raise WrongInputError(
            f"{path} is the review of the movie {recorded.file}, but it has other pixels now: restore the movie as it was."
        )
    movie = read_movie(found, channel)
    _require_class_names(path, {event.event for event in review.kept()})
    undecided = [item.event for item in review.items if item.decision in ("", "skip")]
    kept, rejected = review.kept(), review.rejected()
    if not kept and not rejected:
        raise WrongInputError(
            f"{path} has no decisions on events, but some must be kept or rejected to learn from: review them first."
        )
    marked = dict.fromkeys([*(record.settings.events or ()), *(event.event for event in kept)])
    notices = [f"{path}: {len(kept)} events kept or added, {len(rejected)} rejected, {len(undecided)} undecided."]
    return AnnotatedMovie(
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


def prepare(
    sources: Sequence[AnnotatedMovie],
    description: EventNetworkDescription,
    settings: TrainingSettings,
    report: Report = silent,
) -> list[TrainingMovie]:
    """Bring movies and events to a network's scale; places and numbers of the classes are those of the description."""
    made: list[TrainingMovie] = []
    for number, source in enumerate(sources):
        report(number / len(sources), READING)
        given = settings.cell_diameter if settings.cell_diameter is not None else source.cell_diameter
        diameter = cell_diameter(source.movie, given)
        duration = settings.event_duration if settings.event_duration is not None else source.event_duration
        pixels = at_network_scale(source.movie, description, diameter, duration)
        made.append(_at_scale(source, pixels, description.events))
    return made


def _at_scale(source: AnnotatedMovie, pixels: np.ndarray, classes: Sequence[str]) -> TrainingMovie:
    """Bring a movie's annotations to its rescaled pixels."""
    shape = source.movie.shape
    places, nothing, undecided = (
        places_of(some, shape, pixels.shape) for some in (source.events, source.nothing, source.undecided)
    )
    kinds = np.array([classes.index(one.event) for one in source.events], float).reshape(-1, 1)
    return TrainingMovie(
        pixels,
        np.concatenate([kinds, places], 1),
        nothing,
        known_region(pixels.shape, np.concatenate([places, nothing]), undecided, source.complete),
        tuple(name in source.classes for name in classes),
        predicted_nothing_only=not source.complete,
        name=source.name,
    )
