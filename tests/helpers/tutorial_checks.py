"""The tutorial step by step, with every window that it shows; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from desktop import focus, picture, press, wait_for, windows
from desktop_checks import DETECT, DIALOG, press_button, recorded_lines, settled
from epifiji.bridge.imagej import ImageJ
from epifiji.files.results.reviews import read_review
from imagej_window import manager, start_command

NAME = "epifiji_demo"


def _place(title: str, x: int, y: int, size: tuple[int, int] | None = None) -> None:
    """Move one of ImageJ's windows, so that pictures show several windows."""
    from scyjava import jimport

    for window in jimport("java.awt.Window").getWindows():
        if window.isVisible() and str(getattr(window, "getTitle", str)()).startswith(title):
            window.setLocation(x, y)
            if size is not None:
                window.setSize(*size)
                window.validate()
            window.toFront()
    time.sleep(0.3)


def _image(title: str) -> Any:
    from scyjava import jimport

    return jimport("ij.WindowManager").getImage(title)


def _movie() -> Any:
    return _image(f"{NAME}.tif")


def detected(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    imagej.run_macro(f'open("{folder / NAME}.tif"); run("Set... ", "zoom=300");')
    start_command(DETECT)
    focus(DIALOG)
    press("Tab")
    picture(folder / "detect.png", DIALOG)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    options = f"maps=scaled out=[{folder}]"
    imagej.run_macro(f'selectImage("{NAME}.tif"); run("{DETECT}", "{options}");')
    maps = next(i for i in _images() if str(i.getTitle()).endswith("-maps"))
    counts = {"rois": int(manager().getCount()), "maps": [int(n) for n in maps.getDimensions()]}
    maps.setT(10)
    imagej.run_macro(f'selectImage("{maps.getTitle()}"); run("Set... ", "zoom=300"); setSlice(37);')
    time.sleep(1)
    picture(folder / "maps.png", str(maps.getTitle()))
    maps.changes = False
    maps.close()
    movie = _movie()
    movie.setSlice(10)
    _place("ImageJ", 20, 10)
    _place(f"{NAME}.tif", 20, 120)
    _place("ROI Manager", 560, 120, (320, 340))
    _place(f"Events of {NAME}", 560, 480)
    picture(folder / "events.png")
    return counts


def _images() -> list[Any]:
    from scyjava import jimport

    found = jimport("ij.WindowManager")
    return [found.getImage(i) for i in (found.getIDList() or [])]


def reviewed(_: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    results = folder / f"{NAME}_epifiji"
    jimport("ij.macro.MacroRunner")(
        f'selectImage("{NAME}.tif"); run("Review Epithelial Events...", "results=[{results}]");'
    )
    focus("Review Epithelial Events")
    time.sleep(1)
    for key in ("y", "s", "y", "n", "y", "y"):
        press(key)
        time.sleep(0.5)
    picture(folder / "review.png", "Review Epithelial Events")
    press("Escape")
    wait_for("the summary", lambda: windows(f"Review of {NAME}"))
    focus(f"Review of {NAME}")
    time.sleep(0.5)
    picture(folder / "review_summary.png", f"Review of {NAME}")
    review = read_review(results / "review.csv")
    return {
        "files": sorted(file.name for file in (results / "reviewed").iterdir()),
        "decisions": sorted(item.decision for item in review.items if item.decision),
    }


def adjusted(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Move sliders by keys: the movie's overlay follows.

    Apply adds the ROIs to the manager and the values to the recorder.
    """
    from scyjava import jimport

    jimport("ij.IJ").run("Record...")
    movie = _movie()
    jimport("ij.IJ").selectWindow(f"{NAME}.tif")
    manager().reset()
    start_command("Adjust Event Thresholds...")
    title = "Adjust Event Thresholds"
    focus(title)
    press("Return")
    wait_for("the sliders", lambda: movie.getOverlay())
    time.sleep(1)
    before = int(movie.getOverlay().size())
    focus(title)
    press("Tab")

    def fewer() -> bool:
        press(*["Right"] * 5)
        return settled(lambda: int(movie.getOverlay().size()), 0.5) < before

    wait_for("fewer events", fewer)
    shown = settled(lambda: int(movie.getOverlay().size()))
    picture(folder / "adjust.png", title)
    press_button("Apply")
    wait_for("the window's end", lambda: not windows(title))
    wait_for("the events", lambda: manager().getCount() > 0)
    rois = settled(lambda: int(manager().getCount()))
    recorded = recorded_lines("Adjust Event Thresholds...")
    return {
        "before": before,
        "shown": shown,
        "rois": rois,
        "overlay": movie.getOverlay() is None,
        "recorded": recorded,
    }


def plotted(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Show plots, a comparison of detected with kept events, a gallery, and a random score."""
    from scyjava import jimport

    results = folder / f"{NAME}_epifiji"
    imagej.run_macro(
        f'selectImage("{NAME}.tif"); run("Plot Event Statistics...", "results=[{results}]");'
        f'selectImage("{NAME}.tif"); run("Compare Event ROIs...", "detected=[{results}] reference=[{results / "reviewed"}]");'
        f'selectImage("{NAME}.tif"); run("Show Event Gallery...", "results=[{results}] rows=4");'
    )
    time.sleep(1)
    titles = [str(image.getTitle()) for image in _images()]
    for name in ("rate", "density", "neighbours"):
        _place(f"{NAME}-{name}", 20, 20)
        time.sleep(0.5)
        picture(folder / f"{name}.png", f"{NAME}-{name}")
    focus(f"Comparison of {NAME}")
    time.sleep(0.5)
    picture(folder / "comparison.png", f"Comparison of {NAME}")
    gallery = next(t for t in titles if "gallery" in t)
    focus(gallery)
    picture(folder / "gallery.png", gallery)
    jimport("ij.macro.MacroRunner")(
        f'selectImage("{NAME}.tif"); run("Score Events at Random...", "results=[{results}] number=4");'
    )
    focus("Score Events at Random")
    time.sleep(1)
    for key in ("y", "n", "y", "y"):
        press(key)
        time.sleep(0.4)
    picture(folder / "score.png", "Score Events at Random")
    press("Escape")
    wait_for("the score", lambda: windows(f"Score of {NAME}"))
    table = jimport("ij.measure.ResultsTable").getResultsTable(f"Score of {NAME}")
    last = int(table.size()) - 1
    return {
        "images": titles,
        "scored": [str(table.getStringValue(name, last)) for name in ("drawn", "judged", "right")],
    }


TUTORIAL = [detected, reviewed, adjusted, plotted]
