"""The place of a trial: a rectangle of some frames of a movie, and the part of the movie that the trial needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import WINDOW_FRAMES
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.settings.trial import PlaceSettings, TrialSettings
from epifiji.engine.tiling.parts import SPLINE_REACH, Box, Shape

SIDE_PX = 200
"""Side of the rectangle, if none is given."""

LEAST_SIDE_PX, LARGEST_SIDE_PX = 32, 300
"""Sides of the rectangle; of a larger one the middle is tried."""

SHOWN_FRAMES = 4
"""Frames before and after the middle one in which events are shown."""

NEEDED_PX, NEEDED_FRAMES = 192, 26
"""Margin around the place that suffices for all families at their own scale, in pixels and frames of the movie."""

SMALL_CELLS_PX, SHORT_EVENTS_FRAMES = 20.0, 3.5
"""Below these diameters and durations that margin suffices for any network; twice as much for cells of unknown diameter."""

GRID = (2, 40, 40)
"""Frames and pixels: parts begin at multiples, so windows of the default steps, and strides, are where the movie has them."""


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

    @property
    def box(self) -> Box:
        """Its frames, rows and columns."""
        return Box((self.first, self.y, self.x), (self.stop, self.y + self.height, self.x + self.width))


def needed(place: Place, shape: Shape, settings: TrialSettings) -> Box:
    """Return the part of a movie (T, Y, X) that a trial needs."""
    diameter, duration = settings.cell_diameter, settings.event_duration
    factor = 2.0 if diameter == "auto" else max(1.0, (diameter or 0) / SMALL_CELLS_PX)
    pixels = math.ceil(NEEDED_PX * factor) + SPLINE_REACH
    frames = NEEDED_FRAMES
    if duration is not None:
        frames = math.ceil(frames * max(1.0, duration / SHORT_EVENTS_FRAMES)) + SPLINE_REACH
    return place.box.wider((frames, pixels, pixels), shape, GRID)


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
class Part:
    """Which part of a movie of `shape` (T, Y, X) is known."""

    box: Box
    shape: Shape
