"""Cellpose by clicks in Fiji's windows, for :mod:`cellpose_checks`; see ``tests/helpers/jvm.py``.

The working folder has ``field.tif``, ``field_labels.tif`` and ``models/learnt``; the environment names a Python with Cellpose.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from desktop import PATIENCE_S, click, close, focus, picture, press, wait_for, windows
from desktop_checks import error, on_event_thread, part_in, parts, start_command, status, text_in
from dialogs_on_screen import open_dialog
from epifiji.bridge.fiji.commands import EVALUATE, MANAGE
from epifiji.bridge.imagej import ImageJ
from figure_checks import table, titles
from segment_checks import LABEL, PREVIEW

NETWORK = "cellpose:learnt"
START_S = 10 * PATIENCE_S
"""Cellpose imports PyTorch and Numba: 20 s on two idle cores, minutes on busy ones."""


def _kind(kind: str) -> Any:
    """Return the first visible part of a simple class name, in any window; None without one."""
    from scyjava import jimport

    shown = [one for one in jimport("java.awt.Window").getWindows() if one.isShowing()]
    return next((one for window in shown for one in parts(window) if str(one.getClass().getSimpleName()) == kind), None)


def _click(part: Any) -> None:
    place = part.getLocationOnScreen()
    click(place.x + part.getWidth() // 2, place.y + part.getHeight() // 2)


def _button(title: str, text: str) -> Any:
    return wait_for(text, lambda: part_in(title, lambda one: hasattr(one, "getText") and str(one.getText()) == text))


def chosen(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Choose an environment without Cellpose, a model, and the environment with it, in the window of networks."""
    start_command(MANAGE)
    wait_for("the table", lambda: _kind("JTable"))
    focus("Networks")
    seen: dict[str, Any] = {"notices": text_in("Networks", "<html>")}
    python = Path(os.environ["EPIFIJI_TEST_CELLPOSE"])
    for name, path in (("model", folder / "models" / "learnt"), ("without", os.environ["EPIFIJI_TEST_WITHOUT"])):
        _choose(Path(path))
        box = wait_for("the box", lambda: _kind("JOptionPane"), START_S)
        picture(folder / f"refused_{name}.png")
        seen[name] = [str(box.getMessage().getText()), status()]
        press("Return")
        wait_for("the box's end", lambda: _kind("JOptionPane") is None)
    started = time.monotonic()
    _choose(python.parent.parent)
    seen["waiting"] = wait_for("what is waited for", lambda: text_in("Networks", "starting Cellpose"))
    picture(folder / "waiting.png")
    seen["said"] = wait_for("Cellpose", lambda: text_in("Networks", "PyTorch"), START_S)
    seen["seconds"] = time.monotonic() - started
    time.sleep(0.5)
    picture(folder / "accepted.png")
    close("Networks")
    return seen


def _choose(path: Path) -> None:
    """Choose a file or folder for Cellpose's Python."""
    from scyjava import jimport

    focus("Networks")
    _click(_button("Networks", "Cellpose..."))
    chooser = wait_for("the chooser", lambda: _kind("JFileChooser"))
    file = jimport("java.io.File")(str(path))
    on_event_thread(lambda: (chooser.setSelectedFile(file), chooser.approveSelection()))
    wait_for("the chooser's end", lambda: _kind("JFileChooser") is None)


def segmented(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Segment the open image with a model of Cellpose, after a preview."""
    from scyjava import jimport

    image = jimport("ij.IJ").openImage(str(folder / "field.tif"))
    image.show()
    focus("field.tif")
    jimport("ij.IJ").run("Set... ", "zoom=300")
    start_command(LABEL)
    dialog = wait_for("the dialog", lambda: open_dialog(LABEL.rstrip(".")), START_S)
    choice = dialog.getChoices().elementAt(0)
    names = [str(choice.getItem(n)) for n in range(choice.getItemCount())]
    choice.select(NETWORK)
    focus(LABEL.rstrip("."))
    picture(folder / "segment_dialog.png", LABEL.rstrip("."))
    started = time.monotonic()
    _click(dialog.getButtons()[0])
    shown = wait_for("the preview", lambda: error() or text_in(PREVIEW, " cells of "), START_S)
    seconds = [time.monotonic() - started]
    time.sleep(0.5)
    picture(folder / "segment_preview.png")
    focus(PREVIEW)
    started = time.monotonic()
    _click(_button(PREVIEW, "Segment"))
    labels = wait_for("the labels", lambda: jimport("ij.WindowManager").getImage("field_labels.tif"), START_S)
    seconds.append(time.monotonic() - started)
    time.sleep(1)
    picture(folder / "segment_labels.png")
    pixels = np.asarray(labels.getProcessor().getFloatArray()).T
    overlay = image.getOverlay()
    outlines = overlay.size() if overlay is not None else 0
    labels.close()
    image.close()
    return {
        "names": names, "preview": shown, "seconds": seconds, "labels": pixels.astype(int).tolist(), "outlines": int(outlines),
        "status": status(),
    }  # fmt: skip


def evaluated(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Evaluate the model on the annotated image."""
    title = EVALUATE.rstrip(".")
    start_command(EVALUATE)
    dialog = wait_for("the dialog", lambda: open_dialog(title), START_S)
    choice = dialog.getChoices().elementAt(0)
    choice.select(NETWORK)
    # After the network's and the one of other networks.
    dialog.getStringFields().elementAt(1).setText(str(folder / "annotated"))
    focus(title)
    picture(folder / "evaluate_dialog.png", title)
    _click(dialog.getButtons()[0])
    wait_for("the scores", lambda: error() or windows("Networks on annotated"), START_S)
    time.sleep(1)
    picture(folder / "evaluated.png")
    return {"error": error(), "scores": table("Networks on annotated"), "titles": titles(), "status": status()}
