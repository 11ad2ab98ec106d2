"""A movie of an epithelium with true events, from a seed.

The cells are those of a power diagram on a torus that is larger than the field of view: the point x belongs to the
cell with the least ``s |x - p|² - w``, where p is the cell's site, w its weight and s its roundness (1 for most
cells; a larger value gives edges that bulge outwards). In every frame the weights follow target areas, and the sites
follow the cells' centroids, a smooth flow and a jitter. The picture comes from the distance to the nearest edge.

Courses and brightness of the events are such that networks trained on pupal notum recognise them. The SOP above all,
a compact bright spot, is the picture that such networks answer to and not a model of an asymmetric division.
All lengths and speeds grow with the cell diameter, as if the magnification changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie

EDGE_FRAMES = 6
"""No event is planned in so many first and last frames."""
EDGE_DIAMETERS = 1.4
"""No event is planned nearer to the field's edge, in cell diameters."""
SEPARATION_DIAMETERS = 1.6
"""Events less than `SEPARATION_FRAMES` apart are at least so far apart, in cell diameters."""
SEPARATION_FRAMES = 8
DEMO = {"seed": 7, "frames": 26, "height": 180, "width": 180, "extrusions": 5, "divisions": 3, "sops": 2}
"""Arguments of :func:`simulate` for the movie of ``epifiji demo``."""

_REFERENCE_DIAMETER_PX = 25.0  # the numbers below were found at this cell diameter
_SLACK_DIAMETERS = 0.4  # an event befalls a cell near its planned place, and that cell moves
_LEAD_FRAMES = 20  # simulated before the first frame, so that an event may be under way in it
_SETTLING_STEPS = 60
_AREA_SPREAD = 0.3  # standard deviation of the logarithm
_NEIGHBOURS = 10  # cells that may own a point or the nearest edge of it
_AFFINITIES = 6
_MEMBRANE_SIGMA_PX = 1.1
_EXTRUSION_REST = 2  # the frames in which an extruding cell is tiny
_CAP=2.0;_XROUND=0.0;_TINY=0.01;_ROUND=0.8;_DAUGHTER=0.7;_RELAX=0.3;_FAST=1.2
_DIVISION_GROWTH = 2.3
_DIVISION_SPEED = 0.05  # of each daughter, in cell diameters a frame
_BOND_BRIGHTNESS, _BOND_DECAY = 1.0, 0.85  # of the new junction between daughters
_SPOT_SIGMA_PX, _SPOT_BRIGHTNESS = 3.0, 2.6

_CELL = np.dtype(
    [
        ("identity", np.int32),
        ("site", np.float64, 2),
        ("wander", np.float64, 3),
        ("weight", np.float64),
        ("roundness", np.float64),
        ("area", np.float64),
        ("target", np.float64),
        ("steered", np.bool_),
        ("affinity", np.float64, 6),
        ("sister", np.int32),
        ("bond", np.float64),
    ]
)
Spot = tuple[float, float, float]
"""y, x (px of the field of view) and brightness (1 = that of a membrane)."""


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
        The true events, by class and frame.
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
        0 or more. The same arguments give the same bytes.
    frames, height, width
        Size of the movie: at least 5 frames, and at least two cell diameters a side.
    cell_diameter_px
        Mean diameter of a circle as large as a cell, 8–200 px.
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
        Where an argument is out of range, or where so many events do not fit into so small a movie.
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
    _check(seed, frames, height, width, cell_diameter_px, counts)
    planning, living, imaging = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
    courses = _plan(counts, (frames, height, width), cell_diameter_px, planning)
    tissue = _Tissue((height, width), cell_diameter_px, living)
    camera = _Camera(tissue, (height, width), imaging)
    pixels = np.empty((frames, height, width), np.uint8)
    labels = np.empty((frames, height, width), np.int32)
    for frame in range(-_LEAD_FRAMES, frames):
        for course in courses:
            course.act(tissue, frame)
        tissue.advance()
        if frame >= 0:
            spots = [spot for course in courses for spot in course.spots(tissue, frame)]
            labels[frame], pixels[frame] = camera.picture(spots)
    events = [course.observed(labels) for course in courses]
    return Simulation(pixels, labels, sorted(events, key=lambda e: (e.event, e.frame, e.y, e.x)))


