"""Checks an installation and reports what is wrong and what to do."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epifiji.bridge.fiji.manifest import installed_python, own_version, unpacked_version
from epifiji.bridge.imagej import ImageJError, start_imagej
from epifiji.bridge.imagej.host import fiji_folder, has_imagej2, window_problem
from epifiji.bridge.imagej.jars import class_path, jar_folder
from epifiji.bridge.imagej.java import (
    HOW_TO_GET_ONE,
    NEWEST_JAVA,
    OLDEST_JAVA,
    find_java,
    java_homes_of_fiji,
    java_problem,
    java_version,
    major_version,
)
from epifiji.data.errors import WrongInputError
from epifiji.data.own_folders import NoHomeError
from epifiji.data.tensorflow_import import import_tensorflow
from epifiji.engine.backend.devices import ONNX_RUNTIME
from epifiji.engine.backend.onnx_runtime import onnxruntime_or_problem
from epifiji.files.leftovers import kept_runs, left_over
from epifiji.files.networks.default import default_name
from epifiji.files.networks.store import FOLDER_VARIABLE

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
"""The Python versions for which there is a TensorFlow; the same range is in pyproject.toml."""

LEFTOVERS_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Parameters
    ----------
    name
        What was checked, in a word or two.
    state
        ``ok``; ``warning`` if EpiFiji works, but not all of it; ``problem`` if it does not work.
    what
        What was found.
    do
        What to do about it; empty if nothing needs to be done.
    """

    name: str
    state: Literal["ok", "warning", "problem"]
    what: str
    do: str = ""


def diagnose(fiji: str | Path | None = None, inside: bool = False) -> list[Finding]:
    """Check Python, TensorFlow, ONNX Runtime, Java, ImageJ, networks, the display and, if specified, a Fiji folder.

    TensorFlow is imported and the embedded ImageJ is started in this process: no other check shows whether they work.
    Nothing is raised; problems are among the findings.

    Parameters
    ----------
    fiji
        A Fiji folder to check as well.
    inside
        Whether a running ImageJ called this. Java and the embedded ImageJ are not checked then.
    """
    if inside:
        findings = [_python(), _tensorflow(), _onnxruntime(), _networks(), _kept_runs(), _leftovers(fiji)]
        return [*findings, *(_fiji(fiji) if fiji and _is_fiji(fiji) else [])]
    findings = [_python(), _tensorflow(), _onnxruntime(), java := _java(), libraries := _libraries()]
    if "problem" in (java.state, libraries.state):
        findings.append(
            Finding("ImageJ", "problem", "not started, because something that it needs is missing", "see above")
        )
    else:
        findings.append(_imagej())
    findings += [_display(), _networks(), _kept_runs(), _leftovers(fiji)]
    return findings if fiji is None else [*findings, *_fiji(fiji)]


def _python() -> Finding:
    what = f"{platform.python_version()}, {sys.executable}"
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Finding("Python", "problem", what, "install Python 3.11, 3.12 or 3.13, and EpiFiji in it")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        what += ", for Intel's processors, for which there is no TensorFlow of version 2.18 or newer on a Mac"
        return Finding("Python", "problem", what, "use a Mac with Apple's processor, Linux or Windows")
    return Finding("Python", "ok", what)


def _tensorflow() -> Finding:
    try:
        version = str(import_tensorflow().__version__)
    except Exception as error:
        return Finding(
            "TensorFlow",
            "problem",
            f"cannot be imported ({type(error).__name__}: {error})",
            "run 'pip install --force-reinstall tensorflow' in this Python, if there is a TensorFlow for it",
        )
    return Finding("TensorFlow", "ok", version)


def _onnxruntime() -> Finding:
    """Check what computes networks on the processor; without it TensorFlow does."""
    runtime, problem = onnxruntime_or_problem()
    if runtime is not None:
        return Finding(
            ONNX_RUNTIME,
            "ok",
            f"{runtime.__version__}, computes EpiNet and networks for cells and volumes on the processor",
        )
    return Finding(
        ONNX_RUNTIME,
        "warning",
        f"cannot be imported ({problem}): TensorFlow takes its place, with the same results, and starts some seconds later",
        "run 'pip install --force-reinstall onnxruntime' in this Python",
    )


def _java() -> Finding:
    try:
        java, notices = find_java()
    except ImageJError as error:
        return Finding("Java", "problem", str(error), HOW_TO_GET_ONE)
    what = " ".join(
        [f"{java.version} of {java.source}, {java.home}", *(f"({notice.rstrip('.')})" for notice in notices)]
    )
    if notices:
        return Finding("Java", "warning", what, "correct JAVA_HOME or unset it" if "JAVA_HOME" in what else "")
    return Finding("Java", "ok", what)


def _libraries() -> Finding:
    try:
        jars = class_path()
    except NoHomeError as error:
        return Finding("Java libraries", "problem", str(error), "set HOME to a folder of this user")
    except ImageJError as error:
        return Finding("Java libraries", "problem", str(error), "follow this message and run this again")
    return Finding("Java libraries", "ok", f"{len(jars)} in {jar_folder()}")


def _imagej() -> Finding:
    start = time.monotonic()
    try:
        version = start_imagej().run_macro("return getVersion();")
    except (ImageJError, WrongInputError) as error:
        return Finding("ImageJ", "problem", str(error), "correct this and run this again")
    return Finding("ImageJ", "ok", f"{version} runs macros, {time.monotonic() - start:.1f} s")


