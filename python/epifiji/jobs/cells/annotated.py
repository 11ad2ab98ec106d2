"""Annotated cells of images as labels: from label images, and from outlines that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epifiji.data.cells import PackedLabels
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import areas_of, labels_at_border
from epifiji.data.settings.jobs import Overlaps
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.files.labels import (
    OUTLINES_OF_TISSUE_ANALYZER,
    holds_labels,
    read_cells,
    require_writable_labels,
)
from epifiji.files.results.cell_corrections import latest_labels
from epifiji.files.results.cell_results import labels_in

LINE_PX = 2
"""Drawn lines disappear if so many pixels are removed from both of their sides; a single labelled cell does not."""


FEW_LABELS = 10
"""Below so many values, separate parts of each are not taken as a sign of an image of the tissue."""


def require_labels(pixels: np.ndarray, file: Path | str) -> None:
    """Refuse pixels (T, Y, X) that are neither labels nor lines: masks, classes, images of the tissue, lines of several greys.

    The first, the middle and the last frame are looked at.

    Raises
    ------
    WrongInputError
        If most of the values of a frame occur in several separate places, or a single one does, or one of few in many; or if
        a value draws a network of lines, or surrounds all others.
    """
    for t in sorted({0, len(pixels) // 2, len(pixels) - 1}):
        parts = _parts(pixels[t])
        if len(parts) == 1 and parts.max() > 1:
            raise WrongInputError(
                f"{file} has one value in {parts.max()} separate places, so cells are not told apart: give each cell a number of "
                f"its own, in Fiji with MorphoLibJ's Connected Components Labeling, or lines of at most {2 * LINE_PX} pixels "
                "between cells."
            )
        if len(parts) == 1 and (holes := _surrounded(pixels[t])):
            raise WrongInputError(
                f"{file} has one value, which surrounds {holes} {'place' if holes == 1 else 'places'} of 0, so it is an inverted "
                f"mask, or has lines of more than {2 * LINE_PX} pixels: give each cell a number of its own, in Fiji with Edit > "
                "Invert and MorphoLibJ's Connected Components Labeling, or thinner lines."
            )
        if 1 < len(parts) < FEW_LABELS <= parts.max():
            raise WrongInputError(
                f"{file} has {len(parts)} values, and one of them is in {parts.max()} separate places, so they are classes of "
                "pixels: give each cell a number of its own, in Fiji with MorphoLibJ's Connected Components Labeling."
            )
        if len(parts) >= FEW_LABELS and (parts > 1).mean() > 0.5:
            raise WrongInputError(
                f"{file} has {len(parts)} values, and most of them are in several separate places, so they are no labels: give "
                "one whole number for each cell, not the image of the tissue, or lines of one grey value."
            )
        if _draws_network(pixels[t]):
            raise WrongInputError(
                f"{file} contains lines between cells, but more than two grey values: make them black and white, in Fiji with "
                "Image > Adjust > Threshold..."
            )


def _parts(frame: np.ndarray) -> np.ndarray:
    """Return in how many separate places each value of a frame (Y, X) is, without 0."""
    from skimage.measure import label

    places = label(frame, background=0, connectivity=2)
    values = np.zeros(int(places.max(initial=0)) + 1, frame.dtype)
    values[places] = frame
    return np.unique(values[values > 0], return_counts=True)[1]


def _surrounded(frame: np.ndarray) -> int:
    """Return how many places of 0 are enclosed in a frame (Y, X), if several are, or if what encloses one fills the frame."""
    from skimage.measure import label

    places = label(frame == 0, connectivity=1)
    holes = int(places.max(initial=0)) - len(labels_at_border(places))
    fills = all(side.any() for side in (frame[0], frame[-1], frame[:, 0], frame[:, -1]))
    return holes if holes > 1 or fills else 0


def _draws_network(frame: np.ndarray) -> bool:
    """Return whether the most frequent value but 0 is thin everywhere, but extends over most of the frame (Y, X)."""
    from scipy import ndimage

    values, counts = areas_of(frame)
    values, counts = values[values > 0], counts[values > 0]
    if len(values) < 2:
        return False
    drawn = frame == values[counts.argmax()]
    where = np.argwhere(drawn)
    wide = (np.ptp(where, axis=0) > np.array(frame.shape) / 2).all()
    return bool(wide) and not ndimage.binary_erosion(drawn, np.ones((3, 3), bool), iterations=LINE_PX).any()


def annotated_cells(pixels: np.ndarray | PackedLabels, file: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the cells of each frame as labels (Y, X), and where it is known what is there (Y, X), bool.

    What outlines do not enclose, or the image's border cuts off, is unknown. In a label image, 0 is known to be no cell; nothing
    is known of a frame without labels.

    Parameters
    ----------
    pixels, file
        (T, Y, X), and the file that they were read from.
    """
    pixels = np.asarray(pixels)
    lines = lines_in(pixels, file)
    if lines is None:
        return [(frame, np.full(frame.shape, bool(frame.any()))) for frame in pixels]
    return [cells_between(frame) if frame.any() else (0 * pixels[0], frame) for frame in lines]


