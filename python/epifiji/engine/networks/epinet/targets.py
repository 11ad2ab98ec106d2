"""Training data at a network's scale, from a movie's events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.progress import Report, silent
from epifiji.engine.networks.epinet.sampling import SIGMA_FRAMES, SIGMA_PX
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.scaling import rescale_for_network, scale_factor

AROUND_FRAMES, AROUND_PX = round(3 * SIGMA_FRAMES), round(3 * SIGMA_PX)
"""Extent of an event's targets, and so of the region that is known around a place with a decision."""


def at_network_scale(
    movie: Movie,
    description: EventNetworkDescription,
    diameter: float | None,
    duration: float | None,
    report: Report = silent,
) -> np.ndarray:
    """Read a movie into memory, with levels and scale as in a detection: (T, Y, X).

    Parameters
    ----------
    diameter, duration
        Of the movie's cells in pixels and its events in frames; None not to rescale it.

    Raises
    ------
    WrongInputError
        If fewer than 5 frames remain, or the pixels do not fit into memory.
    """
    factors = (
        scale_factor(description.event_duration_frames, duration),
        scale_factor(description.cell_diameter_px, diameter),
    )
    try:
        scaled = rescale_for_network(levelled(movie), *factors, False, _array, report)
        return scaled.frames(0, scaled.shape[0])
    except MemoryError as problem:
        raise WrongInputError(
            f"{movie.name} does not fit into memory, but training needs it as a whole: crop it to the region of its events."
        ) from problem


def _array(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Any:
    return np.zeros(shape, dtype)


def places_of(events: Sequence[Event], shape: tuple[int, ...], scaled: tuple[int, ...]) -> np.ndarray:
    """Rescale events of a movie (T, Y, X): (n, 3) at frame, y, x; those just outside the frame are moved into it."""
    ratios = np.array(scaled) / np.array(shape)
    places = np.array([(one.frame, one.y, one.x) for one in events], float).reshape(-1, 3)
    scaled_places: np.ndarray = np.clip((places + 0.5) * ratios - 0.5, 0, np.array(scaled) - 1)
    return scaled_places


def around(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Mark the neighbourhoods of places (n, 3) in a boolean array (T, Y, X)."""
    marked = np.zeros(shape, bool)
    reach = np.array([AROUND_FRAMES, AROUND_PX, AROUND_PX])
    for place in np.round(places).astype(int):
        t, y, x = (slice(max(0, a), b + 1) for a, b in zip(place - reach, place + reach, strict=True))
        marked[t, y, x] = True
    return marked


def known_region(
    shape: tuple[int, ...], decided: np.ndarray, open_places: np.ndarray, complete: bool
) -> np.ndarray | None:
    """Return where the content of a movie is known, (T, Y, X), bool; None for everywhere.

    Parameters
    ----------
    decided, open_places
        Places (n, 3) with a decision, and those without one.
    complete
        Whether everything else was searched, and no events were found.
    """
    if complete:
        return ~around(open_places, shape) if len(open_places) else None
    decided_places: np.ndarray = around(decided, shape) & ~around(open_places, shape)
    return decided_places