def _display() -> Finding:
    problem = window_problem()
    if problem:
        return Finding(
            "display", "warning", f"{problem}: ImageJ works without windows", "start from a desktop to have them"
        )
    try:
        java, _ = find_java(window=True)
    except ImageJError as error:
        return Finding("display", "warning", str(error), HOW_TO_GET_ONE)
    return Finding("display", "ok", f"windows open on the Java of {java.source}")


def _networks() -> Finding:
    from epifiji.files.networks.store import available, find_network, hidden, problem_of_named_folder

    known = ", ".join(f"{name} ({path})" for name, path in available())
    try:
        what = f"{known}; default: {default_name()}"
        find_network()
    except WrongInputError as error:
        return Finding("networks", "problem", str(error), "run 'epifiji networks default --reset'")
    if problem := problem_of_named_folder():
        return Finding("networks", "warning", f"{what}; {problem}", "correct EPIFIJI_NETWORKS or unset it")
    if same := hidden():
        cannot = ", ".join(f"{path} (called {name}, as is {first})" for name, path, first in same)
        return Finding(
            "networks", "warning", f"{what}; these cannot be used by name: {cannot}", "rename one of each pair"
        )
    return Finding("networks", "ok", what)


def _kept_runs() -> Finding:
    """Report what is kept of interrupted detections and trainings, and its size."""
    from epifiji.files.storage.unfinished import KEPT_DAYS, cache_folder

    kept = kept_runs()
    if not kept:
        return Finding("unfinished runs", "ok", "none is kept")
    what = (
        f"{len(kept)} kept in {cache_folder()}, {_megabytes(sum(run.size for run in kept))}: each continues when its command is "
        f"started again, and is deleted after {KEPT_DAYS} days"
    )
    return Finding("unfinished runs", "ok", what)


def _leftovers(fiji: str | Path | None) -> Finding:
    """List what killed runs left in EpiFiji's own folders, the working folder and the Fiji folder."""
    places = [Path(fiji)] if fiji else []
    with suppress(OSError):
        places += [Path.cwd(), *(path for path in Path.cwd().iterdir() if path.name.endswith("_epifiji"))]
    if named := os.environ.get(FOLDER_VARIABLE):
        places.append(Path(named))
    found = left_over(*places)
    if not found:
        return Finding("leftovers", "ok", "none of killed runs in EpiFiji's own folders, this folder or Fiji's")
    shown = ", ".join(f"{one.path} ({_megabytes(one.size)})" for one in found[:LEFTOVERS_SHOWN])
    more = f" and {len(found) - LEFTOVERS_SHOWN} more" if len(found) > LEFTOVERS_SHOWN else ""
    do = "use EpiFiji there once more: it completes unfinished changes and removes these files"
    return Finding("leftovers", "warning", f"killed runs left {shown}{more}", do)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _is_fiji(folder: str | Path) -> bool:
    try:
        return bool(fiji_folder(folder))
    except WrongInputError:
        return False


def _fiji(fiji: str | Path) -> Iterator[Finding]:
    try:
        folder = fiji_folder(fiji)
    except WrongInputError as error:
        yield Finding("Fiji", "problem", str(error), "give the folder that contains jars and plugins")
        return
    if has_imagej2(folder):
        yield Finding("Fiji", "ok", str(folder))
    else:
        what = f"{folder} is an ImageJ without ImageJ2: Python cannot open it"
        yield Finding("Fiji", "warning", what, "use Fiji, which contains ImageJ2")
    yield _java_of_fiji(folder)
    yield _installed(folder)


def _installed(folder: Path) -> Finding:
    """Compare the EpiFiji of the Python that a Fiji uses with that of its scripts: this one, unless it is from the archive."""
    python, version = installed_python(folder)
    if unpacked := unpacked_version(folder):
        wanted, lacking = f"its scripts are of {unpacked}", "was unpacked there, but has no Python yet"
        again = "choose Plugins > EpiFiji > Engine > EpiFiji's Python... in this Fiji"
    else:
        wanted, lacking = f"this is {own_version()}", "is not installed there"
        again = "run 'epifiji install-fiji' with Fiji's folder again"
    if python is None:
        return Finding("Fiji's EpiFiji", "warning", lacking, again.removesuffix(" again"))
    what = f"{version}, run by {python}"
    if not python.is_file():
        return Finding("Fiji's EpiFiji", "problem", f"{what}, which no longer exists", again)
    if version != (unpacked or own_version()):
        return Finding("Fiji's EpiFiji", "problem", f"{what}, but {wanted}", again)
    return Finding("Fiji's EpiFiji", "ok", what)


def _java_of_fiji(folder: Path) -> Finding:
    problems = {home: java_problem(home) for home in java_homes_of_fiji(folder)}
    if not problems:
        return Finding("Fiji's Java", "warning", "it contains none and uses the system's", "nothing, if Fiji starts")
    for home, problem in problems.items():
        if problem is None:
            return Finding("Fiji's Java", "ok", f"{java_version(home)}, {home}")
    home, problem = next(iter(problems.items()))
    old = 0 < major_version(java_version(home) or "") < OLDEST_JAVA
    do = (
        "download a new Fiji, which contains a newer Java"
        if old
        else f"use a Fiji with Java {OLDEST_JAVA} to {NEWEST_JAVA}"
    )
    return Finding("Fiji's Java", "problem", f"{home} {problem}", do)
