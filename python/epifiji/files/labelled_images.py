"""Images with annotated cells: a folder of images, each with labels or outlines, or the results of a segmentation.

Such a folder is used to train a network or to evaluate one. The cells of ``a.tif`` are in ``a_labels.tif``,
``a_outlines.png`` and the like next to it, in Tissue Analyzer's ``a/handCorrection.tif``, or in the results ``a_cells``.
Corrected labels replace those in the same folder that were corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from epifiji.data.cells import PackedLabels
from epifiji.data.errors import WrongInputError
from epifiji.data.labelled import LabelledImage
from epifiji.data.movie import Movie, size_in_words
from epifiji.data.names import composed
from epifiji.data.record import RecordedSettings
from epifiji.files.labels import (
    CELLS_ENDING,
    OUTLINES_OF_TISSUE_ANALYZER,
    SUFFIXES,
    image_of_cells,
    is_cell_image,
    is_other_form,
    read_cells,
)
from epifiji.files.listing import visible_files
from epifiji.files.movies.frames import Planes
from epifiji.files.movies.movie_file import EXTENSION, movie_name, read_movie
from epifiji.files.results import cell_comparisons, evaluations
from epifiji.files.results.cell_corrections import CORRECTED, latest_labels
from epifiji.files.results.cell_results import labels_in
from epifiji.files.results.movie_identity import find_movie
from epifiji.files.results.result_folder import read_record

PICTURES = (".png", ".jpg", ".jpeg")
FORM = "an image such as a.tif with its cells in a_labels.tif, a_outlines.tif, a/handCorrection.tif or a_cells"


def read_labelled_images(place: Path, channel: int | None = None, over_z: Planes = "time") -> list[LabelledImage]:
    """Read the images of a folder and their cells, the image and the cells of a segmentation's result folder, or one image.

    Other sub-folders and other kinds of files are ignored. Cells that a network segmented and nobody corrected are used
    if an image has no others.

    Parameters
    ----------
    place
        A folder with images of any form that :func:`~epifiji.files.movies.movie_file.read_movie` reads, with one frame or
        more; or one such image, with its cells next to it.
    channel
        Channel of images that have several, counted from 1.
    over_z
        How a stack of planes (Z) becomes one; see :func:`~epifiji.files.movies.movie_file.read_movie`. Results of a
        segmentation that projected it are those of the projection.

    Returns
    -------
    list of LabelledImage
        At least one, by name.

    Raises
    ------
    WrongInputError
        If there is no folder, or no image with cells in it; an image has no cells, or two files of cells; a file of
        cells has no image, another size, or no cell; or a file cannot be read.
    """
    if place.is_file():
        return [_read(place, _cells_of(place), channel, over_z)]
    if not place.is_dir():
        raise WrongInputError(f"{place} does not exist, but a folder is needed that contains {FORM}: check the path.")
    labels = labels_in(place)
    if labels is not None:
        return [_read(_image_of_result(place), latest_labels(labels), channel, over_z)]
    return [_read(image, cells, channel, over_z) for image, cells in labelled_files(place)]


def labelled_files(folder: Path, left_out: str | None = None) -> list[tuple[Path, Path]]:
    """Find the images of a folder, and the file of cells of each, by name.

    Parameters
    ----------
    left_out
        Ending of the names, without their extension, of images that have no cells and are none.

    Raises
    ------
    WrongInputError
        As for :func:`read_labelled_images`.
    """
    cells = _by_image(_cells_in(folder))
    every = (path for path in visible_files(folder, FORM) if _is_image(path))
    images = _by_image(path for path in every if left_out is None or not movie_name(path).endswith(left_out))
    _require_pairs(folder, images, cells)
    return [(images[name], cells[name]) for name in sorted(images)]


def _cells_of(image: Path) -> Path:
    """Return the file of cells that belongs to an image."""
    if not _is_image(image):
        raise WrongInputError(
            f"{image} is no image of cells, but {FORM} is needed: give an image, or a folder of images."
        )
    cells = _by_image(path for path in _cells_in(image.parent) if _name(path) == _name(image))
    if not cells:
        raise WrongInputError(f"{image} has no cells next to it, but {FORM} is needed: put them there.")
    return cells[_name(image)]


def image_beside(cells: Path) -> Path | None:
    """Return the image next to a file of cells that has its name; None if there is none."""
    found = [path for path in visible_files(cells.parent, FORM) if _is_image(path) and path != cells]
    return next((path for path in sorted(found) if _name(path) == _name(cells)), None)


def files_of_cells(folder: Path) -> list[Path]:
    """List the files of cells in a folder, by their images' names: of a segmentation's result its labels, corrected ones first.

    Raises
    ------
    WrongInputError
        If there are none.
    """
    labels = labels_in(folder)
    files = [latest_labels(labels)] if labels is not None else sorted(_cells_in(folder))
    if not files:
        raise WrongInputError(
            f"{folder} contains no files of cells, such as a_labels.tif, a_rois.zip, a_seg.npy or a_coco.json for a.tif: give "
            "the file of cells itself."
        )
    return files


def has_labelled_cells(folder: Path) -> bool:
    """Return whether a folder is a segmentation's result, or contains files of cells."""
    return folder.is_dir() and (labels_in(folder) is not None or any(True for _ in _cells_in(folder)))


