"""Processes in a simulated tissue that are not events, although they may look like events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.epithelium import REFERENCE_DIAMETER_PX, Epithelium
from epifiji.engine.simulation.event_courses import SOP_BRIGHTNESS, Course
from epifiji.engine.simulation.microscope import Spot

LEAST_AREA = 0.05
"""Smallest area of shrinking cells, relative to their own and to the mean area."""


class Distractor(NamedTuple):
    """Something that is not an event, or not known to be one."""

    kind: str
    """``shrinking_cell``, ``small_cell``, ``debris``, ``flickering_spot``, or ``unclear``: with real outlines, one of
    their own cells appears or vanishes, because of an event or of an error in the outlines."""
    frame: int
    """0-based frame in which a cell is smallest, or the middle frame of a spot or speck."""
    y: float
    """0-based, px."""
    x: float


class Shrinking(Course):
    """The cell's area shrinks to a small part and recovers."""

    before, shortest, after, fitting_area = (8, 14), 5, 12, (0.7, 0.4, 1.2)

    def draw(self) -> None:
        """Draw the parameters of the course."""
        self.least = float(self.random.uniform(LEAST_AREA, 0.3))
        self.kept = float(self.random.uniform(0.7, 1.1))
        self.rest = round(self.pace * self.random.uniform(0, 4))
        self.after += self.rest
        self.glow = self.vary(0.25, -0.1, 1)
        self.slow_ends = False

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1."""
        self.duration = self.lasting(self.duration, 0.65, 1.6)
        self.glow = self.beside(self.glow, -0.3, 1.5)
        self.slow_ends = self.random.random() < 0.5 * self.beyond

    def steer(self, tissue: Epithelium, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative: before it)."""
        row = tissue.row(self.identities[0])
        gone, back = -elapsed / self.duration, (elapsed - self.rest) / max(1, self.after - self.rest)
        far = np.clip(gone if elapsed < 0 else back, 0, 1)
        if self.slow_ends:
            far = 0.5 - 0.5 * np.cos(np.pi * far)
        end = 1 if elapsed < 0 else self.kept
        area = self.area * (self.least + (end - self.least) * far)
        tissue.cells["area"][row] = max(area, LEAST_AREA * tissue.mean_area)
        tissue.cells["glow"][row] = self.glow * (1 - far)

    def observed(self, labels: np.ndarray) -> Distractor | None:
        """Return frame and position at which the labels (T, Y, X) show the smallest cell, or None if they do not show it."""
        first, last = max(0, self.frame - self.duration), min(len(labels), self.frame + self.after)
        areas = (labels[first:last] == self.identities[0]).sum((1, 2))
        if not areas.all():
            return None
        frame = first + int(areas.argmin())
        y, x = np.nonzero(labels[frame] == self.identities[0])
        return Distractor("shrinking_cell", frame, float(y.mean()), float(x.mean()))


