"""The job that writes a report of results."""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import ReportCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.reports import ReportSettings


@job("report", commands.REPORT)
def report(request: Request) -> Answer:
    """Write a report.

    The request has ``settings`` by key. ``image`` describes the open image, or is None. Its pixels are sent only if the
    answer to a request without them is ``pixels_needed``: if the movie of the results is not found.
    """
    from epifiji.bridge.pixels import movie_of_image
    from epifiji.files.results.movie_identity import find_movie, run_of_events
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.reports.reported import places_of
    from epifiji.jobs.reports.write import FILES, report_folder
    from epifiji.jobs.reports.write import report as write

    command = parse_settings(ReportCommand, request["settings"])
    if command.results is None:
        raise WrongInputError("There are no results to report: give --results DIR, or open the movie of some results.")
    places = places_of(command.results)
    require_absent(report_folder(places, command.out), FILES, command.overwrite)
    image, movie = request.get("image"), None
    if image and len(places) == 1:
        folder, record = run_of_events(places[0])
        if find_movie(record, folder) is None:
            if not request.blocks:
                return {"pixels_needed": True}
            movie = movie_of_image(image, request.blocks)
    files = write(
        command.results,
        command.out,
        command.overwrite,
        movie,
        command.other_movie,
        command.conditions,
        request.report,
        **settings_of(command, ReportSettings),
    )
    return {"files": [str(Path(file).resolve()) for file in files], "said": f"written: {files[0].parent}"}
