"""The result of event statistics: tables and plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.paths import path_from
from epifiji.data.region import Region
from epifiji.data.settings.base import formerly, parse_settings
from epifiji.data.settings.figures import FigureSettings
from epifiji.data.statistics import TISSUE_FILLS, ClassStatistics, Extent, Neighbours
from epifiji.data.tissue import CellBins, Tissue
from epifiji.files.figures.look import Look
from epifiji.files.results.comparisons import write_table
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.events.cell_tables import cell_rows, cell_summary, quantities, rate_in_words

SUMMARY_TABLE, RATE_TABLE, NEIGHBOUR_TABLE = "summary.csv", "rate.csv", "neighbours.csv"
RATE_PICTURE, DENSITY_PICTURE, NEIGHBOUR_PICTURE = "rate.png", "density.png", "neighbours.png"
CELL_TABLE, CELL_PICTURE = "per_cell.csv", "per_cell.png"
PICTURES = (RATE_PICTURE, DENSITY_PICTURE, NEIGHBOUR_PICTURE, CELL_PICTURE)
FILES = (SUMMARY_TABLE, RATE_TABLE, NEIGHBOUR_TABLE, RATE_PICTURE, DENSITY_PICTURE, NEIGHBOUR_PICTURE)
CELL_FILES = (CELL_TABLE, CELL_PICTURE)
"""Files about events per cell, which are written if the tissue is known."""
ALL_FILES = (*FILES, *CELL_FILES)
KINDS = {"space": "space", "space_time": "space and time"}


@dataclass(frozen=True)
class Statistics:
    """Distribution of the events of a movie.

    Parameters
    ----------
    movie
        The movie's name.
    extent
        Its size and scale.
    region
        Where events may lie.
    classes
        Statistics of each class.
    bandwidth_px
        Standard deviation of the density's Gaussian.
    frame_distance_px
        Pixels that correspond to one frame in distances in space and time.
    notices
        Sentences for the user.
    tissue, bins
        The tissue and its cells in squares and bins of time, if the region is the tissue.
    """

    movie: str
    extent: Extent
    region: Region
    classes: dict[str, ClassStatistics]
    bandwidth_px: float
    frame_distance_px: float
    notices: tuple[str, ...] = ()
    tissue: Tissue | None = None
    bins: CellBins | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(found.places)} {name}" for name, found in self.classes.items())
        return f"<Statistics of {self.movie}: {counts or 'no events'}>"

    def summary(self) -> list[dict[str, Any]]:
        """Return a row for each class: counts, times, rate, nearest neighbours; undefined values are None."""
        return [self._summary(name, found) for name, found in self.classes.items()]

    def _summary(self, name: str, found: ClassStatistics) -> dict[str, Any]:
        extent = self.extent
        times = found.places[:, 0] * extent.time + extent.first_time
        row: dict[str, Any] = {
            "event": name,
            "within": self.region.name,
            "events": len(times),
            "outside": found.outside,
            "at border": found.border,
            f"first ({extent.time_unit})": float(times.min()) if len(times) else None,
            f"median ({extent.time_unit})": float(np.median(times)) if len(times) else None,
            f"last ({extent.time_unit})": float(times.max()) if len(times) else None,
            f"events per {extent.rate_unit}": self._rate(found),
            f"area ({extent.area_unit})": self._area(),
        }
        if self.tissue is not None:
            row |= cell_summary(found, self.tissue, extent)
        for key, kind in KINDS.items():
            neighbours: Neighbours | None = getattr(found, key)
            unit = f"{kind}, {extent.length_unit}"
            length = extent.length
            row |= {
                f"nearest ({unit})": neighbours.mean * length if neighbours else None,
                f"nearest at random ({unit})": neighbours.expected * length if neighbours else None,
                f"2.5 % ({unit})": neighbours.expected_low * length if neighbours else None,
                f"97.5 % ({unit})": neighbours.expected_high * length if neighbours else None,
                f"p ({kind})": neighbours.p if neighbours else None,
                f"verdict ({kind})": _verdict(key, neighbours, self.region) if neighbours else "",
            }
        return row

    def _rate(self, found: ClassStatistics) -> float | None:
        """Return events per unit of time in the frames in which events may lie."""
        frames = int(self.region.observed.sum())
        return len(found.places) / (frames * self.extent.rate_time) if frames else None

    def _area(self) -> float:
        """Return the area of the region, averaged over the frames in which events may lie."""
        areas = self.region.areas[self.region.observed]
        return float(areas.mean()) * self.extent.length**2 if len(areas) else 0.0

    def in_words(self, found: ClassStatistics) -> str:
        """Summarise a class in one line."""
        rate = self._rate(found)
        counted = f"{len(found.places)} events"
        if not self.region.is_frame:
            counted += f" {self.region.text}"
        if rate is not None:
            counted += f", {rate:.3g} per {self.extent.rate_unit}"
        if self.tissue is not None:
            counted += f", {rate_in_words(found, self.tissue, self.extent)}"
        tests = [
            f"in {kind} {_verdict(key, neighbours, self.region)} (p = {neighbours.p:.2g})"
            for key, kind in KINDS.items()
            if (neighbours := getattr(found, key)) is not None
        ]
        return ", ".join([counted, *tests])

    def rate_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class and bin; frames are counted from 1, both ends included."""
        extent = self.extent
        for name, found in self.classes.items():
            edges, rates = found.rates.edges, found.rates.per_frame() / extent.rate_time
            for number, count in enumerate(found.rates.counts):
                yield {
                    "event": name,
                    "first frame": int(edges[number]) + 1,
                    "last frame": int(edges[number + 1]),
                    **self._minutes(edges[number : number + 2]),
                    "events": int(count),
                    f"events per {extent.rate_unit}": None if np.isnan(rates[number]) else float(rates[number]),
                    "events so far": int(found.rates.cumulative[number]),
                }

    def _minutes(self, edges: np.ndarray) -> dict[str, float]:
        """Return the bounds of a bin in minutes; empty if the frame interval is unknown."""
        if not self.extent.frame_interval_s:
            return {}
        unit, (begin, end) = self.extent.time_unit, edges * self.extent.time
        return {f"from ({unit})": float(begin), f"to ({unit})": float(end)}

    def neighbour_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class, kind of distance and distance."""
        for name, found in self.classes.items():
            for key, kind in KINDS.items():
                neighbours: Neighbours | None = getattr(found, key)
                if neighbours is None:
                    continue
                columns = (neighbours.distances * self.extent.length, neighbours.share)
                for distance, share, low, middle, high in zip(
                    *columns, neighbours.low, neighbours.middle, neighbours.high, strict=True
                ):
                    yield {
                        "event": name,
                        "kind": kind,
                        f"distance ({self.extent.length_unit})": float(distance),
                        "share of events": float(share),
                        "random, 2.5 %": float(low),
                        "random, median": float(middle),
                        "random, 97.5 %": float(high),
                    }

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False, **figures: Any) -> list[Path]:
        """Write the tables and figures, all or none, and return their paths.

        Parameters
        ----------
        out
            A folder.
        overwrite
            Replace files of an earlier result.
        **figures
            Those of :class:`~epifiji.data.settings.figures.FigureSettings`: ``theme``, ``dpi`` and ``formats``.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        from epifiji.files.figures.plots import draw_densities, draw_neighbours, draw_rates
        from epifiji.files.figures.quantities import draw_quantities

        folder = path_from(out, "the folder to write into")
        look = Look.of(parse_settings(FigureSettings, figures))
        possible = files_with(look)
        require_absent(folder, possible, overwrite)
        with new_files(folder, possible) as partial:
            write_table(partial / SUMMARY_TABLE, self.summary())
            write_table(partial / RATE_TABLE, self.rate_rows())
            write_table(partial / NEIGHBOUR_TABLE, self.neighbour_rows())
            drawn = (self.movie, self.classes, self.extent, self.region)
            draw_rates(partial / RATE_PICTURE, *drawn, look)
            draw_densities(partial / DENSITY_PICTURE, *drawn, self.bandwidth_px, look)
            draw_neighbours(partial / NEIGHBOUR_PICTURE, *drawn, self.frame_distance_px, look)
            if self.bins is not None:
                write_table(partial / CELL_TABLE, cell_rows(self.classes, self.bins, self.extent))
                shown = quantities(self.classes, self.bins, self.extent)
                title = f"{self.movie}: events per cell"
                draw_quantities(partial / CELL_PICTURE, title, shown, self.extent, self.bins, look)
            written = [name for name in possible if (partial / name).exists()]
        return [folder / name for name in written]


def files_with(look: Look) -> list[str]:
    """Return the names of all files that may be written in some formats."""
    return [file for name in ALL_FILES for file in (look.files(name) if name in PICTURES else [name])]


def _verdict(kind: str, neighbours: Neighbours, region: Region) -> str:
    """Return the verdict on the events' distribution, with its assumption."""
    return f"{neighbours.verdict} {TISSUE_FILLS}" if kind == "space" and region.is_frame else neighbours.verdict
