"""The jobs that Fiji's commands ask for: each is registered at its function, which takes a request and gives plain JSON types."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from epifiji.data.progress import Report

Answer = dict[str, Any]
Blocks = Sequence[np.ndarray]

WAIT_S = 0.1
"""How often a job that waits for another looks whether it was cancelled."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Request:
    """What a command asks.

    Parameters
    ----------
    values
        What the job's function names, as plain JSON types.
    blocks
        Pixels of the request's image, as bytes (uint8, one axis), whole frames in each.
    report
        Called with progress; may raise to cancel.
    """

    values: dict[str, Any]
    blocks: Blocks
    report: Report

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """Give a value that may be left out."""
        return self.values.get(name, default)


@dataclass(frozen=True)
class Job:
    """A function that answers requests, and the label of the menu command that asks for it, if one does."""

    do: Callable[[Request], Answer]
    label: str | None


JOBS: dict[str, Job] = {}
"""All jobs by name, once :mod:`epifiji.bridge.fiji.requests.answer` is imported."""


def job(
    name: str, label: str | None = None, in_turn: bool = False
) -> Callable[[Callable[[Request], Answer]], Callable[[Request], Answer]]:
    """Register a function as a job; with `in_turn` it waits until no other such job runs."""

    def register(do: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def waiting(request: Request) -> Answer:
            with alone(request.report):
                return do(request)

        assert name not in JOBS, name
        JOBS[name] = Job(waiting if in_turn else do, label)
        return do

    return register


@contextmanager
def alone(report: Report) -> Iterator[None]:
    """Wait until nothing else runs that takes the machine's memory and all its cores, and keep others waiting."""
    while not _one_at_a_time.acquire(timeout=WAIT_S):
        report(0, "waiting for another detection or training")
    try:
        yield
    finally:
        _one_at_a_time.release()
