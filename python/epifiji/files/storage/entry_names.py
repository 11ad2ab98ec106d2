"""Names of a zip's entries: which are valid file names on every system, and which would be written outside the folder."""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterable

from epifiji.data.errors import WrongInputError
from epifiji.data.names import is_device

DEEPEST = 20
LONGEST_NAME = 200
"""Limits for entries that are unpacked: nested folders, and letters of the whole path."""

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
"""Characters that Windows allows in no name; a colon also begins a drive or a hidden stream of a file."""


def path_of(entry: zipfile.ZipInfo) -> str:
    """Return an entry's path with ``/`` between its parts, on every system."""
    return entry.orig_filename.replace("\\", "/")


def shown(name: str) -> str:
    """Format a name from an untrusted source so that it fits into a sentence."""
    return name if name.isprintable() and len(name) <= LONGEST_NAME else repr(name[:LONGEST_NAME])


def places_of_entries(entries: Iterable[zipfile.ZipInfo], name: str) -> dict[zipfile.ZipInfo, tuple[str, ...]]:
    """Return the parts of each entry's path, after checking that every system can write all of them as different files.

    Raises
    ------
    WrongInputError
        If a name is invalid on some system, two entries are the same file on some system, or one lies inside a file.
    """
    places: dict[zipfile.ZipInfo, tuple[str, ...]] = {}
    seen: dict[tuple[str, ...], str] = {}
    for entry in entries:
        path = path_of(entry)
        parts = tuple(path.split("/"))
        wrong = next((part for part in parts if not portable(part)), None)
        if wrong is not None or len(parts) > DEEPEST or len(path) > LONGEST_NAME:
            what = f"the name {shown(wrong)!r}" if wrong is not None else "a path too long or too deep"
            raise WrongInputError(
                f"{name} contains the entry {shown(path)!r} with {what}, which not every system can write: rename it "
                "and make the zip again, or get it from its authors again."
            )
        same = tuple(unicodedata.normalize("NFC", unicodedata.normalize("NFKC", part).casefold()) for part in parts)
        if same in seen:
            raise WrongInputError(
                f"{name} contains {shown(seen[same])!r} and {shown(path)!r}, which are the same file on some systems: get it "
                "from its authors again."
            )
        seen[same] = path
        places[entry] = parts
    inner = next((whole for whole in seen for length in range(1, len(whole)) if whole[:length] in seen), None)
    if inner is not None:
        raise WrongInputError(
            f"{name} contains {shown(seen[inner])!r} inside an entry that is a file: get it from its authors again."
        )
    return places


def portable(part: str) -> bool:
    """Return whether a part of a path is a valid and unambiguous file name on every system."""
    return (
        part not in ("", ".", "..")
        and not FORBIDDEN.search(part)
        and not is_device(part)
        and part[-1] not in ". "
        and part[0] != " "
        and part.isprintable()
    )


def require_inside(entries: Iterable[zipfile.ZipInfo], name: str) -> None:
    """Refuse entries that would leave their folder on any system, or are links: such a zip is not made by accident.

    Raises
    ------
    WrongInputError
        If there is such an entry; the message names it.
    """
    for entry in entries:
        path = path_of(entry)
        parts = path.split("/")
        leaves = path.startswith("/") or ".." in (part.strip(" ") for part in parts)
        streams = any(":" in part for part in parts) or "\x00" in path
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if leaves or streams or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise WrongInputError(
                f"{name} contains the entry {shown(path)!r}, which leads outside the folder it is unpacked to: "
                "do not use this file; get it from its authors again."
            )