class Flicker(Course):
    """A bright spot that is not an SOP: too short, too dim, blinking, too broad, or permanent."""

    before, shortest, after, fitting_area = (7, 7), 4, 7, (1.0, 0.5, 1.5)
    _KINDS = ("short", "dim", "blinking", "broad", "lasting")

    def draw(self) -> None:
        """Draw the parameters of the course."""
        random = self.random
        self.kind = str(random.choice(self._KINDS))
        self.brightness = float(random.uniform(*((0.25, 0.8) if self.kind in ("dim", "broad") else (1.5, 4))))
        self.sigma_px = self.size * float(random.uniform(*((6, 9) if self.kind == "broad" else (2.2, 4))))
        self.offset = self.size * 2 * random.standard_normal(2)
        self.life = round(self.pace * random.uniform(4, 10))
        self.pattern = random.random(2 * self.life + 1) < 0.5
        if self.kind == "short":
            self.life = int(random.integers(0, 3))
        self.sharpness = 1.0
        self.duration = self.after = self.life + 1
        if self.kind == "lasting":
            self.duration, self.after = self.frame + 1, 10**6

    def draw_beyond(self) -> None:
        """Change parameters if courses vary by more than 1: those that an SOP has too."""
        self.sharpness = self.beside(1, 0.7, 2.5)
        if self.kind != "broad":
            self.sigma_px = self.size * self.beside(self.sigma_px / self.size, 1.3, 4.5)
        if self.kind == "dim":
            self.brightness = self.beside(self.brightness, 0.15, 0.5 * SOP_BRIGHTNESS[0])

    def spots(self, tissue: Epithelium, frame: int) -> list[Spot]:
        """Return the bright spots in this frame."""
        elapsed = frame - self.frame
        gone = abs(elapsed) > self.life and self.kind != "lasting"
        if gone or (self.kind == "blinking" and not self.pattern[elapsed + self.life]):
            return []
        y, x = self.site(tissue, frame) + self.offset
        return [Spot(float(y), float(x), self.brightness, self.sigma_px, self.sharpness)]

    def observed(self, labels: np.ndarray) -> Distractor | None:
        """Return the cell's position in the labels (T, Y, X) in the middle of the spot's life, or None if they do not show it."""
        y, x = np.nonzero(labels[self.frame] == self.identities[0])
        if not len(y):
            return None
        return Distractor(
            "flickering_spot", self.frame, float(y.mean() + self.offset[0]), float(x.mean() + self.offset[1])
        )


class Debris:
    """A speck of up to three lobes that appears at a random position, drifts and vanishes."""

    def __init__(self, settings: SimulationSettings, random: np.random.Generator) -> None:
        size = settings.cell_diameter_px / REFERENCE_DIAMETER_PX
        self.frames = int(random.integers(1, 25))
        self.first = int(random.integers(1 - self.frames, settings.frames))
        self.start = random.uniform(0, (settings.height, settings.width))
        self.pace = random.normal(0, random.choice([0.1, 1]), 2) * size
        lobes = int(random.integers(1, 4))
        self.lobes = random.normal(0, 1.6 * size, (lobes, 2)) * (lobes > 1)
        self.sigmas = size * random.uniform(0.7, 2.2, lobes)
        self.brightness = random.uniform(0.6, 4, lobes)
        if settings.event_variety > 1:
            self.sigmas = self.sigmas * np.random.default_rng(int(random.integers(2**63))).uniform(0.7, 1.6, lobes)

    def spots(self, frame: int) -> list[Spot]:
        """Return the bright spots in this frame."""
        elapsed = frame - self.first
        if not 0 <= elapsed < self.frames:
            return []
        places = self.start + self.pace * elapsed + self.lobes
        found = zip(places, self.brightness, self.sigmas, strict=True)
        return [Spot(float(y), float(x), float(bright), float(sigma)) for (y, x), bright, sigma in found]

    def observed(self, shape: tuple[int, ...]) -> Distractor | None:
        """Return its position in the middle of its visible time in a movie (T, Y, X), or None if it has left the field."""
        frames, height, width = shape
        frame = (max(0, self.first) + min(frames, self.first + self.frames) - 1) // 2
        y, x = self.start + self.pace * (frame - self.first)
        inside = 0 <= y <= height - 1 and 0 <= x <= width - 1
        return Distractor("debris", frame, float(y), float(x)) if inside else None


def make_small(tissue: Epithelium, count: int, frames: int, random: np.random.Generator) -> list[int]:
    """Make cells in the field permanently small, preferably the smallest, and return their numbers."""
    cells = tissue.cells
    inside = (np.abs(tissue.seen(cells["site"], 0) - (tissue.field - 1) / 2) < tissue.field / 2).all(1)
    free = np.flatnonzero(inside & tissue.fit_for_events(0, frames - 1))
    size = cells["area"][free] * np.exp(0.3 * random.standard_normal(len(free)))
    rows = free[np.argsort(size)][:count]
    cells["area"][rows] = tissue.mean_area * random.uniform(0.1, 0.35, len(rows))
    cells["steered"][rows] = True
    return [int(number) for number in cells["identity"][rows]]
