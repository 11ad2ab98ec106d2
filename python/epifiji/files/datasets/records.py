"""Records of an archive: what the programming interface of Zenodo answers about a dataset."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from epifiji.data.datasets import Dataset
from epifiji.data.errors import WrongInputError
from epifiji.data.progress import Report, silent
from epifiji.files.storage.downloads import read_address
from epifiji.files.storage.entry_names import portable, shown

LARGEST_RECORD_BYTES = 20_000_000
HASH_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Known kinds of hashes, and their hexadecimal digits. The archive uses MD5, which reveals damage, not malice."""


@dataclass(frozen=True)
class RecordFile:
    """A file of a record: its name, size in bytes, hash and address."""

    name: str
    size: int
    algorithm: str
    digest: str
    address: str


@dataclass(frozen=True)
class Record:
    """A record: title, licence as the archive names it (empty if it does not), and files."""

    number: int
    title: str
    licence: str
    files: tuple[RecordFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return asdict(self)


def read_record(dataset: Dataset, archive: str, report: Report = silent) -> Record:
    """Ask an archive about a dataset.

    Parameters
    ----------
    archive
        The address of its records, to which the number is added.
    report
        Called while it is asked; may raise to cancel.

    Raises
    ------
    WrongInputError
        If there is no answer, or it is not a record with files.
    """
    address = f"{archive.rstrip('/')}/{dataset.record}"
    instead = f"check your connection and https://doi.org/{dataset.doi}, and try again later"
    content = read_address(address, LARGEST_RECORD_BYTES, instead, report)
    try:
        return _parsed(json.loads(content), dataset.record, archive)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        if isinstance(problem, WrongInputError):
            raise
        raise WrongInputError(
            f"{address} answered something else ({type(problem).__name__}: {problem}), but the description of a record with "
            f"files is expected: {instead}."
        ) from problem


def _parsed(answer: Mapping[str, Any], number: int, archive: str) -> Record:
    if int(answer["id"]) != number:
        raise WrongInputError(
            f"{archive} answered with record {int(answer['id'])}, but {number} was asked for: try again later."
        )
    files = tuple(_file(one, archive) for one in answer["files"])
    names = [file.name.casefold() for file in files]
    if not files or len(set(names)) < len(names):
        raise WrongInputError(
            f"record {number} has {len(files)} files, some with the same name, but files with different names are expected: see "
            f"{archive}/{number}."
            if files
            else f"record {number} has no files that may be downloaded: see {archive}/{number}."
        )
    described = answer.get("metadata") or {}
    licence = (described.get("license") or {}).get("id") or ""
    return Record(number, str(described.get("title") or ""), str(licence), files)


def _file(one: Mapping[str, Any], archive: str) -> RecordFile:
    """Check what an archive answers about a file; nothing of it is trusted."""
    name, size = str(one["key"]), int(one["size"])
    if "/" in name or "\\" in name or not portable(name) or len(name) > 150 or name.startswith("."):
        raise WrongInputError(
            f"the record contains a file {shown(name)!r}, which not every system can write: download the files in a browser."
        )
    algorithm, _, digest = str(one["checksum"]).lower().partition(":")
    if not re.fullmatch(rf"[0-9a-f]{{{HASH_DIGITS.get(algorithm, 0)}}}", digest) or not digest or size < 0:
        raise WrongInputError(
            f"the record gives {shown(name)} with {size} bytes and the hash {shown(str(one['checksum']))!r}, but a size and one "
            f"of {', '.join(HASH_DIGITS)} are expected: download the files in a browser."
        )
    address = str(one["links"]["self"])
    kinds = [urllib.parse.urlsplit(place).scheme for place in (address, archive)]
    if kinds[0] != "https" and kinds[0] != kinds[1]:
        raise WrongInputError(
            f"the record gives {shown(name)} at {shown(address)}, but an address that begins with {kinds[1]} is expected: "
            "download the files in a browser."
        )
    return RecordFile(name, size, algorithm, digest, address)
