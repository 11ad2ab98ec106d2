"""Making events again from kept probability maps, without running the network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.settings import MODES, EventSettings, parse_settings
from epifiji.engine.scaling import rescale_map
from epifiji.files.movies import read_movie, split_path
from epifiji.files.results import SCALED_MAP, find_maps, map_file, read_record
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
    record = read_record(maps if maps.is_dir() else maps.parent)
    mode = str(settings.pop("mode", None) or record.get("settings", {}).get("mode") or MODES[0])
    if mode not in MODES:
        raise WrongInputError(f"mode is {mode!r}, but it must be one of {', '.join(MODES)}: give another value.")
    chosen = parse_settings(EventSettings, settings)
    in_order = [name for name in record.get("network", {}).get("classes", ()) if name in files]
    classes = chosen.chosen_events(dict.fromkeys([*in_order, *files]))
    opened = {event: read_movie(files[event]) for event in classes}
    shapes = {event: found.shape for event, found in opened.items()}
    if len(set(shapes.values())) > 1:
        raise WrongInputError(f"the maps of {name} differ in shape ({shapes}): detect the events again.")
    source = _source_movie(maps, name, opened[classes[0]], classes[0], movie, record)
    network = record.get("network", {})
    chosen = chosen.with_defaults(network.get("thresholds", {}), network.get("min_volumes", {}), mode)
    margin = network.get("window_half_size_px", MARGIN_PX)
    scale = MapScale(source.shape, shapes[classes[0]], margin, mode == "compatible")
    finder = EventFinder(scale, classes, chosen, mode)
    for event in classes:
        for _, frames in opened[event].chunks():
            for frame in frames:
                finder.feed(event, frame)
    written = _record(record, chosen, classes, mode, maps, source, scale)
    return Result(finder.finish(), classes, source, written, from_maps=True)


def _source_movie(
    maps: Path, name: str, raw: Movie, event: str, given: str | Path | Movie | None, record: dict[str, Any]
) -> Movie:
    """Find the movie that the maps belong to, or let a map at its size stand in for it.

    Raises
    ------
    WrongInputError
        Where the movie's shape is not the one that the maps were made of.
    """
    shape = tuple(record.get("movie", {}).get("shape", ()))
    file = record.get("movie", {}).get("file")
    if given is None and file and split_path(file)[0].exists():
        given = file
    if given is not None:
        found = given if isinstance(given, Movie) else read_movie(given, record.get("settings", {}).get("channel"))
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
    earlier: dict[str, Any],
    settings: EventSettings,
    classes: tuple[str, ...],
    mode: str,
    maps: Path,
    movie: Movie,
    scale: MapScale,
) -> dict[str, Any]:
    """Write down what was done, keeping what is known of the detection."""
    factors = [new / old for new, old in zip(scale.map_shape, scale.shape, strict=True)]
    return {
        "epifiji": 1,
        "movie": {"name": movie.name, "shape": list(movie.shape)},
        "network": {"window_half_size_px": scale.margin_px},
        "scale": {"factor_t": factors[0], "factor_xy": factors[1], "map_shape": list(scale.map_shape)},
        **{key: value for key, value in earlier.items() if key not in ("files", "seconds", "windows")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "maps": str(maps),
        "settings": earlier.get("settings", {}) | settings.resolved(classes, mode) | {"mode": mode},
        "versions": versions(),
    }
