"""Many movies, detected one after the other: which ones, where their results belong, and which are already there."""

from __future__ import annotations

import filecmp
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.movie import Movie
from epifiji.data.record import RunRecord
from epifiji.data.settings.detection import ComputingSettings, DetectionSettings
from epifiji.files.movies.movie_file import file_state, movie_name
from epifiji.files.movies.zarr_store import is_zarr
from epifiji.files.results.conditions import condition_of
from epifiji.files.results.movie_identity import is_movie_of, sha256_of
from epifiji.files.results.result_folder import EVENTS_TABLE, RUN_RECORD, read_record, require_same_movie, result_folder

State = Literal["waiting", "done", "refused"]

MOVIES = re.compile(r"\.(?:tiff?|btf|tf8|lsm|stk|zarr)$", re.IGNORECASE)
"""Files that are movies if no pattern is specified."""

PERHAPS_MOVIES = ("*.h5", "*.hdf5", "*.hdf", "*.ims")
"""Files that are movies only if a pattern says so: often they contain other data, such as probability maps."""

POOLED = "pooled"
"""The folder of the pooled table, in the folder of the movies or of their results."""


@dataclass(frozen=True)
class PlannedMovie:
    """A movie of many, and what is to be done with it.

    Parameters
    ----------
    name
        Its name, of which the result folder is named.
    path
        Its file; None for an image that was not opened from a file.
    folder
        Its result folder; None if there is no place for one.
    state
        ``waiting``: to be detected. ``done``: its results are there, with the same settings. ``refused``: see `reason`.
    reason
        A sentence, empty while it waits.
    condition
        Its condition.
    counts
        Numbers of events by class, if it is done.
    """

    name: str
    path: str | None
    folder: Path | None
    state: State = "waiting"
    reason: str = ""
    condition: str = ""
    counts: Mapping[str, int] | None = None

    @property
    def size(self) -> int:
        """Size of its file in bytes; 0 if unknown."""
        try:
            return file_state(self.path)[0] if self.path is not None else 0
        except OSError:
            return 0


@dataclass(frozen=True)
class WantedResults:
    """What results must have been computed with to be those that are wanted."""

    network: EventNetwork
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, network: EventNetwork, settings: DetectionSettings) -> WantedResults:
        """Resolve settings with a network's defaults, as a detection does."""
        description = network.description
        classes = settings.chosen_events(description.events)
        chosen = settings.with_defaults(description.thresholds, description.min_volumes, settings.mode)
        return cls(network, json.loads(json.dumps(chosen.resolved(classes, chosen.mode))))

    def difference(self, record: RunRecord) -> str | None:
        """Describe how results were computed otherwise, in a few words; None if they are those that are wanted."""
        if record.network.sha256 != self.network.sha256:
            return f"the network {record.network.name or 'unknown'} instead of {self.network.description.name}"
        recorded = record.settings.model_dump(mode="json", exclude_unset=True)
        for name, value in self.settings.items():
            if name not in ComputingSettings.model_fields and recorded.get(name) != value:
                return f"{name} {_in_words(recorded.get(name))} instead of {_in_words(value)}"
        return None


def movies_in(folder: Path, pattern: str | None = None, subfolders: bool = True) -> list[Path]:
    """List the movies of a folder in the order of their names; results and hidden files are left out.

    Parameters
    ----------
    folder
        The folder.
    pattern
        Patterns of file names, separated by commas. Default: all TIFF and Zarr movies.
    subfolders
        Whether movies in subfolders are listed too.

    Raises
    ------
    WrongInputError
        If the folder does not exist, may not be read, or contains no movies.
    """
    if not folder.is_dir():
        raise WrongInputError(f"The folder {folder} does not exist, but it must contain the movies: check the path.")
    patterns = [one.strip() for one in (pattern or "").split(",") if one.strip()]
    found = _movies_in(folder, patterns, subfolders)
    if not found:
        if not patterns and (notice := left_out_notice(folder, subfolders)):
            raise WrongInputError(f"The folder {folder} contains no movies (.tif, .tiff, .zarr). {notice}")
        wanted = f"no movies named {pattern}" if patterns else "no movies (.tif, .tiff, .zarr)"
        raise WrongInputError(f"The folder {folder} contains {wanted}: choose the folder with the movies.")
    return found


def left_out_notice(folder: Path, subfolders: bool = True) -> str | None:
    """Return a sentence about the HDF5 files of a folder, which are movies only if a pattern says so; None if there are none."""
    files = _movies_in(folder, PERHAPS_MOVIES, subfolders)
    if not files:
        return None
    many = f"{len(files)} HDF5 files are" if len(files) > 1 else "1 HDF5 file is"
    return f"{many} left out, the first is {files[0].name}: specify --pattern *{files[0].suffix} if they are movies."


def without_repeats(movies: Sequence[PlannedMovie]) -> tuple[list[int], list[str]]:
    """Return the indices of movies without those whose file has the same bytes as an earlier one, and a notice for each of these.

    Files of different sizes are not read, others only up to the first difference.
    """
    kept: list[int] = []
    notices = []
    for index, movie in enumerate(movies):
        earlier = next((movies[one] for one in kept if _same_file(movies[one], movie)), None)
        if earlier is None:
            kept.append(index)
        elif earlier.path == movie.path:
            notices.append(f"{movie.path} is open more than once, but each movie counts once.")
        else:
            notices.append(f"{movie.path} is a copy of {earlier.path}, so it is left out: each movie counts once.")
    return kept, notices


