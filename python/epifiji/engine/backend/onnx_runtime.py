"""ONNX Runtime, which computes trained networks on the processor and starts in a tenth of TensorFlow's time.

TensorFlow takes its place where it is missing or does not start.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

from epifiji.data.tensorflow_import import threads_within_operations

T = TypeVar("T")

FATAL = 4
"""The level of messages that are shown; errors are raised."""


@cache
def onnxruntime_or_problem() -> tuple[Any, str]:
    """Import ONNX Runtime; return it and an empty text, or None and why it does not start."""
    # Otherwise the packages of its authors report how they are used, from the import on.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime

        onnxruntime.set_default_logger_severity(FATAL)
        # Builds for Windows' own trace of events do not read the variable.
        onnxruntime.disable_telemetry_events()
    except Exception as problem:
        # A library of the system may be missing, or another program's of the same name in the way.
        return None, f"{type(problem).__name__}: {problem}"
    return onnxruntime, ""


def has_onnxruntime() -> bool:
    """Return whether ONNX Runtime starts."""
    return onnxruntime_or_problem()[0] is not None


def accepted(make: Callable[[], T]) -> T | None:
    """Return what sessions are made for, or None if ONNX Runtime does not start with them: TensorFlow computes the same."""
    try:
        return make()
    except Exception:
        # A session raises errors of many kinds, such as those of a processor that it does not know.
        return None


class OnnxSession:
    """A graph, ready to be computed with as many threads as TensorFlow would use.

    Results do not depend on the number of rows, but the last digit may on the number of threads.

    Parameters
    ----------
    model
        As :meth:`epifiji.engine.backend.onnx_graph.OnnxGraph.model` returns it.
    frees
        Whether memory is given back after each call, which takes a twentieth of the time; else it is kept for the next one.

    Raises
    ------
    Exception
        Of various kinds, if ONNX Runtime does not accept the graph.
    """

    def __init__(self, model: bytes, frees: bool = False) -> None:
        self._model, self._frees = model, frees
        self._session: Any = self._made()
        _sessions.add(self)

    def __call__(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, Any]:
        """Return the outputs of these names, given all inputs, as values that can be inputs again."""
        if self._session is None:
            self._session = self._made()
        found = self._session.run_with_ort_values(list(outputs), dict(inputs), self._options())
        return dict(zip(outputs, found, strict=True))

    @staticmethod
    def value(array: np.ndarray) -> Any:
        """Return an array as an input; it must not be changed until the session was called."""
        return onnxruntime_or_problem()[0].OrtValue.ortvalue_from_numpy(array)

    def _options(self) -> Any:
        options = onnxruntime_or_problem()[0].RunOptions()
        if self._frees:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    def _made(self) -> Any:
        runtime = onnxruntime_or_problem()[0]
        options = runtime.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = threads_within_operations()
        # Threads that wait in a loop take the processor from other programs, and half as much time again.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Memory is reserved as it is needed: a plan for all at once needs a tenth more.
        options.enable_mem_pattern = False
        return runtime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])

    def after_fork(self) -> None:
        """Forget the session in a forked process, in which its threads are missing: to remove it would wait for them forever."""
        if self._session is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None


_sessions: weakref.WeakSet[OnnxSession] = weakref.WeakSet()


def _after_fork() -> None:
    for session in list(_sessions):
        session.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
