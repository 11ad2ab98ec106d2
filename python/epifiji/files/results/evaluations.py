"""Files of an evaluation: scores and differences as tables, pictures, and a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from epifiji.files.results.comparisons import Row, write_table
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, require_absent

SCORES_TABLE = "evaluation.csv"
DIFFERENCES_TABLE = "evaluation_differences.csv"
CURVES_TABLE = "evaluation_curves.csv"
IMAGES_TABLE = "evaluation_images.csv"
PICTURE = "evaluation.png"
RECORD = "evaluation.json"
FILES = (SCORES_TABLE, DIFFERENCES_TABLE, CURVES_TABLE, IMAGES_TABLE, PICTURE, RECORD)
"""Those of networks for events, which have curves, and of networks for cells, which have scores and a picture of each image."""


def write_evaluation(
    folder: Path,
    tables: Mapping[str, Iterable[Row]],
    pictures: Mapping[str, Callable[[Path], None]],
    record: Mapping[str, Any],
    overwrite: bool,
) -> list[Path]:
    """Write all files or none, and return them; a table without rows is not written.

    Parameters
    ----------
    folder
        Where to write; files of an earlier evaluation are replaced or removed.
    tables
        The rows of each table by the name of its file.
    pictures
        Functions that write a picture to a path, by the name of its file.
    record
        Everything, as JSON types.
    overwrite
        Whether files may be replaced.

    Raises
    ------
    WrongInputError
        If a file would be overwritten without permission, or the folder cannot be written to.
    """
    names = list(dict.fromkeys((*FILES, *pictures)))
    require_absent(folder, names, overwrite)
    with new_files(folder, names) as partial:
        for name, rows in tables.items():
            listed = list(rows)
            if listed:
                write_table(partial / name, listed)
        write_record(partial / RECORD, record)
        for name, draw in pictures.items():
            draw(partial / name)
        written = [name for name in names if (partial / name).is_file()]
    return [folder / name for name in written]
