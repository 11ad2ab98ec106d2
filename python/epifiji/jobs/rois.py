"""Making events again from kept probability maps, without running the network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.record import RunRecord
from epifiji.data.settings import MODES, EventSettings, parse_settings
from epifiji.engine.scaling import rescale_map
from epifiji.files.movies import read_movie, split_path
from epifiji.files.results import RUN_RECORD, SCALED_MAP, find_maps, is_there, map_file, record_of
from epifiji.files.scratch import ScratchFolder
from epifiji.jobs.result import EventFinder, MapScale, Result, versions

MARGIN_PX = 22
"""Half a window of the authors' networks, for maps without a record."""


def events_from_maps(maps: str | Path, movie: str | Path | Movie | None = None, **settings: Any) -> Result:
    """Make events from probability maps, with other thresholds or distances.

    Parameters
    ----------
    maps
        A result folder with kept maps, a folder of the authors' package, or one map's file.
    movie
        The movie, for the picture and where the maps are at the network's scale; where not given the one that
        ``run.json`` names if it is still there, else the map itself.
    **settings
        Those of :class:`~epifiji.data.settings.EventSettings`, and ``mode``.

    Raises
    ------
    WrongInputError
        Where there are no maps, they differ in shape, or a setting cannot be used.
    """
    maps = Path(maps)
    if not maps.exists():
        raise WrongInputError(f"{maps} does not exist: give a result folder with maps, or a map's file.")
    name, files = find_maps(maps)
    record = record_of(maps)
    mode = str(settings.pop("mode", None) or record.settings.mode)
    if mode not in MODES:
        raise WrongInputError(f"mode is {mode!r}, but it must be one of {', '.join(MODES)}: give another value.")
    chosen = parse_settings(EventSettings, settings)
    in_order = [name for name in record.network.classes if name in files]
    classes = chosen.chosen_events(dict.fromkeys([*in_order, *files]))
    opened = {event: read_movie(files[event]) for event in classes}
    shapes = {event: found.shape for event, found in opened.items()}
    if len(set(shapes.values())) > 1:
        raise WrongInputError(f"the maps of {name} differ in shape ({shapes}): detect the events again.")
    source = _source_movie(maps, name, opened[classes[0]], classes[0], movie, record)
    network = record.network
    chosen = chosen.with_defaults(network.thresholds, network.min_volumes, mode)
    margin = network.window_half_size_px or MARGIN_PX
    scale = MapScale(source.shape, shapes[classes[0]], margin, mode == "compatible")
    _require_scale(maps, record, scale)
    finder = EventFinder(scale, classes, chosen, mode)
    for event in classes:
        for _, frames in opened[event].chunks():
            for frame in frames:
                finder.feed(event, frame)
    written = _record(record, chosen, classes, mode, maps, source, scale)
    return Result(finder.finish(), classes, source, written, from_maps=True)


def _source_movie(
    maps: Path, name: str, raw: Movie, event: str, given: str | Path | Movie | None, record: RunRecord
) -> Movie:
    """Find the movie that the maps belong to, or let a map at its size stand in for it.

    Raises
    ------
    WrongInputError
        Where the movie's shape is not the one that the maps were made of.
    """
    shape, file = record.movie.shape, record.movie.file
    if given is None and file and is_there(str(split_path(file)[0])):
        given = file
    if given is not None:
        found = given if isinstance(given, Movie) else read_movie(given, record.settings.channel)
        if shape and found.shape != shape:
            raise WrongInputError(
                f"{found.name} has the shape {found.shape}, but the maps in {maps} were made of a movie of the shape {shape}: "
                "give the movie that belongs to them with --movie."
            )
        return found
    scaled = (maps if maps.is_dir() else maps.parent) / map_file(name, event, SCALED_MAP)
    stand_in = read_movie(scaled) if scaled.is_file() else raw
    pixels: Any = stand_in.pixels
    if shape and stand_in.shape != shape:
        create = ScratchFolder()
        copy = create(raw.shape, raw.dtype)
        copy[:] = raw.frames(0, raw.shape[0])
        pixels = rescale_map(copy, shape, False, create)
    return Movie(pixels, name, stand_in.pixel_size_um, stand_in.frame_interval_s)


def _record(
    record: RunRecord,
    settings: EventSettings,
    classes: tuple[str, ...],
    mode: str,
    maps: Path,
    movie: Movie,
    scale: MapScale,
) -> dict[str, Any]:
    """Write down what was done, keeping what is known of the detection."""
    earlier = record.entries()
    factors = [new / old for new, old in zip(scale.map_shape, scale.shape, strict=True)]
    measured: dict[str, dict[str, Any]] = {
        "movie": {"name": movie.name, "shape": list(movie.shape)},
        "network": {"window_half_size_px": scale.margin_px},
        "scale": {"factor_t": factors[0], "factor_xy": factors[1], "map_shape": list(scale.map_shape)},
    }
    return {
        "epifiji": 1,
        **{key: value for key, value in earlier.items() if key not in ("files", "seconds", "windows")},
        **{part: known | _without_nulls(earlier.get(part, {})) for part, known in measured.items()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "maps": str(maps),
        "settings": earlier.get("settings", {}) | settings.resolved(classes, mode) | {"mode": mode},
        "versions": versions(),
    }


def _without_nulls(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def _require_scale(maps: Path, record: RunRecord, scale: MapScale) -> None:
    """Refuse maps that are not of the size that the record says.

    Raises
    ------
    WrongInputError
        Naming both sizes.
    """
    factors = record.scale.factor_t, record.scale.factor_xy, record.scale.factor_xy
    for size, factor, found in zip(scale.shape, factors, scale.map_shape, strict=True):
        # Sizes are rounded to whole pixels and frames.
        if factor is not None and abs(size * factor - found) > 1:
            raise WrongInputError(
                f"the maps in {maps} have the shape {scale.map_shape}, but the movie's shape {scale.shape} and the factors of "
                f"{RUN_RECORD} ({record.scale.factor_t or 1:g} in time, {record.scale.factor_xy or 1:g} in space) give another: "
                f"put the maps and {RUN_RECORD} of one run together, or detect the events again."
            )
