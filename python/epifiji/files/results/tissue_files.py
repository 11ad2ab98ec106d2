"""The tissue of a movie as files in its result folder: a mask for some frames, and a table of their cells."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.region import Mask, Region
from epifiji.data.settings.comparison import TISSUE
from epifiji.data.tissue import Cells, Tissue, nearest
from epifiji.files.results.comparisons import write_table
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.journals import recover
from epifiji.files.storage.writable import new_files, plain_name

INSIDE = 255
COLUMNS = ("frame", "y", "x", "area (px²)", "elongation")
MOST_BYTES = 1_000_000_000
"""Most bytes of the table that are read."""

BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError, tifffile.TiffFileError)
"""Exceptions that reading such files may raise if they are broken."""


def tissue_files(movie: str) -> tuple[str, str]:
    """Return the names of the mask and the table."""
    return plain_name(f"{movie}_tissue") + ".tif", plain_name(f"{movie}_tissue") + ".csv"


def write_tissue(folder: Path, movie: str, tissue: Tissue, made_of: Mapping[str, Any]) -> None:
    """Write the mask of each segmented frame, 255 in the tissue, and the cells; an earlier tissue is replaced.

    Parameters
    ----------
    made_of
        What the tissue depends on, such as hashes, as JSON types.

    Raises
    ------
    WrongInputError
        If there is a file of such a name that is no tissue.
    """
    names = tissue_files(movie)
    if any((folder / name).exists() for name in names) and _described(folder / names[0]) is None:
        raise WrongInputError(f"{folder / names[0]} or its table is a file of yours: rename it.")
    masks = {number: tissue.region.of_frame[frame] for number, frame in enumerate(tissue.frames)}
    empty = np.zeros(tissue.region.masks[0].shape, np.uint8)
    pages = (empty if mask < 0 else tissue.region.masks[mask].pixels() * np.uint8(INSIDE) for mask in masks.values())
    description = json.dumps({**made_of, "frames": (tissue.frames + 1).tolist(), "cells": tissue.counts.tolist()})
    with new_files(folder, names) as partial:
        tifffile.imwrite(
            partial / names[0],
            pages,
            shape=(len(masks), *empty.shape),
            dtype=np.uint8,
            compression="zlib",
            photometric="minisblack",
            description=description,
            metadata=None,
        )
        cells = tissue.cells
        columns = (tissue.frames[cells.number] + 1, cells.y, cells.x, cells.area_px, cells.elongation)
        write_table(partial / names[1], (dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)))


def read_tissue(folder: Path, movie: str, shape: tuple[int, int, int], made_of: Mapping[str, Any]) -> Tissue | None:
    """Read the tissue of a movie of this shape (T, Y, X) again; None if there is none, or it depends on something else."""
    recover(folder)
    mask, table = (folder / name for name in tissue_files(movie))
    described = _described(mask)
    if described is None or {key: described.get(key) for key in made_of} != dict(made_of):
        return None
    try:
        require_ordinary(table)
        if table.stat().st_size > MOST_BYTES:
            return None
        return _read(mask, table, shape, described)
    except (*BROKEN, WrongInputError):
        return None


def _described(mask: Path) -> dict[str, Any] | None:
    """Return what is recorded in the file of a mask; None if it is none."""
    try:
        require_ordinary(mask)
        with tifffile.TiffFile(mask) as file:
            described = json.loads(file.pages.first.description)
        return described if isinstance(described, dict) and "frames" in described else None
    except (*BROKEN, WrongInputError):
        return None


def _read(mask: Path, table: Path, shape: tuple[int, int, int], described: dict[str, Any]) -> Tissue:
    frames = np.asarray(described["frames"], int) - 1
    if not len(frames) or (np.diff(frames) <= 0).any() or frames[0] < 0 or frames[-1] >= shape[0]:
        raise ValueError(described["frames"])
    with tifffile.TiffFile(mask) as file:
        pages = list(file.pages)
        if len(pages) != len(frames) or any((page.shape, page.dtype) != (shape[1:], np.uint8) for page in pages):
            raise ValueError(str(mask))
        masks = [Mask.of(page.asarray() == INSIDE) for page in pages]
    with table.open(encoding="utf-8", newline="") as text:
        rows = [[float(row[name]) for name in COLUMNS] for row in csv.DictReader(text)]
    columns = np.array(rows, float).reshape(-1, len(COLUMNS)).T
    number = np.searchsorted(frames, columns[0] - 1)
    cells = Cells(number, *columns[1:])
    tissue = Tissue(Region.of(TISSUE, masks, nearest(frames, shape[0])), frames, cells)
    if tissue.counts.tolist() != described["cells"] or not np.isfinite(columns).all():
        raise ValueError(str(table))
    return tissue
