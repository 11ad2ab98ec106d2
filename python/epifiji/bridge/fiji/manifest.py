"""Files that EpiFiji keeps in a Fiji folder: written, brought up to date and removed again.

What was written is listed in a manifest there: the SHA-256 of every file, and every folder that was made. Only files
that still have their SHA-256 are ever replaced or removed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.journals import recover

RECORDS = "jars/epifiji"
MANIFEST = f"{RECORDS}/installed.json"
PYTHON = f"{RECORDS}/python.json"
COMMANDS = f"{RECORDS}/settings.json"
JYTHON_CLASS = b"\xca\xfe\xba\xbe"
"""The first bytes of what Jython keeps, compiled, beside a module that it imported."""


What = Literal["new", "updated", "made", "unchanged", "changed", "in use", "removed"]


@cache
def own_version() -> str:
    """Give EpiFiji's version, read once: a user who may not write may not be able to read the package's folder either."""
    return importlib.metadata.version("epifiji")


@dataclass(frozen=True)
class Step:
    """What happened to one file or folder.

    Parameters
    ----------
    path
        Relative to the Fiji folder, with forward slashes.
    what
        ``new`` or ``updated`` for a file written, ``made`` for a folder; ``unchanged``, ``changed`` (by the user, so
        kept) or ``in use`` (a folder that holds other things) for what was left; ``removed``.
    """

    path: str
    what: What


@dataclass(frozen=True)
class Installation:
    """What an installation, or its removal, did in a Fiji folder."""

    folder: Path
    written: tuple[Step, ...]
    left: tuple[Step, ...]
    removed: tuple[Step, ...]

    @property
    def unchanged(self) -> bool:
        """Whether everything stayed as it was."""
        return not (self.written or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        return asdict(self) | {"folder": str(self.folder), "unchanged": self.unchanged}


def _inside_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or set(path) & set("\\:"):
        raise ValueError("it is no path inside the Fiji folder")
    return path


InsidePath = Annotated[str, AfterValidator(_inside_path)]


class Manifest(BaseModel):
    """What EpiFiji wrote into a Fiji folder, as its manifest says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epifiji: str = ""
    files: dict[InsidePath, str] = {}
    folders: list[InsidePath] = []

    def wrote(self, path: str, digest: str | None) -> bool:
        """Say whether a file is as EpiFiji wrote it."""
        return digest is not None and digest == self.files.get(path)

    def paths(self) -> list[str]:
        """List every file that may have been written."""
        return sorted(self.files)


def installed_paths(folder: Path) -> frozenset[str]:
    """List the paths of the files that an earlier installation wrote, with forward slashes."""
    recover(folder)
    _require_place(folder, MANIFEST)
    return frozenset(_read_manifest(folder).paths())


