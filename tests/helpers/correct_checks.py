"""The correction of cells by real keys and clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop import close, focus, picture, press, wait_for, windows
from epifiji.bridge.imagej import ImageJ
from imagej_window import shown_titles
from jvm import JAVA_SCALE
from review_checks import _frame

CORRECT = "Correct Cells"
ZOOM = 4
KEYS = {"polygon": "a", "polyline": "s", "freehand": "f"}


def texts() -> list[str]:
    """Return what the window says: the sentence, and the state."""
    from scyjava import jinstance

    (panel,) = (c for c in _frame(CORRECT).getContentPane().getComponents() if jinstance(c, "javax.swing.JPanel"))
    return [str(part.getText()) for part in list(panel.getComponents())[:2]]


def open_image(path: Path, zoom: int = ZOOM) -> Any:
    from scyjava import jimport

    image = jimport("ij.IJ").openImage(str(path))
    image.show()
    wait_for("the image", lambda: windows(str(image.getTitle())))
    jimport("ij.IJ").run(image, "Set... ", f"zoom={100 * zoom} x=0 y=0")
    # The window manager moves a window that would leave the screen, and does not always say so.
    image.getWindow().setLocation(465, 102)
    return image


def start(image: Any, cells: Path) -> None:
    from scyjava import jimport

    jimport("ij.IJ").selectWindow(image.getID())
    jimport("ij.macro.MacroRunner")(f'run("{CORRECT}...", "cells=[{cells}]");')
    wait_for("the window", lambda: windows(CORRECT))
    wait_for("the outlines", lambda: image.getOverlay() is not None and image.getOverlay().size() == 1)
    focus(str(image.getTitle()))


def on_screen(image: Any, y: float, x: float) -> tuple[int, int]:
    """Return the position on the screen of a point of the image, whose integers are centres of pixels."""
    canvas = image.getCanvas()
    place = canvas.getLocationOnScreen()
    return (
        JAVA_SCALE * (place.x + int(canvas.screenXD(x + 0.5))),
        JAVA_SCALE * (place.y + int(canvas.screenYD(y + 0.5))),
    )


def mouse(*commands: object) -> None:
    subprocess.run(["xdotool", *map(str, commands)], check=True)


def click(image: Any, *points: Sequence[float]) -> None:
    for y, x in points:
        mouse("mousemove", *on_screen(image, y, x), "sleep", "0.05", "click", "1", "sleep", "0.05")


def _double_click(image: Any, point: Sequence[float]) -> None:
    """End a drawn line: again if ImageJ, on a busy machine, took the clicks for single ones, which add no other point."""
    for _ in range(5):
        # One command, so that the two clicks follow each other quickly.
        mouse("mousemove", *on_screen(image, *point), "sleep", "0.05", "click", "--repeat", "2", "--delay", "80", "1")
        for _ in range(20):
            roi = image.getRoi()
            if roi is None or roi.getState() != roi.CONSTRUCTING:
                return
            time.sleep(0.05)


def drag(image: Any, points: Sequence[Sequence[float]]) -> None:
    places = [on_screen(image, y, x) for y, x in points]
    mouse("mousemove", *places[0], "sleep", "0.1", "mousedown", "1")
    with _mouse_seen(image.getCanvas()) as seen:
        for place in places[1:]:
            # A busy Java leaves out all but the last of the places that it has not seen yet.
            mouse("mousemove", *place)
            wait_for(f"the mouse at {place}", lambda place=place: seen[-1:] == [place])
    mouse("mouseup", "1")


@contextmanager
def _mouse_seen(canvas: Any) -> Iterator[list[tuple[int, int]]]:
    """List the places on the screen where Java sees the mouse dragged in a canvas."""
    from jpype import JImplements, JOverride

    seen: list[tuple[int, int]] = []

    @JImplements("java.awt.event.MouseMotionListener")
    class Listener:
        @JOverride
        def mouseDragged(self, event: Any) -> None:  # noqa: N802
            seen.append((JAVA_SCALE * int(event.getXOnScreen()), JAVA_SCALE * int(event.getYOnScreen())))

        @JOverride
        def mouseMoved(self, event: Any) -> None:  # noqa: N802
            pass

    listener = Listener()
    canvas.addMouseMotionListener(listener)
    try:
        yield seen
    finally:
        canvas.removeMouseMotionListener(listener)


def _other_texts(before: list[str]) -> list[str]:
    def look() -> list[str] | None:
        now = texts()
        return now if now != before else None

    return wait_for(f"another sentence than {before[0]}", look, 10)


def act(image: Any, what: str, points: Sequence[Sequence[float]] = ()) -> str:
    """Do what a person does, and return the sentence that the window then says."""
    before = texts()
    if not image.getWindow().isFocused():
        # A busy computer shows the log of an earlier correction late, and keys would go there.
        focus(str(image.getTitle()))
    if what in KEYS:
        press(KEYS[what])
        before = _other_texts(before)
    if what == "click":
        click(image, *points)
    elif what in ("polygon", "polyline"):
        click(image, *points[:-1])
        _double_click(image, points[-1])
    elif what in ("line", "freehand"):
        drag(image, points)
    elif what == "delete":
        mouse("mousemove", *on_screen(image, *points[0]), "sleep", "0.1")
        press("d")
    else:
        press(what)
    return _other_texts(before)[0]


def end(result: Path) -> None:
    """End a correction by its key."""
    press("Escape")
    _ended(result)


def _ended(result: Path) -> None:
    """Wait until the window is closed and the result written, which takes a moment more."""
    wait_for("the window's end", lambda: not windows(CORRECT))
    wait_for("the result", result.is_file)


def result_of(image: Path) -> Path:
    """Return where the corrected labels of a file's cells are written."""
    return image.with_name(f"{image.stem}_corrected_labels.tif")


