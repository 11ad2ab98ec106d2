"""Folders that look like a Java."""

from __future__ import annotations

from pathlib import Path


def java_folder(folder: Path, **release: str) -> Path:
    """Make a folder that looks like a Java, with a file ``release`` and a library."""
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "release").write_text("".join(f'{name}="{value}"\n' for name, value in release.items()))
    return folder
