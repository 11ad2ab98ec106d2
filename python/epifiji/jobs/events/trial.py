"""A trial: what several networks find at one place of a movie, in a few frames, before the whole movie is processed.

Each network processes a part of the movie that is just large enough for its predictions at the place to be those of a
detection in the whole movie.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.events import Event
from epifiji.data.movie import WINDOW_FRAMES, Movie
from epifiji.data.network import AnyNetwork, Network
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import MIN_FRAMES, parse_settings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.trial import PlaceSettings, TrialSettings
from epifiji.engine.cells.diameter import estimate_cell_diameter
from epifiji.engine.tiling.blocks import BlockPredictor
from epifiji.engine.tiling.scaling import rescale_map, scale_factor
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.networks.zoo import listed
from epifiji.files.results.result_folder import RAW_MAP
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.jobs.events.blocks import predictor_of
from epifiji.jobs.events.detect import detect, require_mode
from epifiji.jobs.networks import event_network_of

SIDE_PX = 200
"""Side of the rectangle, if none is given."""

LEAST_SIDE_PX, LARGEST_SIDE_PX = 32, 300
"""Sides of the rectangle; of a larger one the middle is tried."""

SHOWN_FRAMES = 4
"""Frames before and after the middle one in which events are shown."""

VOLUME_PX, VOLUME_FRAMES = 16, 6
"""Margin around the place in the map, so that volumes of events at its edge are almost whole."""

AROUND_PX, AROUND_FRAMES = 168, 24
"""Margin around the place that suffices for all families at their own scale, in pixels and frames of the movie."""

GRID_PX, GRID_FRAMES = 40, 2
"""Parts begin at multiples of these, so that windows of the default steps, and strides, are where the whole movie has them."""


@dataclass(frozen=True)
class Place:
    """A rectangle of some frames of a movie: frames, rows and columns from 0, `frame` is the middle one."""

    frame: int
    first: int
    stop: int
    y: int
    x: int
    height: int
    width: int

    def contains(self, event: Event) -> bool:
        """Return whether an event of the movie lies here."""
        inside = 0 <= event.y - self.y <= self.height - 1 and 0 <= event.x - self.x <= self.width - 1
        return self.first <= event.frame < self.stop and inside

    def around(
        self, shape: tuple[int, int, int], margin_px: int = AROUND_PX, margin_frames: int = AROUND_FRAMES
    ) -> Place:
        """Return a place with a margin, as far as a movie (T, Y, X) has one, that begins on the grid."""
        first = max(0, self.first - margin_frames) // GRID_FRAMES * GRID_FRAMES
        top, left = (max(0, start - margin_px) // GRID_PX * GRID_PX for start in (self.y, self.x))
        bottom = min(shape[1], self.y + self.height + margin_px)
        right = min(shape[2], self.x + self.width + margin_px)
        stop = min(shape[0], self.stop + margin_frames)
        return Place(self.frame, first, stop, top, left, bottom - top, right - left)

    def within(self, other: Place) -> Place:
        """Return this place in frames and pixels of another one that contains it."""
        return Place(
            self.frame - other.first,
            self.first - other.first,
            self.stop - other.first,
            self.y - other.y,
            self.x - other.x,
            self.height,
            self.width,
        )


def place_of(
    name: str, shape: tuple[int, int, int], settings: PlaceSettings, view: Sequence[int] | None = None
) -> tuple[Place, tuple[str, ...]]:
    """Return the place of a movie (T, Y, X) that settings give, and sentences about it.

    Parameters
    ----------
    name
        Of the movie, for messages.
    view
        x, y, width, height of the part of the frame that is in view. Default: the frame.

    Raises
    ------
    WrongInputError
        If the movie is too short, or the frame or rectangle is not in it, or too small.
    """
    count, height, width = shape
    if count < MIN_FRAMES:
        raise WrongInputError(
            f"{name} has {count} frame{'s' * (count > 1)}, but at least {MIN_FRAMES} are needed, because networks compare "
            "frames: use a movie, not a still image."
        )
    frame = settings.frame or count // 2 + 1
    if frame > count:
        raise WrongInputError(f"frame is {frame}, but {name} has {count} frames: give a frame from 1 to {count}.")
    notices: list[str] = []
    seen = view or (0, 0, width, height)
    x, columns = _side("width", settings.x, settings.width, (seen[0], seen[2]), width, notices)
    y, rows = _side("height", settings.y, settings.height, (seen[1], seen[3]), height, notices)
    first, stop = max(0, frame - 1 - SHOWN_FRAMES), min(count, frame + SHOWN_FRAMES)
    if count < WINDOW_FRAMES:
        notices.append(
            f"{name} has {count} frames, fewer than {WINDOW_FRAMES}, so networks see the first and last one many times: "
            "interpret the events with caution."
        )
    return Place(frame - 1, first, stop, y, x, rows, columns), tuple(dict.fromkeys(notices))


def _side(
    what: str, start: int | None, length: int | None, view: tuple[int, int], size: int, notices: list[str]
) -> tuple[int, int]:
    """Return start and length of the rectangle along an axis of a movie with `size` pixels."""
    if start is None:
        start = view[0] + (view[1] - min(length or SIDE_PX, view[1])) // 2
    left, right = max(0, start), min(size, start + (length or SIDE_PX))
    if right - left < min(LEAST_SIDE_PX, size):
        raise WrongInputError(
            f"The {what} of the rectangle is {max(0, right - left)} px in the movie, but at least {LEAST_SIDE_PX} px are needed: "
            "draw a larger rectangle, or none to take the middle of the view."
        )
    if right - left > LARGEST_SIDE_PX:
        notices.append(
            f"The rectangle has more than {LARGEST_SIDE_PX} x {LARGEST_SIDE_PX} px, so only its middle is tried."
        )
        left += (right - left - LARGEST_SIDE_PX) // 2
        right = left + LARGEST_SIDE_PX
    return left, right - left


@dataclass(frozen=True)
class TriedNetwork:
    """What one network finds at a place.

    Parameters
    ----------
    name
        As it was given: a network's name, folder or zip.
    description
        Its description.
    thresholds, min_volumes
        Its own for each class; see :class:`~epifiji.data.settings.detection.EventSettings`.
    candidates
        All events that any thresholds give, in frames and pixels of the movie.
    maps
        Probability maps (frames, rows, columns) of the place by class, uint8.
    rescaled
        Whether the place was rescaled for the network.
    seconds
        Time that it took.
    problem
        Why the network cannot be used here; empty if it can.
    """

    name: str
    description: EventNetworkDescription
    thresholds: dict[str, int]
    min_volumes: dict[str, int]
    candidates: tuple[Event, ...] = ()
    maps: dict[str, np.ndarray] | None = None
    rescaled: bool = False
    seconds: float = 0.0
    problem: str = ""

    @property
    def finds(self) -> tuple[Event, ...]:
        """The events that pass the network's own thresholds."""
        return tuple(
            one
            for one in self.candidates
            if one.over(self.thresholds[one.event]) and one.volume > self.min_volumes[one.event]
        )


