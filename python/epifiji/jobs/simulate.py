"""Simulated movies as files, for training and testing networks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, by_class
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import formerly, parse_settings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.geometry import measure
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.outlines import read_outlines
from epifiji.files.results.cell_results import labels_file
from epifiji.files.results.result_folder import roi_file, roi_files, write_record
from epifiji.files.results.reviews import NO_COLOUR
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.versions import versions

if TYPE_CHECKING:
    from epifiji.engine.simulation.distractors import Distractor

RECORD = "simulation.json"
UNCLEAR = "unclear"


@dataclass(frozen=True)
class SimulatedFiles:
    """The files of a simulation.

    Parameters
    ----------
    folder
        Their folder.
    files
        Names of the files in it.
    counts
        Events of each class in each movie, by the movie's name.
    """

    folder: Path
    files: list[str]
    counts: dict[str, dict[str, int]]


@formerly(out="folder")
def simulate_movies(
    out: str | Path,
    movies: int = 1,
    varied: bool = False,
    outlines: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    cells: bool = False,
    **settings: Any,
) -> SimulatedFiles:
    """Write simulated movies with their events, in the form for training.

    For each movie there are ``simulated_<seed>.tif``, a ROI zip ``simulated_<seed>_<class>.zip`` for each class with
    events, and ``simulated_<seed>_nothing.zip`` with distractors, which may look like events but are not; for all
    movies ``simulation.json`` with the settings, the versions, and the cells' sizes and shapes.

    Parameters
    ----------
    out
        Folder of the movies.
    movies
        Number of movies; the seed increases by 1 from each to the next.
    varied
        Draw the settings that are not specified at random for each movie, as
        :func:`epifiji.engine.simulation.random_settings.draw_settings` does.
    outlines
        A TIFF of lines around real cells, one image or several over time, which replace the simulated cells.
    overwrite
        Replace existing files.
    report
        Called with the progress; may raise to cancel.
    cells
        Also write the true cells as labels, ``simulated_<seed>_labels.tif``.
    **settings
        Those of :class:`epifiji.data.settings.simulation.SimulationSettings`.

    Raises
    ------
    WrongInputError
        If a setting is invalid, a file exists, the outlines cannot be used, or there is no room for so many events.
    """
    folder, chosen = path_from(out, "the folder to write into"), parse_settings(SimulationSettings, settings)
    require_number("movies", movies)
    drawn = None if outlines is None else read_outlines(path_from(outlines, "the outlines"))
    names = [f"simulated_{chosen.seed + number}" for number in range(movies)]
    possible = [RECORD, *(file for name in names for file in _files(name))]
    require_absent(folder, possible, overwrite)
    record: dict[str, Any] = {"versions": versions(), "varied": varied, "outlines": _source(outlines), "movies": []}
    counts: dict[str, dict[str, int]] = {}
    with new_files(folder, possible) as partial:
        for number, name in enumerate(names):
            one = _settings_of(chosen, settings, number, varied)
            part = PartReport(report, number, movies, after=f" {name}" if movies > 1 else "")
            made = simulate_tissue(one, drawn, varied, part)
            _write(partial, name, made, cells)
            counts[name] = dict(Counter(event.event for event in made.events))
            record["movies"].append({"name": name} | _described(made))
        write_record(partial / RECORD, record)
        written = sorted(file.name for file in partial.iterdir())
    return SimulatedFiles(folder, written, counts)


def require_number(name: str, number: int) -> None:
    """Refuse a number of movies, or of whatever else is simulated one after the other, that is not from 1 to 100,000."""
    if not 1 <= number <= 100_000:
        raise WrongInputError(
            f"{name} is {number}, but it must be a whole number from 1 to 100000: give such a number."
        )


def _settings_of(chosen: SimulationSettings, given: Mapping[str, Any], number: int, varied: bool) -> SimulationSettings:
    """Return the settings of one of several movies."""
    seed = chosen.seed + number
    if not varied:
        return chosen.model_copy(update={"seed": seed})
    drawn = draw_settings(seed, chosen.frames, chosen.height, chosen.width)
    kept = {name: getattr(chosen, name) for name, value in given.items() if value is not None}
    return drawn.model_copy(update=kept | {"seed": seed})


def _files(name: str) -> list[str]:
    return [f"{name}.tif", labels_file(name), *roi_files(name, [*EVENT_COLOURS, NOTHING])]


def _write(folder: Path, name: str, made: Simulation, cells: bool) -> None:
    """Write a movie and its ROI zips, and the labels of its cells if requested."""
    write_movie(Movie(made.pixels, name), folder / f"{name}.tif")
    if cells:
        write_labels(folder / labels_file(name), made.labels)
    for event, group in by_class(made.events).items():
        write_rois(folder / roi_file(name, event), group)
    others = [Event(NOTHING, d.frame, d.y, d.x) for d in made.distractors if d.kind != UNCLEAR]
    if others:
        write_rois(folder / roi_file(name, NOTHING), others, NO_COLOUR)


def _described(made: Simulation) -> dict[str, Any]:
    """Describe a movie in JSON's types."""
    cells = measure(made.labels[:: max(1, len(made.labels) // 3)])
    return {
        "settings": made.settings.model_dump(),
        "events": dict(Counter(event.event for event in made.events)),
        "no_events": [_placed(distractor) for distractor in made.distractors],
        "cells": asdict(cells) if cells.cells else None,
        "pixels_sha256": hashlib.sha256(np.ascontiguousarray(made.pixels).tobytes()).hexdigest(),
    }


def _placed(distractor: Distractor) -> dict[str, Any]:
    """Describe a distractor; its frame is counted from 1, as in ImageJ."""
    return distractor._asdict() | {"frame": distractor.frame + 1}


def _source(outlines: str | Path | None) -> dict[str, str] | None:
    if outlines is None:
        return None
    path = Path(outlines)
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
