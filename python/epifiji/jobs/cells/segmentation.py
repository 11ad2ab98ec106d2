"""Segmentation of the cells of an image, or of each frame of a movie, and its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import NOT_SQUARE
from epifiji.data.movie import Movie, frame_ranges
from epifiji.data.network import AnyNetwork
from epifiji.data.progress import WRITING, Report, silent
from epifiji.data.record import RECORD_FORM
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.cells.outlines import outlines_of
from epifiji.engine.cells.properties import cell_properties, mixed_numbers
from epifiji.engine.tiling.scaling import Storage
from epifiji.files.figures.segmentation import write_overlay
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.results.cell_results import (
    TASK,
    cell_files,
    cells_folder,
    frames_of_result,
    labels_file,
    require_free_for_cells,
    require_no_outlines,
)
from epifiji.files.results.movie_identity import Watch, described_movie, relative_file
from epifiji.files.results.places import chosen_folder
from epifiji.files.results.result_folder import PICTURE, RUN_RECORD, write_record
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.files.storage.writable import new_files
from epifiji.files.tissue_analyzer import frame_names, outline_files
from epifiji.jobs.cells.result import CellFiles, Cells, reported
from epifiji.jobs.cells.segmenter import SEGMENTING, Segmenter, segmenter_for
from epifiji.jobs.executors import Executor, executor_for
from epifiji.jobs.networks import cell_network_of, described_network
from epifiji.jobs.versions import versions

COLOURS = (3, 4)

SegmentedFrame = tuple[np.ndarray, Cells, np.ndarray | None]
"""Labels (Y, X), measurements of the cells, and lines (Y, X) between them if the network's method draws some."""


