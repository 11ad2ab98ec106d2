"""A session in the navigator with real keys and clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from desktop import click, close, focus, picture, press, type_text, wait_for, windows
from desktop_checks import open_movie, window_titled
from epifiji.bridge.imagej import ImageJ
from epifiji.files.results.events_table import read_events
from epifiji.files.results.reviews import read_review
from imagej_window import manager, start_command

NAVIGATOR, MOVIE, MANAGER = "Navigator of noise.tif", "noise.tif", "ROI Manager"
COMMANDS = (("Plots...", "Plot Event Statistics"), ("Report...", "Write Event Report"))
OPEN = "Open Epithelial Events..."
ZOOM = 4
FIRST = [
    "y", "n", "s", "2", "y", "y", "u", "n", "Down", "m", "movie:30:40", "y", "filter:death", "row:2", "n", "filter:",
    "header:2", "row:1", "y", "strip:1:12",
]  # fmt: skip
SECOND = [
    "y", "n", "a", "movie:60:20", "u", "a", "movie:60:20", "manager:cell_death 8 (0.87)", "n", "movie:51:32", "movie-1",
    "movie-y", "box:cell_sop", "Down", "row:4", "y", "box:cell_sop", "box:ROIs", "box:ROIs", "n",
]  # fmt: skip
"""The steps of the session: keys, clicks at a place of the movie (x, y), texts of the filter, clicks on a row, a column's
heading, the strip (class, frame), a ROI in the manager and a box, and keys while the movie is in front.
"""


def navigator(title: str = NAVIGATOR) -> Any:
    """Return the window."""
    return window_titled(title)


def parts(container: Any, kind: str) -> list[Any]:
    """List the components of a class inside another one."""
    from scyjava import jinstance

    found = []
    for part in container.getComponents():
        found += [part] if jinstance(part, kind) else []
        found += parts(part, kind) if jinstance(part, "java.awt.Container") else []
    return found


def labels() -> list[str]:
    return _texts(navigator())


def start(image: Any) -> None:
    from scyjava import jimport

    jimport("ij.IJ").run(image, "Set... ", f"zoom={100 * ZOOM}")
    code = f'run("{OPEN}", "results=[{os.environ["EPIFIJI_TEST_RESULTS"]}] table=false navigator");'
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the navigator", navigator)
    focus(NAVIGATOR)


def _state() -> list[Any]:
    """Return what any step changes."""
    table = parts(navigator(), "javax.swing.JTable")[0]
    return [labels(), int(table.getRowCount()), int(table.getSelectedRow()), int(manager().getCount())]


def _click_in(part: Any, x: int, y: int) -> None:
    place = part.getLocationOnScreen()
    click(place.x + x, place.y + y)


def _do(step: str, image: Any) -> None:
    what, _, rest = step.partition(":")
    if what == "movie":
        x, y = map(int, rest.split(":"))
        focus(f"{MOVIE}")
        _click_in(image.getCanvas(), int((x + 0.5) * ZOOM), int((y + 0.5) * ZOOM))
    elif what == "manager":
        focus(MANAGER)
        listed = parts(manager(), "javax.swing.JList")[0]
        index = [str(roi.getName()) for roi in manager().getRoisAsArray()].index(rest)
        listed.ensureIndexIsVisible(index)
        time.sleep(0.3)
        cell = listed.getCellBounds(index, index)
        _click_in(listed, cell.x + 10, cell.y + 5)
    elif what.startswith("movie-"):
        press(what[6:])
    else:
        focus(NAVIGATOR)
        _do_in_window(what, rest)


def _do_in_window(what: str, rest: str) -> None:
    if what == "filter":
        field = parts(navigator(), "javax.swing.JTextField")[0]
        _click_in(field, 20, 8)
        if rest:
            type_text(rest)
        press("Return" if rest else "Escape")
    elif what == "row":
        table = parts(navigator(), "javax.swing.JTable")[0]
        table.scrollRectToVisible(table.getCellRect(int(rest), 0, True))
        time.sleep(0.3)
        cell = table.getCellRect(int(rest), 1, True)
        _click_in(table, cell.x + 5, cell.y + 5)
    elif what == "header":
        header = parts(navigator(), "javax.swing.table.JTableHeader")[0]
        cell = header.getHeaderRect(int(rest))
        _click_in(header, cell.x + 10, cell.y + 5)
    elif what == "strip":
        row, frame = map(int, rest.split(":"))
        strip = next(part for part in parts(navigator(), "javax.swing.JPanel") if part.getToolTipText() is not None)
        x = 6 + int((frame - 0.5) * (strip.getWidth() - 12) / 12)
        _click_in(strip, x, 6 + 16 * row + 8)
    elif what == "box":
        box = next(b for b in parts(navigator(), "javax.swing.JCheckBox") if str(b.getText()).startswith(rest))
        _click_in(box, 10, box.getHeight() // 2)
    else:
        press(what)


def _do_all(steps: list[str], image: Any) -> None:
    for step in steps:
        before = _state()
        _do(step, image)
        wait_for(f"what {step} does", lambda before=before: _state() != before, 15)
        time.sleep(0.2)


MODEL = """
from epifiji_client.events.navigator.model import ShownEvents
from epifiji_client.events.review_session import ReviewSession
from java.lang import System
events = ["cell_death:3:1.0:2.0:0.9::0:", "cell_sop:1:5.0:6.0::keep:1:"]
events += ["cell_death:2:7.0:8.0:0.4:reject:0:"]
found = {"items": "/".join(events), "order": [1, 2, 0], "place": 0, "classes": [{"name": "cell_death"}, {"name": "cell_sop"}]}
found["opinions"] = "2:cell_death:disagrees:not divided: one cell/0:cell_death:agrees:a cell disappears"
shown = ShownEvents(ReviewSession(found, 5, None))
seen = [("", shown.session.order)]
for text in ("death", "death open", "score<0.5", "score > 0.5", "frame>=2 x>5", "added", "kept", "nothing", "disagrees"):
    shown.filter(text)
    seen.append((text, shown.session.order))
