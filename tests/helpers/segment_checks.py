"""Segmentation in ImageJ: from macros, and by a user with the preview; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from desktop import close, focus, picture, press, wait_for, windows
from epifiji.bridge.imagej import ImageJ

LABEL, PREVIEW = "Segment Epithelium...", "Preview of Segmentation"
FIXED = "cell_diameter=22 borders=bright"


def _image(title: str) -> Any:
    from scyjava import jimport

    return jimport("ij.WindowManager").getImage(title)


def _seen(image: Any) -> dict[str, Any]:
    """Describe an image of labels, and how it is shown."""
    import numpy as np

    stack, calibration = image.getStack(), image.getCalibration()
    frames = [np.asarray(stack.getProcessor(n).getFloatArray()).T for n in range(1, stack.getSize() + 1)]
    processor = stack.getProcessor(1)
    table = np.asarray(image.getLuts()[0].getBytes()).reshape(3, 256).T
    return {
        "dimensions": [int(n) for n in image.getDimensions()],
        "bits": int(image.getBitDepth()),
        "cells": [len(np.unique(frame[frame > 0])) for frame in frames],
        "calibration": [float(calibration.pixelWidth), str(calibration.getUnit()), float(calibration.frameInterval)],
        "range": [float(image.getDisplayRangeMin()), float(image.getDisplayRangeMax())],
        "zero": table[0].tolist(),
        "colours": len(np.unique(table, axis=0)),
        "pixels": int(processor.getPixelCount()),
    }


def _outlines(image: Any) -> list[list[Any]]:
    """List the overlay's outlines: name, position in time, and number of drawn pixels."""
    overlay = image.getOverlay()
    found = []
    for roi in overlay.toArray() if overlay is not None else []:
        if str(roi.getName()) == "cells":
            picture = roi.getProcessor().getBufferedImage()
            drawn = sum(1 for x in range(picture.getWidth()) if (int(picture.getRGB(x, 80)) & 0xFFFFFF) != 0)
            found.append([int(roi.getTPosition()) or int(roi.getPosition()), drawn])
    return found


