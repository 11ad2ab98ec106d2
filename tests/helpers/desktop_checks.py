"""Checks that run in a process with ImageJ's windows open, while xdotool presses keys.

See :mod:`jvm` and :mod:`desktop`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from desktop import LOOK_S, click, focus, picture, press, type_text, wait_for, windows
from epifiji.bridge.imagej import ImageJ
from imagej_window import clear_status, error, manager, start_command, status, wait_for_the_macro

DETECT = "Detect Epithelial Events..."
DIALOG = "Detect Epithelial Events"
SLOW = 'run("Detect Epithelial Events...", "step_xy=3 step_t=1 threshold=130 min_volume=100 table=false");'
SLOWER = SLOW.replace("step_xy=3", "step_xy=1 mode=exact")

CANCELLED = "It was cancelled; nothing was changed."


def window_titled(title: str) -> Any:
    """Return the visible window of a title, or None."""
    from scyjava import jimport

    shown = [w for w in jimport("java.awt.Window").getWindows() if w.isVisible()]
    return next((w for w in shown if str(getattr(w, "getTitle", str)()) == title), None)


def open_movie() -> Any:
    from scyjava import jimport

    image = jimport("ij.IJ").openImage(os.environ["EPIFIJI_TEST_MOVIE"])
    image.show()
    wait_for("the movie", lambda: windows(str(image.getTitle())))
    return image


def roi_table() -> list[list[Any]]:
    rois = manager().getRoisAsArray()
    return [
        [
            str(roi.getName()),
            int(roi.getGroup()),
            [roi.getStrokeColor().getRed(), roi.getStrokeColor().getGreen(), roi.getStrokeColor().getBlue()]
            if roi.getStrokeColor() is not None
            else None,
            [float(roi.getFloatPolygon().xpoints[0]), float(roi.getFloatPolygon().ypoints[0])],
            [int(roi.getCPosition()), int(roi.getZPosition()), int(roi.getTPosition()), int(roi.getPosition())],
        ]
        for roi in rois
    ]


def detect_by_keys(_: ImageJ, folder: Path) -> dict[str, Any]:
    """A first detection: the user's ROIs stay, a wrong value opens the dialog again, the recorder writes the command."""
    from scyjava import jimport

    IJ = jimport("ij.IJ")
    IJ.run("Record...")
    image = open_movie()
    for x in range(3):
        manager().add(image, jimport("ij.gui.Roi")(x, x, 5, 5), -1)
    start_command(DETECT)
    focus(DIALOG)
    press("Tab")
    type_text("-3")
    press("Return")
    focus("EpiFiji")
    picture(folder / "refused.png", "EpiFiji")
    refused = said(_window_of("MessageDialog"))
    press("Return")
    focus(DIALOG)
    press("Tab", "ctrl+a", "BackSpace", "Tab", "Tab", "Tab")
    type_text("130")
    press("Tab")
    type_text("100")
    picture(folder / "dialog.png", DIALOG)
    press("Return")
    window = wait_for("the navigator", lambda: window_titled("Navigator of noise.tif"))
    table = next(part for part in parts(window) if hasattr(part, "getRowCount"))
    wait_for("the status", lambda: "noise" in status())
    _lay_out(image)
    picture(folder / "screen.png")
    return {
        "frames": [_frame_after_choosing(image, index) for index in range(int(manager().getCount()))],
        "rois": roi_table(),
        "rows": int(table.getRowCount()),
        "columns": [str(table.getColumnName(number)) for number in range(int(table.getColumnCount()))],
        "tables": windows("Events of noise"),
        "status": status(),
        "refused": refused,
        "pixel_um": float(image.getCalibration().pixelWidth),
        "recorded": recorded_lines(DETECT),
    }


def press_button(text: str) -> None:
    """Go to a button of the window in front by Tab, whichever fields are enabled before it, and press it."""
    from scyjava import jimport

    focused = jimport("java.awt.KeyboardFocusManager").getCurrentKeyboardFocusManager().getFocusOwner

    def reached() -> bool:
        owner = wait_for("the field with the focus", focused)
        if hasattr(owner, "getText") and str(owner.getText()) == text:
            return True
        press("Tab")
        wait_for("the next field", lambda: (now := focused()) is not None and not now.equals(owner))
        return False

    wait_for(f"the button {text}", reached, 60)
    press("space")


def settled(look: Callable[[], Any], quiet_s: float = 3.0) -> Any:
    """Return a value once it has not changed for some time: a busy computer shows the effect of the last key late."""
    since, value = time.monotonic(), look()

    def is_quiet() -> bool:
        nonlocal since, value
        if (now := look()) != value:
            since, value = time.monotonic(), now
        return time.monotonic() - since > quiet_s

    wait_for("the end of changes", is_quiet, 120)
    return value


def recorded_lines(label: str) -> str:
    """Return what ImageJ's recorder shows, as soon as it contains a command: the line is written after the command has ended."""
    from scyjava import jimport

    recorder = jimport("ij.plugin.frame.Recorder")
    return wait_for(
        "the recorded line", lambda: text if label in (text := str(recorder.getInstance().getText())) else "", 60
    )


