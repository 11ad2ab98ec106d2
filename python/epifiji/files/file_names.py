"""Names that files of results can have, here and where they are opened later."""

from __future__ import annotations

import os
import re

from epifiji.data.errors import WrongInputError

RESERVED = frozenset({"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}) | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}
"""What Windows takes for a device, whatever its extension."""

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]' if os.name == "nt" else r"[/\x00]")


def require_file_name(name: str) -> str:
    """Give a name back that a file of results can have, or begin with.

    Devices of Windows are refused everywhere, because results are opened on other computers. Characters that Windows alone
    forbids are refused there alone: elsewhere movies are often named after the time of day, with colons.

    Raises
    ------
    WrongInputError
        Saying what is wrong with it.
    """
    shown = name.encode("utf-8", "backslashreplace").decode()
    if shown != name:
        raise _refused(shown, "has bytes that are no letters in UTF-8, so tables and records cannot hold it")
    if len(name.splitlines()) > 1 or name != name.rstrip("\n\r"):
        raise _refused(repr(name), "has a line break, so tables and messages cannot show it")
    if found := FORBIDDEN.search(name):
        raise _refused(repr(name), f"has the character {found.group()!r}, which no file's name can have here")
    if name.split(".", maxsplit=1)[0].rstrip(" ").upper() in RESERVED:
        raise _refused(name, "is a name that Windows keeps for a device, so its results could not be opened there")
    return name


def _refused(name: str, why: str) -> WrongInputError:
    return WrongInputError(f"{name} {why}: give the movie or the class another name, then try again.")
