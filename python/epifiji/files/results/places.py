"""The result folder that is meant by its path, or by the path of one of its files."""

from __future__ import annotations

from pathlib import Path


def folder_of(place: Path) -> Path:
    """Return the result folder for a path of the folder, or of a file in it."""
    return place if place.is_dir() else place.parent
