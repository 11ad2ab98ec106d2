"""The result of measuring the cells around events: tables, means and files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cell_traces import AREA, QUANTITIES, AlignedMean, CellTrace, Units
from epifiji.data.errors import WrongInputError
from epifiji.data.events import by_class, colour_of
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.polygons import Polygon
from epifiji.engine.cells.alignment import align
from epifiji.engine.cells.polygons import polygon
from epifiji.files.figures.aligned import draw_aligned
from epifiji.files.figures.cell_gallery import draw_cell_gallery
from epifiji.files.results.cells_around import (
    ALIGNED_TABLE,
    CURVES,
    EVENTS_TABLE,
    FILES,
    FRAMES_TABLE,
    GALLERY,
    LABELS,
    OUTLINES,
    RECORD,
    write_followed,
)
from epifiji.files.results.comparisons import write_table
from epifiji.files.results.opinions import opinion_columns
from epifiji.files.results.result_folder import write_record
from epifiji.files.rois.cell_outlines import outline_name
from epifiji.files.rois.polygons import write_polygons
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.versions import versions


@dataclass(frozen=True)
class CellsAroundEvents:
    """The cells around the events of a movie.

    Parameters
    ----------
    movie
        The movie.
    traces
        One for each event, also for those whose cell could not be followed.
    units
        Units of the tables and figures.
    diameter_px
        Diameter of the cells that the segmentation used.
    record
        Settings and movie, as in ``cells.json``.
    folder
        Where results are written by default; None if the events have no file.
    notices
        Sentences for the user.
    """

    movie: Movie
    traces: tuple[CellTrace, ...]
    units: Units
    diameter_px: float
    record: Mapping[str, Any]
    folder: Path | None = None
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        counts = ", ".join(f"{followed} of {all_} {name}" for name, (followed, all_) in self.counts.items())
        return f"<CellsAroundEvents of {self.movie.name}: followed {counts or 'no events'}>"

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """For each class: number of events whose cells were followed, and of all events."""
        groups = by_class([one.event for one in self.traces])
        followed = by_class([one.event for one in self.traces if not one.problem])
        return {name: (len(followed.get(name, ())), len(events)) for name, events in groups.items()}

    def followed(self, event: str) -> list[CellTrace]:
        """Return the traces of the events of a class whose cells were followed."""
        return [one for one in self.traces if one.event.event == event and not one.problem]

    @cached_property
    def means(self) -> dict[str, dict[str, AlignedMean]]:
        """Mean of each quantity, aligned at t = 0, by class and quantity, in pixels and frames."""
        classes = [name for name, (followed, _) in self.counts.items() if followed]
        return {name: {one: align(self.followed(name), one) for one in QUANTITIES} for name in classes}

    def frame_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each event and frame; an event that could not be followed has none. Frames are counted from 1."""
        units = self.units
        for trace in self.traces:
            for index, frame in enumerate(trace.frames.tolist()):
                row: dict[str, Any] = {
                    "number": trace.number,
                    "event": trace.event.event,
                    "frame": frame + 1,
                    f"time ({units.time_unit})": (frame - trace.zero) * units.time,
                    "y": _number(trace.places[index, 0]),
                    "x": _number(trace.places[index, 1]),
                }
                for name in QUANTITIES:
                    row[_headed(name, units)] = _number(trace.values[name][index] * units.factor(name))
                yield row

    def event_rows(self) -> list[dict[str, Any]]:
        """Return a row for each event: whether its cell was followed, its end, and what became of it."""
        return [self._event_row(one) for one in self.traces]

    def _event_row(self, trace: CellTrace) -> dict[str, Any]:
        units, fit = self.units, trace.constriction
        area = None if trace.problem else _first(trace.values[AREA])
        unit = f"{units.unit(AREA)}/{'min' if units.frame_interval_s else 'frame'}"
        return {
            "number": trace.number,
            "event": trace.event.event,
            "frame": trace.event.frame + 1,
            "y": round(trace.event.y, 2),
            "x": round(trace.event.x, 2),
            "followed": "no" if trace.problem else "yes",
            "problem": trace.problem,
            **opinion_columns(trace.opinion),
            "end frame": None if trace.end is None else trace.end + 1,
            f"first area ({units.unit(AREA)})": area and area * units.factor(AREA),
            f"onset of constriction ({units.time_unit})": fit and (fit.onset - trace.zero) * units.time,
            f"speed of constriction ({unit})": fit and fit.speed * units.factor(AREA) / units.time,
            "R2 of constriction": fit and fit.r2,
            "order of rosette": trace.rosette,
            "orientation of division (deg)": trace.orientation_deg,
            "long axis before (deg)": trace.long_axis_deg,
        }

    def aligned_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class, quantity and frame relative to t = 0: number of events, mean, and its 95 % interval."""
        for event, quantities in self.means.items():
            for name, mean in quantities.items():
                factor = self.units.factor(name)
                for index, offset in enumerate(mean.offsets.tolist()):
                    yield {
                        "event": event,
                        "quantity": name,
                        "unit": self.units.unit(name),
                        "frame": offset,
                        f"time ({self.units.time_unit})": offset * self.units.time,
                        "events": int(mean.counts[index]),
                        "mean": _number(mean.means[index] * factor),
                        "2.5 %": _number(mean.low[index] * factor),
                        "97.5 %": _number(mean.high[index] * factor),
                    }

    def in_words(self) -> list[str]:
        """Summarise each class in a sentence."""
        return [
            f"{name}: {followed} of {count} followed"
            + (f", {count - followed} could not be followed" if count > followed else "")
            + self._opinions_in_words(name)
            for name, (followed, count) in self.counts.items()
        ]

    def _opinions_in_words(self, event: str) -> str:
        """Say with how many events of a class the cells disagree; nothing if they cannot say it of any."""
        verdicts = [one.opinion.verdict for one in self.traces if one.event.event == event and one.opinion is not None]
        known = len(verdicts) - verdicts.count("unknown")
        return f"; the cells disagree with {verdicts.count('disagrees')} of {known} that they show" if known else ""

    def to_dict(self) -> dict[str, Any]:
        """Events and means as plain JSON types; what is undefined is None."""
        return {
            "movie": self.movie.name,
            "diameter_px": self.diameter_px,
            "events": self.event_rows(),
            "aligned": list(self.aligned_rows()),
            "notices": list(self.notices),
        }

    def save(self, out: str | Path | None = None, overwrite: bool = False) -> list[Path]:
        """Write tables, outlines, figures and the followed cells, all or none, and return their paths.

        Parameters
        ----------
        out
            The folder. Default: the folder ``cells`` in the result folder of the events.
        overwrite
            Whether files of an earlier measurement may be replaced.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        if out is None and self.folder is None:
            raise WrongInputError("The events have no folder, so the results need one: specify out.")
        folder = path_from(out if out is not None else self.folder, "the folder to write into")
        require_absent(folder, FILES, overwrite)
        followed = [one for one in self.traces if not one.problem]
        with new_files(folder, FILES) as partial:
            write_table(partial / FRAMES_TABLE, self.frame_rows())
            write_table(partial / EVENTS_TABLE, self.event_rows())
            write_table(partial / ALIGNED_TABLE, self.aligned_rows())
            draw_aligned(partial / CURVES, self.movie.name, self.means, self._by_class(), self.units, self.counts)
            if followed:
                outlines = chain.from_iterable(_outlines(one, self.counts) for one in followed)
                write_polygons(partial / OUTLINES, outlines, self.movie.layout)
                draw_cell_gallery(partial / GALLERY, self.movie, followed, self.counts, self.units)
            seed = int(self.record["settings"]["seed"])
            write_followed(partial / LABELS, self.traces, self.diameter_px, seed, self.movie.shape)
            files = sorted({*(file.name for file in partial.iterdir()), RECORD})
            write_record(partial / RECORD, {"versions": versions(), **self.record, "files": files})
        return [folder / name for name in files]

    def _by_class(self) -> dict[str, list[CellTrace]]:
        return {name: self.followed(name) for name in self.counts}


def _outlines(trace: CellTrace, classes: Iterable[str]) -> Iterator[Polygon]:
    """Yield the outline of an event's cell, or of both daughters, in each frame."""
    colour = colour_of(trace.event.event, classes)
    for index, frame in enumerate(trace.frames.tolist()):
        for daughter, label in enumerate((trace.cell, *trace.daughters)):
            mine = trace.labels[index] == label
            if mine.any():
                corners = polygon(mine) + trace.corners[index]
                yield Polygon(outline_name(trace.number, frame, daughter), frame, corners, colour)


def _first(values: np.ndarray) -> float | None:
    """Return the first value that is not NaN."""
    known = values[~np.isnan(values)]
    return float(known[0]) if len(known) else None


def _headed(quantity: str, units: Units) -> str:
    """Return the heading of a column."""
    unit = units.unit(quantity)
    return f"{quantity} ({unit})" if unit else quantity


def _number(value: float) -> float | None:
    """Return a number, or None if it is NaN."""
    return None if math.isnan(value) else float(value)
