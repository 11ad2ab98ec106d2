"""The result folder of a movie: one form, whoever asked.

All files of a result change together (:mod:`epifiji.files.storage.atomic`): a run that fails, is cancelled or is killed
leaves what was there before, or the whole result.
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
    """Say where the results of a movie go: into the folder ``<movie>_epifiji`` beside its file, or in `out`."""
    return (out if out is not None else beside) / plain_name(f"{movie}_epifiji")


def roi_file(movie: str, event: str) -> str:
    """Name the ROI zip of a class, as the authors do."""
    return plain_name(f"{movie}_{event}") + ".zip"


def map_file(movie: str, event: str, kind: str) -> str:
    """Name a map's file; `kind` is one of `MAP_KINDS`."""
    return plain_name(f"{movie}_{event}") + f"_{kind}.tif"


def roi_files(movie: str, events: Iterable[str]) -> list[str]:
    """Name the ROI zips that a run on a movie may leave."""
    return [roi_file(movie, event) for event in events]


def map_files(movie: str, events: Iterable[str]) -> list[str]:
    """Name the maps that a run on a movie may leave."""
    return [map_file(movie, event, kind) for event in events for kind in MAP_KINDS]


def require_free(folder: Path, movie: str, events: Iterable[str], overwrite: bool) -> None:
    """Refuse to write where a result of this movie lies already, or where nothing can be written.

    Raises
    ------
    WrongInputError
        Naming the file that would be overwritten, or the folder that cannot be written to.
    """
    events = tuple(events)
    plain_name(movie)
    _require_same_movie(folder, movie)
    names = [EVENTS_TABLE, RUN_RECORD, PICTURE, *roi_files(movie, events), *map_files(movie, events)]
    require_absent(folder, names, overwrite)


def _require_same_movie(folder: Path, movie: str) -> None:
    """Refuse a folder with the results of a movie of another name: their files would mix."""
    try:
        other = read_record(folder).movie.name
    except WrongInputError:
        # A record that cannot be read may be replaced.
        return
    if other not in (None, movie):
        raise WrongInputError(
            f"{folder} holds the results of the movie {other}, but those of {movie} were to be written there, and files of two "
            "movies in one folder would mix: choose another folder."
        )


def files_of_earlier(folder: Path, movie: str, maps: bool = True) -> list[str]:
    """Name the ROI zips and, where asked for, the maps that earlier results of a movie in a folder may have left.

    Their classes may be others than those of the results that come now.
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
    """Read ``run.json`` of a result folder; an empty one where there is none, as in the authors' results.

    Raises
    ------
    WrongInputError
        Where the file is not readable as JSON, or an entry cannot be used; the message names it.
    """
    recover(folder)
    path = folder / RUN_RECORD
    if not path.is_file():
        return RunRecord()
    try:
        with path.open("rb") as file:
            # A longer file is cut, which JSON shows.
            entries = json.loads(file.read(MAX_RECORD_BYTES).decode("utf-8-sig"))
        # What is kept of it must be writable again.
        _as_json(entries)
    except (ValueError, RecursionError, OSError) as problem:
        raise WrongInputError(f"{path} cannot be read ({_reason(problem)}): {WHAT_TO_DO}.") from problem
    return parse_record(str(path), entries)


def record_of(place: Path) -> RunRecord:
    """Read the record of the result folder that a path means or lies in; see :func:`read_record`."""
    return read_record(folder_of(place))


def is_there(path: str | None) -> bool:
    """Say whether a file or folder that a record names can be seen from here; whatever cannot even be asked for is not."""
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
    """Find the maps to make events from: (movie name, file by class).

    A file stands for itself. In a folder the raw maps are taken, or where there are none those at the movie's size. The
    run's record tells movie and classes; maps that it does not speak of are named as the authors name theirs.

    Raises
    ------
    WrongInputError
        Where there is none, or maps of several movies.
    """
    recover(place)
    if place.is_file():
        files, kind = [place], next((k for k in MAP_KINDS[:2] if place.stem.endswith(f"_{k}")), None)
        if kind is None:
            raise WrongInputError(
                f"{place} is no probability map: give a file that ends with _{RAW_MAP}.tif or _{SCALED_MAP}.tif."
            )
    else:
        kind, files = next(
            ((k, found) for k in MAP_KINDS[:2] if (found := sorted(place.glob(f"*_{k}.tif")))), (RAW_MAP, [])
        )
    if not files:
        raise WrongInputError(
            f"{place} holds no probability maps (files that end with _{RAW_MAP}.tif): detect with --maps raw to keep them."
        )
    stems = [file.stem.removesuffix(f"_{kind}") for file in files]
    known = _known_stems(record_of(place))
    named = [known.get(stem) or _authors_name(stem) for stem in stems]
    by_class = {one[1]: file for one, file in zip(named, files, strict=True) if one}
    movies = {one[0] for one in named if one}
    if None in named or len(movies) > 1:
        raise WrongInputError(
            f"{place} holds maps of several movies or of unnamed classes ({', '.join(stems)}): give one movie's folder "
            f"with its {RUN_RECORD}, or one map."
        )
    return movies.pop(), by_class


def _known_stems(record: RunRecord) -> dict[str, tuple[str, str]]:
    """Give movie and class by what the names of a run's maps begin with; a user's own class may have any name."""
    movie = record.movie.name
    return {f"{movie}_{event}": (movie, event) for event in record.classes} if movie else {}


def _authors_name(stem: str) -> tuple[str, str] | None:
    """Split a name into movie and class as the authors form it: they leave no record, and call all classes ``cell_…``."""
    movie, between, rest = stem.rpartition("_cell_")
    return (movie, f"cell_{rest}") if between else None
