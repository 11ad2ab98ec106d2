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
"""Time after a signal in which others are ignored: a second key press, or the signals of a closing terminal and its session."""


class Interrupted(BaseException):
    """A signal asked this process to end; `number` is the signal's.

    It is not a KeyboardInterrupt, because the command line's library ends a process on these by itself, without a
    message.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def interrupt(number: int) -> None:
    """Raise the exception that ends the process after a signal."""
    raise Interrupted(number)


def on_signals(act: Callable[[int], None]) -> dict[int, Any]:
    """Call `act` with the number of a signal that asks to end, and return the earlier handlers.

    A signal that is ignored stays ignored: the program that started this process in the background wants it to
    continue. In threads other than the main one nothing changes, because signals do not arrive there.
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
    """Restore the handlers that :func:`on_signals` returned."""
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def collected_signals() -> Iterator[list[int]]:
    """Collect the signals that ask to end in a list, instead of raising within work that must not be interrupted."""
    found: list[int] = []
    earlier = on_signals(found.append)
    try:
        yield found
    finally:
        restore(earlier)
