"""Evaluation of networks for events: scores over thresholds on annotated movies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import ClassEvaluation, NetworkEvaluation
from epifiji.data.event_networks import EventNetwork
from epifiji.data.events import Event, in_fixed_order
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.progress import PartReport, Report
from epifiji.data.settings.detection import ComputingSettings, MapSettings
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.engine.metrics.intervals import FEWEST_MOVIES
from epifiji.files.labelled_images import has_labelled_cells
from epifiji.files.movies.movie_file import split_path
from epifiji.files.training_data import classes_of, has_rois, read_training_folder
from epifiji.jobs.events.detect import detect, require_mode
from epifiji.jobs.executors import executor_for
from epifiji.jobs.learnt_movies import KnownMovie, require_each_once
from epifiji.jobs.scoring.networks import THRESHOLDS, NetworkScores, differences_of, scored_movies
from epifiji.jobs.scoring.report import EventEvaluation, learnt_notices, record_of


def evaluate_on_events(
    loaded_networks: Mapping[str, EventNetwork], folder: Path, report: Report, chosen: EventEvaluationSettings
) -> EventEvaluation:
    """Evaluate networks, by their names here, on movies with annotated events; see :func:`epifiji.evaluate`."""
    if has_labelled_cells(folder) and not has_rois(folder):
        name = next(iter(loaded_networks))
        raise WrongInputError(
            f"{folder} contains images with annotated cells, but {name} finds events: specify networks that segment cells, or a "
            "folder of movies with ROI files of events."
        )
    # The default none is an assumption; specified by the user, it confirms that movies without ROI files have no events.
    confirmed = "unmarked" in chosen.model_fields_set and chosen.unmarked == "none"
    movies = read_training_folder(folder, chosen.channel, confirmed)
    classes = _classes(loaded_networks, movies, chosen)
    scored_classes = in_fixed_order(event for known in classes.values() for event in known)
    known_movies = [KnownMovie(movie.movie) for movie in movies]
    require_each_once((one.movie.name, one.pixels_sha256) for one in known_movies)
    own = {name: own_settings(chosen, network) for name, network in loaded_networks.items()}
    evaluated, scores_by_network = [], {}
    with executor_for(chosen) as executor:
        for number, (name, loaded) in enumerate(loaded_networks.items()):
            started = time.perf_counter()
            candidates: list[list[Event]] = []
            for index, movie in enumerate(movies):
                done = number * len(movies) + index
                part = PartReport(report, done, len(loaded_networks) * len(movies), f"{name}, {movie.name}: ")
                found = detect(movie.movie, loaded, part, executor, **candidate_settings(own[name], classes[name]))
                candidates.append(found.events)
            seconds = time.perf_counter() - started
            scores_by_network[name] = NetworkScores(candidates, movies, classes[name], own[name])
            scores = scores_by_network[name].classes()
            learnt = [one.movie.name for one in known_movies if one.is_one_of(loaded.description.learnt_from)]
            false = _false_where_none(scores_by_network[name], movies, scores, chosen.unmarked == "none")
            found_by = loaded.source, loaded.sha256
            evaluated.append(NetworkEvaluation(name, *found_by, scores, seconds, tuple(learnt), false))
    return EventEvaluation(
        tuple(evaluated),
        tuple(differences_of(evaluated, scores_by_network, scored_classes, chosen)),
        scored_classes,
        record_of(folder, chosen, movies=_described(movies, known_movies)),
        tuple(_notices(loaded_networks, movies, scored_classes, chosen, evaluated)),
    )


def own_settings(settings: EventEvaluationSettings, network: EventNetwork) -> EventEvaluationSettings:
    """Return the settings with a network's own thresholds and volumes as defaults."""
    require_mode(settings.mode, network.description)
    return settings.with_defaults(network.description.thresholds, network.description.min_volumes, settings.mode)


def _classes(
    loaded_networks: Mapping[str, EventNetwork], movies: Sequence[AnnotatedMovie], settings: EventEvaluationSettings
) -> dict[str, tuple[str, ...]]:
    """Return the classes on which each network is evaluated: those that it knows, that are annotated, and that were requested."""
    marked = classes_of(movies)
    known = tuple(dict.fromkeys(event for network in loaded_networks.values() for event in network.description.events))
    if not marked and any(movie.nothing for movie in movies):
        raise WrongInputError(
            "the folder has only ROI files of nothing, but annotated events are needed: add a ROI file of a class."
        )
    if not marked and settings.unmarked == "unknown":
        raise WrongInputError(
            "no movie of the folder has a ROI file, and unmarked=unknown means that its events were not annotated: "
            "annotate some, or leave unmarked out to take the movies as movies without events."
        )
    # Movies without any event show false events, of any class.
    marked = marked or known
    wanted = settings.chosen_events(known)
    classes = {
        name: tuple(event for event in network.description.events if event in wanted and event in marked)
        for name, network in loaded_networks.items()
    }
    for name, network in loaded_networks.items():
        if not classes[name]:
            asked = f", and {', '.join(settings.events)} asked for" if settings.events else ""
            raise WrongInputError(
                f"the folder has ROI files of {', '.join(marked)}{asked}, but {name} finds "
                f"{', '.join(network.description.events)}: name the files <movie>_<class>.zip after the network's classes, or "
                "leave this network out."
            )
    return classes


