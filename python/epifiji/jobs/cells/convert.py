"""Convert cells between labels, ROIs, Cellpose's ``_seg.npy`` and COCO's JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.polygons import Polygon
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.jobs import CellConversionJob
from epifiji.engine.cells.polygons import outlines
from epifiji.files.labelled_images import image_beside, require_size_of
from epifiji.files.labels import image_of_cells, is_coco, write_labels, write_png_labels
from epifiji.files.masks import cellpose, coco
from epifiji.files.movies.movie_file import movie_name, read_movie
from epifiji.files.rois.polygons import polygon_of_cell, write_polygons
from epifiji.files.storage.writable import new_files, plain_name, require_absent
from epifiji.jobs.cells.annotated import read_labels

ENDINGS = {
    "tif": "_labels.tif",
    "png": "_labels.png",
    "rois": "_rois.zip",
    "cellpose": cellpose.ENDING,
    "coco": "_coco.json",
}
"""The ending of the file's name for each format."""


@dataclass(frozen=True)
class ConvertedCells:
    """Cells that were written in another format.

    Parameters
    ----------
    files
        The files, one for each image.
    counts
        Number of cells in each of them, of all frames.
    notices
        Sentences about what was assumed or cut.
    """

    files: tuple[Path, ...]
    counts: tuple[int, ...]
    notices: tuple[str, ...] = ()


def convert_cells(
    cells: str | Path,
    image: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **settings: Any,
) -> ConvertedCells:
    """Read cells of any form, and write them as labels, ROIs, for Cellpose, or as COCO's JSON.

    The outlines of ROIs and of COCO follow the edges of the pixels, so reading them again gives the same pixels.
    Cells in several pieces and with holes become composed ROIs, and in COCO several polygons or run lengths.

    Parameters
    ----------
    cells
        Labels or outlines as TIFF or PNG, a ROI zip, a ``_seg.npy``, or a JSON file of one or several images.
    image
        The image of these cells, whose size is needed for ROIs. Default: the image next to the file, by its name.
    out
        Folder to write into. Default: the folder of the cells.
    overwrite
        Whether files may be replaced.
    settings
        See :class:`epifiji.data.settings.jobs.CellConversionJob`.

    Returns
    -------
    ConvertedCells
        The files, ``<image>_labels.tif``, ``_labels.png``, ``_rois.zip``, ``_seg.npy`` or ``_coco.json``.

    Raises
    ------
    WrongInputError
        If the cells cannot be read, overlap without permission, or have another size than the image; the format cannot
        hold them; or a file would be overwritten without permission.
    """
    job = parse_settings(CellConversionJob, settings)
    file = path_from(cells, "cells")
    if not file.is_file():
        raise WrongInputError(f"{file} is not a file, but a file with cells is needed: check the path.")
    folder = file.parent if out is None else path_from(out, "the folder to write into")
    notices: list[str] = []
    read = list(_read(file, image, job, notices))
    names = [plain_name(f"{name}{ENDINGS[job.to]}") for name, _, _ in read]
    require_absent(folder, names, overwrite)
    with new_files(folder, names) as partial:
        counts = [
            _write(partial / made, job.to, name, labels, movie)
            for made, (name, labels, movie) in zip(names, read, strict=True)
        ]
    return ConvertedCells(tuple(folder / name for name in names), tuple(counts), tuple(notices))


def _read(
    file: Path, image: str | Path | None, job: CellConversionJob, notices: list[str]
) -> Iterator[tuple[str, np.ndarray, Movie | None]]:
    """Yield the name of each image, its labels (T, Y, X), and the image if it is known."""
    if is_coco(file) and len(images := coco.images_in(file)) != 1:
        if image is not None or len(set(images)) != len(images):
            raise WrongInputError(
                f"{file} contains the cells of {len(images)} images, but those of one, or images of different names, are needed: "
                "give the file without an image, or rename the images in it."
            )
        for one in images:
            yield movie_name(Path(one)), coco.read_coco(file, job.overlaps, notices, one)[None], None
        return
    place = image if image is not None else image_beside(file)
    movie = None if place is None else read_movie(place, job.channel, least_frames=1)
    labels = read_labels(file, None if movie is None else movie.shape, job.overlaps, notices)
    if movie is not None:
        require_size_of(movie, labels.shape, file)
    yield image_of_cells(file) if movie is None else movie.name, labels, movie


def _write(file: Path, form: str, name: str, labels: np.ndarray, movie: Movie | None) -> int:
    """Write labels (T, Y, X), and return the number of cells."""
    count = sum(len(np.unique(frame[frame > 0])) for frame in labels)
    image = Path(str(movie.path)).name if movie is not None and movie.path else f"{name}.tif"
    if form in ("png", "coco") and len(labels) > 1:
        raise WrongInputError(
            f"{name} has {len(labels)} frames, but {form.upper()} files hold still images: choose tif, rois or cellpose."
        )
    if form == "tif":
        scale = (None, None) if movie is None else (movie.pixel_size_um, movie.frame_interval_s)
        write_labels(file, labels, *scale)
    elif form == "png":
        write_png_labels(file, labels[0])
    elif form == "rois":
        if not count:
            raise WrongInputError(f"{name} has no cells, but ImageJ opens no empty set of ROIs: choose another format.")
        write_polygons(file, _polygons(labels), None if movie is None else movie.layout)
    elif form == "cellpose":
        cellpose.write_seg(file, labels[0] if len(labels) == 1 else labels, image)
    else:
        coco.write_coco(file, image, labels.shape[1:], _areas(labels[0]))
    return count


def _cells(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield label, mask (Y, X) and the mask's corner (y, x) of each cell of a frame."""
    from scipy import ndimage

    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            yield label, labels[box] == label, np.array([side.start for side in box])


def _polygons(labels: np.ndarray) -> Iterator[Polygon]:
    for frame, cells in enumerate(labels):
        for label, mask, corner in _cells(cells):
            first, *others = (one + corner for one in outlines(mask))
            made = polygon_of_cell(frame, label, first)
            yield Polygon(made.name, frame, first, others=tuple(others))


def _areas(labels: np.ndarray) -> Iterator[tuple[np.ndarray, list[np.ndarray], bool]]:
    """Yield pixels, outlines, and whether there are holes, of each cell of a frame."""
    from scipy import ndimage

    for _, mask, corner in _cells(labels):
        holed = bool((ndimage.binary_fill_holes(mask) != mask).any())
        yield np.argwhere(mask) + corner, [one + corner for one in outlines(mask)], holed
