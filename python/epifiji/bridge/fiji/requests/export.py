"""The job that exports events for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import ExportCommand
from epifiji.bridge.fiji.manager_events import events_of_manager
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.jobs import EventExportJob

if TYPE_CHECKING:
    from epifiji.jobs.events.export import Exported


@job("export", commands.EXPORT)
def export(request: Request) -> Answer:
    """Export events.

    The request has ``settings`` by key. If there are no results, ``manager`` is a zip of the ROI Manager's ROIs, and
    ``image`` describes the open image by ``title``, ``shape`` (T, Y, X), ``layout``, ``calibration`` and ``file``.
    """
    from epifiji.jobs.events.export import export_events

    command = parse_settings(ExportCommand, request["settings"])
    if command.results is not None:
        made = export_events(command.results, **settings_of(command, EventExportJob))
        left_out: tuple[str, ...] = ()
    else:
        made, left_out = _exported_rois(command, request)
    return {"notices": [*left_out, *made.notices], "said": f"{made.count} exported: {made.file}"}


def _exported_rois(command: ExportCommand, request: Request) -> tuple[Exported, tuple[str, ...]]:
    """Export the ROI Manager's events of the open image; also return notices about ROIs that were left out."""
    from epifiji.bridge.pixels import calibration_of_image, movie_name_of_title
    from epifiji.files.exports.trackmate import ShownMovie
    from epifiji.jobs.events.export import ENDINGS, NOT_FRAMES, export_events

    image = request.get("image")
    if image is None or not request.get("manager"):
        raise WrongInputError(
            "The open movie has neither a result folder nor events in the ROI Manager: detect events first, or give "
            "--results DIR."
        )
    events, notices = events_of_manager(request["manager"], "export", image)
    file = Path(image["file"]) if image.get("file") else None
    settings = settings_of(command, EventExportJob)
    if "out" not in settings and file is not None:
        name = f"{movie_name_of_title(file.name)}{ENDINGS[command.format]}"
        settings["out"] = str(file.with_name(name))
    scale = calibration_of_image(**image["calibration"])
    movie = ShownMovie(tuple(image["shape"]), file, scale.x_um, scale.interval_s)
    layout = image.get("layout")
    if layout and layout["time_axis"] != "T" and command.format == "trackmate":
        notices = (*notices, NOT_FRAMES)
    return export_events(events, movie=movie, **settings), notices
