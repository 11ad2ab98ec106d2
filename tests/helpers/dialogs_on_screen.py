"""Dialogs of commands as they are on the screen, also in ImageJ's GUI scale; see :mod:`window_pictures`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from desktop import click, close, focus, press, wait_for, windows
from desktop_checks import parts, window_titled
from epifiji.bridge.fiji.commands import COMPARE, EVALUATE, MANAGE
from epifiji.bridge.imagej import ImageJ
from imagej_window import on_event_thread, start_command
from jvm import IMAGEJ_SCALE

NAME = "tissue"
"""Name of the movie whose windows are shown."""


def open_dialog(title: str) -> Any:
    """Return the dialog of a title that is open; None if there is none."""
    from scyjava import jimport, jinstance

    found = [
        window
        for window in jimport("java.awt.Window").getWindows()
        if window.isVisible() and jinstance(window, "ij.gui.GenericDialog") and str(window.getTitle()) == title
    ]
    return found[0] if found else None


def dialog_texts(dialog: Any) -> list[str]:
    """Return the labels of a dialog's fields as they are shown."""
    from scyjava import jinstance

    found = []
    for part in parts(dialog):
        if jinstance(part, "java.awt.Label"):
            found.append(str(part.getText()))
        elif jinstance(part, "java.awt.Checkbox"):
            found.append(str(part.getLabel()))
    return found


def pressed(button: Any) -> Any:
    """Return the event of a pressed button."""
    from scyjava import jimport

    ActionEvent = jimport("java.awt.event.ActionEvent")
    return ActionEvent(button, ActionEvent.ACTION_PERFORMED, button.getLabel())


def scaled(_: ImageJ, __: Path) -> dict[str, Any]:
    """Open the highest dialog at twice the size or more, so that it scrolls, and let its last field have the focus."""
    from scyjava import jimport

    title, prefs = EVALUATE.rstrip("."), jimport("ij.Prefs")
    screen = jimport("java.awt.GraphicsEnvironment").getLocalGraphicsEnvironment().getMaximumWindowBounds()
    prefs.setGuiScale(max(2, screen.height // 400))
    try:
        start_command(EVALUATE)
        dialog = wait_for("the dialog", lambda: open_dialog(title))
        focus(title)
        found = {"whole": bool(screen.contains(dialog.getBounds())), "lines": _lines_of(dialog)}
        field = dialog.getCheckboxes().lastElement()
        pane = next(part for part in dialog.getComponents() if str(part.getClass().getSimpleName()) == "ScrollPane")
        found["first"] = _is_in_view(field, pane)
        field.requestFocusInWindow()
        wait_for("the last field", lambda: _is_in_view(field, pane))
        press("Escape")
        wait_for("the dialog's end", lambda: not windows(title))
        prefs.setGuiScale(screen.width // 400)
        return found | {"buttons": _buttons_of_the_networks()}
    finally:
        prefs.setGuiScale(IMAGEJ_SCALE)


def _buttons_of_the_networks() -> list[bool]:
    """Return whether each button of the window of networks is whole on the screen: one line has no room for all."""
    from scyjava import jinstance

    start_command(MANAGE)
    focus("Networks")
    window, inside = wait_for("the window", lambda: window_titled("Networks")), []

    def look() -> None:
        buttons = [part for part in parts(window) if jinstance(part, "javax.swing.JButton") and part.getText()]
        inside[:] = [bool(part.getVisibleRect().getSize().equals(part.getSize())) for part in buttons]

    on_event_thread(look)
    close("Networks")
    return inside


def chosen(_: ImageJ, folder: Path) -> list[str]:
    """Choose a folder, then a file, by the button Browse of the same field; return the texts of the field after each."""
    from scyjava import jimport, jinstance

    def chooser() -> Any:
        shown = (window for window in jimport("java.awt.Window").getWindows() if window.isShowing())
        found = (part for window in shown for part in parts(window) if jinstance(part, "javax.swing.JFileChooser"))
        return next(found, None)

    title, File = COMPARE.rstrip("."), jimport("java.io.File")
    start_command(COMPARE)
    dialog = wait_for("the dialog", lambda: open_dialog(title))
    field = list(dialog.getStringFields())[1]
    button = next(part for part in field.getParent().getComponents() if jinstance(part, "java.awt.Button"))
    texts = []
    for name in (f"{NAME}_epifiji", f"{NAME}_cell_death.zip"):
        place = button.getLocationOnScreen()
        focus(title)
        click(place.x + 10, place.y + 10)
        shown = wait_for("the chooser", chooser)
        # The chooser still reads the folder: only its own thread may change it.
        on_event_thread(partial(shown.setSelectedFile, File(str(folder / name))))
        on_event_thread(shown.approveSelection)
        wait_for("its end", lambda: chooser() is None)
        wait_for("the place", lambda name=name: str(field.getText()).endswith(name))
        texts.append(str(field.getText()).removeprefix(f"{folder}{os.sep}"))
    cancel = dialog.getButtons()[1]
    cancel.dispatchEvent(pressed(cancel))
    wait_for("the dialog's end", lambda: not windows(title))
    return texts


def _lines_of(dialog: Any) -> list[int]:
    """Return the sizes of the fonts of a dialog's labels, and of the lines about the field with the focus."""
    label = next(part for part in parts(dialog) if str(part.getClass().getSimpleName()) == "Label")
    area = next(part for part in parts(dialog) if str(part.getClass().getSimpleName()) == "JTextArea")
    return [int(label.getFont().getSize()), int(area.getFont().getSize())]


def _is_in_view(field: Any, pane: Any) -> bool:
    """Return whether a pane that scrolls shows the whole height of a field."""
    top, above = field.getLocationOnScreen().y, pane.getLocationOnScreen().y
    return bool(above <= top and top + field.getHeight() <= above + pane.getViewportSize().height)
