"""Courses of events in a simulated tissue: each changes one cell over several frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.events import Event
from epifiji.data.settings.simulation import NOMINAL_DURATION, SimulationSettings
from epifiji.engine.simulation.epithelium import BOND_DECAY, REFERENCE_DIAMETER_PX, Epithelium
from epifiji.engine.simulation.microscope import Spot
from epifiji.engine.simulation.planning import SEPARATION_FRAMES

_DRIFT_DIAMETERS = 0.15  # motion of a cell during its event
_SPOT_SIGMA_PX = 3.2  # at the reference diameter
SOP_BRIGHTNESS = (1.3, 4.5)
"""Least and most brightness of an SOP's spot, 1 = a membrane's; dim spots that are none stay below the least."""


class Course:
    """An event or distractor planned for a frame and a position; it changes the most suitable cell near there.

    Parameters
    ----------
    frame
        Frame of the event.
    place
        y and x (2,), px of the field.
    settings
        Duration and variability of events.
    random
        Source of all random numbers.
    """

    before = (0, 0)  # a plain course begins this number of frames before the event: least, most
    shortest = 0  # least duration if courses vary
    after = 0  # the course ends this number of frames after the event
    fitting_area = (1.0, 0.5, 1.5)  # in mean areas: of a plain course, and the range if courses vary

    def __init__(
        self, frame: int, place: np.ndarray, settings: SimulationSettings, random: np.random.Generator
    ) -> None:
        self.frame, self.place, self.random = frame, place, random
        self.variety, self.beyond = min(1.0, settings.event_variety), max(0.0, settings.event_variety - 1)
        self.margin, self.separation = settings.margin_diameters, settings.separation_diameters
        self.pace = settings.event_duration / NOMINAL_DURATION
        self.size = settings.cell_diameter_px / REFERENCE_DIAMETER_PX
        low = self.before[0] - self.variety * (self.before[0] - self.shortest)
        least, most = (max(2, round(self.pace * end)) for end in (low, self.before[1]))
        self.duration = int(random.integers(least, most, endpoint=True))
        self.after = round(self.pace * self.after)
        self.fitting = self.vary(*self.fitting_area)
        self.identities: tuple[int, ...] = ()
        self.area = 0.0
        self.draw()
        if self.beyond:
            # A source of its own leaves all that a variety up to 1 draws as it is.
            self.random = np.random.default_rng(int(random.integers(2**63)))
            self.draw_beyond()

    def draw(self) -> None:
        """Draw the parameters of the course."""

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1."""

    def beside(self, value: float, low: float, high: float) -> float:
        """Draw a value from a range, with the probability `beyond`; otherwise return this one."""
        return float(self.random.uniform(low, high)) if self.random.random() < self.beyond else value

    def lasting(self, duration: int, low: float, high: float, shortest: int = 3) -> int:
        """Draw a duration around this one, between so many times of it, in frames; with the probability `beyond`."""
        return max(shortest, round(duration * float(np.exp(self.beside(0, np.log(low), np.log(high))))))

    def vary(self, plain: float, low: float, high: float) -> float:
        """Draw a value from a range, with the probability `variety`; otherwise return the plain value."""
        drawn = float(self.random.uniform(low, high))
        return drawn if self.random.random() < self.variety else plain

    def act(self, tissue: Epithelium, frame: int, courses: Sequence[Course]) -> None:
        """Choose or change the cell in this frame (negative: before the movie); `courses` are all, including this one."""
        elapsed = frame - self.frame
        if elapsed == -self.duration:
            self._choose(tissue, courses)
        if -self.duration <= elapsed <= self.after:
            self.steer(tissue, elapsed)
        if elapsed == self.after:
            tissue.cells["steered"][np.isin(tissue.cells["identity"], self.identities)] = False

    def _choose(self, tissue: Epithelium, courses: Sequence[Course]) -> None:
        """Choose a cell near the planned position, of a size that suits the event and away from other events."""
        cells = tissue.cells
        site = tissue.seen(tissue.expected(self.duration), self.frame)
        misfit = np.abs(cells["area"] / tissue.mean_area - self.fitting)
        misfit += 2 * np.linalg.norm(site - self.place, axis=1) / tissue.diameter
        inside = (tissue.field - 1) / 2 - np.abs(site - (tissue.field - 1) / 2)
        lack = self.margin + _DRIFT_DIAMETERS - inside.min(1) / tissue.diameter
        for other in courses:
            if other is not self and abs(other.frame - self.frame) <= SEPARATION_FRAMES + 1:
                distance = np.linalg.norm(site - other.place, axis=1) / tissue.diameter
                lack = np.maximum(lack, self.separation + _DRIFT_DIAMETERS - distance)
        misfit += 20 * np.maximum(lack, 0)
        fit = tissue.fit_for_events(self.frame - self.duration, self.frame + self.after)
        row = int(np.argmin(np.where(fit, misfit, np.inf)))
        cells["steered"][row] = True
        self.identities, self.area = (int(cells["identity"][row]),), float(cells["area"][row])
        self.place = site[row]

    def steer(self, tissue: Epithelium, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative: before it)."""

    def spots(self, tissue: Epithelium, frame: int) -> list[Spot]:
        """Return the bright spots in this frame."""
        return []

    def label(self, labels: np.ndarray, frame: int) -> None:
        """Change the labels (Y, X) of a frame where cells are drawn otherwise than they are."""

    def site(self, tissue: Epithelium, frame: int) -> np.ndarray:
        """Return the position of the (first) cell in the field, y and x (2,) in px."""
        return tissue.seen(tissue.cells["site"][tissue.row(self.identities[0])], frame)


class EventCourse(Course):
    """One event."""

    event = ""

    def observed(self, labels: np.ndarray) -> Event | None:
        """Return the event as the labels (T, Y, X) show it, or None if its cell is outside the field."""
        return self._at(self.frame, labels[self.frame])

    def _at(self, frame: int, labels: np.ndarray) -> Event | None:
        """Return the event in this frame, at the centroid of the cell or cells in these labels (Y, X)."""
        y, x = np.nonzero(np.isin(labels, self.identities))
        return Event(self.event, frame, float(y.mean()), float(x.mean())) if len(y) else None


class Extrusion(EventCourse):
    """The cell's area shrinks to almost nothing in the frame before the event, and then the cell is gone.

    Plain courses are linear. Varied ones are slow or fast at first; junctions may brighten, and a remnant may stay
    below. Beyond that they may be slow at both ends or come in pulses, the cell may become bright or dark, and its end
    and its remnant have different sizes.
    """

    event, before, shortest, fitting_area = "cell_death", (12, 16), 5, (0.7, 0.4, 1.3)

    def draw(self) -> None:
        """Draw the parameters of the course."""
        self.exponent = float(np.exp(self.vary(0, np.log(0.5), np.log(1.7))))
        self.glow = self.vary(0.25, -0.1, 1)
        self.remnant = max(0.0, self.vary(0, -1, 1.5))
        self.remnant_frames, self.remnant_px = 5, 1.6 * self.size
        self.slow_ends, self.pulse, self.period, self.end, self.inside = False, 0.0, 4.0, 0.01, 1.0
        self.last_site = np.zeros(2)
        self.inside_field = True

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1."""
        self.duration = self.lasting(self.duration, 0.65, 1.6)
        self.slow_ends = self.random.random() < 0.4 * self.beyond
        self.pulse, self.period = self.beside(0, 0, 0.25), self.random.uniform(2.5, 6)
        self.end = self.beside(self.end, 0.003, 0.03)
        self.inside = float(np.exp(self.beside(0, -0.5, 1)))
        self.glow = self.beside(self.glow, -0.3, 1.5)
        self.remnant_frames = round(self.beside(self.remnant_frames, 2, 9))
        self.remnant_px = self.size * self.beside(1.6, 1, 3)

    def left(self, elapsed: int) -> float:
        """Return the part of the cell's area that is left, 0–1, without its last bit."""
        linear = (-elapsed - 1) / (self.duration - 1)
        left = 0.5 - 0.5 * np.cos(np.pi * linear) if self.slow_ends else linear**self.exponent
        return float(left * (1 + self.pulse * np.sin(2 * np.pi * elapsed / self.period) * (1 - left)))

    def steer(self, tissue: Epithelium, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative: before it)."""
        row = tissue.row(self.identities[0])
        self.last_site = self.site(tissue, self.frame + elapsed)
        if elapsed == 0:
            tissue.replace(row, tissue.cells[:0])
            self.inside_field = bool(((self.last_site >= 0) & (self.last_site <= tissue.field - 1)).all())
            return
        left = self.left(elapsed)
        tissue.cells["area"][row] = left * self.area + self.end * tissue.mean_area
        tissue.cells["glow"][row] = self.glow * (1 - left)
        if self.inside != 1:
            tissue.cells["inside"][row] = self.inside ** (1 - left)

    def spots(self, tissue: Epithelium, frame: int) -> list[Spot]:
        """Return the bright spots in this frame."""
        elapsed = frame - self.frame
        if not self.remnant or not 0 <= elapsed < self.remnant_frames:
            return []
        y, x = self.last_site
        return [Spot(float(y), float(x), self.remnant * (1 - elapsed / self.remnant_frames), self.remnant_px)]

    def observed(self, labels: np.ndarray) -> Event | None:
        """Return the event as the labels (T, Y, X) show it, or None if its cell is outside the field."""
        first = max(0, self.frame - self.duration)
        shown = np.flatnonzero((labels[first : self.frame] == self.identities[0]).any(axis=(1, 2)))
        if not len(shown) or not self.inside_field:
            return None
        last = first + int(shown[-1])
        return self._at(last + 1, labels[last])


def split(tissue: Epithelium, identity: int, share: float, apart: float) -> tuple[int, int]:
    """Replace a cell by two daughters along a random axis, and return their numbers.

    Parameters
    ----------
    tissue
        The cells.
    identity
        The cell's number.
    share
        The first daughter's share of the area, 0–1.
    apart
        Distance of a daughter's site from the mother's, in the mother's radii.
    """
    row = tissue.row(identity)
    daughters = np.repeat(tissue.cells[row : row + 1], 2)
    radius = np.sqrt(daughters["area"][0] / np.pi)
    angle = tissue.random.uniform(0, np.pi)
    daughters["site"] += apart * radius * np.outer((-1, 1), (np.sin(angle), np.cos(angle)))
    roundness = 1.5 if daughters["roundness"][0] > 1 else 1.0
    # At the poles, 1 radius from the mother's site and 1 - apart from the daughter's, the edge keeps its position.
    daughters["weight"] -= daughters["roundness"] * radius**2 - roundness * ((1 - apart) * radius) ** 2
    # The edge between them is (share - 1/2) pi / 2 radii from the middle, which divides a disc approximately in that ratio.
    shift = (share - 0.5) * np.pi / 2 * radius
    daughters["weight"] += np.array([1, -1]) * 2 * roundness * apart * radius * shift
    daughters["roundness"] = roundness
    daughters["area"] *= np.array([share, 1 - share])
    tissue.replace(row, daughters)
    first, second = (int(number) for number in tissue.cells["identity"][-2:])
    tissue.cells["sister"][-2:] = second, first
    return first, second


class Division(EventCourse):
    """The cell grows and rounds up, then two daughters with a bright junction move apart.

    If courses vary it may grow by a factor of 1.3 to 4, keep its shape, and become dark or bright inside; the new
    junction may be dim at first. Beyond that a furrow may pinch the cell before the junction is there, a bright midbody
    may be between the daughters, and these may differ more and take longer.
    """

    event, before, shortest, after, fitting_area = "cell_division", (7, 10), 4, 5, (0.6, 0.4, 1.2)

    def draw(self) -> None:
        """Draw the parameters of the course."""
        self.growth = self.vary(2.8, 1.3, 4)
        self.most = self.vary(2.5, 2.5, 3.5)  # in mean areas; a larger cell does not fit into small windows
        self.rounding = max(0.0, self.vary(0.8, -0.3, 1.1))
        self.inside = float(np.exp(self.vary(-0.3, -1.5, 0.4)))
        self.glow = self.vary(0, -0.4, 0.4)
        self.bond = self.vary(1, -0.6, 2)
        self.push = self.vary(0.1, 0.02, 0.14)
        self.apart = self.vary(0.35, 0.25, 0.45)
        self.share = self.vary(0.5, 0.4, 0.6)
        self.furrow_frames, self.reached, self.midbody, self.midbody_px = 0, 1 / 1.2, 0.0, 0.0
        self.mother = 0

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1."""
        self.duration = self.lasting(self.duration, 0.7, 1.7)
        self.after = self.lasting(self.after, 0.6, 2)
        self.furrow_frames = min(round(self.beside(0, 0, 4)), self.duration - 2)
        self.reached = self.beside(self.reached, 0.5, 1)
        self.bond = self.beside(self.bond, -0.9, 2.5)
        self.share = self.beside(self.share, 0.36, 0.64)
        self.midbody = max(0.0, self.beside(0, -0.5, 2))
        self.midbody_px = self.size * self.random.uniform(0.8, 2)

    def steer(self, tissue: Epithelium, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative: before it)."""
        if elapsed == -self.furrow_frames:
            self.mother = self.identities[0]
            self.identities = split(tissue, self.mother, self.share, self.apart)
        if elapsed < 0:
            self._grow(tissue, 1 + elapsed / self.duration)
            return
        if elapsed == 0:
            tissue.cells["bond"][[tissue.row(identity) for identity in self.identities]] = self.bond
        cells, left = tissue.cells, 1 - elapsed / max(1, self.after)
        rows = self._move_apart(tissue)
        cells["roundness"][rows] = 1 + 0.5 * left * min(1, self.rounding / 0.8)
        share = np.array([self.share, 1 - self.share])
        cells["area"][rows] += 0.3 * (share * self.area - cells["area"][rows])
        cells["inside"][rows] = self.inside**left
        cells["glow"][rows] = self.glow * left

    def _move_apart(self, tissue: Epithelium, part: float = 1.0) -> list[int]:
        """Push the daughters apart by a part of what they move in a frame, and return their rows."""
        cells = tissue.cells
        rows = [tissue.row(identity) for identity in self.identities]
        way = tissue.shortest(cells["site"][rows[1]] - cells["site"][rows[0]])
        step = part * self.push / self.pace * tissue.diameter * way / max(float(np.linalg.norm(way)), 1e-6)
        cells["site"][rows] += np.stack([-step, step])
        return rows

    def _grow(self, tissue: Epithelium, progress: float) -> None:
        """Enlarge and round the mother; `progress` is 0–1. While a furrow pinches it, it is drawn as two halves."""
        cells = tissue.cells
        full = max(self.area, min(self.growth * self.area, self.most * tissue.mean_area))
        area = self.area + (full - self.area) * min(progress / self.reached, 1)
        halves = len(self.identities) == 2
        rows = self._move_apart(tissue, 0.5) if halves else [tissue.row(self.identities[0])]
        cells["area"][rows] = area * np.array([self.share, 1 - self.share] if halves else [1])
        if halves:
            cells["bond"][rows] = -1 / BOND_DECAY  # no junction yet
        else:
            cells["roundness"][rows] = 1 + self.rounding * progress
        cells["inside"][rows] = self.inside**progress
        cells["glow"][rows] = self.glow * progress

    def label(self, labels: np.ndarray, frame: int) -> None:
        """Give both halves of a mother her number in the labels (Y, X) of a frame."""
        if self.mother and frame < self.frame:
            labels[np.isin(labels, self.identities)] = self.mother

    def spots(self, tissue: Epithelium, frame: int) -> list[Spot]:
        """Return the midbody, as long as the junction is new."""
        elapsed = frame - self.frame
        if not self.midbody or not 0 <= elapsed <= self.after:
            return []
        first, second = (tissue.cells["site"][tissue.row(identity)] for identity in self.identities)
        y, x = tissue.seen(first + tissue.shortest(second - first) / 2, frame)
        return [Spot(float(y), float(x), self.midbody * (1 - elapsed / (self.after + 1)), self.midbody_px)]


class Sop(EventCourse):
    """A bright round spot in the middle of the cell; if courses vary, the cell may divide into two unequal daughters.

    Beyond that the spot may be small or lumpy, have a sharp rim, move in its cell, and take long to appear or disappear.
    """

    event, before, shortest, after, fitting_area = "cell_sop", (7, 7), 4, 7, (1.2, 0.7, 1.5)

    def draw(self) -> None:
        """Draw the parameters of the course."""
        self.after = max(2, round(self.vary(self.after, 0.6 * self.after, 1.4 * self.after)))
        self.brightness = self.vary(3.0, 1.5, 4)
        self.sigma_px = self.size * self.vary(_SPOT_SIGMA_PX, 2.2, 4)
        self.rise = self.vary(3, 1, 4) * self.pace
        self.offset = self.size * self.vary(0, 0, 3) * self.random.standard_normal(2)
        self.share = self.vary(0, 0.5, 0.68) if self.random.random() < 0.5 else 0
        self.fall, self.sharpness, self.lumps, self.wobble = self.rise, 1.0, np.zeros((1, 2)), 0.0
        self.duration = self.after

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1."""
        random = self.random
        self.after = self.duration = self.lasting(self.after, 0.85, 1.7)
        self.brightness = self.beside(self.brightness, *SOP_BRIGHTNESS)
        self.sigma_px = self.size * self.beside(self.sigma_px / self.size, 1.3, 4.5)
        self.rise, self.fall = (self.beside(end, 1.5, max(2, 0.9 * self.after)) for end in (self.rise, self.fall))
        self.sharpness = self.beside(1, 0.7, 2.5)
        lumps = round(self.beside(1, 1, 4))
        self.lumps = 0.6 * self.sigma_px * random.standard_normal((lumps, 2)) * (lumps > 1)
        if random.random() < self.beyond:
            self.offset = self.size * random.uniform(0, 3.5) * random.standard_normal(2)
        self.wobble = self.size * self.beside(0, 0, 0.6)

    def steer(self, tissue: Epithelium, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative: before it)."""
        if elapsed == 0 and self.share:
            self.identities = split(tissue, self.identities[0], self.share, 0.4)

    def spots(self, tissue: Epithelium, frame: int) -> list[Spot]:
        """Return the bright spots in this frame."""
        elapsed = abs(frame - self.frame)
        if elapsed > self.after:
            return []
        ramp = self.rise if frame <= self.frame else self.fall
        bright = self.brightness * min(1.0, (self.after + 1 - elapsed) / ramp) / len(self.lumps) ** 0.5
        place = self.site(tissue, frame) + self.offset
        if self.wobble:
            place = place + self.wobble * self.random.standard_normal(2)
        return [Spot(float(y), float(x), bright, self.sigma_px, self.sharpness) for y, x in place + self.lumps]