def _same_file(first: PlannedMovie, second: PlannedMovie) -> bool:
    if first.path is None or second.path is None:
        return False
    if first.path == second.path:
        return True
    try:
        return (
            Path(first.path).is_file()
            and first.size == second.size
            and filecmp.cmp(first.path, second.path, shallow=False)
        )
    except OSError:  # the detection reports it
        return False


def _movies_in(folder: Path, patterns: Sequence[str], subfolders: bool) -> list[Path]:
    found, deeper = [], []
    for place in sorted(folder.iterdir(), key=lambda one: (one.name.lower(), one.name)):
        if place.name.startswith("."):
            continue
        folder_of_files = place.is_dir() and not is_zarr(place)
        if folder_of_files:
            deeper.append(place)
        elif (
            any(fnmatch(place.name.lower(), one.lower()) for one in patterns) if patterns else MOVIES.search(place.name)
        ):
            found.append(place)
    for place in deeper if subfolders else ():
        results = any((place / name).exists() for name in (RUN_RECORD, EVENTS_TABLE))
        if not results and place.name != POOLED and not place.is_symlink():
            found += _movies_in(place, patterns, subfolders)
    return found


def planned_files(movies: Sequence[Path], folder: Path, out: Path | None) -> list[PlannedMovie]:
    """Return where the results of a folder's movies belong: next to each, or in `out` in the same subfolders."""
    planned = []
    for path in movies:
        beside = path.parent if out is None else out / os.path.relpath(path.parent, folder)
        planned.append(PlannedMovie(movie_name(path), str(path), result_folder(movie_name(path), beside)))
    return planned


def plan(
    movies: Sequence[PlannedMovie],
    wanted: WantedResults,
    conditions: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> list[PlannedMovie]:
    """Return movies with their conditions, and whether each is to be detected, done, or refused.

    Results are the wanted ones if settings, network and movie are the same. Other results are replaced only if
    `overwrite` is true.

    Raises
    ------
    WrongInputError
        If there are conditions, but none of a movie.
    """
    seen: dict[str, PlannedMovie] = {}
    planned = []
    for movie in movies:
        where = movie.folder if movie.folder is not None else Path(movie.name)
        named = replace(movie, condition=condition_of(conditions, where, movie.name))
        # On some file systems a.tif and A.tiff are the same name.
        earlier = seen.setdefault(str(where).lower(), movie) if movie.folder is not None else movie
        if earlier is not movie:
            both = f"{earlier.path or earlier.name} has the same name, so the results of both would be in {where}"
            planned.append(replace(named, state="refused", reason=f"{both}: rename one of them."))
        else:
            planned.append(_with_state(named, wanted, overwrite))
    return planned


def _with_state(movie: PlannedMovie, wanted: WantedResults, overwrite: bool) -> PlannedMovie:
    """Return a movie with the state that its result folder gives it."""
    if movie.folder is None:
        where = "but results are written into files: save it first, or specify --out"
        return replace(movie, state="refused", reason=f"{movie.name} was not opened from a file, {where}.")
    try:
        require_same_movie(movie.folder, movie.name)
        record = read_record(movie.folder)
    except WrongInputError as problem:
        return movie if overwrite else replace(movie, state="refused", reason=str(problem))
    if not (movie.folder / RUN_RECORD).is_file():
        return movie
    difference = wanted.difference(record)
    if difference is None and not _is_same_file(movie, record):
        difference = "another content of the movie's file"
    if difference is None and record.counts is not None and (movie.folder / EVENTS_TABLE).is_file():
        return replace(movie, state="done", reason=f"The results are in {movie.folder}.", counts=record.counts)
    if overwrite:
        return movie
    what = f"{movie.folder} contains results with {difference}" if difference else f"{movie.folder} is not complete"
    return replace(movie, state="refused", reason=f"{what}: specify --overwrite to replace them, or another --out.")


def _is_same_file(movie: PlannedMovie, record: RunRecord) -> bool:
    """Return whether a movie's file is the one of a record, by its state or else by its hash."""
    if movie.path is None:
        return False
    try:
        if record.movie.file_state is not None and record.movie.file_state == tuple(file_state(movie.path)):
            return True
        return record.movie.sha256 is not None and record.movie.sha256 == sha256_of(movie.path)
    except (OSError, WrongInputError):
        return False


def require_new(movie: Movie, done: Sequence[str]) -> None:
    """Refuse a movie whose events are in one of the result folders `done`: each movie counts once.

    Raises
    ------
    WrongInputError
        If so; the message names the folder.
    """
    for folder in map(Path, done):
        try:
            recorded = read_record(folder).movie
        except WrongInputError:
            continue
        if recorded.pixels_sha256 is not None and recorded.shape == movie.shape and is_movie_of(movie, recorded):
            raise WrongInputError(
                f"{movie.name} has the same pixels as the movie of {folder}, but each movie counts once: remove one of them."
            )


def folder_of_pool(planned: Sequence[PlannedMovie], folder: str | None, out: str | None) -> Path | None:
    """Return the folder of the pooled table: in the folder of results or movies, else in the nearest one around all results."""
    if out is not None or folder is not None:
        return Path(out or folder or "") / POOLED
    places = [str(one.folder.parent.absolute()) for one in planned if one.folder is not None]
    try:
        return Path(os.path.commonpath(places)) / POOLED
    except ValueError:  # none, or several drives
        return Path(places[0]) / POOLED if places else None


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)
