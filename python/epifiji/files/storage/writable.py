"""Files that are to be written: refused before anything is computed, and written all or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.names import wrong_file_name
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.journals import settle

TOO_LONG = (errno.ENAMETOOLONG, errno.EOVERFLOW)


def plain_name(name: str) -> str:
    """Give a name of files as it is, so that none is ever written or deleted in another folder than the one meant.

    Raises
    ------
    WrongInputError
        Where it would lead elsewhere.
    """
    if wrong := wrong_file_name(name):
        raise WrongInputError(f"{name!r} was to be part of a file's name, but {wrong}: rename the movie or the class.")
    return name


def require_absent(folder: Path, names: Iterable[str], overwrite: bool, instead: str = "give another --out") -> None:
    """Refuse to write files of these names into a folder where one exists already, or where they cannot be written.

    `instead` says what to do where the folder cannot be used.

    Raises
    ------
    WrongInputError
        Naming the file that would be overwritten or cannot be written, or the folder that cannot be written to.
    """
    settle(folder)
    names = list(names)
    for name in names:
        plain_name(name.rpartition(".")[0] or name)
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise WrongInputError(f"{place} is a file, but results go into a folder: {instead}.")
    longest = max(names, key=lambda name: len(os.fsencode(name)), default=None)
    try:
        for name in names:
            if not overwrite and (folder / name).exists():
                raise WrongInputError(
                    f"{folder / name} exists and would be overwritten: give another --out, or --overwrite to replace the "
                    "results."
                )
        with new_files(folder, ()) as partial:
            if longest is not None:
                (partial / longest).touch()
                (partial / longest).unlink()
    except OSError as problem:
        if problem.errno in TOO_LONG:
            raise WrongInputError(
                f"{folder / (longest or '')} would be too long a name for this disk: shorten the movie's or the folder's name."
            ) from problem
        raise WrongInputError(f"results cannot be written to {folder} ({problem.strerror}): {instead}.") from problem


@contextmanager
def new_files(folder: Path, replaced: Iterable[str]) -> Iterator[Path]:
    """Give a temporary folder whose files come to `folder` at the end, all of them, or none where the block raises.

    Files of an earlier run that are named in `replaced` and not written again are deleted. Folders that did not exist
    are made only when there is something to write.
    """
    with Change() as change:
        yield change.add(folder, replaced)
