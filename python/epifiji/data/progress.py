"""How a long computation tells its caller how far it is."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Called now and then by a long computation.

    A report may raise :class:`~epifiji.data.errors.CancelledError`; the computation then leaves nothing behind.
    """

    def __call__(self, done: float, doing: str) -> None:
        """Say that the fraction `done` (0–1) of what `doing` names (a short phrase) is finished."""


def silent(done: float, doing: str) -> None:
    """Report nothing."""


LOOKING = "looking for events"
