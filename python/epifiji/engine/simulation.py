"""A movie of an epithelium with true events, from a seed.

Courses and brightness of the events are such that networks trained on pupal notum recognise them. The SOP above all,
a compact bright spot, is the picture that such networks answer to and no model of an asymmetric division.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import MIN_FRAMES, Movie
from epifiji.engine.microscope import Microscope, Spot
from epifiji.engine.tissue import Tissue

EDGE_FRAMES = 8
"""No event is planned in so many first and last frames."""
EDGE_DIAMETERS = 1.4
"""No event is planned nearer to the field's edge, in cell diameters."""
SEPARATION_FRAMES, SEPARATION_DIAMETERS = 8, 1.6
"""Events are planned more than so many frames or so many cell diameters apart."""

_SLACK_DIAMETERS = 0.2  # a place is planned before it is known where the cells will be
_DRIFT_DIAMETERS = 0.1  # a cell moves while its event goes on
_LEAD_FRAMES = 20  # lived through before the first frame, so that an event may be under way in it


class Arguments(TypedDict):
    """Some of the arguments of :func:`simulate`."""

    seed: int
    frames: int
    height: int
    width: int
    extrusions: int
    divisions: int
    sops: int


DEMO: Arguments = {
    "seed": 1,
    "frames": 30,
    "height": 170,
    "width": 170,
    "extrusions": 5,
    "divisions": 3,
    "sops": 2,
}
"""The movie of ``epifiji demo``: small, and with events that are plain to see."""


@dataclass(frozen=True)
class Simulation:
    """A simulated movie with the geometry that it was drawn from.

    Parameters
    ----------
    pixels
        (T, Y, X), uint8.
    labels
        (T, Y, X), int32: which cell owns a pixel. A cell keeps its number; daughters get new ones.
    events
        The true events, by class, frame and place.
    """

    pixels: np.ndarray
    labels: np.ndarray
    events: list[Event]


def simulate(
    seed: int = 0,
    frames: int = 30,
    height: int = 200,
    width: int = 200,
    cell_diameter_px: float = 25,
    extrusions: int = 5,
    divisions: int = 3,
    sops: int = 2,
) -> tuple[Movie, list[Event]]:
    """Simulate a movie of an epithelium.

    Parameters
    ----------
    seed
        0 or more. The same arguments give the same bytes, on one machine with the same numpy and scipy.
    frames, height, width
        Size of the movie: at least 5 frames, and at least two cell diameters a side.
    cell_diameter_px
        Mean diameter of circles as large as the cells, 8–200 px.
    extrusions, divisions, sops
        Numbers of events, 0 or more.

    Returns
    -------
    tuple[Movie, list[Event]]
        The movie, uint8, and its events ``cell_death``, ``cell_division`` and ``cell_sop``. An extrusion's frame is
        the first without apical area (people tend to mark it one or two frames earlier), a division's the first
        with two daughters, an SOP's the middle of the life of its bright spot.

    Raises
    ------
    WrongInputError
        Where an argument is out of range, or where there is no room for so many events.
    """
    result = simulate_tissue(seed, frames, height, width, cell_diameter_px, extrusions, divisions, sops)
    return Movie(result.pixels, name=f"simulated_{seed}"), result.events


def simulate_tissue(
    seed: int = 0,
    frames: int = 30,
    height: int = 200,
    width: int = 200,
    cell_diameter_px: float = 25,
    extrusions: int = 5,
    divisions: int = 3,
    sops: int = 2,
) -> Simulation:
    """Simulate as :func:`simulate` does, and tell for every pixel which cell owns it."""
    counts = {"extrusions": extrusions, "divisions": divisions, "sops": sops}
    _require_possible(seed, frames, height, width, cell_diameter_px, counts)
    planning, living, seeing = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
    places = _places(sum(counts.values()), (frames, height, width), cell_diameter_px, planning)
    kinds = extrusions * [_Extrusion] + divisions * [_Division] + sops * [_Sop]
    courses = [kind(int(place[0]), place[1:], planning) for kind, place in zip(kinds, places, strict=True)]
    tissue = Tissue((height, width), cell_diameter_px, living)
    microscope = Microscope(tissue, seeing)
    pixels = np.empty((frames, height, width), np.uint8)
    labels = np.empty((frames, height, width), np.int32)
    for frame in range(-_LEAD_FRAMES, frames):
        for course in courses:
            course.act(tissue, frame, courses)
        tissue.advance()
        if frame >= 0:
            spots = [spot for course in courses for spot in course.spots(tissue, frame)]
            labels[frame], pixels[frame] = microscope.picture(spots)
    events = [course.observed(labels) for course in courses]
    return Simulation(pixels, labels, sorted(events, key=lambda e: (e.event, e.frame, e.y, e.x)))


