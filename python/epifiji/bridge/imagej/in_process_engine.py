"""The engine for an ImageJ in this process: a function that Jython's scripts find under a system property."""

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
CANCEL_PATIENCE_S = 1.5

_registered: list[Any] = []
_starting = threading.Lock()
_jobs: weakref.WeakSet[_Running] = weakref.WeakSet()


class Answer(Protocol):
    """What answers requests, as :func:`epifiji.bridge.fiji.requests.answer.answer` does."""

    def __call__(self, job: str, request: str, blocks: Sequence[np.ndarray], report: Report) -> str:
        """Do a job, and give its answer as JSON."""


def register_engine(answer: Answer) -> None:
    """Register what answers requests, once for each JVM, as a ``java.util.function.Function``."""
    import jpype

    if _registered:
        return
    function = jpype.JProxy("java.util.function.Function", inst=_Engine(answer))
    _registered.append(function)
    atexit.register(end_jobs)
    jpype.java.lang.System.getProperties().put(PROPERTY, function)


def end_jobs(exit_code: int = 1) -> None:
    """Stop the jobs that still run when the process ends: native code on a thread that Python takes down aborts it.

    If one does not stop soon, the process ends here, with `exit_code`.
    """
    running = [job for job in _jobs if not job.ended.is_set()]
    for job in running:
        job.stop = True
    if not all(job.ended.wait(CANCEL_PATIENCE_S) for job in running):
        sys.stdout.flush()
        os._exit(exit_code)


class _Engine:
    """Answers maps with ``allocate`` (bytes), ``release`` (a block), or ``job``, ``request``, ``blocks`` and ``report``.

    A block is a direct ByteBuffer over numpy's memory: pixels that Java writes there need no copying.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._memory: dict[int, tuple[Any, np.ndarray]] = {}

    def apply(self, asked: Any) -> Any:
        """See the class. None where memory cannot be had."""
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
    """Tell a buffer from all others: Java gives equal hash codes to buffers of equal content."""
    from scyjava import jimport

    return int(jimport("java.lang.System").identityHashCode(buffer))


class _Running:
    """A job on a thread of Python's own: on Java's, with a stack of 1 MB, TensorFlow overflows it and the process dies.

    Java's thread waits meanwhile, passes progress on, and asks whether to stop. A job that does not stop soon is left to
    itself: it ends when it next tells of progress, and its answer is dropped.
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
        """Wait for the answer; `report` is a Java function of progress that says whether to stop."""
        while not self.ended.wait(LOOK_S):
            if report.apply(*self._progress):
                self.stop = True
                break
        if self.ended.wait(CANCEL_PATIENCE_S if self.stop else None) and self._answer is not None:
            return self._answer
        return json.dumps({"error": "cancelled", "kind": "cancelled"})
