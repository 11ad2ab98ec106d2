"""Real outlines with simulated events: cells shrink, grow, round up and divide by deforming the tissue around them.

The outlines give a number to every pixel of every frame. A cell whose area is to change by a factor f deforms the
tissue around it as a sink or a source does in an incompressible sheet: what is displayed at the distance r from its
middle comes from r', where ``r'² = r² - (f - 1) R² w(r)``, R is the cell's radius and w falls from 1 at its edge to 0.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.engine.simulation.epithelium import AFFINITIES, CELL, REFERENCE_DIAMETER_PX, Epithelium, Scene
from epifiji.engine.simulation.label_warps import Flow, assign_to_neighbours, change_area, make_rounder, window
from epifiji.engine.simulation.membranes import draw
from epifiji.engine.simulation.tracked_outlines import shifts, track

_MARGIN_DIAMETERS = 2.0
_FLOW_PX = 0.3  # per frame, of the flow that moves outlines of a single frame
_LARGEST_AREA_DEVIATION = 0.5  # of the mean area; a cell whose area varies more was not outlined well
_ROUNDEST = 0.8  # additional roundness for which a cell is a disc
_WINDOWS = 40  # attempts to find a window full of tissue
_RECOVERY_FRAMES = 20  # after which neighbours are back at their positions before a cell left
_AREA_DECAY = 0.7  # per frame, of a change of area that remains after an event


class RealOutlines(Epithelium):
    """Cells of real outlines.

    Parameters
    ----------
    settings
        Size of the field and of the cells, to which the outlines are scaled.
    outlines
        (T, Y, X), or one frame, which a smooth flow then moves. After the last frame they are shown backwards.
    random
        Source of all random numbers.
    views
        (T, 2): origin of the field of view in each frame, y and x in px relative to its origin without drift.
    membrane_px
        Standard deviation of a membrane's profile, px.

    Raises
    ------
    WrongInputError
        If the outlines show no cells, or less tissue than the field of view needs.
    """

    def __init__(
        self,
        settings: SimulationSettings,
        outlines: np.ndarray,
        random: np.random.Generator,
        views: np.ndarray,
        membrane_px: float,
    ) -> None:
        super().__init__(settings, random, views, membrane_px)
        self.canvas = (settings.height, settings.width)
        self._cut_out(outlines, settings)
        count = int(self.base.max())
        self.born = count
        self.cells = cells = np.zeros(count, CELL)
        cells["identity"] = np.arange(1, count + 1)
        cells["roundness"] = 1
        cells["affinity"] = random.standard_normal((count, AFFINITIES))
        cells["inside"] = np.exp(settings.inside_spread * random.standard_normal(count))
        self._measure(count)
        shown = self.areas[self.areas > 0]
        self.mean_area = float(shown.mean())
        self.gone: dict[int, int] = {}
        self.split: dict[int, tuple[tuple[int, int], np.ndarray]] = {}
        self.excess: dict[int, float] = {}
        self._place(0)

    def _cut_out(self, outlines: np.ndarray, settings: SimulationSettings) -> None:
        """Label the cells of a part of the outlines that is slightly larger than the field."""
        random = self.random
        first = int(random.integers(0, max(1, len(outlines) - settings.frames + 1)))
        lines = np.stack([drawn_lines(frame) for frame in outlines[first : first + settings.frames]])
        middle = label_outlines(lines[len(lines) // 2])
        sizes = np.bincount(middle.ravel())[1:]
        self.zoom = self.diameter / float(np.sqrt(4 / np.pi * sizes).mean())
        shape, needed = np.array(middle.shape), np.ceil(self.field / self.zoom).astype(int)
        if (needed > shape).any():
            have, want = (np.floor(self.zoom * shape).astype(int), self.field)
            raise WrongInputError(
                f"The outlines, scaled to cells of {self.diameter:g} px, are {have[0]} x {have[1]} px, but the movie is to "
                f"be {want[0]} x {want[1]} px: specify a smaller height and width, or a larger cell_diameter_px."
            )
        way = shifts(lines) if len(lines) > 1 else np.zeros((1, 2), int)
        way -= way[len(lines) // 2]
        starts = random.integers(0, shape - needed + 1, (_WINDOWS, 2))
        tissue = [np.mean(middle[y : y + needed[0] : 4, x : x + needed[1] : 4] > 0) for y, x in starts]
        self.margin = int(np.ceil((_MARGIN_DIAMETERS * self.diameter + np.abs(self.views).max()) / self.zoom))
        start, size = starts[int(np.argmax(tissue))] - self.margin, needed + 2 * self.margin
        parts = [label_outlines(window(frame, start + step, size)) for frame, step in zip(lines, way, strict=True)]
        self.base = track(parts)
        self.flows = self._flow(settings) if len(lines) == 1 else None

    def _flow(self, settings: SimulationSettings) -> Flow:
        pace = _FLOW_PX * self.diameter / REFERENCE_DIAMETER_PX if settings.flow_px is None else settings.flow_px
        return Flow(self.base.shape[1:], pace / self.zoom, self.diameter / self.zoom, self.random)

    def _measure(self, count: int) -> None:
        """Measure areas (T, n), px², and middles (T, n, 2), y and x in px of the outlines, of all cells.

        scikit-image's regionprops_table (0.26) gives the same numbers, but needs 27 ms for a frame of 588 cells instead
        of 4, and made a whole simulation a tenth slower.
        """
        y, x = np.indices(self.base.shape[1:])
        self.areas, self.middles = np.zeros((len(self.base), count)), np.zeros((len(self.base), count, 2))
        for number, labels in enumerate(self.base):
            pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
            self.areas[number] = pixels * self.zoom**2
            for axis, places in enumerate((y, x)):
                sums = np.bincount(labels.ravel(), places.ravel(), minlength=count + 1)[1:]
                self.middles[number, :, axis] = sums / np.maximum(pixels, 1)

    def _index(self, frame: int) -> int:
        """Return the frame of the outlines that a frame of the movie shows; they run forwards and backwards."""
        last = len(self.base) - 1
        return 0 if last == 0 else last - abs(last - abs(frame) % (2 * last))

    def _seen_middles(self, frame: int) -> np.ndarray:
        """Return the middles of all outlined cells (n, 2) in the field, px."""
        middles = self.middles[self._index(frame)]
        if self.flows is not None:
            middles = middles - self.flows.at(frame, middles)
        seen: np.ndarray = (middles - self.margin) * self.zoom - self.views[min(max(frame, 0), len(self.views) - 1)]
        return seen

    def outside(self, draws: np.ndarray) -> np.ndarray:
        """Return which of frames and positions (n, 3) lie outside the tissue."""
        outside = np.zeros(len(draws), bool)
        for number, (frame, *place) in enumerate(draws):
            where = np.round((np.array(place) + self.views[int(frame)]) / self.zoom + self.margin).astype(int)
            y, x = np.clip(where, 0, np.array(self.base.shape[1:]) - 1)
            outside[number] = self.base[self._index(int(frame)), y, x] == 0
        return outside

    def unclear(self, frames: int) -> list[tuple[int, float, float]]:
        """Return frames and positions, y and x in px, at which an outlined cell appears or vanishes, for whatever reason."""
        found = []
        for frame in range(1, frames):
            one, other = self._index(frame - 1), self._index(frame)
            for change, at in (
                ((self.areas[one] > 0) & (self.areas[other] == 0), frame - 1),
                (
                    (self.areas[one] == 0) & (self.areas[other] > 0),
                    frame,
                ),
            ):
                places = self._seen_middles(at)[change]
                inside = ((places >= 0) & (places <= self.field - 1)).all(1)
                found += [(at, float(y), float(x)) for y, x in places[inside]]
        return found

    def seen(self, sites: np.ndarray, frame: int) -> np.ndarray:
        """Return sites (n, 2) unchanged: they are positions in the current field."""
        return sites

    def expected(self, frames: int) -> np.ndarray:
        """Return the outlines' positions of the cells (n, 2) after this number of frames; daughters keep theirs."""
        sites, then = self.cells["site"].copy(), self._seen_middles(self.now + frames)
        outlined = self.cells["identity"] <= len(then)
        sites[outlined] = then[self.cells["identity"][outlined] - 1]
        return sites

    def fit_for_events(self, first: int, last: int) -> np.ndarray:
        """Return which cells (n,) are outlined in all frames of this range, with about constant area."""
        shown = [self._index(frame) for frame in range(first - 1, min(last + 2, len(self.views) + 1))]
        areas = self.areas[shown]
        steady = (areas > 0).all(0) & (areas.std(0) < _LARGEST_AREA_DEVIATION * np.maximum(areas.mean(0), 1))
        fit = super().fit_for_events(first, last)
        outlined = self.cells["identity"] <= len(steady)
        fit[outlined] &= steady[self.cells["identity"][outlined] - 1]
        return fit & outlined

    def replace(self, row: int, cells: np.ndarray) -> None:
        """Remove the cell in this row, or replace it by two daughters, arranged as their sites are."""
        base = int(self.cells["identity"][row])
        super().replace(row, cells)
        if len(cells):
            way = cells["site"][1] - cells["site"][0]
            first, second = (int(number) for number in self.cells["identity"][-2:])
            self.split[base] = (first, second), way / max(float(np.linalg.norm(way)), 1e-6)
        else:
            self.gone[base] = self.now

    def advance(self, frame: int) -> None:
        """Advance to the next outlines."""
        self.age_bonds()
        self._place(frame)

    def _place(self, frame: int) -> None:
        """Move all cells to the outlines' positions in a frame; cells that no event changes get the outlines' areas."""
        self.now, cells = frame, self.cells
        middles, areas = self._seen_middles(frame), self.areas[self._index(frame)]
        rows = np.flatnonzero(cells["identity"] <= len(middles))
        outlined = cells["identity"][rows] - 1
        cells["site"][rows] = middles[outlined]
        free = ~cells["steered"][rows]
        cells["area"][rows[free]] = areas[outlined[free]]
        for base, (daughters, way) in self.split.items():
            radius = np.sqrt(areas[base - 1] / np.pi)
            for daughter, side in zip(daughters, (-0.4, 0.4), strict=True):
                cells["site"][self.row(daughter)] = middles[base - 1] + side * radius * way

    def _factors(self) -> dict[int, float]:
        """Return the factors by which the areas of outlined cells change; they decay quickly after an event."""
        areas, cells = self.areas[self._index(self.now)], self.cells
        factors = {base: min(1.0, max(0, self.now - since) / _RECOVERY_FRAMES) for base, since in self.gone.items()}
        for row in np.flatnonzero(cells["steered"] & (cells["identity"] <= len(areas))):
            base = int(cells["identity"][row])
            factors[base] = float(cells["area"][row]) / max(areas[base - 1], 1)
        for base, (daughters, _) in self.split.items():
            rows = [self.row(daughter) for daughter in daughters]
            if cells["steered"][rows].any():
                factors[base] = float(cells["area"][rows].sum()) / max(areas[base - 1], 1)
        for base, factor in self.excess.items():
            if base not in factors and abs(factor - 1) > 0.02:
                factors[base] = 1 + _AREA_DECAY * (factor - 1)
        self.excess = factors
        return {base: factor for base, factor in factors.items() if areas[base - 1] > 0}

    def scene(self, frame: int, bends: np.ndarray) -> Scene:
        """Draw the current tissue; `bends` displaces membranes only if the outlines are a single frame."""
        return draw(self, self._labels(frame, bends))

    def _labels(self, frame: int, bends: np.ndarray) -> np.ndarray:
        """Return the labels of the cells in the field (Y, X), int32, with all changes by events."""
        height, width = self.canvas
        places = np.indices((height, width)).astype(np.float32)
        factors, middles = self._factors(), self._seen_middles(frame)
        areas = self.areas[self._index(frame)]
        moved = places.copy() if self.flows is None else places + bends
        for base, factor in factors.items():
            change_area(moved, middles[base - 1], np.sqrt(areas[base - 1] / np.pi), factor)
        view = self.views[min(max(frame, 0), len(self.views) - 1)].astype(np.float32)
        source = (moved + view[:, None, None]) / np.float32(self.zoom) + self.margin
        if self.flows is not None:
            source += self.flows.image(frame, source)
        index = np.clip(np.round(source).astype(int), 0, np.array(self.base.shape[1:])[:, None, None] - 1)
        labels: np.ndarray = self.base[self._index(frame)][index[0], index[1]]
        for base in self.gone:
            assign_to_neighbours(labels, labels == base)
        self._round_up(labels, factors)
        for base, (daughters, way) in self.split.items():
            mine = np.flatnonzero(labels == base)
            if len(mine):
                along = np.stack(np.unravel_index(mine, labels.shape), 1) @ way
                sizes = [self.cells["area"][self.row(daughter)] for daughter in daughters]
                limit = np.quantile(along, sizes[0] / sum(sizes))
                labels.ravel()[mine] = np.where(along <= limit, *daughters)
        return labels

    def _round_up(self, labels: np.ndarray, factors: dict[int, float]) -> None:
        """Make cells rounder whose roundness is increased: their distance to the edge approaches that of a disc."""
        for base in factors:
            rows = [self.row(one) for one in self.split[base][0]] if base in self.split else []
            rows = rows or [int(row) for row in np.flatnonzero(self.cells["identity"] == base)]
            share = min(1.0, max((self.cells["roundness"][row] - 1 for row in rows), default=0) / _ROUNDEST)
            if share > 0:
                make_rounder(labels, base, share)
