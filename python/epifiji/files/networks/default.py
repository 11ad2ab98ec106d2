"""The default network: EpiFiji's own, or the user's choice."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.own_folders import NoHomeError, config_folder
from epifiji.data.user_choice import LARGEST_BYTES, choice_in, written_choice
from epifiji.files.storage.archives import read_limited
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import recover

SHIPPED = "epinet"
"""The network for events that EpiFiji includes."""

SHIPPED_FOR_CELLS = "epicells"
"""The network for cells that EpiFiji includes."""

KEY = "default_network"
RESET = "run 'epifiji networks default --reset'"


def choice_file() -> Path:
    """Return the file of the choice in the user's configuration; it may not exist.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return config_folder() / "networks.json"


def default_name() -> str:
    """Return the name of the default network.

    Raises
    ------
    WrongInputError
        If there is a choice that cannot be read.
    """
    try:
        file = choice_file()
        recover(file.parent)
        if not file.exists():
            return SHIPPED
    except (NoHomeError, PermissionError):
        # A folder that this user may not enter contains no choice of this user.
        return SHIPPED
    content = read_limited(file, LARGEST_BYTES, "the choice of a network")
    return choice_in(content, file, KEY, "the name of a network, as expected for a chosen default", RESET)


def choose_default(name: str) -> None:
    """Store a network's name as the user's choice; choosing EpiFiji's own removes the file."""
    file = choice_file()
    if name == SHIPPED:
        file.unlink(missing_ok=True)
        return
    with replacing(file) as part:
        part.write_text(written_choice(KEY, name), encoding="utf-8")
