"""Moves of files that belong together: recorded before the first of them, and completed by the next process if interrupted."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.ownership import OWNER, PREFIX, Lock, is_here, owned_folders, owner_of, take, take_over

JOURNAL = "journal.json"
NEW, OLD = "new", "old"
LOCK = f"{PREFIX}lock"
PATIENCE_S, LOOK_S = 30.0, 0.02


@dataclass(frozen=True)
class Move:
    """One step of a change: `place` gets what is staged at `new`, or nothing; what is there now is moved to `old`.

    Parameters
    ----------
    stage
        The hidden folder; destinations are in the folder that contains it.
    name
        Of the destination, relative to the folder that contains the stage, with forward slashes.
    has_new, has_old
        Whether something is put there, and whether something is there now.
    """

    stage: Path
    name: str
    has_new: bool
    has_old: bool

    @property
    def new(self) -> Path:
        """Path of the staged new file."""
        return self.stage / NEW / self.name

    @property
    def old(self) -> Path:
        """Path to which the replaced file is moved."""
        return self.stage / OLD / self.name

    @property
    def place(self) -> Path:
        """Destination of the file."""
        return self.stage.parent / self.name


def move_together(moves: Sequence[Move], stages: Sequence[Path]) -> None:
    """Do all moves, or none: record them, do them, and undo them if one fails.

    Parameters
    ----------
    moves
        In the order in which new files are put in place; the files that they replace are removed in the opposite order.
    stages
        The hidden folders of the moves. The first contains the journal, to which the others refer.

    Raises
    ------
    OSError
        If a file cannot be moved, naming its destination. If moving back fails too, the journal stays for
        :func:`recover`.
    """
    first, *others = stages
    for other in others:
        _write(other, {"part_of": _relative(first, other)})
    _write(first, {"moves": [_as_json(move, first) for move in moves]})
    _complete(moves, stages)


def recover(folder: Path) -> None:
    """Complete the changes of a killed process in a folder or those around it, and remove its leftovers.

    If a process made folders, it worked in the nearest folder that existed, however far up.

    Raises
    ------
    WrongInputError
        If another process is changing files there and does not finish, or has left a change that cannot be completed.
    """
    folder = Path(folder).absolute()
    for root in (folder, folder.parent, *filter(_can_be_written, folder.parents[1:])):
        for stage in owned_folders(root):
            try:
                _recover(stage)
            except OSError as problem:
                # Mere leftovers may stay in folders that this user cannot write to.
                if (stage / JOURNAL).exists():
                    raise WrongInputError(
                        f"{problem.filename or root} cannot be written ({problem.strerror or problem}), but a process "
                        f"that was killed has changed only some of the files in {root}: make sure that you have write "
                        "permission and free disk space, close programs that have its files open, and try again."
                    ) from problem
        if (root / LOCK).exists():
            with suppress(OSError):
                lock = take(root / LOCK)
                if lock is not None:
                    lock.release()


def _can_be_written(folder: Path) -> bool:
    """Return whether this user may have written in a folder; most folders above the user's own belong to the system."""
    return os.access(folder, os.W_OK)


def lock_folder(root: Path) -> Lock:
    """Lock a folder, so that no other process changes files in it.

    Raises
    ------
    OSError
        If another process is changing files and does not finish, or no lock can be made.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (lock := take(root / LOCK)) is None:
        if time.monotonic() > deadline:
            raise BlockingIOError(errno.EBUSY, os.strerror(errno.EBUSY), str(root))
        time.sleep(LOOK_S)
    return lock


def remove_stage(stage: Path, lock: Lock) -> None:
    """Remove a stage without a journal; its owner record last, so that a stage that cannot be removed now is recognised later."""
    for child in (NEW, OLD, f"{JOURNAL}.part"):
        path = stage / child
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    with suppress(OSError):
        if {child.name for child in stage.iterdir()} <= {OWNER}:
            lock.release()
            stage.rmdir()
    lock.close()


def sync(folder: Path) -> None:
    """Make sure that a folder's names are on the disk, if the system supports it."""
    if os.name == "nt":
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):
            raise
    finally:
        os.close(place)


