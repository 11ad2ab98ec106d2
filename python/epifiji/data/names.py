"""Names from files that become parts of file names: a movie's, a class's."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PureWindowsPath

LONGEST_NAME = 240
"""Bytes; common disks allow 255, and a class and an extension follow."""

DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}) | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789\u00b9\u00b2\u00b3"
}
"""Names that Windows treats as devices, with any extension."""


def wrong_file_name(name: str) -> str:
    """Return why a text cannot be a file name or the beginning of one; an empty text if it can.

    A valid name stays in its folder on every system: it has no folder, no drive and no control character. Devices of
    Windows are refused everywhere, because results are opened on other computers too. Characters that only Windows
    forbids are refused only there: elsewhere movies are often named after the time of day, with colons.
    """
    if name.strip() in ("", ".", ".."):
        return f"{name!r} is not a file name"
    wrong = next((letter for letter in name if letter in "/\\" or _is_control(letter)), None)
    if wrong is not None:
        return f"it has the character {wrong!r}, which separates folders or cannot be read"
    if refused := _wrong_on_windows(name):
        return refused
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        return "it does not consist of Unicode characters"
    size = len(name.encode())
    return f"it has {size} bytes, more than {LONGEST_NAME}" if size > LONGEST_NAME else ""


def composed(name: str) -> str:
    """Return a name in Unicode's composed form, in which names are compared: macOS may store accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def is_device(name: str) -> bool:
    """Return whether a name means a device on Windows, with any extension."""
    return name.split(".", maxsplit=1)[0].strip().upper() in DEVICES


def _is_control(letter: str) -> bool:
    """Return whether a character is a control character, such as a line end."""
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")


def _wrong_on_windows(name: str) -> str:
    if os.name == "nt" and (forbidden := set(name) & set('<>:"|?*')):
        return f"it has the character {min(forbidden)!r}, which Windows forbids"
    if is_device(name):
        return "Windows reserves that name for a device"
    return "it begins with a drive" if PureWindowsPath(name).drive else ""
