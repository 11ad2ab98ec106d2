"""The engine as a separate process, ``python -m epifiji.bridge.fiji.worker``, for a Fiji that was not started from Python.

It uses Appose's protocol on standard input and output; no port is opened. When standard input closes, because Fiji
ended or was killed, the worker stops its jobs, removes the shared memory that they used, and ends.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO, TextIO

import numpy as np

from epifiji.bridge.failures import EXIT_CODES
from epifiji.bridge.fiji.requests.answer import VERSION, answer
from epifiji.bridge.streams import note, prepare_streams
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.interrupts import on_signals
from epifiji.data.tensorflow_import import import_tensorflow

__all__ = ["VERSION", "do_task", "main"]

LEAST_BETWEEN_UPDATES_S = 0.1
RECEIVER = "Appose-Receiver"
"""The name of the thread in which Appose reads requests."""

LONGEST_REASON = 200
END_TIMEOUT_S = 2.0
"""How long a job may take to stop and remove its files after Fiji has ended."""

_in_use: set[Any] = set()
_jobs: set[int] = set()
_changed = threading.Condition()
_orphaned = threading.Event()


def do_task(task: Any, job: str, request: str, blocks: Sequence[Any]) -> None:
    """Do a job for an Appose task, and put the answer into its outputs as ``answer``.

    Parameters
    ----------
    task
        Appose's task. It receives progress, and is asked whether the job was cancelled.
    job, request
        See :func:`epifiji.bridge.fiji.requests.answer.answer`.
    blocks
        Appose's arrays of bytes, in shared memory that the client made and removes.
    """
    if job == "describe":
        # The user is about to fill in a dialog: enough time to load what the first detection needs.
        threading.Thread(target=_load_engine, name="EpiFiji-Load", daemon=True).start()
    shared = [block.shm for block in blocks]
    with _changed:
        _jobs.add(threading.get_ident())
        _in_use.update(shared)
    try:
        task.outputs["answer"] = answer(job, request, [block.ndarray() for block in blocks], _Progress(task))
    finally:
        if shared:
            # The client may remove the memory once nothing here refers to it. Collecting takes up to a second with TensorFlow
            # loaded, which a step of a correction, without blocks, must not wait for.
            blocks = ()
            gc.collect()
        with _changed:
            if not _orphaned.is_set():
                _in_use.difference_update(shared)
            _jobs.discard(threading.get_ident())
            _changed.notify_all()
        for memory in shared:
            with suppress(BufferError):
                memory.close()


def _load_engine() -> None:
    import epifiji.jobs.events.detect  # noqa: F401
    from epifiji.files.networks.store import find_network, read_description
    from epifiji.jobs.networks import needs_tensorflow

    # It takes seconds and 0.4 GB, which the default network may not need.
    with suppress(WrongInputError, OSError):
        if needs_tensorflow(read_description(find_network())):
            import_tensorflow()


class _Progress:
    """Reports a job's progress to an Appose task, at most ten times a second, and stops the job if it was cancelled."""

    def __init__(self, task: Any) -> None:
        self._task, self._updated, self._doing = task, 0.0, ""

    def __call__(self, done: float, doing: str) -> None:
        if self._task.cancel_requested or _orphaned.is_set():
            raise CancelledError
        now = time.monotonic()
        if doing != self._doing or now - self._updated >= LEAST_BETWEEN_UPDATES_S:
            self._updated, self._doing = now, doing
            self._task.update(doing, current=round(1000 * done), maximum=1000)


class Requests:
    """Standard input read as lines in UTF-8, whatever the system's encoding.

    Empty lines, which would end Appose, are skipped.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readline(self, _: int = -1) -> str:
        """Return the next line that is not empty; an empty string at the end of the input."""
        for line in iter(self._source.readline, b""):
            if text := line.decode("utf-8").strip():
                return text + "\n"
        return ""


def _end_with_message(problem: threading.ExceptHookArgs) -> None:
    """End the process if the thread that reads requests fails; otherwise the client would wait forever for an answer.

    The client shows the last line on standard error.
    """
    if problem.thread is None or problem.thread.name != RECEIVER:
        threading.__excepthook__(problem)
        return
    reason = f"{problem.exc_type.__name__}: {problem.exc_value}"
    note(
        f"epifiji: the engine received a line that is not a request ({' '.join(reason.split())[:LONGEST_REASON]}), so it ended."
    )
    _leave()
    os._exit(EXIT_CODES["input"])


class Messages(io.TextIOBase):
    """A standard output that passes on only Appose's messages, one line each; all other lines go to standard error.

    Appose prints from several threads, and `print` writes a line and its line end separately. Other output in between
    would break a message, and Fiji would wait for it forever.
    """

    def __init__(self, out: TextIO, others: TextIO) -> None:
        self._out, self._others = out, others
        self._writing = threading.Lock()
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        """Write the lines that are complete."""
        *lines, self._of_thread.begun = (getattr(self._of_thread, "begun", "") + text).split("\n")
        for line in lines:
            is_message = line.startswith("{") and '"responseType"' in line
            with self._writing:
                stream = self._out if is_message else self._others
                stream.write(line + "\n")
                stream.flush()
        return len(text)


def _leave() -> None:
    """Stop the jobs, let them remove their files, and remove the shared memory of a client that has ended."""
    with _changed:
        _orphaned.set()
        _changed.wait_for(lambda: not _jobs, END_TIMEOUT_S)
        for memory in _in_use:
            with suppress(OSError):
                memory.unlink()


def _end_by_signal(number: int) -> None:
    _leave()
    os._exit(128 + number)


def main() -> None:
    """Answer requests until standard input closes."""
    from appose import python_worker

    # On Windows, importing TensorFlow while another thread waits for standard input may never return.
    if sys.platform == "win32":
        import_tensorflow()
    prepare_streams()
    threading.excepthook = _end_with_message
    sys.stdin = Requests(sys.stdin.buffer)
    # Native code that prints would break the protocol, so only Appose gets the real standard output.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = Messages(protocol, sys.stderr)
    on_signals(_end_by_signal)
    assert np is not None  # numpy too must be imported before the first request
    python_worker.main()
    _leave()
    # sys.exit would wait for a job that does not stop.
    os._exit(0)


if __name__ == "__main__":
    # Tasks import this module by its name; what runs here is a second copy called __main__.
    from epifiji.bridge.fiji.worker import main as main_of_tasks

    main_of_tasks()
