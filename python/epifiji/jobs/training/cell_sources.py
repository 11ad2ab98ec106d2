"""Training data for cells: folders of images with labels or outlines, and corrected segmentations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epifiji.data.cell_networks import CellNetworkDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import areas_of, at_outlines, labels_at_border
from epifiji.data.labelled import LabelledImage, TrainingField
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.cells.scale import resized
from epifiji.engine.tiling.levels import levelled
from epifiji.files.labelled_images import FORM, read_labelled_images
from epifiji.jobs.cells.annotated import annotated_cells

READING = "reading the images"
AROUND_PX = 66
"""Pixels around annotated cells that are kept, at the network's scale: half the neighbourhood of local contrast."""

FRAMES_OF_SIGN = 5
"""Frames of a movie on which it is measured whether borders are dark."""

MOST_PX = 60_000_000
"""Pixels of all frames at the network's scale that are kept in memory, with 9 bytes each."""


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An annotated image at a network's scale.

    Parameters
    ----------
    source
        The image and its cells.
    frames
        Those with annotated cells.
    diameter_px
        Typical diameter of the cells in pixels of the image.
    dark
        Whether borders are darker than cells.
    """

    source: LabelledImage
    frames: tuple[TrainingField, ...]
    diameter_px: float
    dark: bool

    @property
    def cells(self) -> int:
        """Number of annotated cells in all frames."""
        return sum(field.cells for field in self.frames)


def read_cell_sources(given: Sequence[str | Path], settings: TrainingSettings) -> list[LabelledImage]:
    """Read folders of images with labels or outlines, and results of a segmentation.

    Raises
    ------
    WrongInputError
        If there is no source, a source cannot be read, a pixel is not finite, or an image is specified twice.
    """
    if not given:
        raise WrongInputError(f"nothing to learn from was given, but a folder is needed that holds {FORM}.")
    places = [path_from(one, "what to learn from") for one in given]
    sources = [image for place in places for image in read_labelled_images(place, settings.channel)]
    seen: set[str] = set()
    for source in sources:
        source.movie.require_finite()
        place = str(source.movie.path and source.movie.path.resolve())
        if place in seen:
            raise WrongInputError(
                f"the image {place} is given twice, but each is learnt from once: leave one of them out."
            )
        seen.add(place)
    return sources


def prepare_images(
    sources: Sequence[LabelledImage],
    description: CellNetworkDescription,
    settings: TrainingSettings,
    report: Report = silent,
) -> list[PreparedImage]:
    """Bring images and cells to a network's scale, with borders brighter than cells.

    The diameter of the cells is that of a disk of their median area; whether borders are dark is measured on them. If all
    frames of long movies would need too much memory, some are left out, evenly.

    Raises
    ------
    WrongInputError
        If an image has fewer than two cells.
    """
    made: list[PreparedImage] = []
    for number, source in enumerate(sources):
        report(number / len(sources), READING)
        made.append(_prepared(source, description, settings, MOST_PX // len(sources)))
    return made


def _prepared(
    source: LabelledImage, description: CellNetworkDescription, settings: TrainingSettings, most_px: int
) -> PreparedImage:
    used, found = [], []
    for t in range(len(source.movie)):
        labels, _ = _cells_of(source, t)
        if at_outlines(labels).any():
            used.append(t)
            found.append(_areas(labels))
    if not used:
        raise WrongInputError(
            f"{source.file} shows fewer than two cells in each frame, but borders between cells are needed to learn from: give "
            "labels, one whole number for each cell, or lines around cells."
        )
    given = settings.cell_diameter
    diameter = given if isinstance(given, float | int) else _diameter(found)
    factor = description.cell_diameter_px / diameter
    movie = levelled(source.movie)
    used = used[:: max(1, math.ceil(len(used) * math.prod(source.movie.shape[1:]) * factor**2 / most_px))]
    some = used[:: max(1, len(used) // FRAMES_OF_SIGN)]
    dark = (
        description.inverts
        and np.mean([_contrast(_frame(movie, t), *_cells_of(source, t), diameter) for t in some]) < 0
    )
    fields = (
        _field(
            -_frame(movie, t) if dark else _frame(movie, t),
            *_cells_of(source, t),
            factor,
            source.name if len(movie) == 1 else f"{source.name} frame {t + 1}",
        )
        for t in used
    )
    return PreparedImage(source, tuple(fields), diameter, bool(dark))


def _cells_of(source: LabelledImage, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a frame, and where it is known what is there."""
    return annotated_cells(source.cells[t][None], source.file)[0]


def _frame(movie: Movie, t: int) -> np.ndarray:
    return movie.frames(t, t + 1)[0].astype(np.float64)


def _areas(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of cells, and which of them the border of the image does not cut off."""
    cells, areas = areas_of(labels)
    return areas[cells > 0], ~np.isin(cells[cells > 0], labels_at_border(labels))


def _diameter(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the diameter of a disk of the median :func:`_areas` of all frames; cells at the border count if all are there."""
    areas, whole = (np.concatenate(one) for one in zip(*found, strict=True))
    return float(2 * np.sqrt(np.median(areas[whole] if whole.any() else areas) / np.pi))


def _contrast(frame: np.ndarray, labels: np.ndarray, known: np.ndarray, diameter: float) -> float:
    """Return by how much borders are brighter than the inside of cells, compared with the surroundings."""
    from scipy import ndimage

    even = frame - ndimage.gaussian_filter(frame, diameter)
    edges = at_outlines(labels) & known
    inside = known & (labels > 0) & ~edges
    return float(even[edges].mean() - even[inside].mean()) / (float(even.std()) or 1.0) if inside.any() else 0.0


def _field(frame: np.ndarray, labels: np.ndarray, known: np.ndarray, factor: float, name: str) -> TrainingField:
    """Rescale a frame, and cut it to what is known and its surroundings."""
    shape = tuple(max(1, round(side * factor)) for side in frame.shape)
    scaled = resized(frame, shape)
    low, high = float(scaled.min()), float(scaled.max())
    pixels = ((scaled - low) / ((high - low) or 1.0)).astype(np.float32)
    nearest = [((np.arange(n) + 0.5) * size / n).astype(int) for n, size in zip(shape, frame.shape, strict=True)]
    there = np.ix_(*nearest)
    labels, known = labels[there], known[there]
    spans = [np.flatnonzero(known.any(axis)) for axis in (1, 0)]
    cut = tuple(slice(max(0, span[0] - AROUND_PX), span[-1] + 1 + AROUND_PX) for span in spans)
    return TrainingField(pixels[cut], labels[cut].astype(np.int32), known[cut], name)