@dataclass
class Segmentation:
    """The cells of an image, or of each frame of a movie.

    Parameters
    ----------
    movie
        The image or movie.
    labels
        (T, Y, X), int32: a number for each cell of a frame, from 1 on; 0 where there is none. Cells meet without a line
        between them. On disk: index it to get arrays, as in ``labels[0]``.
    cells
        Measurements of the cells of each frame; see :func:`epifiji.engine.cells.properties.cell_properties`.
    record
        Settings, network, versions, hashes and timings, as in ``run.json``.
    notices
        Sentences for the user.
    drawn
        (T, Y, X), bool: the lines between cells, if the network's method draws some.
    """

    movie: Movie
    labels: Storage
    cells: list[Cells]
    record: dict[str, Any]
    notices: tuple[str, ...] = field(default=())
    drawn: Storage | None = None

    def __repr__(self) -> str:
        return f"<Segmentation of {self.movie.name}: {sum(self.counts)} cells in {len(self.counts)} frames>"

    @property
    def counts(self) -> list[int]:
        """Number of cells of each frame."""
        return [len(cells["label"]) for cells in self.cells]

    @property
    def diameter_px(self) -> float:
        """Diameter of the cells that the segmentation used, in pixels."""
        return float(self.record["scale"]["cell_diameter_px"])

    def outlines(self) -> Iterator[np.ndarray]:
        """Draw the lines between cells of each frame: (Y, X), bool, one pixel wide.

        They are those of the network's method, or lie on the pixels where cells meet.
        """
        if self.drawn is not None:
            return (np.asarray(self.drawn[t]) for t in range(len(self.movie)))
        return (outlines_of(self.labels[t]) for t in range(len(self.movie)))

    def polygons(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Trace the cells: frame (from 0), label, and corners (n, 2) of y and x, where integers are centres of pixels."""
        return self._files().polygons()

    def _files(self) -> CellFiles:
        movie = self.movie
        return CellFiles(
            movie.name,
            self.labels,
            self.cells,
            movie.pixel_size_um,
            movie.frame_interval_s,
            _height(movie),
            movie.layout,
            frame_names(movie.name, movie.path, len(movie)),
        )

    def save(
        self,
        folder: str | Path | None = None,
        overwrite: bool = False,
        report: Report = silent,
        *,
        out: str | Path | None = None,
        rois: bool = False,
    ) -> Path:
        """Write the result folder: labels, outlines, table, picture, record and, if asked, polygons as ROIs; all or nothing.

        Parameters
        ----------
        folder
            The result folder; made if it does not exist.
        overwrite
            Whether earlier results may be replaced.
        report
            Called with the progress; may raise to cancel, which leaves nothing behind.
        out
            Folder in which the result folder ``<image>_cells`` is made, as on the command line; instead of `folder`.
        rois
            Whether to write the cells as polygons that ImageJ's ROI Manager opens.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, the folder cannot be written to, or both `folder` and
            `out` are given.
        """
        folder = chosen_folder(self.movie.name, folder, out, cells_folder)
        require_free_for_cells(folder, self.movie.name, overwrite)
        require_no_outlines(folder, self.movie.name, self._files().frames, overwrite)
        outlines = outline_files(self.movie.name, frames_of_result(folder)) if overwrite else []
        with new_files(folder, [*cell_files(self.movie.name), *outlines]) as partial_folder:
            self._write(partial_folder, folder, rois, report)
        return folder

    def _write(self, folder: Path, place: Path, rois: bool, report: Report) -> None:
        """Write everything into `folder`, which is then moved to `place`."""
        movie, written, count = self.movie, self._files(), len(self.movie)
        report(0, WRITING)
        write_labels(folder / labels_file(movie.name), self.labels, movie.pixel_size_um, movie.frame_interval_s)
        lines = (reported(report, t / count, frame) for t, frame in enumerate(self.outlines()))
        outlines = written.write_outlines(folder, lines)
        written.write_table_and_polygons(folder, rois, report)
        write_overlay(folder / PICTURE, movie, self.labels, self.counts, self.diameter_px)
        report(1, WRITING)
        files = sorted([*(file.name for file in folder.iterdir() if file.is_file()), RUN_RECORD])
        known = self.record["movie"]
        located = known | {"file_from_results": relative_file(known.get("file"), place)}
        write_record(folder / RUN_RECORD, self.record | {"movie": located, "files": files, "outlines": outlines})


def segment(
    image: Movie | np.ndarray | str | Path,
    network: AnyNetwork | str | Path | None = None,
    report: Report = silent,
    executor: Executor | None = None,
    **settings: Any,
) -> Segmentation:
    """Segment the cells of an image, or of each frame of a movie.

    Parameters
    ----------
    image
        An array (Y, X) or (T, Y, X) of any real dtype, a file, or a :class:`~epifiji.data.movie.Movie`.
    network
        Name, folder or zip of a network that segments cells. Default: EpiFiji's own.
    report
        Called with the progress; may raise to cancel.
    executor
        What computes the frames, for several images in turn; see :func:`epifiji.jobs.executors.executor_for`.
    **settings
        Those of :class:`~epifiji.data.settings.segmentation.SegmentationSettings`, listed in docs/reference/settings.md:
        ``cell_diameter``, ``borders``, ``flips``, ``project``, ``seed_height``, ``merge_below`` …

    Raises
    ------
    WrongInputError
        If the image, the network or a setting is not usable; the message says what to do.
    """
    chosen = parse_settings(SegmentationSettings, settings)
    started = time.perf_counter()
    movie = open_image(image, chosen)
    found = cell_network_of(network)
    # What it says about frames concerns events.
    movie.require_finite()
    pixels_sha256 = movie.sha256()
    watch = Watch(movie, pixels_sha256, chosen.channel)
    report(0, f"loading {found.description.name}")
    segmenter = segmenter_for(movie, found, chosen)
    segmenter.require_memory(movie.shape[1:])
    loaded = time.perf_counter()
    scratch = ScratchFolder()
    try:
        labels = scratch(movie.shape, np.int32)
        cells: list[Cells] = []
        drawn: Storage | None = None
        with nullcontext(executor) if executor is not None else executor_for(chosen) as chosen_executor:
            for t, (labels_of_frame, measured, lines) in enumerate(
                chosen_executor(FrameWork(movie, segmenter), report)
            ):
                labels[t] = labels_of_frame
                cells.append(measured)
                if lines is not None:
                    drawn = scratch(movie.shape, bool) if drawn is None else drawn
                    drawn[t] = lines
        watch()
    except BaseException:
        scratch.remove()
        raise
    record = _record(movie, pixels_sha256, segmenter, cells) | {
        "seconds": {
            "before_first_frame": round(loaded - started, 3),
            "total": round(time.perf_counter() - started, 3),
        }
    }
    return Segmentation(movie, labels, cells, record, _notices(movie, segmenter, cells), drawn)


def open_image(image: Movie | np.ndarray | str | Path, settings: SegmentationSettings) -> Movie:
    """Open what :func:`segment` accepts; a stack of planes (Z) is projected or refused, as the settings say."""
    if (
        isinstance(image, np.ndarray)
        and image.ndim == 3
        and image.shape[-1] in COLOURS
        and image.shape[1] > max(COLOURS)
    ):
        raise WrongInputError(
            f"The array has the shape {image.shape}, whose last axis looks like colours (RGB), but one grey value in each pixel "
            "is needed, as (Y, X) or (T, Y, X): give one channel, or their mean."
        )
    if isinstance(image, np.ndarray) and image.ndim == 2:
        return replace(open_movie(image[None], settings.channel, least_frames=1), name="image")
    return open_movie(image, settings.channel, least_frames=1, over_z=settings.project)


@dataclass(frozen=True)
class FrameWork:
    """The frames of a movie that are segmented; see :class:`~epifiji.jobs.executors.Work`."""

    movie: Movie
    segmenter: Segmenter
    doing: str = SEGMENTING

    def __len__(self) -> int:
        return len(self.movie)

    def read(self, number: int) -> np.ndarray:
        """Read a frame (Y, X)."""
        return self.movie.frames(number, number + 1)[0]

    def compute(self, read: np.ndarray, report: Report) -> SegmentedFrame:
        """Segment a frame."""
        return _segmented(self.segmenter, read, report)

    def task(self) -> Callable[[np.ndarray], SegmentedFrame]:
        """Return the function for workers."""
        return partial(_segmented, self.segmenter)


def _segmented(segmenter: Segmenter, frame: np.ndarray, report: Report = silent) -> SegmentedFrame:
    found = segmenter(frame, report)
    report(0.9, SEGMENTING)
    labels = mixed_numbers(found.labels)
    return labels, cell_properties(labels), found.outlines


def _notices(movie: Movie, segmenter: Segmenter, cells: list[Cells]) -> tuple[str, ...]:
    notices = list(movie.notices)
    if not movie.has_square_pixels:
        # What a movie says about them concerns events.
        notices = [one for one in notices if NOT_SQUARE not in one]
        notices.append(
            f"{movie.name} has pixels of {movie.pixel_size_um:g} x {movie.pixel_height_um:g} µm (x, y), {NOT_SQUARE}: "
            "perimeters, elongations and orientations are those in pixels. If they matter, scale the image to square pixels "
            "first, in Fiji with Image > Scale..."
        )
    if segmenter.settings.cell_diameter == "auto" and segmenter.network.description.estimates:
        notices.append(f"The cell diameter was estimated as {segmenter.scale.diameter_px:.1f} px.")
    empty = [t for t, one in enumerate(cells) if not len(one["label"])]
    if empty:
        where = "" if len(cells) == 1 else f" in {frame_ranges(empty)}"
        notices.append(
            f"No cells were found in {movie.name}{where}: check the channel, --borders and --cell-diameter, and whether there is "
            "tissue."
        )
    return tuple(notices)


def _height(movie: Movie) -> float | None:
    """Return the height of pixels (µm) that are not square, otherwise None."""
    return None if movie.has_square_pixels else movie.pixel_height_um


def _record(movie: Movie, pixels_sha256: str, segmenter: Segmenter, cells: list[Cells]) -> dict[str, Any]:
    """Return the record: everything needed to repeat the run."""
    network, height = segmenter.network, _height(movie)
    settings = segmenter.settings.model_dump()
    own = getattr(network.description, "choices", None)
    if own is not None:
        settings |= own.replaced(segmenter.settings).model_dump()
    return {
        "epifiji": RECORD_FORM,
        "task": TASK,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "movie": described_movie(movie, pixels_sha256) | ({"pixel_height_um": height} if height else {}),
        "network": described_network(network),
        "settings": settings | {"borders": "dark" if segmenter.scale.dark else "bright"},
        "scale": {"cell_diameter_px": segmenter.scale.diameter_px},
        "counts": {"cells": sum(len(one["label"]) for one in cells)},
        "runtime": segmenter.runtime,
        "versions": versions(),
    }
