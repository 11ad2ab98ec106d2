"""Predicted and annotated cells of the same images: which files, frames and arrays belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import areas_of, labels_at_border, numbered
from epifiji.data.movie import size_in_words
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.files.labels import CELLS_ENDING, has_no_size, image_of_cells, is_cell_image, is_other_form, read_cells
from epifiji.files.results.cell_corrections import latest_labels
from epifiji.files.results.cell_results import labels_in
from epifiji.jobs.cells.annotated import cells_and_region, contains_labels

Cells = str | Path | np.ndarray
"""A file, a folder of files, or an array (Y, X) or (T, Y, X)."""


class Field(NamedTuple):
    """The cells of an image, as labels (Y, X), and where it is known what is annotated, (Y, X), bool."""

    name: str
    predicted: np.ndarray
    annotated: np.ndarray
    known: np.ndarray


def pairs(predicted: Cells, annotated: Cells, notices: list[str], report: Report = silent) -> Iterator[Field]:
    """Yield the cells of both sides, frame by frame, and add sentences about cells that are left out.

    `report` may raise to cancel.

    Raises
    ------
    WrongInputError
        If a side cannot be read, sizes differ, or nothing belongs together.
    """
    for part, name, one_side, other_side in _images(predicted, annotated, report):
        (found, found_labelled, found_where), (known, known_labelled, known_where) = one_side, other_side
        if found.shape != known.shape:
            raise WrongInputError(
                f"The predicted cells in {found_where} have {size_in_words(found.shape)} and the annotated ones in {known_where} "
                f"{size_in_words(known.shape)}, but both must show the same image: check which files belong together."
            )
        notices += [*_doubts(one_side, other_side), *_doubts(other_side, one_side)]
        for frame, (one, other) in enumerate(zip(found, known, strict=True), 1):
            field = field_name(name, frame, len(found))
            part((frame - 1) / len(found), f"comparing {field}")
            cells, enclosed = cells_and_region(one, found_labelled)
            true_cells, region = cells_and_region(other, known_labelled)
            # Predicted outlines do not say what the border cuts off either.
            unclosed = np.intersect1d(labels_at_border(true_cells), mostly(true_cells, ~enclosed))
            if len(unclosed):
                notices.append(
                    f"{field}: predicted outlines do not enclose {len(unclosed)} annotated border cells: they are left out."
                )
                region = region & ~np.isin(true_cells, unclosed)
                true_cells = np.where(region, true_cells, 0)
            yield Field(field, cells, true_cells, region)


def without_small(field: Field, min_area: int) -> Field:
    """Remove cells of fewer pixels from both sides; where they were, no cell is known to be."""
    if min_area < 2:
        return field
    found, known = (_large(labels, min_area) for labels in (field.predicted, field.annotated))
    return field._replace(predicted=found, annotated=known)


def _large(labels: np.ndarray, min_area: int) -> np.ndarray:
    present, areas = areas_of(labels)
    kept: np.ndarray = np.where(np.isin(labels, present[areas < min_area]), 0, labels)
    return kept


def field_name(image: str, frame: int, frames: int) -> str:
    """Return the name of a frame, counted from 1, of an image or a movie."""
    return image if frames == 1 else f"{image} frame {frame}"


class Side(NamedTuple):
    """Pixels (T, Y, X), whether they are labels, even if they have two grey levels, and where they come from, in words."""

    pixels: np.ndarray
    labelled: bool
    where: str


def _doubts(side: Side, other: Side) -> Iterator[str]:
    """Yield a notice if a side may not show what the user thinks: no cell, or a single one where the other has several."""
    largest = int(side.pixels.max(initial=0))
    name = Path(side.where).name
    if largest == 0:
        yield f"{name} has no cells: all of its pixels are 0."
    elif side.labelled and _has_one_label(side.pixels) and not (other.labelled and _has_one_label(other.pixels)):
        yield (
            f"{name} has a single number, {largest}, so it counts as one cell: if it is a mask of several cells that touch, give "
            "each of them a number of its own."
        )


def _has_one_label(pixels: np.ndarray) -> bool:
    return bool(((pixels == 0) | (pixels == pixels.max(initial=0))).all())


def _images(predicted: Cells, annotated: Cells, report: Report) -> Iterator[tuple[Report, str, Side, Side]]:
    """Yield the part of the report, the name and both sides of each image."""
    if isinstance(predicted, np.ndarray) or isinstance(annotated, np.ndarray):
        name = next(
            (image_of_cells(Path(one)) for one in (predicted, annotated) if not isinstance(one, np.ndarray)), "image"
        )
        yield report, name, *_sides(predicted, annotated)
        return
    found, known = (path_from(one, "cells") for one in (predicted, annotated))
    if not (found.is_dir() and known.is_dir()):
        file = _one_file(known)
        report(0, f"reading {file.name}")
        yield report, image_of_cells(file), *_sides(_one_file(found), file)
        return
    sides = _by_image(found), _by_image(known)
    shared = sorted(sides[0].keys() & sides[1].keys())
    if not shared:
        raise WrongInputError(
            f"No file of {found} has the name of an image in {known}, but files that belong together are needed, such as "
            "a_labels.tif and a_masks.tif: rename them."
        )
    for number, name in enumerate(shared):
        part = PartReport(report, number, len(shared))
        part(0, f"reading {name}")
        yield part, name, *_sides(sides[0][name], sides[1][name])


def _one_file(place: Path) -> Path:
    """Return a file, or the only file of cells in a folder."""
    if not place.is_dir():
        return place
    files = list(_by_image(place).values())
    if len(files) != 1:
        raise WrongInputError(
            f"{place} is a folder with {len(files)} images of cells, but the other side is one file: give a file, or two folders."
        )
    return files[0]


def _by_image(folder: Path) -> dict[str, Path]:
    """Return the files of cells in a folder and its folders by the images that they belong to; of a result the labels.

    If labels were corrected, their corrected version is used.
    """
    results = labels_in(folder)
    places = [] if results else [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [results] if results else []
    for place in places:
        labels = labels_in(place)
        found += [labels] if labels else _cells_in(place)
    latest = {path: latest_labels(path) for path in found}
    files: dict[str, Path] = {}
    for path in found:
        if any(path == one and path != labels for labels, one in latest.items()):
            continue
        name = image_of_cells(path)
        if name in files:
            raise WrongInputError(
                f"{files[name]} and {path} both belong to the image {name}, but one file of cells for each image is expected: "
                "keep the images themselves and other results in another folder."
            )
        files[name] = latest[path]
    return files


def _cells_in(folder: Path) -> list[Path]:
    """Return the images of cells in a folder, and files of other forms that belong to none of them.

    The images themselves, such as ``a.tif`` next to ``a_masks.tif``, are not cells.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    images = [path for path in files if is_cell_image(path)]
    marked = {path: bool(CELLS_ENDING.search(path.stem)) for path in images}
    of_marked = {image_of_cells(path) for path in images if marked[path]}
    images = [path for path in images if marked[path] or image_of_cells(path) not in of_marked]
    named = {image_of_cells(path) for path in images}
    return [*images, *(path for path in files if is_other_form(path) and image_of_cells(path) not in named)]