def _recover(stage: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    lock = take_over(stage)
    while lock is None and (stage / JOURNAL).exists():
        if time.monotonic() > deadline:
            owner = owner_of(stage)
            where = "" if is_here(owner) else f" on the computer {owner.get('host') or 'of another name'}"
            raise WrongInputError(
                f"files in {stage.parent} are being replaced by process {owner.get('process')}{where}: wait until it "
                "has finished; if it was killed there, run EpiFiji on that computer once more."
            )
        time.sleep(LOOK_S)
        lock = take_over(stage)
    if lock is None:
        return
    try:
        if (stage / JOURNAL).exists():
            first = _first(stage)
            if first == stage:
                _complete(*_read(stage))
            elif (first / JOURNAL).exists():
                _recover(first)
            # Without the journal of the first stage, the change was not decided, or is complete.
            (stage / JOURNAL).unlink(missing_ok=True)
    except BaseException:
        lock.close()
        raise
    remove_stage(stage, lock)


def _complete(moves: Sequence[Move], stages: Sequence[Path]) -> None:
    """Do what a journal lists, from whatever state; if that fails, undo it."""
    try:
        _roll_forward(moves)
    except BaseException:
        _roll_back(moves)
        _end(stages)
        raise
    _end(stages)


def _roll_forward(moves: Sequence[Move]) -> None:
    for move in reversed(moves):
        waiting = move.has_old and not os.path.lexists(move.old) and os.path.lexists(move.place)
        if waiting and (not move.has_new or os.path.lexists(move.new)):
            move.old.parent.mkdir(parents=True, exist_ok=True)
            _rename(move.place, move.old, move)
    for move in moves:
        if move.has_new and os.path.lexists(move.new):
            _rename(move.new, move.place, move)
    for folder in {move.place.parent for move in moves}:
        sync(folder)


def _roll_back(moves: Sequence[Move]) -> None:
    for move in reversed(moves):
        if move.has_new and not os.path.lexists(move.new) and os.path.lexists(move.place):
            move.place.rename(move.new)
    for move in moves:
        if os.path.lexists(move.old):
            move.old.rename(move.place)


def _rename(path: Path, to: Path, move: Move) -> None:
    try:
        path.rename(to)
    except OSError as problem:
        problem.filename = str(move.place)
        raise


def _end(stages: Sequence[Path]) -> None:
    """Remove the journals, the first one first: without it the others have no effect."""
    for stage in stages:
        (stage / JOURNAL).unlink(missing_ok=True)
        sync(stage)


def _as_json(move: Move, first: Path) -> dict[str, object]:
    return {"stage": _relative(move.stage, first), "name": move.name, "new": move.has_new, "old": move.has_old}


def _relative(path: Path, start: Path) -> str:
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


def _write(stage: Path, content: dict[str, object]) -> None:
    part = stage / f"{JOURNAL}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(stage / JOURNAL)
    sync(stage)


def _read(first: Path) -> tuple[list[Move], list[Path]]:
    """Return the moves of a change and its stages, first the one with the journal.

    The folder may be from an untrusted source: only places next to a participating stage are ever moved to or from.
    """
    try:
        moves = [
            Move(Path(os.path.normpath(first / noted["stage"])), noted["name"], bool(noted["new"]), bool(noted["old"]))
            for noted in _content(first)["moves"]
        ]
        stages = list(dict.fromkeys([first, *(move.stage for move in moves)]))
        if all(_first(other) == first for other in stages) and all(_is_inside(move) for move in moves):
            return moves, stages
    except (KeyError, TypeError, AttributeError, OSError):
        pass
    raise _unusable(first)


def _first(stage: Path) -> Path:
    """Return the stage with the journal to which this stage's own refers, or the stage itself."""
    other = _content(stage).get("part_of")
    return stage if other is None else Path(os.path.normpath(stage / str(other)))


def _content(stage: Path) -> dict[str, Any]:
    try:
        content = json.loads((stage / JOURNAL).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise _unusable(stage) from None
    if not isinstance(content, dict):
        raise _unusable(stage)
    return content


def _unusable(stage: Path) -> WrongInputError:
    return WrongInputError(
        f"{stage / JOURNAL} cannot be understood, but it lists which files of {stage.parent} were being replaced: if no run of "
        f"EpiFiji is writing there, remove {stage}."
    )


def _is_inside(move: Move) -> bool:
    name = PurePosixPath(move.name)
    if not name.parts or name.is_absolute() or ".." in name.parts or set(move.name) & set("\\\0"):
        return False
    root = move.stage.parent
    return move.stage.name.startswith(PREFIX) and (root / name).parent.resolve().is_relative_to(root.resolve())