def contains_labels(pixels: np.ndarray | PackedLabels, file: Path) -> bool:
    """Return whether pixels (T, Y, X) are labels, and not lines between cells.

    Raises
    ------
    WrongInputError
        If they are neither; see :func:`require_labels`.
    """
    pixels = np.asarray(pixels)
    if lines_in(pixels, file) is not None:
        return False
    if not holds_labels(file):
        require_labels(pixels, file)
    return True


def read_labels(
    file: Path,
    shape: Sequence[int] | None = None,
    overlaps: Overlaps = "refuse",
    notices: list[str] | None = None,
) -> np.ndarray:
    """Read labels (T, Y, X), int32. The cells of outlines meet in the middle of the lines, and are numbered frame by frame.

    See :func:`~epifiji.files.labels.read_cells` for the parameters.
    """
    pixels = read_cells(file, shape, overlaps, notices)
    lines = lines_in(pixels, file)
    if lines is None:
        if not holds_labels(file):
            require_labels(pixels, file)
        require_writable_labels(int(pixels.max()), file)
    return pixels if lines is None else np.stack([label_outlines(frame) for frame in lines])


def cells_and_region(pixels: np.ndarray, labelled: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (Y, X) of label images and outlines, and where it is known what is there (Y, X), bool.

    Pixels of two grey levels are outlines, unless they are known to be labels; see :func:`contains_labels`.
    """
    if labelled or len(np.unique(pixels)) != 2:
        return pixels, np.ones(pixels.shape, bool)
    return cells_between(drawn_lines(pixels))


def cells_between(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells between lines (Y, X) as labels, without those that the image's border cuts off, and where they are."""
    labels = label_outlines(lines)
    cut_off = labels_at_border(np.where(lines, 0, labels))
    labels = np.where(np.isin(labels, cut_off), 0, labels)
    return labels, labels > 0


def lines_in(pixels: np.ndarray, file: Path) -> np.ndarray | None:
    """Return which pixels (T, Y, X) are lines between cells; None if the pixels are labels.

    Labels of two values, or of a few thin cells, look like lines: those of a result folder are known.
    """
    from scipy import ndimage

    if _are_labels_of_result(file) or holds_labels(file):
        return None
    low, high = pixels.min(), pixels.max()
    if low == high or not ((pixels == low) | (pixels == high)).all():
        return None
    lines = drawn_lines(pixels)
    if file.stem.lower() == OUTLINES_OF_TISSUE_ANALYZER.lower():
        return lines
    around = np.zeros((3, 3, 3), bool)
    around[1] = True
    return None if ndimage.binary_erosion(lines, around, iterations=LINE_PX).any() else lines


def _are_labels_of_result(file: Path) -> bool:
    """Return whether a file is known to contain labels: those of a segmentation's result folder, corrected or not."""
    labels = labels_in(file.parent)
    return labels is not None and file in (labels, latest_labels(labels))