def fields(where: str = "EPIFIJI_TEST_FIELDS") -> list[Path]:
    return sorted(Path(os.environ[where]).glob("field_?.tif"))


def labels_of(field: Path) -> Path:
    return field.with_name(f"{field.stem}_labels.tif")


def repairs_of(field: Path) -> list[tuple[str, list[tuple[float, float]]]]:
    return json.loads(field.with_name(f"{field.stem}_repairs.txt").read_text())


def mended(imagej: ImageJ, folder: Path) -> dict[str, list[str]]:
    """Mend all errors of all fields, one after the other."""
    said = {}
    for number, path in enumerate(fields()):
        image = open_image(path)
        start(image, labels_of(path))
        if number == 0:
            picture(folder / "before.png")
        said[path.stem] = [act(image, what, points) for what, points in repairs_of(path)]
        if number == 0:
            picture(folder / "after.png")
        if number == len(fields()) - 1:
            # Closing the image ends the correction too.
            image.close()
            _ended(result_of(path))
        else:
            end(result_of(path))
            image.close()
    return said


def killed(_: ImageJ, __: Path) -> None:
    """Mend half of a field's errors, and end ImageJ in the middle."""
    (path,) = fields("EPIFIJI_TEST_KILLED")
    image = open_image(path)
    start(image, labels_of(path))
    for what, points in repairs_of(path)[:3]:
        act(image, what, points)
    os.kill(os.getpid(), signal.SIGKILL)


def resumed(_: ImageJ, folder: Path) -> list[str]:
    (path,) = fields("EPIFIJI_TEST_KILLED")
    image = open_image(path)
    start(image, labels_of(path))
    said = texts()
    # Undo goes back behind the crash.
    said += [act(image, key) for key in ("z", "u", "y", "y")]
    said += [act(image, what, points) for what, points in repairs_of(path)[3:]]
    end(result_of(path))
    image.close()
    return said


MOVIE = "movie"


def movie_corrected(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Correct cells in two frames of a movie with all keys and by dragging, and give everything back at the end."""
    from scyjava import jimport

    path = Path(os.environ["EPIFIJI_TEST_FIELDS"]) / f"{MOVIE}.tif"
    plans = json.loads(path.with_name(f"{MOVIE}_plans.txt").read_text())
    image = open_image(path)
    mine = jimport("ij.gui.Overlay")(jimport("ij.gui.Roi")(1, 1, 5, 5))
    image.setOverlay(mine)
    image.setRoi(3, 4, 5, 6)
    jimport("ij.IJ").setTool("oval")
    start(image, labels_of(path))
    shown = shown_titles()
    seen: dict[str, Any] = {"said": []}

    def do(what: str, points: Sequence[Sequence[float]] = ()) -> None:
        seen["said"].append([act(image, what, points), texts()[1]])

    do("line", plans["line"])
    do("click", [plans["inside"]])
    seen["marked"] = int(image.getOverlay().size())
    picture(folder / "marked.png")
    do("Right")
    do("delete", [plans["inside"]])
    do("freehand", plans["around"])
    do("period")
    image.setT(1)
    wait_for("the outlines of the frame that the slider chose", lambda: "frame 1" in texts()[1])
    press("h")
    wait_for("no outlines", lambda: bool(image.getHideOverlay()))
    press("h")
    wait_for("outlines", lambda: not image.getHideOverlay())
    do("z")
    seen["frame"] = int(image.getT())
    do("a")
    do("Escape")
    do("z")
    do("z")
    seen["frame at the end"] = int(image.getT())
    do("z")
    do("y")
    do("delete", [(-30, 60)])
    seen["windows"] = [w for w in shown_titles() if w not in shown]
    end(result_of(path))
    seen["given back"] = [
        str(jimport("ij.gui.Toolbar").getToolName()),
        bool(image.getOverlay().equals(mine)),
        [int(v) for v in (image.getRoi().getBounds().x, image.getRoi().getBounds().width)],
    ]
    focus(str(image.getTitle()))
    press("h")
    seen["histogram"] = wait_for("ImageJ's own key", lambda: [w for w in shown_titles() if "Histogram" in w])
    return seen


VOLUME = "cyst"


def volume_corrected(_: ImageJ, folder: Path) -> list[list[str]]:
    """Correct the cells of a volume in its planes: what the window says after each step, and its state."""
    path = Path(os.environ["EPIFIJI_TEST_FIELDS"]) / f"{VOLUME}.tif"
    image = open_image(path)
    image.setZ(5)
    start(image, labels_of(path))
    said = [texts()]
    for what, points in json.loads(path.with_name(f"{VOLUME}_steps.txt").read_text()):
        said.append([act(image, what, points), texts()[1]])
        if what == "line":
            picture(folder / "volume.png")
    end(result_of(path))
    wait_for("what was written", lambda: windows("Log"))
    close("Log")
    image.close()
    return said
