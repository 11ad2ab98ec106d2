"""The result folder that is meant by its path, or by the path of one of its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.paths import path_from


def folder_of(place: Path) -> Path:
    """Return the result folder for a path of the folder, or of a file in it."""
    return place if place.is_dir() else place.parent


def chosen_folder(
    name: str, folder: str | Path | None, out: str | Path | None, folder_for: Callable[[str, Path], Path]
) -> Path:
    """Return the folder of a result: the given one, or the one that ``folder_for(name, out)`` makes in `out`.

    Raises
    ------
    WrongInputError
        If both are given, or the one that is given is not a path.
    """
    if folder is not None and out is not None:
        raise WrongInputError("folder and out were both given, but results have one place: leave one of them out.")
    if out is not None:
        folder = folder_for(name, path_from(out, "the folder to write into"))
    return path_from(folder, "the folder to write into")
