"""What is measured of the cells around events: a trace for each event, and means of traces that are aligned in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from epifiji.data.events import Event
from epifiji.data.opinions import Opinion

AREA, PERIMETER, ROUNDNESS, NEIGHBOURS = "area", "perimeter", "roundness", "neighbours"
JUNCTIONS, VERTICES = "junction intensity", "vertex intensity"
NEIGHBOUR_AREA, CONTROL_AREA = "neighbour area", "control area"

QUANTITIES = (AREA, PERIMETER, ROUNDNESS, NEIGHBOURS, JUNCTIONS, VERTICES, NEIGHBOUR_AREA, CONTROL_AREA)
"""What is measured in each frame, in the order of the tables; lengths in pixels, intensities in the movie's grey levels."""

DIMENSIONS = {AREA: 2, PERIMETER: 1, NEIGHBOUR_AREA: 2, CONTROL_AREA: 2}
"""Power of a length in the unit of a quantity; 0 for all others."""


@dataclass(frozen=True)
class Constriction:
    """The decline of a cell's area, from a fit; see :func:`epifiji.engine.cells.alignment.fit_constriction`.

    Parameters
    ----------
    onset
        Frame in which the decline begins, with a fraction.
    speed
        Decrease of the area in pixels per frame.
    r2
        Share of the area's variance that the fit explains.
    """

    onset: float
    speed: float
    r2: float


@dataclass(frozen=True, eq=False)
class CellTrace:
    """The cell of an event, followed through the frames around it.

    Parameters
    ----------
    number
        Number of the event in the table, from 1.
    event
        The event.
    problem
        Why its cell could not be followed; an empty text if it was. Then all else is empty.
    end
        First frame of the movie without the cell, or with two daughters; None if it stays.
    frames
        (n,): frames of the movie, from 0.
    places
        (n, 2): y, x of the cell in the movie, NaN where it is absent.
    values
        For each of `QUANTITIES` (n,), NaN where it is undefined. After a division those of both daughters together.
    constriction
        Of a cell that disappears; None if its area does not decline.
    rosette
        Order of the rosette: number of neighbours in its last frame, if it disappears; None for others.
    orientation_deg
        Angle of the line between the daughters, 0–180 degrees counter-clockwise from the x axis; None for others.
    long_axis_deg
        Angle of the mother's longest axis in the first frame; None for others.
    labels
        (n, h, w), int32: the cells of the field around it; a cell keeps its label.
    cell, daughters
        Labels of the cell and of its daughters.
    corners
        (n, 2): y, x of the field's first pixel in the movie.
    opinion
        Whether the cells change as the event's class says, also if its cell could not be followed; None if this was not
        asked.
    """

    number: int
    event: Event
    problem: str = ""
    end: int | None = None
    frames: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    places: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    constriction: Constriction | None = None
    rosette: int | None = None
    orientation_deg: float | None = None
    long_axis_deg: float | None = None
    labels: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0), np.int32))
    cell: int = 0
    daughters: tuple[int, ...] = ()
    corners: np.ndarray = field(default_factory=lambda: np.empty((0, 2), int))
    opinion: Opinion | None = None

    @property
    def zero(self) -> int:
        """The frame of t = 0: the end of the cell, or the event's frame if the cell stays."""
        return self.event.frame if self.end is None else self.end

    def cell_at(self, index: int) -> np.ndarray:
        """Return where the cell, or both daughters, are at an index of `frames`: (h, w), bool."""
        where: np.ndarray = np.isin(self.labels[index], (self.cell, *self.daughters))
        return where


@dataclass(frozen=True, eq=False)
class AlignedMean:
    """The mean of a quantity over the events of a class, frame by frame relative to t = 0.

    Parameters
    ----------
    offsets
        (n,): frames after t = 0.
    counts
        (n,): number of events.
    means, low, high
        (n,): mean and 95 % interval of the mean; NaN without events, and the interval with one.
    """

    offsets: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Units:
    """Factors and names of the units in which quantities are shown."""

    pixel_size_um: float | None = None
    frame_interval_s: float | None = None

    @property
    def time(self) -> float:
        """Minutes per frame, or 1."""
        return self.frame_interval_s / 60 if self.frame_interval_s else 1.0

    @property
    def time_unit(self) -> str:
        """``min`` or ``frames``."""
        return "min" if self.frame_interval_s else "frames"

    def factor(self, quantity: str) -> float:
        """Return the factor from pixels to the unit of a quantity."""
        return float((self.pixel_size_um or 1.0) ** DIMENSIONS.get(quantity, 0))

    def unit(self, quantity: str) -> str:
        """Return the unit of a quantity; an empty text if it has none."""
        if quantity in (JUNCTIONS, VERTICES):
            return "grey levels"
        length = "µm" if self.pixel_size_um else "px"
        return {0: "", 1: length, 2: f"{length}²"}[DIMENSIONS.get(quantity, 0)]
