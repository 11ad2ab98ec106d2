"""The files that are installed with EpiFiji's Python code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from epifiji.data.errors import WrongInputError


def resource_folder(name: str) -> Path:
    """Find a folder such as ``jars``: inside the installed package, or at the root of a source tree.

    Raises
    ------
    WrongInputError
        If the folder is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / name, package.parents[1] / name)
    for place in places:
        if place.is_dir():
            return place
    raise WrongInputError(
        f"EpiFiji's folder {name} is missing (looked for {places[0]}), but it comes with every installation: "
        "install EpiFiji again."
    )


def source_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder with their paths in it, sorted, without compiled and hidden ones."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        compiled = "__pycache__" in inside.parts or path.suffix in {".pyc", ".class"}
        if path.is_file() and not compiled and not any(part.startswith(".") for part in inside.parts):
            yield inside.as_posix(), path
