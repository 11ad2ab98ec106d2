"""Events of several movies as counts and rates."""

from __future__ import annotations

from dataclasses import dataclass

SQUARE_UM = 100.0
"""Side in µm of the area that rates refer to."""


@dataclass(frozen=True)
class PooledMovie:
    """The events of one class in one movie.

    Parameters
    ----------
    movie, condition
        The movie's name and its condition.
    place
        The result folder.
    event
        The class.
    events
        Number of events in the region.
    frames
        Number of frames in which events may lie.
    hours
        Their duration; None if the frame interval is unknown.
    within
        The region: ``tissue`` or ``frame``.
    area_um2
        Its area, averaged over these frames; None if the pixel size is unknown.
    cells
        Average number of cells; None if the tissue is unknown.
    low, high
        Ends of the 95 % interval of the expected number of events.
    """

    movie: str
    condition: str
    place: str
    event: str
    events: int
    frames: int
    hours: float | None
    within: str
    area_um2: float | None
    cells: float | None
    low: float
    high: float


@dataclass(frozen=True)
class RateUnit:
    """What rates of all movies refer to, so that they can be compared: by time and area, by time, or by frame."""

    calibrated: bool
    by_area: bool

    @property
    def text(self) -> str:
        """Name the rate."""
        by = "hour" if self.calibrated else "frame"
        return f"events per {by} and ({SQUARE_UM:g} µm)²" if self.by_area else f"events per {by}"

    def exposure(self, movie: PooledMovie) -> float:
        """Return the time, times the area, by which a movie's number of events is divided."""
        time = movie.hours if self.calibrated and movie.hours is not None else float(movie.frames)
        area = movie.area_um2 / SQUARE_UM**2 if self.by_area and movie.area_um2 is not None else 1.0
        return time * area

    def rate(self, movie: PooledMovie, events: float | None = None) -> float:
        """Return the rate of a movie, or that of another number of events in it."""
        return (movie.events if events is None else events) / self.exposure(movie)
