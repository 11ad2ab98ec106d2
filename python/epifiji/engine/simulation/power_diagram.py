"""A dynamic epithelium: cells as a power diagram on a torus that is larger than the field of view.

The point x belongs to the cell with the smallest ``s |x - p|² - w``, where p is the cell's site, w its weight and s its
roundness (1 for most cells; a larger one makes edges bulge outwards). In every frame the weights follow target areas,
and the sites follow the cells' centroids, a smooth flow and a jitter. Lengths and speeds are proportional to the cell
diameter, as if only the magnification changed.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.settings.simulation import NOMINAL_DURATION, SimulationSettings
from epifiji.engine.simulation.epithelium import AFFINITIES, CELL, REFERENCE_DIAMETER_PX, Epithelium, Scene

_SETTLING_STEPS = 60
NEIGHBOURS = 10  # cells that may contain a point or have an edge near it
_JITTER_PX, _JITTER_FRAMES, _AREA_JITTER = 0.22, 6, 0.05
_FLOW_PX = 0.3  # per frame
_SUBSTEPS, _MOST_SUBSTEPS = 2, 6  # per frame; more if events are fast
_POINTS_AT_ONCE = 8192


class Grid:
    """Points of a regular grid in square blocks; each block uses only the cells nearest to its centre.

    Parameters
    ----------
    origin
        y and x of the first point (2,), px of the torus.
    shape
        Numbers of points (Y, X); the last blocks also compute points outside it, which are cut off.
    step
        Distance between points, px; one number, or one for y and one for x.
    block
        Number of points per side of a block.
    """

    def __init__(self, origin: np.ndarray, shape: tuple[int, int], step: float | np.ndarray, block: int) -> None:
        self.shape, self.block = shape, block
        self.rows, self.columns = -(-shape[0] // block), -(-shape[1] // block)
        self.padded = (self.rows * block, self.columns * block)
        corners = np.indices((self.rows, self.columns)).reshape(2, -1).T * block
        middle = (block - 1) / 2
        self.corner = (corners + middle) * step
        self.move(origin)
        offsets = (np.indices((block, block)).reshape(2, 1, -1) - middle).astype(np.float32)
        self.offsets = offsets * np.broadcast_to(step, 2).astype(np.float32)[:, None, None]

    def move(self, origin: np.ndarray) -> None:
        """Let the grid begin at another point of the torus (2,)."""
        self.centres = self.corner + origin

    def parts(self) -> list[slice]:
        """Return slices of blocks whose points are few enough to be computed in a processor's cache."""
        count, at_once = self.rows * self.columns, max(1, _POINTS_AT_ONCE // self.block**2)
        return [slice(first, first + at_once) for first in range(0, count, at_once)]

    def image(self, values: np.ndarray) -> np.ndarray:
        """Rearrange values (block, point) as an image (Y, X)."""
        tiles = values.reshape(self.rows, self.columns, self.block, self.block).swapaxes(1, 2)
        return tiles.reshape(self.padded)[: self.shape[0], : self.shape[1]]

    def points(self, images: np.ndarray) -> np.ndarray:
        """Rearrange images (n, Y, X) of the padded size as values (n, block, point)."""
        tiles = images.reshape(-1, self.rows, self.block, self.columns, self.block).swapaxes(2, 3)
        return tiles.reshape(len(images), self.rows * self.columns, self.block**2)


class TissueEdge:
    """The edge of the tissue: a wavy line through the field of view.

    Parameters
    ----------
    field
        Height and width of the field of view, px.
    share
        Part of the field that lies outside the tissue, 0–1.
    diameter
        Mean diameter of the cells, px.
    random
        Source of direction and waves.
    """

    def __init__(self, field: tuple[int, int], share: float, diameter: float, random: np.random.Generator) -> None:
        angle, phases = random.uniform(0, 2 * np.pi), random.uniform(0, 2 * np.pi, 2)
        self.ahead, self.aside = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
        self.waves = diameter * np.array([2.0, 0.8]), np.array([0.02, 0.07]) * 25 / diameter, phases
        rows, columns = (np.arange(0, side, max(1, side // 64)) for side in field)
        points = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
        self.limit = np.inf if share == 0 else float(np.quantile(self._depth(points), 1 - share))

    def outside(self, places: np.ndarray) -> np.ndarray:
        """Return which places (n, 2), y and x in px of the field, lie outside the tissue."""
        return self._depth(places) > self.limit

    def _depth(self, places: np.ndarray) -> np.ndarray:
        heights, frequencies, phases = self.waves
        along = (places @ self.aside)[:, None] * frequencies + phases
        depth: np.ndarray = places @ self.ahead + np.sin(along) @ heights
        return depth


class Tissue(Epithelium):
    """Cells as a power diagram, and their motion.

    Parameters
    ----------
    settings
        Size of the field, cells, motion. The torus has a margin around the field, so its periodicity is not visible.
    random
        Source of all random numbers.
    views
        (T, 2): origin of the field of view in each frame, y and x in px relative to its origin without drift.
    membrane_px
        Standard deviation of a membrane's profile, px.
    edge
        Edge of the tissue.
    """

    def __init__(
        self,
        settings: SimulationSettings,
        random: np.random.Generator,
        views: np.ndarray,
        membrane_px: float,
        edge: TissueEdge,
    ) -> None:
        super().__init__(settings, random, views, membrane_px)
        field, diameter = (settings.height, settings.width), settings.cell_diameter_px
        scale, spread = diameter / REFERENCE_DIAMETER_PX, settings.area_spread
        self.margin = 2 * diameter
        self.jitter = scale * _JITTER_PX * settings.restlessness
        self.flow = scale * _FLOW_PX if settings.flow_px is None else settings.flow_px
        hurry = NOMINAL_DURATION / settings.event_duration
        self.substeps = int(np.clip(np.ceil(_SUBSTEPS * hurry), _SUBSTEPS, _MOST_SUBSTEPS))
        step, block = diameter / 14, 4
        self.stretch = self._drawn_stretch(settings.stretch)
        sides = self.field / self.stretch + 2 * self.margin
        rows, columns = (int(np.ceil(side / step / block)) * block for side in sides)
        self.size = np.array([rows, columns]) * step
        self.grid, self.point_area = Grid(np.zeros(2), (rows, columns), step, block), step**2
        # Areas are log-normal, so the mean of the diameters is less than the diameter of the mean area.
        self.mean_area = np.pi / 4 * diameter**2 * np.exp(spread**2 / 4)
        self.born = round(float(np.prod(self.size)) / self.mean_area)
        self.cells = cells = np.zeros(self.born, CELL)
        cells["identity"] = np.arange(1, self.born + 1)
        cells["site"] = random.random((self.born, 2)) * self.size
        cells["roundness"] = cells["inside"] = 1
        cells["area"] = self.mean_area * np.exp(spread * random.standard_normal(self.born))
        cells["affinity"] = random.standard_normal((self.born, AFFINITIES))
        self.waves = np.array([(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2)])
        self.phases = random.uniform(0, 2 * np.pi, len(self.waves))
        self.strengths = random.standard_normal(len(self.waves))
        for _ in range(_SETTLING_STEPS):
            self._relax(0.5)
        cells["inside"] = np.exp(settings.inside_spread * random.standard_normal(self.born))
        cells["void"] = edge.outside(self.seen(cells["site"], 0))
        self.pixels = Grid(self.origin(0), field, 1 / self.stretch, max(2, round(diameter / 3)))
        self.canvas = self.pixels.padded

    def seen(self, sites: np.ndarray, frame: int) -> np.ndarray:
        """Return the positions (n, 2) in the field of view, y and x in px, of sites on the torus in this frame."""
        middle = (self.field - 1) / 2
        places: np.ndarray = middle + self.stretch * self.shortest(sites - self.origin(frame) - middle / self.stretch)
        return places

    def origin(self, frame: int) -> np.ndarray:
        """Return the point of the torus (2,) at which the field of view begins in this frame."""
        origin: np.ndarray = self.margin + self.views[min(max(frame, 0), len(self.views) - 1)] / self.stretch
        return origin

    def _drawn_stretch(self, aspect: float) -> np.ndarray:
        """Draw the axis along which the image is stretched; return the factors of y and x (2,)."""
        ratio = np.sqrt([aspect, 1 / aspect])
        return ratio if aspect == 1 or self.random.random() < 0.5 else ratio[::-1]

    def nearest(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the k cells nearest to each block's centre (k, n), and the vectors from their sites to it (k, n, 2).

        A power distance in the plane is a distance in space if each site is lifted by ``sqrt(max(w) - w)``. A search
        tree there finds the cells.
        """
        from scipy.spatial import cKDTree

        cells = self.cells
        lift = np.sqrt(cells["weight"].max() - cells["weight"])
        site = cells["site"] % self.size
        site = np.where(site < self.size, site, 0)  # the remainder of a tiny negative number equals the divisor
        tree = cKDTree(np.column_stack([site, lift]), boxsize=[*self.size, 0])
        centres = grid.centres % self.size
        rows = tree.query(np.column_stack([centres, np.zeros(len(centres))]), NEIGHBOURS)[1].T
        return rows, self.shortest(centres - site[rows])

    def _powers(self, rows: np.ndarray, away: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the powers (k, n, p) of cells (k, n), and the vectors (k, 2, n, p) to points at `offsets` of the centres."""
        way = away.transpose(0, 2, 1).astype(np.float32)[..., None] + offsets
        # Adding the two products is several times as fast as summing along an axis of two.
        power = way[:, 0] * way[:, 0]
        power += way[:, 1] * way[:, 1]
        power *= self.cells["roundness"].astype(np.float32)[rows][..., None]
        power -= self.cells["weight"].astype(np.float32)[rows][..., None]
        return power, way

    def shortest(self, ways: np.ndarray) -> np.ndarray:
        """Return the shortest form of vectors (…, 2) on the torus, y and x in px."""
        return ways - self.size * np.round(ways / self.size)

    def advance(self, frame: int) -> None:
        """Advance the tissue by one frame."""
        cells = self.cells
        memory = np.exp(-1 / _JITTER_FRAMES)
        news = np.sqrt(1 - memory**2) * self.random.standard_normal((len(cells), 3))
        cells["wander"] = memory * cells["wander"] + news
        cells["site"] += self.jitter * cells["wander"][:, :2] + self.flow * self._flow()
        self.age_bonds()
        for _ in range(self.substeps):
            self._relax(0.3 / self.substeps)

    def expected(self, frames: int) -> np.ndarray:
        """Return the sites after this number of frames if only the flow moves them: y, x (n, 2) in px of the torus."""
        return self.cells["site"] + frames * self.flow * self._flow()

    def scene(self, frame: int, bends: np.ndarray) -> Scene:
        """Draw the current tissue.

        The distance to the edge between two cells is the difference of their powers divided by the difference of the
        powers' gradients (exact if both roundnesses are 1). The second nearest edge adds light, so vertices are
        brighter.

        Parameters
        ----------
        frame
            Determines the position of the field of view.
        bends
            (2, Y, X) of the grid's padded size, px: displaces the membranes.
        """
        cells, grid = self.cells, self.pixels
        grid.move(self.origin(frame))
        rows, away = self.nearest(grid)
        offsets = grid.offsets + grid.points(bends) / self.stretch.astype(np.float32)[:, None, None]
        drawn = [self._drawn(rows[:, part], away[:, part], offsets[:, part]) for part in grid.parts()]
        owner, brightness = (np.concatenate(values) for values in zip(*drawn, strict=True))
        numbers = np.where(cells["void"], 0, cells["identity"]).astype(np.int32)
        inside = np.where(cells["void"], np.float32(0.6), cells["inside"]).astype(np.float32)
        return Scene(grid.image(numbers[owner]), grid.image(brightness), grid.image(inside[owner]))

    def _drawn(self, rows: np.ndarray, away: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the owners of points (n, p), and the brightness of the membranes there; see `_powers`."""
        power, way = self._powers(rows, away, offsets)
        way /= self.stretch.astype(np.float32)[:, None, None]  # now gradients in the image
        way *= self.cells["roundness"].astype(np.float32)[rows][:, None, :, None]
        best = power.argmin(0)[None]
        owner = np.take_along_axis(rows[..., None], best, 0)[0]
        slope = 2 * np.sqrt(((way - np.take_along_axis(way, best[:, None], 0)) ** 2).sum(1))
        distance = (power - np.take_along_axis(power, best, 0)) / np.maximum(slope, 1e-3)
        np.put_along_axis(distance, best, np.inf, 0)
        brightness = np.zeros(owner.shape, np.float32)
        for share in (1.0, self.tricellular):
            near = distance.argmin(0)[None]
            apart = np.take_along_axis(distance, near, 0)[0] / self.membrane_px
            lit = np.nonzero(apart < 3.3)
            second = np.take_along_axis(rows[..., None], near, 0)[0][lit]
            brightness[lit] += share * np.exp(-(apart[lit] ** 2) / 2) * self.junctions(owner[lit], second)
            np.put_along_axis(distance, near, np.inf, 0)
        return owner, brightness

    def _flow(self) -> np.ndarray:
        """Return the velocity (n, 2) at the sites, of mean square 1: the curl of a few plane waves, so free of divergence."""
        slope = np.sin(2 * np.pi * (self.cells["site"] / self.size) @ self.waves.T + self.phases)
        across = self.waves / self.size
        across = across[:, ::-1] * (-1, 1) / np.linalg.norm(across, axis=1, keepdims=True)
        flow: np.ndarray = slope * (self.strengths / np.linalg.norm(self.strengths) * np.sqrt(2)) @ across
        return flow

    def _relax(self, rate: float) -> None:
        """Move sites towards the centroids of their cells, and weights towards those that give the target areas.

        A steered cell follows its centroid more closely; otherwise its neighbours would leave it as a slit.
        """
        cells, count = self.cells, len(self.cells)
        rows, away = self.nearest(self.grid)
        owners, ways = [], []
        for part in self.grid.parts():
            power, way = self._powers(rows[:, part], away[:, part], self.grid.offsets)
            best = power.argmin(0)[None]
            owners.append(np.take_along_axis(rows[:, part, None], best, 0).ravel())
            ways.append(np.take_along_axis(way, best[:, None], 0).reshape(2, -1))
        owner, offsets = np.concatenate(owners), np.concatenate(ways, axis=1)
        points = np.bincount(owner, minlength=count)
        for axis in range(2):
            moment = np.bincount(owner, offsets[axis], minlength=count) / np.maximum(points, 1)
            cells["site"][:, axis] += rate * np.where(cells["steered"], 3, 1) * moment
        self._weigh(points * self.point_area)

    def _weigh(self, area: np.ndarray) -> None:
        """Change the weights of cells that have these areas (n,), px².

        If a cell of diameter d and roundness s among cells of the mean diameter m gains weight, its area grows by about
        ``pi d / (s d + m)`` times as much. This is the sum over its edges of their length divided by the slope of the
        difference of the powers across them.
        """
        cells = self.cells
        free = ~cells["steered"]
        target = cells["area"] * np.where(free, np.exp(_AREA_JITTER * cells["wander"][:, 2]), 1)
        target[free] *= (area.sum() - target[~free].sum()) / target[free].sum()
        diameter = np.sqrt(4 / np.pi * np.maximum(area, self.point_area))
        response = np.pi * diameter / (cells["roundness"] * diameter + self.diameter)
        most = 0.1 * self.diameter**2
        cells["weight"] += np.clip(0.6 * (target - area) / response, -most, most)
        cells["weight"] -= cells["weight"].mean()
