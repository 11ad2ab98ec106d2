"""Who works in a hidden folder, and whether that process still lives.

A process that makes such a folder holds a lock on a file in it. The system frees the lock when the process ends, however it
ends. On a network drive a lock may be unknown to other machines, so a folder of another machine counts as abandoned only after
a day without a change.
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
"""Nothing in the folder of a process on another machine was changed for so long: the process has ended."""

_LOCKED_BYTE = 1 << 30
"""Windows lets nobody read a locked byte, so one is locked that the file does not have."""

_own: set[Path] = set()
"""Hidden folders in which this process works. Where the system refused a lock at one time it may grant it at another."""

_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class Lock:
    """A lock on a file, which is made where it does not exist; held until released, or until the process ends.

    `certain` says whether the file system has locks: without, nobody can be kept out.
    """

    def __init__(self, path: Path, file: IO[bytes], certain: bool) -> None:
        self.path, self.certain, self._file = path, certain, file

    def close(self) -> None:
        """Let others have the file, which stays."""
        _own.discard(self.path.parent)
        with suppress(OSError):
            self._file.close()

    def release(self) -> None:
        """Remove the file."""
        if sys.platform == "win32":
            # An open file cannot be removed there; whoever opens it in between keeps it.
            self.close()
        with suppress(OSError):
            self.path.unlink()
        self.close()


def take(path: Path) -> Lock | None:
    """Lock a file; None where another process holds it, or it was removed in between.

    Raises
    ------
    OSError
        Where the file cannot be made or written.
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
    """Make a hidden folder that is known as this process's.

    Raises
    ------
    OSError
        Where none can be made in `parent`.
    """
    while True:
        # Not tempfile's: its folders are closed to others, and on Windows what is moved out of them stays so.
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
    """List the hidden folders that processes have made in a folder."""
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
    """Lock a hidden folder whose process has surely ended; None where it may still be at work.

    Raises
    ------
    OSError
        Where the folder cannot be written to.
    """
    if folder in _own or (not (folder / OWNER).exists() and any(folder.iterdir())):
        return None
    lock = take(folder / OWNER)
    if lock is None:
        return None
    made_by = owner_of(folder)
    # Where the owner is not written down yet, the folder is empty, and its maker finds that it was taken and makes another.
    if not made_by or (lock.certain and is_here(made_by)) or _idle_s(folder) > ABANDONED_S:
        return lock
    lock.close()
    return None


def owner_of(folder: Path) -> dict[str, object]:
    """Read which process made a hidden folder; an empty record where that is not written down."""
    try:
        record = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def is_here(owner: dict[str, object]) -> bool:
    """Say whether a process ran on this machine; containers of one machine have other names, but its start in common."""
    here = _this_process()
    return any(here[key] and owner.get(key) == here[key] for key in ("host", "boot"))


def _this_process() -> dict[str, object]:
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"host": platform.node(), "boot": boot, "process": os.getpid()}


def _idle_s(folder: Path) -> float:
    """Give the seconds since anything in a folder was changed."""
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
