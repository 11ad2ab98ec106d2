"""A trial: what several networks find at one place of a movie, in a few frames, before the whole movie is processed.

Each network processes a part of the movie that is just large enough for its predictions at the place to be those of a
detection in the whole movie, with the same scale: the part has the pixels of the rescaled movie.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.network import AnyNetwork, Network
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import DetectionSettings, EventSettings
from epifiji.data.settings.trial import TrialSettings
from epifiji.engine.cells.diameter import estimate_cell_diameter
from epifiji.engine.events.peaks import PeakFinder, Volume
from epifiji.engine.tiling.parts import Box, Shape, rescaled_map_part, rescaled_part, whole
from epifiji.engine.tiling.scaling import Storage, rescaled_shape, scale_factor
from epifiji.engine.tiling.windows import require_room
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.networks.zoo import listed
from epifiji.files.results.result_folder import RAW_MAP
from epifiji.jobs.events.blocks import predictor_of
from epifiji.jobs.events.detect import detect, require_mode
from epifiji.jobs.events.result import MapScale
from epifiji.jobs.events.trial_place import GRID, Part, Place, place_of
from epifiji.jobs.networks import event_network_of

VOLUME_PX, VOLUME_FRAMES = 24, 10
"""Margin around the place in the map, so that volumes of events in the place are whole."""

STEP_PX, STEP_FRAMES = 10, 2
"""Margin for windows at the end of a part, which are not where the whole movie has them."""

FAST_MARGIN_PX = 80
"""Largest margin for windows and their network in fast mode: what lies farther away is in reach of EpiNet, but changes its
predictions by one level of 255 at most, in 0.3 % of the pixels (measured on movies of four kinds)."""

AROUND_PX = 168
"""Margin around the place in which the cell diameter is estimated, in pixels of the movie."""


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
    uncertain
        Number of `candidates` whose volume reaches beyond the part that was processed.
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
    uncertain: int = 0
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
    networks: Sequence[AnyNetwork | str | Path] | str | None = None,
    report: Report = silent,
    **settings: Any,
) -> Trial:
    """Detect events at one place of a movie with several networks, in a few seconds.

    Parameters
    ----------
    movie
        See :func:`epifiji.detect`.
    networks
        Networks, or their names as one text, separated by commas. Default: all networks for events that have a name.
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
    if isinstance(networks, str):
        settings, networks = settings | {"networks": networks}, None
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
    part: Part | None = None,
) -> Trial:
    """Detect events at a place of a movie; see :func:`try_networks`.

    The movie may be only a part of the one that has the place.
    """
    part = part or Part(whole(movie.shape), movie.shape)
    given = tuple(networks or settings.networks or networks_to_try())
    if not given:
        raise WrongInputError("No network for events was found, but one is needed: import or fetch one.")
    report(0, "estimating the cell diameter")
    diameter, reason = _diameter(movie, part, place, settings)
    tried = []
    for number, one in enumerate(given):
        network = event_network_of(one)
        own = PartReport(report, number, len(given), f"{network.description.name}: ")
        name = network.description.name if isinstance(one, Network) else str(one)
        tried.append(replace(_tried(movie, part, place, network, settings, diameter, own), name=name))
    notices += tuple(_uncertain(one) for one in tried if one.uncertain)
    return Trial(movie, place, tuple(tried), diameter, reason, settings, (*movie.notices, *notices))


def _diameter(movie: Movie, part: Part, place: Place, settings: TrialSettings) -> tuple[float | None, str]:
    """Return the cell diameter in pixels, and why it is unknown if it is."""
    if settings.cell_diameter != "auto":
        return settings.cell_diameter, ""
    around = place.box.wider((0, AROUND_PX, AROUND_PX), part.shape)
    for frame in dict.fromkeys((place.frame, around.start[0], around.stop[0] - 1)):
        one = _part(movie, Box((frame, *around.start[1:]), (frame + 1, *around.stop[1:])), part)
        one.require_finite()
        try:
            # As it is shown and used by a detection with the suggested settings, so that both have the same scale.
            return round(estimate_cell_diameter(one), 1), ""
        except WrongInputError:
            continue
    return None, "bright junctions around at least ten whole cells of one size were not recognised here"


def _uncertain(one: TriedNetwork) -> str:
    which = "1 possible event reaches" if one.uncertain == 1 else f"{one.uncertain} possible events reach"
    how = f"{one.name} may give other scores and volumes in the whole movie"
    return f"{which} so far beyond the rectangle or its frames that {how}."


