"""Unusual images, movies and ROIs with the navigator; see :mod:`jvm` and :mod:`desktop`. Files are in the working folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from desktop import focus, press, wait_for
from epifiji.files.results.reviews import read_review
from imagej_window import manager, on_event_thread
from navigator_checks import OPEN, parts, run_in_jython

BEGINNING = "Navigator of "


def write_two_movies(folder: Path) -> Path:
    """Write two movies of one name with the planted events into `folder`, and return it."""
    import numpy as np

    from epifiji.data.movie import Movie
    from epifiji.files.movies.movie_file import write_movie
    from epifiji.files.results.events_table import write_events
    from planted_events import planted

    for number, name in enumerate(("first", "second")):
        results = folder / name / "noise_epifiji"
        results.mkdir(parents=True)
        movie = results.parent / "noise.tif"
        pixels = np.random.default_rng(number).integers(0, 255, (12, 70, 80), dtype=np.uint8)
        write_movie(Movie(pixels, "noise"), movie)
        write_events(results / "events.csv", planted())
        record = {"movie": {"name": "noise", "file": str(movie), "shape": [12, 70, 80]}}
        (results / "run.json").write_text(json.dumps(record))
    return folder


def _navigators() -> dict[str, Any]:
    from scyjava import jimport

    shown = [w for w in jimport("java.awt.Window").getWindows() if w.isVisible()]
    titled = [(str(getattr(w, "getTitle", str)()), w) for w in shown]
    return {title: window for title, window in titled if title.startswith(BEGINNING)}


def _open_movie(name: str) -> Any:
    from scyjava import jimport

    image = jimport("ij.IJ").openImage(str(Path(name, "noise.tif").resolve()))
    image.show()
    return image


def _open_events(name: str, times: int = 1) -> None:
    from scyjava import jimport

    results = Path(name, "noise_epifiji").resolve()
    for _ in range(times):
        jimport("ij.macro.MacroRunner")(f'run("{OPEN}", "results=[{results}] table=false navigator");')


def _opened(count: int = 1, of: str = "30 of 30 shown") -> dict[str, Any]:
    """Wait until so many navigators show all events."""
    return wait_for("navigators", lambda: found if len(found := _navigators()) == count and _all(of, found) else None)


def _all(text: str, found: dict[str, Any]) -> bool:
    return all(text in _said(window) for window in found.values())


def _said(window: Any) -> str:
    return "; ".join(str(p.getText()) for kind in ("JLabel", "JTextArea") for p in parts(window, f"javax.swing.{kind}"))


def _still(look: Callable[[], bool]) -> Iterator[bool]:
    for _ in range(10):
        yield look()
        time.sleep(0.05)


def _press_in(window: Any, key: str, said: str) -> None:
    """Press a key in a window until it shows a text."""

    def stays_in_front() -> bool:
        # Another window that was opened or closed before may be activated late.
        focus(str(window.getTitle()))
        return all(_still(window.isActive))

    wait_for("the window in front", stays_in_front)
    press(key)
    wait_for(f"what {key} does", lambda: said in _said(window))


def _close_all() -> None:
    from scyjava import jimport

    images = jimport("ij.WindowManager")
    for identifier in list(images.getIDList() or ()):
        image = images.getImage(identifier)
        image.changes = False
        image.close()
    wait_for("the end of the navigators", lambda: not _navigators())
    manager().reset()


ADOPTED_AGAIN = """
from epifiji_client.events.navigator.navigator import navigators_of
from ij import IJ
for navigator in navigators_of(IJ.getImage()):
    for _ in navigator.rois.adopting():
        pass
