"""Checks before writing: files are refused before anything is computed, and written all or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.names import wrong_file_name
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.journals import recover

TOO_LONG = (errno.ENAMETOOLONG, errno.EOVERFLOW)


def plain_name(name: str) -> str:
    """Return a file name unchanged, after checking that no file is ever written or deleted in another folder.

    Raises
    ------
    WrongInputError
        If it would lead elsewhere.
    """
    if wrong := wrong_file_name(name):
        raise WrongInputError(f"{name!r} was to be part of a file name, but {wrong}: rename the movie or the class.")
    return name


def require_absent(folder: Path, names: Iterable[str], overwrite: bool, instead: str = "specify another --out") -> None:
    """Refuse to write files of these names into a folder if one of them exists, or they cannot be written.

    `instead` is what to do if the folder cannot be used.

    Raises
    ------
    WrongInputError
        Naming the file that would be overwritten or cannot be written, or the folder that cannot be written to.
    """
    recover(folder)
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
                    f"{folder / name} exists and would be overwritten: specify another --out, or --overwrite to replace the "
                    "results."
                )
        with new_files(folder, ()) as partial:
            if longest is not None:
                (partial / longest).touch()
                (partial / longest).unlink()
    except OSError as problem:
        if problem.errno in TOO_LONG:
            raise WrongInputError(
                f"{folder / (longest or '')} is too long a name for this disk: shorten the movie's or the folder's name."
            ) from problem
        raise WrongInputError(f"results cannot be written to {folder} ({problem.strerror}): {instead}.") from problem


@contextmanager
def new_files(folder: Path, replaced: Iterable[str]) -> Iterator[Path]:
    """Yield a temporary folder whose files are moved to `folder` at the end, all of them, or none if the block raises.

    Files of an earlier run that are named in `replaced` and not written again are deleted. Folders that do not exist
    are made only if there is something to write.
    """
    with Change() as change:
        yield change.add(folder, replaced)
