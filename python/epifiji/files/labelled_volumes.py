"""Volumes with annotated cells: a folder of volumes and their labels, or two folders with files of the same names.

The cells of ``a.tif`` are in ``a_labels.tif`` next to it, as ``epifiji simulate cysts`` writes them (its ``a_lumen.tif`` is
ignored), or in a second folder in ``a.tif``, as BiaPy reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from epifiji.data.cells import PackedLabels
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.labelled import LabelledVolume, require_no_background
from epifiji.files.labelled_images import labelled_files
from epifiji.files.labels import CELLS_ENDING, read_cells
from epifiji.files.listing import visible_files
from epifiji.files.movies.movie_file import EXTENSION, movie_name
from epifiji.files.movies.volume_file import read_volume

FORM = "a volume such as a.tif with its cells in a_labels.tif"
LUMEN = "_lumen"


def read_labelled_volumes(folder: Path, cells: Path | None = None, channel: int | None = None) -> list[LabelledVolume]:
    """Read the volumes of a folder and their cells.

    Parameters
    ----------
    folder
        Of the volumes, in any form that :func:`~epifiji.files.movies.volume_file.read_volume` reads.
    cells
        A folder with the labels of each volume, in a file of the same name. Default: they are next to the volumes.
    channel
        Channel of volumes that have several, counted from 1.

    Raises
    ------
    WrongInputError
        If there is no folder, or no volume with cells in it; a volume has no cells, or cells of another shape or none; or a
        file cannot be read.
    """
    for place in (folder, cells):
        if place is not None and not place.is_dir():
            raise WrongInputError(f"{place} is no folder, but one is needed that contains {FORM}: check the path.")
    pairs = labelled_files(folder, LUMEN) if cells is None else _same_names(folder, cells)
    return [_read(volume, file, channel) for volume, file in pairs]


def volume_files(folder: Path) -> dict[str, Path]:
    """Return the volumes of a folder by their names, without files of cells and lumens.

    Raises
    ------
    WrongInputError
        If the folder cannot be read, or has none, or two of one name.
    """
    found = _by_name(
        (movie_name(path), path)
        for path in visible_files(folder, FORM)
        if EXTENSION.search(path.name)
        and not CELLS_ENDING.search(movie_name(path))
        and not movie_name(path).endswith(LUMEN)
    )
    if not found:
        raise WrongInputError(f"{folder} contains no volume, but one such as a.tif is needed: put it there.")
    return found


def _by_name(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Return files by their names, which must differ."""
    found: dict[str, Path] = {}
    for name, path in named:
        if name in found:
            raise WrongInputError(
                f"{found[name]} and {path} both belong to the volume {name}, but one file is expected: move one of them "
                "elsewhere."
            )
        found[name] = path
    return found


def _same_names(folder: Path, cells: Path) -> list[tuple[Path, Path]]:
    volumes = volume_files(folder)
    every = ((CELLS_ENDING.sub("", movie_name(path)), path) for path in visible_files(cells, FORM))
    labels = _by_name(one for one in every if one[0] in volumes)
    bare = next((name for name in volumes if name not in labels), None)
    if bare is not None:
        raise WrongInputError(
            f"{volumes[bare]} has no cells in {cells}, but labels of the same name are expected there: add {bare}.tif, or move "
            "volumes without cells elsewhere."
        )
    return [(path, labels[name]) for name, path in volumes.items()]


def _read(path: Path, file: Path, channel: int | None) -> LabelledVolume:
    volume = read_volume(path, channel)
    return labelled_volume(volume, read_cells(file), file)


def labelled_volume(volume: Image, labels: object, file: Path | None = None) -> LabelledVolume:
    """Return a volume with its cells, labels (Z, Y, X), whole numbers from 0.

    Raises
    ------
    WrongInputError
        If the shapes differ, there are fewer than two cells, or the background is not 0.
    """
    cells = np.asarray(labels)
    whose = str(file) if file is not None else f"The cells of {volume.name}"
    if cells.shape != volume.shape:
        raise WrongInputError(
            f"{whose} has the shape {cells.shape} (Z, Y, X), but the volume {volume.path or volume.name} has {volume.shape}: "
            "give the labels of this volume."
        )
    if cells.dtype.kind in "bui":
        require_no_background(cells, whose)
    if cells.dtype.kind not in "bui" or len(np.unique(cells[cells > 0])) < 2:
        raise WrongInputError(
            f"{whose} has fewer than two cells, but contours between cells are needed to learn from: give labels, one whole "
            "number for each cell and 0 elsewhere."
        )
    return LabelledVolume(volume, PackedLabels(cells.astype(np.int32)), file)
