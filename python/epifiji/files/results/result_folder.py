"""The result folder of a movie, the same for all commands.

All files of a result change together (:mod:`epifiji.files.storage.atomic`): a run that fails, is cancelled or is killed
leaves the earlier files, or the whole result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.network import NOTHING
from epifiji.data.record import WHAT_TO_DO, RunRecord, parse_record
from epifiji.files.results.places import folder_of
from epifiji.files.storage.journals import recover
from epifiji.files.storage.writable import plain_name, require_absent

EVENTS_TABLE = "events.csv"
RUN_RECORD = "run.json"
PICTURE = "overlay.png"
RAW_MAP, SCALED_MAP, CLEAN_MAP = "rawproba", "proba", "cleaned"
MAP_KINDS = (RAW_MAP, SCALED_MAP, CLEAN_MAP)
MAX_RECORD_BYTES = 20_000_000


def result_folder(movie: str, beside: Path, out: Path | None = None) -> Path:
    """Return the folder for the results of a movie: ``<movie>_epifiji`` next to its file, or in `out`."""
    return (out if out is not None else beside) / plain_name(f"{movie}_epifiji")


def roi_file(movie: str, event: str) -> str:
    """Return the name of the ROI zip of a class, the same as in the authors' package."""
    return plain_name(f"{movie}_{event}") + ".zip"


def map_file(movie: str, event: str, kind: str) -> str:
    """Return the name of a map's file; `kind` is one of `MAP_KINDS`."""
    return plain_name(f"{movie}_{event}") + f"_{kind}.tif"


def roi_files(movie: str, events: Iterable[str]) -> list[str]:
    """List the names of the ROI zips that a run on a movie may write."""
    return [roi_file(movie, event) for event in events]


def map_files(movie: str, events: Iterable[str]) -> list[str]:
    """List the names of the maps that a run on a movie may write."""
    return [map_file(movie, event, kind) for event in events for kind in MAP_KINDS]


def require_free(folder: Path, movie: str, events: Iterable[str], overwrite: bool) -> None:
    """Refuse to write into a folder that already has a result of this movie, or that cannot be written to.

    Raises
    ------
    WrongInputError
        If so; the message names the file that would be overwritten, or the folder that cannot be written to.
    """
    events = tuple(events)
    plain_name(movie)
    require_same_movie(folder, movie)
    names = [EVENTS_TABLE, RUN_RECORD, PICTURE, *roi_files(movie, events), *map_files(movie, events)]
    require_absent(folder, names, overwrite)


def require_same_movie(folder: Path, movie: str) -> None:
    """Refuse a folder with the results of a movie of another name: their files would mix."""
    try:
        other = read_record(folder).movie.name
    except WrongInputError:
        # A record that cannot be read may be replaced.
        return
    if other not in (None, movie):
        raise WrongInputError(
            f"{folder} contains the results of the movie {other}, but those of {movie} were to be written there, and "
            "files of two movies in one folder would mix: choose another folder."
        )


