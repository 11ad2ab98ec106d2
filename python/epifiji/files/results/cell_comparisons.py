"""Files of a comparison of cells: scores of each image as a table and as JSON, and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.cells import ComparedField
from epifiji.data.progress import Report, silent
from epifiji.files.figures.cells import draw_outcomes
from epifiji.files.figures.curves import draw_ap_curve
from epifiji.files.results.comparisons import Row, write_table
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, plain_name, require_absent

TABLE, RECORD = "cell_comparison.csv", "cell_comparison.json"
CURVE_TABLE, CURVE = "cell_comparison_curve.csv", "cell_comparison_curve.png"
PICTURE_ENDING = "_cells.png"


def picture_name(field: str) -> str:
    """Return the name of the picture of an image."""
    return plain_name(f"{field}{PICTURE_ENDING}".removesuffix(".png")) + ".png"


def write_cell_comparison(
    folder: Path,
    rows: Iterable[Row],
    curve: Sequence[Row],
    record: Mapping[str, Any],
    compared: Sequence[ComparedField],
    overwrite: bool,
    report: Report = silent,
) -> list[Path]:
    """Write all files or none, and return them; `report` may raise to cancel.

    Raises
    ------
    WrongInputError
        If a file would be overwritten without permission, or the folder cannot be written to.
    """
    names = [TABLE, CURVE_TABLE, RECORD, CURVE, *(picture_name(one.name) for one in compared)]
    require_absent(folder, names, overwrite)
    with new_files(folder, names) as partial:
        write_table(partial / TABLE, rows)
        write_table(partial / CURVE_TABLE, curve)
        write_record(partial / RECORD, record)
        report(0, "drawing AP over IoU")
        draw_ap_curve(partial / CURVE, curve)
        for number, one in enumerate(compared):
            report(number / len(compared), f"drawing {one.name}")
            draw_outcomes(partial / picture_name(one.name), one)
    return [folder / name for name in names]
