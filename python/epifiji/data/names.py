"""Names that come from files and become parts of files' names: a movie's, a class's."""

from __future__ import annotations

from pathlib import PureWindowsPath

LONGEST_NAME = 240
"""Bytes; common disks take 255, and a class and an ending follow."""


def wrong_file_name(name: str) -> str:
    """Say why a text cannot be a file's name or the beginning of one; an empty text where it can.

    What passes stays in its folder on every system: it has no folder, no drive and no control character.
    """
    if name.strip() in ("", ".", ".."):
        return f"{name!r} names no file"
    wrong = next((letter for letter in name if letter in "/\\" or ord(letter) < 32 or ord(letter) == 127), None)
    if wrong is not None:
        return f"it has the character {wrong!r}, which separates folders or cannot be read"
    if PureWindowsPath(name).drive:
        return "it begins with a drive"
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        return "it is not made of Unicode characters"
    size = len(name.encode())
    return f"it has {size} bytes, more than {LONGEST_NAME}" if size > LONGEST_NAME else ""
