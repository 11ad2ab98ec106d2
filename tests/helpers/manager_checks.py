"""Checks of EpiFiji's ROIs among a user's in the ROI Manager; see :mod:`jvm`. Files are in the working folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from desktop import wait_for
from epifiji.bridge.imagej import ImageJ
from figure_checks import PLOT, manager, table
from refusals import refusal

OPEN = 'run("Open Epithelial Events...", "table=false results=[{}_epifiji]");'


def listed() -> list[list[Any]]:
    """Return name, frame, x and y of every ROI in the manager."""
    found = []
    for roi in manager().getRoisAsArray():
        points = roi.getFloatPolygon()
        found.append([str(roi.getName()), int(roi.getTPosition()), float(points.xpoints[0]), float(points.ypoints[0])])
    return found


def activated(image: Any, quiet_s: float = 0.5) -> Any:
    """Show an image, wait until its window is the active one and stays so, and return the image.

    A window manager may activate other windows late, after one was closed or opened; ImageJ's current image follows.
    """
    from scyjava import jimport

    current = jimport("ij.WindowManager").getCurrentImage
    if image.getWindow() is None:
        image.show()

    def is_active() -> bool:
        window = image.getWindow()
        if window.isActive() and current() is not None and current().getID() == image.getID():
            return True
        window.toFront()
        window.getCanvas().requestFocus()
        return False

    def stays_active() -> bool:
        wait_for("the image in the active window", is_active)
        time.sleep(quiet_s)
        return is_active()

    wait_for("the image staying in the active window", stays_active)
    return image


def open_movie(name: str) -> Any:
    from scyjava import jimport

    return activated(jimport("ij.IJ").openImage(str(Path(f"{name}.tif").resolve())))


def close_all() -> None:
    from scyjava import jimport

    manager().reset()
    for identifier in list(jimport("ij.WindowManager").getIDList() or ()):
        image = jimport("ij.WindowManager").getImage(identifier)
        image.changes = False
        image.close()


def log() -> str:
    from scyjava import jimport

    text = str(jimport("ij.IJ").getLog() or "")
    jimport("ij.IJ").log("\\Clear")
    return text


def plotted(imagej: ImageJ, title: str) -> dict[str, str]:
    """Return the number of events of each class that the statistics count in the manager."""
    from scyjava import jimport

    manager_of_windows = jimport("ij.WindowManager")
    activated(manager_of_windows.getImage(f"{title}.tif"))
    imagej.run_macro(PLOT + 'permutations=19 within=frame");')
    shown = table(f"Statistics of {title}")
    assert shown is not None
    manager_of_windows.getWindow(f"Statistics of {title}").close()
    for picture in ("rate", "density", "neighbours"):
        image = manager_of_windows.getImage(f"{title}-{picture}")
        image.changes = False
        image.close()
    return dict(zip(shown["columns"], {row[0]: row for row in shown["rows"]}["events"], strict=True))


def shown_twice(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Events shown again replace the earlier ones; the user's ROIs, and those that the user changed, stay."""
    from scyjava import jimport

    image = open_movie("first")
    own = jimport("ij.gui.Roi")(3, 4, 5, 6)
    own.setName("mine")
    own.setPosition(1, 1, 4)
    manager().add(image, own, -1)
    imagej.run_macro(OPEN.format("first"))
    once = listed()
    imagej.run_macro(OPEN.format("first"))
    twice = listed()
    counted = plotted(imagej, "first")
    moved = manager().getRoi(1)
    moved.setLocation(moved.getXBase() + 7, moved.getYBase() + 3)
    manager().rename(2, "looks odd")
    log()
    imagej.run_macro(OPEN.format("first"))
    return {"once": once, "twice": twice, "counted": counted, "edited": listed(), "log": log()}


def saved_and_opened_again(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """The ROI Manager's zip keeps the identity of ROIs, even if ROIs of two movies have the same name."""
    close_all()
    open_movie("second")
    imagej.run_macro(OPEN.format("second"))
    image = open_movie("first")
    imagej.run_macro(OPEN.format("first"))
    before = listed()
    manager().runCommand("Save", str(folder / "kept.zip"))
    close_all()
    image = open_movie("first")
    manager().runCommand("Open", str(folder / "kept.zip"))
    imagej.run_macro(OPEN.format("first"))
    after = listed()
    log()
    return {"before": before, "after": after, "counted": plotted(imagej, str(image.getShortTitle())), "log": log()}


def two_movies(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """ROIs of two movies in one manager: only those of the active image's movie are used."""
    from scyjava import jimport

    close_all()
    open_movie("second")
    imagej.run_macro(OPEN.format("second"))
    first = open_movie("first")
    imagej.run_macro(OPEN.format("first"))
    log()
    counted = {"first": plotted(imagej, "first"), "log": log()}
    counted["second"] = plotted(imagej, "second")
    said = {}
    activated(jimport("ij.IJ").createImage("another", "8-bit", 80, 70, 12))
    said["another"] = refusal(imagej, PLOT + 'permutations=19 within=frame");')
    rois = list(manager().getRoisAsArray())
    close_all()
    for roi in rois:
        manager().addRoi(roi)
    said["none"] = refusal(imagej, PLOT + 'permutations=19 within=frame");')
    open_movie("first")
    counted["opened again"] = plotted(imagej, "first")
    assert first is not None
    return {"counted": counted, "said": said}


def repeated_rows(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Copies of EpiFiji's ROIs that the user made count once, with a notice."""
    close_all()
    image = open_movie("first")
    imagej.run_macro(OPEN.format("first"))
    for roi in list(manager().getRoisAsArray())[:2]:
        copy = roi.clone()
        copy.setName(f"{roi.getName().split(' ')[0]} 9")
        manager().add(image, copy, -1)
    log()
    return {"rois": len(listed()), "counted": plotted(imagej, "first"), "log": log()}


MANAGER = [shown_twice, saved_and_opened_again, two_movies, repeated_rows]
