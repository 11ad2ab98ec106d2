"""A user at a desktop: real keys and clicks by xdotool, and the windows on the screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from display import virtual_display
from jvm import JAVA_SCALE

PATIENCE_S = 180
LOOK_S = 0.1

REACTION_S = 3
"""How long a window may take to get the focus before it is activated again: another one may have opened meanwhile."""

Seen = TypeVar("Seen")


def _window_manager(display: str) -> subprocess.Popen[bytes]:
    """Start a window manager and wait until it is ready.

    Sometimes one cannot connect to a display that has just started.
    """
    env = {"DISPLAY": display, "HOME": "/nonexistent"}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        manager = subprocess.Popen(["openbox"], env=env, stderr=subprocess.DEVNULL)
        while manager.poll() is None:
            asked = subprocess.run(
                ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=os.environ | env, capture_output=True, check=False
            )
            if b"window id" in asked.stdout:
                return manager
            assert time.monotonic() < deadline, "openbox does not manage the display's windows"
            time.sleep(LOOK_S)
        assert time.monotonic() < deadline, f"openbox does not start (exit code {manager.returncode})"


@contextmanager
def desktop() -> Iterator[str]:
    """Start a virtual display with a window manager, which gives windows the focus as on a desktop."""
    for program in ("xdotool", "openbox", "xprop", "import"):
        if shutil.which(program) is None:
            pytest.skip(
                f"{program} is not installed, so nobody can press keys: install xdotool, openbox and imagemagick"
            )
    with virtual_display() as display:
        manager = _window_manager(display)
        try:
            yield display
        finally:
            manager.terminate()
            manager.wait(PATIENCE_S)


def wait_for(what: str, look: Callable[[], Seen], patience_s: float = PATIENCE_S) -> Seen:
    """Poll until a function returns a true value, and return this value."""
    deadline = time.monotonic() + patience_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not seen for {patience_s:g} s{_screen_of_the_failure()}")
        time.sleep(LOOK_S)
    return seen


def _screen_of_the_failure() -> str:
    """Save a picture of the whole screen beside the results of the checks, and return words that name it."""
    path = Path.cwd() / f"failed_{time.monotonic_ns()}.png"
    try:
        picture(path)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"; the screen then: {path}"


def windows(title: str) -> list[str]:
    """List the visible windows of exactly this title."""
    name = rf"^{re.escape(title)}( \([0-9.]+%\))?$"
    found = subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--name", name], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def focus(title: str) -> str:
    """Wait for a window, and bring it to the front as a click would."""
    window = wait_for(f"the window {title}", lambda: windows(title))[-1]

    def is_in_front() -> bool:
        subprocess.run(["xdotool", "windowactivate", "--sync", window], check=True, timeout=PATIENCE_S)
        end = time.monotonic() + REACTION_S
        while not (known := _has_focus_in_java(window)) and time.monotonic() < end:
            time.sleep(LOOK_S)
        return known

    wait_for(f"the focus of the window {title}", is_in_front)
    return window


def _has_focus_in_java(window: str) -> bool:
    """Return whether Java in this process, if there is one, sends keys to a window of this number.

    The window manager is ready before Java knows that the window has the focus; keys until then are lost.
    """
    import jpype

    if not jpype.isJVMStarted():
        return True
    keyboard = jpype.JClass("java.awt.KeyboardFocusManager").getCurrentKeyboardFocusManager()
    focused = keyboard.getFocusedWindow()
    if focused is None or keyboard.getFocusOwner() is None:
        return False
    # The title may change meanwhile, as that of an image when another one of its name opens.
    named = subprocess.run(["xdotool", "getwindowname", window], capture_output=True, text=True, check=False)
    return str(getattr(focused, "getTitle", str)()) == named.stdout.rstrip("\n")


def press(*keys: str, delay_ms: int = 60) -> None:
    """Press keys one after the other, by xdotool's names, in the window that has the focus."""
    subprocess.run(["xdotool", "key", "--delay", str(delay_ms), *keys], check=True)


def close(title: str) -> None:
    """Close a window by keys; again if they came to another window, which a busy desktop had activated late."""

    def is_closed() -> bool:
        if shown := windows(title):
            subprocess.run(["xdotool", "windowactivate", shown[-1]], check=False)
            time.sleep(0.3)
            press("alt+F4")
        end = time.monotonic() + 3
        while (remains := bool(windows(title))) and time.monotonic() < end:
            time.sleep(LOOK_S)
        return not remains

    wait_for(f"the window {title}", lambda: windows(title))
    wait_for(f"the end of the window {title}", is_closed)


def type_text(text: str) -> None:
    """Type a text into the field that has the focus."""
    subprocess.run(["xdotool", "type", "--delay", "30", "--", text], check=True)


def click(x: int, y: int) -> None:
    """Click at a position on the screen, in Java's coordinates."""
    subprocess.run(["xdotool", "mousemove", str(x * JAVA_SCALE), str(y * JAVA_SCALE), "click", "1"], check=True)


def picture(path: Path, title: str | None = None) -> None:
    """Save a picture of a window, or of the whole screen."""
    window = windows(title)[-1] if title else "root"
    subprocess.run(["import", "-window", window, str(path)], check=True)
