"""The job that measures the cells around events. It returns a table, pictures, and the outlines of the cells."""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import CellsAroundCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.fiji.shown_cells import text_in_table
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import CellsAroundSettings


@job("cells_around", commands.CELLS_AROUND, exclusive=True)
def cells_around(request: Request) -> Answer:
    """Measure the cells around the events of a result folder, and write the results.

    The request has ``settings`` by key.
    """
    from epifiji.files.results.cells_around import CURVES, FILES, GALLERY, OUTLINES, default_folder
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.cells.around_events import measure_cells

    command = parse_settings(CellsAroundCommand, request["settings"])
    if command.results is None:
        raise WrongInputError("No results were specified, but events are needed: give --results DIR.")
    place = Path(command.results)
    folder = default_folder(place) if command.out is None else Path(command.out)
    require_absent(folder, FILES, command.overwrite)
    found = measure_cells(
        command.results,
        command.input,
        command.network,
        command.from_rois,
        request.report,
        command.other_movie,
        **settings_of(command, CellsAroundSettings),
    )
    files = {file.name: str(file) for file in found.save(folder, command.overwrite)}
    rows = found.event_rows()
    return {
        "name": found.movie.name,
        "pictures": [files[name] for name in (CURVES, GALLERY) if name in files],
        "temporary": None,
        "outlines": files.get(OUTLINES) if command.rois else None,
        "columns": list(rows[0]) if rows else [],
        "rows": [[text_in_table(value) for value in row.values()] for row in rows],
        "notices": [*found.notices],
        "said": ("; ".join(found.in_words()) or "no events") + f"; written: {folder}",
    }
