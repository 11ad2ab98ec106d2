"""The tissue of a movie, found by segmenting the cells of some of its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.data.record import RunRecord
from epifiji.data.region import Mask, Region
from epifiji.data.settings.comparison import TISSUE
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.tissue import Cells, Tissue, nearest
from epifiji.engine.cells.properties import cell_properties
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.movie_identity import find_movie, run_of_events
from epifiji.files.results.tissue_files import read_tissue, tissue_files, write_tissue
from epifiji.jobs.cells.segmenter import Segmenter, segmenter_for
from epifiji.jobs.networks import cell_network_of

MOST_FRAMES = 20
"""Most frames that are segmented, evenly spread over the movie."""

FEWEST_CELLS = 10
"""Smaller holes and islands are not those of a tissue; in cells of the movie's typical diameter."""

MEASURED = ("y", "x", "area", "elongation")

FORM = 2
"""Changed with the arithmetic of the segmentation, so that a tissue of an earlier version is not used."""

INSTEAD = "specify the areas as --within FILE, or --within frame"


class MovieNotFoundError(WrongInputError):
    """The movie of the events is not found, but its pixels are needed."""


def find_tissue(movie: Movie | None, place: Path | None, own: bool, report: Report, notices: list[str]) -> Tissue:
    """Find the tissue of the movie of some events.

    It is kept in the result folder of the run that found them, and read from there if it depends on the same movie and
    the same network.

    Parameters
    ----------
    movie
        The movie; None for that of the events.
    place
        Location of the events; None if they are in memory.
    own
        Whether `movie`, if specified, is the one in which the events were found.
    report
        Called with the progress; may raise to cancel.
    notices
        Receives sentences about how it was found.

    Raises
    ------
    MovieNotFoundError
        If there is no movie.
    WrongInputError
        If the movie has no cells, or none can be found.
    """
    folder, record = run_of_events(place) if place is not None else (Path(), RunRecord())
    network = cell_network_of()
    made_of = _made_of(record, network) if own else None
    name, shape = record.movie.name, record.movie.shape
    tissue = read_tissue(folder, name, shape, made_of) if made_of and name and shape else None
    if tissue is None:
        tissue = _segmented(movie or _movie_of(record, folder), network, report)
        if made_of and name:
            _keep(folder, name, tissue, made_of, notices)
    if not tissue.region.observed.any():
        raise WrongInputError(f"No tissue was found in {name or 'the movie'}: {INSTEAD}.")
    frames, height, width = tissue.region.shape
    share = tissue.region.areas.mean() / (height * width)
    notices.append(
        f"Tissue fills {share:.0%} of the frame, with {tissue.counts.mean():.0f} cells on average ({len(tissue.frames)} of "
        f"{frames} frames segmented with {network.description.name})."
    )
    return tissue


def known_tissue(place: Path) -> Tissue | None:
    """Return the tissue that :func:`find_tissue` kept with some results; None if there is none."""
    folder, record = run_of_events(place)
    made_of = _made_of(record, cell_network_of())
    name, shape = record.movie.name, record.movie.shape
    return read_tissue(folder, name, shape, made_of) if made_of and name and shape else None


def _made_of(record: RunRecord, network: CellNetwork) -> dict[str, Any] | None:
    """Return what the tissue of a run's movie depends on; None if the movie cannot be recognised."""
    movie = record.movie
    if not (movie.pixels_sha256 or movie.sha256) or not network.sha256:
        return None
    return {
        "epifiji_tissue": FORM,
        "movie": movie.pixels_sha256 or movie.sha256,
        "channel": record.settings.channel,
        "network": network.sha256,
    }


def _movie_of(record: RunRecord, folder: Path) -> Movie:
    file = find_movie(record, folder)
    if file is None:
        of = f" {record.movie.name}" if record.movie.name else ""
        raise MovieNotFoundError(
            f"The movie{of} of the events is not found, but its pixels are needed to find the tissue: specify the --movie, "
            "or --within frame."
        )
    return read_movie(file, record.settings.channel)


def _segmented(movie: Movie, network: CellNetwork, report: Report) -> Tissue:
    used = np.array([frame for frame in spread(len(movie)).tolist() if _has_picture(movie, frame)])
    if not len(used):
        raise WrongInputError(f"The frames of {movie.name} have no picture in which tissue can be found: {INSTEAD}.")
    segmenter = _segmenter(movie, used, network)
    masks, cells = [], [np.empty((0, 5))]
    for number, frame in enumerate(used.tolist()):
        report(number / len(used), "finding the tissue")
        found = segmenter(movie.frames(frame, frame + 1)[0])
        mask = Mask.of(without_small_parts(found.tissue, segmenter.scale.diameter_px))
        properties = cell_properties(found.labels)
        measured = np.column_stack([properties[name] for name in MEASURED])
        measured = measured[mask.holds(measured[:, :2])]
        cells.append(np.column_stack([np.full(len(measured), number), measured]))
        masks.append(mask)
    numbers, *columns = np.concatenate(cells).T
    region = Region.of(TISSUE, masks, nearest(used, len(movie)))
    return Tissue(region, used, Cells(numbers.astype(int), *columns))


def _has_picture(movie: Movie, frame: int) -> bool:
    """Return whether a frame may show tissue; a dropped frame, in which all pixels are equal, does not."""
    pixels = movie.frames(frame, frame + 1)
    return bool(np.isfinite(pixels).all()) and pixels.min() != pixels.max()


def _segmenter(movie: Movie, used: np.ndarray, network: CellNetwork) -> Segmenter:
    """Return a segmenter whose scale is estimated from the first, the middle and the last of the frames that are used."""
    chosen = [movie.frames(frame, frame + 1)[0] for frame in used[[0, len(used) // 2, -1]].tolist()]
    sample = replace(movie, pixels=np.stack(chosen))
    try:
        return segmenter_for(sample, network, SegmentationSettings())
    except WrongInputError as problem:
        reason = str(problem).partition(":")[0]
        raise WrongInputError(f"The tissue of {movie.name} cannot be found ({reason}): {INSTEAD}.") from problem


def without_small_parts(tissue: np.ndarray, diameter_px: float) -> np.ndarray:
    """Fill holes and remove islands of a tissue (Y, X) that are smaller than `FEWEST_CELLS` cells; the largest stays.

    A cell that leaves the tissue may not look like tissue, and noise may.
    """
    most = FEWEST_CELLS * np.pi / 4 * diameter_px**2
    parts, sizes = _parts(~tissue)
    edges = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    small = sizes <= most
    small[edges] = False
    filled = tissue | small[parts]
    parts, sizes = _parts(filled)
    cleaned: np.ndarray = filled & (sizes >= min(most, sizes.max()))[parts]
    return cleaned


def _parts(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected parts of an array (Y, X) from 1, and return their sizes by number; that of 0 is 0."""
    parts, _ = ndimage.label(pixels)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts, sizes


def spread(count: int) -> np.ndarray:
    """Choose at most `MOST_FRAMES` of `count` frames, evenly spread, each in the middle of its part of the movie."""
    chosen = min(count, MOST_FRAMES)
    return ((np.arange(chosen) + 0.5) * count / chosen).astype(int)


def _keep(folder: Path, name: str, tissue: Tissue, made_of: dict[str, Any], notices: list[str]) -> None:
    """Write the tissue into the result folder; without permission it is found again next time."""
    try:
        write_tissue(folder, name, tissue, made_of)
    except (OSError, WrongInputError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem).rstrip(".")
        notices.append(f"{tissue_files(name)[0]} could not be kept in {folder} ({reason}).")
