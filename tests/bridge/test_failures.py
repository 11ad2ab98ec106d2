"""The sentence for each class of exceptions that a command may raise."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import lzma
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.bridge.failures import UNEXPECTED, describe_failure


def raised(do: Callable[[], object]) -> BaseException:
    """Return the exception that a library really raises."""
    with pytest.raises(BaseException) as caught:
        do()
    return caught.value


def out_of_memory() -> object:
    import tensorflow as tf

    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def lost_worker() -> object:
    from distributed.comm import CommClosedError

    raise CommClosedError("in <TCP>: Stream is closed")


def refused_connection() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return socket.create_connection(("127.0.0.1", port), 5)


def link_to_itself(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


FILES: dict[str, Callable[[Path], object]] = {
    "zip": lambda folder: zipfile.ZipFile(folder / "text"),
    "zlib": lambda folder: zlib.decompress(b"no"),
    "lzma": lambda folder: lzma.decompress(b"no"),
    "struct": lambda folder: struct.unpack("<Q", b"no"),
    "csv": lambda folder: list(csv.reader(['a\0"b', '"'], strict=True)),
    "json": lambda folder: json.loads("{"),
    "text": lambda folder: b"\xff\xfe".decode("utf-8"),
    "tiff": lambda folder: tifffile.TiffFile(folder / "text"),
    "picture": lambda folder: __import__("PIL.Image").Image.open(folder / "text"),
    "missing": lambda folder: (folder / "none").open(),
    "folder": lambda folder: folder.open(),
    "below a file": lambda folder: (folder / "text" / "x").open(),
    "loop": lambda folder: link_to_itself(folder).open(),
    "loop resolved": lambda folder: link_to_itself(folder).resolve(strict=True),
    "long name": lambda folder: (folder / ("x" * 300)).open(),
}


@pytest.mark.parametrize("kind", FILES)
def test_errors_that_another_file_corrects_are_wrong_input(kind: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is text")
    sentence, what = describe_failure(raised(lambda: FILES[kind](tmp_path)))
    assert what == "input"
    assert UNEXPECTED not in sentence
    assert sentence.endswith(".") and "\n" not in sentence and ": " in sentence


FAILURES: dict[str, tuple[Callable[[], object], str]] = {
    "memory": (lambda: np.empty(1 << 60, np.uint8), "memory is full"),
    "memory of a device": (out_of_memory, "memory is full"),
    "package": (lambda: __import__("no_such_package"), "no_such_package is missing"),
    "metadata": (lambda: importlib.metadata.version("no-such-package"), "is missing"),
    "connection": (refused_connection, "connection"),
    "workers": (lost_worker, "connection"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_missing_resources_of_the_computer_are_failures(kind: str) -> None:
    do, words = FAILURES[kind]
    sentence, what = describe_failure(raised(do))
    assert what == "failure"
    assert words in sentence
    assert UNEXPECTED not in sentence


def test_an_unexpected_error_is_described_in_one_line() -> None:
    sentence, what = describe_failure(TypeError("one\ntwo"))
    assert (sentence, what) == ("something went wrong inside (TypeError: one two).", "failure")
