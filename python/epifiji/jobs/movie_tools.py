"""Tools for a movie with its events: cropping, rescaling, and a gallery."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, by_class, colour_of
from epifiji.data.movie import Movie, size_in_words
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import MIN_FRAMES, formerly, parse_settings
from epifiji.data.settings.movies import CropSettings, GallerySettings, ScalingSettings
from epifiji.data.stack_layout import StackLayout
from epifiji.engine.cells.diameter import cell_diameter
from epifiji.engine.tiling.scaling import place_in_movie, rescale
from epifiji.files.event_sources import Events, events_given, events_of, existing_place
from epifiji.files.figures.event_figure import draw_event_figure
from epifiji.files.figures.gallery import write_gallery
from epifiji.files.figures.look import PAPER_DOTS_PER_INCH, Look
from epifiji.files.movies.movie_file import open_movie, write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.movie_identity import record_of_events, require_movie
from epifiji.files.results.result_folder import roi_file, roi_files
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.files.storage.writable import new_files, require_absent

CROPPED, RESCALED = "crop", "rescaled"
"""Endings of the names of new movies."""

PICTURES = {
    "rows": ((".png", ".tif", ".tiff"), "a gallery is a .png or a .tif"),
    "figure": ((".png", ".svg", ".pdf"), "a figure is a .png, a .svg or a .pdf"),
}
"""Which files a gallery can be for each layout, and what to say of others."""

AnyMovie = Movie | np.ndarray | str | Path


@dataclass(frozen=True)
class MovieWithEvents:
    """A movie and the events in it.

    Parameters
    ----------
    movie, events
        In the movie's own frames and pixels.
    left_out
        Number of events of the original movie that lie outside.
    notices
        Sentences for the user.
    """

    movie: Movie
    events: list[Event]
    left_out: int = 0
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<MovieWithEvents: {self.movie!r}, {len(self.events)} events, {self.left_out} left out>"

    def require_free(self, folder: str | Path, overwrite: bool = False) -> None:
        """Refuse a folder in which :meth:`save` would overwrite something.

        Raises
        ------
        WrongInputError
            If so; the message names the file.
        """
        require_absent(path_from(folder, "the folder to write into"), self._names(), overwrite)

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write ``<name>.tif``, a ROI zip ``<name>_<class>.zip`` for each class, and ``<name>_events.csv``, or nothing.

        Raises
        ------
        WrongInputError
            If one of them exists, or a file cannot store the movie or an event.
        """
        folder, name = path_from(out, "the folder to write into"), self.movie.name
        scale = self.movie.pixel_size_um, self.movie.frame_interval_s
        self.require_free(folder, overwrite)
        with new_files(folder, self._names()) as partial:
            write_movie(self.movie, partial / f"{name}.tif")
            groups = by_class(self.events)
            for event, group in groups.items():
                write_rois(partial / roi_file(name, event), group, colour_of(event, groups))
            if self.events:
                write_events(partial / f"{name}_events.csv", self.events, *scale)
            written = sorted(file.name for file in partial.iterdir())
        return [folder / file for file in written]

    def _names(self) -> list[str]:
        name = self.movie.name
        classes = dict.fromkeys([*EVENT_COLOURS, *(event.event for event in self.events)])
        return [f"{name}.tif", f"{name}_events.csv", *roi_files(name, classes)]


@dataclass(frozen=True)
class Part:
    """A part of a movie: `left` and `top` (px) and `first` (frame) from 0, and its `shape` (T, Y, X)."""

    left: int
    top: int
    first: int
    shape: tuple[int, int, int]

    def place(self, event: Event) -> Event | None:
        """Return an event in the coordinates of the part; None if its pixel is outside."""
        moved = replace(event, frame=event.frame - self.first, y=event.y - self.top, x=event.x - self.left)
        return moved if _is_inside(moved, self.shape) else None


class _PartFrames:
    """The frames of a part, read from the movie when sliced."""

    def __init__(self, movie: Movie, part: Part) -> None:
        self._movie, self._part = movie, part
        self.shape, self.dtype = part.shape, movie.dtype

    def __getitem__(self, frames: slice) -> np.ndarray:
        start, stop, _ = frames.indices(self.shape[0])
        part, (_, height, width) = self._part, self.shape
        whole = self._movie.frames(part.first + start, part.first + stop)
        return whole[:, part.top : part.top + height, part.left : part.left + width]


def crop(movie: AnyMovie, events: Events = (), other_movie: bool = False, **settings: Any) -> MovieWithEvents:
    """Cut a part out of a movie, in space and time, with the events in it.

    Parameters
    ----------
    movie
        An array (T, Y, X), a file, or a :class:`~epifiji.data.movie.Movie`; pixels are read when they are needed.
    events
        A result folder, a table, one or several ROI files, or events.
    other_movie
        Whether the results may be those of another movie.
    **settings
        Those of :class:`~epifiji.data.settings.movies.CropSettings`: ``x``, ``y``, ``width``, ``height`` (px, from 0),
        ``first_frame``, ``last_frame`` (from 1, both are kept).

    Raises
    ------
    WrongInputError
        If the part does not lie in the movie, or has fewer than 5 frames, or the events are another movie's.
    """
    opened, events = open_movie(movie), events_given(events)
    notices = require_movie_of(opened, events, other_movie)
    part = part_of(opened.name, opened.shape, parse_settings(CropSettings, settings))
    known = events_of(events, opened.layout)
    inside = [moved for event in known if (moved := part.place(event)) is not None]
    pixels = _PartFrames(opened, part)
    cropped = replace(opened, pixels=pixels, name=f"{opened.name}_{CROPPED}", path=None, layout=StackLayout())
    return MovieWithEvents(cropped, inside, len(known) - len(inside), notices)


