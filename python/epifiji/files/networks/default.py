"""Which network is taken where none is named: EpiFiji's own, or the one that the user chose once."""

from __future__ import annotations

import json
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.own_folders import NoHomeError, config_folder
from epifiji.files.storage.archives import read_limited
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import recover

SHIPPED = "epinet"
"""The network that comes with EpiFiji."""

KEY = "default_network"
LARGEST_BYTES = 10_000
RESET = "run 'epifiji networks default --reset'"


def choice_file() -> Path:
    """Give the file in the user's configuration that holds the choice; it may not exist yet.

    Raises
    ------
    NoHomeError
        Where the user has no home folder.
    """
    return config_folder() / "networks.json"


def default_name() -> str:
    """Give the name of the network that is taken where none is named.

    Raises
    ------
    WrongInputError
        Where a choice was made and cannot be read.
    """
    try:
        file = choice_file()
        recover(file.parent)
        if not file.exists():
            return SHIPPED
    except (NoHomeError, PermissionError):
        # A folder that this user may not enter holds no choice of this user's.
        return SHIPPED
    try:
        name = json.loads(read_limited(file, LARGEST_BYTES, "the choice of a network").decode("utf-8-sig"))[KEY]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        if isinstance(problem, WrongInputError):
            raise
        name = None
    if not isinstance(name, str):
        raise WrongInputError(f"{file} does not name a network, as it should where one was chosen: {RESET}.")
    return name


def choose_default(name: str) -> None:
    """Keep a network's name as the user's choice; EpiFiji's own is no choice, and leaves no file."""
    file = choice_file()
    if name == SHIPPED:
        file.unlink(missing_ok=True)
        return
    with replacing(file) as part:
        part.write_text(json.dumps({KEY: name}) + "\n", encoding="utf-8")
