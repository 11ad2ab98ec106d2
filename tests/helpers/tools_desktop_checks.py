"""Scoring at random, the review macro, and cropping with the ROI Manager, with windows and real keys.

See :mod:`desktop`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from desktop import focus, picture, press, wait_for, windows
from desktop_checks import open_movie, roi_table, said
from dialogs_on_screen import open_dialog, pressed
from epifiji.bridge.fiji.commands import STUDY
from epifiji.bridge.imagej import ImageJ
from imagej_window import error, manager, on_event_thread, runnable, shown_titles, start_command, status
from review_checks import _labels

ROOT = Path(__file__).resolve().parents[2]
REVIEW_MACRO = ROOT / "fiji" / "macros" / "epifiji" / "review_events.ijm"
SCORE = "Score Events at Random"


def start_macro(code: str) -> None:
    from scyjava import jimport

    jimport("ij.macro.MacroRunner")(code)


def score_at_random(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Draw six of thirty events and score five: right, wrong (after an undo), right, right, wrong.

    Other keys have no effect.
    """
    from scyjava import jimport

    image = open_movie()
    manager().add(image, jimport("ij.gui.Roi")(1, 1, 5, 5), -1)
    before = roi_table()
    results, out = os.environ["EPIFIJI_TEST_RESULTS"], folder / "score"
    start_macro(
        f'run("Score Events at Random...", "results=[{results}] number=6 seed=3 half_size=15 zoom=2 before=2 after=3 '
        f'output=[{out}]");'
    )
    focus(SCORE)
    time.sleep(1)
    for key in ("y", "y", "u", "n", "a", "2", "y", "y", "n"):
        was = _labels(SCORE)
        press(key)
        if key not in "a2":
            wait_for(f"what {key} does", lambda was=was: _labels(SCORE) != was, 10)
    picture(folder / "score.png", SCORE)
    press("Escape")
    wait_for("the table", lambda: windows("Score of noise"))
    picture(folder / "score_table.png", "Score of noise")
    table = jimport("ij.measure.ResultsTable").getResultsTable("Score of noise")
    wait_for("the status", lambda: "scored" in status())
    rows = int(table.size())
    last = {
        str(name): str(table.getStringValue(name, rows - 1)) for name in ("class", "events", "drawn", "judged", "right")
    }
    same = roi_table() == before
    manager().reset()
    image.changes = False
    image.close()
    return {"rows": rows, "last": last, "same": same}


