"""Taking known files out of a zip that comes from a stranger."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from epifiji.data.errors import WrongInputError

LARGEST_FILE_BYTES = 200_000_000
MOST_ENTRIES = 10_000


def unpack(path: Path, target: Path, wanted: Iterable[str]) -> Path:
    """Unpack the files that have, or end with ``/`` and, one of the wanted names; nothing else of the zip is written.

    Returns
    -------
    The folder that holds them: `target`, or the only folder in it, however deep.

    Raises
    ------
    WrongInputError
        Where the file is no zip or broken, an entry would leave `target` or is a link, or one is too large.
    """
    wanted = tuple(wanted)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            for entry in entries:
                _refuse_unsafe(path, entry, len(entries))
            for entry in entries:
                if any(f"/{entry.filename}".endswith(f"/{name}") for name in wanted):
                    place = target.joinpath(*PurePosixPath(entry.filename).parts)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, place.open("wb") as copy:
                        shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as problem:
        raise WrongInputError(f"{path} cannot be read as a zip ({problem}): download it again.") from problem
    folder = target
    while len(children := list(folder.iterdir())) == 1 and children[0].is_dir():
        folder = children[0]
    return folder


def _refuse_unsafe(path: Path, entry: zipfile.ZipInfo, count: int) -> None:
    """Refuse an entry that would leave its folder, is a link, or is far larger than what we read."""
    name = entry.filename.replace("\\", "/")
    leaves = name.startswith("/") or ".." in PurePosixPath(name).parts or re.match(r"^[A-Za-z]:", name)
    if leaves or stat.S_ISLNK(entry.external_attr >> 16):
        raise WrongInputError(
            f"{path} holds the entry {entry.filename!r}, which leads outside the folder it is unpacked to: "
            "do not use this file; get it from its authors again."
        )
    if entry.file_size > LARGEST_FILE_BYTES or count > MOST_ENTRIES:
        raise WrongInputError(
            f"{path} holds {count} entries, one of {entry.file_size} bytes, but at most {MOST_ENTRIES} entries of "
            f"{LARGEST_FILE_BYTES} bytes are expected: get it from its authors again."
        )
