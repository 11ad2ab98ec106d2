"""The Jython client of EpiFiji's scripts, compiled once and kept in the user's cache; else each ImageJ would compile it anew.

Jython keeps what it compiles beside the sources. Those of the package may be in a folder that the user cannot write, or that
several ImageJs read while one of them writes; so the cache has a copy, which appears in one step when it is complete.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

from epifiji.bridge.imagej.jars import jar_folder
from epifiji.files.storage.atomic import Change

LIB = "Lib"
DIGITS = 12


def compiled_folder(sources: Path) -> Path:
    """Return the folder in the user's cache for the compiled copy of some modules; it may not exist.

    Its name depends on their contents and on the version of Jython, so a changed module is never replaced by an older one.
    """
    digest = hashlib.sha256()
    for name, path in _modules(sources).items():
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    jars = jar_folder()
    # The client finds the records of a Fiji, of which an embedded ImageJ has none, beside its folder.
    return jars.with_name(f"{jars.name}-client-{digest.hexdigest()[:DIGITS]}") / LIB


def compile_once(sources: Path, folder: Path) -> None:
    """Compile Jython modules into their folder (:func:`compiled_folder`), if it does not exist; Java must run.

    Without permission or room to write, every start compiles what it needs, as the first one does.
    """
    import jpype

    if not folder.is_dir():
        with suppress(OSError, jpype.JException), Change() as change:
            _compile(sources, folder, change.add(folder.parent) / LIB)


def _modules(sources: Path) -> dict[str, Path]:
    return {path.relative_to(sources).as_posix(): path for path in sorted(sources.rglob("*.py"))}


def _compile(sources: Path, folder: Path, stage: Path) -> None:
    """Copy and compile modules into `stage`, which becomes `folder`. Each compiled module contains the time of its source."""
    from scyjava import jimport

    jimport("org.python.core.PySystemState").initialize()
    file, compiler = jimport("java.io.File"), jimport("org.python.core.imp")
    for name, path in _modules(sources).items():
        copy = stage / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        module = copy.parent.name if copy.stem == "__init__" else copy.stem
        code = compiler.compileSource(module, file(str(copy)), str(folder / name))
        copy.with_name(f"{copy.stem}$py.class").write_bytes(bytes(code))
