"""Ownership of hidden folders: which process works in one, and whether it is still running.

A process that makes such a folder holds a lock on a file in it. The system releases the lock when the process ends,
however it ends. On a network drive a lock may be invisible to other machines, so a folder of another machine counts as
abandoned only after a day without a change.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = ".epifiji-"
OWNER = "owner.json"
ABANDONED_S = 86400
"""If nothing in the folder of a process on another machine was changed for this time, the process has ended."""

_LOCKED_BYTE = 1 << 30
"""Windows lets nobody read a locked byte, so the locked byte is one beyond the end of the file."""

_own: set[Path] = set()
"""Hidden folders of this process. If the system refused a lock once, it may grant it later."""

_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class Lock:
    """A lock on a file, which is made if it does not exist; held until it is released, or the process ends.

    `certain` is whether the file system supports locks; without them nobody can be kept out.
    """

    def __init__(self, path: Path, file: IO[bytes], certain: bool) -> None:
        self.path, self.certain, self._file = path, certain, file

    def close(self) -> None:
        """Release the lock; the file stays."""
        _own.discard(self.path.parent)
        with suppress(OSError):
            self._file.close()

    def release(self) -> None:
        """Release the lock and remove the file."""
        if sys.platform == "win32":
            # An open file cannot be removed there; whoever opens it in the meantime keeps it.
            self.close()
        with suppress(OSError):
            self.path.unlink()
        self.close()


def take(path: Path) -> Lock | None:
    """Lock a file; None if another process holds it, or it was removed in the meantime.

    Raises
    ------
    OSError
        If the file cannot be made or written.
    """
    try:
        file = path.open("a+b")
    except FileNotFoundError:
        return None
    certain = True
    try:
        _lock(file)
    except OSError as problem:
        if problem.errno in _HELD:
            file.close()
            return None
        certain = False
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return Lock(path, file, certain)
    except OSError:
        pass
    file.close()
    return None


def make_owned(parent: Path) -> tuple[Path, Lock]:
    """Make a hidden folder that is owned by this process.

    Raises
    ------
    OSError
        If none can be made in `parent`.
    """
    while True:
        # Not tempfile's: its folders are closed to others, and on Windows files that are moved out of them keep that.
        folder = parent / f"{PREFIX}{secrets.token_hex(4)}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        try:
            lock = take(folder / OWNER)
            if lock is not None:
                (folder / OWNER).write_text(json.dumps(_this_process()), encoding="utf-8")
                _own.add(folder)
                return folder, lock
        except OSError:
            with suppress(OSError):
                (folder / OWNER).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()
            raise


def owned_folders(parent: Path) -> list[Path]:
    """List the hidden folders of processes in a folder."""
    try:
        with os.scandir(parent) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def take_over(folder: Path) -> Lock | None:
    """Lock a hidden folder whose process has certainly ended; None if it may still be running.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    if folder in _own or (not (folder / OWNER).exists() and any(folder.iterdir())):
        return None
    lock = take(folder / OWNER)
    if lock is None:
        return None
    made_by = owner_of(folder)
    # If the owner is not recorded yet, the folder is empty, and its maker notices that it was taken and makes another.
    if not made_by or (lock.certain and is_here(made_by)) or _idle_s(folder) > ABANDONED_S:
        return lock
    lock.close()
    return None


def owner_of(folder: Path) -> dict[str, object]:
    """Read which process made a hidden folder; an empty record if that is not recorded."""
    try:
        record = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def is_here(owner: dict[str, object]) -> bool:
    """Return whether a process ran on this machine; containers of one machine differ in name, but share its start."""
    here = _this_process()
    return any(here[key] and owner.get(key) == here[key] for key in ("host", "boot"))


def _this_process() -> dict[str, object]:
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"host": platform.node(), "boot": boot, "process": os.getpid()}


def _idle_s(folder: Path) -> float:
    """Return the seconds since the last change in a folder."""
    times = [folder.stat().st_mtime]
    for path in folder.rglob("*"):
        with suppress(OSError):
            times.append(path.lstat().st_mtime)
    return time.time() - max(times)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
