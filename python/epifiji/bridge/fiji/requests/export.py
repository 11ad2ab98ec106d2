"""The job that exports events for other programs."""

from __future__ import annotations

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import ExportCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.jobs import EventExportJob


@job("export", commands.EXPORT)
def export(request: Request) -> Answer:
    """Export the events of a result folder; the request has ``settings`` by key."""
    from epifiji.jobs.events.export import export_events

    command = parse_settings(ExportCommand, request["settings"])
    if command.results is None:
        raise WrongInputError("The open movie has no result folder: detect events first, or give --results DIR.")
    made = export_events(command.results, **settings_of(command, EventExportJob))
    return {"notices": list(made.notices), "said": f"{made.count} exported: {made.file}"}