def _require_possible(
    seed: int, frames: int, height: int, width: int, cell_diameter_px: float, counts: dict[str, int]
) -> None:
    """Refuse arguments that are out of range."""
    if not 8 <= cell_diameter_px <= 200:
        raise WrongInputError(
            f"The cell diameter is {cell_diameter_px} px, but 8 to 200 px can be simulated: give a value between."
        )
    side = int(np.ceil(2 * cell_diameter_px))
    least = {"seed": 0, "frames": MIN_FRAMES, "height": side, "width": side} | dict.fromkeys(counts, 0)
    given = {"seed": seed, "frames": frames, "height": height, "width": width} | counts
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least[name]:
            raise WrongInputError(
                f"{name} is {value!r}, but a whole number of at least {least[name]} is needed: give such a number."
            )


def _places(count: int, shape: tuple[int, int, int], diameter: float, random: np.random.Generator) -> np.ndarray:
    """Draw frames and places (count, 3) that are far enough from each other and from the movie's ends.

    Of a few random draws the one is taken that leaves room for most others.

    Raises
    ------
    WrongInputError
        Where there is no room for so many.
    """
    edge = (EDGE_DIAMETERS + _SLACK_DIAMETERS) * diameter
    low = np.array([EDGE_FRAMES, edge, edge])
    high = np.array(shape) - 1 - low
    most = 0
    for _ in range(20 if (low <= high).all() else 0):
        draws = random.uniform(low, high, (max(600, 8 * count), 3))
        draws[:, 0] = np.round(draws[:, 0])
        apart = np.abs(draws[:, None] - draws)
        clash = np.hypot(apart[..., 1], apart[..., 2]) < (SEPARATION_DIAMETERS + _SLACK_DIAMETERS) * diameter
        clash &= apart[..., 0] <= SEPARATION_FRAMES + 1
        free = np.ones(len(draws), bool)
        taken: list[int] = []
        while free.any() and len(taken) < count:
            some = random.permutation(np.flatnonzero(free))[:8]
            taken.append(int(some[(clash[some] & free).sum(1).argmin()]))
            free &= ~clash[taken[-1]]
        if len(taken) == count:
            return draws[random.permutation(taken)]
        most = max(most, len(taken))
    if count == 0:
        return np.empty((0, 3))
    raise WrongInputError(
        f"Events asked for: {count}, but {shape[0]} frames of {shape[1]} x {shape[2]} px with cells of {diameter:g} px "
        f"have room for {most}: ask for fewer, or for a larger or longer movie."
    )


class _Course:
    """One event: planned for a frame and a place, it befalls the most fitting cell near there."""

    event = ""
    before = (0, 0)  # the course begins so many frames before the event, at least and at most
    after = 0  # and ends so many frames after it
    fitting_area = 1.0  # of the mean

    def __init__(self, frame: int, place: np.ndarray, random: np.random.Generator) -> None:
        self.frame, self.place = frame, place
        self.duration = int(random.integers(*self.before, endpoint=True))
        self.identities: tuple[int, ...] = ()
        self.area = 0.0

    def act(self, tissue: Tissue, frame: int, courses: Sequence[_Course]) -> None:
        """Choose or steer the cell for this frame (negative before the movie); `courses` are all, this one too."""
        elapsed = frame - self.frame
        if elapsed == -self.duration:
            self._choose(tissue, courses)
        if -self.duration <= elapsed <= self.after:
            self.steer(tissue, elapsed)
        if elapsed == self.after:
            tissue.cells["steered"][np.isin(tissue.cells["identity"], self.identities)] = False

    def _choose(self, tissue: Tissue, courses: Sequence[_Course]) -> None:
        """Take a cell near the planned place, of a size that suits the event and away from other events."""
        cells = tissue.cells
        site = tissue.expected(self.duration) - tissue.margin
        misfit = np.abs(cells["area"] / tissue.mean_area - self.fitting_area)
        misfit += 2 * np.linalg.norm(site - self.place, axis=1) / tissue.diameter
        inside = (tissue.field - 1) / 2 - np.abs(site - (tissue.field - 1) / 2)
        lack = EDGE_DIAMETERS + _DRIFT_DIAMETERS - inside.min(1) / tissue.diameter
        for other in courses:
            if other is not self and abs(other.frame - self.frame) <= SEPARATION_FRAMES + 1:
                distance = np.linalg.norm(site - other.place, axis=1) / tissue.diameter
                lack = np.maximum(lack, SEPARATION_DIAMETERS + _DRIFT_DIAMETERS - distance)
        misfit += 20 * np.maximum(lack, 0)
        row = int(np.argmin(np.where(cells["steered"], np.inf, misfit)))
        cells["steered"][row] = True
        self.identities, self.area = (int(cells["identity"][row]),), float(cells["area"][row])
        self.place = site[row]

    def steer(self, tissue: Tissue, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative before it)."""

    def spots(self, tissue: Tissue, frame: int) -> list[Spot]:
        """Bright spots in this frame."""
        return []

    def observed(self, labels: np.ndarray) -> Event:
        """Return the event as the labels (T, Y, X) show it."""
        return self._at(self.frame, labels[self.frame])

    def _at(self, frame: int, labels: np.ndarray) -> Event:
        """Return the event of this frame at the centroid of the cell or cells in these labels (Y, X)."""
        y, x = np.nonzero(np.isin(labels, self.identities))
        return Event(self.event, frame, float(y.mean()), float(x.mean()))


class _Extrusion(_Course):
    """The cell's area falls linearly, is tiny in the frame before the event and then nothing."""

    event, before, fitting_area = "cell_death", (12, 16), 0.7

    def steer(self, tissue: Tissue, elapsed: int) -> None:
        row = tissue.row(self.identities[0])
        if elapsed == 0:
            tissue.replace(row, tissue.cells[:0])
        else:
            left = (-elapsed - 1) / (self.duration - 1)
            tissue.cells["area"][row] = left * self.area + 0.01 * tissue.mean_area

    def observed(self, labels: np.ndarray) -> Event:
        last = int(np.flatnonzero((labels == self.identities[0]).any(axis=(1, 2)))[-1])
        return self._at(last + 1, labels[last])


