"""What keeps ImageJ from ending the process or waiting for a click while Python runs something in it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from epifiji.bridge.imagej.errors import said_by
from epifiji.bridge.streams import note

ERROR_BOXES = frozenset({"Macro Error", "No Image", "EpiFiji"})
"""Titles of the boxes that show what a failed macro's exception says too."""

LOOK_S, BOX_LOOK_S = 0.2, 0.02
QUITTING_S = 20
"""How long a Fiji's quitting takes, at most, from its window's end to the process's."""

_running: list[tuple[str, list[str]]] = []
_failures: list[str] = []
_ends: list[Callable[[], None]] = []
_java_ends = threading.Event()
_asking = threading.Lock()


def watch_java(*ends: Callable[[], None]) -> None:
    """Make sure, once for each JVM, that nothing that :func:`watched` runs ends or fails silently.

    `ends` are called before Java ends the process, and never where Python does.
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
    """Run a block of ImageJ's, and give what ImageJ reports of errors meanwhile, one sentence each.

    If Java ends the process in the block, that happens with exit code 1 and a sentence that names `what`: without a
    window ImageJ calls ``System.exit(0)`` where a command needs an image and none is open, as if all were well.
    """
    from scyjava import jimport

    reported: list[str] = []
    last_message = jimport("ij.IJ").getErrorMessage
    last_message()  # forgets what was reported before
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
        Asks Java whether it is.
    failure
        A sentence on what failed before; if Java ends the process, standard error shows it and the exit code is 1.
    ends_process
        Whether Java ends the process when the window is closed. This does not return then: a thread of Python's that uses Java
        while it ends crashes the process, and so does Python's own end.
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
    """Bring a message of ImageJ's into one line without a full stop."""
    return " ".join(str(message).split()).rstrip(".")


def _on_exit() -> None:
    """Leave Java's end to Java, with nothing of Python's running in it; JPype waits for this before it gives its memory back."""
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
    """Take an exception that ImageJ would print and forget."""
    while error.getCause() is not None:
        error = error.getCause()
    if _running:
        _running[-1][1].append(said_by(error))
    else:
        note(f"epifiji: ImageJ reports {said_by(error)}.")


@contextmanager
def error_boxes_closed(headless: bool) -> Iterator[None]:
    """While the block runs, close the boxes that tell of a macro's error as they open: an exception tells of it."""
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
        threading.Thread(target=_close_once_waited_for, args=(box,), name="EpiFiji-Box", daemon=True).start()


def _close_once_waited_for(box: Any) -> None:
    """Close a box as soon as the thread that opened it waits for its end.

    NB: ``java.awt.Dialog.show`` says that the box is open before it begins to wait; a box that is closed in between is waited for
    for ever.
    """
    import jpype

    while box.isShowing() and not _all_boxes_are_waited_for():
        time.sleep(BOX_LOOK_S)
    jpype.java.awt.EventQueue.invokeLater(jpype.JProxy("java.lang.Runnable", dict={"run": box.dispose}))


def _all_boxes_are_waited_for() -> bool:
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
