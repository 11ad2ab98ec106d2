"""A session in the navigator with real keys and clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from desktop import click, focus, picture, press, wait_for, windows
from desktop_checks import manager, open_movie
from epifiji.bridge.imagej import ImageJ

NAVIGATOR = "Events of noise.tif"
OPEN = "Open Epithelial Events..."


def navigator() -> Any:
    """Return the window."""
    from scyjava import jimport

    shown = [w for w in jimport("java.awt.Window").getWindows() if w.isVisible()]
    return next((w for w in shown if str(getattr(w, "getTitle", str)()) == NAVIGATOR), None)


def parts(container: Any, kind: str) -> list[Any]:
    """List the components of a class inside another one."""
    from scyjava import jinstance

    found = []
    for part in container.getComponents():
        found += [part] if jinstance(part, kind) else []
        found += parts(part, kind) if jinstance(part, "java.awt.Container") else []
    return found


def labels() -> list[str]:
    return [str(label.getText()) for label in parts(navigator(), "javax.swing.JLabel")]


def start(results: str) -> Any:
    from scyjava import jimport

    from scyjava import jimport
    image = jimport("ij.IJ").getImage()
    jimport("ij.macro.MacroRunner")(f'run("{OPEN}", "results=[{results}] table=false navigator");')
    wait_for("the navigator", navigator)
    focus(NAVIGATOR)
    return image


def first_look(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    image = open_movie()
    jimport("ij.IJ").run(image, "Set... ", "zoom=400")
    start(os.environ["EPIFIJI_TEST_RESULTS"])
    time.sleep(1)
    picture(folder / "opened.png")
    press("y", "n", "s", "2", "y", delay_ms=400)
    time.sleep(1)
    picture(folder / "decided.png")
    press("u", "u", delay_ms=300)
    time.sleep(1)
    picture(folder / "undone.png")
    said = labels()
    press("alt+F4")
    wait_for("the end", lambda: navigator() is None)
    time.sleep(1)
    return {"labels": said, "log": str(jimport("ij.IJ").getLog() or ""), "rois": int(manager().getCount())}
