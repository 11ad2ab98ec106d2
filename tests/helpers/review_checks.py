"""A review of thirty events with real keys and clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from desktop import click, focus, picture, press, wait_for, windows
from desktop_checks import open_movie
from epifiji.bridge.imagej import ImageJ
from epifiji.files.results.reviews import read_review
from imagej_window import manager, shown_titles

REVIEW = "Review Epithelial Events"
OPTIONS = "before=2 after=3 half_size=20 zoom=2"
FIRST = ["y", "n", "s", "u", "n", "2", "y", "n", "u", "y", "Right", "Right", "Left", "3", "y", "Down", "y"]
"""Keys of the first half, in which the seventh event is passed over, and of the second.

There click:… is a click, on the picture's crop of the event or on the movie, and drag:… a drag of the event by so many
pixels.
"""

SECOND = [
    "click:picture:-5:3", "y", "click:movie:12:17", "y", "a", "click:movie:40:33", "Down", "n", "a", "Escape",
    "drag:movie:9:-6", "y", "Down", "Up", "1", "1", "drag:picture:6:4", "y", *["y", "n"] * 8, "n", "y", "u", "u", "n", "y",
]  # fmt: skip


def _frame(title: str = REVIEW) -> Any:
    from scyjava import jimport

    return next(
        w
        for w in jimport("java.awt.Window").getWindows()
        if w.isVisible() and str(getattr(w, "getTitle", str)()) == title
    )


def _labels(title: str = REVIEW) -> list[str]:
    from scyjava import jinstance

    panel = next(c for c in _frame(title).getContentPane().getComponents() if jinstance(c, "javax.swing.JPanel"))
    return [str(c.getText()) for c in panel.getComponents() if jinstance(c, "javax.swing.JLabel")]


def _picture() -> Any:
    from scyjava import jinstance

    return next(c for c in _frame().getContentPane().getComponents() if jinstance(c, "javax.swing.JLabel"))


def _drag(start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press the mouse button, move in steps as a hand does, and release it.

    This does not use xdotool's --sync, which waits fifteen seconds if the mouse is already there; the display keeps the
    order anyway.
    """
    steps = [(a + (b - a) * i // 4 for a, b in zip(start, end, strict=True)) for i in range(1, 5)]
    moves = [part for x, y in steps for part in ("mousemove", str(x), str(y), "sleep", "0.05")]
    first = ["mousemove", *map(str, start), "sleep", "0.1", "mousedown", "1"]
    subprocess.run(["xdotool", *first, *moves, "mouseup", "1"], check=True)


def _in_picture(dx: int, dy: int) -> tuple[int, int]:
    """Return the screen position at this offset (px of the movie) from the centre of the crop of the event's frame."""
    label = _picture()
    place, icon = label.getLocationOnScreen(), label.getIcon()
    left = place.x + (label.getWidth() - icon.getIconWidth()) // 2
    top = place.y + (label.getHeight() - icon.getIconHeight()) // 2
    side, zoom, before = 41, 2, 2
    return left + before * (side + 2) * zoom + (20 + dx) * zoom + 1, top + (20 + dy) * zoom + 1


def _on_movie(image: Any, x: float, y: float) -> tuple[int, int]:
    canvas = image.getCanvas()
    place = canvas.getLocationOnScreen()
    magnification = float(canvas.getMagnification())
    return place.x + int((x + 0.5) * magnification), place.y + int((y + 0.5) * magnification)


def _use_mouse(step: str, image: Any) -> None:
    """Click at a position, or drag the event by some pixels."""
    how, where, x, y = step.split(":")
    if where == "picture":
        click(*_in_picture(int(x), int(y))) if how == "click" else _drag(_in_picture(0, 0), _in_picture(int(x), int(y)))
        return
    focus(str(image.getTitle()))
    if how == "click":
        click(*_on_movie(image, int(x), int(y)))
    else:
        point = image.getRoi().getFloatPolygon()
        now = float(point.xpoints[0]), float(point.ypoints[0])
        _drag(_on_movie(image, *now), _on_movie(image, now[0] + int(x), now[1] + int(y)))
    focus(REVIEW)


def _do(steps: list[str], image: Any) -> None:
    """Press keys and click, each after the previous result is shown."""
    for step in steps:
        before = _labels()
        if ":" in step:
            _use_mouse(step, image)
        else:
            press(step)
        if step not in ("Left", "Right", "Up", "Down", "1", "2", "3", "4"):
            wait_for(f"what {step} does", lambda before=before: _labels() != before, 10)
        else:
            time.sleep(0.3)


def _start(results: str) -> Any:
    """Start the review of a result folder, which an environment variable names, and return the movie's only image."""
    from scyjava import jimport

    for identifier in list(jimport("ij.WindowManager").getIDList() or ()):
        earlier = jimport("ij.WindowManager").getImage(identifier)
        earlier.changes = False
        earlier.close()
    image = open_movie()
    code = f'run("Review Epithelial Events...", "results=[{os.environ[results]}] {OPTIONS} only_kept");'
    jimport("ij.macro.MacroRunner")(code)
    focus(REVIEW)
    wait_for("the first event", lambda: _picture().getIcon() is not None)
    return image


def _end(folder: Path) -> dict[str, Any]:
    picture(folder / "review.png", REVIEW)
    press("Escape")
    wait_for("the summary", lambda: windows("Review of noise"))
    wait_for("the window's end", lambda: not windows(REVIEW))
    time.sleep(0.5)
    return {"manager": [[str(r.getName()), int(r.getTPosition())] for r in manager().getRoisAsArray()]}


def whole_review(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    image = _start("EPIFIJI_TEST_RESULTS")
    _do(FIRST + SECOND, image)
    return _end(folder)


def killed_review(imagej: ImageJ, _: Path) -> None:
    image = _start("EPIFIJI_TEST_KILLED")
    _do(FIRST, image)
    os.kill(os.getpid(), signal.SIGKILL)


def resumed_review(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    image = _start("EPIFIJI_TEST_KILLED")
    _do(SECOND, image)
    return _end(folder)


def keys_given_back(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """During a review its keys act only if its windows are in front; afterwards they have ImageJ's functions again."""
    from scyjava import jimport

    system = jimport("java.lang.System")
    jimport("ij.plugin.MacroInstaller")().install(
        'macro "Mine [y]" { call("java.lang.System.setProperty", "mine", "fired"); }'
    )
    image = _start("EPIFIJI_TEST_KEYS")
    shown = shown_titles()
    for title in (REVIEW, str(image.getTitle())):
        focus(title)
        _do(["y", "n", "s", "u", "a", "Escape", "1", "2", "3", "4", "Right", "Left", "Down", "Up", "n"], image)
    time.sleep(1)
    during = {"mine": str(system.getProperty("mine") or ""), "opened": sorted(set(shown_titles()) - set(shown))}
    steps = _done_steps()
    focus("ImageJ")
    press("s")  # a key of the review, but in another window
    time.sleep(0.5)
    elsewhere = _done_steps() - steps
    for window in windows("Save As"):
        subprocess.run(["xdotool", "windowactivate", "--sync", window, "key", "Escape"], check=False)
    press("Escape")
    focus(REVIEW)
    press("Escape")
    wait_for("the window's end", lambda: not windows(REVIEW))
    focus(str(image.getTitle()))
    press("y")
    fired = wait_for("the user's own shortcut", lambda: str(system.getProperty("mine") or ""), 10)
    focus(str(image.getTitle()))
    press("n")
    wait_for("ImageJ's own dialog", lambda: windows("New Image..."), 10)
    picture(folder / "new_image.png")
    focus("New Image...")
    press("Escape")
    return {"during": during, "elsewhere": elsewhere, "fired": fired}


def _done_steps() -> int:
    file = Path(os.environ["EPIFIJI_TEST_KEYS"]) / "review.csv"
    return len(read_review(file).actions) if file.exists() else 0


def one_class_at_random(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Review events of one class in random order as a loop.

    A click on a loop keeps the event's frame; the keypad works.
    """
    from scyjava import jimport

    image = open_movie()
    results = os.environ["EPIFIJI_TEST_OTHER_RESULTS"]
    options = f"results=[{results}] events=cell_sop order=random seed=2 loop before=2 after=3 half_size=20 zoom=4"
    jimport("ij.macro.MacroRunner")(f'run("{REVIEW}...", "{options}");')
    focus(REVIEW)
    wait_for("the first event", lambda: _picture().getIcon() is not None)
    slice_before, seen = int(image.getCurrentSlice()), set()
    for _ in range(30):
        seen.add(int(jimport("java.util.Arrays").hashCode(_pixels())))
        time.sleep(0.05)
    _do(["y"], image)
    label = _picture()
    place, size = label.getLocationOnScreen(), label.getSize()
    before = _labels()
    click(place.x + size.width // 2 - 24, place.y + size.height // 2 + 16)
    wait_for("the new place", lambda: _labels() != before)
    _do(["y", "KP_1", "n"], image)
    picture(folder / "loop.png", REVIEW)
    stayed = int(image.getRoi() is not None)
    press("Escape")
    wait_for("the window's end", lambda: not windows(REVIEW))
    image.close()
    return {"pictures": len(seen), "slice": slice_before, "point": stayed}


def _pixels() -> Any:
    shown = _picture().getIcon().getImage()
    return shown.getRGB(0, 0, shown.getWidth(), shown.getHeight(), None, 0, shown.getWidth())


def review_of_the_manager(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Review the ROI Manager's events, lowest score first; closing the movie ends the review."""
    from scyjava import jimport

    image = open_movie()
    image.setProperty("EpiFiji results", os.environ["EPIFIJI_TEST_OTHER"])
    before = [str(roi.getName()) for roi in manager().getRoisAsArray()]
    jimport("ij.macro.MacroRunner")(f'run("Review Epithelial Events...", "order=score {OPTIONS}");')
    focus(REVIEW)
    wait_for("the first event", lambda: _picture().getIcon() is not None)
    _do(["y", "n"], image)
    image.changes = False
    image.close()
    wait_for("the window's end", lambda: not windows(REVIEW))
    return {"same": before == [str(roi.getName()) for roi in manager().getRoisAsArray()], "count": len(before)}
