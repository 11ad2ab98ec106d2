"""A command that receives a signal ends with one sentence, leaves no files, and has the signal's exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture
def long_movie(tmp_path: Path, movie_file: Path) -> Path:
    path = tmp_path / "movies" / "long.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.concatenate([tifffile.imread(movie_file)] * 60), imagej=True, metadata={"axes": "TYX"})
    return path


@contextmanager
def default_handlers() -> Iterator[None]:
    """Start processes with the default signal handlers, as background jobs of a shell and their children ignore interrupts."""
    kept = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    kept[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@pytest.fixture
def detecting(tmp_path: Path, long_movie: Path, epinet_folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a detection and yield while it runs, after the first blocks are kept."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "epifiji", "detect", str(long_movie), "--network", str(epinet_folder)]
    with default_handlers():
        run = subprocess.Popen(
            [*command, "--mode", "exact", "--step-xy", "10", "--step-t", "1"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    deadline = time.monotonic() + 120
    while run.poll() is None and not list((tmp_path / "cache").rglob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert run.poll() is None, run.communicate()
    yield run
    if run.poll() is None:
        run.kill()
        run.communicate()


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGHUP], 129),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGHUP, signal.SIGTERM], 129),
    ],
    ids=["interrupt", "terminate", "hang up", "twice", "a closing terminal"],
)
def test_a_detection_ends_with_one_sentence_and_leaves_no_files(
    detecting: subprocess.Popen[str], long_movie: Path, signals: list[signal.Signals], code: int
) -> None:
    for number in signals:
        detecting.send_signal(number)
        time.sleep(0.2)
    _, said = detecting.communicate(timeout=120)
    assert detecting.returncode == code, said
    assert said.startswith("epifiji: cancelled; ")
    assert said.count("\n") == 1
    assert list(long_movie.parent.iterdir()) == [long_movie]


WORKER = [sys.executable, "-m", "epifiji.bridge.fiji.worker"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_worker_ends_at_once_and_without_a_traceback(number: signal.Signals) -> None:
    pipe = subprocess.PIPE
    with default_handlers():
        worker = subprocess.Popen(WORKER, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write('{"task": "1", "requestType": "EXECUTE", "script": "1 + 1"}\n')
    worker.stdin.flush()
    # The worker answers, so it is ready.
    assert worker.stdout.readline()
    worker.send_signal(number)
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 128 + number
    assert "Traceback" not in said
