"""Servers that are too slow overall, although each byte arrives in time."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from epifiji.bridge.imagej import jars
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.files.storage import downloads
from epifiji.files.storage.downloads import download

HEADER = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
CONTENT = bytes(range(50))


@contextmanager
def server(at_once: bytes, dripped: bytes, pause_s: float) -> Iterator[str]:
    """Send some bytes at once and the others one by one, to every client."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(10_000)
                    connection.sendall(at_once)
                    for number in range(len(dripped)):
                        if ended.wait(pause_s):
                            return
                        connection.sendall(dripped[number : number + 1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/net.zip"
        finally:
            ended.set()
            thread.join(10)


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PATIENCE_S", 1.0)


@pytest.mark.parametrize(
    ("at_once", "dripped"),
    [
        (HEADER, CONTENT),
        (b"", HEADER),
        (HEADER[:20], b"X-Never-Ends: " + b"a" * 5000),
        (CHUNKED, b"0" * 5000),
        (b"", b""),
    ],
    ids=["content", "header", "a header without end", "the size of a chunk", "nothing"],
)
def test_a_drip_is_refused_in_time_and_nothing_is_left_waiting(at_once: bytes, dripped: bytes, tmp_path: Path) -> None:
    quiet = dripped or b"x"
    with server(at_once, quiet, 0.1 if dripped else 30) as address:
        started = time.monotonic()
        with pytest.raises(WrongInputError, match="bytes in [0-9]+ s, but at least 20000 bytes a second are expected"):
            download(address, tmp_path, "0" * 64)
        assert time.monotonic() - started < 4
    threads = [thread for thread in threading.enumerate() if thread.name == "EpiFiji-Download"]
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def test_what_comes_slowly_but_in_time_is_kept(tmp_path: Path) -> None:
    with server(HEADER, CONTENT, 0.005) as address:
        file = download(address, tmp_path, hashlib.sha256(CONTENT).hexdigest())
    assert file.read_bytes() == CONTENT


def test_the_time_grows_with_what_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty bytes a second take longer than the allowed time, but are faster than the ten bytes a second that are required."""
    monkeypatch.setattr(downloads, "SLOWEST_BYTES_A_S", 10.0)
    with server(HEADER, CONTENT, 0.05) as address:
        assert download(address, tmp_path, hashlib.sha256(CONTENT).hexdigest()).read_bytes() == CONTENT


def test_java_libraries_that_only_drip_are_refused_in_time_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "PATIENCE_S", 1.0)
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with server(b"HTTP/1.1 200 ", b"a" * 500, 0.1) as address:
        monkeypatch.setenv("HTTPS_PROXY", address.removesuffix("/net.zip"))
        started = time.monotonic()
        with pytest.raises(
            ImageJError, match=r"could not be downloaded from Maven Central \(only [0-9]+ bytes came in [0-9]+ s\)"
        ):
            jars.class_path()
        assert time.monotonic() - started < 15
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "EpiFiji-Jars")
