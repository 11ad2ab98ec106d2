"""Files of images with cells that were split into a training and a test part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.movie import Movie
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.cell_results import labels_file
from epifiji.files.results.comparisons import Row, write_table
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, plain_name, require_absent

TABLE, RECORD = "split.csv", "split.json"
PARTS = ("train", "test")


@dataclass(frozen=True, eq=False)
class SplitImage:
    """A part of an image with its cells, labels (T, Y, X)."""

    part: str
    movie: Movie
    labels: np.ndarray

    @property
    def files(self) -> tuple[str, str]:
        """The names of the image and of its labels."""
        return plain_name(self.movie.name) + ".tif", labels_file(self.movie.name)


def require_room_for_split(folder: Path, images: Iterable[tuple[str, str]], overwrite: bool) -> None:
    """Refuse to write into a folder in which files of a split would be overwritten; `images` are parts and names.

    Raises
    ------
    WrongInputError
        Naming the file, or the folder that cannot be written to.
    """
    require_absent(folder, (TABLE, RECORD), overwrite)
    names = list(images)
    for part in PARTS:
        files = [file for one, name in names if one == part for file in (f"{name}.tif", labels_file(name))]
        require_absent(folder / part, files, overwrite)


def write_split(
    folder: Path, images: Sequence[SplitImage], rows: Sequence[Row], record: Mapping[str, Any]
) -> list[Path]:
    """Write ``train/`` and ``test/`` with images and labels, a table and a record, all of it or nothing.

    Returns
    -------
    list of Path
        The files.
    """
    files = [f"{one.part}/{file}" for one in images for file in one.files]
    with new_files(folder, (TABLE, RECORD, *files)) as partial:
        for part in PARTS:
            (partial / part).mkdir()
        for one in images:
            image, labels = (partial / one.part / file for file in one.files)
            write_movie(one.movie, image)
            write_labels(labels, one.labels, one.movie.pixel_size_um, one.movie.frame_interval_s)
        write_table(partial / TABLE, rows)
        write_record(partial / RECORD, record)
    return [folder / name for name in (*files, TABLE, RECORD)]