def _part(movie: Movie, box: Box, part: Part) -> Movie:
    """Read a part of a movie into memory."""
    t, y, x = box.common(part.box).within(part.box)
    frames = [movie.frames(n, n + 1)[0, y, x].copy() for n in range(t.start, t.stop)]
    return replace(movie, pixels=np.stack(frames), path=None, file_state=None, notices=())


def _tried(
    movie: Movie,
    part: Part,
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
        scaled = _scaled(movie, part, place, network, settings, diameter)
        found = detect(scaled.movie, network, report, threshold=0, min_volume=0, maps="raw", mode=settings.mode)
    except WrongInputError as problem:
        return replace(tried, problem=str(problem), seconds=time.perf_counter() - started)
    compatible, raw = settings.mode == "compatible", found.maps[RAW_MAP]
    candidates, uncertain = scaled.events(raw, place, description, compatible)
    return replace(
        tried,
        candidates=candidates,
        uncertain=uncertain,
        maps={
            name: rescaled_map_part(pixels[:], scaled.box, scaled.shape, part.shape, place.box, compatible)
            for name, pixels in raw.items()
        },
        rescaled=scaled.shape != part.shape,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _ScaledPart:
    """A part of the movie at a network's scale.

    `box` is the part of the rescaled movie of `shape`, `certain` where predictions are those in that movie.
    """

    movie: Movie
    box: Box
    certain: Box
    shape: Shape
    old: Shape

    def events(
        self, maps: Mapping[str, Storage], place: Place, description: EventNetworkDescription, compatible: bool
    ) -> tuple[tuple[Event, ...], int]:
        """Return the events at a place of the movie with any thresholds, and how many of them may be different in it."""
        half, defaults = description.window_half_size_px, EventSettings()
        scale = MapScale(self.old, self.shape, half, compatible, description.calibration)
        seen = self.certain.within(self.box)
        found, uncertain = [], 0
        for name, pixels in maps.items():
            distances = defaults.seed_distance_t, defaults.seed_distance_xy
            finder = PeakFinder(self.certain.shape[1:], *distances, joining=compatible)
            frames = np.asarray(pixels[seen[0]])[:, seen[1], seen[2]]
            volumes = [*chain.from_iterable(map(finder.feed, frames)), *finder.finish()]
            here = [(scale.event(name, self._moved(one)), self._is_cut(one)) for one in volumes]
            own = sorted((pair for pair in here if place.contains(pair[0])), key=lambda p: (p[0].frame, p[0].y, p[0].x))
            found += [event for event, _ in own]
            uncertain += sum(cut for _, cut in own)
        return tuple(found), uncertain

    def _moved(self, volume: Volume) -> Volume:
        return replace(volume, voxels=volume.voxels + np.array(self.certain.start))

    def _is_cut(self, volume: Volume) -> bool:
        """Return whether a volume touches an end of the part at which the movie does not end."""
        low, high = volume.voxels.min(0) == 0, volume.voxels.max(0) >= np.array(self.certain.shape) - 2
        begins, ends = np.array(self.certain.start) == 0, np.array(self.certain.stop) == self.shape
        return bool((low & ~begins).any() or (high & ~ends).any())


def _scaled(
    movie: Movie, part: Part, place: Place, network: EventNetwork, settings: TrialSettings, diameter: float | None
) -> _ScaledPart:
    """Bring the part of a movie that a network needs to its scale.

    Raises
    ------
    WrongInputError
        If the movie has too little room for the network.
    """
    description, predictor = network.description, predictor_of(network, settings.mode)
    factor_t = scale_factor(description.event_duration_frames, settings.event_duration)
    factor_xy = scale_factor(description.cell_diameter_px, diameter)
    shape = rescaled_shape(movie.name, part.shape, factor_t, factor_xy)
    require_room(movie.name, shape, description, rescaled=factor_xy != 1)
    pixels = description.window_half_size_px + predictor.margin_rows + STEP_PX
    if settings.mode == "fast":
        pixels = min(pixels, FAST_MARGIN_PX)
    frames = max(description.frames_before, description.frames_after) + predictor.margin_frames + STEP_FRAMES
    margins = frames, pixels, pixels
    known = part.box.inner(part.shape, shape, GRID)
    certain = place.box.rescaled(part.shape, shape).wider((VOLUME_FRAMES, VOLUME_PX, VOLUME_PX), shape)
    box = certain.wider(margins, shape, GRID).common(known)
    certain = certain.common(box.narrower(margins, shape))
    compatible = settings.mode == "compatible"
    scaled = rescaled_part(movie, part.box, part.shape, shape, box, compatible)
    made = replace(movie, pixels=scaled, path=None, file_state=None, notices=())
    return _ScaledPart(made, box, certain, shape, part.shape)
