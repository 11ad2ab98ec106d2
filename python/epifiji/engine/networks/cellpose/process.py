"""The process in which Cellpose computes: of the chosen Python with Cellpose, or of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from threading import RLock
from typing import Any

import numpy as np

from epifiji.data.cellpose_python import chosen_python
from epifiji.data.errors import WrongInputError
from epifiji.data.network import Weights
from epifiji.engine.networks.cellpose import worker

CHOOSE = "choose a Python that has Cellpose 3 with 'epifiji networks cellpose PYTHON'"
INSTALL = f"install it with pip install 'epifiji[cellpose]', or {CHOOSE}"


class _CannotComputeError(Exception):
    """Why Cellpose does not compute, without what to do."""


class CellposeProcess:
    """A process with Cellpose, which several networks use in turn.

    Parameters
    ----------
    python
        Its Python.

    Raises
    ------
    _CannotComputeError
        If it does not start, or has no Cellpose 1 to 3.
    """

    def __init__(self, python: str) -> None:
        self.python, self._lock = python, RLock()
        self._weights: Any = None
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        try:
            self._process = subprocess.Popen(
                [python, "-u", worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            )
        except OSError as problem:
            raise _CannotComputeError(f"{python} does not start as a Python ({problem.strerror})") from problem
        found = self._exchange("hello", {})[0]
        if found["cellpose"].split(".")[0] not in ("2", "3"):
            raise _CannotComputeError(
                f"the Python {python} has Cellpose {found['cellpose']}, but Cellpose 3 is needed for models of Cellpose 1 to 3"
            )
        self.versions: dict[str, str] = found

    def ask(
        self, do: str, arrays: dict[str, np.ndarray] | None = None, **entries: Any
    ) -> tuple[dict[str, Any], Weights]:
        """Do something, and return its entries and arrays.

        Raises
        ------
        WrongInputError
            If Cellpose cannot, or the process ended.
        """
        try:
            return self._exchange(do, arrays or {}, **entries)
        except _CannotComputeError as problem:
            raise WrongInputError(f"{problem}: check that Python, and whether memory was full; {INSTALL}.") from problem

    def _exchange(self, do: str, arrays: Weights, **entries: Any) -> tuple[dict[str, Any], Weights]:
        with self._lock:
            try:
                assert self._process.stdin is not None and self._process.stdout is not None
                worker.send(self._process.stdin, {"do": do, **entries}, arrays)
                found = worker.receive(self._process.stdout)
            except (OSError, ValueError):
                found = None
        if found is None:
            _running.cache_clear()
            raise _CannotComputeError(f"Cellpose ended in {self.python} ({self._last_words()})")
        if "problem" in found[0]:
            raise _CannotComputeError(f"Cellpose failed in {self.python} ({found[0]['problem']})")
        return found

    def ask_network(self, do: str, weights: Weights, gpu: bool, arrays: Any = None, **entries: Any) -> Any:
        """Do something with a network, whose weights are sent unless they are those of the last one."""
        with self._lock:
            if self._weights is not weights:
                self.ask("weights", weights, gpu=gpu)
                self._weights = weights
            return self.ask(do, arrays, **entries)

    def changed(self) -> None:
        """Send the weights again, because they were changed in place."""
        self._weights = None

    def _last_words(self) -> str:
        self._process.wait(10)
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else f"exit code {self._process.returncode}"


def cellpose_process() -> CellposeProcess:
    """Return the process, started when it is first needed.

    Raises
    ------
    WrongInputError
        If there is no Cellpose.
    """
    return cellpose_process_of(cellpose_python())


def cellpose_process_of(python: str, do: str = INSTALL) -> CellposeProcess:
    """Return the process of a Python, started when it is first needed.

    Raises
    ------
    WrongInputError
        If it does not start, or has no Cellpose 1 to 3; `do` is what the user can do.
    """
    try:
        return _running(python)
    except _CannotComputeError as problem:
        raise WrongInputError(f"{problem}: {do}.") from problem


def cellpose_python() -> str:
    """Return the Python with Cellpose.

    Raises
    ------
    WrongInputError
        If none is known.
    """
    if chosen := chosen_python():
        return chosen[0]
    if find_spec("cellpose") is None:
        raise WrongInputError(f"this network is one of Cellpose, which is not installed here: {INSTALL}.")
    return sys.executable


_running = cache(CellposeProcess)
