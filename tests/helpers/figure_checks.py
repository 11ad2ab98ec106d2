"""Checks of comparisons and plots in ImageJ; see :mod:`jvm`. Files are in the working folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from desktop import picture
from epifiji.bridge.imagej import ImageJ
from refusals import refusals

MOVIE = """newImage("wing", "8-bit", 100, 90, 24);
run("Properties...", "slices=1 frames=24 unit=um pixel_width=0.5 pixel_height=0.5 frame=[120 sec]");
"""
COMPARE, PLOT = 'run("Compare Event ROIs...", "', 'run("Plot Event Statistics...", "'


def rois_of(rois: Any) -> list[list[Any]]:
    """Return name, group, colour, frame, x and y of ROIs."""
    found = []
    for roi in rois:
        colour, points = roi.getStrokeColor(), roi.getFloatPolygon()
        rgb = [colour.getRed(), colour.getGreen(), colour.getBlue()] if colour is not None else None
        place = [int(roi.getTPosition()), float(points.xpoints[0]), float(points.ypoints[0])]
        found.append([str(roi.getName()), int(roi.getGroup()), rgb, place])
    return found


def overlay() -> list[list[Any]]:
    from scyjava import jimport

    shown = jimport("ij.IJ").getImage().getOverlay()
    return [] if shown is None else rois_of(shown.toArray())


def compared_headless(imagej: ImageJ, _: Path) -> dict[str, Any]:
    imagej.run_macro(MOVIE)
    imagej.run_macro(COMPARE + 'detected=detected reference=known.csv out=[the comparison]");')
    first = overlay()
    imagej.run_macro(COMPARE + 'detected=detected reference=known.csv counting=authors distance_xy=1 replace_rois");')
    strict = overlay()
    imagej.run_macro("close();")
    return {"first": first, "strict": strict}


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    """Return each command's messages for impossible requests."""
    commands = {
        "no reference": COMPARE + 'detected=detected");',
        "missing reference": COMPARE + 'detected=detected reference=nowhere.zip");',
        "no window": COMPARE + 'reference=known.csv");',
        "exists": COMPARE + 'detected=detected reference=known.csv out=[the comparison]");',
        "no maps": COMPARE + 'detected=detected reference=known.csv curve");',
        "other movie": 'newImage("other", "8-bit", 10, 10, 6); ' + COMPARE + 'detected=detected reference=known.csv");',
        "plot without a folder": PLOT + 'results=detected");',
        "nothing to plot": PLOT + 'output=never");',
        "bad setting": PLOT + 'results=detected output=never time_bin=0");',
    }
    return refusals(imagej, commands)


def plotted_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(PLOT + 'results=detected output=plots permutations=19 seed=3");')


def titles() -> list[str]:
    from scyjava import jimport

    return [str(title) for title in jimport("ij.WindowManager").getImageTitles()]


def table(title: str) -> dict[str, Any] | None:
    from scyjava import jimport

    shown = jimport("ij.measure.ResultsTable").getResultsTable(title)
    if shown is None:
        return None
    headings = str(shown.getColumnHeadings()).split("\t")
    return {
        "columns": headings,
        "rows": [str(shown.getRowAsString(row)).split("\t") for row in range(int(shown.size()))],
    }


def manager() -> Any:
    from scyjava import jimport

    return jimport("ij.plugin.frame.RoiManager").getRoiManager()


def compared_in_a_window(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    imagej.run_macro(MOVIE + "makeRectangle(1, 1, 5, 5); roiManager('add');")
    imagej.run_macro(COMPARE + 'detected=detected_with_maps reference=known.csv curve");')
    picture(folder / "compared.png")
    return {
        "rois": rois_of(manager().getRoisAsArray()),
        "table": table("Comparison of wing"),
        "titles": titles(),
        "active": str(jimport("ij.IJ").getImage().getTitle()),
        "temporary": [path.name for path in Path(tempfile.gettempdir()).glob("epifiji-curve-*")],
    }


def compared_from_the_manager(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Compare ROIs that a user drew, without a class in their names, with a file of one class."""
    manager().reset()
    imagej.run_macro(
        "setSlice(6); makePoint(10, 10); roiManager('add'); roiManager('select', 0); roiManager('rename', 'mine');"
    )
    imagej.run_macro(COMPARE + 'reference=wing_cell_death.zip table=false output=drawn");')
    rois = rois_of(manager().getRoisAsArray())
    imagej.run_macro(COMPARE + 'reference=known.csv table=false replace_rois");')
    return {"rois": rois, "again": rois_of(manager().getRoisAsArray())}


def plotted_in_a_window(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    manager().reset()
    imagej.run_macro('run("Open Epithelial Events...", "results=detected/events.csv table=false");')
    imagej.run_macro(PLOT + 'permutations=19 output=managed");')
    picture(folder / "plotted.png")
    return {"titles": titles(), "table": table("Statistics of wing")}


HEADLESS = [compared_headless, refused, plotted_headless]
WINDOW = [compared_in_a_window, compared_from_the_manager, plotted_in_a_window]
