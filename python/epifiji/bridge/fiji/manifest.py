"""Files that EpiFiji keeps in a Fiji folder: they are written, updated and removed here.

A manifest in that folder lists the SHA-256 of every file that was written, and every folder that was made. Only files
that still have their SHA-256 are replaced or removed.
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
SETUP = f"{RECORDS}/setup.json"
"""It is there if the archive was unpacked over this Fiji, which then sets up a Python itself."""

JYTHON_CLASS = b"\xca\xfe\xba\xbe"
"""The first bytes of the class file that Jython writes next to a module that it imported."""


What = Literal["new", "updated", "made", "unchanged", "changed", "in use", "removed"]


@cache
def own_version() -> str:
    """Return EpiFiji's version. It is read once: later the package's folder may not be readable any more."""
    return importlib.metadata.version("epifiji")


@dataclass(frozen=True)
class Step:
    """What happened to one file or folder.

    Parameters
    ----------
    path
        Relative to the Fiji folder, with forward slashes.
    what
        ``new`` or ``updated`` for a file that was written; ``made`` for a folder; ``unchanged``, ``changed`` (by the
        user, so it is kept) or ``in use`` (a folder with other files in it) for what was left; ``removed``.
    """

    path: str
    what: What


@dataclass(frozen=True)
class Installation:
    """The changes that an installation, or its removal, made in a Fiji folder."""

    folder: Path
    written: tuple[Step, ...]
    left: tuple[Step, ...]
    removed: tuple[Step, ...]

    @property
    def unchanged(self) -> bool:
        """Whether nothing was changed."""
        return not (self.written or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Return the changes as JSON types."""
        return asdict(self) | {"folder": str(self.folder), "unchanged": self.unchanged}


def _inside_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or set(path) & set("\\:"):
        raise ValueError("it is not a path inside the Fiji folder")
    return path


InsidePath = Annotated[str, AfterValidator(_inside_path)]


class Manifest(BaseModel):
    """The manifest of a Fiji folder: EpiFiji's version, the SHA-256 of its files by path, and the folders that it made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epifiji: str = ""
    files: dict[InsidePath, str] = {}
    folders: list[InsidePath] = []

    def wrote(self, path: str, digest: str | None) -> bool:
        """Return whether a file with this SHA-256 is as EpiFiji wrote it."""
        return digest is not None and digest == self.files.get(path)

    def owns(self, path: str, digest: str | None) -> bool:
        """Return whether a file may be replaced or removed: it is as EpiFiji wrote it, or the record that Fiji rewrites."""
        return self.wrote(path, digest) or (path == PYTHON and bool(digest))

    def paths(self) -> list[str]:
        """Return the sorted paths of the files that were written."""
        return sorted(self.files)


def manifest_of(files: Mapping[str, bytes]) -> Manifest:
    """Make the manifest of files that are unpacked over a Fiji folder, by their paths there."""
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    return Manifest(
        epifiji=own_version(), files=digests, folders=sorted(path for path in _parents(files) if "/" in path)
    )


def installed_paths(folder: Path) -> frozenset[str]:
    """Return the paths of the files that an earlier installation wrote, with forward slashes."""
    recover(folder)
    _require_place(folder, MANIFEST)
    return frozenset(_read_manifest(folder).paths())


def installed_python(folder: Path) -> tuple[Path | None, str]:
    """Return the Python that an installation recorded, and its version of EpiFiji; (None, "") if there is no readable record."""
    try:
        record = json.loads((folder / PYTHON).read_text(encoding="utf-8"))
        return Path(record["python"]), str(record["epifiji_version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""


def unpacked_version(folder: Path) -> str:
    """Return the version of EpiFiji whose archive was unpacked over a Fiji folder; "" if there is none."""
    try:
        return str(json.loads((folder / SETUP).read_text(encoding="utf-8"))["epifiji"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def install_files(folder: Path, wanted: Mapping[str, bytes]) -> Installation:
    """Write, update and remove EpiFiji's files in a folder, so that it contains the wanted ones.

    If anything fails, undo all.

    Parameters
    ----------
    folder
        The Fiji folder.
    wanted
        The contents of the files, by paths relative to `folder` with forward slashes.

    Raises
    ------
    WrongInputError
        If a file that EpiFiji did not write, or that was changed since, is in the way, a link leads outside `folder`,
        or something cannot be written.
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
        to_delete, kept = _to_remove(folder, earlier, [path for path in earlier.paths() if path not in wanted])
        made = _missing_folders(folder, wanted)
        emptied = _emptied(folder, earlier.folders, to_delete, _parents([*wanted, MANIFEST]))
        folders = sorted({*made, *earlier.folders} - set(emptied))
        manifest = Manifest(epifiji=own_version(), files=goal, folders=folders)
        gone: list[str] = []
        if writes or to_delete or manifest != earlier:
            writes[MANIFEST] = json_bytes(manifest)
            gone = to_delete + emptied
            _change(folder, writes, to_delete, emptied)
    written = [*_steps(made, "made"), *(Step(path, "new" if digests[path] is None else "updated") for path in writes)]
    left = [*_steps(sorted({*wanted, MANIFEST} - set(writes)), "unchanged"), *_steps(kept, "changed")]
    return Installation(folder, tuple(written), tuple(left), tuple(_steps(gone, "removed")))


