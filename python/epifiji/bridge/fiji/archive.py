"""EpiFiji as one zip that is unpacked over a Fiji folder, and sets up its own Python at first use.

It contains what `epifiji install-fiji` copies, a wheel of this EpiFiji, and the lock: the wheels of all other packages
with their hashes, which Fiji downloads (``setup/set_up.py`` in ``jars/Lib``). Appose's Java libraries are in a folder of
their own, outside of Fiji's class path, because a Fiji has its own version of some of them, which must not be replaced.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji.install import overlay
from epifiji.bridge.fiji.manifest import COMMANDS, MANIFEST, RECORDS, SETUP, json_bytes, manifest_of, own_version
from epifiji.bridge.fiji.requests.answer import describe_commands
from epifiji.bridge.fiji.wheel import add_entry, own_wheel
from epifiji.bridge.imagej.jars import WORKER, class_path
from epifiji.bridge.resources import resource_folder
from epifiji.data.errors import WrongInputError
from epifiji.data.progress import Report, silent
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.downloads import download
from epifiji.files.storage.writable import require_absent

LOCK, JAVA, WHEELS = f"{RECORDS}/lock.json", f"{RECORDS}/java", f"{RECORDS}/wheels"
SYSTEMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("darwin", "arm64"): "macos-arm64",
    ("win32", "amd64"): "windows-x86_64",
}
"""The systems of the lock, by Python's names for a system and a processor."""

LARGEST_WHEEL_BYTES = 2_000_000_000


def make_archive(out: Path, offline: bool = False, overwrite: bool = False, report: Report = silent) -> Path:
    """Write ``EpiFiji-<version>.zip`` into a folder: all that a Fiji needs, laid out as in a Fiji folder.

    The same EpiFiji gives the same bytes.

    Parameters
    ----------
    out
        The folder; it is made if it does not exist.
    offline
        Whether the archive contains the wheels of all packages too, for this system and this version of Python. Its name
        says for which. Fiji then downloads none; a Python of this version must be on the computer.
    overwrite
        Whether an earlier archive is replaced.
    report
        Receives the progress.

    Raises
    ------
    WrongInputError
        If the archive exists, cannot be written, the lock has no packages for this system, or a package cannot be
        downloaded.
    ImageJError
        If Appose's Java libraries cannot be downloaded.
    """
    lock = read_lock()
    version = own_version()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = this_system() if offline else ""
    names = lock["systems"][system][python] if offline else []
    name = f"EpiFiji-{version}-{system}-python{python}.zip" if offline else f"EpiFiji-{version}.zip"
    require_absent(out, [name], overwrite)
    files = archive_files(report)
    with tempfile.TemporaryDirectory(prefix="epifiji-wheels-") as folder:
        wheels = _downloaded({name: lock["wheels"][name] for name in names}, Path(folder), report)
        with Change() as change, zipfile.ZipFile(change.add(out, [name]) / name, "w") as archive:
            entries: dict[str, bytes | Path] = {**files, **wheels}
            for path, content in sorted(entries.items()):
                add_entry(archive, path, content)
    return out / name


def archive_files(report: Report = silent) -> dict[str, bytes]:
    """Return the contents of the archive's files by their paths in a Fiji folder, with the manifest that lists them."""
    wheel, content = own_wheel()
    setup = {"epifiji": own_version(), "wheel": wheel, "sha256": hashlib.sha256(content).hexdigest()}
    files = overlay() | {
        COMMANDS: json_bytes({"epifiji": own_version(), "commands": describe_commands()}),
        SETUP: json_bytes(setup),
        LOCK: (resource_folder("fiji") / "engine" / "lock.json").read_bytes(),
        f"{RECORDS}/{wheel}": content,
        **{f"{JAVA}/{jar.name}": jar.read_bytes() for jar in class_path(report, WORKER)},
    }
    return files | {MANIFEST: json_bytes(manifest_of(files))}


def read_lock() -> dict[str, Any]:
    """Read the lock: ``systems`` has the wheels' names by system and version of Python, ``wheels`` their addresses and hashes."""
    return json.loads((resource_folder("fiji") / "engine" / "lock.json").read_text(encoding="utf-8"))


def this_system() -> str:
    """Return the lock's name of this system.

    Raises
    ------
    WrongInputError
        If the lock has no packages for it.
    """
    found = SYSTEMS.get((sys.platform, platform.machine().lower()))
    if found is None:
        raise WrongInputError(
            f"this is a {platform.system()} on {platform.machine()}, for which there are no ready-made packages: make the "
            f"archive on one of {', '.join(SYSTEMS.values())}, or run 'epifiji fiji-archive' for one without packages."
        )
    return found


def _downloaded(wanted: Mapping[str, Mapping[str, Any]], folder: Path, report: Report) -> dict[str, Path]:
    """Download wheels into a folder, and return them by their paths in the archive."""
    found: dict[str, Path] = {}
    done, size = 0, sum(wheel["size"] for wheel in wanted.values())
    for name, wheel in wanted.items():
        report(done / size, f"downloading {wheel['package']}")
        again = "check the network, and try again"
        place = download(wheel["url"], folder, wheel["sha256"], again, name, LARGEST_WHEEL_BYTES, again)
        found[f"{WHEELS}/{name}"] = place
        done += wheel["size"]
    return found
