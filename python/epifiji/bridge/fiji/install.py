"""Installs EpiFiji's scripts, macros and client into a Fiji folder, and removes them."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

from epifiji.bridge.fiji.manifest import (
    COMMANDS,
    PYTHON,
    Installation,
    errors_as_sentences,
    install_files,
    installed_paths,
    json_bytes,
    own_version,
    remove_files,
)
from epifiji.bridge.fiji.requests.answer import describe_commands
from epifiji.bridge.imagej.host import fiji_folder
from epifiji.bridge.imagej.jars import WORKER, class_path
from epifiji.bridge.resources import resource_folder, source_files
from epifiji.data.errors import WrongInputError
from epifiji.data.progress import Report, silent

OVERLAY = (("fiji", "scripts", "scripts"), ("fiji", "macros", "macros"), ("jars", "Lib", "jars/Lib"))
"""The folders that are copied: EpiFiji's folder, the subfolder in it, and the target in Fiji."""

ASK_PYTHON = """
import importlib.metadata, json, platform
print(json.dumps([platform.python_version(), importlib.metadata.version("epifiji")]))
"""
ASK_TIMEOUT_S = 60


def install_fiji(folder: Path, python: Path | None = None, report: Report = silent) -> Installation:
    """Copy EpiFiji's scripts, macros and client into a Fiji folder, with the description of its dialogs and the path of Python.

    Java libraries that the scripts need and this Fiji lacks are added as well; the first time, they are downloaded from
    Maven Central.

    A second call changes nothing. A later version replaces the files of the earlier one and removes those that are no
    longer needed. If anything fails, all changes of the call are undone.

    Parameters
    ----------
    folder
        The folder of a Fiji or ImageJ: it contains ``plugins``, and ``jars/ij-*.jar`` or ``ij.jar``.
    python
        The Python that runs the engine when Fiji is not started from Python. Default: this one.
    report
        Receives the progress of downloading Java libraries.

    Raises
    ------
    WrongInputError
        If `folder` is not a Fiji folder, `python` does not have this version of EpiFiji, a file that EpiFiji did not
        write (or that was changed since) is in the way, a link leads outside the folder, or the folder cannot be
        written.
    ImageJError
        If Java libraries cannot be downloaded.
    """
    with errors_as_sentences():
        fiji = fiji_folder(folder)
        records = _records(python)
        return install_files(fiji, overlay() | _lacking_jars(fiji, report) | records)


def uninstall_fiji(folder: Path) -> Installation:
    """Remove the files that EpiFiji wrote into a Fiji folder, and the folders that it made if they are empty.

    Files that Jython compiled from a removed module are removed too. Files that were changed since are kept and
    reported.

    Raises
    ------
    WrongInputError
        If `folder` is not a Fiji folder, EpiFiji is not installed there, or the folder cannot be written; nothing is
        removed then.
    """
    with errors_as_sentences():
        return remove_files(fiji_folder(folder))


def overlay() -> dict[str, bytes]:
    """Read the scripts, macros and Jython modules, by their path in Fiji."""
    return {
        f"{target}/{path}": file.read_bytes()
        for resource, tree, target in OVERLAY
        for path, file in source_files(resource_folder(resource) / tree)
    }


def _lacking_jars(fiji: Path, report: Report) -> dict[str, bytes]:
    """Read the Java libraries of which this Fiji has no version, by their path in Fiji."""
    ours = installed_paths(fiji)
    jars = (jar.relative_to(fiji).as_posix() for jar in fiji.glob("jars/**/*.jar"))
    own = {_artifact(Path(path).name) for path in jars if path not in ours}
    return {
        f"jars/{jar.name}": jar.read_bytes() for jar in class_path(report, WORKER) if _artifact(jar.name) not in own
    }


def _artifact(jar: str) -> str:
    """Return a jar's name without its version."""
    return re.sub(r"-\d[^/]*$", "", jar.removesuffix(".jar"))


def _records(python: Path | None) -> dict[str, bytes]:
    """Make the two records: the description of the dialogs, and the Python that runs the engine."""
    return {
        COMMANDS: json_bytes({"epifiji": own_version(), "commands": describe_commands()}),
        PYTHON: json_bytes(_this_python() if python is None else _other_python(python)),
    }


def _this_python() -> dict[str, str]:
    if not sys.executable:
        raise WrongInputError(
            "the path of this Python is not known, but Fiji needs one to start: specify it with --python FILE."
        )
    return {
        "python": sys.executable,
        "python_version": platform.python_version(),
        "epifiji_version": own_version(),
    }


def _other_python(python: Path) -> dict[str, str]:
    """Ask another Python for its version and EpiFiji's."""
    # Links are not resolved: the link in a virtual environment's folder is what selects that environment.
    program = python.expanduser().absolute()
    if not program.is_file():
        raise WrongInputError(f"{python} is no file, but a Python with EpiFiji in it is needed: give its python.")
    try:
        answer = subprocess.run(
            [str(program), "-c", ASK_PYTHON],
            cwd=program.parent,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=ASK_TIMEOUT_S,
            check=True,
        )
        version, epifiji = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise WrongInputError(
            f"{python} is no Python with EpiFiji in it, but one is needed: install EpiFiji there, or give another."
        ) from None
    if epifiji != (own := own_version()):
        raise WrongInputError(
            f"{python} has EpiFiji {epifiji}, but this is EpiFiji {own}, and Fiji's scripts must fit the engine: install the "
            "same version in both, or run install-fiji with that Python's EpiFiji."
        )
    return {"python": str(program), "python_version": version, "epifiji_version": epifiji}