def is_made_by_hand(folder: Path) -> bool:
    """Return whether a folder contains files of cells other than results of a segmentation that nobody corrected."""
    return any(not _is_uncorrected(path) for path in _cells_in(folder))


def require_size_of(movie: Movie, shape: tuple[int, ...], file: Path | str) -> None:
    """Refuse a file of cells whose shape (T, Y, X) is not that of its image.

    Raises
    ------
    WrongInputError
        If so.
    """
    if shape != movie.shape:
        raise WrongInputError(
            f"{file} has {size_in_words(shape)}, but its image {movie.path or movie.name} has {size_in_words(movie.shape)}: give "
            "the cells of this image."
        )


def _is_image(path: Path) -> bool:
    return (
        not _is_cells(path)
        and not _shows_scores(path)
        and bool(EXTENSION.search(path.name) or path.suffix.lower() in PICTURES)
    )


def _shows_scores(path: Path) -> bool:
    """Return whether a file is a picture of an evaluation or a comparison that was written into the same folder."""
    named = path.name in (evaluations.PICTURE, cell_comparisons.CURVE) or path.name.endswith(
        cell_comparisons.PICTURE_ENDING
    )
    return named and any((path.parent / one.RECORD).is_file() for one in (evaluations, cell_comparisons))


def _is_cells(path: Path) -> bool:
    return is_cell_image(path) and bool(CELLS_ENDING.search(path.stem))


def _cells_in(folder: Path) -> Iterator[Path]:
    """Yield the files of cells next to images, in Tissue Analyzer's folders and in results; corrected ones if there are any."""
    files = visible_files(folder, FORM)
    beside = [path for path in files if _is_cells(path)]
    # Other programs write ROIs and the like in addition to labels.
    with_labels = {_name(path) for path in beside}
    beside += [path for path in files if is_other_form(path) and _name(path) not in with_labels]
    corrected = {_name(path) for path in beside if path.name.endswith(CORRECTED)}
    yield from (path for path in beside if path.name.endswith(CORRECTED) or _name(path) not in corrected)
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        labels = labels_in(place)
        drawn = [place / f"{OUTLINES_OF_TISSUE_ANALYZER}{suffix}" for suffix in SUFFIXES]
        found = labels if labels is not None else next((path for path in drawn if path.is_file()), None)
        if found is not None:
            yield latest_labels(found)


def _is_uncorrected(cells: Path) -> bool:
    return labels_in(cells.parent) == cells


def _name(path: Path) -> str:
    """Return the name of the image of a file of cells, or that of an image without what its program added."""
    if is_other_form(path):
        return composed(image_of_cells(path))
    name = path.name.removesuffix(CORRECTED) if path.name.endswith(CORRECTED) else movie_name(path)
    return composed(image_of_cells(path.with_name(f"{name}.tif")))


def _by_image(paths: Iterator[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(paths, key=_is_uncorrected):
        name = _name(path)
        if name in found and _is_uncorrected(path) and not _is_uncorrected(found[name]):
            continue
        if name in found:
            raise WrongInputError(
                f"{found[name]} and {path} both belong to the image {name}, but one image and one file of cells are expected: "
                "move one of them elsewhere."
            )
        found[name] = path
    return found


def _require_pairs(folder: Path, images: dict[str, Path], cells: dict[str, Path]) -> None:
    """Refuse images without cells, and cells without an image."""
    if not images or not cells:
        missing = "no image" if not images else "no labels or outlines of cells"
        raise WrongInputError(f"{folder} contains {missing}, but {FORM} is needed: put them there.")
    bare = [name for name in sorted(images) if name not in cells]
    if bare:
        more = f" and {len(bare) - 1} more images have" if len(bare) > 1 else " has"
        raise WrongInputError(
            f"{images[bare[0]].name}{more} no cells in {folder}, but the other images have: add {bare[0]}_labels.tif, or move "
            "images without cells elsewhere."
        )
    lonely = next((path for name, path in cells.items() if name not in images), None)
    if lonely is not None:
        raise WrongInputError(
            f"{lonely} belongs to none of the images in {folder} ({_listed(sorted(images))}), but {FORM} is needed: add its "
            "image, or give the file its image's name."
        )


def _listed(names: Sequence[str], shown: int = 4) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _image_of_result(folder: Path) -> str:
    record = read_record(folder)
    found = find_movie(record, folder)
    if found is None:
        raise WrongInputError(
            f"{folder} contains the cells of {record.movie.file or record.movie.name}, but that image is not found with the "
            "same pixels: put it next to the folder."
        )
    return found


def _read(image: Path | str, file: Path, channel: int | None, over_z: Planes) -> LabelledImage:
    """Open an image, and read its cells; channel and projection are those of the segmentation if there was one."""
    settings = read_record(file.parent).settings if labels_in(file.parent) is not None else RecordedSettings()
    planes: Planes = "max" if getattr(settings, "project", None) == "max" else over_z
    movie = read_movie(image, settings.channel if channel is None else channel, least_frames=1, over_z=planes)
    cells = read_cells(file, movie.shape)
    require_size_of(movie, cells.shape, file)
    if cells.min() == cells.max():
        raise WrongInputError(
            f"{file} has the same number in all pixels, so it shows no cells: give labels, or lines around cells."
        )
    return LabelledImage(movie, PackedLabels(cells), file, not _is_uncorrected(file))
