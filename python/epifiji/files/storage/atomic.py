"""Files that change together: all of them, or none, whenever and however the process ends.

New files are written into a hidden folder next to their destination first, the stage. Then a journal in the stage lists
what is to be moved; from then on the change is decided. Files that are replaced are moved into the stage, new ones out
of it, and the journal is removed. A process that finds the journal of a killed process completes its change before it
reads or writes there. If a file cannot be moved because another program has it open, everything is moved back.

A single file, or a folder that did not exist before, is moved into place in one step and needs no journal.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType

from epifiji.files.storage.journals import (
    JOURNAL,
    LOCK,
    NEW,
    OLD,
    Move,
    lock_folder,
    move_together,
    recover,
    remove_stage,
    sync,
)
from epifiji.files.storage.ownership import Lock, make_owned

RECORD_SUFFIX = ".json"
"""Records are removed first and written last: if one exists, what it describes is complete."""

PROBE_BYTES = 1 << 20

_staged: set[Path] = set()
"""Folders of this process whose files are not in place yet."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield another path of the same name; what the block writes there replaces `path` at its end, in one step.

    The folder is made if it does not exist. If the block raises, `path` stays as it was.
    """
    path = Path(path)
    with Change() as change:
        yield change.add(path.parent, [path.name]) / path.name


def is_staged(path: Path) -> bool:
    """Return whether a file or folder is not in place yet."""
    return any(place in _staged for place in (path, *path.parents))


@dataclass
class _Stage:
    """New content of one folder, `root`; the requested folder is `root` / `inside`, and may not exist yet."""

    path: Path
    lock: Lock
    inside: PurePosixPath
    replaced: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def root(self) -> Path:
        return self.path.parent

    @property
    def target(self) -> Path:
        """Folder in which its new files are written."""
        return self.path / NEW / self.inside

    def moves(self) -> list[Move]:
        """List the necessary moves, records last.

        Raises
        ------
        OSError
            If a folder has the name of a file, or a file that of a folder.
        """
        whole = {(self.inside / name).as_posix() for name in self.folders}
        found = dict.fromkeys(self._new(PurePosixPath(), whole), True)
        for name in (*self.folders, *self.replaced):
            path = (self.inside / name).as_posix()
            place = self.root / path
            if path not in found and os.path.lexists(place) and (path in whole or not place.is_dir()):
                found[path] = False
        moves = [Move(self.path, name, new, os.path.lexists(self.root / name)) for name, new in found.items()]
        for move in moves:
            if move.has_old and move.has_new and move.place.is_dir() != move.new.is_dir():
                code = errno.EISDIR if move.place.is_dir() else errno.ENOTDIR
                raise OSError(code, os.strerror(code), str(move.place))
        return sorted(moves, key=lambda move: (move.name.endswith(RECORD_SUFFIX), move.name))

    def _new(self, folder: PurePosixPath, whole: set[str]) -> Iterator[str]:
        """List what is staged: files, and folders that do not exist yet or are replaced as a whole."""
        for child in sorted((self.path / NEW / folder).iterdir()):
            name = folder / child.name
            is_folder = child.is_dir() and not child.is_symlink()
            if is_folder and name.as_posix() not in whole and (self.root / name).is_dir():
                yield from self._new(name, whole)
            elif not is_folder or any(path.is_file() for path in child.rglob("*")):
                yield name.as_posix()


@dataclass
class Change:
    """Changes of files in one or several folders, done together at the end of a ``with`` block, or not at all.

    Raises
    ------
    OSError
        If something could not be written, naming the file by its destination; nothing is changed then.
    """

    _stages: list[_Stage] = field(default_factory=list)

    def add(self, folder: Path, replaced: Iterable[str] = (), folders: Iterable[str] = ()) -> Path:
        """Return an empty folder, whose content is moved to `folder`, which is made if it does not exist.

        If `folder` is itself such a folder, and not in place yet, it is returned: all changes belong together.

        Parameters
        ----------
        folder
            Destination of the files.
        replaced
            Names of files, relative to `folder`, that are removed if they are not written again.
        folders
            Names of folders that are replaced or removed as a whole, with everything in them.
        """
        root = folder = Path(folder).absolute()
        if is_staged(folder):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        while not root.is_dir():
            root = root.parent
        recover(root)
        try:
            path, lock = make_owned(root)
        except OSError as problem:
            problem.filename = str(folder)
            raise
        inside = PurePosixPath(folder.relative_to(root).as_posix())
        stage = _Stage(path, lock, inside, tuple(replaced), tuple(folders))
        self._stages.append(stage)
        _staged.add(stage.target)
        stage.target.mkdir(parents=True)
        return stage.target

    def __enter__(self) -> Change:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, OSError):
                self._name(error)
            elif error is None:
                self._commit()
        except OSError as problem:
            self._name(problem)
            raise
        finally:
            try:
                self._discard()
            except BaseException:
                # An interrupt during cleaning up.
                self._discard()
                raise

    def _commit(self) -> None:
        for stage in self._stages:
            _sync_tree(stage.path / NEW)
        moves = self._moves()
        if len(moves) == 1 and moves[0].has_new and not (moves[0].has_old and moves[0].new.is_dir()):
            moves[0].new.replace(moves[0].place)
            sync(moves[0].place.parent)
        elif moves:
            with ExitStack() as locks:
                for root in sorted({stage.root for stage in self._stages}):
                    locks.callback(lock_folder(root).release)
                # Another process may have changed files in the meantime.
                move_together(self._moves(), [stage.path for stage in self._stages])

    def _moves(self) -> list[Move]:
        return [move for stage in self._stages for move in stage.moves()]

    def _discard(self) -> None:
        for stage in self._stages:
            if (stage.path / JOURNAL).exists():
                # Moving back failed: the journal stays for the next process.
                stage.lock.close()
            else:
                remove_stage(stage.path, stage.lock)
            _staged.discard(stage.target)

    def _name(self, problem: OSError) -> None:
        """Let an error name the file by its destination: libraries often name none, and the user does not know the stage."""
        if problem.errno is None and self._stages:
            problem.errno, problem.strerror = _reason(self._stages[-1].path) or (None, str(problem))
        for stage in self._stages:
            if problem.filename is None:
                written = [path for path in (stage.path / NEW).rglob("*") if path.is_file()]
                latest = max(written, key=lambda path: path.stat().st_mtime_ns, default=stage.target)
            else:
                latest = Path(os.fsdecode(problem.filename))
            for part in (stage.path / NEW, stage.path / OLD):
                if latest.is_relative_to(part):
                    problem.filename = str(stage.root / latest.relative_to(part))
                    return
            if latest.is_relative_to(stage.path) or latest == stage.root / LOCK:
                problem.filename = str(stage.root / stage.inside)
                return


def _reason(folder: Path) -> tuple[int, str] | None:
    """Find out why a library could not write: some report only that they could not."""
    probe = folder / "probe"
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        return problem.errno or 0, problem.strerror or str(problem)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def _sync_tree(folder: Path) -> None:
    """Make sure that everything in a folder is on the disk."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync(path)
        elif not path.is_symlink():
            # Windows flushes only files opened for writing.
            with path.open("r+b") as file:
                os.fsync(file.fileno())
