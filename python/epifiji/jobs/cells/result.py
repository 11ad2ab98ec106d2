"""The files of a segmentation's result: written by the segmentation, and anew when its cells are corrected."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.progress import WRITING, Report, silent
from epifiji.data.stack_layout import StackLayout
from epifiji.engine.cells.outlines import outlines_of
from epifiji.engine.cells.polygons import polygons
from epifiji.engine.cells.properties import cell_properties
from epifiji.files.figures.segmentation import write_overlay
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.cell_results import TABLE, rois_file, write_cells_table
from epifiji.files.results.movie_identity import find_movie
from epifiji.files.results.result_folder import PICTURE, RUN_RECORD, read_record, write_record
from epifiji.files.rois.polygons import polygon_of_cell, write_polygons
from epifiji.files.storage.writable import plain_name
from epifiji.files.tissue_analyzer import OUTLINES, read_outline_files, write_outline_files

Cells = dict[str, np.ndarray]


@dataclass(frozen=True)
class CellFiles:
    """What the table, the outlines and the polygons of a result contain.

    Parameters
    ----------
    name
        The name of the image.
    labels
        (T, Y, X); frames are read by their index.
    cells
        The measurements of each frame.
    pixel_size_um, frame_interval_s, pixel_height_um
        The image's calibration; None if unknown. The height is None if pixels are square.
    layout
        Positions of the frames in ImageJ's stack.
    frames
        The names of the frames of a movie; see :func:`~epifiji.files.tissue_analyzer.frame_names`.
    """

    name: str
    labels: Any
    cells: Sequence[Cells]
    pixel_size_um: float | None
    frame_interval_s: float | None
    pixel_height_um: float | None
    layout: StackLayout
    frames: Sequence[str]

    def polygons(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Trace the cells: frame (from 0), label, and corners (n, 2) of y and x, where integers are centres of pixels."""
        for t in range(len(self.cells)):
            for label, corners in polygons(self.labels[t]):
                yield t, label, corners

    def write_table_and_polygons(self, folder: Path, rois: bool, report: Report = silent) -> None:
        """Write ``cells.csv`` and, if `rois`, the polygons."""
        write_cells_table(folder / TABLE, self.cells, self.pixel_size_um, self.frame_interval_s, self.pixel_height_um)
        if rois:
            traced = (reported(report, one[0] / len(self.cells), polygon_of_cell(*one)) for one in self.polygons())
            write_polygons(folder / rois_file(self.name), traced, self.layout)

    def write_outlines(self, folder: Path, lines: Iterable[np.ndarray]) -> dict[str, Any]:
        """Write the outlines (Y, X), bool, of each frame, and return their entry in the record."""
        scale = self.pixel_size_um, self.frame_interval_s
        place = folder / plain_name(self.name)
        sha256 = write_outline_files(place, lines, tuple(self.labels.shape), self.frames, scale)
        return {"sha256": sha256, "frames": list(self.frames)}


def reported(report: Report, done: float, value: Any) -> Any:
    """Return a value after the progress of the writing was reported."""
    report(done, WRITING)
    return value


def rewrite_result(
    place: Path, folder: Path, labels: np.ndarray, edited: Collection[int], counts: Mapping[str, int]
) -> tuple[str, ...]:
    """Write the files of a result that depend on the cells anew, for labels that were corrected.

    Parameters
    ----------
    place
        Where the files are written; they are then moved to `folder`.
    folder
        The result folder.
    labels
        (T, Y, X), the labels with all corrections.
    edited
        Indices of the frames in which there are corrections.
    counts
        Number of corrections of each kind.

    Returns
    -------
    tuple of str
        Sentences about what could not be written anew.
    """
    known = read_record(folder)
    record = json.loads((folder / RUN_RECORD).read_text("utf-8-sig"))
    movie, name = known.movie, str(known.movie.name)
    layout = StackLayout(**movie.layout.model_dump()) if movie.layout is not None else StackLayout()
    written = record.get("outlines") or {}
    height = getattr(movie, "pixel_height_um", None)
    files = CellFiles(
        name,
        labels,
        [cell_properties(frame) for frame in labels],
        movie.pixel_size_um,
        movie.frame_interval_s,
        height if isinstance(height, int | float) and height > 0 else None,
        layout,
        list(map(plain_name, written.get("frames") or ())),
    )
    files.write_table_and_polygons(place, (folder / rois_file(name)).exists())
    notices = []
    earlier = set((record.get("corrections") or {}).get("frames") or ())
    found = read_outline_files(folder / plain_name(name), files.frames)
    if found is None or found[1] != written.get("sha256"):
        notices.append(
            f"{folder / plain_name(name) / OUTLINES} was changed by another program, so it is left as it is and does not "
            "contain these corrections: move it away and end a correction again to write it anew."
        )
    else:
        lines = (
            outlines_of(frame) if t in edited or t + 1 in earlier else found[0][t] for t, frame in enumerate(labels)
        )
        record["outlines"] = files.write_outlines(place, lines)
    cells = [len(one["label"]) for one in files.cells]
    if not _write_picture(place / PICTURE, folder, labels, cells):
        notices.append(f"{folder / PICTURE} is removed, because the image is not found, on which it shows the cells.")
        record["files"] = [file for file in record.get("files") or () if file != PICTURE]
    record["counts"] = {"cells": sum(cells)}
    record["corrections"] = {**counts, "frames": sorted(t + 1 for t in edited)}
    write_record(place / RUN_RECORD, record)
    return tuple(notices)


def rewritten_files(folder: Path) -> list[str]:
    """List the paths, relative to a result folder, that :func:`rewrite_result` replaces or removes, apart from outlines."""
    return [TABLE, PICTURE, RUN_RECORD, rois_file(str(read_record(folder).movie.name))]


def _write_picture(path: Path, folder: Path, labels: np.ndarray, counts: list[int]) -> bool:
    """Draw the cells over the image, if it is found."""
    record = read_record(folder)
    file = find_movie(record, folder)
    diameter = getattr(record.scale, "cell_diameter_px", None)
    if file is None or not isinstance(diameter, int | float):
        return False
    projected = getattr(record.settings, "project", None) == "max"
    try:
        movie = read_movie(file, record.settings.channel, 1, "max" if projected else "time")
    except WrongInputError:
        return False
    if movie.shape != labels.shape:
        return False
    write_overlay(path, movie, labels, counts, float(diameter))
    return True
