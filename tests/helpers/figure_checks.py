"""Checks of comparisons and plots in ImageJ; see :mod:`jvm`. Files are in the working folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from desktop import picture
from epifiji.bridge.imagej import ImageJ
from refusals import refusals

MOVIE = """newImage("wing", "8-bit", 100, 90, 24);
run("Properties...", "slices=1 frames=24 unit=um pixel_width=0.5 pixel_height=0.5 frame=[120 sec]");
"""
REPORT = 'run("Write Event Report...", "'
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
        "no movie": PLOT + 'results=detected output=never");',
        "no tissue": MOVIE + PLOT + 'results=detected output=never"); close();',
        "no areas": PLOT + 'results=detected output=never within=nowhere.zip");',
        "nothing to report": REPORT + 'out=never");',
        "no such clips": REPORT + 'results=detected clips=-1 out=never");',
        "bad setting": PLOT + 'results=detected output=never time_bin=0");',
    }
    return refusals(imagej, commands)


def plotted_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(PLOT + 'results=detected output=plots permutations=19 seed=3 within=frame");')
    imagej.run_macro('run("Export Events...", "results=detected format=napari out=points.csv");')
    imagej.run_macro(MOVIE + REPORT + 'results=detected permutations=19 clips=1 within=frame out=report"); close();')


AREAS = {
    "rectangle": "makeRectangle(10, 5, 30, 20);",
    "beyond the frame": "makeRectangle(80, 70, 30, 40);",
    "oval": "makeOval(11, 8, 51, 34);",
    "circle": "makeOval(20, 20, 40, 40);",
    "polygon": "makePolygon(3, 4, 90, 20, 40, 44, 70, 80, 10, 60);",
    "crossing itself": "makePolygon(5, 5, 90, 80, 90, 5, 5, 80);",
    "freehand": 'makeSelection("freehand", newArray(10, 60, 61, 20), newArray(10, 12, 70, 71));',
    "between pixels": "makePolygon(3.3, 4.6, 90.2, 20.9, 40.4, 44.1);",
    "ellipse": "makeEllipse(20, 30, 80, 60, 0.4);",
    "rotated": "makeRotatedRectangle(20, 30, 70, 55, 21);",
    "traced": "setColor(200); fillOval(30, 30, 33, 21); doWand(40, 40);",
}
"""Macros that draw areas on the movie."""


def areas_filled(imagej: ImageJ, folder: Path) -> dict[str, str]:
    """Draw each area, save it as a ROI file, and return the pixels that ImageJ fills, as hexadecimal digits."""
    from scyjava import jimport

    filled = {}
    imagej.run_macro(MOVIE)
    for name, macro in AREAS.items():
        imagej.run_macro(macro)
        image = jimport("ij.IJ").getImage()
        jimport("ij.io.RoiEncoder").save(image.getRoi(), str(folder / f"{name}.roi"))
        mask = image.createRoiMask() if hasattr(image, "createRoiMask") else image.getRoi().getMask()
        filled[name] = bytes(np.packbits(np.asarray(mask.getPixels()[:]) != 0)).hex()
    imagej.run_macro(PLOT + 'results=detected output=[in an area] permutations=19 within=rectangle.roi"); close();')
    return filled


def plotted_within_tissue(imagej: ImageJ, _: Path) -> None:
    """Plot results whose movie is known only as the open image."""
    imagej.run_macro('open("cells.tif"); run("Add...", "value=1 stack");')
    imagej.run_macro(PLOT + 'results=of_cells output=[within tissue] permutations=19"); close();')


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
        "temporary": [path.name for path in Path(tempfile.gettempdir()).glob("epifiji-client-*")],
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
    imagej.run_macro(PLOT + 'permutations=19 output=managed within=frame");')
    picture(folder / "plotted.png")
    return {"titles": titles(), "table": table("Statistics of wing")}


def figures_leave_the_movie_its_place(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Run commands while a plot, and then a map, is the active image; close the movie, and open another."""
    from scyjava import jimport

    def after(macro: str) -> list[str]:
        imagej.run_macro(macro)
        return [str(jimport("ij.IJ").getImage().getTitle()), str(jimport("ij.IJ").getLog()).strip().split("\n")[-1]]

    imagej.run_macro('selectImage("wing"); run("Open Epithelial Events...", "results=detected table=false");')
    imagej.run_macro('newImage("later", "8-bit", 100, 90, 24);')
    plot = 'selectImage("wing-rate");'
    shown = {"plot": after(plot + REPORT + 'out=[of the wing] within=frame show=false");')}
    shown["export"] = after(plot + 'run("Export Events...", "results=detected format=napari out=wing.csv");')
    imagej.run_macro('selectImage("wing"); run("Show Event Probability Maps...", "results=detected_with_maps");')
    shown["maps"] = after('selectImage("wing-maps"); run("Open Epithelial Events...", "results=detected table=false");')
    imagej.run_macro('selectImage("wing"); close();')
    shown["closed"] = after(
        plot + 'run("Open Epithelial Events...", "results=detected/events.csv other_movie table=false");'
    )
    return shown


HEADLESS = [compared_headless, refused, plotted_headless, areas_filled, plotted_within_tissue]
WINDOW = [compared_in_a_window, compared_from_the_manager, plotted_in_a_window, figures_leave_the_movie_its_place]
