"""The commands on segmented cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, say
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.data.settings.jobs import CellComparisonJob

cells_app = typer.Typer()


@cells_app.command("compare-cells")
@with_settings(CellComparisonJob, CellComparisonSettings)
def compare_cells(
    *,
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="An image of labels or outlines, or a folder of them.")
    ],
    annotated: Annotated[Path, typer.Argument(metavar="ANNOTATED", help="The same for the annotated cells.")],
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Compare predicted with annotated cells: matches, segmentation quality, Rand index, outlines."""
    from epifiji.jobs.cells.compare import compare_cells as run

    found = run(predicted, annotated, **settings)
    files = found.save(out, overwrite) if out is not None else []
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in files]})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.columns(), found.rows())
    if out is not None:
        say(f"written: {out}")
