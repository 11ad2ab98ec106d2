"""Networks tried at one place of the open movie, with real clicks; see :mod:`window_pictures`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop import click, focus, picture, press, wait_for, windows
from epifiji.bridge.fiji.commands import DETECT, TRY
from epifiji.bridge.imagej import ImageJ
from imagej_window import on_event_thread, start_command

TITLE, DIALOG = TRY, DETECT.rstrip(".")
SCALE = "cell_diameter", "event_duration"
SCALE_LABELS = "Cell diameter (µm)", "Event duration (min)"
BESIDE = "= 25 px", "= 6 frames"


def part(title: str, kind: str, of: Callable[[Any], bool] = lambda _: True) -> Any:
    """Return the first part of a kind in the window of a title; None if there is none."""
    from scyjava import jimport

    pending = [
        one
        for one in jimport("java.awt.Window").getWindows()
        if one.isShowing() and str(getattr(one, "getTitle", str)()) == title
    ]
    while pending:
        one = pending.pop()
        if str(one.getClass().getSimpleName()).startswith(kind) and of(one):
            return one
        pending += list(one.getComponents()) if hasattr(one, "getComponents") else []
    return None


def press_button(title: str, text: str, wait: bool = True) -> None:
    """Click on a button; without waiting only if there is one."""
    button = wait_for(text, lambda: _button(title, text)) if wait else _button(title, text)
    if button is not None:
        place = button.getLocationOnScreen()
        click(place.x + 10, place.y + 10)


def _button(title: str, text: str) -> Any:
    return part(title, "JButton", lambda one: str(one.getText()) == text)


def networks_tried(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Try all networks on a drawn rectangle, move a slider, try again elsewhere, and use the settings."""
    from scyjava import jimport

    image = jimport("ij.WindowManager").getCurrentImage()
    image.setT(11)
    image.setRoi(10, 20, 140, 130)
    started = time.monotonic()
    start_command(TRY)
    focus(TITLE)
    seconds = time.monotonic() - started
    time.sleep(0.5)
    picture(folder / "try_networks_here.png", TITLE)

    def counts() -> list[str]:
        """Return the counts under the names of the networks."""
        found: list[str] = []

        def collect(label: Any) -> bool:
            text = str(label.getText())
            found.extend([text] if re.match(r"\d+ finds?, ", text) else [])
            return False

        part(TITLE, "JLabel", collect)
        return sorted(found, reverse=True)

    before = counts()
    fields = {key: part(TITLE, "JTextField", lambda one, key=key: str(one.getName()) == key) for key in SCALE}
    labels = [name for name in SCALE_LABELS if part(TITLE, "JLabel", lambda one, name=name: str(one.getText()) == name)]
    on_event_thread(lambda: (fields["cell_diameter"].setText("5"), fields["event_duration"].setText("30")))
    labels += [name for name in BESIDE if part(TITLE, "JLabel", lambda one, name=name: str(one.getText()) == name)]
    slider = part(TITLE, "JSlider", lambda one: str(one.getName()) == "threshold")
    slider.setValue(255)
    fewer = wait_for("fewer finds", lambda: (now := counts()) != before and now)
    image.setRoi(10, 10, 8, 9)
    press_button(TITLE, "Try Again")
    message = wait_for(
        "the message", lambda: part(TITLE, "JTextArea", lambda one: "larger rectangle" in str(one.getText()))
    )
    refused = str(message.getText())
    press("Return")
    on_event_thread(lambda: fields["cell_diameter"].setText("900"))
    image.setRoi(30, 30, 100, 100)
    press_button(TITLE, "Try Again")
    message = wait_for("the message", lambda: part(TITLE, "JTextArea", lambda one: "900" in str(one.getText())))
    too_large = str(message.getText())
    press("Return")
    on_event_thread(lambda: fields["cell_diameter"].setText("5"))
    time.sleep(0.3)
    press_button(TITLE, "Try Again")
    wait_for(
        "the other place", lambda: part(TITLE, "JLabel", lambda one: "100 x 100 px at x = 30" in str(one.getText()))
    )
    # The window has another size for another place, so the first click may miss the button.
    wait_for(
        "the dialog", lambda: windows(DIALOG) or (press_button(TITLE, "Use These...", wait=False), time.sleep(1))[0]
    )
    focus(DIALOG)
    more = bool(
        wait_for(
            "the box", lambda: part(DIALOG, "Checkbox", lambda one: str(one.getLabel()) == "More settings")
        ).getState()
    )
    choices = [
        str(one.getSelectedItem()) for one in wait_for("the dialog", lambda: part(DIALOG, "Choice") and _choices())
    ]
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    image.deleteRoi()
    return {
        "seconds": seconds,
        "before": before,
        "fewer": fewer,
        "refused": refused,
        "labels": labels,
        "too large": too_large,
        "choices": choices,
        "more": more,
        "open": windows(TITLE),
    }


def _choices() -> list[Any]:
    from scyjava import jimport

    found = [
        one
        for one in jimport("java.awt.Window").getWindows()
        if one.isShowing() and str(getattr(one, "getTitle", str)()) == DIALOG
    ]
    return list(found[0].getChoices())