def _lay_out(image: Any) -> None:
    """Put movie, ROI Manager and table next to each other, with the last event's frame shown."""
    from scyjava import jimport

    jimport("ij.IJ").run(image, "Set... ", "zoom=300")
    manager().select(image, manager().getCount() - 1)
    for window in jimport("java.awt.Window").getWindows():
        title = str(getattr(window, "getTitle", str)())
        for name, (x, y) in {"noise": (20, 120), "ROI Manager": (300, 120), "Events of": (20, 480)}.items():
            if title.startswith(name):
                window.setLocation(x, y)
                window.toFront()
    time.sleep(1)


def _frame_after_choosing(image: Any, index: int) -> int:
    """Return the frame that ImageJ shows after a ROI is selected in the manager, and the navigator has followed."""
    manager().select(image, index)
    seen: list[int] = []
    while len(seen) < 3 or len(set(seen[-3:])) > 1:
        seen.append(int(image.getCurrentSlice()))
        time.sleep(LOOK_S)
    return seen[-1]


def cancel_by_escape(_: ImageJ, __: Path) -> list[dict[str, Any]]:
    """Press Escape at three times: at the start of the work, later, and after a quarter, when much is still to be done."""
    from scyjava import jimport

    found = []
    for moment in (0.0, 0.1, 0.25):
        before = roi_table()
        image = jimport("ij.WindowManager").getCurrentImage()
        clear_status()
        jimport("ij.macro.MacroRunner")(SLOWER)
        wait_for(f"work past {moment}", lambda moment=moment: _done() > moment)
        focus(str(image.getTitle()))
        pressed = time.monotonic()
        press("Escape")
        # The status line cannot be used, because ImageJ writes what is under the mouse there.
        wait_for(f"the end of what was cancelled at {moment}", lambda: error() == CANCELLED)
        took = time.monotonic() - pressed
        wait_for_the_macro()
        found.append({"took": took, "same": roi_table() == before, "locked": bool(image.isLocked())})
    return found


def _done() -> float:
    """Return the progress that the status line shows."""
    said = status()
    if "looking for events" not in said:
        return -1
    return float(said.split("looking for events, ")[1].split(" %")[0]) / 100 if " %" in said else 0.01


def cancelled_dialog(_: ImageJ, __: Path) -> bool:
    before = roi_table()
    start_command(DETECT)
    focus(DIALOG)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    time.sleep(0.5)
    return roi_table() == before


def closed_while_running(_: ImageJ, __: Path) -> dict[str, Any]:
    """Close the movie during the detection: its events are still added to the manager."""
    from scyjava import jimport

    manager().reset()
    image = jimport("ij.WindowManager").getCurrentImage()
    clear_status()
    jimport("ij.macro.MacroRunner")(SLOW)
    wait_for("work", lambda: _done() > 0)
    image.changes = False
    image.close()
    # The events are added one by one.
    wait_for_the_macro()
    return {"rois": int(manager().getCount())}


