"""Folders that look like a Fiji, and their contents."""

from __future__ import annotations

from pathlib import Path


def make_fiji(folder: Path) -> Path:
    """Make the files that identify a Fiji folder, with a script and a macro of the user."""
    for name in ("plugins", "jars", "macros", "scripts/Plugins"):
        (folder / name).mkdir(parents=True)
    (folder / "jars" / "ij-1.54p.jar").write_bytes(b"")
    (folder / "macros" / "mine.ijm").write_text("// mine")
    (folder / "scripts" / "Plugins" / "Mine_.py").write_text("# mine")
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return the contents of a folder: a file's bytes, a link's target, None for a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        )
        for path in folder.rglob("*")
    }
