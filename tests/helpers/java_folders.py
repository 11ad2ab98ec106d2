"""Folders that look like a Java, and folders of downloaded files with the Java libraries in them."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.own_folders import cache_folder


def java_folder(folder: Path, **release: str) -> Path:
    """Make a folder that looks like a Java, with a file ``release`` and a library."""
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "release").write_text("".join(f'{name}="{value}"\n' for name, value in release.items()))
    return folder


def cache_with_libraries(folder: Path) -> Path:
    """Make a folder for ``XDG_CACHE_HOME`` in which the Java libraries are those of this process: none is downloaded."""
    (folder / "epifiji").mkdir(parents=True)
    (folder / "epifiji" / "java").symlink_to(cache_folder() / "java", target_is_directory=True)
    return folder