def maps_in_colour(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    open_movie()
    imagej.run_macro(
        'run("Detect Epithelial Events...", "threshold=130 min_volume=100 maps=raw replace_rois table=false");'
    )
    image = jimport("ij.IJ").getImage()
    image.setT(6)
    time.sleep(1)
    picture(folder / "maps.png", str(image.getTitle()))
    tables = [list(lut.getBytes()) for lut in image.getLuts()]  # all reds, then all greens, then all blues
    colours = [[int(table[i]) & 255 for i in (255, 511, 767)] for table in tables]
    return {
        "title": str(image.getTitle()),
        "shape": [int(image.getNChannels()), int(image.getNSlices()), int(image.getNFrames())],
        "pixel": float(image.getCalibration().pixelWidth),
        "colours": colours,
        "rois": int(manager().getCount()),
        "covered": _covered(image.getWindow()),
    }


def _covered(maps: Any) -> list[str]:
    """Return which of the menus and the ROI Manager are covered by the window of the maps or the log."""
    from scyjava import jimport

    log = jimport("ij.WindowManager").getWindow("Log")
    needed = {"menus": jimport("ij.IJ").getInstance(), "manager": manager(), "maps": maps}
    over = {"maps": ("menus", "manager"), "log": ("menus", "manager", "maps")}
    return [
        f"{name} over {other}"
        for name, window in (("maps", maps), ("log", log))
        for other in over[name]
        if window.getBounds().intersects(needed[other].getBounds())
    ]


def menu_items(_: ImageJ, __: Path) -> dict[str, list[str]]:
    """Return the labels of the commands by submenu."""
    from scyjava import jimport

    bar = jimport("ij.Menus").getMenuBar()
    plugins = next(menu for i in range(bar.getMenuCount()) if str((menu := bar.getMenu(i)).getLabel()) == "Plugins")
    own = next(item for i in range(plugins.getItemCount()) if str((item := plugins.getItem(i)).getLabel()) == "EpiFiji")
    submenus = [own.getItem(i) for i in range(own.getItemCount())]
    return {
        str(menu.getLabel()): [str(menu.getItem(i).getLabel()) for i in range(menu.getItemCount())] for menu in submenus
    }


def many_rois(imagej: ImageJ, __: Path) -> dict[str, Any]:
    """A user's thousand ROIs keep their names and positions when a detection adds its own."""
    from scyjava import jimport

    open_movie()
    manager().reset()
    for i in range(1000):
        roi = jimport("ij.gui.Roi")(i % 50, i // 50, 3, 3)
        roi.setName(f"mine-{i}")
        manager().add(jimport("ij.IJ").getImage(), roi, -1)
    before = [str(roi.getName()) for roi in manager().getRoisAsArray()]
    started = time.monotonic()
    imagej.run_macro('run("Detect Epithelial Events...", "threshold=130 min_volume=100 table=false");')
    took = time.monotonic() - started
    after = [str(roi.getName()) for roi in manager().getRoisAsArray()]
    return {"kept": after[:1000] == before, "added": len(after) - 1000, "took": took}


def _window_of(kind: str) -> Any:
    """Return the visible window of one of ImageJ's classes, or of a class made from it."""
    from scyjava import jimport, jinstance

    shown = [window for window in jimport("java.awt.Window").getWindows() if window.isShowing()]
    return next((window for window in shown if jinstance(window, f"ij.gui.{kind}")), None)


def parts(container: Any) -> Iterator[Any]:
    for part in container.getComponents():
        yield part
        if hasattr(part, "getComponents"):
            yield from parts(part)


def part_in(title: str, known: Callable[[Any], bool]) -> Any:
    """Return the first part of the visible window of a title of which something is true, or None."""
    window = window_titled(title)
    return None if window is None else next((part for part in parts(window) if known(part)), None)


def text_in(title: str, words: str) -> str:
    """Return the text of the label in a window that contains some words; empty before there is one."""
    from scyjava import jinstance

    label = part_in(title, lambda part: jinstance(part, "javax.swing.JLabel") and words in str(part.getText()))
    return "" if label is None else str(label.getText())


def said(dialog: Any) -> str:
    """Return a dialog's text; ImageJ draws it in a canvas that stores its lines."""
    from scyjava import jimport

    field = jimport("java.lang.Class").forName("ij.gui.MultiLineLabel").getDeclaredField("lines")
    field.setAccessible(True)
    labels = [part for part in parts(dialog) if "MultiLineLabel" in str(part.getClass().getName())]
    return " ".join(str(line).strip() for label in labels for line in field.get(label))


def help_and_what_is_remembered(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """A dialog shows the last values, and help; a macro does not use the last values."""
    start_command(DETECT)
    focus(DIALOG)
    dialog = _window_of("GenericDialog")
    remembered = [str(field.getText()) for field in dialog.getStringFields()]
    button = next(part for part in parts(dialog) if "Help" in str(getattr(part, "getLabel", str)()))
    place, size = button.getLocationOnScreen(), button.getSize()
    click(place.x + size.width // 2, place.y + size.height // 2)
    window = wait_for("the help", lambda: _window_of("HTMLDialog"))
    text = next(str(part.getText()) for part in parts(window) if hasattr(part, "getContentType"))
    time.sleep(0.5)
    picture(folder / "help.png")
    press("Escape")
    wait_for("the help's end", lambda: _window_of("HTMLDialog") is None)
    focus(DIALOG)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    imagej.run_macro(f'run("{DETECT}", "network=small table=false output=[{folder / "not remembered"}]");')
    return {"remembered": remembered, "help": text, "emptied": _emptied(folder)}


def _emptied(folder: Path) -> list[str]:
    """Empty a field, write a wrong value into the last one, and return the texts of the dialog that opens again."""
    start_command(DETECT)
    focus(DIALOG)
    dialog = _window_of("GenericDialog")
    fields = list(dialog.getStringFields())
    fields[-2].setText("")
    fields[-1].setText("wrong")
    fields[-1].requestFocusInWindow()
    press("Return")
    focus("EpiFiji")
    press("Return")
    again = wait_for("the dialog", lambda: (shown := _window_of("GenericDialog")) and windows(DIALOG) and shown)
    time.sleep(0.3)
    picture(folder / "emptied.png", DIALOG)
    texts = [str(field.getText()) for field in again.getStringFields()]
    focus(DIALOG)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    return texts


def refused_macro(_: ImageJ, folder: Path) -> dict[str, Any]:
    """With a window a wrong option is shown in ImageJ's message box, and ends the macro."""
    from scyjava import jimport

    before = roi_table()
    jimport("ij.macro.MacroRunner")(f'run("{DETECT}", "netwrk=small"); File.saveString("", "{folder / "went on"}");')
    focus("Macro Error")
    picture(folder / "refused_macro.png", "Macro Error")
    told = said(_window_of("GenericDialog"))
    press("Return")
    wait_for("the box's end", lambda: not windows("Macro Error"))
    time.sleep(1)
    return {"said": told, "same": roi_table() == before}


DESKTOP = [
    menu_items,
    detect_by_keys,
    help_and_what_is_remembered,
    refused_macro,
    cancelled_dialog,
    cancel_by_escape,
    closed_while_running,
    maps_in_colour,
    many_rois,
]
