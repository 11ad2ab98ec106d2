"""The engine for an ImageJ in this process: a Java function that Jython scripts get from a system property."""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from epifiji.data.errors import CancelledError
from epifiji.data.progress import Report

PROPERTY = "epifiji.engine"
STACK_BYTES = 32 * 2**20
LOOK_S = 0.05
CANCEL_TIMEOUT_S = 1.5

_registered: list[Any] = []
_starting = threading.Lock()
_jobs: weakref.WeakSet[_Running] = weakref.WeakSet()


class Answer(Protocol):
    """A function that answers requests: :func:`epifiji.bridge.fiji.requests.answer.answer`."""

    def __call__(self, job: str, request: str, blocks: Sequence[np.ndarray], report: Report) -> str:
        """Do a job and return its answer as JSON."""


def register_engine(answer: Answer) -> None:
    """Register the function that answers requests, once for each JVM, as a ``java.util.function.Function``."""
    import jpype

    if _registered:
        return
    function = jpype.JProxy("java.util.function.Function", inst=_Engine(answer))
    _registered.append(function)
    atexit.register(end_jobs)
    jpype.java.lang.System.getProperties().put(PROPERTY, function)


def end_jobs(exit_code: int = 1) -> None:
    """Stop the jobs that still run when the process ends: native code on a thread that Python ends would abort the process.

    If a job does not stop soon, the process ends here with `exit_code`.
    """
    running = [job for job in _jobs if not job.ended.is_set()]
    for job in running:
        job.stop = True
    if not all(job.ended.wait(CANCEL_TIMEOUT_S) for job in running):
        sys.stdout.flush()
        os._exit(exit_code)


class _Engine:
    """The Java function.

    Its argument is a map with ``allocate`` (a number of bytes), ``release`` (a block), or a request.

    A request has ``job``, ``request``, ``blocks`` and ``report``. A block is a direct ByteBuffer over numpy's memory,
    so pixels that Java writes into it need not be copied.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._memory: dict[int, tuple[Any, np.ndarray]] = {}

    def apply(self, asked: Any) -> Any:
        """Answer a map; see the class. Return None if there is not enough memory to allocate."""
        import jpype

        if asked.containsKey("allocate"):
            return self._allocate(int(asked.get("allocate")))
        if asked.containsKey("release"):
            self._memory.pop(_address(asked.get("release")), None)
            return None
        blocks = [self._memory[_address(block)][1] for block in asked.get("blocks")]
        running = _Running(self._answer, str(asked.get("job")), str(asked.get("request")), blocks)
        return jpype.JString(running.wait(asked.get("report")))

    def _allocate(self, size: int) -> Any:
        import jpype

        try:
            memory = np.zeros(size, np.uint8)
        except MemoryError:
            return None
        buffer = jpype.nio.convertToDirectBuffer(memory)
        self._memory[_address(buffer)] = buffer, memory
        return buffer


def _address(buffer: Any) -> int:
    """Return a number that identifies a buffer. Java's hash codes are equal for buffers of equal content."""
    from scyjava import jimport

    return int(jimport("java.lang.System").identityHashCode(buffer))


class _Running:
    """A job on a Python thread.

    On Java's threads, whose stack is 1 MB, TensorFlow overflows the stack and the process dies.

    Java's thread waits meanwhile, passes progress on, and asks whether to stop. A cancelled job that does not stop soon
    runs on until it next reports progress; its answer is ignored.
    """

    def __init__(self, answer: Answer, job: str, request: str, blocks: list[np.ndarray]) -> None:
        self._ask = answer
        self._answer: str | None = None
        self.ended = threading.Event()
        self.stop = False
        self._progress = 0.0, "starting"
        _jobs.add(self)
        with _starting:
            before = threading.stack_size(STACK_BYTES)
            try:
                run = threading.Thread(target=self._run, args=(job, request, blocks), name="EpiFiji-Job", daemon=True)
                run.start()
            finally:
                threading.stack_size(before)

    def _run(self, job: str, request: str, blocks: list[np.ndarray]) -> None:
        try:
            self._answer = self._ask(job, request, blocks, self._report)
        finally:
            self.ended.set()

    def _report(self, done: float, doing: str) -> None:
        self._progress = done, doing
        if self.stop:
            raise CancelledError

    def wait(self, report: Any) -> str:
        """Wait for the answer; `report` is a Java function of progress that returns whether to stop."""
        while not self.ended.wait(LOOK_S):
            if report.apply(*self._progress):
                self.stop = True
                break
        if self.ended.wait(CANCEL_TIMEOUT_S if self.stop else None) and self._answer is not None:
            return self._answer
        return json.dumps({"error": "cancelled", "kind": "cancelled"})