@dataclass(frozen=True)
class Trial:
    """What networks find at a place of a movie.

    Parameters
    ----------
    movie, place
        The movie and the place.
    networks
        Results by network, in the order in which they were tried.
    cell_diameter
        Diameter of the cells in pixels that was used; None if it is unknown.
    estimate
        Why it was not estimated; empty if it was, or was given.
    notices
        Sentences for the user.
    """

    movie: Movie
    place: Place
    networks: tuple[TriedNetwork, ...]
    cell_diameter: float | None
    estimate: str
    settings: TrialSettings
    notices: tuple[str, ...] = ()


def networks_to_try() -> tuple[str, ...]:
    """Return the names of all networks for events that can be read, the default one first."""
    from epifiji.files.networks.store import names_default_first

    usable = {one.name for one in listed() if isinstance(one.description, EventNetworkDescription)}
    return tuple(name for name in names_default_first() if name in usable)


def try_networks(
    movie: Movie | np.ndarray | str | Path,
    networks: Sequence[AnyNetwork | str | Path] | None = None,
    report: Report = silent,
    **settings: Any,
) -> Trial:
    """Detect events at one place of a movie with several networks, in a few seconds.

    Parameters
    ----------
    movie
        See :func:`epifiji.detect`.
    networks
        Default: all networks for events that have a name.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.trial.TrialSettings`: ``x``, ``y``, ``width``, ``height`` (px), ``frame`` (from
        1), ``cell_diameter``, ``event_duration``, ``mode``, ``channel``.

    Raises
    ------
    WrongInputError
        If the movie, the place or a setting is not usable, or there is no network.
    """
    chosen = parse_settings(TrialSettings, settings)
    opened = open_movie(movie, chosen.channel)
    place, notices = place_of(opened.name, opened.shape, chosen)
    return try_at(opened, place, chosen, networks, report, notices)