def part_of(name: str, shape: tuple[int, int, int], settings: CropSettings) -> Part:
    """Find the part of a movie of this shape.

    Raises
    ------
    WrongInputError
        If it does not lie in the movie, or has fewer than 5 frames.
    """
    count, height, width = shape
    last = settings.last_frame or count
    right = width if settings.width is None else settings.x + settings.width
    bottom = height if settings.height is None else settings.y + settings.height
    if not (settings.x < right <= width and settings.y < bottom <= height):
        raise WrongInputError(
            f"The part from x {settings.x}, y {settings.y} to x {right - 1}, y {bottom - 1} was requested, but {name} has "
            f"{width} x {height} pixels: specify x, y, width and height within it."
        )
    if last > count or last - settings.first_frame + 1 < MIN_FRAMES:
        raise WrongInputError(
            f"The frames {settings.first_frame} to {last} were requested, but {name} has {count} and at least {MIN_FRAMES} are "
            "needed: specify another first_frame or last_frame."
        )
    first = settings.first_frame - 1
    return Part(settings.x, settings.y, first, (last - first, bottom - settings.y, right - settings.x))


def rescale_with_events(
    movie: AnyMovie, events: Events = (), report: Report = silent, other_movie: bool = False, **settings: Any
) -> MovieWithEvents:
    """Enlarge or reduce a movie in space and time, with its events.

    The outer edges of the frames remain the outer edges, and likewise the beginning and the end. The calibration is
    adapted. Pixels are interpolated by cubic splines, piece by piece in temporary files.

    Parameters
    ----------
    movie, events, other_movie
        See :func:`crop`.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.movies.ScalingSettings`: ``factor_xy`` or ``new_cell_diameter``,
        ``factor_t`` or ``frames``.

    Raises
    ------
    WrongInputError
        If there is no factor or two, fewer than 5 frames or no pixels remain, or an event is not in the movie.
    """
    opened, events = open_movie(movie), events_given(events)
    opened.require_finite()
    factor_t, factor_xy = _factors(opened, parse_settings(ScalingSettings, settings))
    notices = require_movie_of(opened, events, other_movie)
    known = events_of(events, opened.layout)
    _require_inside(opened, known)
    scratch = ScratchFolder()
    try:
        scaled = rescale(opened, factor_t, factor_xy, False, scratch, report)
    except BaseException:
        scratch.remove()
        raise
    ratio_t, ratio_y, ratio_x = (new / old for new, old in zip(scaled.shape, opened.shape, strict=True))
    # Whole numbers of pixels make the ratios of x and y differ a little.
    ratio_xy = math.sqrt(ratio_y * ratio_x)
    size, height, interval = opened.pixel_size_um, opened.pixel_height_um, opened.frame_interval_s
    result = replace(
        scaled,
        name=f"{opened.name}_{RESCALED}",
        pixel_size_um=size and size / ratio_xy,
        pixel_height_um=height and height / ratio_xy,
        frame_interval_s=interval and interval / ratio_t,
        path=None,
        layout=StackLayout(),
    )
    moved = [rescaled_event(event, opened.shape, result.shape) for event in known]
    return MovieWithEvents(result, moved, notices=notices)


def require_room(movie: Movie, events: Events, ending: str, folder: str | Path, overwrite: bool = False) -> None:
    """Refuse, before a new movie is computed, a `folder` to which its files cannot be written.

    `ending` is that of the new movie's name: :data:`CROPPED` or :data:`RESCALED`. Like
    :meth:`MovieWithEvents.require_free`.
    """
    planned = replace(movie, name=f"{movie.name}_{ending}")
    MovieWithEvents(planned, events_of(events, movie.layout)).require_free(folder, overwrite)


def rescaled_event(event: Event, shape: tuple[int, int, int], new_shape: tuple[int, int, int]) -> Event:
    """Return an event in the coordinates of a movie that was rescaled to another shape."""
    frame, y, x = place_in_movie((event.frame, event.y, event.x), shape, new_shape, False)
    return replace(event, frame=frame, y=y, x=x)


