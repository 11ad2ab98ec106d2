"""Zarr folders: their paths, files and descriptions. Nothing here needs the zarr package."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.frames import readable

ZARR_PATH = re.compile(r"(?P<folder>.+?\.zarr)(?:(?::|[/\\])(?P<inside>.*))?", re.IGNORECASE | re.DOTALL)
OTHER_FILE = re.compile(r"\.(?:tiff?|btf|tf8|lsm|stk|ims|png|jpe?g|csv|json|zip)$", re.IGNORECASE)
"""Files that a path leads to although one of its folders is called like a Zarr folder."""

DESCRIPTIONS = ("zarr.json", ".zarray", ".zgroup")
"""Files of which a group or an array has one: version 3 of the format, and version 2."""
ATTRIBUTES = ".zattrs"
LARGEST_DESCRIPTION = 2**24
"""Most bytes of a description."""
NOT_OF_THE_STORE = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that file managers put into folders."""


def split_zarr_path(path: str | Path) -> tuple[Path, str | None] | None:
    """Split ``movie.zarr/0`` or ``movie.zarr:/0`` into the folder and the array or group in it; None for other paths.

    The second part is None for the whole folder.
    """
    match = ZARR_PATH.fullmatch(str(path))
    if match is None:
        return None
    inside = (match["inside"] or "").replace("\\", "/").strip("/")
    if OTHER_FILE.search(inside):
        return None
    return Path(match["folder"]), inside or None


def is_zarr(path: str | Path) -> bool:
    """Return whether a path is that of a folder in the Zarr format, or of an array or a group in one."""
    split = split_zarr_path(path)
    # Unlike pathlib's, these are False also if a folder on the way may not be entered.
    if split is not None:
        return os.path.isdir(split[0])  # noqa: PTH112
    return any(os.path.isfile(os.path.join(path, name)) for name in DESCRIPTIONS)  # noqa: PTH113, PTH118


def readable_store(folder: Path) -> AbstractContextManager[None]:
    """Report any error while a Zarr folder is read in one sentence; see :func:`epifiji.files.movies.frames.readable`."""
    return readable(folder, "a Zarr folder", "copy the whole folder again")


def store_files(folder: Path) -> Iterator[Path]:
    """Yield all files of a Zarr folder, in the order of their names."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name not in NOT_OF_THE_STORE and not name.startswith("._"):
                yield Path(place, name)


@dataclass(frozen=True)
class Node:
    """An array or a group in a Zarr folder.

    Parameters
    ----------
    inside
        Its path in the folder, with ``/``; empty for the folder itself.
    version
        Version of the format, 2 or 3.
    array
        Description of the array as the file has it; None for a group.
    attributes
        What else the writer recorded.
    """

    inside: str
    version: Literal[2, 3]
    array: Mapping[str, Any] | None
    attributes: Mapping[str, Any]

    @property
    def ome(self) -> Mapping[str, Any]:
        """The metadata of OME-NGFF: those of 0.5 have a level of their own, those of 0.4 do not."""
        ome = self.attributes.get("ome")
        return ome if isinstance(ome, dict) else self.attributes

    @property
    def images(self) -> list[Mapping[str, Any]]:
        """The images (`multiscales`) that a group of OME-NGFF describes."""
        found = self.ome.get("multiscales")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def read_node(folder: Path, inside: str = "") -> Node | None:
    """Read the description of an array or a group; None if there is none at this place.

    Raises
    ------
    WrongInputError
        If the path or a link leads out of the folder, or the description is damaged.
    """
    place = place_in(folder, inside)
    kind = next((name for name in DESCRIPTIONS if (place / name).is_file()), None)
    if kind is None:
        return None
    read = _read_json(folder, place / kind)
    if kind == "zarr.json":
        attributes = read.get("attributes")
        array = read if read.get("node_type") == "array" else None
        return Node(inside, 3, array, attributes if isinstance(attributes, dict) else {})
    attributes = _read_json(folder, place / ATTRIBUTES) if (place / ATTRIBUTES).is_file() else {}
    return Node(inside, 2, read if kind == ".zarray" else None, attributes)


def place_in(folder: Path, inside: str) -> Path:
    """Return the place of a path within a Zarr folder.

    Raises
    ------
    WrongInputError
        If it leads out of the folder.
    """
    parts = PurePosixPath(inside).parts
    if ".." in parts or inside.startswith("/") or "\\" in inside or ":" in inside:
        raise WrongInputError(
            f"{folder} names the array {inside!r}, which would be outside of the folder, but all parts of a Zarr folder are in "
            "it: ask for another copy."
        )
    place = folder.joinpath(*parts)
    require_within(folder, place)
    return place


def require_within(folder: Path, place: Path) -> None:
    """Refuse a place that a link leads out of a Zarr folder."""
    own = os.path.realpath(folder)
    if os.path.commonpath((own, os.path.realpath(place))) != own:
        raise WrongInputError(
            f"{place} is a link that leads out of {folder}, but all parts of a Zarr folder are in it: copy the files "
            "themselves instead of links."
        )


def _read_json(folder: Path, file: Path) -> dict[str, Any]:
    require_within(folder, file)
    if file.stat().st_size > LARGEST_DESCRIPTION:
        raise WrongInputError(
            f"{file} has {file.stat().st_size} bytes, but a description has at most {LARGEST_DESCRIPTION}: write the movie again."
        )
    try:
        read = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as problem:
        raise WrongInputError(
            f"{file} is damaged ({problem}), but a description in JSON is needed: copy the whole folder again."
        ) from problem
    if not isinstance(read, dict):
        raise WrongInputError(
            f"{file} contains no description, but one in JSON is needed: copy the whole folder again."
        )
    return read


def nodes_below(folder: Path, most: int) -> Iterator[Node]:
    """Yield the images and arrays in a Zarr folder, except for labels: at most `most` groups are searched."""
    waiting = [""]
    for _ in range(most):
        if not waiting:
            return
        inside = waiting.pop(0)
        node = read_node(folder, inside)
        if node is not None and (node.array is not None or node.images):
            if "image-label" not in node.ome:
                yield node
            continue
        place = place_in(folder, inside)
        names = sorted(entry.name for entry in os.scandir(place) if entry.is_dir() and entry.name != "labels")
        waiting += [f"{inside}/{name}" if inside else name for name in names]
