"""Signals that ask a process to end: an interrupt from the keyboard, the end of a session, a closed terminal."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
GRACE_S = 2.0
"""So long after one signal others are ignored: an impatient second one, or what a closing terminal and then its session send."""


class Interrupted(BaseException):
    """A signal asked this process to end; `number` says which.

    It is no KeyboardInterrupt, because the command line's library ends a process by itself on these, without a word.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def interrupt(number: int) -> None:
    """Raise what ends the process by a signal."""
    raise Interrupted(number)


def on_signals(act: Callable[[int], None]) -> dict[int, Any]:
    """Call `act` with the number of a signal that asks to end, and give the handlers that there were.

    A signal that is ignored stays ignored: whoever started this process in the background wants it to go on. In another thread
    than the main one nothing changes, as signals do not arrive there.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    last = float("-inf")

    def handle(number: int, _: object) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= GRACE_S:
            last = now
            act(number)

    numbers = [number for name in NAMES if (number := getattr(signal, name, None)) is not None]
    return {number: signal.signal(number, handle) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}


def restore(handlers: dict[int, Any]) -> None:
    """Set handlers again that :func:`on_signals` gave."""
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def noted() -> Iterator[list[int]]:
    """Note the signals that ask to end, in a list, instead of raising in the middle of work that must not be cut."""
    found: list[int] = []
    earlier = on_signals(found.append)
    try:
        yield found
    finally:
        restore(earlier)
