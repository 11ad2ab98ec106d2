"""The Java libraries of the embedded ImageJ, and those that a Fiji lacks: downloaded once, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import queue
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.errors import ImageJError
from epifiji.bridge.resources import resource_folder
from epifiji.data.own_folders import cache_folder
from epifiji.data.progress import Report, silent
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.downloads import SLOWEST_BYTES_A_S
from epifiji.files.storage.journals import recover

FETCH_TIMEOUT_S = 30
FETCHES_AT_ONCE = 6
PATIENCE_S, PATIENCE_A_FILE_S = 120.0, 3.0
"""A download may take this long, plus a time for each of its files and for their bytes: there are hundreds of small files."""

LOOK_S = 0.5

EMBEDDED, WORKER = "endpoints.txt", "worker-endpoints.txt"
"""The lists in ``jars/``: the libraries of the embedded ImageJ, and those with which Fiji starts the worker."""


def endpoints(listed: str = EMBEDDED) -> list[str]:
    """Read the pinned Maven coordinates of a list in ``jars/``."""
    text = (resource_folder("jars") / listed).read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def jar_folder(listed: str = EMBEDDED) -> Path:
    """Return the folder in the user's cache for the libraries of a list; it may not exist yet."""
    digest = hashlib.sha256("\n".join(endpoints(listed)).encode()).hexdigest()[:12]
    return cache_folder() / "java" / digest


def patched_folder() -> Path:
    """Return the folder in the user's cache for ImageJ's classes that are patched to run without windows; it may not exist."""
    folder = jar_folder()
    return folder.with_name(f"{folder.name}-headless")


def patched_jars() -> list[Path]:
    """Return the jar of these classes, the first on the class path of an ImageJ without windows; none at the first start."""
    return sorted(patched_folder().glob("*.jar"))


def class_path(report: Report = silent, listed: str = EMBEDDED) -> list[Path]:
    """Return the jars of a list and those that they need; they are downloaded if the cache does not contain them.

    The folder appears in the cache in one step, when all jars are complete, so an interrupted or a simultaneous second
    download does no harm. Once the folder exists, the internet is not needed.

    Raises
    ------
    ImageJError
        If they cannot be downloaded or written.
    """
    folder = jar_folder(listed)
    recover(folder)
    if not folder.is_dir():
        try:
            _fetch(folder, endpoints(listed), report)
        except OSError as error:
            if folder.is_dir():
                # Another process was faster.
                return sorted(folder.glob("*.jar"))
            raise ImageJError(
                f"The Java libraries could not be written to {folder} ({error.strerror}), but they are needed: make sure "
                "that you have write permission and free disk space, or set XDG_CACHE_HOME to another folder."
            ) from error
        except Exception as error:
            raise ImageJError(_not_fetched(error, folder)) from error
    return sorted(folder.glob("*.jar"))


def _not_fetched(error: Exception, folder: Path) -> str:
    return (
        f"Java libraries could not be downloaded from Maven Central ({_reason(error)}), but they are needed once: connect "
        f"to the internet (behind a proxy, set HTTPS_PROXY) and try again; later they are read from {folder}."
    )


def _reason(error: BaseException) -> str:
    """Return the reason in a few words; the messages of requests describe sockets at length."""
    if isinstance(error, OSError):
        return error.strerror or "no connection"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _fetch(folder: Path, wanted: list[str], report: Report) -> None:
    with Change() as change:
        whole = change.add(folder)
        # A separate repository: if jgo is interrupted, it leaves half a jar in a shared one and later uses it as
        # complete.
        repository = whole.with_name(f"{whole.name}.repository")
        try:
            report(0.0, "finding Java libraries, once")
            for jar, done in _downloaded(wanted, repository):
                shutil.move(jar, whole / jar.name)
                report(done, "downloading Java libraries, once")
        finally:
            shutil.rmtree(repository, ignore_errors=True)


def _downloaded(wanted: list[str], repository: Path) -> Iterator[tuple[Path, float]]:
    """Yield each jar when it is complete, with the fraction of jars so far; refuse a download that takes too long.

    The threads do not keep the process from ending. They may run long: a server that sends a byte now and then never
    lets a socket time out.
    """
    started = time.monotonic()
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def fetch_some() -> None:
        with suppress(queue.Empty):
            while True:
                arrived.put(_whole_jar(waiting.get_nowait()))

    _in_background(lambda: arrived.put(_resolved(wanted, repository)), arrived)
    artifacts = _next(arrived, repository, started)
    for artifact in artifacts:
        waiting.put(artifact)
    for _ in range(FETCHES_AT_ONCE):
        _in_background(fetch_some, arrived)
    for done in range(1, len(artifacts) + 1):
        yield _next(arrived, repository, started), done / len(artifacts)


def _in_background(work: Callable[[], None], arrived: queue.SimpleQueue[Any]) -> None:
    """Do some work in a thread; an exception that it raises goes into the queue too."""

    def run() -> None:
        try:
            work()
        except Exception as problem:
            arrived.put(problem)

    threading.Thread(target=run, name="EpiFiji-Jars", daemon=True).start()


def _next(arrived: queue.SimpleQueue[Any], repository: Path, started: float) -> Any:
    """Wait for the next item of the queue, as long as the download is fast enough."""
    while True:
        with suppress(queue.Empty):
            came = arrived.get(timeout=LOOK_S)
            if isinstance(came, OSError) and came.errno is None:
                # An error of a connection, not of the disk: those of requests have no number.
                raise ImageJError(_reason(came)) from came
            if isinstance(came, Exception):
                raise came
            return came
        sizes = []
        for path in repository.rglob("*"):
            with suppress(OSError):
                sizes.append(path.stat().st_size if path.is_file() else 0)
        seconds = time.monotonic() - started
        if seconds > PATIENCE_S + PATIENCE_A_FILE_S * len(sizes) + sum(sizes) / SLOWEST_BYTES_A_S:
            raise ImageJError(f"only {sum(sizes)} bytes came in {seconds:.0f} s")


def _resolved(coordinates: list[str], repository: Path) -> list[Any]:
    """Return the artifacts of the coordinates and all that they need, as jgo's objects."""
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