def _check(
    seed: int, frames: int, height: int, width: int, cell_diameter_px: float, counts: dict[str, int]
) -> None:
    """Refuse what cannot be simulated."""
    if not 8 <= cell_diameter_px <= 200:
        raise WrongInputError(
            f"The cell diameter is {cell_diameter_px} px, but 8 to 200 px can be simulated: give a value between."
        )
    side = int(np.ceil(2 * cell_diameter_px))
    least = {"seed": 0, "frames": 5, "height": side, "width": side} | dict.fromkeys(counts, 0)
    given = {"seed": seed, "frames": frames, "height": height, "width": width} | counts
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least[name]:
            raise WrongInputError(
                f"{name} is {value!r}, but a whole number of at least {least[name]} is needed: give a larger one."
            )


class _Grid:
    """Points of a regular grid in square blocks; each block asks only the cells nearest to its centre.

    Values of the points have the axes (block, point of the block).
    """

    def __init__(self, origin: float, shape: tuple[int, int], step: float, block: int) -> None:
        self.shape, self.block = shape, block
        self.rows, self.columns = -(-shape[0] // block), -(-shape[1] // block)
        self.padded = (self.rows * block, self.columns * block)
        corners = np.stack(np.indices((self.rows, self.columns)), -1).reshape(-1, 2) * block
        middle = (block - 1) / 2
        self.centres = (corners + middle) * step + origin
        self.offsets = (np.indices((block, block)).reshape(2, 1, -1) - middle).astype(np.float32) * np.float32(step)

    def image(self, values: np.ndarray) -> np.ndarray:
        """Order values (block, point) as an image (Y, X)."""
        tiles = values.reshape(self.rows, self.columns, self.block, self.block).swapaxes(1, 2)
        return tiles.reshape(self.padded)[: self.shape[0], : self.shape[1]]

    def points(self, images: np.ndarray) -> np.ndarray:
        """Order images (n, Y, X) of the padded size as values (n, block, point)."""
        tiles = images.reshape(-1, self.rows, self.block, self.columns, self.block).swapaxes(2, 3)
        return tiles.reshape(len(images), self.rows * self.columns, self.block**2)


class _Tissue:
    """The cells on their torus, and how they move."""

    def __init__(self, field: tuple[int, int], diameter: float, random: np.random.Generator) -> None:
        self.diameter, self.random = diameter, random
        self.margin = 2 * diameter
        step, block = diameter / 14, 4
        rows, columns = (int(np.ceil((side + 2 * self.margin) / step / block)) * block for side in field)
        self.size = np.array([rows, columns]) * step
        self.grid, self.point_area = _Grid(0, (rows, columns), step, block), step**2
        # The area of a cell is log-normal, and diameter_px is the mean of the diameters.
        self.mean_area = np.pi / 4 * diameter**2 * np.exp(_AREA_SPREAD**2 / 4)
        self.born = round(float(np.prod(self.size)) / self.mean_area)
        self.cells = cells = np.zeros(self.born, _CELL)
        cells["identity"] = np.arange(1, self.born + 1)
        cells["site"] = random.random((self.born, 2)) * self.size
        cells["roundness"] = 1
        cells["area"] = self.mean_area * np.exp(_AREA_SPREAD * random.standard_normal(self.born))
        cells["affinity"] = random.standard_normal((self.born, _AFFINITIES))
        self.waves = np.array([(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2)])
        self.phases = random.uniform(0, 2 * np.pi, len(self.waves))
        self.strengths = random.standard_normal(len(self.waves))
        for _ in range(_SETTLING_STEPS):
            self._relax(0.5)

    def row(self, identity: int) -> int:
        """Row of the cell with this number."""
        return int(np.flatnonzero(self.cells["identity"] == identity)[0])

    def replace(self, row: int, cells: np.ndarray) -> None:
        """Put new cells, to which it gives their numbers, in the place of the one in this row."""
        cells["identity"] = self.born + 1 + np.arange(len(cells))
        self.born += len(cells)
        self.cells = np.concatenate([np.delete(self.cells, row), cells])

    def nearest(self, grid: _Grid, shift: np.ndarray | float = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cells that may own the points of each block, nearest of all first in the block's centre.

        Parameters
        ----------
        grid
            n blocks of p points.
        shift
            (2, n, p), px: moves the points.

        Returns
        -------
        tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
            Rows of the cells (k, n), their powers at the points (k, n, p), and y and x from their sites to the
            points (k, 2, n, p). A point's power distance is a distance in space where a site is lifted by
            ``sqrt(max(w) - w)``; that finds the cells fast.
        """
        from scipy.spatial import cKDTree

        cells = self.cells
        height = np.sqrt(cells["weight"].max() - cells["weight"])
        site = cells["site"] % self.size
        site = np.where(site < self.size, site, 0)
        tree = cKDTree(np.column_stack([site, height]), boxsize=[*self.size, 0])
        centres = grid.centres % self.size
        rows = tree.query(np.column_stack([centres, np.zeros(len(centres))]), _NEIGHBOURS)[1].T
        away = centres - site[rows]
        away -= self.size * np.round(away / self.size)
        way = away.transpose(0, 2, 1).astype(np.float32)[..., None] + (grid.offsets + shift)
        power = (way**2).sum(1) * cells["roundness"].astype(np.float32)[rows][..., None]
        power -= cells["weight"].astype(np.float32)[rows][..., None]
        return rows, power, way

    def advance(self) -> None:
        """Let one frame pass."""
        cells, scale = self.cells, self.diameter / _REFERENCE_DIAMETER_PX
        memory = np.exp(-1 / 6)
        news = np.sqrt(1 - memory**2) * self.random.standard_normal((len(cells), 3))
        cells["wander"] = memory * cells["wander"] + news
        cells["site"] += scale * (0.22 * cells["wander"][:, :2] + 0.3 * self._flow())
        cells["bond"] *= _BOND_DECAY
        for _ in range(2):
            self._relax(0.15)

    def _flow(self) -> np.ndarray:
        """Velocity (n, 2) at the sites, 1 in the mean square: the curl of a few plane waves."""
        slope = np.sin(2 * np.pi * (self.cells["site"] / self.size) @ self.waves.T + self.phases)
        across = self.waves[:, ::-1] * (-1, 1) / np.linalg.norm(self.waves, axis=1, keepdims=True)
        return slope * (self.strengths / np.linalg.norm(self.strengths) * np.sqrt(2)) @ across

    def _relax(self, rate: float) -> None:
        """Move sites towards the centroids of their cells, and weights towards those that give the target areas.

        Where a cell of diameter d among cells of the mean diameter m gains weight, its area grows by about
        ``pi d / (d + m)`` times as much: the sum over its edges of length / (2 distance of the sites).
        """
        cells, count = self.cells, len(self.cells)
        rows, power, way = self.nearest(self.grid)
        best = power.argmin(0)
        owner = np.take_along_axis(rows[..., None], best[None], 0).ravel()
        points = np.bincount(owner, minlength=count)
        for axis in range(2):
            offset = np.take_along_axis(way[:, axis], best[None], 0).ravel()
            moment = np.bincount(owner, offset, minlength=count)
            cells["site"][:, axis] += rate * moment / np.maximum(points, 1)
        area = points * self.point_area
        free = ~cells["steered"]
        target = np.where(free, cells["area"] * np.exp(0.05 * cells["wander"][:, 2]), cells["area"])
        target[free] *= (area.sum() - target[~free].sum()) / target[free].sum()
        diameter = np.sqrt(4 / np.pi * np.maximum(area, self.point_area))
        gain = 0.6 * (diameter + self.diameter) / (np.pi * diameter)
        most = 0.1 * self.diameter**2
        cells["weight"] += np.clip(gain * (target - area), -most, most)
        cells["weight"] -= cells["weight"].mean()


class _Camera:
    """The microscope over the field of view: what it sees of the tissue in a frame."""

    def __init__(self, tissue: _Tissue, field: tuple[int, int], random: np.random.Generator) -> None:
        self.tissue, self.random = tissue, random
        self.scale = tissue.diameter / _REFERENCE_DIAMETER_PX
        self.grid = _Grid(tissue.margin, field, 1, max(2, round(tissue.diameter / 3)))
        self.patches = np.exp(0.15 * self._noise(40))
        self.texture, self.bends = self._noise(2), np.stack([self._noise(6), self._noise(6)])

    def _noise(self, wavelength: float) -> np.ndarray:
        """Smooth noise (Y, X) of the padded size, standard deviation 1; `wavelength` in px at the reference diameter."""
        from scipy.ndimage import gaussian_filter

        white = self.random.standard_normal(self.grid.padded, np.float32)
        sigma = wavelength * self.scale
        return gaussian_filter(white, sigma, mode="wrap", truncate=3) * np.float32(2 * np.sqrt(np.pi) * sigma)

    def picture(self, spots: Sequence[Spot]) -> tuple[np.ndarray, np.ndarray]:
        """Take the tissue's picture.

        Parameters
        ----------
        spots
            y, x (px of the field) and brightness (1 = a membrane) of bright spots.

        Returns
        -------
        tuple[numpy.ndarray, numpy.ndarray]
            Numbers of the cells, int32, and the picture, uint8; both (Y, X).
        """
        from scipy.ndimage import gaussian_filter

        self.texture = 0.8 * self.texture + 0.6 * self._noise(2)
        news = np.stack([self._noise(6), self._noise(6)])
        self.bends = np.float32(0.96) * self.bends + np.float32(0.28) * news
        labels, membrane = self._membranes()
        signal = membrane * np.exp(0.12 * self.texture[: labels.shape[0], : labels.shape[1]])
        y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
        for spot_y, spot_x, brightness in spots:
            distance2 = (y - spot_y) ** 2 + (x - spot_x) ** 2
            signal += brightness * np.exp(-distance2 / (2 * (_SPOT_SIGMA_PX * self.scale) ** 2))
        signal = gaussian_filter(signal, 0.9 * self.scale)
        signal += 0.12 * gaussian_filter(signal, 7 * self.scale, truncate=3)
        light = 7 + 75 * signal * self.patches[: labels.shape[0], : labels.shape[1]]
        light = self.random.poisson(light * 4) / 4 + 1.5 * self.random.standard_normal(light.shape, np.float32)
        return labels, np.clip(np.round(light), 0, 255).astype(np.uint8)

    def _membranes(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the cells and brightness of their membranes, both (Y, X).

        The distance to the edge between two cells is the difference of their powers over that of its gradients
        (exact where both roundnesses are 1). The second nearest edge counts too: vertices are brighter.
        """
        cells = self.tissue.cells
        rows, power, way = self.tissue.nearest(self.grid, self.grid.points(self.bends * self.scale))
        way *= cells["roundness"].astype(np.float32)[rows][:, None, :, None]
        best = power.argmin(0)[None]
        owner = np.take_along_axis(rows[..., None], best, 0)[0]
        gradient = 2 * np.sqrt(((way - np.take_along_axis(way, best[:, None], 0)) ** 2).sum(1))
        distance = (power - np.take_along_axis(power, best, 0)) / np.maximum(gradient, 1e-3)
        np.put_along_axis(distance, best, np.inf, 0)
        brightness = np.zeros(owner.shape, np.float32)
        for share in (1.0, 0.5):
            near = distance.argmin(0)[None]
            edge = np.take_along_axis(distance, near, 0)[0]
            profile = np.exp(-(edge**2) / (2 * (_MEMBRANE_SIGMA_PX * self.scale) ** 2))
            lit = np.nonzero(profile > 0.005)
            first, second = owner[lit], np.take_along_axis(rows[..., None], near, 0)[0][lit]
            brightness[lit] += share * profile[lit] * self._junctions(first, second)
            np.put_along_axis(distance, near, np.inf, 0)
        return self.grid.image(cells["identity"][owner]), self.grid.image(brightness)

    def _junctions(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Brightness of the junctions between the cells in these rows (n,): log-normal, passed on to daughters."""
        cells = self.tissue.cells
        affinity = cells["affinity"].astype(np.float32)
        likeness = np.einsum("ij,ij->i", affinity[first], affinity[second]) / np.sqrt(_AFFINITIES)
        likeness = np.clip(likeness, -2, 2)
        sisters = cells["sister"][first] == cells["identity"][second]
        return np.exp(0.22 * likeness) * (1 + _BOND_BRIGHTNESS * sisters * cells["bond"][first])


class _Course:
    """One event: planned for a frame and a place, it befalls the most fitting cell near there."""

    event = ""
    before = (0, 0)  # the course takes so many frames before the event's, at least and at most
    after = 0
    fitting_area = 1.0  # of the mean

    def __init__(self, frame: int, place: np.ndarray, random: np.random.Generator) -> None:
        self.frame, self.place = frame, place
        self.duration = int(random.integers(self.before[0], self.before[1], endpoint=True))
        self.identities: tuple[int, ...] = ()
        self.area = 0.0

    def act(self, tissue: _Tissue, frame: int) -> None:
        """Steer the cell for this frame (0-based; negative before the movie)."""
        elapsed = frame - self.frame
        if elapsed == -self.duration:
            self._choose(tissue)
        if -self.duration <= elapsed <= self.after:
            self.steer(tissue, elapsed)

    def _choose(self, tissue: _Tissue) -> None:
        """Take a cell that has no course yet, near the planned place and of a size that suits the event."""
        cells = tissue.cells
        distance = np.linalg.norm(cells["site"] - (self.place + tissue.margin), axis=1) / tissue.diameter
        misfit = np.abs(np.log(cells["area"] / (self.fitting_area * tissue.mean_area)))
        row = int(np.argmin(2 * distance + misfit + 1e3 * cells["steered"]))
        cells["steered"][row] = True
        self.identities, self.area = (int(cells["identity"][row]),), float(cells["area"][row])

    def steer(self, tissue: _Tissue, elapsed: int) -> None:
        """Change the cell, `elapsed` frames after the event (negative before it)."""

    def spots(self, tissue: _Tissue, frame: int) -> list[Spot]:
        """Bright spots in this frame."""
        return []

    def observed(self, labels: np.ndarray) -> Event:
        """Where and when the labels (T, Y, X) show the event."""
        return self._at(self.frame, labels[self.frame])

    def _at(self, frame: int, labels: np.ndarray) -> Event:
        y, x = np.nonzero(np.isin(labels, self.identities))
        return Event(self.event, frame, float(y.mean()), float(x.mean()))


class _Extrusion(_Course):
    """The cell's area falls linearly and is tiny for the last frames before the cell is gone."""

    event, before, fitting_area = "cell_death", (10, 14), 0.9

    def steer(self, tissue: _Tissue, elapsed: int) -> None:
        row = tissue.row(self.identities[0])
        if elapsed == 0:
            tissue.replace(row, tissue.cells[:0])
        else:
            left = max(-elapsed - _EXTRUSION_REST, 0) / (self.duration - _EXTRUSION_REST)
            tissue.cells["area"][row] = self.area * left + _TINY * tissue.mean_area
            tissue.cells["roundness"][row] = 1 + _XROUND * (1 - left)

    def observed(self, labels: np.ndarray) -> Event:
        last = int(np.flatnonzero((labels == self.identities[0]).any(axis=(1, 2)))[-1])
        return self._at(last + 1, labels[last])


class _Division(_Course):
    """The cell grows and rounds up, then two daughters with a bright junction move apart."""

    event, before, after, fitting_area = "cell_division", (7, 10), 5, 0.8

    def steer(self, tissue: _Tissue, elapsed: int) -> None:
        if elapsed < 0:
            row, progress = tissue.row(self.identities[0]), 1 + elapsed / self.duration
            full = min(_DIVISION_GROWTH * self.area, _CAP * tissue.mean_area)
            tissue.cells["area"][row] = self.area + (full - self.area) * min(_FAST * progress, 1)
            tissue.cells["roundness"][row] = 1 + _ROUND * progress
            return
        if elapsed == 0:
            self._split(tissue)
        rows = [tissue.row(identity) for identity in self.identities]
        cells = tissue.cells
        apart = cells["site"][rows[1]] - cells["site"][rows[0]]
        apart -= tissue.size * np.round(apart / tissue.size)
        step = _DIVISION_SPEED * tissue.diameter * apart / np.linalg.norm(apart)
        cells["site"][rows] += np.stack([-step, step])
        rest = elapsed / self.after
        cells["roundness"][rows] = 1.5 - 0.5 * rest
        cells["area"][rows] += _RELAX * (_DAUGHTER * self.area - cells["area"][rows])

    def _split(self, tissue: _Tissue) -> None:
        """Put two daughters in the place of the mother, along a random axis."""
        row = tissue.row(self.identities[0])
        daughters = np.repeat(tissue.cells[row : row + 1], 2)
        radius = np.sqrt(daughters["area"][0] / np.pi)
        angle = tissue.random.uniform(0, np.pi)
        daughters["site"] += 0.35 * radius * np.outer((-1, 1), (np.sin(angle), np.cos(angle)))
        daughters["weight"] -= daughters["roundness"] * radius**2 - 1.5 * (0.65 * radius) ** 2
        daughters["roundness"] = 1.5
        daughters["area"] /= 2
        daughters["bond"] = 1
        tissue.replace(row, daughters)
        self.identities = tuple(int(i) for i in tissue.cells["identity"][-2:])
        tissue.cells["sister"][-2:] = self.identities[::-1]


class _Sop(_Course):
    """A bright round spot lives in the middle of the cell."""

    event, before, after, fitting_area = "cell_sop", (7, 7), 7, 1.2

    def spots(self, tissue: _Tissue, frame: int) -> list[Spot]:
        elapsed = abs(frame - self.frame)
        if elapsed > self.after:
            return []
        y, x = tissue.cells["site"][tissue.row(self.identities[0])] - tissue.margin
        return [(float(y), float(x), _SPOT_BRIGHTNESS * min(1.0, (self.after + 1 - elapsed) / 3))]


def _plan(
    counts: dict[str, int], shape: tuple[int, int, int], diameter: float, random: np.random.Generator
) -> list[_Course]:
    """Choose frames and places, each the best of many draws: the one farthest from those chosen before.

    Raises
    ------
    WrongInputError
        Where there is no room left.
    """
    kinds = [kind for kind, count in zip((_Extrusion, _Division, _Sop), counts.values()) for _ in range(count)]
    edge = (EDGE_DIAMETERS + _SLACK_DIAMETERS) * diameter
    low = np.array([EDGE_FRAMES, edge, edge])
    high = np.array([shape[0] - EDGE_FRAMES - 1, shape[1] - 1 - edge, shape[2] - 1 - edge])
    taken = np.empty((0, 3))
    courses: list[_Course] = []
    for kind in random.permutation(np.array(kinds, object)):
        draws = random.uniform(low, np.maximum(high, low), (2000, 3))
        draws[:, 0] = np.round(draws[:, 0])
        way = np.abs(draws[:, None] - taken)
        room = np.hypot(way[..., 1], way[..., 2]) / ((SEPARATION_DIAMETERS + _SLACK_DIAMETERS) * diameter)
        free = (room >= 1) | (way[..., 0] > SEPARATION_FRAMES + 1)
        merit = np.where(free.all(1), np.hypot(room, way[..., 0] / shape[0]).min(1, initial=10), -1)
        best = int(merit.argmax())
        if (high < low).any() or merit[best] < 0:
            raise WrongInputError(
                f"{len(kinds)} events were asked for in {shape[0]} frames of {shape[1]} x {shape[2]} px with cells of "
                f"{diameter:g} px, but there is room for {len(courses)}: ask for fewer, or for a larger movie."
            )
        taken = np.concatenate([taken, draws[best : best + 1]])
        courses.append(kind(int(draws[best, 0]), draws[best, 1:], random))
    return courses
