"""The movie to which results belong, recognised by its content, independent of its name and location."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.image import FileState
from epifiji.data.movie import Movie, size_in_words
from epifiji.data.record import RecordedMovie, RunRecord
from epifiji.files.movies.movie_file import EXTENSION, file_sha256, file_state, is_there, read_movie, split_path
from epifiji.files.movies.zarr_store import is_zarr
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import EVENTS_TABLE, read_record
from epifiji.files.results.reviews import result_folders

MOST_CANDIDATES = 1000
"""Most files of a folder that are compared when searching for a renamed movie."""
MOST_CHANNELS = 16


def described_movie(movie: Movie, pixels_sha256: str) -> dict[str, Any]:
    """Describe a movie for a record: hashes of its file and its pixels, and the state of its file, which is quick to compare."""
    file = {"file": None, "sha256": None, "file_state": None} if movie.path is None else described_file(movie)
    if movie.path is not None and not holds_pixels(movie, pixels_sha256):
        file["sha256"] = None
    return {
        "name": movie.name,
        **file,
        "pixels_sha256": pixels_sha256,
        "shape": list(movie.shape),
        "dtype": str(movie.dtype),
        "pixel_size_um": movie.pixel_size_um,
        "frame_interval_s": movie.frame_interval_s,
        "layout": asdict(movie.layout),
    }


def described_file(movie: Movie) -> dict[str, Any]:
    """Describe a movie's file for a record: path, hash and state."""
    path = str(movie.path)
    return {
        "file": _absolute(path),
        "sha256": sha256_of(path),
        "file_state": list(movie.file_state) if movie.file_state else None,
    }


def relative_file(file: str | None, folder: Path) -> str | None:
    """Return a movie's path relative to its result folder, with forward slashes; None if there is no such path."""
    if file is None:
        return None
    path, dataset = split_path(file)
    if not path.is_absolute():
        return None
    try:
        found = Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:  # another drive
        return None
    return f"{found}:{dataset}" if dataset else found


def holds_pixels(movie: Movie, pixels_sha256: str) -> bool:
    """Return whether a movie's file contains its pixels; those of an image in ImageJ were read from it some time ago.

    For a file in a format that only ImageJ reads the answer is yes.
    """
    if movie.path is None or movie.file_state is not None:
        return True
    try:
        return any(one.sha256() == pixels_sha256 for one in _channels(str(movie.path), movie.shape))
    except WrongInputError:
        return True


def is_movie_of(movie: Movie, recorded: RecordedMovie) -> bool | None:
    """Return whether a movie is the one to which results belong; None if only its shape can be compared.

    The same file is the same movie, whichever channel was read. For another file the pixels are compared.
    """
    if recorded.shape is not None and movie.shape != recorded.shape:
        return False
    if movie.path is not None and _is_file_of(str(movie.path), recorded):
        return True
    if recorded.pixels_sha256 is not None:
        # Other numbers may have the same bytes.
        same_type = recorded.dtype in (None, str(movie.dtype))
        return same_type and movie.sha256() == recorded.pixels_sha256
    return False if recorded.sha256 is not None and movie.path is not None else None


def is_file_of(path: str, record: RunRecord) -> bool:
    """Return whether a file is the movie to which results belong, by its content or the pixels of the analysed channel."""
    try:
        return _is_movie_at(path, record.movie, record.settings.channel)
    except (OSError, ValueError):
        return False


def find_movie(record: RunRecord, folder: Path) -> str | None:
    """Find the movie to which the results in a folder belong, by its content; None if it is not found.

    It is searched for at its recorded path, relative to the result folder and absolute, then next to and in the result
    folder.
    """
    recorded = record.movie
    if recorded.file is None:
        return None
    for place in dict.fromkeys(_candidates(recorded, folder)):
        with suppress(OSError, ValueError):
            if is_there(place) and _is_movie_at(place, recorded, record.settings.channel):
                return place
    return None


class Watch:
    """Raises an error if a movie's file has changed since it was opened.

    Parameters
    ----------
    movie
        The movie; one in memory cannot change.
    pixels_sha256
        The hash of its pixels.
    channel
        The channel that was read.
    """

    def __init__(self, movie: Movie, pixels_sha256: str, channel: int | None) -> None:
        self._path = str(movie.path)
        self._name, self._pixels, self._channel, self._state = movie.name, pixels_sha256, channel, movie.file_state

    def __call__(self) -> None:
        """Check the file.

        Raises
        ------
        WrongInputError
            If its content has changed, or it is gone.
        """
        if self._state is None:
            return
        try:
            now = file_state(self._path)
            if now == self._state:
                return
            # Only permissions have changed, or the file was replaced by one with the same content and times.
            same = now[:2] == self._state[:2]
            if same and read_movie(self._path, self._channel).sha256() == self._pixels:
                self._state = now
                return
        except (OSError, WrongInputError):
            pass
        raise WrongInputError(
            f"{self._path} was changed or removed during the detection of events in {self._name}, so nothing was written: wait "
            "until no program writes to the movie, and detect its events again."
        )


