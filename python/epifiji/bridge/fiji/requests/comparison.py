"""The job that compares events with a reference for ImageJ. It returns scores, and ROIs of matches and errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import chosen_or_shown_folder
from epifiji.bridge.fiji.commands import CompareCommand
from epifiji.bridge.fiji.manager_events import UNNAMED, events_of_manager
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.fiji.shown_events import movie_key, shown_event
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class
from epifiji.data.movie import size_in_words
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import ComparisonSettings
from epifiji.files.results.places import folder_of

FIRST_GROUP = 101
"""The ROI group of matches; false positives and false negatives have the next two.

Event classes have much lower groups.
"""


@job("compare", commands.COMPARE)
def compare_events(request: Request) -> Answer:
    """Compare events with a reference.

    The request has ``settings`` by key, and ``manager``, a zip of the ROI Manager's ROIs, if ``detected`` is not
    specified. ``image`` describes the open image by ``title`` and ``shape`` (T, Y, X); it is None if no image is open.
    In the answer each class and outcome is a class of its own, such as ``cell_death_falsepositive``, as in the names of
    the files.
    """
    from epifiji.bridge.pixels import movie_name_of_title
    from epifiji.files.results.comparisons import CURVE_PICTURE
    from epifiji.jobs.scoring.compare_to_files import run_comparison

    command = parse_settings(CompareCommand, request["settings"])
    if command.reference is None:
        raise WrongInputError("No reference was specified, but annotated events are needed: give --reference FILE.")
    for place in filter(None, (command.detected, command.reference)):
        if not Path(place).exists():
            raise WrongInputError(f"{place} does not exist, but events are needed: check the path.")
    image = request.get("image")
    if command.detected is not None and image:
        _require_shape(Path(command.detected), image)
    detected, left_out = (
        (command.detected, ())
        if command.detected
        else _in_manager(request.get("manager"), Path(command.reference), image)
    )
    movie = movie_name_of_title(image["title"]) if image else None
    settings = parse_settings(ComparisonSettings, settings_of(command, ComparisonSettings))
    with chosen_or_shown_folder(command.out, "curve", command.curve) as folder:
        comparison, files = run_comparison(
            detected,
            command.reference,
            settings,
            folder,
            command.curve,
            command.overwrite,
            movie,
        )
    return {
        **_outcomes(comparison.outcomes),
        "columns": comparison.columns(),
        "rows": comparison.rows(),
        "name": comparison.movie,
        "movie_key": _movie_key(command.detected),
        "notices": [*left_out, *comparison.notices],
        "pictures": [str(file) for file in files if file.name == CURVE_PICTURE],
        "said": _score_summary(comparison.scores.classes),
    }


def _require_shape(place: Path, image: dict[str, Any]) -> None:
    """Refuse an open image whose size is not that of the movie in which the events were found."""
    from epifiji.files.results.result_folder import record_of

    shape = record_of(place).movie.shape
    if shape and list(shape) != list(image["shape"]):
        sizes = [size_in_words(one) for one in (shape, image["shape"])]
        raise WrongInputError(
            f"The events in {place} belong to a movie of {sizes[0]}, but {image['title']} has {sizes[1]}: open the "
            "movie in which they were found, or close the image."
        )


def _outcomes(outcomes: dict[str, list[Event]]) -> Answer:
    """Describe matches and errors for the client, as one class for each event class and outcome."""
    from epifiji.files.results.comparisons import OUTCOME_COLOURS

    kinds, shown = [], []
    for number, (outcome, events) in enumerate(outcomes.items()):
        for name, group in by_class(events).items():
            kind = f"{name}_{outcome}"
            colour, group_number = OUTCOME_COLOURS[outcome], FIRST_GROUP + number
            kinds.append({"name": kind, "colour": colour, "group": group_number, "count": len(group)})
            shown += [shown_event(replace(event, event=kind), row) for row, event in enumerate(group, start=1)]
    return {"classes": kinds, "events": shown}


def _movie_key(detected: str | None) -> str | None:
    """Return the key of the movie whose events were compared.

    None for ROIs of the manager, whose movie the client knows.
    """
    from epifiji.files.results.result_folder import read_record

    if detected is None:
        return None
    folder = folder_of(Path(detected))
    movie = read_record(folder).movie
    return movie_key(movie.sha256, movie.file, folder)


def _in_manager(
    manager: str | None, reference: Path, image: dict[str, Any] | None
) -> tuple[list[Event], tuple[str, ...]]:
    """Read the events of the ROI Manager without those of an earlier comparison.

    If the reference is one ROI file, events whose names contain no class are taken to be of its class.
    """
    from epifiji.files.results.comparisons import OUTCOME_COLOURS
    from epifiji.files.rois.roi_files import event_of_file

    one_class = reference.is_file() and reference.suffix.lower() != ".csv"
    unnamed = event_of_file(reference) if one_class else UNNAMED
    events, left_out = events_of_manager(manager, "compare", image, "detected", unnamed)
    return [event for event in events if event.event.rpartition("_")[2] not in OUTCOME_COLOURS], left_out


def _score_summary(classes: dict[str, Any]) -> str:
    """Return the precision, recall and F1 of each class in one line."""
    texts = []
    for name, scores in classes.items():
        found = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
        texts.append(f"{name}: " + ", ".join(f"{key} {'-' if n is None else f'{n:.3f}'}" for key, n in found.items()))
    return "; ".join(texts) or "there was nothing to compare"
