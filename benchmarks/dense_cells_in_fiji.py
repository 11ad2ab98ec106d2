"""Measures comparing, evaluating and training on thousands of touching cells in Fiji's windows, on a virtual display.

    python benchmarks/dense_cells_in_fiji.py [--cells 5000] [--side 2048] [--steps 20] [--only compared,evaluated,trained]

The cells are a power diagram, so all of them touch; the segmented ones are shifted by two pixels, and some are merged. Times are
from the click on OK until the result is shown. ``longest gap`` is the longest time in which ImageJ's windows did not react, and
``after Escape`` the time until the command has ended. Pictures of the results are written into the folder ``--out``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

TIMEOUT_S, PATIENCE_S = 1_800, 580
MERGED = 200

# In Jython, because a listener in this Python would wait for the engine, which computes in the same process.
WATCH = """
from java.awt.event import ActionListener
from java.lang import System
from javax.swing import Timer


class Watch(ActionListener):
    last = worst = 0

    def actionPerformed(self, event):
        now = System.nanoTime()
        if self.last:
            self.worst = max(self.worst, now - self.last)
        self.last = now


watch = Watch()
timer = Timer(20, watch)
timer.start()
"""


class Watched:
    """A command from the click on OK to its end: what the status line said, and how long windows did not react."""

    def __init__(self) -> None:
        from scyjava import jimport

        self._interpreter = jimport("org.python.util.PythonInterpreter")()
        self._interpreter.exec_(WATCH)
        self.said: dict[str, float] = {}

    def run(self, dialog: Any, ended: Callable[[], Any]) -> dict[str, Any]:
        """Click OK, and wait for the end."""
        from desktop import wait_for
        from desktop_checks import status

        started = time.perf_counter()
        _click_ok(dialog)

        def look() -> Any:
            if doing := status():
                self.said.setdefault(doing.split(",")[0].split(" (")[0], round(time.perf_counter() - started, 1))
            return ended()

        wait_for("the end", look, PATIENCE_S)
        seconds = time.perf_counter() - started
        gap = float(str(self._interpreter.eval("watch.worst / 1e9")))
        self._interpreter.exec_("timer.stop()")
        return {"seconds": seconds, "longest gap (s)": gap, "status": self.said}


def _dialog(label: str) -> Any:
    from desktop import focus, wait_for
    from desktop_checks import start_command
    from dialogs_on_screen import open_dialog

    start_command(label)
    dialog = wait_for("the dialog", lambda: open_dialog(label.rstrip(".")), PATIENCE_S)
    focus(label.rstrip("."))
    return dialog


def _escaped(dialog: Any) -> dict[str, Any]:
    """Run a command from its dialog, press Escape as soon as it works, and measure the time until it has ended."""
    from desktop import focus, press
    from desktop_checks import error, status

    watched = Watched()

    def cancelled() -> bool:
        if "Esc cancels" in status() and "pressed" not in found:
            focus("ImageJ")
            time.sleep(0.3)
            found["status"], found["pressed"] = status(), time.perf_counter()
            press("Escape")
        return bool(error())

    found: dict[str, Any] = {}
    seen = watched.run(dialog, cancelled)
    if "pressed" not in found:
        return {"ended before Escape": error(), **seen}
    return {"after Escape (s)": time.perf_counter() - found["pressed"], "at": found["status"], "error": error()}


def compared(_: Any, folder: Path) -> dict[str, Any]:
    """Compare two open label images."""
    from scyjava import jimport

    from desktop import picture, wait_for, windows
    from epifiji.bridge.fiji.commands import COMPARE_CELLS

    for name in ("segmented_labels.tif", "dense_labels.tif"):
        jimport("ij.IJ").openImage(str(folder / "cells" / name)).show()
        wait_for(name, lambda name=name: windows(name))

    def asked() -> Any:
        dialog = _dialog(COMPARE_CELLS)
        dialog.getStringFields().elementAt(0).setText("segmented_labels.tif")
        dialog.getStringFields().elementAt(1).setText("dense_labels.tif")
        return dialog

    found = {}
    for number in ("first", "second"):
        found[number] = Watched().run(asked(), lambda: windows("Comparison of cells"))
        time.sleep(1)
        picture(folder / "compared.png")
        for title in ("Comparison of cells", "AP over IoU", "dense_cells"):
            jimport("ij.IJ").selectWindow(title)
            jimport("ij.IJ").run("Close")
    return {**found, "Escape": _escaped(asked())}


def evaluated(_: Any, folder: Path) -> dict[str, Any]:
    """Evaluate the network that ships, on the image with its cells."""
    from desktop import picture, windows
    from desktop_checks import error
    from epifiji.bridge.fiji.commands import EVALUATE

    def asked() -> Any:
        dialog = _dialog(EVALUATE)
        dialog.getChoices().elementAt(0).select("epicells")
        _put(dialog, EVALUATE, "first", folder=str(folder / "annotated"))
        return dialog

    found = Watched().run(asked(), lambda: error() or windows("Networks on annotated"))
    time.sleep(1)
    picture(folder / "evaluated.png")
    return {"first": found | {"error": error()}, "Escape": _escaped(asked())}


def trained(_: Any, folder: Path) -> dict[str, Any]:
    """Fine-tune the network that ships with some steps."""
    from desktop import focus, picture, wait_for, windows
    from desktop_checks import error
    from dialogs_on_screen import open_dialog
    from epifiji.bridge.fiji.commands import TRAIN

    def asked(name: str) -> Any:
        """Fill in both pages of the dialog, and return the second one."""
        first = _dialog(TRAIN)
        _put(first, TRAIN, "first", folder=str(folder / "annotated"), name=name)
        first.getCheckboxes().lastElement().setState(True)
        _click_ok(first)
        title = TRAIN.rstrip(".")
        second = wait_for("the second page", lambda: (one := open_dialog(title)) is not None and one != first and one)
        focus(title)
        more = {"steps": os.environ["EPIFIJI_TEST_STEPS"], "out": str(folder / name), "network": "epicells"}
        _put(second, TRAIN, "more", **more)
        picture(folder / "train_dialog.png")
        return second

    found = Watched().run(asked("dense"), lambda: error() or windows("Training of dense"))
    time.sleep(2)
    picture(folder / "trained.png")
    return {"first": found | {"error": error()}, "Escape": _escaped(asked("cancelled"))}


def _put(dialog: Any, label: str, page: str, **values: str) -> None:
    """Write values into the text fields of a page of a dialog."""
    from epifiji.bridge.fiji.dialogs import described

    described_page = [one for one in described(label)["parameters"] if one["page"] == page]
    keys = [one["key"] for one in described_page if one["kind"] in ("text", "file", "folder")]
    for key, value in values.items():
        dialog.getStringFields().elementAt(keys.index(key)).setText(value)


def _click_ok(dialog: Any) -> None:
    from desktop import click

    place = dialog.getButtons()[0].getLocationOnScreen()
    click(place.x + 10, place.y + 10)


def make_images(folder: Path, cells: int, side: int) -> int:
    """Write an image of touching cells with their labels, and the same cells with errors; return the number of cells."""
    import tifffile

    from correction_speed import dense_labels
    from epifiji.files.labels import write_labels
    from voronoi_cells import membranes

    labels = dense_labels(cells, side)
    other, random = np.roll(labels, (2, 1), (0, 1)), np.random.default_rng(0)
    into = np.arange(labels.max() + 1)
    into[random.integers(1, len(into), MERGED)] = random.integers(1, len(into), MERGED)
    for place in ("cells", "annotated"):
        (folder / place).mkdir()
        write_labels(folder / place / "dense_labels.tif", labels[None])
    write_labels(folder / "cells" / "segmented_labels.tif", into[other][None])
    tifffile.imwrite(folder / "annotated" / "dense.tif", membranes(labels))
    return len(np.unique(labels))


def main() -> None:
    """Measure, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=5_000)
    parser.add_argument("--side", type=int, default=2_048)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", default="compared,evaluated,trained")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    from desktop import desktop
    from jvm import run_checks

    with tempfile.TemporaryDirectory() as name, desktop() as display:
        folder = Path(name)
        count = make_images(folder, given.cells, given.side)
        checks = [globals()[one] for one in given.only.split(",")]
        for check in checks:
            check.__module__ = Path(__file__).stem
        env = {"DISPLAY": display, "EPIFIJI_TEST_STEPS": str(given.steps), "XDG_DATA_HOME": str(folder / "data")}
        env["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(Path(__file__).parent)])
        done = run_checks(checks, folder, headless=False, env=env, timeout_s=TIMEOUT_S)
        if given.out is not None:
            given.out.mkdir(parents=True, exist_ok=True)
            for picture in folder.glob("*.png"):
                shutil.copy(picture, given.out)
    print(f"load {os.getloadavg()[0]:.1f}; {count} cells in {given.side} x {given.side} px")
    print(json.dumps(done.values, indent=1, default=str))
    if done.code:
        sys.exit(done.err)


if __name__ == "__main__":
    main()
