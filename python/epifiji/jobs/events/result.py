"""Results of jobs: events, maps and a record, made from frames of maps and written into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.events import Event, by_class, colour_of
from epifiji.data.movie import Movie
from epifiji.data.progress import WRITING, Report, silent
from epifiji.data.review import Action, Review
from epifiji.data.score_map import ScoreMap
from epifiji.data.settings.detection import EventSettings
from epifiji.engine.events.peaks import PeakFinder, Volume
from epifiji.engine.tiling.scaling import Storage, place_in_movie
from epifiji.files.figures.overlay import write_picture
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.movie_identity import relative_file
from epifiji.files.results.places import chosen_folder
from epifiji.files.results.result_folder import (
    EVENTS_TABLE,
    PICTURE,
    RAW_MAP,
    RUN_RECORD,
    files_of_earlier,
    map_file,
    map_files,
    require_free,
    result_folder,
    roi_file,
    roi_files,
    write_map,
    write_record,
)
from epifiji.files.results.reviews import REVIEW, write_review
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.storage.unfinished import Unfinished
from epifiji.files.storage.writable import new_files


@dataclass
class Result:
    """Result of a detection.

    Parameters
    ----------
    events
        In the movie's frames (0-based) and pixels, by class in the network's order, then by frame.
    classes
        The event classes that were searched for.
    maps
        Probability maps by kind (``rawproba``, ``proba``, ``cleaned``), then by class: (T, Y, X), uint8; index them to
        get arrays. Empty if none were requested.
    movie
        The movie.
    record
        Settings, network, versions, shapes, hashes and timings, as in ``run.json``.
    notices
        Sentences for the user.
    not_passing
        Events of the maps that do not pass the thresholds or the minimum volumes, in any order.
    from_maps
        True if the events were made from kept maps, which then stay when the result is saved next to them.
    actions
        The actions of a review of these events, which are saved with them; those that exist stay if there are none.
    unfinished
        Computed blocks, kept in the cache until the result is saved; None if there are none.
    """

    events: list[Event]
    classes: tuple[str, ...]
    movie: Movie
    record: dict[str, Any]
    maps: dict[str, dict[str, Storage]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    not_passing: tuple[Event, ...] = field(default=(), repr=False)
    from_maps: bool = False
    actions: tuple[Action, ...] = ()
    unfinished: Unfinished | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        maps = f"; maps: {', '.join(self.maps)}" if self.maps else ""
        network = f" by {self.network['name']}" if self.network["name"] else ""
        return f"<Result of {self.movie.name}{network}: {counts or 'no classes'}{maps}>"

    @property
    def counts(self) -> dict[str, int]:
        """Number of events of each class."""
        return {name: len(group) for name, group in by_class(self.events, self.classes).items()}

    @property
    def network(self) -> dict[str, str | None]:
        """Name, source and hash of the network that found the events; None if unknown."""
        known = self.record.get("network") or {}
        return {key: known.get(key) for key in ("name", "source", "sha256")}

    @property
    def border_counts(self) -> dict[str, int]:
        """Number of events of each class that lie at the border, where the network sees no whole window."""
        groups = by_class(self.events, self.classes)
        return {name: sum(event.border for event in group) for name, group in groups.items()}

    def save(
        self,
        folder: str | Path | None = None,
        overwrite: bool = False,
        report: Report = silent,
        *,
        out: str | Path | None = None,
    ) -> Path:
        """Write the result folder: events, ROI zips, maps, picture and record.

        Parameters
        ----------
        folder
            The result folder; made if it does not exist.
        overwrite
            Whether earlier results may be replaced.
        report
            Called with the progress; may raise to cancel, which leaves nothing behind.
        out
            Folder in which the result folder ``<movie>_epifiji`` is made, as on the command line; instead of `folder`.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, the folder cannot be written to, or both `folder` and
            `out` are given.
        """
        folder = chosen_folder(self.movie.name, folder, out, result_folder)
        require_free(folder, self.movie.name, self.classes, overwrite)
        maps = map_files(self.movie.name, self.classes)
        kept = [name for name in maps if (folder / name).exists()] if self.from_maps else []
        replaced = roi_files(self.movie.name, self.classes) + ([] if self.from_maps else maps)
        replaced += files_of_earlier(folder, self.movie.name, maps=not self.from_maps)
        with new_files(folder, replaced) as partial:
            self._write(partial, folder, kept, report)
            if self.actions:
                # The events as they are read again, so that the review has exactly those of the table.
                write_review(partial / REVIEW, Review(read_events(partial / EVENTS_TABLE), self.actions))
        self.discard_blocks()
        return folder

    def discard_blocks(self) -> None:
        """Remove the detection's blocks from the cache: the result is stored elsewhere."""
        if self.unfinished is not None:
            self.unfinished.remove()
            self.unfinished = None

    def _write(self, folder: Path, place: Path, kept: list[str], report: Report) -> None:
        """Write everything into `folder`, which is then moved to `place`."""
        movie = self.movie
        report(0, WRITING)
        write_events(folder / EVENTS_TABLE, self.events, movie.pixel_size_um, movie.frame_interval_s)
        for event, group in by_class(self.events, self.classes).items():
            if group:
                write_rois(folder / roi_file(movie.name, event), group, colour_of(event, self.classes), movie.layout)
        factor_t, factor_xy = self.record["scale"]["factor_t"], self.record["scale"]["factor_xy"]
        for kind, maps in self.maps.items():
            at_network_scale = kind == RAW_MAP
            for event, pixels in maps.items():
                write_map(
                    folder / map_file(movie.name, event, kind),
                    _frames(pixels, report),
                    pixels.shape,
                    movie.pixel_size_um and movie.pixel_size_um / (factor_xy if at_network_scale else 1),
                    movie.frame_interval_s and movie.frame_interval_s / (factor_t if at_network_scale else 1),
                )
        report(1, WRITING)
        half = max(12, round(self.record["network"]["window_half_size_px"] / factor_xy))
        write_picture(folder / PICTURE, movie, self.events, self.classes, half)
        files = sorted({*(file.name for file in folder.iterdir()), RUN_RECORD, *kept})
        known = self.record["movie"]
        located = known | {"file_from_results": relative_file(known.get("file"), place)}
        record = self.record | {"movie": located, "files": files, "counts": self.counts}
        write_record(folder / RUN_RECORD, record)