def try_at(
    movie: Movie,
    place: Place,
    settings: TrialSettings,
    networks: Sequence[AnyNetwork | str | Path] | None = None,
    report: Report = silent,
    notices: tuple[str, ...] = (),
) -> Trial:
    """Detect events at a place of a movie; see :func:`try_networks`."""
    given = tuple(networks or settings.networks or networks_to_try())
    if not given:
        raise WrongInputError("No network for events was found, but one is needed: import or fetch one.")
    report(0, "estimating the cell diameter")
    around = _part(movie, place.around(movie.shape))
    around.require_finite()
    diameter, reason = _diameter(around, settings)
    tried = []
    for number, one in enumerate(given):
        network = event_network_of(one)
        part = PartReport(report, number, len(given), f"{network.description.name}: ")
        name = network.description.name if isinstance(one, Network) else str(one)
        tried.append(replace(_tried(movie, place, network, settings, diameter, part), name=name))
    return Trial(movie, place, tuple(tried), diameter, reason, settings, (*movie.notices, *notices))


def _diameter(movie: Movie, settings: TrialSettings) -> tuple[float | None, str]:
    """Return the cell diameter in pixels, and why it is unknown if it is."""
    if settings.cell_diameter != "auto":
        return settings.cell_diameter, ""
    try:
        return estimate_cell_diameter(movie), ""
    except WrongInputError:
        return None, "bright junctions around at least ten whole cells of one size were not recognised here"


def _part(movie: Movie, place: Place) -> Movie:
    """Read a part of a movie into memory."""
    frames = [
        movie.frames(t, t + 1)[0, place.y : place.y + place.height, place.x : place.x + place.width].copy()
        for t in range(place.first, place.stop)
    ]
    return replace(movie, pixels=np.stack(frames), path=None, file_state=None, notices=())


def _tried(
    movie: Movie,
    place: Place,
    network: EventNetwork,
    settings: TrialSettings,
    diameter: float | None,
    report: Report,
) -> TriedNetwork:
    """Detect events at a place with one network."""
    started = time.perf_counter()
    description = network.description
    chosen = parse_settings(DetectionSettings, {"mode": settings.mode}).with_defaults(
        description.thresholds, description.min_volumes, settings.mode
    )
    tried = TriedNetwork(
        description.name,
        description,
        {name: chosen.threshold_of(name, settings.mode) for name in description.events},
        {name: chosen.min_volume_of(name, settings.mode) for name in description.events},
    )
    try:
        require_mode(settings.mode, description)
        predictor = predictor_of(network, settings.mode)
        part = place.around(movie.shape, *_margins(description, predictor, diameter, settings.event_duration))
        scale: dict[str, Any] = {"cell_diameter": diameter, "event_duration": settings.event_duration}
        pixels = _part(movie, part)
        found = detect(pixels, network, report, threshold=0, min_volume=0, maps="raw", mode=settings.mode, **scale)
    except WrongInputError as problem:
        return replace(tried, problem=str(problem), seconds=time.perf_counter() - started)
    here, scratch = place.within(part), ScratchFolder()
    rows, columns = slice(here.y, here.y + here.height), slice(here.x, here.x + here.width)
    maps = {
        name: np.array(rescale_map(raw, pixels.shape, settings.mode == "compatible", scratch)[here.first : here.stop])[
            :, rows, columns
        ]
        for name, raw in found.maps[RAW_MAP].items()
    }
    candidates = (replace(e, frame=e.frame + part.first, y=e.y + part.y, x=e.x + part.x) for e in found.events)
    factors = found.record["scale"]["factor_t"], found.record["scale"]["factor_xy"]
    return replace(
        tried,
        candidates=tuple(event for event in candidates if place.contains(event)),
        maps=maps,
        rescaled=factors != (1, 1),
        seconds=time.perf_counter() - started,
    )


def _margins(
    description: EventNetworkDescription, predictor: BlockPredictor, diameter: float | None, duration: float | None
) -> tuple[int, int]:
    """Return the margins around a place that predictions for it depend on, in pixels and frames of the movie."""
    pixels = description.window_half_size_px + predictor.margin_rows + VOLUME_PX
    frames = max(description.frames_before, description.frames_after) + predictor.margin_frames + VOLUME_FRAMES
    factor_xy = scale_factor(description.cell_diameter_px, diameter)
    factor_t = scale_factor(description.event_duration_frames, duration)
    return math.ceil(pixels / factor_xy), math.ceil(frames / factor_t)