def _factors(movie: Movie, settings: ScalingSettings) -> tuple[float, float]:
    """Return the factors in time and in space.

    Raises
    ------
    WrongInputError
        If there is none, there are two for one axis, or the result would not be a movie.
    """
    for one, other in (("factor_xy", "new_cell_diameter"), ("factor_t", "frames")):
        if getattr(settings, one) is not None and getattr(settings, other) is not None:
            raise WrongInputError(
                f"{one} and {other} were both given, but either determines the factor: specify one of them."
            )
    factor_xy, factor_t = settings.factor_xy, settings.factor_t
    if settings.frames is not None:
        factor_t = settings.frames / movie.shape[0]
    if settings.new_cell_diameter is not None:
        factor_xy = settings.new_cell_diameter / cell_diameter(movie, settings.cell_diameter)
    if factor_xy is None and factor_t is None:
        raise WrongInputError(
            "There is no factor for rescaling: specify factor_xy, new_cell_diameter, factor_t or frames."
        )
    frames = round(movie.shape[0] * (factor_t or 1))
    if frames < MIN_FRAMES:
        raise WrongInputError(
            f"{movie.name} has {movie.shape[0]} frames, of which {frames} would be left, but at least {MIN_FRAMES} are needed: "
            "specify a larger factor_t."
        )
    return factor_t or 1.0, factor_xy or 1.0


@formerly(out="file")
def save_gallery(
    movie: AnyMovie,
    events: Events,
    out: str | Path,
    overwrite: bool = False,
    other_movie: bool = False,
    **settings: Any,
) -> int:
    """Draw a row of crops over time for each event, in one image, or a figure for a paper.

    Parameters
    ----------
    movie, events, other_movie
        See :func:`crop`.
    out
        A ``.png`` or ``.tif`` to write; with the layout ``figure`` a ``.png``, ``.svg`` or ``.pdf``.
    overwrite
        Replace a file that exists.
    **settings
        Those of :class:`~epifiji.data.settings.movies.GallerySettings`: ``before``, ``after``, ``half_size``, ``zoom``,
        ``order``, ``rows``, ``layout``, ``theme``, ``dpi``.

    Returns
    -------
    int
        Number of events shown.

    Raises
    ------
    WrongInputError
        If there are no events, one is not in the movie, or the file exists or is not an image.
    """
    chosen = parse_settings(GallerySettings, settings)
    path = require_picture(out, overwrite, chosen.layout)
    opened, events = open_movie(movie), events_given(events)
    require_movie_of(opened, events, other_movie)
    known = events_of(events, opened.layout)
    if not known:
        raise WrongInputError("There are no events to show: detect some first, or lower the thresholds.")
    _require_inside(opened, known)
    classes = list(by_class(known))
    if chosen.order == "score":
        in_order = sorted(known, key=lambda e: (math.isnan(e.score), -e.score, e.frame))
    else:
        in_order = sorted(known, key=lambda e: (e.frame, e.y, e.x))
    shown = in_order[: chosen.rows]
    if chosen.layout == "figure":
        look = replace(Look.of(chosen, PAPER_DOTS_PER_INCH), formats=(path.suffix.lower()[1:],))
        with new_files(path.parent, [path.name]) as partial:
            draw_event_figure(partial / path.name, opened, in_order, chosen, look)
    else:
        write_gallery(path, opened, shown, classes, chosen)
    return len(shown)


def require_picture(file: str | Path, overwrite: bool = False, layout: str = "rows") -> Path:
    """Refuse a file to which a gallery cannot be written, and return it as a path.

    Raises
    ------
    WrongInputError
        If the file is not an image, exists and may not be replaced, or its folder is missing or cannot be written to.
    """
    path = path_from(file, "the picture")
    endings, kind = PICTURES[layout]
    if path.suffix.lower() not in endings:
        raise WrongInputError(f"{path} was to be written, but {kind}: choose such a name.")
    if path.exists() and not overwrite:
        raise WrongInputError(f"{path} exists already, but nothing is overwritten: choose another name or remove it.")
    if not path.parent.is_dir():
        raise WrongInputError(
            f"{path.parent} is not a folder, but {path.name} is to be written into it: make it first."
        )
    require_absent(path.parent, [path.name], overwrite=True)
    return path


def require_movie_of(movie: Movie, events: Events, other_movie: bool = False) -> tuple[str, ...]:
    """Refuse results of another movie, and return notices about what could not be checked.

    Raises
    ------
    WrongInputError
        If they are; the message names both movies.
    """
    places = [events] if isinstance(events, str | Path) else [one for one in events if isinstance(one, str | Path)]
    known = {existing_place(place): record_of_events(existing_place(place)).movie for place in places}
    return tuple(notice for place, found in known.items() for notice in require_movie(movie, found, place, other_movie))


def _is_inside(event: Event, shape: Sequence[int]) -> bool:
    """Return whether the event's pixel lies in a movie of this shape; halves are rounded up, as in ImageJ."""
    count, height, width = shape
    y, x = math.floor(event.y + 0.5), math.floor(event.x + 0.5)
    return 0 <= event.frame < count and 0 <= y < height and 0 <= x < width


def _require_inside(movie: Movie, events: Sequence[Event]) -> None:
    """Refuse events of another movie."""
    for event in events:
        if not _is_inside(event, movie.shape):
            raise WrongInputError(
                f"An event of {event.event} lies in frame {event.frame + 1}, x {event.x:g}, y {event.y:g}, but "
                f"{movie.name} has {size_in_words(movie.shape)}: specify the movie to which the events belong."
            )
