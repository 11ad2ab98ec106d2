"""The result folder of a segmentation: labels, outlines, a table of cells, ROIs, a picture and a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.results.cell_corrections import corrections_file
from epifiji.files.results.result_folder import PICTURE, RUN_RECORD, read_record, require_same_movie
from epifiji.files.storage.spreadsheet_cells import write_rows
from epifiji.files.storage.writable import plain_name, require_absent
from epifiji.files.tissue_analyzer import OUTLINES, outline_files

TABLE = "cells.csv"
TASK = "cells"
CYSTS_TASK = "cysts"

PX_COLUMNS = ("frame", "label", "y", "x", "area", "perimeter", "elongation", "orientation", "neighbours", "border")
DECIMALS = {"y": 2, "x": 2, "perimeter": 2, "elongation": 3, "orientation": 1}


def cells_folder(image: str, beside: Path, out: Path | None = None) -> Path:
    """Return the folder for the cells of an image: ``<image>_cells`` next to its file, or in `out`."""
    return (out if out is not None else beside) / plain_name(f"{image}_cells")


def labels_file(image: str) -> str:
    """Return the name of the file of labels."""
    return plain_name(f"{image}_labels") + ".tif"


def rois_file(image: str) -> str:
    """Return the name of the zip of polygons."""
    return plain_name(f"{image}_rois") + ".zip"


def cell_files(image: str) -> list[str]:
    """List the names of the files that a segmentation may write, without the outlines in their own folders."""
    return [RUN_RECORD, TABLE, PICTURE, labels_file(image), rois_file(image)]


def require_free_for_cells(folder: Path, image: str, overwrite: bool) -> None:
    """Refuse to write into a folder that has other results, or that cannot be written to.

    Raises
    ------
    WrongInputError
        If so; the message names the file that would be overwritten, or the folder that cannot be written to.
    """
    require_same_movie(folder, image)
    require_no_corrections(folder, image)
    try:
        record = read_record(folder)
        other = bool(record.model_fields_set) and record.task != TASK
    except WrongInputError:
        other = False
    if other:
        raise WrongInputError(
            f"{folder} contains the events of a movie, but cells were to be written there: choose another folder."
        )
    require_absent(folder, cell_files(image), overwrite)
    require_absent(folder / plain_name(image), [OUTLINES], overwrite)


def require_no_corrections(folder: Path, image: str) -> None:
    """Refuse to replace cells that have corrections.

    Raises
    ------
    WrongInputError
        If so.
    """
    corrections = corrections_file(folder, folder / labels_file(image))
    if corrections.exists():
        raise WrongInputError(
            f"{corrections} has corrections of the cells that were segmented there, which do not fit other cells: move it and "
            "the corrected labels to another folder, or specify another --out."
        )


def require_no_outlines(folder: Path, image: str, frames: Iterable[str], overwrite: bool) -> None:
    """Refuse to write outlines where there are some, which may be those of another program.

    Raises
    ------
    WrongInputError
        If so; the message names the file that would be overwritten.
    """
    there = next((name for name in outline_files(image, frames) if (folder / name).exists()), None)
    if there is not None and not overwrite:
        raise WrongInputError(
            f"{folder / there} exists and would be overwritten: choose another folder, or overwrite to replace it."
        )


def labels_in(folder: Path) -> Path | None:
    """Return the file of labels of a segmentation's result folder; None for any other folder."""
    return _labels_of(folder, TASK)


def cyst_labels_in(folder: Path) -> Path | None:
    """Return the file of labels of a cyst's result folder; None for any other folder."""
    return _labels_of(folder, CYSTS_TASK)


def _labels_of(folder: Path, task: str) -> Path | None:
    if not (folder / RUN_RECORD).is_file():
        return None
    record = read_record(folder)
    if record.task != task or record.movie.name is None:
        return None
    file = folder / labels_file(record.movie.name)
    return file if file.is_file() else None


def frames_of_result(folder: Path) -> list[str]:
    """Return the names of the frames that have outlines of their own in a result folder."""
    try:
        written = getattr(read_record(folder), "outlines", None)
    except WrongInputError:
        return []
    frames = written.get("frames") if isinstance(written, dict) else None
    return [plain_name(str(name)) for name in frames] if isinstance(frames, list) else []


def write_cells_table(
    path: Path,
    frames: Iterable[Mapping[str, np.ndarray]],
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
    pixel_height_um: float | None = None,
) -> None:
    """Write a row for each cell of each frame, as comma-separated values in UTF-8.

    Parameters
    ----------
    frames
        The measurements of each frame, :func:`epifiji.engine.cells.properties.cell_properties`.
    pixel_size_um
        Width of a pixel in µm; if it is known, `y_um`, `x_um`, `area_um2` and `perimeter_um` follow.
    frame_interval_s
        Time between frames in s; if it is known, `time_min` follows.
    pixel_height_um
        Height of a pixel in µm, if it differs from the width. There is no `perimeter_um` then, because the perimeter in
        pixels says nothing about it.
    """
    size, height = pixel_size_um, pixel_height_um or pixel_size_um
    lengths = {"y": height, "x": size, "area": size * height, "perimeter": size} if size and height else {}
    if size != height:
        lengths.pop("perimeter", None)
    header = [*PX_COLUMNS, *(f"{name}_um2" if name == "area" else f"{name}_um" for name in lengths)]
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [[*header, *(["time_min"] if frame_interval_s else [])]])
        for number, cells in enumerate(frames):
            columns = [[str(number + 1)] * len(cells["label"])]
            columns += [_texts(cells[name], DECIMALS.get(name, 0)) for name in PX_COLUMNS[1:]]
            columns += [_texts(cells[name] * factor, 3) for name, factor in lengths.items()]
            if frame_interval_s:
                columns.append(_texts(np.full(len(cells["label"]), number * frame_interval_s / 60), 3))
            write_rows(file, zip(*columns, strict=True))


def _texts(values: np.ndarray, decimals: int) -> list[str]:
    """Return numbers as texts, without trailing zeros."""
    if not decimals:
        return [str(value) for value in values.tolist()]
    return [f"{value:.{decimals}f}".rstrip("0").rstrip(".") for value in values.tolist()]
