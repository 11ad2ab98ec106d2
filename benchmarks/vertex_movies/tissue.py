"""A vertex model of an epithelium: polygons in a periodic box, with area and perimeter energies and restless junctions.

Lengths are in px, energies relative to the mean area: ``E = sum over cells of k_area (A/A_m - a)^2 / 2 + k_perimeter (P/L_m -
p)^2 / 2`` plus a fluctuating tension of each junction, where ``L_m`` is the square root of the mean area ``A_m``. Vertices
move down the energy, and each cell pulls its own in a direction that turns slowly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import KDTree, Voronoi

SUBSTEPS, STEP = 12, 0.08
SHORTEST = 0.09  # length of a junction that is exchanged, in L_m
RESOLVED = 0.12  # chance of a vertex of more than three cells to lose one of them, three times a frame
KNOTS = 24  # along a junction, for its brightness


@dataclass
class Cell:
    """A cell's mechanics and looks."""

    area: float  # target, in mean areas
    shape: float = 3.55  # target perimeter, in square roots of its target area
    k_area: float = 1.0
    k_perimeter: float = 0.25
    frozen: bool = False  # its junctions are not exchanged
    busy: bool = False  # in an event
    roundness: float = 0.0  # bulge of its junctions
    glow: float = 1.0  # brightness of its junctions
    inside: float = 1.0  # brightness of its inside
    level: float = 1.0  # the same without events
    pull: np.ndarray = field(default_factory=lambda: np.zeros(2))  # additional force on its vertices
    heading: float = 0.0
    shown: bool = True  # False: it makes no fluorophore


