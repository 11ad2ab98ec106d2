"""Lists of the files in a user's folder."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.zarr_store import is_zarr


def visible_files(folder: Path, form: str) -> list[Path]:
    """List a folder's files and Zarr folders by name, without hidden ones.

    Parameters
    ----------
    form
        What the folder is to contain, for the message.

    Raises
    ------
    WrongInputError
        If the folder cannot be read.
    """
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and (p.is_file() or is_zarr(p)))
    except OSError as problem:
        raise WrongInputError(
            f"{folder} cannot be read ({problem.strerror or problem}), but a folder is needed that contains {form}: "
            "check your permission."
        ) from problem
