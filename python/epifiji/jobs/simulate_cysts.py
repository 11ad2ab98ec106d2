"""Simulated cysts as files, for training and testing networks for volumes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import CystSettings
from epifiji.engine.simulation.cysts import SimulatedCyst, simulate_cyst
from epifiji.engine.simulation.random_settings import draw_cyst_settings
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie, write_stack
from epifiji.files.results.cell_results import labels_file
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.simulate import RECORD, require_number
from epifiji.jobs.versions import versions


@dataclass(frozen=True)
class SimulatedCysts:
    """The files of simulated cysts.

    Parameters
    ----------
    folder
        Their folder.
    files
        Names of the files in it.
    cells
        Number of cells of each cyst, by the cyst's name.
    """

    folder: Path
    files: list[str]
    cells: dict[str, int]


def simulate_cysts(
    out: str | Path,
    cysts: int = 1,
    varied: bool = False,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> SimulatedCysts:
    """Write simulated epithelial cysts with their true cells and lumen.

    For each cyst there are ``cyst_<seed>.tif``, its cells as ``cyst_<seed>_labels.tif`` and its lumen as
    ``cyst_<seed>_lumen.tif`` (255 in the lumen, 0 elsewhere), stacks with their voxel size; for all cysts
    ``simulation.json`` with the settings and versions.

    Parameters
    ----------
    out
        Folder of the cysts.
    cysts
        Number of cysts; the seed increases by 1 from each to the next.
    varied
        Draw the settings that are not specified at random for each cyst, as
        :func:`epifiji.engine.simulation.random_settings.draw_cyst_settings` does.
    overwrite
        Replace existing files.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`epifiji.data.settings.cysts.CystSettings`.

    Raises
    ------
    WrongInputError
        If a setting is invalid, a file exists, or the cells leave no room for a lumen.
    """
    folder, chosen = path_from(out, "the folder to write into"), parse_settings(CystSettings, settings)
    require_number("cysts", cysts)
    each = [_settings_of(chosen, settings, number, varied) for number in range(cysts)]
    names = [f"cyst_{one.seed}" for one in each]
    possible = [RECORD, *(file for name in names for file in _files(name))]
    require_absent(folder, possible, overwrite)
    record: dict[str, Any] = {"versions": versions(), "varied": varied, "cysts": []}
    cells: dict[str, int] = {}
    with new_files(folder, possible) as partial:
        for number, (name, one) in enumerate(zip(names, each, strict=True)):
            made = simulate_cyst(one, PartReport(report, number, cysts, after=f" {name}" if cysts > 1 else ""))
            _write(partial, made)
            cells[name] = made.cells
            record["cysts"].append({"name": name} | _described(made))
        write_record(partial / RECORD, record)
        written = sorted(file.name for file in partial.iterdir())
    return SimulatedCysts(folder, written, cells)


def _settings_of(chosen: CystSettings, given: Mapping[str, Any], number: int, varied: bool) -> CystSettings:
    """Return the settings of one of several cysts."""
    seed = chosen.seed + number
    if not varied:
        return chosen.model_copy(update={"seed": seed})
    kept = {name: getattr(chosen, name) for name, value in given.items() if value is not None and name != "seed"}
    return draw_cyst_settings(seed, **kept)


def _files(name: str) -> list[str]:
    return [f"{name}.tif", labels_file(name), f"{name}_lumen.tif"]


def _write(folder: Path, made: SimulatedCyst) -> None:
    volume, labels, lumen = (folder / file for file in _files(made.volume.name))
    spacing = made.volume.spacing
    write_movie(made.volume, volume)
    write_labels(labels, made.labels, spacing=spacing)
    planes = (np.where(plane, np.uint8(255), np.uint8(0)) for plane in made.lumen)
    depth, height, width = made.lumen.shape
    write_stack(lumen, planes, (depth, height, width), np.dtype(np.uint8), spacing)


def _described(made: SimulatedCyst) -> dict[str, Any]:
    """Describe a cyst in JSON's types."""
    return {
        "settings": made.settings.model_dump(),
        "cells": made.cells,
        "lumen_voxels": int(np.count_nonzero(made.lumen)),
        "pixels_sha256": hashlib.sha256(np.ascontiguousarray(made.volume.pixels).tobytes()).hexdigest(),
    }