shown.filter("")
for column in ("score", "score", "event", "opinion", "opinion"):
    shown.sort(column)
    seen.append((column, shown.session.order))
shown.show_class("cell_death", False)
seen.append(("hidden", shown.session.order))
earlier = shown
shown = ShownEvents(ReviewSession(found, 5, None))
shown.take_over(earlier)
seen.append(("taken over", shown.session.order))
shown.session.select_same(earlier.session.items[2])
seen.append(("selected", [shown.session.item]))
other_class = {"item": 2, "count": 3, "now": "cell_sop:2:7.0:8.0:0.4:reject:0:", "steps": 1}
session = ReviewSession(dict(found, review="", steps=0), 5, lambda job, request: other_class)
seen.append((session.items[2]["reason"], [session.items[index]["verdict"] for index in (0, 1, 2)]))
session.do("select", 2)
session.do("class", 1)
seen.append(("other class", [session.items[index]["verdict"] for index in (0, 1, 2)]))
System.setProperty("seen", "; ".join(["%s: %s" % (text, " ".join(map(str, order))) for text, order in seen]))
"""


def run_in_jython(code: str) -> None:
    """Run code that can import Fiji's side of EpiFiji, in this process."""
    from scyjava import jimport

    from epifiji.bridge.imagej.menu import client_folder

    interpreter = jimport("org.python.util.PythonInterpreter")()
    interpreter.exec_(f"import sys; sys.path.append({str(client_folder())!r})")
    interpreter.exec_(code)


def model(_: ImageJ, __: Path) -> str:
    """Filter and sort three events without a window."""
    from scyjava import jimport

    run_in_jython(MODEL)
    return str(jimport("java.lang.System").getProperty("seen"))


def killed_session(_: ImageJ, folder: Path) -> None:
    """Do the first half of the session; then the process is killed."""
    image = open_movie()
    start(image)
    picture(folder / "opened.png")
    _do_all(FIRST, image)
    picture(folder / "before_the_end.png")
    os.kill(os.getpid(), signal.SIGKILL)