def _frames(pixels: Storage, report: Report) -> Iterator[np.ndarray]:
    for t in range(pixels.shape[0]):
        report(t / pixels.shape[0], WRITING)
        yield pixels[t]


@dataclass(frozen=True)
class MapScale:
    """Relation between the shapes of a movie and its map.

    `margin_px`, in pixels of the map, is the distance from an edge within which the network sees no whole window.
    `calibration` has the maps of scores of calibrated classes; compatible arithmetic reports the scores of the authors' package.
    """

    shape: tuple[int, int, int]
    map_shape: tuple[int, int, int]
    margin_px: int
    compatible: bool
    calibration: Mapping[str, ScoreMap] = field(default_factory=dict)

    def event(self, name: str, volume: Volume) -> Event:
        """Convert a volume of the map to an event."""
        t, y, x = volume.centroid
        frame, in_y, in_x = place_in_movie((t, y, x), self.map_shape, self.shape, self.compatible)
        edges = (y, x, self.map_shape[1] - 1 - y, self.map_shape[2] - 1 - x)
        raw = volume.value / 255
        known = None if self.compatible else self.calibration.get(name)
        score = raw if known is None else known.of(raw)
        return Event(name, frame, in_y, in_x, score, len(volume.voxels), min(edges) < self.margin_px, raw)


class EventFinder:
    """Converts map frames of several classes to events, and paints the kept volumes if requested."""

    def __init__(
        self,
        scale: MapScale,
        classes: Iterable[str],
        settings: EventSettings,
        mode: str,
        clean: Mapping[str, Storage] | None = None,
    ) -> None:
        self._scale, self._settings, self._mode, self._clean = scale, settings, mode, clean or {}
        distances = settings.seed_distance_t, settings.seed_distance_xy
        self._finders = {
            name: PeakFinder(scale.map_shape[1:], *distances, joining=scale.compatible) for name in classes
        }
        self._events: dict[str, list[Event]] = {name: [] for name in self._finders}
        self.not_passing: list[Event] = []
        """Events of the other volumes, in the order in which they were found."""

    def feed(self, name: str, frame: np.ndarray) -> None:
        """Process the next map frame of a class."""
        self._keep(name, self._finders[name].feed(frame))

    def finish(self) -> list[Event]:
        """Return all events, by class, then by frame, y and x."""
        for name, finder in self._finders.items():
            self._keep(name, finder.finish())
        return [event for group in self._events.values() for event in sorted(group, key=lambda e: (e.frame, e.y, e.x))]

    def _keep(self, name: str, volumes: Iterator[Volume]) -> None:
        """Separate the volumes that exceed the minimum volume and the threshold from the others."""
        least_value = self._settings.threshold_of(name, self._mode)
        least_volume = self._settings.min_volume_of(name, self._mode)
        for volume in volumes:
            if len(volume.voxels) > least_volume and volume.value > least_value:
                self._events[name].append(self._scale.event(name, volume))
                if name in self._clean:
                    t, y, x = volume.voxels.T
                    self._clean[name][t, y, x] = np.full(len(t), volume.value).astype(np.uint8)
            else:
                self.not_passing.append(self._scale.event(name, volume))
