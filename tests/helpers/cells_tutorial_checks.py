"""The tutorial on cells step by step, in the ImageJ and with the events of the first tutorial; see :mod:`jvm`."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

from correct_checks import CORRECT, act, end
from desktop import close, focus, picture, press, wait_for
from epifiji.bridge.imagej import ImageJ
from imagej_window import manager, start_command
from pages import PAGES
from segment_checks import LABEL, PREVIEW, _cells, _count
from tutorial_checks import NAME, _image, _movie, _place
from window_pictures import _screen

PAGE = "from-events-to-cells.md"
MACROS = re.findall(r"```ijm\n(.*?)```", PAGES[PAGE], re.DOTALL)
TINY = {7: [(44.0, 117.0), (45.0, 127.0)], 9: [(130.0, 33.0), (130.0, 45.0)]}
"""For each frame the missing side of its tiny cell: two points (y, x)."""

EDITED = "cell 1 frame 4"


def _run(imagej: ImageJ, about: str) -> None:
    """Run the page's macro that contains a text, on the movie."""
    (code,) = (macro for macro in MACROS if about in macro)
    imagej.run_macro(f'selectImage("{NAME}.tif");\n{code}')


def _enlarged(image: Any, frame: int, zoom: int, y: float, x: float) -> None:
    """Show a frame of a movie with a point in the middle of its window."""
    from scyjava import jimport

    jimport("ij.IJ").selectWindow(image.getTitle())
    jimport("ij.IJ").run("Set... ", f"zoom={zoom} x={x:.0f} y={y:.0f}")
    image.setT(frame)
    time.sleep(0.3)


def _windows_closed() -> None:
    """Close tables and the log, which are not on the page's pictures."""
    from scyjava import jimport

    for window in jimport("ij.WindowManager").getAllNonImageWindows() or []:
        if str(window.getTitle()) != "ROI Manager":
            jimport("ij.WindowManager").removeWindow(window)
            window.dispose()


def segmented(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Calibrate the movie, look at the preview of a frame, and segment all."""
    from scyjava import jimport

    imagej.run_macro('close("*"); roiManager("reset");')
    _windows_closed()
    imagej.run_macro(f'open("{folder / NAME}.tif");')
    _run(imagej, "setVoxelSize")
    movie = _movie()
    _enlarged(movie, 7, 300, 85, 85)
    _place(f"{NAME}.tif", 20, 120)
    start_command(LABEL)
    focus("Segment Epithelium")
    press("Return")
    wait_for("the preview", _count)
    first = _count()
    _place(PREVIEW, 560, 120)
    _screen(folder / "cells_preview.png")
    focus(PREVIEW)
    press("Right")
    wait_for("the slider", lambda: _cells() > 0)
    close(PREVIEW)
    _run(imagej, LABEL)
    labels = _image(f"{NAME}_labels.tif")
    labels.setT(7)
    jimport("ij.IJ").run("Set... ", "zoom=300")
    focus(str(labels.getTitle()))
    time.sleep(0.5)
    picture(folder / "cells_labels.png", str(labels.getTitle()))
    labels.close()
    return {"preview": first}


def mended(imagej: ImageJ, folder: Path) -> list[str]:
    """Correct the two tiny cells, as the page describes."""
    from scyjava import jimport

    movie = _movie()
    jimport("ij.IJ").selectWindow(f"{NAME}.tif")
    _windows_closed()
    start_command(f"{CORRECT}...")
    focus(CORRECT)
    press("Return")
    wait_for("the outlines", lambda: movie.getOverlay() is not None and movie.getOverlay().size() == 1)
    _place(CORRECT, 560, 120)
    said = []
    for frame, line in TINY.items():
        (y0, x0), (y1, x1) = line
        _enlarged(movie, frame, 1200, (y0 + y1) / 2, (x0 + x1) / 2)
        focus(f"{NAME}.tif")
        said.append(act(movie, "line", line))
    said += [act(movie, "z"), act(movie, "y")]
    time.sleep(0.5)
    _screen(folder / "cells_correct.png")
    end(folder / f"{NAME}_cells" / f"{NAME}_corrected_labels.tif")
    wait_for("the corrected outlines", lambda: "the corrected cells are in" in str(jimport("ij.IJ").getLog() or ""))
    return said


def measured(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Measure the cells around events, and show curves and gallery."""
    _run(imagej, "] rois")
    time.sleep(1)
    for name in ("aligned", "cell_gallery"):
        title = f"{NAME}-{name}"
        focus(title)
        time.sleep(0.5)
        picture(folder / f"cells_{name.removeprefix('cell_')}.png", title)
        _image(title).close()
    return {"rois": int(manager().getCount())}


def edited(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Enlarge one outline, save all of them, and measure again."""
    from scyjava import jimport

    imagej.run_macro(f'selectImage("{NAME}.tif"); run("Remove Overlay");')
    movie, rois = _movie(), manager()
    index = next(i for i in range(rois.getCount()) if str(rois.getName(i)) == EDITED)
    bounds = rois.getRoi(index).getBounds()
    x, y, width, height = bounds.x, bounds.y, bounds.width, bounds.height
    _enlarged(movie, 4, 800, y + height / 2, x + width / 2)
    _windows_closed()
    rois.select(index)
    shown = int(movie.getT())
    jimport("ij.IJ").run(movie, "Enlarge...", "enlarge=1 pixel")
    _place("ROI Manager", 560, 120, (260, 340))
    _screen(folder / "cells_edited.png")
    rois.runCommand("Update")
    rois.runCommand("Deselect")
    rois.runCommand("Save", str(folder / f"{NAME}_epifiji" / "cells" / "corrected.zip"))
    _run(imagej, "from_rois")
    return {"frame": shown}


def counted(imagej: ImageJ, folder: Path) -> list[str]:
    """Plot the statistics, with the events per cell."""
    _run(imagej, "Statistics")
    title = f"{NAME}-per_cell"
    focus(title)
    time.sleep(0.5)
    picture(folder / "cells_per_cell.png", title)
    return _table(f"Statistics of {NAME}")


def _table(title: str) -> list[str]:
    """Return the lines of a table with its titles."""
    from scyjava import jimport

    table = jimport("ij.measure.ResultsTable").getResultsTable(title)
    return [str(table.getColumnHeadings()), *(str(table.getRowAsString(i)) for i in range(int(table.size())))]


def compared(imagej: ImageJ, folder: Path) -> None:
    """Compare the corrected cells with the true ones."""
    truth, out = folder / "truth" / "simulated_6_labels.tif", folder / "comparison"
    imagej.run_macro(
        f'run("Compare Cells...", "predicted=[{folder / NAME}_cells] annotated=[{truth}] border=ignore out=[{out}]");'
    )
    shutil.copy(out / "simulated_6 frame 9_cells.png", folder / "cells_compared.png")


CELLS_TUTORIAL = [segmented, mended, measured, edited, counted, compared]
