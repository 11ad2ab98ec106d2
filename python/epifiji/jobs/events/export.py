"""Export of events and cells for other programs: TrackMate, napari, QuPath."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.paths import path_from
from epifiji.data.polygons import Polygon
from epifiji.data.record import RunRecord
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.jobs import EventExportJob
from epifiji.engine.cells.polygons import polygons
from epifiji.files.event_sources import Events, events_given, events_of, movie_of
from epifiji.files.exports.geojson import cell_features, event_features, write_geojson
from epifiji.files.exports.napari import write_napari
from epifiji.files.exports.trackmate import ShownMovie, write_trackmate
from epifiji.files.labels import read_cells
from epifiji.files.movies.movie_file import read_movie, split_path
from epifiji.files.results.cell_results import labels_in
from epifiji.files.results.movie_identity import find_movie, require_movie, run_of_events
from epifiji.files.results.places import folder_of
from epifiji.files.rois.polygons import polygon_of_cell
from epifiji.files.storage.writable import new_files, require_absent

NOT_FRAMES = (
    "ImageJ shows the frames of this movie as slices or channels: set them as frames in Image > Properties... and save "
    "the movie, because TrackMate reads frames."
)
ENDINGS = {"trackmate": "_trackmate.xml", "napari": "_napari.csv", "geojson": ".geojson"}
"""What follows the movie's name in the name of a file."""

RADIUS_PX = 10.0
"""Radius of spots if the cells' diameter is unknown."""


@dataclass(frozen=True)
class Exported:
    """A file that was written, the number of events or cells in it, and sentences for the user."""

    file: Path
    count: int
    notices: tuple[str, ...] = ()


def export_events(
    results: Events,
    out: str | Path | None = None,
    format: str = "trackmate",  # noqa: A002 -- its name on the command line and in macros
    movie: str | Path | ShownMovie | None = None,
    overwrite: bool = False,
    other_movie: bool = False,
) -> Exported:
    """Write events for TrackMate, napari or QuPath, or the cells of a segmentation for QuPath, into one file.

    Parameters
    ----------
    results
        A result folder, a ROI zip, a table, or events; for GeoJSON also the result folder of a segmentation.
    out
        The file to write. Default: in the folder of the results, named after the movie and the format.
    format
        ``trackmate``, ``napari`` or ``geojson``.
    movie
        The movie's file, for its size and scale, or these themselves. Default: the one in ``run.json``.
    overwrite
        Whether a file of that name may be replaced.
    other_movie
        Whether `movie` may be a different one from that in which the events were found.

    Raises
    ------
    WrongInputError
        If events cannot be read, the size of the movie is needed and not known, the movie is another one, or a file would be
        overwritten without permission.
    """
    chosen = parse_settings(EventExportJob, {"format": format, "overwrite": overwrite, "other_movie": other_movie})
    source = events_given(results)
    place = Path(source) if isinstance(source, str | Path) else None
    labels = labels_in(place) if place is not None and place.is_dir() and chosen.format == "geojson" else None
    file = _file(out, place, movie_of(source) if labels is None else labels.name.removesuffix("_labels.tif"), chosen)
    require_absent(file.parent, [file.name], chosen.overwrite)
    if labels is not None:
        with new_files(file.parent, [file.name]) as partial:
            return Exported(file, write_geojson(partial / file.name, cell_features(_cells(labels))))
    notices: list[str] = []
    events = events_of(source, None, notices)
    folder, record = run_of_events(place) if place is not None else (None, RunRecord())
    shown = None
    if movie is not None or chosen.format == "trackmate":
        shown = _movie(movie, record, folder, place, chosen, notices)
    if not events and chosen.format == "napari":
        notices.append("There are no events, and napari opens no table of points without points.")
    with new_files(file.parent, [file.name]) as partial:
        _write(partial / file.name, chosen.format, events, shown, record)
    return Exported(file, len(events), tuple(notices))


def _file(out: str | Path | None, place: Path | None, name: str, chosen: EventExportJob) -> Path:
    if out is not None:
        return path_from(out, "the file to write")
    if place is None:
        raise WrongInputError("events without a folder have no place for the file: specify --out FILE.")
    return folder_of(place) / f"{name}{ENDINGS[chosen.format]}"


def _movie(
    movie: str | Path | ShownMovie | None,
    record: RunRecord,
    folder: Path | None,
    place: Path | None,
    chosen: EventExportJob,
    notices: list[str],
) -> ShownMovie:
    """Describe the movie: the given one, or that of the record, wherever it is now."""
    if isinstance(movie, ShownMovie):
        return movie
    known = record.movie
    if movie is not None:
        opened = read_movie(movie, record.settings.channel, least_frames=1)
        if place is not None:
            notices += require_movie(opened, known, place, chosen.other_movie)
        time_axis, shape = opened.layout.time_axis, opened.shape
        scale = opened.pixel_size_um, opened.frame_interval_s
        file: str | None = str(movie)
    elif known.shape is not None:
        shape, scale = known.shape, (known.pixel_size_um, known.frame_interval_s)
        time_axis = known.layout.time_axis if known.layout is not None else "T"
        file = find_movie(record, folder) if folder is not None else None
    else:
        raise WrongInputError(
            "TrackMate needs the size of the movie, which is not recorded with these events: specify --movie."
        )
    if file is None:
        notices.append("The movie was not found: TrackMate will show the events on an empty image.")
    if time_axis != "T":
        notices.append(NOT_FRAMES)
    return ShownMovie(shape, split_path(file)[0] if file else None, *scale)


def _write(path: Path, form: str, events: list[Event], movie: ShownMovie | None, record: RunRecord) -> None:
    classes = record.settings.events or ()
    if form == "napari":
        write_napari(path, events)
    elif form == "geojson":
        write_geojson(path, event_features(events, classes))
    elif movie is not None:
        diameter = record.scale.cell_diameter_px
        network = f", found by the network {record.network.name}" if record.network.name else ""
        log = f"{len(events)} events from EpiFiji{network}."
        write_trackmate(path, events, movie, diameter / 2 if diameter else RADIUS_PX, log, classes)


def _cells(labels: Path) -> Iterator[Polygon]:
    for frame, cells in enumerate(read_cells(labels)):
        for label, corners in polygons(cells):
            yield polygon_of_cell(frame, label, corners)
