"""Files of an evaluation: scores, differences and curves as tables, a figure, and a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from epifiji.data.evaluation import NetworkEvaluation
from epifiji.files.figures.curves import draw_evaluation
from epifiji.files.results.comparisons import Row, write_table
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, require_absent

SCORES_TABLE = "evaluation.csv"
DIFFERENCES_TABLE = "evaluation_differences.csv"
CURVES_TABLE = "evaluation_curves.csv"
PICTURE = "evaluation.png"
RECORD = "evaluation.json"
FILES = (SCORES_TABLE, DIFFERENCES_TABLE, CURVES_TABLE, PICTURE, RECORD)


def write_evaluation(
    folder: Path,
    scores: Iterable[Row],
    differences: Iterable[Row],
    curves: Iterable[Row],
    record: Mapping[str, Any],
    networks: Iterable[NetworkEvaluation],
    overwrite: bool,
) -> list[Path]:
    """Write all files or none, and return them; without differences there is no table of them.

    Raises
    ------
    WrongInputError
        If a file would be overwritten without permission, or the folder cannot be written to.
    """
    require_absent(folder, FILES, overwrite)
    differences = list(differences)
    with new_files(folder, FILES) as partial:
        write_table(partial / SCORES_TABLE, scores)
        if differences:
            write_table(partial / DIFFERENCES_TABLE, differences)
        write_table(partial / CURVES_TABLE, curves)
        write_record(partial / RECORD, record)
        draw_evaluation(partial / PICTURE, list(networks))
        written = [name for name in FILES if (partial / name).is_file()]
    return [folder / name for name in written]