def cropped_with_the_manager(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """The user's rectangle is in the dialog.

    The manager's ROIs are cropped too, and replace the old ones if requested.
    """
    from scyjava import jimport

    from imagej_window import start_command

    image = open_movie()
    imagej.run_macro(f'run("Open Epithelial Events...", "results=[{os.environ["EPIFIJI_TEST_RESULTS"]}] table=false");')
    before = roi_table()
    image.setRoi(30, 15, 30, 45)
    start_command("Crop Movie and Events...")
    focus("Crop Movie and Events")
    picture(folder / "crop_dialog.png", "Crop Movie and Events")
    press("Return")
    wait_for("the part", lambda: windows("noise_crop"))
    time.sleep(0.5)
    made = jimport("ij.WindowManager").getImage("noise_crop")
    made.setT(6)
    picture(folder / "crop.png", "noise_crop")
    kept = roi_table() == before
    overlay = len(made.getOverlay().toArray())
    image.getWindow().toFront()
    jimport("ij.WindowManager").setCurrentWindow(image.getWindow())
    imagej.run_macro('run("Crop Movie and Events...", "replace_rois");')
    replaced = roi_table()
    size = [int(made.getWidth()), int(made.getHeight())]
    jimport("ij.IJ").run("Close All")
    manager().reset()
    return {"before": before, "kept": kept, "overlay": overlay, "replaced": replaced, "size": size}


def _answer(number: int, key: str, total: int) -> None:
    """Answer the question about an event when its crops and the question are shown."""
    wait_for(f"event {number}", lambda: _shown(number, total))
    _to_the_question()
    press(key)


def _shown(number: int, total: int) -> bool:
    return any(one.startswith(f"Event {number} of {total}") for one in shown_titles()) and _question() is not None


def _question() -> Any:
    from scyjava import jimport

    dialogs = [
        w for w in jimport("java.awt.Window").getWindows() if w.isShowing() and "YesNo" in str(w.getClass().getName())
    ]
    return dialogs[0] if dialogs else None


def _to_the_question() -> None:
    wait_for("the question in front", lambda: (found := _question()) is not None and found.isFocused())


def _finished() -> bool:
    from scyjava import jimport

    return "not reviewed" in str(jimport("ij.IJ").getLog() or "")


def macro_by_keys(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Five events in a zip: y, n, then Esc and undo, y, y, n, Esc and stop; the manager keeps its own ROI."""
    from scyjava import jimport

    IJ = jimport("ij.IJ")
    manager().addRoi(jimport("ij.gui.Roi")(1, 1, 5, 5))
    before = roi_table()
    movie, rois = os.environ["EPIFIJI_TEST_MOVIE"], os.environ["EPIFIJI_TEST_ZIP"]
    argument = f"movie=[{movie}] rois=[{rois}] before=2 after=3 half_size=15 zoom=3"
    thread = jimport("java.lang.Thread")(runnable(lambda: IJ.runMacroFile(str(REVIEW_MACRO), argument)), "Run$_macro")
    thread.start()
    _answer(1, "y", 5)
    _answer(2, "n", 5)
    wait_for("the third", lambda: _shown(3, 5))
    _to_the_question()
    picture(folder / "macro.png")
    press("Escape")
    wait_for("the question after Esc", lambda: (d := _question()) is not None and said(d).startswith("Undo"))
    _to_the_question()
    picture(folder / "macro_stop.png")
    press("y")
    _answer(2, "y", 5)
    _answer(3, "y", 5)
    _answer(4, "n", 5)
    wait_for("the fifth", lambda: _shown(5, 5))
    _to_the_question()
    press("Escape")
    wait_for("the question after Esc", lambda: (d := _question()) is not None and said(d).startswith("Undo"))
    _to_the_question()
    press("n")
    wait_for("the end", _finished)
    thread.join(10_000)
    found = {"log": str(IJ.getLog()), "same": roi_table() == before}
    titles = [str(title) for title in jimport("ij.WindowManager").getImageTitles()]
    IJ.run("Close All")
    manager().reset()
    IJ.log("\\Clear")
    return found | {"titles": titles}


def macro_without_argument(_: ImageJ, __: Path) -> dict[str, Any]:
    """The open movie and the manager's ROIs, in a movie that keeps frames as planes."""
    from scyjava import jimport

    IJ = jimport("ij.IJ")
    image = open_movie()
    image.setDimensions(1, 12, 1)
    for frame, y, x in ((3, 20, 30), (12, 68, 2)):
        roi = jimport("ij.gui.PointRoi")(float(x), float(y))
        roi.setPosition(frame)
        manager().add(image, roi, -1)
    before = roi_table()
    thread = jimport("java.lang.Thread")(runnable(lambda: IJ.runMacroFile(str(REVIEW_MACRO), "")), "Run$_macro")
    thread.start()
    _answer(1, "n", 2)
    _answer(2, "y", 2)
    wait_for("the end", _finished)
    thread.join(10_000)
    found = {"log": str(IJ.getLog()), "same": roi_table() == before}
    IJ.run("Close All")
    manager().reset()
    return found


def protocol_in_a_dialog(_: ImageJ, folder: Path) -> list[str]:
    """A protocol beside the values of the last study, and beside a folder that is typed too; return the messages."""
    from scyjava import jimport

    prefs = jimport("ij.Prefs")
    prefs.set("epifiji.study_cells.seeds", "1, 2")
    start_command(STUDY)
    found: list[str] = []
    for typed in ("", "elsewhere"):
        dialog = wait_for("the dialog", lambda: open_dialog(STUDY.rstrip(".")))
        texts = dialog.getStringFields()
        on_event_thread(lambda texts=texts: texts[0].setText(str(folder / "nowhere.yaml")))  # type: ignore[misc]
        if typed:
            on_event_thread(lambda texts=texts, typed=typed: texts[1].setText(typed))  # type: ignore[misc]
        button = dialog.getButtons()[0]
        on_event_thread(lambda button=button: button.dispatchEvent(pressed(button)))  # type: ignore[misc]
        focus("EpiFiji")
        found.append(error())
        press("Return")
    wait_for("the dialog", lambda: open_dialog(STUDY.rstrip(".")))
    focus(STUDY.rstrip("."))
    press("Escape")
    wait_for("the dialog's end", lambda: open_dialog(STUDY.rstrip(".")) is None)
    prefs.set("epifiji.study_cells.seeds", "")
    return found


TOOLS = [score_at_random, cropped_with_the_manager, macro_by_keys, macro_without_argument, protocol_in_a_dialog]
