"""The folders of this user in which EpiFiji keeps what it fetches, imports and remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from epifiji.data.errors import WrongInputError


class NoHomeError(WrongInputError):
    """Raised where the user has no home folder, and so no place for what belongs to the user alone."""


def data_folder() -> Path:
    """Give the folder for imported networks and the embedded ImageJ; it may not exist yet.

    Raises
    ------
    NoHomeError
        Where the user has no home folder.
    """
    return _folder("data", "XDG_DATA_HOME")


def cache_folder() -> Path:
    """Give the folder for what can be fetched or computed again; it may not exist yet.

    Raises
    ------
    NoHomeError
        Where the user has no home folder.
    """
    return _folder("cache", "XDG_CACHE_HOME")


def config_folder() -> Path:
    """Give the folder for what the user chose; it may not exist yet.

    Raises
    ------
    NoHomeError
        Where the user has no home folder.
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
    # Older versions of platformdirs give a folder with the name ~ in the working folder.
    if not folder.is_absolute():
        raise NoHomeError(
            f"this user has no home folder, but EpiFiji needs a place of its own for this: set HOME or {variable} to a folder "
            "where this user may write."
        )
    return folder