@lru_cache(maxsize=64)
def _sha256(path: str, _: FileState) -> str:
    return file_sha256(path)


def sha256_of(path: str) -> str:
    """Compute the SHA-256 of a movie's file; it is cached while the file's state does not change."""
    return _sha256(str(split_path(path)[0]), file_state(path))


def _is_file_of(path: str, recorded: RecordedMovie) -> bool:
    if recorded.file_state is not None and file_state(path) == recorded.file_state:
        return True
    return recorded.sha256 is not None and sha256_of(path) == recorded.sha256


def _is_movie_at(place: str, recorded: RecordedMovie, channel: int | None) -> bool:
    if _is_file_of(place, recorded):
        return True
    if recorded.pixels_sha256 is None and recorded.sha256 is not None:
        return False
    # If the record has no hash, location and shape are compared.
    return is_movie_of(read_movie(place, channel, least_frames=1), recorded) is not False


def _candidates(recorded: RecordedMovie, folder: Path) -> Iterator[str]:
    """Yield paths at which the movie may be, the most likely first."""
    folder = folder.absolute()
    path, dataset = split_path(recorded.file or "")
    ending = f":{dataset}" if dataset else ""
    if recorded.file_from_results is not None:
        relative, _ = split_path(recorded.file_from_results)
        yield os.path.normpath(folder / relative) + ending
    # Earlier versions wrote the path as it was specified; if there is a hash, it may be relative to this folder too.
    if path.is_absolute() or recorded.sha256 is not None:
        yield f"{path.absolute()}{ending}"
    for place in (folder.parent, folder):
        yield f"{place / path.name}{ending}"
    size = recorded.file_state[0] if recorded.file_state is not None else None
    if size is None:
        return
    for place in (folder.parent, folder):
        for _, file in zip(range(MOST_CANDIDATES), sorted(place.glob("*")), strict=False):
            if EXTENSION.search(file.name) and (file.is_file() or is_zarr(file)) and file_state(file)[0] == size:
                yield f"{file}{ending}"


def _channels(path: str, shape: tuple[int, int, int]) -> Iterator[Movie]:
    """Yield a file's movie, or each of its channels."""
    try:
        yield read_movie(path, least_frames=1)
    except WrongInputError:
        for channel in range(1, MOST_CHANNELS + 1):
            one = read_movie(path, channel, least_frames=1)
            if one.shape == shape:
                yield one


def _absolute(path: str) -> str:
    file, dataset = split_path(path)
    return f"{file.absolute()}:{dataset}" if dataset else str(file.absolute())


def require_movie(movie: Movie, recorded: RecordedMovie, place: Path, anyway: bool = False) -> tuple[str, ...]:
    """Refuse a movie that is not the one to which results belong.

    Parameters
    ----------
    movie
        The movie to show or process with the results.
    recorded
        The movie of the results' record.
    place
        Location of the results.
    anyway
        Whether the user confirms that they belong together, although the movie is another one.

    Returns
    -------
    tuple of str
        Notices for the user, as sentences.

    Raises
    ------
    WrongInputError
        If the movie is another one; the message names both.
    """
    return check_identity(is_movie_of(movie, recorded), movie.name, movie.shape, recorded, place, anyway)


def record_of_events(place: Path) -> RunRecord:
    """Read the record of the run that found events; see :func:`run_of_events`."""
    return run_of_events(place)[1]


def run_of_events(place: Path) -> tuple[Path, RunRecord]:
    """Return the result folder of the run that found events and its record; an empty record if no run is known.

    A folder, its table and the ROI zips named after its movie belong to the run, and so do the results of its review.
    """
    for folder in result_folders(folder_of(place)):
        record = read_record(folder)
        name = record.movie.name
        own = place.is_dir() or place.name == EVENTS_TABLE or (name is not None and place.stem.startswith(f"{name}_"))
        if own and record.model_fields_set:
            return folder, record
    return folder_of(place), RunRecord()


def check_identity(
    same: bool | None,
    name: str,
    shape: tuple[int, ...],
    recorded: RecordedMovie,
    place: Path,
    anyway: bool = False,
) -> tuple[str, ...]:
    """Refuse a movie of this name and shape unless it is the results' movie (`same`); see :func:`require_movie`."""
    if same:
        return ()
    own = recorded.file or recorded.name or "another movie"
    if same is None:
        if recorded.shape is None:
            return ()
        return (f"{place} does not record the pixels of its movie: only its size was compared with {name}.",)
    if recorded.shape is not None and tuple(shape) != recorded.shape:
        raise WrongInputError(
            f"{name} has {size_in_words(shape)}, but the results in {place} belong to {own} with "
            f"{size_in_words(recorded.shape)}: open or name the movie in which they were found."
        )
    if anyway:
        return (
            f"{name} is not the movie that the results in {place} were found in ({own}); they were used as requested.",
        )
    raise WrongInputError(
        f"{name} is not the movie that the results in {place} were found in ({own}); its pixels differ: open or name that "
        "movie, or specify --other-movie if they belong to this one too."
    )