def remove_files(folder: Path) -> Installation:
    """Remove the files that EpiFiji wrote into a folder, and the folders that it made if they are empty.

    Raises
    ------
    WrongInputError
        If there is no manifest, or a file cannot be removed; nothing is removed then.
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
        to_delete, kept = _to_remove(folder, manifest, sorted({*manifest.paths(), PYTHON}))
        to_delete.append(MANIFEST)
        folders = [path for path in manifest.folders if (folder / path).is_dir()]
        gone = _emptied(folder, folders, to_delete, set())
        _change(folder, {}, to_delete, gone)
    left = [*_steps(kept, "changed"), *_steps(sorted(set(folders) - set(gone)), "in use")]
    return Installation(folder, (), tuple(left), tuple(_steps(to_delete + gone, "removed")))


def _steps(paths: Iterable[str], what: What) -> list[Step]:
    return [Step(path, what) for path in paths]


def json_bytes(value: BaseModel | Mapping[str, Any]) -> bytes:
    """Encode a record as indented JSON in UTF-8."""
    plain = value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()


def _read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an earlier installation; return an empty one if there was none."""
    try:
        if (folder / MANIFEST).is_symlink():
            raise WrongInputError(f"{folder / MANIFEST} is a link, but EpiFiji wrote a file there: put that back.")
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Manifest()
    except ValidationError:
        raise WrongInputError(
            f"{folder / MANIFEST} cannot be read, but it lists what EpiFiji wrote into this Fiji: restore it, or remove it and "
            "EpiFiji's files by hand."
        ) from None


def _require_place(folder: Path, path: str) -> None:
    """Refuse a path through a file, or through a link that leads outside the Fiji folder."""
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
    """Return a file's SHA-256: None if nothing is there, an empty string if it is not a file or leads outside the folder."""
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
        if digests[path] is None or earlier.owns(path, digests[path]):
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
    """Divide an earlier installation's files into those to delete, with Jython's class files of them, and changed ones."""
    to_delete, kept = [], []
    for path in candidates:
        digest = _digest(folder, path)
        if digest is not None and not earlier.owns(path, digest):
            kept.append(path)
            continue
        if digest is not None:
            to_delete.append(path)
        compiled = f"{path.removesuffix('.py')}$py.class"
        if path.endswith(".py") and _is_jython_class(folder, compiled):
            to_delete.append(compiled)
    return to_delete, kept


def _is_jython_class(folder: Path, path: str) -> bool:
    if not _digest(folder, path):
        return False
    with (folder / path).open("rb") as file:
        return file.read(len(JYTHON_CLASS)) == JYTHON_CLASS


def _parents(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}


def _missing_folders(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return the folders that have to be made, outer ones first."""
    return [path for path in sorted(_parents([*paths, MANIFEST])) if not (folder / path).is_dir()]


def _emptied(folder: Path, made: Iterable[str], to_delete: Iterable[str], needed: set[str]) -> list[str]:
    """Return those of EpiFiji's folders that are empty after the deletion of files, inner ones first."""
    gone = set(to_delete)
    found = []
    for path in sorted(set(made) - needed, reverse=True):
        place = folder / path
        own = place.is_dir() and not place.is_symlink() and _leads_inside(folder, place)
        if own and {f"{path}/{child.name}" for child in place.iterdir()} <= gone:
            gone.add(path)
            found.append(path)
    return found


def _change(folder: Path, writes: Mapping[str, bytes], to_delete: Iterable[str], emptied: Sequence[str]) -> None:
    """Write files, with the folders that they need, and delete others; if that fails, raise and change nothing.

    Folders with no other files are deleted as a whole, so that no empty folder is left.
    """
    outer = [path for path in emptied if not _parents([path]) & set(emptied)]
    single = [path for path in to_delete if not _parents([path]) & set(outer)]
    with Change() as change:
        new = change.add(folder, single, outer)
        for path, content in writes.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Convert an OSError in the block to one sentence that names the file."""
    try:
        yield
    except OSError as problem:
        raise WrongInputError(
            f"{problem.filename or 'a file'} cannot be read or written ({problem.strerror or problem}), so everything was left "
            "as it was: make sure that you have write permission and free disk space, close Fiji, and try again."
        ) from problem
