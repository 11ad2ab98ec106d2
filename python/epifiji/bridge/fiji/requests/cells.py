"""The jobs on cells for ImageJ."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import CompareCellsCommand
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import score_text
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.files.results.cell_comparisons import CURVE

MOST_PICTURES = 9
"""Most pictures that are shown at once."""


def shown_pictures(files: Sequence[Path], out: str | None) -> tuple[list[Path], list[str]]:
    """Return the pictures among files that are shown, and a notice if there are more; all of them are in `out`, if given."""
    pictures = [file for file in files if file.suffix == ".png"]
    if len(pictures) <= MOST_PICTURES:
        return pictures, []
    where = "give --out DIR for all of them" if out is None else f"all are in {out}"
    return pictures[:MOST_PICTURES], [f"{MOST_PICTURES} of {len(pictures)} pictures are shown: {where}."]


@job("compare_cells", commands.COMPARE_CELLS)
def compare_cells(request: Request) -> Answer:
    """Compare segmented with annotated cells.

    The request has ``settings`` by key; open images are files that the client wrote, named after them.
    """
    from epifiji.jobs.cells.compare import compare_cells as compared

    command = parse_settings(CompareCellsCommand, request["settings"])
    if command.predicted is None:
        raise WrongInputError("No segmented cells were specified, and no image is open: give --predicted FILE.")
    if command.annotated is None:
        raise WrongInputError("No annotated cells were specified, but they are needed: give --annotated FILE.")
    for place in (command.predicted, command.annotated):
        if not Path(place).exists():
            raise WrongInputError(
                f"{place} is neither an open image nor a file or folder, but cells are needed: check the name."
            )
    found = compared(command.predicted, command.annotated, **settings_of(command, CellComparisonSettings))
    with client_folder("cells") if command.out is None else nullcontext(Path(command.out)) as folder:
        files = found.save(folder, command.overwrite)
    pictures, left_out = shown_pictures(files, command.out)
    return {
        "name": "cells",
        "columns": found.columns(),
        "rows": found.rows(),
        "notices": [*found.notices, *left_out],
        "pictures": [str(file) for file in pictures],
        "titles": ["AP over IoU" if file.name == CURVE else file.stem for file in pictures],
        "said": f"quality {score_text(found.quality.value)}, AP {score_text(found.ap.value)} and F1 "
        f"{score_text(found.f1.value)} at an IoU of {found.iou:g}, {sum(one.annotated for one in found.fields)} cells",
    }
