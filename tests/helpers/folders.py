"""What lies in a folder, as tests compare it."""

from __future__ import annotations

from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())
