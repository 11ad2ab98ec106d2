"""Distribution of events over time and tissue."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class, group_of, repeats_notice, without_repeats
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.record import RecordedMovie, RunRecord
from epifiji.data.settings.base import formerly, parse_settings
from epifiji.data.settings.comparison import StatisticsSettings
from epifiji.data.statistics import TISSUE_FILLS, ClassStatistics, Extent, Neighbours
from epifiji.engine.events.statistics import (
    density,
    empty_band,
    neighbours_in_space,
    neighbours_in_space_and_time,
    rates,
)
from epifiji.files.event_sources import Events, events_given, events_of, movie_of
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.results.comparisons import write_table
from epifiji.files.results.events_table import read_scale
from epifiji.files.results.movie_identity import record_of_events, require_movie
from epifiji.files.results.result_folder import EVENTS_TABLE, record_of
from epifiji.files.storage.writable import new_files, require_absent

BINS = 20
"""Number of bins of time if their length is not specified."""

SUMMARY_TABLE, RATE_TABLE, NEIGHBOUR_TABLE = "summary.csv", "rate.csv", "neighbours.csv"
RATE_PICTURE, DENSITY_PICTURE, NEIGHBOUR_PICTURE = "rate.png", "density.png", "neighbours.png"
PICTURES = (RATE_PICTURE, DENSITY_PICTURE, NEIGHBOUR_PICTURE)
FILES = (SUMMARY_TABLE, RATE_TABLE, NEIGHBOUR_TABLE, *PICTURES)
KINDS = {"space": "space", "space_time": "space and time"}


@dataclass(frozen=True)
class Statistics:
    """Distribution of the events of a movie.

    Parameters
    ----------
    movie
        The movie's name.
    extent
        Its size and scale.
    classes
        Statistics of each class.
    bandwidth_px
        Standard deviation of the density's Gaussian.
    frame_distance_px
        Pixels that correspond to one frame in distances in space and time.
    notices
        Sentences for the user.
    """

    movie: str
    extent: Extent
    classes: dict[str, ClassStatistics]
    bandwidth_px: float
    frame_distance_px: float
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(found.places)} {name}" for name, found in self.classes.items())
        return f"<Statistics of {self.movie}: {counts or 'no events'}>"

    def summary(self) -> list[dict[str, Any]]:
        """Return a row for each class: counts, times, rate, nearest neighbours; undefined values are None."""
        return [self._summary(name, found) for name, found in self.classes.items()]

    def _summary(self, name: str, found: ClassStatistics) -> dict[str, Any]:
        extent = self.extent
        times = found.places[:, 0] * extent.time + extent.first_time
        row: dict[str, Any] = {
            "event": name,
            "events": len(times),
            "at border": found.border,
            f"first ({extent.time_unit})": float(times.min()) if len(times) else None,
            f"median ({extent.time_unit})": float(np.median(times)) if len(times) else None,
            f"last ({extent.time_unit})": float(times.max()) if len(times) else None,
            f"events per {extent.rate_unit}": len(times) / (extent.shape[0] * extent.rate_time),
        }
        for key, kind in KINDS.items():
            neighbours: Neighbours | None = getattr(found, key)
            unit = f"{kind}, {extent.length_unit}"
            length = extent.length
            row |= {
                f"nearest ({unit})": neighbours.mean * length if neighbours else None,
                f"nearest at random ({unit})": neighbours.expected * length if neighbours else None,
                f"2.5 % ({unit})": neighbours.expected_low * length if neighbours else None,
                f"97.5 % ({unit})": neighbours.expected_high * length if neighbours else None,
                f"p ({kind})": neighbours.p if neighbours else None,
                f"verdict ({kind})": _verdict(key, neighbours) if neighbours else "",
            }
        return row

    def in_words(self, found: ClassStatistics) -> str:
        """Summarise a class in one line."""
        rate = len(found.places) / (self.extent.shape[0] * self.extent.rate_time)
        counted = f"{len(found.places)} events, {rate:.3g} per {self.extent.rate_unit}"
        tests = [
            f"in {kind} {_verdict(key, neighbours)} (p = {neighbours.p:.2g})"
            for key, kind in KINDS.items()
            if (neighbours := getattr(found, key)) is not None
        ]
        return ", ".join([counted, *tests])

    def rate_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class and bin; frames are counted from 1, both ends included."""
        extent = self.extent
        for name, found in self.classes.items():
            edges = found.rates.edges
            for number, count in enumerate(found.rates.counts):
                yield {
                    "event": name,
                    "first frame": int(edges[number]) + 1,
                    "last frame": int(edges[number + 1]),
                    **self._minutes(edges[number : number + 2]),
                    "events": int(count),
                    f"events per {extent.rate_unit}": float(found.rates.per_frame()[number] / extent.rate_time),
                    "events so far": int(found.rates.cumulative[number]),
                }

    def _minutes(self, edges: np.ndarray) -> dict[str, float]:
        """Return the bounds of a bin in minutes; empty if the frame interval is unknown."""
        if not self.extent.frame_interval_s:
            return {}
        unit, (begin, end) = self.extent.time_unit, edges * self.extent.time
        return {f"from ({unit})": float(begin), f"to ({unit})": float(end)}

    def neighbour_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class, kind of distance and distance."""
        for name, found in self.classes.items():
            for key, kind in KINDS.items():
                neighbours: Neighbours | None = getattr(found, key)
                if neighbours is None:
                    continue
                columns = (neighbours.distances * self.extent.length, neighbours.share)
                for distance, share, low, middle, high in zip(
                    *columns, neighbours.low, neighbours.middle, neighbours.high, strict=True
                ):
                    yield {
                        "event": name,
                        "kind": kind,
                        f"distance ({self.extent.length_unit})": float(distance),
                        "share of events": float(share),
                        "random, 2.5 %": float(low),
                        "random, median": float(middle),
                        "random, 97.5 %": float(high),
                    }

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write the tables and figures, all or none, and return their paths.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        from epifiji.files.figures.plots import draw_densities, draw_neighbours, draw_rates

        folder = path_from(out, "the folder to write into")
        require_absent(folder, FILES, overwrite)
        with new_files(folder, FILES) as partial:
            write_table(partial / SUMMARY_TABLE, self.summary())
            write_table(partial / RATE_TABLE, self.rate_rows())
            write_table(partial / NEIGHBOUR_TABLE, self.neighbour_rows())
            draw_rates(partial / RATE_PICTURE, self.movie, self.classes, self.extent)
            draw_densities(partial / DENSITY_PICTURE, self.movie, self.classes, self.extent, self.bandwidth_px)
            draw_neighbours(partial / NEIGHBOUR_PICTURE, self.movie, self.classes, self.extent, self.frame_distance_px)
        return [folder / name for name in FILES]


def event_statistics(
    source: Events,
    movie: str | Path | Movie | None = None,
    report: Report = silent,
    extent: Extent | None = None,
    name: str | None = None,
    other_movie: bool = False,
    **settings: Any,
) -> Statistics:
    """Count events over time, smooth them over the tissue, and compare their nearest neighbours with random arrangements.

    Random arrangements are described in :func:`~epifiji.engine.events.statistics.neighbours_in_space` (uniform places
    in the frame) and :func:`~epifiji.engine.events.statistics.neighbours_in_space_and_time` (frames permuted among the
    events of a class).

    Parameters
    ----------
    source
        A result folder, a ROI zip, a table, or events.
    movie
        The movie, for its size and scale. Default: those in ``run.json``.
    report
        Called with the progress; may raise to cancel.
    extent
        Size and scale if there is neither movie nor record.
    name
        The movie's name if there is neither.
    other_movie
        Whether `movie` may be a different one from that in which the events were found.
    **settings
        Those of :class:`~epifiji.data.settings.comparison.StatisticsSettings`.

    Raises
    ------
    WrongInputError
        If events cannot be read, lie outside the movie, or a setting is not usable.
    """
    chosen = parse_settings(StatisticsSettings, settings)
    source = events_given(source)
    place = Path(source) if isinstance(source, str | Path) else None
    notices: list[str] = []
    events = events_of(source, None, notices)
    record = record_of(place) if place is not None else RunRecord()
    known = record.movie
    events, repeats = without_repeats(events)
    notices += repeats_notice("the statistics", repeats)
    if movie is not None:
        opened = open_movie(movie)
        if place is not None:
            found_in = record_of_events(place).movie
            notices += require_movie(opened, found_in, place, other_movie)
        known = _described(opened)
        name = name or opened.name
    extent = _extent(events, place, known, extent, notices)
    _require_inside(events, extent)
    named = {*(record.settings.events or ()), *(event.event for event in events)}
    groups = by_class(events, sorted(named, key=lambda event: (group_of(event), event)))
    scales = _Scales.of(chosen, extent)
    classes = {}
    for number, (event, group) in enumerate(groups.items()):
        part = PartReport(report, number, len(groups))
        classes[event] = _class_statistics(group, extent, scales, chosen, part)
    if not events:
        notices.append("There are no events, so the plots are empty.")
    if any(found.space is not None for found in classes.values()):
        notices += _band_notice(events, extent)
    return Statistics(
        name or (movie_of(place) if place is not None else "movie"),
        extent,
        classes,
        scales.bandwidth,
        scales.frame_distance,
        tuple(notices),
    )


class _Scales(NamedTuple):
    """The scales of the statistics: from the settings, or from the movie's size."""

    time_bin: int
    bandwidth: float
    frame_distance: float

    @classmethod
    def of(cls, chosen: StatisticsSettings, extent: Extent) -> _Scales:
        frames, height, width = extent.shape
        return cls(
            chosen.time_bin or max(1, -(-frames // BINS)),
            chosen.bandwidth or min(height, width) / 10,
            chosen.frame_distance or math.sqrt(height * width) / frames,
        )


def _class_statistics(
    group: Sequence[Event], extent: Extent, scales: _Scales, chosen: StatisticsSettings, report: Report
) -> ClassStatistics:
    frames, *size = extent.shape
    places = np.array([(one.frame, one.y, one.x) for one in group], float).reshape(-1, 3)
    frame = (size[0], size[1])
    smooth, cell = density(places[:, 1:], frame, scales.bandwidth)
    in_space = (
        neighbours_in_space(places[:, 1:], frame, chosen.permutations, chosen.seed, report) if extent.known else None
    )
    return ClassStatistics(
        places,
        sum(bool(one.border) for one in group),
        rates(places[:, 0], frames, scales.time_bin),
        smooth,
        cell,
        in_space,
        neighbours_in_space_and_time(places, scales.frame_distance, chosen.permutations, chosen.seed, report),
    )


def _band_notice(events: Sequence[Event], extent: Extent) -> list[str]:
    """Return a notice if a band of the frame along an edge has no event, for example because there is no tissue."""
    _, height, width = extent.shape
    band = empty_band(np.array([(one.y, one.x) for one in events]).reshape(-1, 2), (height, width))
    if band is None:
        return []
    return [
        f"No event lies in the {band[0]} {band[1]:.0%} of the frame. If there is no tissue, clustering in space reflects only "
        "that: crop the movie to the tissue."
    ]


def _verdict(kind: str, neighbours: Neighbours) -> str:
    """Return the verdict on the events' distribution, with its assumption."""
    return f"{neighbours.verdict} {TISSUE_FILLS}" if kind == "space" else neighbours.verdict


def _described(movie: Movie) -> RecordedMovie:
    """Describe a movie as the record of a run does."""
    return RecordedMovie(shape=movie.shape, pixel_size_um=movie.pixel_size_um, frame_interval_s=movie.frame_interval_s)


def _extent(
    events: Sequence[Event], place: Path | None, known: RecordedMovie, fallback: Extent | None, notices: list[str]
) -> Extent:
    """Return the movie's size and scale: from the record of the run and the table, else `fallback`, else from the events only."""
    pixel, interval = known.pixel_size_um, known.frame_interval_s
    if place is not None and not (pixel and interval):
        table = place / EVENTS_TABLE if place.is_dir() else place
        if table.suffix.lower() == ".csv" and table.is_file():
            in_table = read_scale(table)
            pixel, interval = pixel or in_table[0], interval or in_table[1]
    if fallback is not None and known.shape in (None, fallback.shape):
        return Extent(fallback.shape, pixel or fallback.pixel_size_um, interval or fallback.frame_interval_s)
    if known.shape is not None:
        return Extent(known.shape, pixel, interval)
    notices.append(
        "The movie's size is unknown, so it was taken to end with the last event: specify the movie for rates over "
        "all of it and for the test in space."
    )
    t = max((event.frame for event in events), default=0) + 1
    y, x = (
        max(1, math.ceil(max((place + 0.5 for place in places), default=1)))
        for places in ([event.y for event in events], [event.x for event in events])
    )
    return Extent((t, y, x), pixel, interval, known=False)


def _require_inside(events: Sequence[Event], extent: Extent) -> None:
    frames, height, width = extent.shape
    for event in events:
        inside = 0 <= event.frame < frames and -0.5 <= event.y <= height and -0.5 <= event.x <= width
        if not inside:
            raise WrongInputError(
                f"An event of {event.event} lies in frame {event.frame + 1} at y {event.y:g}, x {event.x:g}, but the movie has "
                f"{frames} frames of {height} x {width} pixels (Y, X): specify the movie to which the events belong."
            )
