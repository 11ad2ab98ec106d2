"""Measures a new user's path, from an ImageJ without windows to a reviewed list of events, plots and a report.

    python benchmarks/new_user_path.py [--pictures FOLDER]

A simulated movie of 100 frames is opened, events are detected, ten are decided, and plots and the report are made, with real
clicks and keys on a virtual display. The first way takes each command from the menu; the second continues in the navigator,
which opens after the detection. Clicks are counted, except for the keys of the ten decisions.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

NAME = "epithelium"
DECISIONS = "ynyyyynyyy"
DECIDE_S, MENU_S, TIMEOUT_S = 0.4, 0.3, 900
MOVIE = {"seed": 6, "frames": 100, "height": 256, "width": 256, "extrusions": 10, "divisions": 6, "sops": 4}
MENUS = "--add-opens=java.desktop/sun.awt=ALL-UNNAMED --add-opens=java.desktop/sun.awt.X11=ALL-UNNAMED"
"""Options of Java with which the positions of menu items on the screen are read."""

DETECT, REVIEW = "Detect Epithelial Events...", "Review Epithelial Events..."
PLOT, REPORT = "Plot Event Statistics...", "Write Event Report..."


class Hand:
    """A mouse whose clicks are counted, and the seconds after each step."""

    def __init__(self, folder: Path) -> None:
        self.clicks, self.started, self.folder = 0, float(os.environ["EPIFIJI_STARTED"]), folder
        self.steps: list[tuple[str, int, float]] = []

    def click(self, part: Any, where: tuple[float, float] = (0.5, 0.5)) -> None:
        """Click on a component, or on a menu item."""
        from desktop import click

        x, y, width, height = _place(part)
        click(int(x + where[0] * width), int(y + where[1] * height))
        self.clicks += 1

    def choose(self, *labels: str) -> None:
        """Choose an item of the menus, with the button pressed until the item is reached.

        This counts as two clicks: one to open the menu, and one to choose the item.
        """
        from scyjava import jimport

        from desktop import wait_for

        inside = jimport("ij.Menus").getMenuBar()
        for number, label in enumerate(labels):
            inside = next(one for one in _items(inside) if str(one.getLabel()) == label)
            x, y, width, height = wait_for(label, lambda item=inside: _place(item), 10)
            time.sleep(MENU_S)
            _mouse("mousemove", str(x + width // 2), str(y + height // 2), *(["mousedown", "1"] if number == 0 else []))
        time.sleep(MENU_S)
        _mouse("mouseup", "1")
        self.clicks += 2

    def step(self, name: str) -> None:
        """Record what was reached, with a picture of the screen."""
        from desktop import picture

        self.steps.append((name, self.clicks, time.time() - self.started))
        time.sleep(0.5)
        picture(self.folder / f"{len(self.steps)}_{name.replace(' ', '_')}.png")


def _mouse(*what: str) -> None:
    subprocess.run(["xdotool", *what], check=True)


def _items(menu: Any) -> list[Any]:
    count, item = (
        (menu.getMenuCount, menu.getMenu) if hasattr(menu, "getMenuCount") else (menu.getItemCount, menu.getItem)
    )
    return [item(index) for index in range(count())]


def _place(part: Any) -> tuple[int, int, int, int] | None:
    """Return position and size on the screen of a component or a menu item; None if the menu is not open."""
    if hasattr(part, "getLocationOnScreen"):
        place, size = part.getLocationOnScreen(), part.getSize()
        return int(place.x), int(place.y), int(size.width), int(size.height)
    accessor = _call(None, "getMenuComponentAccessor", "sun.awt.AWTAccessor")
    peer = _call(accessor, "getPeer", "sun.awt.AWTAccessor$MenuComponentAccessor", part)
    bounds = _call(peer, "getBounds", "sun.awt.X11.XMenuItemPeer")
    if bounds is None:
        return None
    corner = _call(
        _call(peer, "getContainer", "sun.awt.X11.XMenuItemPeer"), "toGlobal", "sun.awt.X11.XBaseWindow", bounds
    )
    return int(corner.x), int(corner.y), int(bounds.width), int(bounds.height)


def _call(target: Any, name: str, kind: str, *given: Any) -> Any:
    """Call a method of one of Java's own classes."""
    from scyjava import jimport

    for method in jimport("java.lang.Class").forName(kind).getDeclaredMethods():
        types = list(method.getParameterTypes())
        if str(method.getName()) != name or len(types) != len(given):
            continue
        if all(one.isInstance(value) for one, value in zip(types, given, strict=True)):
            method.setAccessible(True)
            return method.invoke(target, list(given))
    raise LookupError(f"{kind} has no {name}")