"""
"""What a navigator does that is closed while the command that opened it still adds its ROIs."""


def two_movies_of_one_title(_: Any, __: Path) -> dict[str, Any]:
    """Open the events of a movie by two commands at once, and then those of another movie of the same title."""
    _close_all()
    manager().close()
    _open_movie("first")
    _open_events("first", times=2)
    _opened()
    # The later one has taken the place of the earlier one, or does so now.
    time.sleep(2)
    run_in_jython(ADOPTED_AGAIN)
    at_once, rois = list(_opened()), int(manager().getCount())
    image = _open_movie("second")
    _open_events("second")
    _opened(2)
    for title, window in _navigators().items():
        if title.endswith("second"):
            _press_in(window, "y", "1 of 30 decided")
            _press_in(window, "n", "2 of 30 decided")
        else:
            _press_in(window, "n", "1 of 30 decided")
    # The title of the one that opened first changes when it is used.
    titles = list(_navigators())
    wait_for("the end of the rejected events' ROIs", lambda: manager().getCount() <= 58)
    left = int(manager().getCount())
    image.setTitle("renamed")
    second = next(window for title, window in _navigators().items() if title.endswith("second"))
    _press_in(second, "Down", "4 of 30")
    renamed = str(second.getTitle())
    reviews = [read_review(Path(name, "noise_epifiji", "review.csv")) for name in ("first", "second")]
    decided = [[[action.item, action.what] for action in review.actions] for review in reviews]
    return {
        "decided": decided,
        "at once": at_once,
        "ROIs": rois,
        "titles": titles,
        "ROIs after two were rejected": left,
        "renamed": renamed,
    }


def moved_rois(_: Any, __: Path) -> dict[str, Any]:
    """Move a ROI in the ROI Manager, and update another one without a change."""
    _close_all()
    image = _open_movie("first")
    Path("first", "noise_epifiji", "review.csv").unlink()
    _open_events("first")
    (window,) = _opened().values()
    listed = manager()
    wait_for("the list", lambda: listed.getCount() == 30)
    names = [str(roi.getName()) for roi in listed.getRoisAsArray()]
    for place, move in ((2, True), (4, False)):
        listed.select(image, place)
        wait_for("its event", lambda name=names[place]: f"score {name[-5:-1]}" in _said(window))
        if move:
            image.getRoi().setLocation(5.0, 5.0)
        listed.runCommand("Update")
    box = next(b for b in parts(window, "javax.swing.JCheckBox") if str(b.getText()) == "ROIs")
    on_event_thread(box.doClick)
    wait_for("the moved ROI alone", lambda: listed.getCount() < 3)
    out = [str(roi.getName()) for roi in listed.getRoisAsArray()]
    on_event_thread(box.doClick)
    wait_for("the ROIs", lambda: listed.getCount() >= 30)
    time.sleep(0.5)
    back = [str(roi.getName()) for roi in listed.getRoisAsArray()]
    on_event_thread(lambda: listed.select(image, back.index(names[2])))
    wait_for("why the event did not move", lambda: "You moved the ROI" in _said(window))
    said = _said(window)
    listed.select(image, back.index(names[4]))
    wait_for("the updated ROI's event", lambda: f"score {names[4][-5:-1]}" in _said(window))
    table = parts(window, "javax.swing.JTable")[0]
    row = [str(table.getValueAt(table.getSelectedRow(), column)) for column in (0, 2)]
    listed.runCommand("Update")
    _press_in(window, "n", "1 of 30 decided")
    wait_for("the end of its ROI", lambda: listed.getCount() < len(back), 15)
    after = [str(roi.getName()) for roi in listed.getRoisAsArray()]
    return {
        "moved": names[2], "taken out": out, "put back": len(back), "said": said, "row in the table": row,
        "row of the updated": [names[4].rpartition(" ")[0].rpartition(" ")[0], names[4][-5:-1]],
        "rejected is there": names[4] in after,
    }  # fmt: skip


LATE = """
from ij import WindowManager
from java.lang import System
from epifiji_client.commands.run import call
from epifiji_client.events.navigator.navigator import navigate
from epifiji_client.images.movies import name_shown, show_events, wide_manager

