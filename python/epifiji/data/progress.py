"""Reporting of progress by long computations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Report(Protocol):
    """Called repeatedly by a long computation.

    A report may raise :class:`~epifiji.data.errors.CancelledError`; the computation then leaves nothing behind.
    """

    def __call__(self, done: float, doing: str) -> None:
        """Report that the fraction `done` (0–1) of the task `doing` (a short phrase) is finished."""


def silent(done: float, doing: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class PartReport:
    """The report of one part of a computation in equal parts.

    Parameters
    ----------
    whole
        The report of all parts together.
    number, count
        The part's number, from 0, and the number of parts.
    before, after
        Texts around what the part says it is doing.
    """

    whole: Report
    number: int
    count: int
    before: str = ""
    after: str = ""

    def __call__(self, done: float, doing: str) -> None:
        """Report the progress of the whole."""
        self.whole((self.number + done) / self.count, f"{self.before}{doing}{self.after}")


LOOKING = "looking for events"
WRITING = "writing the results"