def installed_python(folder: Path) -> tuple[Path | None, str]:
    """Give the Python that an installation wrote down, and EpiFiji's version; (None, "") where there is none to read."""
    try:
        record = json.loads((folder / PYTHON).read_text(encoding="utf-8"))
        return Path(record["python"]), str(record["epifiji_version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""


def install_files(folder: Path, wanted: Mapping[str, bytes]) -> Installation:
    """Bring the files that EpiFiji has in a folder to what is wanted; where anything fails, undo what was done.

    Parameters
    ----------
    folder
        Where the files go.
    wanted
        The contents, by paths relative to `folder` with forward slashes.

    Raises
    ------
    WrongInputError
        Where a file that EpiFiji did not write, or that was changed since, is in the way, a link leads outside
        `folder`, or something cannot be written.
    """
    with errors_as_sentences():
        recover(folder)
        for path in (MANIFEST, *wanted):
            _require_place(folder, path)
        earlier = _read_manifest(folder)
        digests = {path: _digest(folder, path) for path in {*wanted, MANIFEST}}
        goal = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(wanted.items())}
        _require_own(folder, earlier, goal, digests)
        writes = {path: wanted[path] for path in goal if digests[path] != goal[path]}
        doomed, kept = _to_remove(folder, earlier, [path for path in earlier.paths() if path not in wanted])
        made = _missing_folders(folder, wanted)
        emptied = _emptied(folder, earlier.folders, doomed, _parents([*wanted, MANIFEST]))
        folders = sorted({*made, *earlier.folders} - set(emptied))
        manifest = Manifest(epifiji=own_version(), files=goal, folders=folders)
        gone: list[str] = []
        if writes or doomed or manifest != earlier:
            writes[MANIFEST] = json_bytes(manifest)
            gone = doomed + emptied
            _change(folder, writes, doomed, emptied)
    written = [*_steps(made, "made"), *(Step(path, "new" if digests[path] is None else "updated") for path in writes)]
    left = [*_steps(sorted({*wanted, MANIFEST} - set(writes)), "unchanged"), *_steps(kept, "changed")]
    return Installation(folder, tuple(written), tuple(left), tuple(_steps(gone, "removed")))


def remove_files(folder: Path) -> Installation:
    """Remove what EpiFiji wrote into a folder, and the folders that it made where they are empty.

    Raises
    ------
    WrongInputError
        Where there is no manifest, or something cannot be removed; nothing is removed then.
    """
    with errors_as_sentences():
        recover(folder)
        _require_place(folder, MANIFEST)
        if not (folder / MANIFEST).exists():
            raise WrongInputError(
                f"EpiFiji is not installed in {folder} (there is no {MANIFEST}), so there is nothing to remove: "
                "give the folder into which it was installed."
            )
        manifest = _read_manifest(folder)
        doomed, kept = _to_remove(folder, manifest, manifest.paths())
        doomed.append(MANIFEST)
        folders = [path for path in manifest.folders if (folder / path).is_dir()]
        gone = _emptied(folder, folders, doomed, set())
        _change(folder, {}, doomed, gone)
    left = [*_steps(kept, "changed"), *_steps(sorted(set(folders) - set(gone)), "in use")]
    return Installation(folder, (), tuple(left), tuple(_steps(doomed + gone, "removed")))


def _steps(paths: Iterable[str], what: What) -> list[Step]:
    return [Step(path, what) for path in paths]


def json_bytes(value: BaseModel | Mapping[str, Any]) -> bytes:
    """Write a record as people can read it."""
    plain = value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()


def _read_manifest(folder: Path) -> Manifest:
    """Read what an earlier installation wrote; an empty manifest where there was none."""
    try:
        if (folder / MANIFEST).is_symlink():
            raise WrongInputError(f"{folder / MANIFEST} is a link, but EpiFiji wrote a file there: put that back.")
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Manifest()
    except ValidationError:
        raise WrongInputError(
            f"{folder / MANIFEST} cannot be understood, but it says what EpiFiji wrote into this Fiji: put it back as "
            "it was, or remove it and EpiFiji's files by hand."
        ) from None


def _require_place(folder: Path, path: str) -> None:
    """Refuse a path where no file can be, or that a link leads out of the Fiji folder."""
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        place = folder / parent
        if not _leads_inside(folder, place):
            raise WrongInputError(
                f"{place} is a link that leads outside {folder}, where EpiFiji does not write: put a folder in its place."
            )
        if (place.exists() or place.is_symlink()) and not place.is_dir():
            raise WrongInputError(f"{place} is no folder, but EpiFiji needs one there: move it away and try again.")


def _leads_inside(folder: Path, place: Path) -> bool:
    try:
        return place.resolve().is_relative_to(folder.resolve())
    except RuntimeError:  # links in a circle
        return False


def _digest(folder: Path, path: str) -> str | None:
    """Give a file's SHA-256; None where nothing is there, and an empty text where that is no file of this folder's own."""
    place = folder / path
    if not place.exists() and not place.is_symlink():
        return None
    if place.is_symlink() or not place.is_file() or not _leads_inside(folder, place):
        return ""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_own(folder: Path, earlier: Manifest, goal: Mapping[str, str], digests: Mapping[str, str | None]) -> None:
    """Refuse to replace a file that EpiFiji did not write, or that was changed since."""
    listed = earlier.paths()
    for path in sorted(goal):
        if digests[path] is None or earlier.wrote(path, digests[path]):
            continue
        if path not in listed:
            raise WrongInputError(
                f"{folder / path} exists but was not written by EpiFiji, which needs its place: move it away and try again."
            )
        if digests[path] != goal[path]:
            raise WrongInputError(
                f"{folder / path} was changed since EpiFiji wrote it: to keep your changes, move it to a place outside "
                f"{folder.name}; then try again."
            )


def _to_remove(folder: Path, earlier: Manifest, candidates: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part files of an earlier installation into those that can go, with what Jython compiled from them, and changed ones."""
    doomed, kept = [], []
    for path in candidates:
        digest = _digest(folder, path)
        if digest is not None and not earlier.wrote(path, digest):
            kept.append(path)
            continue
        if digest is not None:
            doomed.append(path)
        compiled = f"{path.removesuffix('.py')}$py.class"
        if path.endswith(".py") and _is_jython_class(folder, compiled):
            doomed.append(compiled)
    return doomed, kept


def _is_jython_class(folder: Path, path: str) -> bool:
    if not _digest(folder, path):
        return False
    with (folder / path).open("rb") as file:
        return file.read(len(JYTHON_CLASS)) == JYTHON_CLASS


def _parents(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}


def _missing_folders(folder: Path, paths: Iterable[str]) -> list[str]:
    """List the folders to be made, the outer ones first."""
    return [path for path in sorted(_parents([*paths, MANIFEST])) if not (folder / path).is_dir()]


def _emptied(folder: Path, made: Iterable[str], doomed: Iterable[str], needed: set[str]) -> list[str]:
    """List those of EpiFiji's folders that hold nothing once the doomed files are gone, the inner ones first."""
    gone = set(doomed)
    found = []
    for path in sorted(set(made) - needed, reverse=True):
        place = folder / path
        own = place.is_dir() and not place.is_symlink() and _leads_inside(folder, place)
        if own and {f"{path}/{child.name}" for child in place.iterdir()} <= gone:
            gone.add(path)
            found.append(path)
    return found


def _change(folder: Path, writes: Mapping[str, bytes], doomed: Iterable[str], emptied: Sequence[str]) -> None:
    """Write files, with the folders that they need, and remove others, or raise and leave everything as it was.

    Folders that hold nothing else go as a whole, so that none of them stays without its files.
    """
    outer = [path for path in emptied if not _parents([path]) & set(emptied)]
    alone = [path for path in doomed if not _parents([path]) & set(outer)]
    with Change() as change:
        new = change.add(folder, alone, outer)
        for path, content in writes.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Say in one sentence which file could not be read or written."""
    try:
        yield
    except OSError as problem:
        raise WrongInputError(
            f"{problem.filename or 'a file'} cannot be read or written ({problem.strerror or problem}), so everything was left "
            "as it was: see to the right to write there and to free space, close Fiji, and try again."
        ) from problem
