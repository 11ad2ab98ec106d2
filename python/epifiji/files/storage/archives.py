"""Reading zips from untrusted sources: a network's files, arrays, or ROIs.

All zips are read here. What a zip declares about itself is checked first, and the bytes actually read are counted. So a
small file can fill neither the memory nor the disk, and nothing is written outside the target folder, on any system.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.entry_names import path_of, places_of_entries, require_inside, shown
from epifiji.files.storage.journals import recover

LARGEST_SUM_BYTES = 200_000_000
"""Limit for all entries of a network's zip, or of a file of arrays, together."""

MOST_ENTRIES = 10_000

MOST_DATASET_FILES = 200_000

LARGEST_ROI_BYTES = 20_000_000
LARGEST_ROIS_BYTES = 200_000_000
MOST_ROIS = 1_000_000
"""Limits for ROIs: bytes of one ROI, bytes of all of them, and their number. A point takes about 160 bytes."""

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error, LookupError)
"""Exceptions that Python raises on zips that are broken or encrypted (RuntimeError)."""

PACKED = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
"""Accepted compression methods: the others are rare, and one of them may need gigabytes of memory."""

ENTRY_SIGNATURE = b"PK\x01\x02"
LOCAL_HEADER_BYTES = 30
ENCRYPTED = 0x1
PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of a zip, and the messages for zips that exceed them.

    Parameters
    ----------
    things
        Name of its entries.
    broken, broken_entry
        Message that it cannot be read, with placeholders for the name of the `file`, that of the `entry`, and the
        `reason`.
    do, split
        What to do if it is broken, and if it is too large.
    entries, entry_bytes, total_bytes
        Largest number of entries, largest unpacked size of one, and of all of them together.
    """

    things: str
    broken: str
    broken_entry: str
    do: str
    split: str
    entries: int
    entry_bytes: int
    total_bytes: int


def network_limits() -> Limits:
    """Return the limits of a network's zip."""
    broken, do = "{file} cannot be read as a zip", "download it again"
    whole, part = f"{broken} ({{reason}})", f"{broken} (entry {{entry}}: {{reason}})"
    return Limits("entries", whole, part, do, do, MOST_ENTRIES, LARGEST_SUM_BYTES, LARGEST_SUM_BYTES)


def roi_limits() -> Limits:
    """Return the limits of a ROI zip."""
    whole = "{file} is a broken zip ({reason}), but a zip of ImageJ ROIs is needed"
    part = "{file}, entry {entry}, cannot be unpacked ({reason}), but an ImageJ ROI is needed"
    do = "save the ROIs again"
    return Limits("ROIs", whole, part, do, "split it", MOST_ROIS, LARGEST_ROI_BYTES, LARGEST_ROIS_BYTES)


def dataset_limits(free_bytes: int) -> Limits:
    """Return the limits of a zip of a dataset, of which all may be unpacked that there is room for."""
    whole, part = "{file} cannot be read as a zip ({reason})", "{file}, entry {entry}, cannot be unpacked ({reason})"
    do = "unpack it with another program, or download it again"
    return Limits("files", whole, part, do, do, MOST_DATASET_FILES, free_bytes, free_bytes)


