"""Folders that look like a Java."""

from __future__ import annotations

from pathlib import Path


def java_folder(folder: Path, **release: str) -> Path:
    """Make what looks like a Java, as far as its file ``release`` and its library go."""
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "release").write_text("".join(f'{name}="{value}"\n' for name, value in release.items()))
    return folder
