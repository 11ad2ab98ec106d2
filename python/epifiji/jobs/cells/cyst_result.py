"""The files of a cyst's result, written anew when its cells are corrected."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from epifiji.data.image import Image
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.volume_file import read_volume
from epifiji.files.results.cell_results import TABLE, labels_file, rois_file
from epifiji.files.results.result_folder import RUN_RECORD, read_record, write_record
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.jobs.cells.cyst_segmentation import CystSegmentation, lumen_file, measured_if_possible, view_file


def rewrite_cyst(
    place: Path, folder: Path, labels: np.ndarray, planes: Collection[int], counts: Mapping[str, int]
) -> tuple[str, ...]:
    """Write the files of a result that depend on the cells anew, for labels that were corrected.

    The lumen stays as it was segmented; voxels that now belong to a cell are not measured as lumen.

    Parameters
    ----------
    place
        Where the files are written; they are then moved to `folder`.
    folder
        The result folder.
    labels
        (Z, Y, X), the labels with all corrections.
    planes
        Indices of the planes in which there were corrections.
    counts
        Number of corrections of each kind.

    Returns
    -------
    tuple of str
        Sentences about what could not be measured, or not completely.
    """
    known, record = read_record(folder), json.loads((folder / RUN_RECORD).read_text("utf-8-sig"))
    name, layout = str(known.movie.name), known.movie.layout
    segmented = read_volume(folder / labels_file(name))
    volume = Image(
        labels,
        name,
        segmented.pixel_size_um,
        layout=StackLayout(**layout.model_dump()) if layout is not None else StackLayout("Z"),
        axes="ZYX",
        pixel_height_um=segmented.pixel_height_um,
        voxel_depth_um=segmented.voxel_depth_um,
    )
    lumen = _lumen(folder / lumen_file(name), labels.shape)
    least = getattr(known.settings, "least_contact_voxels", None)
    measured = measured_if_possible(volume, labels, lumen, least if isinstance(least, int) else None)
    corrected = CystSegmentation(volume, labels, lumen, measured, record)
    write_table(place / TABLE, corrected.table())
    for file, write in ((rois_file(name), corrected.write_rois), (view_file(name), corrected.write_view)):
        if (folder / file).exists():
            write(place / file)
    gone = {file for file in rewritten_cyst_files(folder) if not (place / file).exists()} - {RUN_RECORD}
    record["files"] = [file for file in record.get("files") or () if file not in gone]
    record["counts"] = {"cells": corrected.count}
    record["cyst"] = measured.to_dict() if measured else None
    record["corrections"] = {**counts, "planes": sorted(z + 1 for z in planes)}
    write_record(place / RUN_RECORD, record)
    if measured is not None or not all(volume.spacing.values()):
        return measured.notices if measured else ()
    return (
        f"The corrected cells of {name} were not measured, because they enclose no lumen: close the gaps between cells, or "
        "measure them with epifiji.measure_cyst and a lumen.",
    )


def rewritten_cyst_files(folder: Path) -> list[str]:
    """List the names of the files in a cyst's result folder that :func:`rewrite_cyst` replaces or removes."""
    name = str(read_record(folder).movie.name)
    return [TABLE, RUN_RECORD, rois_file(name), view_file(name)]


def _lumen(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read the lumen of a result; an empty one if none was found."""
    if not file.is_file():
        return np.zeros(shape, bool)
    found = np.asarray(read_volume(file)) > 0
    return found if found.shape == shape else np.zeros(shape, bool)
