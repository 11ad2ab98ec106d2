"""The window of the networks, with real clicks; see :mod:`window_pictures`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop import click, close, focus, picture, press, wait_for, windows
from desktop_checks import parts
from epifiji.bridge.fiji.commands import MANAGE
from epifiji.bridge.imagej import ImageJ
from epifiji.files.networks.default import default_name
from imagej_window import on_event_thread, start_command, status


def networks_managed(_: ImageJ, folder: Path) -> list[Any]:
    """Make a network the default and EpiNet again, choose a wrong Python for Cellpose, and open the dialog of the import.

    Return the two defaults, and of the wrong choice the sentence, its width and ImageJ's status line afterwards.
    """
    from scyjava import jimport

    def part(kind: str, of: Callable[[Any], bool]) -> Any:
        pending = [
            one for one in jimport("java.awt.Window").getWindows() if one.isShowing() and _title_of(one) == "Networks"
        ]
        while pending:
            one = pending.pop()
            if str(one.getClass().getSimpleName()) == kind and of(one):
                return one
            pending += list(one.getComponents()) if hasattr(one, "getComponents") else []
        return None

    def button(text: str) -> Any:
        return part("JButton", lambda one: str(one.getText()) == text)

    start_command(MANAGE)
    table = wait_for("the table", lambda: part("JTable", lambda _: True))
    card = wait_for("the card", lambda: (found := part("JTextArea", lambda _: True)) and str(found.getText()) and found)

    def first_column() -> list[str]:
        """Read the table on the event thread, which may just be filling it."""
        seen: list[str] = []
        on_event_thread(lambda: seen.extend(str(table.getValueAt(row, 0)) for row in range(table.getRowCount())))
        return seen

    def choose(row: int) -> str:
        """Select a network, make it the default, and return its card."""
        _click(table, 30, int((row + 0.5) * table.getRowHeight()))
        wait_for("the selection", lambda: int(table.getSelectedRow()) == row)
        wait_for("the button", lambda: button("Make Default").isEnabled())
        _click(button("Make Default"))
        wait_for("another default", lambda: f"{names[row]} (default)" in first_column())
        wait_for("its card", lambda: str(card.getText()).lower().startswith(f"# {names[row]}"))
        return default_name()

    focus("Networks")
    names = [name.removesuffix(" (default)") for name in wait_for("the networks", first_column)]
    chosen = [choose(names.index("my_notum")), choose(names.index("epinet"))]
    focus("Networks")
    time.sleep(0.5)
    picture(folder / "networks.png", "Networks")
    wrong = _chosen_for_cellpose(button("Cellpose..."), folder)
    focus("Networks")
    _click(button("Import..."))
    wait_for("the dialog", _import_dialog)
    focus("Import EpiFiji Network")
    press("Escape")
    wait_for("the dialog's end", lambda: not _import_dialog())
    close("Networks")
    return [*chosen, *wrong]


def _chosen_for_cellpose(button: Any, folder: Path) -> tuple[str, int, str]:
    """Choose a text for Cellpose's Python; return what the box says, its width and the status line."""
    from scyjava import jimport

    def shown(kind: str) -> Any:
        windows = [one for one in jimport("java.awt.Window").getWindows() if one.isShowing()]
        found = (one for window in windows for one in parts(window) if str(one.getClass().getSimpleName()) == kind)
        return next(found, None)

    (folder / "notes.txt").write_text("no program")
    _click(button)
    chooser = wait_for("the chooser", lambda: shown("JFileChooser"))
    file = jimport("java.io.File")(str(folder / "notes.txt"))
    on_event_thread(lambda: (chooser.setSelectedFile(file), chooser.approveSelection()))
    box = wait_for("the box", lambda: shown("JOptionPane"))
    said, width = str(box.getMessage().getText()), int(box.getWidth())
    _click(next(one for one in parts(box) if str(one.getClass().getSimpleName()) == "JButton"))
    wait_for("the box's end", lambda: shown("JOptionPane") is None)
    # The window reads the list of networks again.
    wait_for("the end of the progress in the status line", lambda: "Esc cancels" not in status())
    return said, width, status()


def _click(part: Any, x: int = 10, y: int = 10) -> None:
    place = part.getLocationOnScreen()
    click(place.x + x, place.y + y)


def _title_of(window: Any) -> str:
    return str(getattr(window, "getTitle", str)())


def _import_dialog() -> list[str]:
    return windows("Import EpiFiji Network")
