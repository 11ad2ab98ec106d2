"""Folders that contain several networks: listing them, and how to import one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

DEEPEST = 4
MOST_FOLDERS = 1_000
"""Largest depth of folders that is searched."""

NAMES_SHOWN = 4


def sub_folders(folder: Path) -> list[Path]:
    """List the folders in a folder by name, without hidden ones and those that macOS adds to zips."""
    return sorted(
        child
        for child in folder.iterdir()
        if child.is_dir() and not child.name.startswith(".") and child.name != "__MACOSX"
    )


def folders_with(folder: Path, *files: str) -> list[Path]:
    """Find the folders inside a folder that contain one of some files; such folders are not searched further."""
    found: list[Path] = []
    for looked, (place, below, names) in enumerate(os.walk(folder), start=1):
        here = Path(place)
        if here != folder and any(name in names for name in files):
            found.append(here)
            below.clear()
        below[:] = sorted(name for name in below if not name.startswith("."))
        if looked > MOST_FOLDERS or len(here.relative_to(folder).parts) >= DEEPEST:
            below.clear()
    return sorted(found)


def how_to_take_one(source: Path, found: Sequence[Path]) -> str:
    """Describe how to import the networks at these places, relative to a folder or zip."""
    if source.is_dir():
        first = f"'epifiji networks import {source / found[0]}'"
        return f"import each network by itself, as in {first}" if len(found) > 1 else f"import that one, with {first}"
    return f"unpack the zip and import {'each network by itself' if len(found) > 1 else 'that one'}"


def listed_names(names: Iterable[Path | str]) -> str:
    """List some places."""
    every = [str(name) for name in names]
    more = f" and {len(every) - NAMES_SHOWN} more" if len(every) > NAMES_SHOWN else ""
    return ", ".join(every[:NAMES_SHOWN]) + more
