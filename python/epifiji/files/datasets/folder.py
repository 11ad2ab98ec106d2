"""The folder of a dataset: its files as in the archive, its zips unpacked beside them, and a record of where they came from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from epifiji.data.datasets import Dataset
from epifiji.data.errors import WrongInputError
from epifiji.data.own_folders import data_folder
from epifiji.data.progress import PartReport, Report, silent
from epifiji.files.datasets.records import LARGEST_RECORD_BYTES, Record, RecordFile
from epifiji.files.storage.archives import dataset_limits, read_limited, unpack_whole
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.downloads import download_further, file_digest, part_of

RECORD_FILE = "dataset.json"
UNPACKING = ".unpacking"
SPARE_BYTES = 500_000_000
"""Space that must stay free on the disk."""


@dataclass(frozen=True)
class Fetched:
    """A dataset on this computer: its folder, its record, the files of it that are there, and sentences about the rest."""

    dataset: Dataset
    folder: Path
    record: Record
    files: tuple[Path, ...]
    notices: tuple[str, ...] = ()


def default_folder(dataset: Dataset) -> Path:
    """Return the folder of a dataset if the user chose none; it may not exist.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return data_folder() / "datasets" / dataset.name


def fetched_record(folder: Path) -> Record | None:
    """Return the record of the dataset in a folder; None if there is none.

    Raises
    ------
    WrongInputError
        If there is one that cannot be read.
    """
    file = folder / RECORD_FILE
    if not file.exists():
        return None
    try:
        known = json.loads(read_limited(file, LARGEST_RECORD_BYTES, "the record of a dataset").decode())
        files = tuple(RecordFile(**one) for one in known.pop("files"))
        return Record(**known, files=files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        if isinstance(problem, WrongInputError):
            raise
        raise WrongInputError(
            f"{file} is not the record of a dataset, as expected in this folder: remove it, or specify another folder."
        ) from problem


def fetch_files(
    dataset: Dataset,
    record: Record,
    folder: Path,
    only: Sequence[str] = (),
    largest_bytes: int | None = None,
    report: Report = silent,
) -> Fetched:
    """Download the files of a dataset that are not there yet, check all of them, and unpack the zips.

    An interrupted download continues when it is called again. A zip ``NAME.zip`` is unpacked into the folder ``NAME``.

    Parameters
    ----------
    folder
        A new or empty folder, or one that contains this dataset.
    only
        Patterns of names, such as ``*.zip``; files with other names are left out. Default: all.
    largest_bytes
        The most bytes that are downloaded.
    report
        Called with the progress; may raise to cancel.

    Raises
    ------
    WrongInputError
        If the folder contains something else, no file has such a name, the files are larger than `largest_bytes` or than the
        free space, or a file cannot be downloaded or unpacked.
    """
    chosen = [file for file in record.files if not only or any(fnmatchcase(file.name, one) for one in only)]
    if not chosen:
        names = ", ".join(file.name for file in record.files[:10])
        raise WrongInputError(f"no file of {dataset.name} is named {' or '.join(only)}: it contains {names}.")
    _require_same(dataset, record, folder)
    _require_size(dataset, chosen, folder, largest_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / RECORD_FILE) as new:
        new.write_text(json.dumps(record.to_dict(), indent=1))
    notices = []
    for number, file in enumerate(chosen):
        part = PartReport(report, number, len(chosen), f"{file.name}: ")
        place = folder / file.name
        if not _is_there(place, file):
            download_further(
                file.address, place, file.size, file.digest, file.algorithm, _instead(dataset, place), part
            )
        if place.suffix.lower() == ".zip":
            _unpack(place, part)
    left = [file.name for file in record.files if file not in chosen and not (folder / file.name).exists()]
    if left:
        notices.append(f"{len(left)} of {len(record.files)} files of {dataset.name} were left out.")
    return Fetched(dataset, folder, record, tuple(folder / file.name for file in chosen), tuple(notices))


def _instead(dataset: Dataset, place: Path) -> str:
    return (
        f"run the same command again later, or download {place.name} from https://doi.org/{dataset.doi} in a browser, put it "
        f"into {place.parent} and run the command again"
    )


def _require_same(dataset: Dataset, record: Record, folder: Path) -> None:
    """Refuse a folder with something else in it, and a record that changed."""
    known = fetched_record(folder)
    if known is None:
        others = [path.name for path in _visible(folder)]
        if others and not all(name in {file.name for file in record.files} for name in others):
            raise WrongInputError(
                f"{folder} contains {others[0]}, but a new or empty folder is needed for {dataset.name}: specify another one."
            )
        return
    before = {file.name: file.digest for file in known.files}
    if known.number != record.number or before != {file.name: file.digest for file in record.files}:
        raise WrongInputError(
            f"{folder} contains files of record {known.number} as it was, but the archive now describes other files in record "
            f"{record.number}: specify another folder."
        )


def _visible(folder: Path) -> Iterator[Path]:
    if folder.exists() and not folder.is_dir():
        raise WrongInputError(f"{folder} is a file, but a folder is needed: specify another one.")
    return (path for path in (sorted(folder.iterdir()) if folder.exists() else ()) if not path.name.startswith("."))


def _is_there(place: Path, file: RecordFile) -> bool:
    """Return whether a file is complete.

    Raises
    ------
    WrongInputError
        If another file has its name; it is not overwritten.
    """
    if not place.exists():
        return False
    if place.stat().st_size == file.size and file_digest(place, file.algorithm) == file.digest:
        return True
    raise WrongInputError(
        f"{place} differs from the file in the archive (its {file.algorithm} hash is not {file.digest}): remove or rename it, "
        "and run the same command again."
    )


def _require_size(dataset: Dataset, files: Sequence[RecordFile], folder: Path, largest: int | None) -> None:
    """Refuse more bytes than the user or the disk allows; zips need about their size again."""
    missing = 0
    for file in files:
        place = folder / file.name
        part = part_of(place)
        missing += 0 if place.exists() else file.size - min(file.size, part.stat().st_size if part.exists() else 0)
    if largest is not None and missing > largest:
        raise WrongInputError(
            f"{dataset.name} needs {missing / 1e9:.2f} GB more, but at most {largest / 1e9:.2f} GB were allowed: allow more, or "
            f"choose files, as in 'epifiji datasets fetch {dataset.name} --largest-gb 100 --only *.zip'."
        )
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    zips = sum(file.size for file in files if file.name.lower().endswith(".zip") and not _unpacked(folder / file.name))
    free = shutil.disk_usage(existing).free
    if missing + zips + SPARE_BYTES > free:
        raise WrongInputError(
            f"{dataset.name} needs about {(missing + zips + SPARE_BYTES) / 1e9:.2f} GB in {folder}, but {free / 1e9:.2f} GB are "
            "free: make room, specify a folder on another disk, or fewer files."
        )


def _unpacked(place: Path) -> bool:
    return place.with_suffix("").is_dir()


def _unpack(place: Path, report: Report) -> None:
    """Unpack a zip into a folder of its name, which appears when it is complete; nothing if that exists."""
    if _unpacked(place):
        return
    report(1.0, "unpacking")
    partial = place.with_name(f"{UNPACKING}-{place.stem}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        unpack_whole(place, partial, dataset_limits(shutil.disk_usage(place.parent).free))
        partial.replace(place.with_suffix(""))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
