"""Making events from kept probability maps, without running the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.record import RECORD_FORM, RunRecord
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import MODES, EventSettings
from epifiji.engine.tiling.scaling import rescale_map
from epifiji.files.movies.movie_file import open_movie, read_movie
from epifiji.files.results.layouts import layout_of
from epifiji.files.results.movie_identity import described_file, find_movie, is_movie_of, require_movie
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import RUN_RECORD, SCALED_MAP, find_maps, map_file, record_of
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.jobs.events.result import EventFinder, MapScale, Result
from epifiji.jobs.versions import versions

OF_ONE_RUN = ("files", "seconds", "windows", "reviewed_events")
"""Entries of a record that do not describe other events from the same maps."""

MARGIN_PX = 22
"""Half a window of the authors' networks, for maps without a record."""


def events_from_maps(
    maps: str | Path, movie: str | Path | Movie | None = None, other_movie: bool = False, **settings: Any
) -> Result:
    """Make events from probability maps, with new thresholds or distances.

    Parameters
    ----------
    maps
        A result folder with kept maps, a folder of the authors' package, or one map's file.
    movie
        The movie, for the picture, and for its size if the maps are at the network's scale. Default: the one that
        ``run.json`` describes, found by its content, else the map itself.
    other_movie
        Whether `movie` may be a different one from that of the maps.
    **settings
        Those of :class:`~epifiji.data.settings.detection.EventSettings`, and ``mode``.

    Raises
    ------
    WrongInputError
        If there are no maps, they differ in shape, or a setting is not usable.
    """
    maps = path_from(maps, "the place of the maps")
    if not maps.exists():
        raise WrongInputError(f"{maps} does not exist: specify a result folder with maps, or a map's file.")
    name, files = find_maps(maps)
    record = record_of(maps)
    mode = str(settings.pop("mode", None) or record.settings.mode)
    if mode not in MODES:
        raise WrongInputError(f"mode is {mode!r}, but it must be one of {', '.join(MODES)}: specify another value.")
    chosen = parse_settings(EventSettings, settings)
    if maps.is_dir() and chosen.events is None:
        _require_every_map(maps, record, files)
    in_order = [name for name in record.network.classes if name in files]
    classes = chosen.chosen_events(dict.fromkeys([*in_order, *files]))
    opened = {event: read_movie(files[event]) for event in classes}
    shapes = {event: found.shape for event, found in opened.items()}
    if len(set(shapes.values())) > 1:
        raise WrongInputError(f"the maps of {name} differ in shape ({shapes}): detect the events again.")
    source, notices = _source_movie(maps, name, opened[classes[0]], classes[0], movie, record, other_movie)
    network = record.network
    chosen = chosen.with_defaults(network.thresholds, network.min_volumes, mode)
    margin = network.window_half_size_px or MARGIN_PX
    scale = MapScale(source.shape, shapes[classes[0]], margin, mode == "compatible", network.calibration)
    _require_scale(maps, record, scale)
    finder = EventFinder(scale, classes, chosen, mode)
    for event in classes:
        for _, frames in opened[event].chunks():
            for frame in frames:
                finder.feed(event, frame)
    written = _record(record, chosen, classes, mode, maps, source, scale)
    events = finder.finish()
    others = tuple(finder.not_passing)
    return Result(events, classes, source, written, notices=notices, not_passing=others, from_maps=True)


def _require_every_map(maps: Path, record: RunRecord, files: Mapping[str, Path]) -> None:
    """Refuse a folder that lacks the map of a class, whose events would be lost too."""
    missing = [name for name in record.settings.events or () if name not in files]
    if missing:
        raise WrongInputError(
            f"{maps} has no map of {', '.join(missing)}, whose events would be lost: restore the map, or specify --events "
            f"{','.join(files)} to make only those events."
        )