class VertexTissue:
    """The cells, their vertices, and how they move.

    Parameters
    ----------
    box
        Height and width (2,) of the periodic box, px.
    diameter
        Mean diameter of circles with the cells' areas, px.
    spread
        Standard deviation of the logarithm of the target areas.
    restless
        Strength of fluctuating tensions and of crawling, 1 in a calm tissue.
    flow
        Speed of a smooth flow, px a frame.
    random
        Source of all random numbers.
    """

    def __init__(
        self,
        box: np.ndarray,
        diameter: float,
        spread: float,
        restless: float,
        flow: float,
        random: np.random.Generator,
    ) -> None:
        self.box, self.random, self.restless, self.flow = box, random, restless, flow
        count = round(float(box.prod() / (np.pi / 4 * diameter**2)))
        self.length = float(np.sqrt(box.prod() / count))
        self.next_cell = 0
        self.cells: dict[int, Cell] = {}
        self.loops: dict[int, list[int]] = {}
        self.mass = 1.0
        self._waves = random.uniform(0, 2 * np.pi, (4, 2))
        self._junctions: dict[tuple[int, int], int] = {}
        self.tension = np.zeros(0)
        self.bright = np.zeros((0, 4))  # log brightness, half width (px), bend, log brightness by events
        self.knots = np.zeros((0, KNOTS))
        self._lay_out(count, spread)
        self.dots = random.standard_normal(len(self.xy))
        self.rebuild()
        for _ in range(25):
            self.advance()

    def _lay_out(self, count: int, spread: float) -> None:
        """Make polygons of points that are spread evenly."""
        points = self.random.uniform(0, 1, (count, 2)) * self.box
        shifts = np.array([(a, b) for a in (0, -1, 1) for b in (0, -1, 1)]) * self.box
        for _ in range(4):
            diagram = Voronoi((points + shifts[:, None]).reshape(-1, 2))
            regions = [diagram.regions[diagram.point_region[n]] for n in range(count)]
            points = np.stack([diagram.vertices[r].mean(0) for r in regions]) % self.box
        diagram = Voronoi((points + shifts[:, None]).reshape(-1, 2))
        rings = [np.array(diagram.regions[diagram.point_region[n]]) for n in range(count)]
        for n, ring in enumerate(rings):
            corners = diagram.vertices[ring]
            rings[n] = ring[np.argsort(np.arctan2(*(corners - corners.mean(0)).T[::-1]))]
        corners = diagram.vertices[np.concatenate(rings)] % self.box % self.box
        # A corner of three cells is found three times, at places that differ by rounding.
        same = KDTree(corners, boxsize=self.box).query_ball_point(corners, 1e-6)
        _, known = np.unique([min(rows) for rows in same], return_inverse=True)
        self.xy = np.zeros((known.max() + 1, 2))
        self.xy[known] = corners
        for loop in np.split(known, np.cumsum([len(ring) for ring in rings])[:-1]):
            self.add_cell(loop.tolist(), Cell(float(np.exp(self.random.normal(0, spread)))))

    def add_cell(self, loop: list[int], cell: Cell) -> int:
        """Add a cell with these vertices, and return its number."""
        number, self.next_cell = self.next_cell, self.next_cell + 1
        cell.heading = float(self.random.uniform(0, 2 * np.pi))
        self.cells[number], self.loops[number] = cell, loop
        return number

    def add_vertex(self, place: np.ndarray) -> int:
        """Add a vertex, and return its number."""
        self.xy = np.concatenate([self.xy, place[None] % self.box])
        self.dots = np.append(self.dots, self.random.standard_normal())
        return len(self.xy) - 1

    def apart(self, vectors: np.ndarray) -> np.ndarray:
        """Return the shortest of the vectors (…, 2) that are the same in the periodic box."""
        return vectors - self.box * np.round(vectors / self.box)

    # Topology ------------------------------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Make the arrays of all sides of cells from the loops of vertices."""
        self.numbers = list(self.loops)
        sizes = np.array([len(self.loops[n]) for n in self.numbers])
        self.vert = np.fromiter((v for n in self.numbers for v in self.loops[n]), int, int(sizes.sum()))
        self.slot = np.repeat(np.arange(len(sizes)), sizes)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.first = starts[self.slot]
        self.nxt = np.arange(len(self.vert)) + 1
        self.nxt[starts + sizes - 1] = starts
        self.prv = np.empty_like(self.nxt)
        self.prv[self.nxt] = np.arange(len(self.vert))
        ends = self.vert[self.nxt]
        code = {(a, b): n for n, (a, b) in enumerate(zip(self.vert.tolist(), ends.tolist(), strict=True))}
        self.twin = np.array([code[b, a] for a, b in code])
        owner = np.array(self.numbers)[self.slot]
        pairs = np.sort(np.stack([owner, owner[self.twin]], 1), 1)
        self.junction = np.array([self._row(a, b) for a, b in pairs.tolist()])
        self.degree = np.bincount(self.vert, minlength=len(self.xy))
        self.measure()

    def _row(self, a: int, b: int) -> int:
        """Return the row of the junction of two cells, which is new if they did not touch before."""
        row = self._junctions.get((a, b))
        if row is None:
            row = self._junctions[a, b] = len(self._junctions)
            if row >= len(self.tension):
                more = max(256, len(self.tension))
                random = self.random
                looks = [random.normal(0, 0.25, more), random.uniform(0.2, 0.8, more), random.normal(0, 0.03, more)]
                self.tension = np.concatenate([self.tension, random.standard_normal(more)])
                self.bright = np.concatenate([self.bright, np.stack([*looks, np.zeros(more)], 1)])
                self.knots = np.concatenate([self.knots, random.standard_normal((more, KNOTS))])
        return row

    def junction_between(self, a: int, b: int) -> int:
        """Return the row of the junction of two cells in :attr:`bright`."""
        return self._row(min(a, b), max(a, b))

    def around(self, vertex: int) -> list[int]:
        """Return the cells at a vertex."""
        return [self.numbers[s] for s in self.slot[self.vert == vertex].tolist()]

    def pull_out(self, vertex: int, cell: int, place: np.ndarray, holders: Iterable[int]) -> bool:
        """Give a cell a vertex of its own, so that its two neighbours at a vertex of four or more touch; the loops change.

        `holders` are the cells at the vertex. Returns whether it was possible.
        """
        loop = self.loops[cell]
        at = loop.index(vertex)
        before, after = loop[at - 1], loop[(at + 1) % len(loop)]
        left = right = None
        for other in holders:
            if other != cell:
                ring = self.loops[other]
                here = ring.index(vertex)
                left = other if ring[here - 1] == after else left
                right = other if ring[(here + 1) % len(ring)] == before else right
        if left is None or right is None or left == right:
            return False
        new = self.add_vertex(place)
        loop[at] = new
        self.loops[left].insert(self.loops[left].index(vertex), new)
        self.loops[right].insert(self.loops[right].index(vertex) + 1, new)
        return True

    def collapse(self, number: int) -> int | None:
        """Let a cell end in one vertex; return the vertex, or None where a neighbour would vanish too."""
        ring = self.loops[number]
        gone, keep = set(ring), ring[0]
        changed = {}
        for other, loop in self.loops.items():
            if other != number and gone.intersection(loop):
                merged = [keep if v in gone else v for v in loop]
                changed[other] = [v for n, v in enumerate(merged) if v != merged[n - 1]]
        if any(len(loop) < 3 or len(set(loop)) < len(loop) for loop in changed.values()):
            return None
        self.xy[keep] = self.centre(number)
        self.loops.update(changed)
        del self.loops[number], self.cells[number]
        self.rebuild()
        return keep

    def add_on_side(self, number: int, start: int, place: np.ndarray) -> int:
        """Add a vertex on the side of a cell that begins at the vertex `start`; its neighbour there gets it too."""
        loop = self.loops[number]
        at = loop.index(start)
        end = loop[(at + 1) % len(loop)]
        new = self.add_vertex(place)
        for other, ring in self.loops.items():
            if other != number and start in ring and ring[ring.index(start) - 1] == end:
                ring.insert(ring.index(start), new)
        loop.insert(at + 1, new)
        return new

    def split(self, number: int, first: int, second: int) -> tuple[int, int]:
        """Divide a cell between two of its vertices, and return the daughters' numbers."""
        loop, mother = self.loops.pop(number), self.cells.pop(number)
        i, j = sorted((loop.index(first), loop.index(second)))
        rings = loop[i : j + 1], loop[j:] + loop[: i + 1]
        found = [self.add_cell(ring, Cell(mother.area / 2, level=mother.level, shown=mother.shown)) for ring in rings]
        for (a, b), row in list(self._junctions.items()):
            if number in (a, b):
                other = b if a == number else a
                for daughter in found:
                    new = self._row(min(daughter, other), max(daughter, other))
                    self.bright[new], self.knots[new] = self.bright[row], self.knots[row]
                    self.tension[new] = self.tension[row]
        self.rebuild()
        return found[0], found[1]

    def exchange(self) -> None:
        """Exchange short junctions, and resolve vertices where more than three cells meet."""
        sides = np.flatnonzero((self.size < SHORTEST * self.length) & (self.slot < self.slot[self.twin]))
        wide = [v for v in np.flatnonzero(self.degree > 3).tolist() if self.random.random() < RESOLVED]
        if not len(sides) and not wide:
            return
        numbers = np.array(self.numbers)
        short = [numbers[self.slot[sides]], numbers[self.slot[self.twin[sides]]]]
        short += [self.vert[sides], self.vert[self.nxt[sides]]]
        touched: set[int] = set()
        for a, b, v, w in np.stack(short, 1)[np.argsort(self.size[sides])].tolist():
            cells = {*self.around(v), *self.around(w)}
            whole = len(self.loops[a]) > 3 and len(self.loops[b]) > 3 and len(cells) == 4
            if not whole or cells & touched or (self.degree[[v, w]] != 3).any():
                continue
            if self.cells[a].frozen or self.cells[b].frozen:
                continue
            middle = self.xy[v] + self.apart(self.xy[w] - self.xy[v]) / 2
            way = self.apart(self.centre(b) - middle)
            way *= 0.8 * SHORTEST * self.length / max(float(np.linalg.norm(way)), 1e-9)
            for n in cells:
                loop = self.loops[n]
                both = v in loop and w in loop
                self.loops[n] = [u for u in loop if u != w] if both else [v if u == w else u for u in loop]
            self.xy[v] = (middle - way) % self.box
            self.pull_out(v, b, middle + way, cells)
            touched |= cells
        for vertex in wide:
            around = self.around(vertex)
            if not touched.intersection(around):
                cell = max(around, key=lambda n: len(self.loops[n]) + self.random.random())
                way = self.apart(self.centre(cell) - self.xy[vertex])
                way *= 1.6 * SHORTEST * self.length / max(float(np.linalg.norm(way)), 1e-9)
                if self.pull_out(vertex, cell, self.xy[vertex] + way, around):
                    touched.update(around)
        if touched:
            self.rebuild()

    # Mechanics -----------------------------------------------------------------------------------------------------

    def centre(self, number: int) -> np.ndarray:
        """Return the mean of a cell's vertices (2,)."""
        places = self.xy[self.loops[number]]
        return (places[0] + self.apart(places - places[0]).mean(0)) % self.box

    def measure(self) -> None:
        """Measure areas (mean areas) and perimeters (L_m) of all cells, in the order of `numbers`."""
        self.rel = self.apart(self.xy[self.vert] - self.xy[self.vert[self.first]])
        self.edge = self.rel[self.nxt] - self.rel
        self.size = np.maximum(np.hypot(*self.edge.T), 1e-6)
        cross = self.rel[:, 0] * self.rel[self.nxt, 1] - self.rel[:, 1] * self.rel[self.nxt, 0]
        self.areas = np.bincount(self.slot, cross) / 2 / self.length**2
        self.perimeters = np.bincount(self.slot, self.size) / self.length

    def area(self, number: int) -> float:
        """Return a cell's area, in mean areas."""
        return float(self.areas[self.numbers.index(number)])

    def advance(self) -> None:
        """Move the tissue by a frame."""
        random = self.random
        self.tension = 0.88 * self.tension + np.sqrt(1 - 0.88**2) * random.standard_normal(len(self.tension))
        self.knots = 0.85 * self.knots + np.sqrt(1 - 0.85**2) * random.standard_normal(self.knots.shape)
        self.dots = 0.9 * self.dots + np.sqrt(1 - 0.9**2) * random.standard_normal(len(self.dots))
        for cell in self.cells.values():
            cell.heading += 0.3 * float(random.standard_normal())
        free = sum(cell.area for cell in self.cells.values() if not cell.busy)
        taken = sum(cell.area for cell in self.cells.values() if cell.busy)
        self.mass = max(0.3, (len(self.numbers) * self._mean() - taken) / max(free, 1e-6))
        for substep in range(SUBSTEPS):
            self._move(STEP)
            if substep % 4 == 3:
                self.measure()
                self.exchange()
        self.xy = (self.xy + self._current(self.xy)) % self.box
        self.measure()

    def _mean(self) -> float:
        return float(self.box.prod() / self.length**2 / len(self.numbers))

    def target(self, number: int) -> float:
        """Return the area that a cell strives for, in mean areas."""
        cell = self.cells[number]
        return cell.area * (1.0 if cell.busy else self.mass)

    def _move(self, step: float) -> None:
        self.measure()
        cells = [self.cells[n] for n in self.numbers]
        target = np.array([c.area * (1.0 if c.busy else self.mass) for c in cells])
        wished = np.array([c.shape for c in cells]) * np.sqrt(np.maximum(target, 1e-4))
        pressing = (np.array([c.k_area for c in cells]) * (self.areas - target))[self.slot] / self.length
        pulling = (np.array([c.k_perimeter for c in cells]) * (self.perimeters - wished))[self.slot]
        unit = self.edge / self.size[:, None]
        after, before = self.rel[self.nxt], self.rel[self.prv]
        growth = 0.5 * np.stack([after[:, 1] - before[:, 1], before[:, 0] - after[:, 0]], 1)
        tense = pulling + 0.028 * self.restless * self.tension[self.junction]
        force = -(pressing[:, None] * growth) + tense[:, None] * unit - tense[self.prv][:, None] * unit[self.prv]
        heading = np.array([c.heading for c in cells])
        crawl = 0.025 * self.restless * np.stack([np.sin(heading), np.cos(heading)], 1) + [c.pull for c in cells]
        force += crawl[self.slot]
        total = np.stack([np.bincount(self.vert, force[:, k], len(self.xy)) for k in (0, 1)], 1)
        self.xy = (self.xy + step * self.length * np.clip(total, -0.5, 0.5)) % self.box

    def _current(self, places: np.ndarray) -> np.ndarray:
        """Return the flow (n, 2) at places, px a frame: without divergence, and the same at opposite sides of the box."""
        y, x = (2 * np.pi * places / self.box).T
        found = np.stack(
            [
                np.sin(x + self._waves[0, 0]) + 0.5 * np.sin(2 * x + self._waves[1, 0]),
                np.sin(y + self._waves[2, 0]) + 0.5 * np.sin(2 * y + self._waves[3, 0]),
            ],
            1,
        )
        return self.flow * found