def _window(title: str, patience_s: float = 60) -> Any:
    """Wait until a window has opened and has the focus by itself: a user would need a click otherwise."""
    from desktop import wait_for
    from navigator_checks import navigator

    window = wait_for(title, lambda: navigator(title), patience_s)
    wait_for(f"{title} in front", window.isActive)
    return window


def _parts(window: Any) -> list[Any]:
    from navigator_checks import parts

    return parts(window, "java.awt.Component")


def _labelled(window: Any, text: str) -> Any:
    """Return the button or box with a text."""
    from desktop import wait_for

    def look() -> Any:
        for part in _parts(window):
            said = getattr(part, "getText", None) or getattr(part, "getLabel", None)
            is_button = hasattr(part, "addActionListener") or hasattr(part, "addItemListener")
            if is_button and said is not None and str(said()).strip() == text:
                return part
        return None

    return wait_for(text, look)


def _opened(hand: Hand) -> None:
    """Open the movie with File > Open..., which shows the folder with the movie."""
    from scyjava import jimport

    from desktop import wait_for
    from navigator_checks import parts

    folder, name = os.path.split(os.environ["EPIFIJI_TEST_MOVIE"])
    jimport("ij.io.OpenDialog").setDefaultDirectory(folder)
    # The parts of this chooser are known to Java, unlike those of the system's.
    jimport("ij.Prefs").useJFileChooser = True
    hand.choose("File", "Open...")
    dialog = _window("Open")

    (files,) = parts(dialog, "javax.swing.JList")
    wait_for("the file", lambda: name in [str(row.getName()) for row in _rows(files)])
    index = [str(row.getName()) for row in _rows(files)].index(name)
    cell = files.getCellBounds(index, index)
    hand.click(files, ((cell.x + 20) / files.getWidth(), (cell.y + 5) / files.getHeight()))
    hand.click(_labelled(dialog, "Open"))
    wait_for("the movie", lambda: jimport("ij.WindowManager").getCurrentImage() is not None)


def _rows(files: Any) -> list[Any]:
    return [files.getModel().getElementAt(index) for index in range(files.getModel().getSize())]


def _dialog(hand: Hand, label: str, *boxes: str, without: str = "") -> None:
    """Tick boxes in a command's dialog, and click on OK; the box `without` is cleared, which is not counted."""
    dialog = _window(label.rstrip("."))
    time.sleep(0.5)
    if without:
        _labelled(dialog, without).setState(False)
    for box in boxes:
        hand.click(_labelled(dialog, box), (0.1, 0.5))
    hand.click(_labelled(dialog, "OK"))


def _detected(hand: Hand, without: str = "") -> None:
    from desktop import wait_for
    from desktop_checks import manager

    hand.step("started")
    _opened(hand)
    hand.step("movie opened")
    hand.choose("Plugins", "EpiFiji", "Detect", DETECT)
    _dialog(hand, DETECT, "Save next to the movie", without=without)
    wait_for("the events", lambda: manager() is not None and manager().getCount() > 0, 300)


def _decided(look: Callable[[], Any]) -> None:
    """Decide ten events by keys."""
    from desktop import press, wait_for

    for key in DECISIONS:
        before = look()
        press(key)
        wait_for("the next event", lambda before=before: look() != before)
        time.sleep(DECIDE_S)


def _written(hand: Hand, browsed: Path) -> None:
    from desktop import wait_for

    wait_for("the report in the browser", browsed.exists, 300)
    hand.step("report")


def _plotted(hand: Hand) -> None:
    from scyjava import jimport

    from desktop import wait_for

    wait_for("the plots", lambda: jimport("ij.WindowManager").getWindow(f"Statistics of {NAME}") is not None, 300)
    hand.step("plots")


