"""The jobs on cells for ImageJ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import CompareCellsCommand, ConvertCommand, SplitCommand
from epifiji.bridge.fiji.client_folder import chosen_or_client_folder
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import score_text
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.data.settings.jobs import CellConversionJob
from epifiji.data.settings.splitting import CellSplitSettings
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
    settings = settings_of(command, CellComparisonSettings)
    found = compared(command.predicted, command.annotated, request.report, **settings)
    with chosen_or_client_folder(command.out, "cells") as folder:
        files = found.save(folder, command.overwrite, request.report)
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


@job("convert_cells", commands.CONVERT)
def convert_cells(request: Request) -> Answer:
    """Convert a file of cells, or all in a folder.

    The request has ``settings`` by key; open images, and the ROIs of the manager, are files that the client wrote. A file of
    several that cannot be converted becomes a notice. ``shown`` names the file to show, if there is a single one.
    """
    from epifiji.files.labelled_images import files_of_cells
    from epifiji.jobs.cells.convert import convert_cells as converted

    command = parse_settings(ConvertCommand, request["settings"])
    if command.cells is None:
        raise WrongInputError("No cells were specified, and the ROI Manager is empty: give --cells FILE.")
    settings = settings_of(command, CellConversionJob)
    how = command.image, settings.pop("out", None), settings.pop("overwrite", False)
    place = Path(command.cells)
    places = files_of_cells(place) if place.is_dir() else [place]
    rows: list[list[str]] = []
    notices: list[str] = []
    files: list[Path] = []
    failed = 0
    for number, file in enumerate(places):
        request.report(number / len(places), f"converting {file.name}")
        try:
            made = converted(file, *how, **settings)
        except WrongInputError as problem:
            if len(places) == 1:
                raise
            notices.append(str(problem))
            failed += 1
            continue
        notices += made.notices
        files += made.files
        rows += [[str(path), str(count)] for path, count in zip(made.files, made.counts, strict=True)]
    written = f"; written: {files[0].parent if len(files) > 1 else files[0]}" if files else ""
    return {
        "rows": rows,
        "shown": str(files[0]) if len(files) == 1 and command.show else None,
        "notices": notices,
        "said": f"{sum(int(row[1]) for row in rows)} cells in {_files(len(rows))} converted"
        + (f", {_files(failed)} not: see the log" if failed else "")
        + written,
    }


def _files(count: int) -> str:
    return f"{count} file was" if count == 1 else f"{count} files were"


@job("split_cells", commands.SPLIT)
def split_cells(request: Request) -> Answer:
    """Split images with cells into a training and a test part. The request has ``settings`` by key."""
    from epifiji.jobs.cells.split import split_cells as split

    command = parse_settings(SplitCommand, request["settings"])
    if command.images is None:
        raise WrongInputError("No images were specified, but images with their cells are needed: give --images DIR.")
    if command.out is None:
        raise WrongInputError("No folder to write into was specified, but both parts are written: give --out DIR.")
    settings = settings_of(command, CellSplitSettings)
    made = split(command.images, command.cells, out=command.out, overwrite=command.overwrite, **settings)
    counts = made.cells
    return {
        "columns": ["image", "part", "cells", "file"],
        "rows": [[row["image"], row["part"], str(row["cells"]), row["file"]] for row in made.rows],
        "notices": list(made.notices),
        "said": f"{counts['train']} cells to train on, {counts['test']} to test on, {sum(made.removed.values())} on cuts "
        f"removed; written: {command.out}",
    }