found = call("open", {"settings": {"results": results}, "as_text": True})
image = WindowManager.getCurrentImage()
name_shown(image, found)
wide_manager()
opened = navigate(image, results, has_rois=False)
"""


def decisions_before_the_rois(_: Any, __: Path) -> dict[str, list[str]]:
    """Reject an event and change the class of another one before their ROIs are there; then again, and close the window first."""
    from scyjava import jimport

    from epifiji.bridge.imagej.menu import client_folder

    _close_all()
    _open_movie("first")
    Path("first", "noise_epifiji", "review.csv").unlink(missing_ok=True)
    interpreter = jimport("org.python.util.PythonInterpreter")()
    interpreter.exec_(f"import sys; sys.path.append({str(client_folder())!r})")
    interpreter.set("results", str(Path("first", "noise_epifiji").resolve()))
    seen = {}
    for when in ("open", "closed"):
        interpreter.exec_(LATE)
        (window,) = _opened().values()
        if when == "open":
            _press_in(window, "n", "1 of 30 decided")
            _press_in(window, "1", "cell_death   frame 1   score 0.67")
        else:
            wait_for("the earlier decisions", lambda window=window: "1 of 30 decided" in _said(window))
            _press_in(window, "n", "2 of 30 decided")
            interpreter.exec_('opened.want("close", None); opened.ended.await()')
        interpreter.exec_("show_events(image, found, False, False); opened.adopt()")
        count = 29 if when == "open" else 28
        wait_for("the end of the rejected ROIs", lambda count=count: manager().getCount() == count)
        time.sleep(0.5)
        seen[when] = [str(roi.getName()) for roi in manager().getRoisAsArray()]
    return seen


def images_of_other_kinds(imagej: Any, folder: Path) -> dict[str, Any]:
    """Return channel, plane and frame after going to the first event of the second frame: RGB, two channels, a virtual stack."""
    from scyjava import jimport

    ij, images, seen = jimport("ij.IJ"), jimport("ij.WindowManager"), {}
    Path("first", "noise_epifiji", "review.csv").unlink(missing_ok=True)
    for kind in ("RGB", "channels", "virtual"):
        _close_all()
        image = _open_movie("first")
        if kind == "RGB":
            ij.run(image, "RGB Color", "")
        elif kind == "channels":
            ij.run(image, "Duplicate...", "title=other duplicate")
            imagej.run_macro('run("Merge Channels...", "c1=[noise.tif] c2=other create");')
            image = images.getCurrentImage()
            image.setPosition(2, 1, 1)
        else:
            image.close()
            imagej.run_macro(f'run("TIFF Virtual Stack...", "open=[{folder / "first" / "noise.tif"}]");')
            image = images.getCurrentImage()
        ij.run(image, "Set... ", "zoom=400")
        _open_events("first")
        (window,) = _opened().values()
        for number in range(2, 5):
            _press_in(window, "Down", f"{number} of 30")
        seen[kind] = [int(image.getC()), int(image.getZ()), int(image.getT())]
        if kind == "channels":
            seen["rings in both channels"] = _same_rings_in_both(image)
    _close_all()
    return seen


def _same_rings_in_both(image: Any) -> bool:
    """Return whether there are rings, and the same ones in both channels of a frame in which no event was selected."""
    from scyjava import jimport

    focus(str(image.getTitle()))
    # Grey pixels, so that only rings have colours.
    image.setMode(3)
    canvas = image.getCanvas()
    place, size = canvas.getLocationOnScreen(), canvas.getSize()
    shown = jimport("java.awt.Rectangle")(place.x, place.y, size.width, size.height)
    found = []
    for channel in (1, 2):
        image.setPosition(channel, 1, 9)
        time.sleep(0.5)
        picture = jimport("java.awt.Robot")().createScreenCapture(shown)
        pixels = picture.getRGB(0, 0, size.width, size.height, None, 0, size.width)
        colours = [sorted((pixel >> 16 & 255, pixel >> 8 & 255, pixel & 255)) for pixel in pixels]
        found.append([number for number, levels in enumerate(colours) if levels[2] - levels[0] > 60])
    # Lines are blended with the pixels below them.
    return len(found[0]) > 100 and len(set(found[0]) & set(found[1])) > 0.8 * len(found[0])
