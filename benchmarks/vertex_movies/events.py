"""Extrusions and divisions of cells of a vertex model, and cells that constrict or swell and recover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vertex_movies.tissue import Cell, VertexTissue


@dataclass
class Spot:
    """Something bright that is drawn as a blob: position in the box, brightness, radius, and how round or lumpy it is."""

    place: np.ndarray
    bright: float
    radius_px: float
    seed: int


class Course:
    """An event or look-alike planned for a frame and a place in the box; it takes a cell near there.

    Parameters
    ----------
    frame
        Frame of the event.
    place
        Where a cell is wanted, (2,) in the field of view, px.
    duration
        Duration of a typical extrusion, frames.
    tissue
        The cells.
    random
        Source of all random numbers.
    """

    event = ""
    wanted = (0.5, 1.6)  # areas of suitable cells

    def __init__(
        self, frame: int, place: np.ndarray, duration: float, tissue: VertexTissue, random: np.random.Generator
    ) -> None:
        self.frame, self.place, self.tissue, self.random = frame, place, tissue, random
        self.cell: int | None = None
        self.found: tuple[int, np.ndarray] | None = None  # frame and place in the box
        self.before = self.after = 5
        self.done = False
        self.draw(duration)

    def draw(self, duration: float) -> None:
        """Draw the course."""

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.random.uniform(low, high))

    def act(self, frame: int, camera: np.ndarray, taken: list[np.ndarray]) -> None:
        """Choose the cell, or change it, in this frame; `camera` is the field's corner, `taken` are places of other events."""
        if self.done:
            return
        if self.cell is None:
            if frame == self.frame - self.before:
                self._choose(camera, taken)
            return
        self.steer(frame - self.frame)
        if frame >= self.frame + self.after and not self.done:
            self.release()

    def _choose(self, camera: np.ndarray, taken: list[np.ndarray]) -> None:
        tissue, best = self.tissue, np.inf
        for number, area in zip(tissue.numbers, tissue.areas.tolist(), strict=True):
            cell = tissue.cells[number]
            if cell.busy or not cell.shown or not self.wanted[0] < area < self.wanted[1]:
                continue
            centre = tissue.centre(number)
            away = float(np.hypot(*tissue.apart(centre - camera - self.place)))
            near = min([float(np.hypot(*tissue.apart(centre - other))) for other in taken], default=np.inf)
            if near > 1.7 * tissue.length and away < min(best, 3 * tissue.length):
                best, self.cell = away, number
        self.done = self.cell is None
        if self.cell is not None:
            self.mine.busy = True
            self.start = tissue.area(self.cell)
            self.mine.area = self.start
            self.begin()

    @property
    def mine(self) -> Cell:
        """The cell."""
        assert self.cell is not None
        return self.tissue.cells[self.cell]

    def where(self) -> np.ndarray:
        """Return where the cell is (2,)."""
        assert self.cell is not None
        return self.tissue.centre(self.cell)

    def begin(self) -> None:
        """Prepare the chosen cell."""

    def steer(self, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event."""

    def release(self) -> None:
        """Let the cell go."""
        self.done = True
        if self.cell in self.tissue.cells:
            self.mine.busy = self.mine.frozen = False
            self.mine.k_area, self.mine.k_perimeter, self.mine.shape = 1.0, 0.25, 3.55
            self.mine.glow = self.mine.inside = 1.0
            self.mine.roundness, self.mine.pull = 0.0, np.zeros(2)

    def spots(self, frame: int) -> list[Spot]:
        """Return what is bright besides the junctions."""
        return []


class Extrusion(Course):
    """A cell constricts, slowly and then fast or along an S, with its neighbours in a rosette, and ends in one vertex."""

    event, wanted = "cell_death", (0.4, 1.25)

    def draw(self, duration: float) -> None:
        """Draw the course."""
        self.before = max(4, round(duration * self.uniform(0.8, 1.3)))
        self.after = 6
        self.curve = str(self.random.choice(["s", "accelerating", "steady"]))
        self.power = self.uniform(1.2, 1.8)
        self.rosette = self.random.random() < 0.7
        self.ring = self.uniform(0.2, 1.3) if self.random.random() < 0.6 else 0.0
        self.side = self.uniform(0, 2 * np.pi)
        self.bias = self.uniform(0.05, 0.15) if self.random.random() < 0.4 else 0.0
        self.remnant = self.uniform(0.4, 1.6) if self.random.random() < 0.35 else 0.0
        self.seed = int(self.random.integers(2**31))

    def left(self, elapsed: int) -> float:
        """Return the part of the area that is left."""
        u = min(1.0, (elapsed + self.before) / max(1, self.before - 1))
        if self.curve == "s":
            return float(0.5 * (1 + np.cos(np.pi * u**0.9)))
        return float(1 - u**self.power) if self.curve == "accelerating" else float(1 - u)

    def begin(self) -> None:
        """Prepare the chosen cell."""
        self.mine.frozen, self.mine.k_perimeter, self.mine.k_area = self.rosette, 0.7, 2.0

    def steer(self, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event."""
        if self.found is not None:
            return
        left = self.left(elapsed)
        if elapsed >= 0:
            vertex = self.tissue.collapse(self.cell)
            if vertex is not None:
                self.found = self.frame + elapsed, self.tissue.xy[vertex].copy()
                self.vertex = vertex
            return
        self.mine.area = max(left * self.start, 0.004)
        self.mine.shape = 3.55 if left > 0.3 else 3.45
        self.mine.glow = 1 + self.ring * (1 - left)
        self.mine.pull = self.bias * (1 - left) * np.array([np.sin(self.side), np.cos(self.side)])

    def release(self) -> None:
        """Nothing is left to be released."""
        self.done = True

    def spots(self, frame: int) -> list[Spot]:
        """Return what is bright besides the junctions."""
        if self.found is None or not self.remnant or frame - self.found[0] > 5:
            return []
        place = self.tissue.xy[self.vertex] if frame - self.found[0] < 3 else self.found[1]
        return [Spot(place, self.remnant * (1 - (frame - self.found[0]) / 6), 0.07 * self.tissue.length, self.seed)]


class Recovery(Course):
    """A cell constricts as an extrusion does, stays so for some frames, and recovers."""

    wanted = (0.4, 1.25)

    def draw(self, duration: float) -> None:
        """Draw the course."""
        self.before, self.after = (max(4, round(duration * self.uniform(0.7, 1.3))) for _ in range(2))
        self.least, self.hold = self.uniform(0.08, 0.3), int(self.random.integers(0, 5))
        self.after += self.hold
        self.ring = self.uniform(0.2, 0.9) if self.random.random() < 0.4 else 0.0

    def begin(self) -> None:
        """Prepare the chosen cell."""
        self.mine.frozen, self.mine.k_perimeter, self.mine.k_area = True, 0.5, 2.0

    def steer(self, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after its smallest area."""
        back = max(0, elapsed - self.hold) / max(1, self.after - self.hold)
        u = 1 + elapsed / self.before if elapsed < 0 else 1 - back
        part = 0.5 * (1 - np.cos(np.pi * np.clip(u, 0, 1)))
        self.mine.area = self.start * (1 - (1 - self.least) * float(part))
        self.mine.glow = 1 + self.ring * float(part)
        if elapsed == 0:
            self.found = self.frame, self.where()


class Swelling(Course):
    """A cell grows and rounds up as if it would divide, and shrinks again."""

    def draw(self, duration: float) -> None:
        """Draw the course."""
        self.before, self.after = (max(4, round(duration * self.uniform(0.5, 1))) for _ in range(2))
        self.most = self.uniform(1.4, 2)

    def steer(self, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after its largest area."""
        u = 1 - abs(elapsed) / (self.before if elapsed < 0 else self.after)
        self.mine.area = self.start * (1 + (self.most - 1) * max(0.0, u))
        self.mine.roundness = 0.8 * max(0.0, u)
        if elapsed == 0:
            self.found = self.frame, self.where()


class Division(Course):
    """A cell grows, rounds up and dims; a furrow pinches it from both sides; two daughters, often unequal, part."""

    event, wanted = "cell_division", (0.7, 1.5)

    def draw(self, duration: float) -> None:
        """Draw the course."""
        self.before = max(5, round(duration * self.uniform(0.6, 1.1)))
        self.after = max(4, round(duration * self.uniform(0.35, 0.7)))
        self.furrow = max(2, round(0.3 * self.before))
        self.growth, self.round = self.uniform(1.5, 2.3), self.uniform(0.5, 1)
        self.dim = self.uniform(0.6, 1)
        self.inside = float(np.exp(self.uniform(-0.4, 0.7)))
        self.share = float(np.clip(self.random.normal(0.5, 0.05), 0.38, 0.62))
        self.bond, self.body = self.uniform(0.8, 1.8), self.uniform(0, 1.2)
        self.angle = self.uniform(0, np.pi)
        self.push, self.ends, self.seed = self.uniform(0.06, 0.16), None, int(self.random.integers(2**31))
        self.daughters: tuple[int, ...] = ()

    def begin(self) -> None:
        """Prepare the chosen cell."""
        self.mine.k_area = 2.0

    def steer(self, elapsed: int) -> None:
        """Change the cell or the daughters, `elapsed` frames after the division."""
        if self.daughters:
            return self._part(elapsed)
        u = 1 + elapsed / self.before
        grown = min(1.0, 1.3 * u)
        cell = self.mine
        cell.area = self.start * (1 + (self.growth - 1) * grown)
        cell.shape, cell.roundness = 3.55 - 0.05 * grown, self.round * grown
        cell.glow, cell.inside = 1 + (self.dim - 1) * grown, self.inside**grown
        if -self.furrow <= elapsed < 0:
            if self.ends is None:
                self._furrow()
            return self._pinch(elapsed)
        if elapsed >= 0 and self.ends is not None:
            self._divide()
        elif elapsed >= 0:
            self.release()
        return None

    def _furrow(self) -> None:
        """Add the two vertices of the furrow where a line through the cell cuts its sides."""
        tissue, number = self.tissue, self.cell
        loop = tissue.loops[number]
        centre = self.where()
        along = np.array([np.sin(self.angle), np.cos(self.angle)])
        across = np.array([along[1], -along[0]])
        shift = (self.share - 0.5) * 1.3 * np.sqrt(tissue.area(number)) * tissue.length
        rel = tissue.apart(tissue.xy[loop] - centre) @ across - shift
        cuts = [n for n in range(len(loop)) if (rel[n] > 0) != (rel[(n + 1) % len(loop)] > 0)]
        if len(cuts) != 2 or (cuts[1] - cuts[0]) % len(loop) in {1, len(loop) - 1}:
            return
        ends, starts = [], [(loop[n], rel[n], rel[(n + 1) % len(loop)]) for n in cuts]
        for start, here, there in starts:
            at = tissue.loops[number].index(start)
            end = tissue.loops[number][(at + 1) % len(tissue.loops[number])]
            way = np.clip(here / (here - there), 0.2, 0.8) * tissue.apart(tissue.xy[end] - tissue.xy[start])
            ends.append(tissue.add_on_side(number, start, tissue.xy[start] + way))
            tissue.rebuild()
            tissue.measure()
        self.ends = ends
        self.mine.frozen = True

    def _pinch(self, elapsed: int) -> None:
        """Draw the furrow's ends towards each other."""
        if self.ends is None:
            return
        xy, tissue = self.tissue.xy, self.tissue
        way = tissue.apart(xy[self.ends[1]] - xy[self.ends[0]])
        step = 0.3 * way * (1 + elapsed / self.furrow + 0.4) / 2
        xy[self.ends[0]] = (xy[self.ends[0]] + step) % tissue.box
        xy[self.ends[1]] = (xy[self.ends[1]] - step) % tissue.box

    def _divide(self) -> None:
        self.found = self.frame, self.where()
        self.daughters = self.tissue.split(self.cell, *self.ends)
        self.tissue.measure()
        self.areas = [self.tissue.area(d) for d in self.daughters]
        for daughter in self.daughters:
            self.tissue.cells[daughter].busy, self.tissue.cells[daughter].k_area = True, 1.5
        self._part(0)

    def _part(self, elapsed: int) -> None:
        """Move the daughters apart; the junction between them brightens."""
        tissue, left = self.tissue, max(0.0, 1 - elapsed / self.after)
        if any(d not in tissue.cells for d in self.daughters):
            self.done = True
            return
        first, second = (tissue.centre(d) for d in self.daughters)
        way = tissue.apart(second - first)
        way /= max(float(np.hypot(*way)), 1e-6)
        tissue.bright[tissue.junction_between(*self.daughters), 3] = np.log(self.bond) * left
        small = min(1.0, 1.1 * self.start / sum(self.areas))
        for daughter, area, sign in zip(self.daughters, self.areas, (-1, 1), strict=True):
            cell = tissue.cells[daughter]
            cell.area = area * (small + (1 - small) * left**2)
            cell.pull = sign * self.push * left * way
            cell.roundness, cell.inside = 0.6 * self.round * left, self.inside**left
            cell.glow = 1 + (self.dim - 1) * left

    def release(self) -> None:
        """Let the daughters go."""
        if not self.daughters:
            return super().release()
        for daughter in self.daughters:
            self.cell = daughter
            super().release()
        return None

    def spots(self, frame: int) -> list[Spot]:
        """Return the midbody."""
        if not self.daughters or frame - self.frame > 4 or any(d not in self.tissue.cells for d in self.daughters):
            return []
        first, second = (self.tissue.centre(d) for d in self.daughters)
        middle = first + self.tissue.apart(second - first) / 2
        return [Spot(middle, self.body * (1 - (frame - self.frame) / 5), 0.06 * self.tissue.length, self.seed)]