def _source_movie(
    maps: Path,
    name: str,
    raw: Movie,
    event: str,
    given: str | Path | Movie | None,
    record: RunRecord,
    other_movie: bool,
) -> tuple[Movie, tuple[str, ...]]:
    """Find the movie of the maps, or use a map at its size instead; return it with notices for the user.

    Raises
    ------
    WrongInputError
        If the movie is not the one from which the maps were made.
    """
    known = record.movie
    folder = folder_of(maps)
    if given is not None:
        movie = open_movie(given, record.settings.channel)
        # Files are named after the maps, so that a folder never contains files of two names.
        return replace(movie, name=name), require_movie(movie, known, maps, other_movie)
    if found := find_movie(record, folder):
        return replace(read_movie(found, record.settings.channel), name=name), ()
    notices: tuple[str, ...] = ()
    if known.file is not None:
        notices = (
            f"The movie of {maps} ({known.file}) was not found with the same pixels: size and time are those of the "
            "record, and the picture shows a map instead. Specify the movie to see it there.",
        )
    scaled = folder / map_file(name, event, SCALED_MAP)
    stand_in = read_movie(scaled) if scaled.is_file() else raw
    pixels: Any = stand_in.pixels
    shape = known.shape or stand_in.shape
    if stand_in.shape != shape:
        create = ScratchFolder()
        copy = create(raw.shape, raw.dtype)
        copy[:] = raw.frames(0, raw.shape[0])
        pixels = rescale_map(copy, shape, False, create)
    layout = layout_of(maps) or stand_in.layout
    scale = known if known.shape is not None else stand_in
    made = Movie(pixels, name, scale.pixel_size_um, scale.frame_interval_s, layout=layout)
    return made.require_frames(), notices


def _record(
    record: RunRecord,
    settings: EventSettings,
    classes: tuple[str, ...],
    mode: str,
    maps: Path,
    movie: Movie,
    scale: MapScale,
) -> dict[str, Any]:
    """Return the record of this run, including what is known of the detection."""
    earlier = record.entries()
    factors = [new / old for new, old in zip(scale.map_shape, scale.shape, strict=True)]
    located = described_file(movie) if movie.path is not None and is_movie_of(movie, record.movie) else {}
    measured: dict[str, dict[str, Any]] = {
        "movie": {"name": movie.name, "shape": list(movie.shape)},
        "network": {"window_half_size_px": scale.margin_px},
        "scale": {"factor_t": factors[0], "factor_xy": factors[1], "map_shape": list(scale.map_shape)},
    }
    described = {part: known | _without_nulls(earlier.get(part, {})) for part, known in measured.items()}
    described["movie"] |= located | {
        "pixel_size_um": movie.pixel_size_um,
        "frame_interval_s": movie.frame_interval_s,
    }
    return {
        "epifiji": RECORD_FORM,
        **{key: value for key, value in earlier.items() if key not in OF_ONE_RUN},
        **described,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "maps": str(maps),
        "settings": earlier.get("settings", {}) | settings.resolved(classes, mode) | {"mode": mode},
        "versions": versions(),
    }


def _without_nulls(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def _require_scale(maps: Path, record: RunRecord, scale: MapScale) -> None:
    """Refuse maps whose size differs from the recorded one.

    Raises
    ------
    WrongInputError
        If so; the message has both sizes.
    """
    factors = record.scale.factor_t, record.scale.factor_xy, record.scale.factor_xy
    for size, factor, found in zip(scale.shape, factors, scale.map_shape, strict=True):
        # Sizes are rounded to whole pixels and frames.
        if factor is not None and abs(size * factor - found) > 1:
            raise WrongInputError(
                f"the maps in {maps} have the shape {scale.map_shape}, but the movie's shape {scale.shape} and the "
                f"factors of {RUN_RECORD} ({record.scale.factor_t or 1:g} in time, {record.scale.factor_xy or 1:g} in "
                f"space) give another: put the maps and {RUN_RECORD} of one run together, or detect the events again."
            )
