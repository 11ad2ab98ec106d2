"""The job that plots event statistics in ImageJ. It returns pictures and a summary table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import chosen_or_client_folder
from epifiji.bridge.fiji.commands import PlotCommand
from epifiji.bridge.fiji.manager_events import events_of_manager
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import StatisticsSettings
from epifiji.data.settings.figures import FigureSettings
from epifiji.data.stack_layout import StackLayout
from epifiji.data.statistics import Extent

if TYPE_CHECKING:
    from epifiji.jobs.events.statistics_result import Statistics


@job("plot", commands.PLOT)
def plot(request: Request) -> Answer:
    """Plot events.

    The request has ``settings`` by key, ``headless``, and ``manager``, a zip of the ROI Manager's ROIs, if there are no
    results. ``image`` describes the open image by ``title``, ``shape`` (T, Y, X), ``layout`` and ``calibration``; it is
    None if no image is open. Its pixels are sent only if the answer to a request without them is ``pixels_needed``.
    """
    from epifiji.files.figures.look import Look
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.events.statistics_result import PICTURES, files_with
    from epifiji.jobs.events.tissue import MovieNotFoundError

    command = parse_settings(PlotCommand, request["settings"])
    figures = settings_of(command, FigureSettings)
    if command.out is None and request.get("headless"):
        raise WrongInputError("Without a window the plots need a folder: give --out DIR.")
    if command.out is not None:
        require_absent(
            Path(command.out), files_with(Look.of(parse_settings(FigureSettings, figures))), command.overwrite
        )
    try:
        found, left_out = _computed(command, request)
    except MovieNotFoundError:
        if request.get("image") and not request.blocks:
            return {"pixels_needed": True}
        raise
    with chosen_or_client_folder(command.out, "plots") as folder:
        files = found.save(folder, command.overwrite, **figures)
    rows = found.summary()
    return {
        "name": found.movie,
        "pictures": [str(file) for file in files if file.name in PICTURES],
        # One row for each quantity: classes are compared, and side by side they fit on a screen.
        "columns": ["quantity", *(row["event"] for row in rows)],
        "rows": [[key, *(_text(row[key]) for row in rows)] for key in (rows[0] if rows else ()) if key != "event"],
        "notices": [*left_out, *found.notices],
        "said": "; ".join(f"{event}: {found.in_words(one)}" for event, one in found.classes.items()) or "no events",
    }


def _computed(command: PlotCommand, request: Request) -> tuple[Statistics, tuple[str, ...]]:
    """Compute the statistics of a request; also return notices about ROIs that were left out."""
    from epifiji.bridge.pixels import calibration_of_image, movie_name_of_title, movie_of_image
    from epifiji.jobs.events.statistics import event_statistics

    image, extent, layout, name = request.get("image"), None, None, None
    source: str | list[Event] = command.results or []
    left_out: tuple[str, ...] = ()
    if image:
        scale = calibration_of_image(**image["calibration"])
        extent = Extent(tuple(image["shape"]), scale.x_um, scale.interval_s)
        layout = StackLayout(**image["layout"]) if image.get("layout") else None
    if command.results is None:
        source, left_out = events_of_manager(request.get("manager"), "plot", image)
        name = movie_name_of_title(image["title"]) if image else None
    movie = movie_of_image(image, request.blocks) if image and request.blocks else None
    found = event_statistics(
        source,
        movie,
        request.report,
        extent,
        name,
        command.other_movie,
        layout,
        **settings_of(command, StatisticsSettings),
    )
    return found, left_out


def _text(value: Any) -> str:
    return "-" if value in (None, "") else f"{value:.4f}" if isinstance(value, float) else str(value)
