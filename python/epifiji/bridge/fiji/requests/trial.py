"""The jobs that try networks at one place of the open movie: which part of it is needed, and what they find there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import TryCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, exclusive_use, job, settings_of
from epifiji.bridge.fiji.shown_cells import packed
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.events import Event, colour_of
from epifiji.data.settings.base import parse_settings, shown_of
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.jobs import DetectionJob
from epifiji.data.settings.trial import TrialSettings

if TYPE_CHECKING:
    from epifiji.jobs.events.suggestions import Suggestion


@job("trial_place", commands.TRY)
def place(request: Request) -> Answer:
    """Return the place that is tried, and the part of the movie that this needs.

    The request has ``settings`` by key, ``name`` and ``shape`` (T, Y, X) of the open movie, and ``view`` (x, y, width,
    height), the part of the frame that is in view.
    """
    from epifiji.jobs.events.trial_place import needed, place_of

    command = parse_settings(TryCommand, request["settings"])
    if command.out is not None:
        from epifiji.jobs.events.trial_table import require_place

        require_place(command.out, command.overwrite)
    count, height, width = request["shape"]
    here, notices = place_of(request["name"], (count, height, width), command, request.get("view"))
    part = needed(here, (count, height, width), parse_settings(TrialSettings, settings_of(command, TrialSettings)))
    (first, y, x), (frames, rows, columns) = part.start, part.shape
    described = {"first": first, "stop": first + frames, "y": y, "x": x, "height": rows, "width": columns}
    return {"place": asdict(here), "part": described, "notices": list(notices)}


@job("trial", commands.TRY)
def trial(request: Request) -> Answer:
    """Try networks.

    The request has ``settings`` by key, ``image`` of the part, ``shape`` (T, Y, X) of the open movie, and ``place`` and
    ``part`` of the answer of ``trial_place``.
    Events of the answer are in frames (from 1) and pixels of the movie. Pictures contain all frames, one below the other.
    """
    from epifiji.engine.tiling.parts import Box
    from epifiji.jobs.events.suggestions import confirmed, suggested_network, suggested_settings
    from epifiji.jobs.events.trial import TriedNetwork, try_at
    from epifiji.jobs.events.trial_place import Part, Place
    from epifiji.jobs.events.trial_table import rows_of_trial, write_trial

    command = parse_settings(TryCommand, request["settings"])
    settings = parse_settings(TrialSettings, settings_of(command, TrialSettings))
    movie = movie_of_image(request["image"], request.blocks)
    here, known = Place(**request["place"]), request["part"]
    (count, height, width), first, y, x = request["shape"], known["first"], known["y"], known["x"]
    box = Box((first, y, x), (known["stop"], y + known["height"], x + known["width"]))
    with exclusive_use(request.report):
        found = try_at(movie, here, settings, report=request.report, part=Part(box, (count, height, width)))

    def shown(one: TriedNetwork) -> dict[str, Any]:
        return {
            "name": one.name,
            "problem": one.problem,
            "seconds": round(one.seconds, 1),
            "rescaled": one.rescaled,
            "classes": list(one.description.events),
            "thresholds": one.thresholds,
            "min_volumes": one.min_volumes,
            "confirmed": len(confirmed(one, found.networks)),
            "settings": [_described(setting) for setting in suggested_settings(found, one)],
            "events": [_shown(event) for event in one.candidates],
            "maps": {name: packed(pixels.reshape(-1, here.width)) for name, pixels in (one.maps or {}).items()},
        }

    names = tuple(dict.fromkeys(name for one in found.networks for name in one.description.events))
    suggested = suggested_network(found)
    rows = rows_of_trial(found)
    return {
        "name": movie.name,
        "cell_diameter": None if found.cell_diameter is None else round(found.cell_diameter, 1),
        "classes": [{"name": name, "colour": colour_of(name, names)} for name in names],
        "networks": [shown(one) for one in found.networks],
        "suggested": None if suggested is None else _described(suggested),
        "columns": rows[0],
        "rows": rows[1:],
        "notices": list(found.notices),
        "file": str(write_trial(command.out, rows)) if command.out is not None else None,
    }


def _shown(event: Event) -> dict[str, Any]:
    return {
        "event": event.event,
        "frame": event.frame + 1,
        "y": event.y,
        "x": event.x,
        "raw_score": event.raw_score,
        "volume": event.volume,
    }


def _described(one: Suggestion) -> dict[str, str]:
    return {
        "key": one.setting,
        "label": _label(one.setting),
        "value": one.value,
        "shown": one.shown,
        "reason": one.reason,
    }


def _label(setting: str) -> str:
    """Return the label of a setting in the dialog of a detection."""
    model = DetectionJob if setting in DetectionJob.model_fields else DetectionSettings
    return shown_of(model.model_fields[setting]).label or setting.replace("_", " ").capitalize()
