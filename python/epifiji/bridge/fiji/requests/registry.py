"""The registry of jobs that Fiji's commands request. A job is a function of a request that returns JSON types."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.progress import Report
from epifiji.data.settings.base import Settings

Answer = dict[str, Any]
Blocks = Sequence[np.ndarray]

WAIT_S = 0.1
"""How often a job that waits for another one checks whether it was cancelled."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Request:
    """A request of a command.

    Parameters
    ----------
    values
        The values that the job's function documents, as JSON types.
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
        """Return a value that the client may leave out."""
        return self.values.get(name, default)


@dataclass(frozen=True)
class Job:
    """A function that answers requests, and the label of the menu command that sends them, if there is one."""

    do: Callable[[Request], Answer]
    label: str | None


JOBS: dict[str, Job] = {}
"""All jobs by name, once :mod:`epifiji.bridge.fiji.requests.answer` is imported."""


def job(
    name: str, label: str | None = None, exclusive: bool = False
) -> Callable[[Callable[[Request], Answer]], Callable[[Request], Answer]]:
    """Register a function as a job. An `exclusive` job waits until no other detection or training runs."""

    def register(do: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def waiting(request: Request) -> Answer:
            with exclusive_use(request.report):
                return do(request)

        assert name not in JOBS, name
        JOBS[name] = Job(waiting if exclusive else do, label)
        return do

    return register


def settings_of(command: Settings, kind: type[Settings]) -> dict[str, Any]:
    """Return the specified settings of a command that are settings of its job, which have a type of their own."""
    return command.model_dump(include=set(kind.model_fields), exclude_unset=True)


@contextmanager
def exclusive_use(report: Report) -> Iterator[None]:
    """Wait until no other job uses all of the machine's cores and memory, and let others wait meanwhile."""
    while not _one_at_a_time.acquire(timeout=WAIT_S):
        report(0, "waiting for another detection or training")
    try:
        yield
    finally:
        _one_at_a_time.release()


def folder_of_results(
    movie: Image, out: str | None, written: bool, folder_for: Callable[[str, Path], Path]
) -> Path | None:
    """Return the folder for the results: in `out`, or next to the movie if they are `written`; None if they are only shown.

    ``folder_for(name, place)`` makes its path.

    Raises
    ------
    WrongInputError
        If results are to be written, but neither a folder is given nor was the movie opened from a file.
    """
    from epifiji.files.movies.movie_file import split_path

    if out is not None:
        return folder_for(movie.name, Path(out))
    if not written:
        return None
    if movie.path is None:
        raise WrongInputError(
            f"{movie.name} was not opened from a file, or was changed since, so there is no folder for the results: "
            "save it first, or give --out DIR."
        )
    return folder_for(movie.name, split_path(str(movie.path))[0].parent)
