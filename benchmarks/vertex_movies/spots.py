"""Bright spots in a vertex model: SOPs, spots that blink or are faint, and debris."""

from __future__ import annotations

from typing import Any

import numpy as np

from vertex_movies.events import Course, Division, Extrusion, Recovery, Spot, Swelling


class Sop(Course):
    """A compact bright spot that appears in a cell, stays, and fades; its event is the middle of its life."""

    event, wanted = "cell_sop", (0.7, 1.8)
    least, most = 0.6, 1.4  # life, in durations of an extrusion
    bright = (1.6, 3.2)

    def draw(self, duration: float) -> None:
        """Draw the course."""
        life = max(4, round(duration * self.uniform(self.least, self.most)))
        self.before, self.after = life // 2 + 1, life - life // 2
        self.rise, self.fall = self.uniform(0.1, 0.4), self.uniform(0.15, 0.5)
        self.peak, self.radius = self.uniform(*self.bright), self.uniform(0.1, 0.17)
        self.offset = 0.12 * self.random.standard_normal(2)
        self.seed = int(self.random.integers(2**31))

    def act(self, frame: int, camera: np.ndarray, taken: list[np.ndarray]) -> None:
        """Choose the cell; it goes on as before."""
        super().act(frame, camera, taken)
        if self.cell is not None and self.cell in self.tissue.cells:
            self.mine.area = self.start
            if frame == self.frame:
                self.found = frame, self.where() + self.offset * self.tissue.length

    def spots(self, frame: int) -> list[Spot]:
        """Return the spot."""
        u = (frame - self.frame + self.before) / (self.before + self.after)
        if self.cell not in self.tissue.cells or not 0 < u < 1:
            return []
        height = self.peak * min(1.0, u / self.rise, (1 - u) / self.fall)
        place = self.where() + self.offset * self.tissue.length
        return [Spot(place, height, self.radius * self.tissue.length, self.seed)]


class Blink(Sop):
    """A spot as bright as that of an SOP, for one to three frames."""

    event, least, most = "", 0.05, 0.25

    def draw(self, duration: float) -> None:
        """Draw the course."""
        super().draw(duration)
        life = int(self.random.integers(1, 4))
        self.before, self.after, self.rise, self.fall = 1, life, 0.05, 0.05


class Faint(Sop):
    """A dim spot that lives as long as an SOP's."""

    event, bright = "", (0.25, 0.5)


class Debris:
    """A lump that lies on the tissue, drifts and turns dark again."""

    def __init__(self, frames: int, field: np.ndarray, length: float, random: np.random.Generator) -> None:
        self.begin, self.life = int(random.integers(-5, frames)), int(random.integers(3, 30))
        self.place, self.speed = random.uniform(0, 1, 2) * field, random.normal(0, 0.02 * length, 2)
        self.bright, self.seed = float(random.uniform(0.5, 3)), int(random.integers(2**31))
        self.radius = float(random.uniform(0.05, 0.35)) * length

    def spots(self, frame: int, camera: np.ndarray) -> list[Spot]:
        """Return the lump."""
        u = frame - self.begin
        if not 0 <= u < self.life:
            return []
        return [Spot(camera + self.place + u * self.speed, self.bright, self.radius, self.seed)]


KINDS: dict[str, Any] = {
    "extrusions": Extrusion,
    "divisions": Division,
    "sops": Sop,
    "recoveries": Recovery,
    "swellings": Swelling,
    "blinks": Blink,
    "faint_spots": Faint,
}
"""Courses by the name of their number in the settings."""
