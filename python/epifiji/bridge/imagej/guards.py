"""Guards for macros and scripts that Python runs: ImageJ must not end the process silently or wait for a click."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from epifiji.bridge.imagej.errors import java_message
from epifiji.bridge.streams import note

ERROR_BOXES = frozenset({"Macro Error", "No Image", "EpiFiji"})
"""Titles of the message boxes of a failed macro, whose message the Python exception has too."""

LOOK_S, BOX_LOOK_S = 0.2, 0.02
QUITTING_S = 20
"""The longest time from the closing of Fiji's window to the end of the process."""

_running: list[tuple[str, list[str]]] = []
_failures: list[str] = []
_ends: list[Callable[[], None]] = []
_java_ends = threading.Event()
_asking = threading.Lock()


def watch_java(*ends: Callable[[], None]) -> None:
    """Install the guards that :func:`watched` needs, once for each JVM.

    `ends` are called before Java ends the process; they are not called if Python ends it.
    """
    import jpype
    from scyjava import is_jvm_headless, jimport

    _ends.extend(ends)
    runnable = jpype.JProxy("java.lang.Runnable", dict={"run": _on_exit})
    jpype.java.lang.Runtime.getRuntime().addShutdownHook(jpype.java.lang.Thread(runnable))
    if is_jvm_headless():
        handler = jpype.JProxy("ij.IJ$ExceptionHandler", dict={"handle": _on_exception})
        jimport("ij.IJ").setExceptionHandler(handler)


@contextmanager
def watched(what: str) -> Iterator[list[str]]:
    """Collect the errors that ImageJ reports during the block, one sentence each.

    If Java ends the process in the block, the exit code is 1 and a sentence names `what`. Without a window ImageJ calls
    ``System.exit(0)`` when a command needs an image and none is open, which looks like success.
    """
    from scyjava import jimport

    reported: list[str] = []
    last_message = jimport("ij.IJ").getErrorMessage
    last_message()  # clears an earlier message
    _running.append((what, reported))
    try:
        yield reported
    finally:
        _running.pop()
        message = last_message()
        if message is not None:
            reported.append(in_one_line(message))


def wait_until(closed: Callable[[], bool], failure: str | None, ends_process: bool) -> None:
    """Wait until ImageJ's window is closed.

    Parameters
    ----------
    closed
        Returns whether the window is closed; asks Java.
    failure
        A sentence about an earlier failure. If Java ends the process, this goes to standard error and the exit code is
        1.
    ends_process
        Whether Java ends the process when the window is closed. This function does not return then: a Python thread
        that calls Java while Java ends crashes the process, and so does the end of Python.
    """
    _failures.extend([] if failure is None else [failure])
    try:
        while not _java_ends.is_set():
            with _asking:
                is_closed = not _java_ends.is_set() and closed()
            if is_closed:
                break
            _java_ends.wait(LOOK_S)
        if ends_process:
            _java_ends.wait(QUITTING_S)
        while _java_ends.is_set():
            time.sleep(LOOK_S)
    finally:
        _failures.clear()


def in_one_line(message: Any) -> str:
    """Return a message of ImageJ in one line, without a full stop."""
    return " ".join(str(message).split()).rstrip(".")


def _on_exit() -> None:
    """Stop all of Python's calls of Java before Java ends; JPype waits for this before it frees its memory."""
    with _asking:
        _java_ends.set()
    sentence = _running[-1][0] + _why_it_ended() if _running else next(iter(_failures), None)
    if sentence is not None:
        sys.stdout.flush()
        note(f"epifiji: {sentence}")
        os._exit(1)
    for end in _ends:
        end()


def _why_it_ended() -> str:
    from scyjava import is_jvm_headless

    if not is_jvm_headless():
        return " was running when ImageJ was closed."
    return (
        " ended the whole process: either it needs an open image and there was none, or it quits Java itself; open an image "
        'first, and leave out System.exit and run("Quit").'
    )


def _on_exception(error: Any) -> None:
    """Record an exception that ImageJ would otherwise only print."""
    while error.getCause() is not None:
        error = error.getCause()
    if _running:
        _running[-1][1].append(java_message(error))
    else:
        note(f"epifiji: ImageJ reports {java_message(error)}.")


@contextmanager
def error_boxes_closed(headless: bool) -> Iterator[None]:
    """Close the message boxes about a macro's error that open during the block; the error is raised as an exception."""
    if headless:
        yield
        return
    import jpype

    toolkit = jpype.java.awt.Toolkit.getDefaultToolkit()
    listener = jpype.JProxy("java.awt.event.AWTEventListener", dict={"eventDispatched": _close_error_box})
    toolkit.addAWTEventListener(listener, jpype.java.awt.AWTEvent.WINDOW_EVENT_MASK)
    try:
        yield
    finally:
        toolkit.removeAWTEventListener(listener)


def _close_error_box(event: Any) -> None:
    from scyjava import jimport, jinstance

    box = event.getSource()
    opened = event.getID() == jimport("java.awt.event.WindowEvent").WINDOW_OPENED
    if opened and jinstance(box, "java.awt.Dialog") and str(box.getTitle()) in ERROR_BOXES:
        threading.Thread(target=_close_when_blocking, args=(box,), name="EpiFiji-Box", daemon=True).start()


def _close_when_blocking(box: Any) -> None:
    """Close a message box as soon as the thread that opened it is blocked by it.

    NB: ``java.awt.Dialog.show`` reports that the box is open before it blocks its thread. If the box is closed in
    between, the thread is blocked forever.
    """
    import jpype

    while box.isShowing() and not _all_boxes_block():
        time.sleep(BOX_LOOK_S)
    jpype.java.awt.EventQueue.invokeLater(jpype.JProxy("java.lang.Runnable", dict={"run": box.dispose}))


def _all_boxes_block() -> bool:
    import jpype

    windows = jpype.java.awt.Window.getWindows()
    dialog = jpype.JClass("java.awt.Dialog")
    boxes = sum(
        isinstance(window, dialog) and bool(window.isModal()) and bool(window.isShowing()) for window in windows
    )
    stacks = jpype.java.lang.Thread.getAllStackTraces().values()
    waits = sum(
        str(frame.getClassName()) == "java.awt.WaitDispatchSupport" and str(frame.getMethodName()) == "enter"
        for stack in stacks
        for frame in stack
    )
    return waits >= boxes