def by_macro(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Segment the open movie as a macro does, with ROIs and results."""
    movie = os.environ["EPIFIJI_TEST_CELLS"]
    imagej.run_macro(f'open("{movie}"); run("{LABEL}", "{FIXED} rois out=[{folder / "out"}]");')
    image, labels = _image("wing.tif"), _image("wing_labels.tif")
    seen: dict[str, Any] = {"labels": labels and _seen(labels), "outlines": _outlines(image)}
    overlay = image.getOverlay()
    seen["overlay"] = int(overlay.size()) if overlay is not None else 0
    return seen


def in_manager(_: ImageJ, folder: Path) -> dict[str, Any]:
    """List the ROI Manager's polygons, and take pictures of what is shown."""
    from imagej_window import manager

    rois = list(manager().getRoisAsArray())
    _image("wing.tif").setT(2)
    picture(folder / "segment_image.png", "wing.tif")
    picture(folder / "segment_labels.png", "wing_labels.tif")
    return {
        "count": len(rois),
        "names": [str(roi.getName()) for roi in rois[:2]],
        "positions": sorted({int(roi.getTPosition()) or int(roi.getPosition()) for roi in rois}),
        "types": sorted({str(roi.getTypeAsString()) for roi in rois}),
    }


def _slider(name: str) -> Any:
    from desktop_checks import part_in

    return part_in(PREVIEW, lambda part: hasattr(part, "getName") and str(part.getName()) == name)


def _count() -> str:
    """Return the preview's line with the number of cells."""
    from desktop_checks import text_in

    return text_in(PREVIEW, " cells of ")


def _cells() -> int:
    return int(_count().split()[0])


def with_preview(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Segment as a user does: the dialog, the preview, a slider by keys, then the whole movie."""
    from scyjava import jimport

    from desktop_checks import recorded_lines
    from imagej_window import start_command, status

    imagej.run_macro('close("*"); roiManager("reset");')
    imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_CELLS"]}"); setSlice(2);')
    recorder = jimport("ij.plugin.frame.Recorder")
    record = recorder()
    start_command(LABEL)
    focus("Segment Epithelium")
    picture(folder / "segment_dialog.png", "Segment Epithelium")
    press("Return")
    wait_for("the preview", lambda: _slider("seed_height") is not None)
    wait_for("its cells", _count)
    focus(PREVIEW)
    image = _image("wing.tif")
    first, shown = _count(), _outlines(image)
    picture(folder / "segment_preview.png", PREVIEW)
    picture(folder / "segment_preview_image.png", "wing.tif")
    # No border is as clear as that, so neighbours become one cell.
    press("Tab", "End")
    wait_for("fewer cells", lambda: _cells() < 5)
    press("Home", *["Right"] * 5)
    wait_for("cells again", lambda: _cells() > 30)
    changed = _count()
    focus(PREVIEW)
    press("Tab", "space")
    wait_for("the labels", lambda: _image("wing_labels.tif") is not None)
    wait_for("the status", lambda: "cells in 3 frames" in status(), 60)
    text = recorded_lines("Segment Epithelium...")
    record.close()
    return {
        "first": first,
        "changed": changed,
        "shown": shown,
        "after": _outlines(image),
        "labels": _seen(_image("wing_labels.tif")),
        "recorded": text,
    }


def cancelled_preview(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Cancel the preview: the image is as before."""
    from imagej_window import start_command, status

    imagej.run_macro('close("*");')
    imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_CELLS"]}");')
    start_command(LABEL)
    focus("Segment Epithelium")
    press("Return")
    wait_for("its cells", _count)
    close(PREVIEW)
    wait_for("its end", lambda: "nothing was segmented" in status(), 60)
    return {"outlines": _outlines(_image("wing.tif")), "labels": _image("wing_labels.tif") is None}


def closed_in_preview(imagej: ImageJ, _: Path) -> str:
    """Close the image while its preview is open."""
    from imagej_window import error, start_command

    imagej.run_macro('close("*");')
    imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_CELLS"]}");')
    start_command(LABEL)
    focus("Segment Epithelium")
    press("Return")
    wait_for("its cells", _count)
    _image("wing.tif").close()
    focus(PREVIEW)
    press("Tab", "Tab", "space")
    said = wait_for("the error", error, 60)
    wait_for("the message", lambda: windows("EpiFiji"))
    focus("EpiFiji")
    press("Return")
    return said


def cells_not_saved(imagej: ImageJ, _: Path) -> str:
    """Correct cells that are only open."""
    from imagej_window import error, start_command

    imagej.run_macro('close("*");')
    imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_CELLS"]}"); run("{LABEL}", "{FIXED}"); selectImage("wing.tif");')
    start_command("Correct Cells...")
    focus("Correct Cells")
    press("Return")
    said = wait_for("the error", error, 60)
    wait_for("the message", lambda: windows("EpiFiji"))
    focus("EpiFiji")
    press("Return")
    wait_for("the message's end", lambda: not windows("EpiFiji"))
    # The dialog opens again.
    focus("Correct Cells")
    press("Escape")
    wait_for("the dialog's end", lambda: not windows("Correct Cells"))
    return said


def cancelled_by_escape(imagej: ImageJ, folder: Path) -> list[dict[str, Any]]:
    """Press Escape while cells are segmented, and while the results are written."""
    from scyjava import jimport

    from imagej_window import error, status, wait_for_the_macro

    found = []
    for doing in ("segmenting cells", "writing the results"):
        imagej.run_macro('close("*");')
        imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_LONG"]}");')
        before = {path.name for path in folder.iterdir()}
        image = _image("long.tif")
        jimport("ij.macro.MacroRunner")(f'run("{LABEL}", "{FIXED} rois out=[{folder / "none"}]");')
        wait_for(doing, lambda doing=doing: doing in status())
        focus("long.tif")
        press("Escape")
        said = wait_for("the end", error, 60)
        wait_for_the_macro()
        found.append(
            {
                "said": said,
                "new": sorted({path.name for path in folder.iterdir()} - before),
                "labels": _image("long_labels.tif") is None,
                "outlines": _outlines(image),
                "locked": bool(image.isLocked()),
            }
        )
    return found


SEGMENTING = [
    by_macro,
    in_manager,
    with_preview,
    cancelled_preview,
    closed_in_preview,
    cells_not_saved,
    cancelled_by_escape,
]
