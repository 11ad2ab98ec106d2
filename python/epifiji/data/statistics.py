"""Counts and measurements of a movie's events over time and space."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SIGNIFICANT = 0.05

TISSUE_FILLS = "if tissue fills the frame"
"""Assumption of the test in space in the whole frame."""


@dataclass(frozen=True)
class Extent:
    """Size and scale of the events' movie.

    Parameters
    ----------
    shape
        (T, Y, X) in frames and pixels.
    pixel_size_um, frame_interval_s
        Side of a pixel and time between frames; None if unknown.
    known
        False if the shape was derived from the events, which then reach its edges.
    """

    shape: tuple[int, int, int]
    pixel_size_um: float | None = None
    frame_interval_s: float | None = None
    known: bool = True

    @property
    def length_unit(self) -> str:
        """Unit of lengths."""
        return "µm" if self.pixel_size_um else "px"

    @property
    def length(self) -> float:
        """One pixel in the unit of lengths."""
        return self.pixel_size_um or 1.0

    @property
    def area_unit(self) -> str:
        """Unit of areas."""
        return f"{self.length_unit}²"

    @property
    def time_unit(self) -> str:
        """Unit of times."""
        return "min" if self.frame_interval_s else "frames"

    @property
    def time(self) -> float:
        """One frame in the unit of times."""
        return self.frame_interval_s / 60 if self.frame_interval_s else 1.0

    @property
    def first_time(self) -> float:
        """Time of the first frame in the unit of times: people count frames from 1, and minutes from 0."""
        return 0.0 if self.frame_interval_s else 1.0

    @property
    def begin(self) -> float:
        """Start of a time axis: half a frame before the first, if frames are the unit."""
        return 0.0 if self.frame_interval_s else 0.5

    @property
    def rate_unit(self) -> str:
        """Unit of time of rates: hours, or frames."""
        return "hour" if self.frame_interval_s else "frame"

    @property
    def rate_time(self) -> float:
        """One frame in the unit of time of rates."""
        return self.frame_interval_s / 3600 if self.frame_interval_s else 1.0


@dataclass(frozen=True)
class Rates:
    """Events counted over time.

    Parameters
    ----------
    edges
        Bounds of the bins in frames from 0, (n + 1,); the last bin may be shorter.
    counts
        Events in each bin, (n,).
    observed
        Frames of each bin in which events may lie, (n,).
    """

    edges: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)
    observed: np.ndarray = field(repr=False)

    @property
    def cumulative(self) -> np.ndarray:
        """Events up to the end of each bin, (n,)."""
        return np.cumsum(self.counts)

    def per_frame(self) -> np.ndarray:
        """Events in each bin divided by its observed frames, (n,); NaN if there are none."""
        rate: np.ndarray = np.full(len(self.counts), np.nan)
        np.divide(self.counts, self.observed, out=rate, where=self.observed > 0)
        return rate


@dataclass(frozen=True)
class Neighbours:
    """Distances from each event to its nearest neighbour, with those of random arrangements; all lengths in pixels.

    Parameters
    ----------
    distances
        Rising distances, (m,).
    share
        Share of the events whose nearest neighbour lies within each distance, (m,).
    low, middle, high
        2.5, 50 and 97.5 per cent of that share in the random arrangements, (m,) each.
    mean
        Mean distance of the events.
    expected, expected_low, expected_high
        Mean, 2.5 and 97.5 per cent of the mean distances of the random arrangements.
    p
        Share of the arrangements, including the observed one, whose mean is at least as extreme on one side, doubled;
        at most 1.
    """

    distances: np.ndarray = field(repr=False)
    share: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    middle: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    mean: float
    expected: float
    expected_low: float
    expected_high: float
    p: float

    @property
    def verdict(self) -> str:
        """Describe the events' arrangement in words."""
        if self.p > SIGNIFICANT:
            return "as by chance"
        return "clustered" if self.mean < self.expected else "spread out"


@dataclass(frozen=True)
class ClassStatistics:
    """Statistics of the events of one class.

    Parameters
    ----------
    places
        Frame, y, x of each event, (n, 3).
    outside
        Number of events outside the region, which are left out.
    border
        Number of events at the border.
    rates
        Counts over time.
    density
        Events per pixel of the region, on a grid of cells of `cell_px` pixels, see
        :func:`~epifiji.engine.events.statistics.density_within`.
    cell_px
        Sides (y, x) of a cell in pixels.
    space, space_time
        Nearest neighbours; None if there are too few events or the movie's size is unknown.
    """

    places: np.ndarray = field(repr=False)
    outside: int
    border: int
    rates: Rates
    density: np.ndarray = field(repr=False)
    cell_px: tuple[float, float]
    space: Neighbours | None
    space_time: Neighbours | None
