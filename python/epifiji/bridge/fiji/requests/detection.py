"""The jobs that detect events, open earlier results and show probability maps in ImageJ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.commands import DetectCommand, OpenCommand, ShowMapsCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, exclusive_use, folder_of_results, job, settings_of
from epifiji.bridge.fiji.shown_events import movie_key, shown_events
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.events import colour_of, group_of
from epifiji.data.movie import Movie
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.files.results.places import folder_of


@job("detect", commands.DETECT)
def detect(request: Request) -> Answer:
    """Detect events.

    The request has ``settings`` by key, ``headless``, and ``image`` if the settings have no ``input``. If it has ``done``,
    result folders, a movie of one of them is refused.
    """
    from epifiji.files.movies.movie_file import open_movie
    from epifiji.files.results.result_folder import require_free, result_folder
    from epifiji.jobs.events.detect import detect
    from epifiji.jobs.events.many import require_new

    command = parse_settings(DetectCommand, request["settings"])
    settings = settings_of(command, DetectionSettings)
    network = network_of(command.network)
    classes = command.chosen_events(network.description.events)
    movie = (
        open_movie(command.input, command.channel)
        if command.input
        else movie_of_image(request["image"], request.blocks)
    )
    written = bool(command.save or command.input or request.get("headless"))
    folder = folder_of_results(movie, command.out, written, result_folder)
    if folder is not None:
        require_free(folder, movie.name, classes, command.overwrite)
    require_new(movie, request.get("done", ()))
    with exclusive_use(request.report):
        result = detect(movie, network, request.report, keep_until_saved=folder is not None, **settings)
    if folder is not None:
        result.save(folder, command.overwrite, request.report)
    shown = _maps_to_show(result.maps, movie) if command.maps != "none" and not request.get("headless") else {}
    return {
        **shown_events(result.events, result.classes, movie.pixel_size_um, movie.frame_interval_s, request.values),
        "name": movie.name,
        "network": network.description.name,
        "notices": list(result.notices),
        "folder": str(folder) if folder is not None else None,
        "movie_key": movie_key(result.record["movie"]["sha256"], result.record["movie"]["file"], folder),
        "seconds": result.record["seconds"]["total"],
        **shown,
    }


_networks: dict[Path, tuple[Any, EventNetwork]] = {}


def network_of(given: str | None) -> EventNetwork:
    """Read a network, or return it as it was read before if its files are unchanged."""
    from epifiji.files.networks.store import find_network
    from epifiji.jobs.networks import event_network_of

    path = find_network(given)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    state = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    if path not in _networks or _networks[path][0] != state:
        _networks[path] = state, event_network_of(path)
    return _networks[path][1]


def _maps_to_show(maps: dict[str, dict[str, Any]], movie: Movie) -> Answer:
    """Write maps at the movie's size into a temporary folder, which the client removes."""
    from epifiji.engine.tiling.scaling import rescale_map
    from epifiji.files.results.result_folder import RAW_MAP, SCALED_MAP, map_file, write_map
    from epifiji.files.storage.scratch import ScratchFolder

    at_size = maps.get(SCALED_MAP) or {
        name: rescale_map(pixels, movie.shape, False, ScratchFolder()) for name, pixels in maps[RAW_MAP].items()
    }
    written = []
    with client_folder("maps") as folder:
        for name, pixels in at_size.items():
            file = folder / map_file("movie", name, SCALED_MAP)
            frames = (pixels[t] for t in range(pixels.shape[0]))
            write_map(file, frames, pixels.shape, movie.pixel_size_um, movie.frame_interval_s)
            written.append({"event": name, "file": str(file), "colour": colour_of(name, at_size)})
    return {"maps": written, "maps_folder": str(folder)}


@job("open", commands.OPEN)
def open_events(request: Request) -> Answer:
    """Read the events of an earlier run. The request has ``settings`` by key."""
    from epifiji.files.event_sources import read_events_of
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.files.results.result_folder import record_of

    command = parse_settings(OpenCommand, request["settings"])
    place = _given(command.results)
    notices: list[str] = []
    events = read_events_of(place, None, notices)
    folder = folder_of(place)
    record = record_of(place)
    movie, classes = record.movie, record.settings.events or ()
    return {
        **shown_events(events, classes, movie.pixel_size_um, movie.frame_interval_s, request.values),
        "name": place.name,
        "folder": str(folder),
        "movie_key": movie_key(movie.sha256, movie.file, folder),
        "movie_name": movie.name,
        "notices": notices,
        "movie": find_movie(record, folder),
        "shape": movie.shape,
    }


@job("maps", commands.SHOW_MAPS)
def show_maps(request: Request) -> Answer:
    """Rescale kept maps to a movie's size.

    The request has ``settings`` by key, and ``shape`` (T, Y, X) of the open image if there is one.
    """
    from epifiji.engine.tiling.scaling import rescale_map
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.files.results.result_folder import RAW_MAP, find_maps, record_of
    from epifiji.files.storage.scratch import ScratchFolder

    place = _given(parse_settings(ShowMapsCommand, request["settings"]).results)
    name, files = find_maps(place)
    run = record_of(place)
    record = run.movie
    movies = {
        event: read_movie(files[event]) for event in sorted(files, key=lambda event: (group_of(event, files), event))
    }
    first = next(iter(movies.values()))
    open_shape, own_shape = request.get("shape"), record.shape
    if open_shape and own_shape and list(open_shape) != list(own_shape):
        raise WrongInputError(
            f"The maps in {place} belong to a movie of {_size(own_shape)}, but the open image has {_size(open_shape)}: open the "
            "movie that they were made from, or close the image to see only the maps."
        )
    t, y, x = own_shape or open_shape or first.shape
    maps = {}
    for event, movie in movies.items():
        scratch = ScratchFolder()
        raw = scratch(movie.shape, np.dtype(np.uint8))
        for start, frames in movie.chunks():
            raw[start : start + len(frames)] = frames
        maps[event] = rescale_map(raw, (t, y, x), False, scratch)
    blank = np.broadcast_to(np.uint8(0), (t, y, x))
    stand_in = Movie(blank, name, record.pixel_size_um, record.frame_interval_s).require_frames()
    return {
        **_maps_to_show({RAW_MAP: maps}, stand_in),
        "name": name,
        "movie": find_movie(run, folder_of(place)),
    }


def _given(results: str | None) -> Path:
    if results is None:
        raise WrongInputError("No results were specified, but a result folder is needed: give --results DIR.")
    place = Path(results)
    if not place.exists():
        raise WrongInputError(f"{place} does not exist, but a result folder is needed: check the path.")
    return place


def _size(shape: Sequence[int]) -> str:
    t, y, x = shape
    return f"{t} frames of {x} x {y} pixels"
