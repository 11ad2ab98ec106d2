"""Which folder is meant where a result is named by its folder, or by one of its files."""

from __future__ import annotations

from pathlib import Path


def folder_of(place: Path) -> Path:
    """Give the result folder that is named by itself, or by a file in it."""
    return place if place.is_dir() else place.parent