def files_of_earlier(folder: Path, movie: str, maps: bool = True) -> list[str]:
    """List the ROI zips and, if `maps`, the maps that earlier results of a movie in a folder may have left.

    Their classes may differ from those of the new results.
    """
    try:
        record = read_record(folder)
    except WrongInputError:
        return []
    classes = [name for name in dict.fromkeys(record.classes) if name != NOTHING] if record.movie.name == movie else []
    return roi_files(movie, classes) + (map_files(movie, classes) if maps else [])


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write ``run.json``."""
    path.write_bytes(_as_json(record))


def read_record(folder: Path) -> RunRecord:
    """Read ``run.json`` of a result folder; an empty record if there is none, as in the authors' results.

    Raises
    ------
    WrongInputError
        If the file is not readable as JSON, or an entry is invalid; the message names it.
    """
    recover(folder)
    path = folder / RUN_RECORD
    if not path.is_file():
        return RunRecord()
    try:
        with path.open("rb") as file:
            # A longer file is truncated, which JSON reports.
            entries = json.loads(file.read(MAX_RECORD_BYTES).decode("utf-8-sig"))
        # All of it must be writable again.
        _as_json(entries)
    except (ValueError, RecursionError, OSError) as problem:
        raise WrongInputError(f"{path} cannot be read ({_reason(problem)}): {WHAT_TO_DO}.") from problem
    return parse_record(str(path), entries)


def record_of(place: Path) -> RunRecord:
    """Read the record of the result folder that a path names or lies in; see :func:`read_record`."""
    return read_record(folder_of(place))


def is_there(path: str | None) -> bool:
    """Return whether a recorded file or folder is accessible from this machine; False for a path that cannot even be queried."""
    try:
        return path is not None and Path(path).exists()
    except (OSError, ValueError):
        return False


def _as_json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return problem.strerror or str(problem)
    return "its objects are nested too deeply" if isinstance(problem, RecursionError) else str(problem)


def write_map(
    path: Path,
    frames: Iterable[np.ndarray],
    shape: tuple[int, ...],
    pixel_size_um: float | None = None,
    frame_interval_s: float | None = None,
) -> None:
    """Write a map as an 8-bit ImageJ TIFF (T, Y, X), frame by frame."""
    metadata: dict[str, Any] = {"axes": "TYX"}
    resolution = None
    if pixel_size_um:
        metadata["unit"] = "um"
        resolution = (1 / pixel_size_um, 1 / pixel_size_um)
    if frame_interval_s:
        metadata |= {"finterval": frame_interval_s, "tunit": "sec"}
    tifffile.imwrite(
        path, iter(frames), shape=tuple(shape), dtype=np.uint8, imagej=True, resolution=resolution, metadata=metadata
    )


def find_maps(place: Path) -> tuple[str, dict[str, Path]]:
    """Find the maps from which to make events: (movie name, file by class).

    `place` may be one map. In a folder the raw maps are used, or if there are none those at the movie's size. The run's
    record specifies movie and classes; other maps are named as the authors name theirs.

    Raises
    ------
    WrongInputError
        If there is none, or there are maps of several movies.
    """
    recover(place)
    if place.is_file():
        files, kind = [place], next((k for k in MAP_KINDS[:2] if place.stem.endswith(f"_{k}")), None)
        if kind is None:
            raise WrongInputError(
                f"{place} is not a probability map: use a file that ends with _{RAW_MAP}.tif or _{SCALED_MAP}.tif."
            )
    else:
        kind, files = next(
            ((k, found) for k in MAP_KINDS[:2] if (found := sorted(place.glob(f"*_{k}.tif")))), (RAW_MAP, [])
        )
    if not files:
        raise WrongInputError(
            f"{place} contains no probability maps (files that end with _{RAW_MAP}.tif): detect with --maps raw to keep them."
        )
    stems = [file.stem.removesuffix(f"_{kind}") for file in files]
    known = _known_stems(record_of(place))
    named = [known.get(stem) or _authors_name(stem) for stem in stems]
    by_class = {one[1]: file for one, file in zip(named, files, strict=True) if one}
    movies = {one[0] for one in named if one}
    if None in named or len(movies) > 1:
        raise WrongInputError(
            f"{place} contains maps of several movies or of unnamed classes ({', '.join(stems)}): specify one movie's folder "
            f"with its {RUN_RECORD}, or one map."
        )
    return movies.pop(), by_class


def _known_stems(record: RunRecord) -> dict[str, tuple[str, str]]:
    """Return movie and class by the beginning of the names of a run's maps; a user's own class may have any name."""
    movie = record.movie.name
    return {f"{movie}_{event}": (movie, event) for event in record.classes} if movie else {}


def _authors_name(stem: str) -> tuple[str, str] | None:
    """Split a name into movie and class as in the authors' package, which leaves no record and calls all classes ``cell_…``."""
    movie, between, rest = stem.rpartition("_cell_")
    return (movie, f"cell_{rest}") if between else None
