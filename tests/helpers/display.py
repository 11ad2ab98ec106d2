"""A virtual display for tests that open windows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

START_TIMEOUT_S = 30

SCREEN = os.environ.get("EPIFIJI_SCREEN", "1280x900")
"""Size of the virtual display in pixels."""


@contextmanager
def virtual_display() -> Iterator[str]:
    """Start a virtual display for a block and yield its name, such as ``:1``; without Xvfb the test is skipped."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed, so no window can be opened: install the package xvfb")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SCREEN}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        # Xvfb writes the number of its display and a newline, or nothing if it fails.
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(START_TIMEOUT_S)
