"""A complete check of a box in the navigator, with real keys and clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from desktop import close, focus, picture, press, wait_for, windows
from desktop_checks import open_movie, window_titled
from dialogs_on_screen import NAME
from epifiji.bridge.imagej import ImageJ
from imagej_window import on_event_thread
from navigator_checks import NAVIGATOR, _click_in, navigator, parts

OPTIONS = "box_side=1000 box_frames=6 guide"
MISSED = (12, 50)
"""Place (x, y) of an event that the reviewer adds, far from all others."""


def _panel() -> dict[str, Any]:
    """Return the sentences above the events, and which buttons can be pressed."""
    shown: dict[str, Any] = {}

    def look() -> None:
        window = navigator()
        shown["text"] = str(parts(window, "javax.swing.JTextArea")[0].getText())
        shown["labels"] = [str(part.getText()) for part in parts(window, "javax.swing.JLabel")]
        shown["buttons"] = [str(b.getText()) for b in parts(window, "javax.swing.JButton")[:4] if b.isEnabled()]
        shown["rows"] = int(parts(window, "javax.swing.JTable")[0].getRowCount())

    on_event_thread(look)
    return shown


def _button(text: str) -> None:
    button = next(b for b in parts(navigator(), "javax.swing.JButton") if str(b.getText()) == text)
    _click_in(button, 10, button.getHeight() // 2)


def checked_box(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Decide about every event of a box but one, skip that, add one, and mark the box; then another box, and finish."""
    from scyjava import jimport

    results = Path(os.environ["EPIFIJI_TEST_RESULTS"])
    image = open_movie()
    code = f'run("Check Boxes Completely...", "results=[{results}] {OPTIONS}");'
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the navigator", navigator)
    focus(NAVIGATOR)
    time.sleep(1)
    seen = {"begun": _panel(), "magnification": float(image.getCanvas().getMagnification())}
    _button("Play")
    frames = set()
    wait_for("all frames of the box", lambda: frames.add(int(image.getT())) or len(frames) == 6)
    seen["played"] = sorted(frames)
    _button("Stop")
    focus(NAVIGATOR)
    for count, key in enumerate(["n"] + ["y"] * 13 + ["s"]):
        before = _panel()["labels"]
        press(key)
        wait_for(f"decision {count}", lambda before=before: _panel()["labels"] != before)
    seen["skipped"] = _panel()
    press("y")
    press("a")
    time.sleep(0.5)
    focus(str(image.getTitle()))
    zoom = seen["magnification"]
    view = image.getCanvas().getSrcRect()
    _click_in(image.getCanvas(), int((MISSED[0] - view.x + 0.5) * zoom), int((MISSED[1] - view.y + 0.5) * zoom))
    wait_for("the added event", lambda: any("1 added" in text for text in _panel()["labels"]))
    focus(NAVIGATOR)
    seen["decided"] = _panel()
    _button("All Events Are Marked")
    wait_for("the result", lambda: "recall" in _panel()["text"])
    seen["marked"] = _panel()
    seen["written"] = json.loads((results / "complete_check.json").read_text())
    _button("Next Box")
    wait_for("the next box", lambda: "Box 2 of 2" in _panel()["text"])
    seen["next"] = _panel()
    _button("Finish")
    wait_for("the picture", lambda: windows("noise_epifiji-complete_check"))
    wait_for("all events", lambda: navigator() is not None and "recall" not in str(_texts()) and _rows() == 31)
    close(NAVIGATOR)
    wait_for("the end", lambda: not windows(NAVIGATOR))
    seen["overlay"] = image.getOverlay() is None
    return seen


def _texts() -> list[str]:
    return [str(part.getText()) for part in parts(navigator(), "javax.swing.JTextArea")]


def _rows() -> int:
    return int(parts(navigator(), "javax.swing.JTable")[0].getRowCount())


def boxes_checked(_: ImageJ, folder: Path) -> str:
    """A picture of the navigator during a complete check, beside the movie at the box."""
    from scyjava import jimport

    title, results = f"Navigator of {NAME}.tif", folder / "checked" / f"{NAME}_epifiji"
    # The results of the other checks stay as they are.
    shutil.copytree(folder / f"{NAME}_epifiji", results, ignore=shutil.ignore_patterns("review*", "*.png"))
    options = f"results=[{results}] box_side=85 box_frames=30 boxes=3 guide"
    jimport("ij.macro.MacroRunner")(f'selectImage("{NAME}.tif"); run("Check Boxes Completely...", "{options}");')
    focus(title)
    time.sleep(1)
    press("y", "n", delay_ms=500)
    time.sleep(1)
    image = jimport("ij.WindowManager").getImage(f"{NAME}.tif")
    jimport("ij.IJ").run(image, "Set... ", "zoom=300")
    movie, window = image.getWindow(), window_titled(title)
    on_event_thread(lambda: (movie.setLocation(20, 100), window.setLocation(30 + int(movie.getWidth()), 100)))
    parts_of = [folder / f"{name}.png" for name in ("box_movie", "box_window")]
    for part, shown in zip(parts_of, (f"{NAME}.tif", title), strict=True):
        focus(shown)
        time.sleep(0.5)
        picture(part, shown)
    both = list(map(str, parts_of))
    subprocess.run(
        ["convert", "-background", "white", *both, "+append", str(folder / "complete_check.png")], check=True
    )
    for part in parts_of:
        part.unlink()
    said = str(parts(window, "javax.swing.JTextArea")[0].getText())
    close(title)
    wait_for("the end", lambda: not windows(title))
    jimport("ij.IJ").run(image, "Set... ", "zoom=200")
    return said