def commands(_: Any, folder: Path) -> Any:
    """Take each command from the menu."""
    from desktop import focus, press, wait_for, windows
    from review_checks import _labels

    hand = Hand(folder)
    _detected(hand, without="Open the navigator")
    hand.step("detected")
    hand.choose("Plugins", "EpiFiji", "Review", REVIEW)
    _dialog(hand, REVIEW)
    _window(REVIEW.rstrip("."))
    time.sleep(1)
    _decided(lambda: _labels(REVIEW.rstrip(".")))
    press("Escape")
    wait_for("the summary", lambda: windows(f"Review of {NAME}"))
    hand.step("reviewed")
    hand.choose("Plugins", "EpiFiji", "Analyse", PLOT)
    _dialog(hand, PLOT)
    _plotted(hand)
    # The report is of the movie in front, which the plots now cover.
    focus(f"{NAME}.tif")
    hand.clicks += 1
    hand.choose("Plugins", "EpiFiji", "Analyse", REPORT)
    _dialog(hand, REPORT)
    _written(hand, Path(os.environ["EPIFIJI_BROWSED"]))
    return hand.steps


def navigator(_: Any, folder: Path) -> Any:
    """Continue in the navigator, which opens after the detection."""
    from desktop import wait_for
    from navigator_checks import _texts

    hand = Hand(folder)
    _detected(hand)
    window = _window(f"Navigator of {NAME}.tif")
    hand.step("detected")
    time.sleep(1)
    _decided(lambda: _texts(window))
    hand.step("reviewed")
    hand.click(_labelled(window, "Plots..."))
    _dialog(hand, PLOT)
    _plotted(hand)
    wait_for("the navigator in front", window.isActive)
    hand.click(_labelled(window, "Report..."))
    _dialog(hand, REPORT)
    _written(hand, Path(os.environ["EPIFIJI_BROWSED"]))
    wait_for("the button of the report", _labelled(window, "Open Report").isEnabled)
    return hand.steps


def _walk(way: Callable[..., Any], folder: Path, pictures: Path | None) -> list[tuple[str, int, float]]:
    """Walk one way on a display of its own, with a browser that only records what it opens."""
    from desktop import desktop
    from epifiji.engine.simulation.movie import simulate
    from epifiji.files.movies.movie_file import write_movie
    from jvm import run_checks

    made, _ = simulate(**MOVIE)
    write_movie(replace(made, pixel_size_um=0.2, frame_interval_s=300.0), folder / f"{NAME}.tif")
    browser, browsed = folder / "bin" / "xdg-open", folder / "browsed"
    browser.parent.mkdir()
    browser.write_text(f'#!/bin/sh\necho "$1" > "{browsed}"\n')
    browser.chmod(0o755)
    shots = folder / "shots"
    shots.mkdir()
    with desktop() as display:
        env = {
            "DISPLAY": display,
            "EPIFIJI_TEST_MOVIE": str(folder / f"{NAME}.tif"),
            "EPIFIJI_STARTED": str(time.time()),
            "EPIFIJI_BROWSED": str(browsed),
            "JAVA_TOOL_OPTIONS": MENUS,
            "PATH": f"{browser.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(__file__).parent)]),
        }
        way.__module__ = Path(__file__).stem
        done = run_checks([way], shots, headless=False, env=env, timeout_s=TIMEOUT_S)
    if pictures is not None:
        shutil.copytree(shots, pictures / way.__name__, dirs_exist_ok=True)
    steps = done.values.get(way.__name__)
    if not isinstance(steps, list):
        sys.exit(f"{steps}\n{done.err}")
    report = folder / f"{NAME}_epifiji" / "report"
    assert all((report / name).is_file() for name in ("report.html", "report.pdf"))
    assert (folder / f"{NAME}_epifiji" / "reviewed" / "events.csv").is_file()
    return steps


def main() -> None:
    """Walk both ways, and print clicks and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="keep pictures of the screen after each step in this folder")
    parser.add_argument("--only", choices=["commands", "navigator"], help="walk only one way")
    given = parser.parse_args()
    for way in (commands, navigator):
        if given.only not in (None, way.__name__):
            continue
        with tempfile.TemporaryDirectory() as name:
            steps = _walk(way, Path(name), given.pictures)
        print(f"{way.__doc__} (load {os.getloadavg()[0]:.1f})")
        for what, clicks, seconds in steps:
            print(f"  {what}: {clicks} clicks, {seconds:.1f} s")


if __name__ == "__main__":
    main()