class _Division(_Course):
    """The cell grows and rounds up, then two daughters with a bright junction move apart."""

    event, before, after, fitting_area = "cell_division", (7, 10), 5, 0.6

    def steer(self, tissue: Tissue, elapsed: int) -> None:
        if elapsed < 0:
            self._grow(tissue, 1 + elapsed / self.duration)
            return
        if elapsed == 0:
            self._split(tissue)
        cells = tissue.cells
        rows = [tissue.row(identity) for identity in self.identities]
        apart = tissue.shortest(cells["site"][rows[1]] - cells["site"][rows[0]])
        step = 0.1 * tissue.diameter * apart / np.linalg.norm(apart)
        cells["site"][rows] += np.stack([-step, step])
        cells["roundness"][rows] = 1.5 - 0.5 * elapsed / self.after
        cells["area"][rows] += 0.3 * (0.5 * self.area - cells["area"][rows])

    def _grow(self, tissue: Tissue, progress: float) -> None:
        """Make the mother larger and rounder; `progress` is 0–1."""
        row = tissue.row(self.identities[0])
        full = min(2.8 * self.area, 2.5 * tissue.mean_area)  # a larger one would not fit into a network's window
        tissue.cells["area"][row] = self.area + (full - self.area) * min(1.2 * progress, 1)
        tissue.cells["roundness"][row] = 1 + 0.8 * progress

    def _split(self, tissue: Tissue) -> None:
        """Put two daughters in the place of the mother, along a random axis."""
        row = tissue.row(self.identities[0])
        daughters = np.repeat(tissue.cells[row : row + 1], 2)
        radius = np.sqrt(daughters["area"][0] / np.pi)
        angle = tissue.random.uniform(0, np.pi)
        daughters["site"] += 0.35 * radius * np.outer((-1, 1), (np.sin(angle), np.cos(angle)))
        # At the poles, 1 radius from the mother's site and 0.65 from the daughter's, the edge stays where it was.
        daughters["weight"] -= daughters["roundness"] * radius**2 - 1.5 * (0.65 * radius) ** 2
        daughters["roundness"] = 1.5
        daughters["area"] /= 2
        daughters["bond"] = 1
        tissue.replace(row, daughters)
        self.identities = tuple(int(identity) for identity in tissue.cells["identity"][-2:])
        tissue.cells["sister"][-2:] = self.identities[::-1]


class _Sop(_Course):
    """A bright round spot lives in the middle of the cell."""

    event, before, after, fitting_area = "cell_sop", (7, 7), 7, 1.2

    def spots(self, tissue: Tissue, frame: int) -> list[Spot]:
        elapsed = abs(frame - self.frame)
        if elapsed > self.after:
            return []
        y, x = tissue.cells["site"][tissue.row(self.identities[0])] - tissue.margin
        return [Spot(float(y), float(x), 3.0 * min(1.0, (self.after + 1 - elapsed) / 3))]
