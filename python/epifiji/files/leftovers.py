"""Leftovers of killed runs, and kept data of interrupted ones: listed here, never removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from epifiji.data import own_folders
from epifiji.data.own_folders import NoHomeError
from epifiji.files.storage.ownership import owned_folders, take_over
from epifiji.files.storage.unfinished import cache_folder


@dataclass(frozen=True)
class Leftover:
    """A folder, and the total size of its files in bytes."""

    path: Path
    size: int


def left_over(*more: Path) -> list[Leftover]:
    """List leftovers of killed runs in the user's own folders, in those around them, and in further ones.

    Folders of runs that are still in progress are not leftovers.
    """
    own = list(_own_places())
    places = [*own, *(parent for place in own for parent in place.parents), *more]
    found = [folder for place in dict.fromkeys(places) for folder in owned_folders(place) if _has_ended(folder)]
    return [Leftover(folder, _size(folder)) for folder in found]


def kept_runs() -> list[Leftover]:
    """List the interrupted runs that can continue."""
    try:
        return [Leftover(folder, _size(folder)) for folder in sorted(cache_folder().iterdir()) if folder.is_dir()]
    except (NoHomeError, OSError):
        return []


def _own_places() -> Iterator[Path]:
    """Yield the folders in which EpiFiji writes by default."""
    with suppress(NoHomeError):
        data = own_folders.data_folder()
        cache = own_folders.cache_folder()
        yield from (data, data / "networks", own_folders.config_folder(), cache, cache / "java", cache_folder())
        yield from (run.path for run in kept_runs())


def _has_ended(folder: Path) -> bool:
    try:
        lock = take_over(folder)
    except OSError:
        return False
    if lock is not None:
        lock.close()
    return lock is not None


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            size += path.lstat().st_size if not path.is_dir() else 0
    return size