def _sides(predicted: Cells, annotated: Cells) -> tuple[Side, Side]:
    """Read both sides; ROIs last, because they have the size of the other side."""
    if not isinstance(predicted, np.ndarray) and has_no_size(path_from(predicted, "cells")):
        known = _side(annotated, "annotated")
        return _side(predicted, "predicted", known.pixels.shape), known
    found = _side(predicted, "predicted")
    return found, _side(annotated, "annotated", found.pixels.shape)


def _side(given: Cells, what: str, shape: Sequence[int] | None = None) -> Side:
    if not isinstance(given, np.ndarray):
        file = path_from(given, "cells")
        pixels = read_cells(file, shape)
        return Side(pixels, contains_labels(pixels, file), str(file))
    if given.ndim not in (2, 3):
        raise WrongInputError(
            f"Cells were given as an array of the shape {given.shape}, but (Y, X) or (T, Y, X) is expected."
        )
    pixels = given[None] if given.ndim == 2 else given
    where = f"the array of {what} cells"
    return Side(pixels, contains_labels(pixels, Path(where)), where)


def mostly(labels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the labels of which more than half of the pixels lie somewhere."""
    if not where.any():
        return np.zeros(0, labels.dtype)
    present, numbers = numbered(labels)
    areas = np.bincount(numbers.ravel(), minlength=len(present))
    inside = np.bincount(numbers[where], minlength=len(present))
    return present[(2 * inside > areas) & (present > 0)]
