"""The jobs that crop or rescale a movie with its events, and show events as a gallery.

If files are requested, the engine writes them. Otherwise ImageJ keeps its pixels, as far as possible, and its ROIs, and
requests only the new positions of the ROIs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.commands import CropCommand, GalleryCommand, RescaleCommand
from epifiji.bridge.fiji.manager_events import events_of_manager
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.pixels import movie_name_of_title, movie_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, repeats_notice, without_repeats
from epifiji.data.movie import Movie
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.movies import CropSettings, GallerySettings, ScalingSettings

Place = Sequence[float | None]
"""The frame (from 1; None for all frames), y and x (px) of a ROI or of one of its points."""


@job("crop", commands.CROP)
def crop_to_files(request: Request) -> Answer:
    """Crop a movie into files.

    The request has ``settings`` by key, ``manager`` (a zip of ROIs, or None), and ``image`` if the settings have no
    ``input``.
    """
    from epifiji.jobs.movie_tools import CROPPED, crop, require_room

    command = parse_settings(CropCommand, request["settings"])
    movie = _movie(command.input, request)
    folder = _folder(command, movie)
    _require_own(movie, command)
    events, notices = _events(command.events, request)
    require_room(movie, events, CROPPED, folder, command.overwrite)
    made = crop(movie, events, **settings_of(command, CropSettings))
    return _saved(made, folder, command.overwrite) | {"notices": notices}


@job("rescale", commands.RESCALE)
def rescale_to_files(request: Request) -> Answer:
    """Rescale a movie into files; see :func:`crop_to_files`."""
    from epifiji.jobs.movie_tools import RESCALED, require_room, rescale_with_events

    command = parse_settings(RescaleCommand, request["settings"])
    movie = _movie(command.input, request)
    folder = _folder(command, movie)
    _require_own(movie, command)
    events, notices = _events(command.events, request)
    require_room(movie, events, RESCALED, folder, command.overwrite)
    made = rescale_with_events(movie, events, request.report, **settings_of(command, ScalingSettings))
    return _saved(made, folder, command.overwrite) | {"notices": notices}


@job("crop_here", commands.CROP)
def crop_here(request: Request) -> Answer:
    """Return the part of an open image that a crop takes, and the new positions of its ROIs.

    The request has ``settings`` by key, ``title``, ``shape`` (T, Y, X), and the ``places`` of the image's ROIs.
    """
    from epifiji.jobs.movie_tools import CROPPED, part_of

    command = parse_settings(CropCommand, request["settings"])
    count, height, width = (int(size) for size in request["shape"])
    name = movie_name_of_title(request["title"])
    part = part_of(name, (count, height, width), parse_settings(CropSettings, settings_of(command, CropSettings)))
    events, left_out = _moved_events(command.events, part.place)
    return {
        "name": f"{name}_{CROPPED}",
        "x": part.left,
        "y": part.top,
        "first": part.first + 1,
        "shape": part.shape,
        "places": [_moved(place, part.place, part.first) for place in request["places"]],
        "events": events,
        "left_out": left_out,
    }


@job("rescale_here", commands.RESCALE)
def rescale_here(request: Request) -> Answer:
    """Rescale an open image. The request has ``settings`` by key, the ``image``, and the ``places`` of its ROIs.

    The new movie is a file in a temporary folder, which the client removes.
    """
    from epifiji.files.movies.movie_file import write_movie
    from epifiji.jobs.movie_tools import rescale_with_events, rescaled_event

    command = parse_settings(RescaleCommand, request["settings"])
    movie = movie_of_image(request["image"], request.blocks)
    made = rescale_with_events(movie, (), request.report, **settings_of(command, ScalingSettings))
    shape, new_shape = movie.shape, made.movie.shape

    def place(event: Event) -> Event:
        return rescaled_event(event, shape, new_shape)

    events, left_out = _moved_events(command.events, place)
    with client_folder("movie") as folder:
        write_movie(made.movie, folder / f"{made.movie.name}.tif")
    return {
        "name": made.movie.name,
        "file": str(folder / f"{made.movie.name}.tif"),
        "ratios": [new / old for new, old in zip(new_shape, shape, strict=True)],
        "places": [_moved(one, place, 0) for one in request["places"]],
        "events": events,
        "left_out": left_out,
    }


@job("gallery", commands.GALLERY)
def gallery(request: Request) -> Answer:
    """Draw a gallery. The request has ``settings`` by key, the ``image``, and ``manager`` (a zip of ROIs, or None).

    The picture to show is a file in a temporary folder, which the client removes. It is also written to ``output`` if
    that is specified.
    """
    from epifiji.jobs.movie_tools import require_picture, save_gallery

    command = parse_settings(GalleryCommand, request["settings"])
    if command.out is not None:
        require_picture(command.out, command.overwrite, command.layout)
    movie = movie_of_image(request["image"], request.blocks)
    events, notices = _events(command.events, request)
    settings = settings_of(command, GallerySettings)
    with client_folder("gallery") as folder:
        shown = save_gallery(movie, events, folder / "gallery.png", **settings)
        if command.out is not None:
            save_gallery(movie, events, command.out, command.overwrite, **settings)
    return {
        "name": f"{movie.name}-gallery",
        "file": str(folder / "gallery.png"),
        "shown": shown,
        "of": len(events),
        "notices": notices,
    }


def _require_own(movie: Movie, command: CropCommand | RescaleCommand) -> None:
    """Refuse results of another movie than the file ``input``. For an open image the client has checked this before."""
    from epifiji.jobs.movie_tools import require_movie_of

    if command.input is not None:
        require_movie_of(movie, command.events, command.other_movie)


def _movie(file: str | None, request: Request) -> Movie:
    from epifiji.files.movies.movie_file import read_movie

    return read_movie(file) if file is not None else movie_of_image(request.get("image"), request.blocks)


def _events(given: Sequence[str], request: Request) -> tuple[list[Event], list[str]]:
    """Read the events of the results or, without results, of the ROI Manager.

    Return them without duplicates, and notices.
    """
    from epifiji.jobs.movie_tools import events_of

    if given:
        events, repeats = without_repeats(events_of(given))
        return events, [*repeats_notice(" and ".join(given), repeats)]
    if not request.get("manager"):
        return [], []
    events, notices = events_of_manager(request["manager"], "show", request.get("image"))
    return events, [*notices]


def _folder(command: CropCommand | RescaleCommand, movie: Movie) -> Path:
    """Return the folder for the new files: the specified one, or that of the movie's file."""
    from epifiji.files.movies.movie_file import split_path

    if command.out is None and movie.path is None:
        raise WrongInputError(f"{movie.name} has no file, so there is no folder for the results: give --out DIR.")
    return Path(command.out) if command.out else split_path(str(movie.path))[0].parent


def _saved(made: Any, folder: Path, overwrite: bool) -> Answer:
    files = made.save(folder, overwrite)
    return {
        "name": made.movie.name,
        "folder": str(folder),
        "files": [str(file) for file in files],
        "events": len(made.events),
        "left_out": made.left_out,
    }


def _moved(place: Place, move: Callable[[Event], Event | None], first: int) -> Place | None:
    """Return the new position of a ROI or point; None if it is outside."""
    frame, y, x = place
    event = Event("", first if frame is None else int(frame) - 1, float(y or 0), float(x or 0))
    moved = move(event)
    return None if moved is None else (None if frame is None else moved.frame + 1, moved.y, moved.x)


def _moved_events(given: Sequence[str], move: Callable[[Event], Event | None]) -> tuple[Answer | None, int]:
    """Read the events of the results and move them.

    Return them as ImageJ shows them, and the number of those outside.
    """
    from epifiji.bridge.fiji.shown_events import shown_events
    from epifiji.jobs.movie_tools import events_of

    if not given:
        return None, 0
    known = events_of(given)
    moved = [found for event in known if (found := move(event)) is not None]
    return shown_events(moved, (), None, None), len(known) - len(moved)
