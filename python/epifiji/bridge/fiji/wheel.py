"""The running EpiFiji as a wheel, made of the files that run, so that Fiji can install the same version into a Python."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import epifiji
from epifiji.bridge.fiji.manifest import own_version
from epifiji.bridge.resources import resource_folder, source_files

ENTRY_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of each entry of an archive, so that the same files give the same bytes."""

WHEEL = "Wheel-Version: 1.0\nGenerator: epifiji\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
RESOURCES = ("fiji", "jars")
"""Folders beside the package in a source tree, and inside it in an installation."""


def own_wheel() -> tuple[str, bytes]:
    """Make a wheel of the running EpiFiji, whether it was installed or runs from a source tree.

    No build tool and no network are needed. The same files give the same bytes.

    Returns
    -------
    str
        The name of the wheel.
    bytes
        Its content.
    """
    version = own_version()
    record = f"epifiji-{version}.dist-info/RECORD"
    files = _package() | _metadata(f"epifiji-{version}.dist-info")
    lines = [f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in sorted(files.items())]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in [*sorted(files.items()), (record, ("".join(lines) + f"{record},,\n").encode())]:
            add_entry(archive, path, content)
    return f"epifiji-{version}-py3-none-any.whl", buffer.getvalue()


def add_entry(archive: zipfile.ZipFile, path: str, content: bytes | Path) -> None:
    """Add a file to an archive without the date and the permissions of the original; a file on the disk is not compressed."""
    entry = zipfile.ZipInfo(path, ENTRY_DATE)
    entry.external_attr = 0o100644 << 16
    entry.create_system = 3
    if isinstance(content, bytes):
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
        return
    entry.file_size = content.stat().st_size
    with content.open("rb") as source, archive.open(entry, "w") as target:
        while piece := source.read(1 << 20):
            target.write(piece)


def _package() -> dict[str, bytes]:
    """Read the package's files, by their path in the wheel."""
    folders = [
        ("epifiji", Path(epifiji.__file__).parent),
        *((f"epifiji/{name}", resource_folder(name)) for name in RESOURCES),
    ]
    return {f"{place}/{path}": file.read_bytes() for place, folder in folders for path, file in source_files(folder)}


def _metadata(folder: str) -> dict[str, bytes]:
    distribution = importlib.metadata.distribution("epifiji")
    texts = {name: distribution.read_text(name) or "" for name in ("METADATA", "entry_points.txt")}
    files = {f"{folder}/{name}": text.encode() for name, text in {**texts, "WHEEL": WHEEL}.items()}
    return files | {f"{folder}/licenses/{path.name}": path.read_bytes() for path in _licences(distribution.files or ())}


def _licences(files: Iterable[importlib.metadata.PackagePath]) -> list[Path]:
    return [Path(str(file.locate())) for file in files if "licenses" in file.parts and ".dist-info" in file.parts[0]]


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
