"""Destination of a network that is made from another one or from data: a free name in the user's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork
from epifiji.files.networks.store import available, user_folder
from epifiji.files.networks.zoo import require_name, require_room
from epifiji.files.storage.writable import require_absent


@dataclass(frozen=True)
class Target:
    """Destination of a new network.

    Parameters
    ----------
    name
        The network's.
    folder
        Its folder.
    out
        Folder of the files beside it, such as figures; None: the network's folder.
    overwrite
        Whether both may be replaced.
    """

    name: str
    folder: Path
    out: Path | None
    overwrite: bool


def target_for(
    name: str | None,
    suggested: str,
    out: Path | None,
    overwrite: bool,
    parent: AnyNetwork | None,
    files: Sequence[str],
) -> Target:
    """Find a free name for a new network in the user's folder of networks, or a name that may be replaced.

    Parameters
    ----------
    files
        Names of the files that will be written beside it, or into `out`.

    Raises
    ------
    WrongInputError
        If the name is taken, in particular by the parent, which is never replaced; or a file would be overwritten.
    """
    chosen = require_name(name) if name else _free(_cleaned(suggested))
    folder = user_folder() / chosen
    taken = {known: path for known, path in available() if path.resolve() != folder.resolve()}
    if parent is not None and (
        chosen == parent.description.name or folder.resolve() == Path(parent.source or ".").resolve()
    ):
        raise WrongInputError(
            f"the new network was to have the name {chosen!r} of the one that it begins with, which is never replaced: give "
            "another --name."
        )
    if chosen in taken:
        raise WrongInputError(f"there is a network {chosen!r} already in {taken[chosen].parent}: give another --name.")
    if folder.exists() and not overwrite:
        raise WrongInputError(
            f"there is a network {chosen!r} already: give another --name, or --overwrite to replace it."
        )
    require_room(chosen)
    if out is not None:
        require_absent(out, files, overwrite)
    return Target(chosen, folder, out, overwrite)


def _cleaned(text: str) -> str:
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in text)
    return kept.strip("_-") or "trained"


def _free(name: str) -> str:
    known = {known for known, _ in available()}
    tried, number = name, 1
    while tried in known or (user_folder() / tried).exists():
        number += 1
        tried = f"{name}_{number}"
    return tried
