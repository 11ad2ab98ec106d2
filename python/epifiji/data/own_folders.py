"""The user's folders for data that EpiFiji downloads, imports and stores."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from epifiji.data.errors import WrongInputError


class NoHomeError(WrongInputError):
    """Raised if the user has no home folder, and so no place for the user's own files."""


def data_folder() -> Path:
    """Return the folder for imported networks and the embedded ImageJ; it may not exist yet.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return _folder("data", "XDG_DATA_HOME")


def cache_folder() -> Path:
    """Return the folder for files that can be downloaded or computed again; it may not exist yet.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return _folder("cache", "XDG_CACHE_HOME")


def config_folder() -> Path:
    """Return the folder for the user's choices; it may not exist yet.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return _folder("config", "XDG_CONFIG_HOME")


def _folder(kind: Literal["data", "cache", "config"], variable: str) -> Path:
    import platformdirs

    find = {
        "data": platformdirs.user_data_path,
        "cache": platformdirs.user_cache_path,
        "config": platformdirs.user_config_path,
    }[kind]
    try:
        folder = Path(find("epifiji", appauthor=False))
    except RuntimeError:
        folder = Path("~")
    # Older versions of platformdirs return a folder with the name ~ in the working folder.
    if not folder.is_absolute():
        raise NoHomeError(
            f"this user has no home folder, but EpiFiji needs a place of its own for this: set HOME or {variable} to a folder "
            "where this user may write."
        )
    return folder