class Archive:
    """An open zip, and the number of bytes that may still be read from it."""

    def __init__(self, archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
        self._archive, self._name, self._limits = archive, name, limits
        self._left = limits.total_bytes
        self.everything = archive.infolist()
        self.entries = [entry for entry in self.everything if not path_of(entry).endswith("/")]

    def copy(self, entry: zipfile.ZipInfo, target: IO[bytes]) -> None:
        """Unpack an entry, piece by piece, within the limits.

        Raises
        ------
        WrongInputError
            If its compression method is unknown, it is broken, its size is not the declared one, or it exceeds the
            limits.
        """
        if entry.flag_bits & ENCRYPTED:
            raise self._broken(entry, "it is encrypted")
        if entry.compress_type not in PACKED:
            raise self._broken(entry, f"its compression method {entry.compress_type} is not supported")
        done, most = 0, min(self._left, self._limits.entry_bytes)
        for piece in self._pieces(entry, most + 1):
            done += len(piece)
            if done > most:
                raise _too_large(entry, self._name, self._limits)
            target.write(piece)
        self._left -= done
        if done != entry.file_size:
            raise self._broken(entry, f"its declared size is {entry.file_size} bytes, but it has {done}")

    def _pieces(self, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        """Yield an entry piece by piece, up to `most` bytes; errors of the consumer are not reported as errors of the zip."""
        try:
            with self._archive.open(entry) as source:
                while piece := source.read(min(PIECE_BYTES, most)):
                    most -= len(piece)
                    yield piece
        except (*ZIP_ERRORS, OSError) as problem:
            raise self._broken(entry, str(problem) or type(problem).__name__) from problem

    def read(self, entry: zipfile.ZipInfo) -> bytes:
        """Unpack an entry in memory; see :meth:`copy`."""
        data = BytesIO()
        self.copy(entry, data)
        return data.getvalue()

    def _broken(self, entry: zipfile.ZipInfo, reason: str) -> WrongInputError:
        said = self._limits.broken_entry.format(file=self._name, entry=shown(path_of(entry)), reason=reason)
        return WrongInputError(f"{said}: {self._limits.do}.")


@contextmanager
def opened(source: Path | bytes, name: str, limits: Limits) -> Iterator[Archive]:
    """Open a zip whose declared entries are not too large, stay inside their folder and do not overlap.

    Parameters
    ----------
    source
        Its file, or its bytes.
    name
        Its name in messages.

    Raises
    ------
    WrongInputError
        If it is broken, or declares entries that are refused.
    OSError
        If the file cannot be read.
    """
    if isinstance(source, Path):
        require_ordinary(source)
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        _require_few_entries(file, name, limits)
        try:
            archive = zipfile.ZipFile(file)
        except (*ZIP_ERRORS, OSError) as problem:
            said = limits.broken.format(file=name, reason=problem)
            raise WrongInputError(f"{said}: {limits.do}.") from problem
        with archive:
            _require_small(archive, name, limits)
            _require_apart(archive, name, limits)
            yield Archive(archive, name, limits)


def require_ordinary(path: Path) -> None:
    """Refuse a pipe or a device, from which reading may never end; a missing file or a folder is refused by its reader.

    Raises
    ------
    WrongInputError
        If it is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise WrongInputError(f"{path} is a pipe or a device, but a file is needed: save its content as a file.")


def read_limited(path: Path, most: int, what: str) -> bytes:
    """Read a file from an untrusted source.

    Raises
    ------
    WrongInputError
        If it is not a file, cannot be read, or is larger than `most` bytes.
    """
    try:
        if not path.is_file():
            raise WrongInputError(f"{path} is not a file, but {what} is needed: get it from its authors again.")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as problem:
        raise WrongInputError(
            f"{path} cannot be read ({problem.strerror or problem}), but {what} is needed: check your permission."
        ) from problem
    if len(data) > most:
        raise WrongInputError(
            f"{path} has more than {most} bytes, but {what} has fewer: get it from its authors again."
        )
    return data


def names_in(path: Path) -> list[str]:
    """List the paths of the files in a network's zip; see :func:`opened`."""
    with _network_zip(path) as archive:
        return [path_of(entry) for entry in archive.entries]


def unpack(path: Path, target: Path, wanted: Iterable[str]) -> Path:
    """Unpack only those files of a network's zip whose path is, or ends with ``/`` and, one of the wanted names.

    Returns
    -------
    The folder that contains them: `target`, or the only folder in it, at any depth.

    Raises
    ------
    WrongInputError
        If the file is not a zip or broken, an entry would leave `target`, is a link or has a name that some system
        treats as another file's, or the entries are too many or too large together.
    """
    wanted = tuple(wanted)
    with _network_zip(path) as archive:
        taken = [
            entry for entry in archive.entries if f"/{path_of(entry)}".endswith(tuple(f"/{name}" for name in wanted))
        ]
        _write(archive, taken, path.name, target)
    folder = target
    while len(children := list(folder.iterdir())) == 1 and children[0].is_dir():
        folder = children[0]
    return folder


def unpack_whole(path: Path, target: Path, limits: Limits) -> None:
    """Unpack all files of a zip into a new folder.

    Files that macOS adds beside others for their attributes are left out.

    Raises
    ------
    WrongInputError
        As :func:`unpack`.
    """
    with opened(path, str(path), limits) as archive:
        require_inside(archive.everything, str(path))
        taken = [entry for entry in archive.entries if not path_of(entry).startswith("__MACOSX/")]
        target.mkdir(parents=True)
        _write(archive, taken, path.name, target)


def _write(archive: Archive, entries: Iterable[zipfile.ZipInfo], name: str, target: Path) -> None:
    """Write entries of a zip of a name into a folder."""
    for entry, parts in places_of_entries(entries, name).items():
        place = target.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as copy:
            archive.copy(entry, copy)


@contextmanager
def _network_zip(path: Path) -> Iterator[Archive]:
    limits = network_limits()
    require_ordinary(path)
    try:
        with path.open("rb"):
            pass
    except OSError as problem:
        raise WrongInputError(
            f"{path} cannot be read as a zip ({problem.strerror or problem}): {limits.do}."
        ) from problem
    with opened(path, str(path), limits) as archive:
        require_inside(archive.everything, str(path))
        yield archive


def _require_few_entries(file: IO[bytes], name: str, limits: Limits) -> None:
    """Refuse a zip with too many entries before Python lists them, which takes half a kilobyte of memory for each."""
    found, end = 0, b""
    while piece := file.read(PIECE_BYTES):
        found += (end + piece).count(ENTRY_SIGNATURE)
        # Keep only the last bytes, so that no signature is counted twice.
        end = piece[-3:]
        # An uncompressed zip inside this zip has entries of its own.
        if found > limits.entries + MOST_ENTRIES:
            raise WrongInputError(
                f"{name} contains more than {limits.entries} {limits.things}, but no more are read: {limits.split}."
            )
    file.seek(0)


def _require_small(archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
    """Refuse entries whose declared number or size is too large."""
    entries = archive.infolist()
    largest = max(entries, key=lambda entry: entry.file_size, default=None)
    total = sum(entry.file_size for entry in entries)
    if largest is not None and (len(entries) > limits.entries or total > limits.total_bytes):
        one = f", one of {largest.file_size} bytes" if largest.file_size > limits.entry_bytes else ""
        raise WrongInputError(
            f"{name} contains {len(entries)} {limits.things} of {total} bytes{one}, but at most {limits.entries} of "
            f"{limits.total_bytes} bytes in all are read: {limits.split}."
        )
    if largest is not None and largest.file_size > limits.entry_bytes:
        raise _too_large(largest, name, limits)


def _require_apart(archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
    """Refuse entries that share bytes: that is how a small zip unpacks to far more than compression can achieve."""
    end = archive.start_dir
    for entry in sorted(archive.infolist(), key=lambda entry: -entry.header_offset):
        if entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size > end:
            raise WrongInputError(
                f"{name} contains the entry {shown(path_of(entry))!r}, which overlaps another, so it is broken or malicious: "
                f"{limits.do}."
            )
        end = entry.header_offset


def _too_large(entry: zipfile.ZipInfo, name: str, limits: Limits) -> WrongInputError:
    return WrongInputError(
        f"{name}, entry {shown(path_of(entry))} has more than {limits.entry_bytes} bytes, or all {limits.things} together "
        f"more than {limits.total_bytes}, but no more are read: {limits.split}."
    )


def roi_entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name (without extension) and bytes of each ROI in a zip, or of a single ``.roi`` file, within the limits above.

    Raises
    ------
    WrongInputError
        If the file is missing, too large or neither, or an entry cannot be unpacked. The content of ROIs is not
        checked.
    """
    recover(path.parent)
    limits = roi_limits()
    require_ordinary(path)
    try:
        with path.open("rb") as file:
            single = not zipfile.is_zipfile(file)
            file.seek(0)
            data = file.read(LARGEST_ROI_BYTES + 1) if single else b""
    except FileNotFoundError:
        raise WrongInputError(f"{path} does not exist, but a ROI zip or .roi file is needed: check the path.") from None
    except OSError as error:
        raise WrongInputError(
            f"{path} cannot be read ({error.strerror or error}), but a ROI zip or .roi file is needed: check the path."
        ) from None
    if len(data) > LARGEST_ROI_BYTES:
        raise WrongInputError(
            f"{path.name} has more than {LARGEST_ROI_BYTES} bytes, but a ROI has a few hundred: use a file of ImageJ ROIs."
        )
    if single:
        yield path.stem, data
        return
    with opened(path, path.name, limits) as archive:
        for entry in _rois_of(archive, path):
            yield Path(path_of(entry)).stem, archive.read(entry)


def _rois_of(archive: Archive, path: Path) -> list[zipfile.ZipInfo]:
    """Return the entries that are ROIs by their names."""
    # "._name.roi" is what macOS adds to a zip next to name.roi: attributes of a file, not a ROI.
    rois = [
        entry
        for entry in archive.entries
        if path_of(entry).lower().endswith(".roi") and not Path(path_of(entry)).name.startswith("._")
    ]
    if archive.entries and not rois:
        raise WrongInputError(
            f"{path.name} is a zip without ROIs (it contains {shown(path_of(archive.entries[0]))!r}), but files ending in .roi "
            "are needed: save the ROIs in ImageJ's ROI Manager with More > Save."
        )
    return rois
