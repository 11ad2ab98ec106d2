"""The jobs of the threshold sliders: all events that any threshold can give, and the events with the chosen thresholds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import AdjustCommand
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.fiji.shown_events import movie_key
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, colour_of, group_of
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import EventSettings
from epifiji.files.results.places import folder_of


@job("candidates", commands.ADJUST)
def candidates(request: Request) -> Answer:
    """Return every event that any thresholds give.

    The request has ``results``, and ``seed_distance_xy`` and ``seed_distance_t``, whose defaults are those of the run. If
    ``saved`` is false, the events with the chosen thresholds will only be shown, so no decision about them has to stay.

    ``labels`` of the answer are those of the sliders, by setting.

    If ``decided``, a review has decisions about these events, and their distances cannot be changed. Those that it is about
    have ``stays``. Any other event passes if its ``raw_score`` is greater than the class's threshold / 255 and its ``volume``
    greater than the minimum. In this form the comparison with integer thresholds has no rounding error.
    """
    from epifiji.files.results.result_folder import record_of
    from epifiji.jobs.events.adjusted import DISTANCES, decided_in, kept_in
    from epifiji.jobs.events.from_maps import events_from_maps

    place = _place(request.get("results"))
    known = record_of(place).settings.of_run()
    asked: dict[str, Any] = {key: request.get(key) or known.get(key) for key in DISTANCES}
    settings = {key: value for key, value in asked.items() if value is not None}
    result = events_from_maps(place, threshold=0, min_volume=0, **settings)
    mode = result.record["settings"]["mode"]
    saved = bool(request.get("saved", True))
    decided = decided_in(folder_of(place)) if saved else None
    kept = kept_in(result, decided)
    staying = {id(event) for event in kept.events.values()}
    earlier = parse_settings(
        EventSettings, {key: known[key] for key in EventSettings.model_fields if key in known} | {"events": None}
    )
    parameters = described(commands.ADJUST)["parameters"]
    return {
        "results": str(place),
        "saved": saved,
        "name": result.movie.name,
        "movie": str(result.movie.path) if result.movie.path else None,
        "shape": list(result.movie.shape),
        "labels": {one["key"]: f"{one['label']} ({one['unit']})" for one in parameters if one["unit"]},
        "classes": [
            {
                "name": name,
                "colour": colour_of(name, result.classes),
                "group": group_of(name, result.classes),
                "threshold": earlier.threshold_of(name, mode),
                "min_volume": earlier.min_volume_of(name, mode),
            }
            for name in result.classes
        ],
        "seed_distance_xy": result.record["settings"]["seed_distance_xy"],
        "seed_distance_t": result.record["settings"]["seed_distance_t"],
        "events": [_candidate(e) | ({"stays": True} if id(e) in staying else {}) for e in kept.joined(result.events)],
        "decided": decided is not None,
    }


def _candidate(event: Event) -> dict[str, Any]:
    """Return an event for the client; one in a table without scores that a review decided about has no raw score."""
    raw = None if math.isnan(event.raw_score) else event.raw_score
    place = {"event": event.event, "frame": event.frame + 1, "y": event.y, "x": event.x}
    return {**place, "raw_score": raw, "volume": event.volume}


@job("adjust", commands.ADJUST)
def apply(request: Request) -> Answer:
    """Compute the events with the thresholds of ``settings``, and save them if the settings ask for it.

    In a saved result, events stay that a review has decided about.
    """
    from epifiji.bridge.fiji.shown_events import shown_events
    from epifiji.jobs.events.adjusted import keep_decided
    from epifiji.jobs.events.from_maps import events_from_maps

    command = parse_settings(AdjustCommand, request["settings"])
    place = _place(command.results)
    settings = settings_of(command, EventSettings)
    result = events_from_maps(place, **settings)
    folder = folder_of(place)
    if command.save:
        result = keep_decided(result, folder)
        result.save(folder, overwrite=True)
    return {
        **shown_events(
            result.events, result.classes, result.movie.pixel_size_um, result.movie.frame_interval_s, request.values
        ),
        "name": result.movie.name,
        "movie": str(result.movie.path) if result.movie.path else None,
        "shape": list(result.movie.shape),
        "notices": list(result.notices),
        "folder": str(folder),
        "movie_key": movie_key(
            result.record["movie"].get("sha256"), str(result.movie.path) if result.movie.path else None, folder
        ),
    }


def _place(results: str | None) -> Path:
    if results is None:
        raise WrongInputError("No results were specified, but a result folder with maps is needed: give --results DIR.")
    return Path(results)
