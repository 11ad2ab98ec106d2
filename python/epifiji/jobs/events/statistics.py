"""Distribution of events over time and tissue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class, group_of, repeats_notice, without_repeats
from epifiji.data.movie import Movie, size_in_words
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.record import RecordedMovie, RunRecord
from epifiji.data.region import Region
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import TISSUE, StatisticsSettings
from epifiji.data.stack_layout import StackLayout
from epifiji.data.statistics import ClassStatistics, Extent
from epifiji.engine.events.cell_bins import bin_cells
from epifiji.engine.events.statistics import (
    density_within,
    empty_band,
    neighbours_in_space,
    neighbours_in_space_and_time,
    rates,
    time_edges,
)
from epifiji.files.event_sources import Events, events_given, events_of, movie_of
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.results.events_table import read_scale
from epifiji.files.results.movie_identity import record_of_events, require_movie
from epifiji.files.results.result_folder import EVENTS_TABLE, record_of
from epifiji.jobs.events.statistics_result import Statistics
from epifiji.jobs.events.tissue import find_tissue
from epifiji.jobs.events.within import region_of

BINS = 20
"""Number of bins of time if their length is not specified."""


def event_statistics(
    source: Events,
    movie: str | Path | Movie | None = None,
    report: Report = silent,
    extent: Extent | None = None,
    name: str | None = None,
    other_movie: bool = False,
    layout: StackLayout | None = None,
    **settings: Any,
) -> Statistics:
    """Count events over time, smooth them over the tissue, and compare their nearest neighbours with random arrangements.

    Events outside the region that `within` specifies are left out and counted. Random arrangements are described in
    :func:`~epifiji.engine.events.statistics.neighbours_in_space` (uniform places in the region) and
    :func:`~epifiji.engine.events.statistics.neighbours_in_space_and_time` (frames permuted among the events of a
    class).

    Parameters
    ----------
    source
        A result folder, a ROI zip, a table, or events.
    movie
        The movie, for its size, scale and tissue. Default: the one in ``run.json``.
    report
        Called with the progress; may raise to cancel.
    extent
        Size and scale if there is neither movie nor record.
    name
        The movie's name if there is neither.
    other_movie
        Whether `movie` may be a different one from that in which the events were found.
    layout
        Positions of the movie's frames in ImageJ's stack, to which areas refer, if there is neither movie nor record.
    **settings
        Those of :class:`~epifiji.data.settings.comparison.StatisticsSettings`.

    Raises
    ------
    WrongInputError
        If events or areas cannot be read, lie outside the movie, or a setting is not usable.
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
    opened = open_movie(movie) if movie is not None else None
    if opened is not None and place is not None:
        notices += require_movie(opened, record_of_events(place).movie, place, other_movie)
    if opened is not None:
        known, layout = _described(opened), opened.layout
        name = name or opened.name
    tissue = None
    if chosen.within == TISSUE:
        tissue = find_tissue(opened, place, not other_movie, report, notices)
        known = known.model_copy(update={"shape": known.shape or tissue.region.shape})
    extent = _extent(events, place, known, extent, notices)
    _require_inside(events, extent)
    region = tissue.region if tissue is not None else region_of(chosen.within, extent, layout, place, notices)
    groups = _grouped(events, record.settings.events or ())
    scales = _Scales.of(chosen, extent)
    classes = {}
    for number, (event, group) in enumerate(groups.items()):
        part = PartReport(report, number, len(groups))
        classes[event] = _class_statistics(group, extent, region, scales, chosen, part)
    notices += _empty_notices(classes, region, extent)
    return Statistics(
        name or (movie_of(place) if place is not None else "movie"),
        extent,
        region,
        classes,
        scales.bandwidth,
        scales.frame_distance,
        tuple(notices),
        tissue,
        bin_cells(tissue, time_edges(extent.shape[0], scales.time_bin), scales.square) if tissue is not None else None,
    )


class _Scales(NamedTuple):
    """The scales of the statistics: from the settings, or from the movie's size."""

    time_bin: int
    bandwidth: float
    frame_distance: float
    square: float

    @classmethod
    def of(cls, chosen: StatisticsSettings, extent: Extent) -> _Scales:
        frames, height, width = extent.shape
        return cls(
            chosen.time_bin or max(1, -(-frames // BINS)),
            chosen.bandwidth or min(height, width) / 10,
            chosen.frame_distance or math.sqrt(height * width) / frames,
            chosen.square or min(height, width) / 4,
        )


def _grouped(events: Sequence[Event], looked_for: Sequence[str]) -> dict[str, list[Event]]:
    """Return the events of each class, also of those that were searched for and not found, in the order of their groups."""
    named = {*looked_for, *(event.event for event in events)}
    return by_class(events, sorted(named, key=lambda event: (group_of(event), event)))


def _class_statistics(
    group: Sequence[Event],
    extent: Extent,
    region: Region,
    scales: _Scales,
    chosen: StatisticsSettings,
    report: Report,
) -> ClassStatistics:
    places = np.array([(one.frame, one.y, one.x) for one in group], float).reshape(-1, 3)
    held = region.holds(places)
    border = sum(bool(one.border) for one, inside in zip(group, held.tolist(), strict=True) if inside)
    places = places[held]
    smooth, cell = density_within(places, region, scales.bandwidth)
    in_space = neighbours_in_space(places, region, chosen.permutations, chosen.seed, report) if extent.known else None
    return ClassStatistics(
        places,
        int(np.count_nonzero(~held)),
        border,
        rates(places[:, 0], region.observed, scales.time_bin),
        smooth,
        cell,
        in_space,
        neighbours_in_space_and_time(places, scales.frame_distance, chosen.permutations, chosen.seed, report),
    )


def _empty_notices(classes: Mapping[str, ClassStatistics], region: Region, extent: Extent) -> list[str]:
    """Return notices about missing events, events outside the region, and a part of the frame without events."""
    every = sum(len(found.places) + found.outside for found in classes.values())
    if not every:
        return ["There are no events, so the plots are empty."]
    outside = {name: found.outside for name, found in classes.items() if found.outside}
    if not outside:
        tested = region.is_frame and any(found.space is not None for found in classes.values())
        return _band_notice(np.concatenate([found.places for found in classes.values()]), extent) if tested else []
    listed = ", ".join(f"{count} {name}" for name, count in outside.items())
    sentence = f"{sum(outside.values())} of {every} events lie outside {region.noun} and are left out ({listed})"
    return [f"{sentence}: the plots are empty." if sum(outside.values()) == every else f"{sentence}."]


def _band_notice(places: np.ndarray, extent: Extent) -> list[str]:
    """Return a notice if a band of the frame along an edge has no event, for example because there is no tissue."""
    _, height, width = extent.shape
    band = empty_band(places[:, 1:], (height, width))
    if band is None:
        return []
    return [
        f"No event lies in the {band[0]} {band[1]:.0%} of the frame. If there is no tissue, clustering in space reflects only "
        "that: crop the movie to the tissue, or specify its outline as --within FILE."
    ]


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
                f"{size_in_words(extent.shape)}: specify the movie to which the events belong."
            )