def candidate_settings(settings: EventEvaluationSettings, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of a detection that finds the candidates of all thresholds."""
    shared = {*MapSettings.model_fields, *ComputingSettings.model_fields} - {"events", "threshold", "min_volume"}
    lowest = min(THRESHOLDS[0], *(settings.threshold_of(event, settings.mode) for event in classes))
    volumes = {event: settings.min_volume_of(event, settings.mode) for event in classes}
    return settings.model_dump(include=shared) | {"events": classes, "threshold": lowest, "min_volume": volumes}


def _described(movies: Sequence[AnnotatedMovie], known_movies: Sequence[KnownMovie]) -> list[dict[str, Any]]:
    """Describe the movies for the record."""
    return [
        {
            "name": movie.name,
            "file": split_path(movie.movie.path or "")[0].name,
            "sha256": known.file_sha256,
            "shape": list(movie.movie.shape),
            "events": {event: len(found) for event, found in movie.events_by_class.items()},
        }
        for movie, known in zip(movies, known_movies, strict=True)
    ]


def _false_where_none(
    network: NetworkScores, movies: Sequence[AnnotatedMovie], scores: dict[str, ClassEvaluation], complete: bool
) -> dict[str, int]:
    """Count by class the false events in movies without any event; empty if there is no such movie."""
    empty = [index for index, movie in enumerate(movies) if complete and not movie.events]
    if not empty:
        return {}
    return {
        event: sum(len(network.matching(event, scored.default.threshold, index).false_positives) for index in empty)
        for event, scored in scores.items()
    }


def _notices(
    loaded_networks: Mapping[str, EventNetwork],
    movies: Sequence[AnnotatedMovie],
    scored_classes: tuple[str, ...],
    settings: EventEvaluationSettings,
    evaluated: Sequence[NetworkEvaluation],
) -> Iterator[str]:
    """Yield notices about what was left out, and what to consider."""
    for movie in movies:
        yield from (notice if movie.name in notice else f"{movie.name}: {notice}" for notice in movie.notices)
    for name, network in loaded_networks.items():
        events = network.description.events
        if unknown := [event for event in scored_classes if event not in events]:
            yield f"{name} does not know {' and '.join(unknown)}, and was not evaluated on that."
        left_out = [event for event in settings.chosen_events(events) if event not in scored_classes]
        if left_out:
            yield f"Detections of {' and '.join(left_out)} by {name} were left out: no movie has ROIs of it."
    for event in scored_classes:
        without = [movie.name for movie in movies if event not in movie.classes]
        if not any(movie.classes for movie in movies):
            continue  # A notice reports that these movies have no events.
        if without and settings.unmarked == "none":
            yield (
                f"{len(without)} of {len(movies)} movies have no ROI file of {event}, so all detections of it there count as "
                "false; if it was not annotated, specify unmarked=unknown."
            )
        elif without:
            yield f"{event} was evaluated on {len(movies) - len(without)} of {len(movies)} movies, those with a ROI file of it."
    if any(len(scored_movies(movies, event, settings)) < FEWEST_MOVIES for event in scored_classes):
        yield (
            f"With fewer than {FEWEST_MOVIES} movies the intervals take events as independent, and do not include the "
            "variation between movies."
        )
    empty = sum(not movie.events for movie in movies)
    for one in evaluated:
        if one.false_where_none:
            counts = ", ".join(f"{count} {event}" for event, count in one.false_where_none.items())
            yield f"In the movies without events ({empty} of {len(movies)}) {one.name} finds {counts}, all false."
    yield from _learnt(evaluated, len(movies))


def _learnt(evaluated: Sequence[NetworkEvaluation], movies: int) -> Iterator[str]:
    """Yield notices about scores that are too high because networks or thresholds were chosen on the same movies."""
    learnt = {one.name: one.learnt_from for one in evaluated if one.learnt_from}
    yield from learnt_notices(learnt, movies, "movies")
    unseen = " where a network has not learnt from them" if learnt else ""
    yield (
        f"The best thresholds were chosen on these movies, so F1 there is too high; F1 on unseen movies is not{unseen}."
    )