def resumed_session(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Do the second half in a new process, with a ROI of the user in the ROI Manager."""
    from scyjava import jimport

    image = open_movie()
    mine = jimport("ij.gui.Roi")(1, 1, 5, 5)
    mine.setName("mine")
    manager().add(image, mine, -1)
    start(image)
    opened = labels()
    wait_for("the ROIs of the rejected events to be removed", lambda: manager().getCount() == 28)
    _do_all(SECOND, image)
    picture(folder / "after.png")
    rois = [[str(roi.getName()), int(roi.getTPosition())] for roi in manager().getRoisAsArray()]
    faded = _faded(image, folder)
    opened_again = _opened_again()
    of_commands = {label: _results_in_dialog(*label) for label in COMMANDS}
    report = _report_found()
    from_menu = _brought_to_front()
    close(NAVIGATOR)
    wait_for("the end", lambda: navigator() is None)
    wait_for("the results", lambda: "the reviewed events are in" in str(jimport("ij.IJ").getLog() or ""))
    return {
        "opened": opened, "rois": rois, "faded": faded, "overlay": image.getOverlay() is None, "windows": windows("New"),
        "results": list(of_commands.values()), "report": report, "from menu": from_menu,
        "opened again": opened_again,
    }  # fmt: skip


def _opened_again() -> str:
    """Press a key for an event that the filter hides, and return what is shown after the results were opened again."""
    from scyjava import jimport

    first = navigator()
    focus(NAVIGATOR)
    press("y")
    wait_for("why there is no decision", lambda: any("This event is not shown" in text for text in labels()))
    code = f'run("{OPEN}", "results=[{os.environ["EPIFIJI_TEST_RESULTS"]}] table=false navigator");'
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the other navigator", lambda: not first.isShowing() and navigator())
    wait_for("its events", lambda: any(text.endswith(" shown") for text in labels()))
    return " ".join([str(parts(navigator(), "javax.swing.JTextField")[0].getText()), *labels()])


def _button(text: str) -> Any:
    return next(b for b in parts(navigator(), "javax.swing.JButton") if str(b.getText()) == text)


def _results_in_dialog(button: str, dialog: str) -> str:
    """Return the results that the dialog of a command first shows, which the navigator starts; then cancel it."""
    focus(NAVIGATOR)
    _click_in(_button(button), 20, 8)
    focus(dialog)
    fields = [str(part.getText()) for part in parts(window_titled(dialog), "java.awt.TextField")]
    press("Escape")
    wait_for("the navigator in front", navigator().isActive)
    # ImageJ's fields of folders end with a slash.
    return fields[0].rstrip("/")


def _brought_to_front() -> list[Any]:
    """Return the windows after commands for which the navigator has a button, and what it shows then."""
    focus(MOVIE)
    start_command("Review Epithelial Events...")
    wait_for("the navigator in front", navigator().isActive)
    focus(MOVIE)
    start_command("Adjust Event Thresholds...")
    wait_for("why there are no sliders", lambda: any("no probability maps" in text for text in labels()))
    wait_for("the navigator in front", navigator().isActive)
    return [len(windows(title)) for title in ("Review Epithelial Events", "Adjust Event Thresholds", NAVIGATOR)]


def _report_found() -> list[bool]:
    """Return whether the button that opens a report is enabled, before and after one is written."""
    before = bool(_button("Open Report").isEnabled())
    file = Path(os.environ["EPIFIJI_TEST_RESULTS"]) / "report" / "report.html"
    file.parent.mkdir()
    file.write_text("report")
    focus(MOVIE)
    focus(NAVIGATOR)
    wait_for("the button", _button("Open Report").isEnabled)
    return [before, True]


def _faded(image: Any, folder: Path) -> list[int]:
    """Return how colourful the movie is around the only event of frame 6 that the filter shows, in each frame."""
    from scyjava import jimport

    _do("filter:frame=6 sop", image)
    wait_for("one event", lambda: parts(navigator(), "javax.swing.JTable")[0].getRowCount() == 1)
    focus(MOVIE)
    place, robot = image.getCanvas().getLocationOnScreen(), jimport("java.awt.Robot")()
    found = []
    for frame in range(1, 13):
        image.setSlice(frame)
        time.sleep(0.3)
        # The ring's leftmost point.
        pixel = robot.getPixelColor(place.x + int((51.5 - 10) * ZOOM), place.y + int(28.5 * ZOOM))
        levels = [int(pixel.getRed()), int(pixel.getGreen()), int(pixel.getBlue())]
        found.append(max(levels) - min(levels))
    picture(folder / "faded.png")
    return found


def thresholds_changed_and_undone(title: str, table: Path, review: Path) -> list[list[int]]:
    """Raise the thresholds by the navigator's sliders, and undo it; return the numbers of events and decisions at each step."""
    sliders, counts = "Adjust Event Thresholds", [[len(read_events(table)), len(read_review(review).actions)]]
    button = next(b for b in parts(navigator(title), "javax.swing.JButton") if str(b.getText()) == "Thresholds...")
    _click_in(button, 20, 8)
    focus(sliders)
    time.sleep(1)
    press("Tab")
    press(*["Right"] * 30, delay_ms=12)
    _click_in(next(b for b in parts(navigator(sliders), "javax.swing.JButton") if str(b.getText()) == "Apply"), 20, 8)
    for step in ("apply", "undo"):
        if step == "undo":
            press("u")
        wait_for(f"what {step} does", lambda: len(read_events(table)) != counts[-1][0])
        counts.append([len(read_events(table)), len(read_review(review).actions)])
        shown = f"of {counts[-1][0]} shown"
        wait_for("the new navigator", lambda shown=shown: (w := navigator(title)) and shown in str(_texts(w)))
        focus(title)
        time.sleep(0.5)
    return counts


def _texts(window: Any) -> list[str]:
    return [str(p.getText()) for kind in ("JLabel", "JTextArea") for p in parts(window, f"javax.swing.{kind}")]
