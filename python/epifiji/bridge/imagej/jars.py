"""Java libraries, of the embedded ImageJ and those that a Fiji lacks: fetched once, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.errors import ImageJError
from epifiji.bridge.resources import resource_folder
from epifiji.data.own_folders import cache_folder
from epifiji.data.progress import Report, silent

FETCH_TIMEOUT_S = 30
FETCHES_AT_ONCE = 6


EMBEDDED, WORKER = "endpoints.txt", "worker-endpoints.txt"
"""The lists in ``jars/``: what the embedded ImageJ is made of, and what runs the engine as a process of its own."""


def endpoints(listed: str = EMBEDDED) -> list[str]:
    """Read the pinned Maven coordinates of a list in ``jars/``."""
    text = (resource_folder("jars") / listed).read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def jar_folder(listed: str = EMBEDDED) -> Path:
    """Name the folder in the user's cache that holds the libraries of a list; it may not exist yet."""
    digest = hashlib.sha256("\n".join(endpoints(listed)).encode()).hexdigest()[:12]
    return cache_folder() / "java" / digest


def class_path(report: Report = silent, listed: str = EMBEDDED) -> list[Path]:
    """Give the jars of a list and those that they need, fetching them where the cache does not hold them yet.

    The folder appears in the cache in one step, when all jars are there and whole: an interrupted or a second fetch at
    the same time does no harm. Once it is there, no network is used.

    Raises
    ------
    ImageJError
        Where they cannot be fetched.
    """
    folder = jar_folder(listed)
    if not folder.is_dir():
        try:
            _fetch(folder, endpoints(listed), report)
        except OSError as error:
            if error.filename is None:
                raise ImageJError(_not_fetched(error, folder)) from error
            raise ImageJError(
                f"The Java libraries could not be written to {folder} ({error.strerror}), but they are needed: see to the right "
                "to write there and to free space, or set XDG_CACHE_HOME to another folder."
            ) from error
        except Exception as error:
            raise ImageJError(_not_fetched(error, folder)) from error
    return sorted(folder.glob("*.jar"))


def _not_fetched(error: Exception, folder: Path) -> str:
    return (
        f"Java libraries could not be fetched from Maven Central ({_reason(error)}), but they are needed once: connect "
        f"to the internet (behind a proxy, set HTTPS_PROXY) and try again; later they are found in {folder}."
    )


def _reason(error: BaseException) -> str:
    """Say in a few words what went wrong: requests' own errors tell of sockets, at length."""
    if isinstance(error, OSError):
        return error.strerror or "no connection"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _fetch(folder: Path, wanted: list[str], report: Report) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A repository of our own: jgo leaves half a jar in a shared one when it is interrupted, and takes it for whole.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent, ignore_cleanup_errors=True) as name:
        whole = Path(name) / "jars"
        whole.mkdir()
        report(0.0, "finding Java libraries, once")
        artifacts = _resolved(wanted, Path(name) / "repository")
        with ThreadPoolExecutor(FETCHES_AT_ONCE) as pool:
            for done, jar in enumerate(pool.map(_whole_jar, artifacts), start=1):
                shutil.move(jar, whole / jar.name)
                report(done / len(artifacts), "fetching Java libraries, once")
        try:
            whole.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _resolved(coordinates: list[str], repository: Path) -> list[Any]:
    """Find all artifacts that the endpoints need, those included, as jgo's objects."""
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository, timeout=FETCH_TIMEOUT_S)
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    inputs, others = context.resolver.resolve(wanted)
    needed = [dependency for dependency in others if dependency.scope in ("compile", "runtime")]
    return [dependency.artifact for dependency in (*inputs, *needed)]


def _whole_jar(artifact: Any) -> Path:
    path = Path(artifact.resolve())
    with zipfile.ZipFile(path) as jar:
        broken = jar.testzip()
    if broken:
        raise ImageJError(f"{path.name} arrived damaged, at {broken}")
    return path
