"""Taking what is wanted out of a zip that comes from a stranger: a network's files, or ROIs."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from epifiji.data.errors import WrongInputError
from epifiji.files.journals import settle

LARGEST_FILE_BYTES = 200_000_000
MOST_ENTRIES = 10_000

LARGEST_ROI_BYTES = 50_000_000
LARGEST_ROIS_BYTES = 1_000_000_000
MOST_ROIS = 1_000_000
"""What is read of ROIs, at most: one ROI, all of them, and how many. A point takes about 160 bytes."""

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, struct.error)
"""What Python raises on zips that are broken, encrypted (RuntimeError) or packed in a way it does not know."""


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
    except WrongInputError:
        raise
    except (*ZIP_ERRORS, OSError) as problem:
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


def roi_entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give name (without extension) and bytes of each ROI in a zip, or of a single ``.roi`` file, within the limits above.

    Raises
    ------
    WrongInputError
        Where the file is missing, too large or neither, or an entry cannot be unpacked; its bytes are not looked at.
    """
    settle(path.parent)
    archive = _opened(path)
    if archive is None:
        with path.open("rb") as file:
            yield path.stem, _limited(file.read(LARGEST_ROI_BYTES + 1), path.name)
        return
    with archive:
        for info in _roi_entries(archive, path):
            yield Path(info.filename).stem, _unpacked(archive, info, path)


def _opened(path: Path) -> zipfile.ZipFile | None:
    """Open a zip; None for a file that is none."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                return None
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise WrongInputError(f"{path} does not exist, but a ROI zip or .roi file is needed: check the path.") from None
    except OSError as error:
        raise WrongInputError(
            f"{path} cannot be read ({error.strerror or error}), but a ROI zip or .roi file is needed: check the path."
        ) from None
    except ZIP_ERRORS as error:
        raise WrongInputError(
            f"{path.name} is a broken zip ({error}), but a zip of ImageJ ROIs is needed: save the ROIs again."
        ) from None


def _roi_entries(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Entries that claim to be ROIs, where they are not too many or too large."""
    everything = [info for info in archive.infolist() if not info.filename.endswith("/")]
    # "._name.roi" is what macOS adds to a zip beside name.roi: a file's attributes, no ROI.
    rois = [
        info
        for info in everything
        if info.filename.lower().endswith(".roi") and not Path(info.filename).name.startswith("._")
    ]
    if everything and not rois:
        raise WrongInputError(
            f"{path.name} is a zip without ROIs (it holds {everything[0].filename!r}), but files ending in .roi are "
            "needed: save the ROIs in ImageJ's ROI Manager with More > Save."
        )
    size = sum(info.file_size for info in rois)
    if len(rois) > MOST_ROIS or size > LARGEST_ROIS_BYTES:
        raise WrongInputError(
            f"{path.name} holds {len(rois)} ROIs of {size} bytes, but at most {MOST_ROIS} of {LARGEST_ROIS_BYTES} bytes "
            "in all are read: split it."
        )
    return rois


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """Bytes of one entry, read in memory up to the limit whatever size it claims."""
    where = f"{path.name}, entry {info.filename}"
    try:
        with archive.open(info) as file:
            data = file.read(LARGEST_ROI_BYTES + 1)
    except (*ZIP_ERRORS, OSError) as error:
        raise WrongInputError(
            f"{where}, cannot be unpacked ({error}), but an ImageJ ROI is needed: save the ROIs again."
        ) from None
    return _limited(data, where)


def _limited(data: bytes, where: str) -> bytes:
    if len(data) > LARGEST_ROI_BYTES:
        raise WrongInputError(
            f"{where} has more than {LARGEST_ROI_BYTES} bytes, but a ROI has a few hundred: give a file of ImageJ ROIs."
        )
    return data
