"""Segmentation of a cyst in ImageJ: by a macro, and by a user with the preview; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from desktop import close, focus, picture, press, wait_for, windows
from epifiji.bridge.imagej import ImageJ
from epifiji.files.movies.movie_file import write_movie

LABEL, PREVIEW, NAME = "Segment Cysts...", "Preview of Segmentation", "cyst"
SIMULATED = {"seed": 3, "cells": 24, "pixel_size_um": 0.8, "voxel_depth_um": 1.2, "attenuation": 0.2}


def write_simulated(folder: Path) -> None:
    """Write a simulated cyst."""
    import epifiji

    write_movie(epifiji.simulate_cyst(**SIMULATED).volume, folder / f"{NAME}.tif")


def _image(title: str) -> Any:
    from scyjava import jimport

    return jimport("ij.WindowManager").getImage(title)


def _pictures(image: Any) -> list[tuple[int, int]]:
    """List the pictures over an image: the position in the stack, and the number of pixels that are drawn."""
    import numpy as np

    overlay, found = image.getOverlay(), []
    for roi in overlay.toArray() if overlay is not None else []:
        if str(roi.getName()) == "cells":
            shown = roi.getProcessor().getBufferedImage()
            width, height = shown.getWidth(), shown.getHeight()
            pixels = np.asarray(shown.getRGB(0, 0, width, height, None, 0, width))
            found.append((int(roi.getPosition()), int(np.count_nonzero(pixels & 0xFFFFFF))))
    return found


def _seeds() -> int:
    """Return the number of seeds that the preview counts; 0 before it does."""
    from desktop_checks import text_in

    return int((text_in(PREVIEW, " seeds: ") or "0").split()[0])


def _close_all(imagej: ImageJ) -> None:
    imagej.run_macro('close("cyst*"); if (isOpen("Cells of cyst")) { selectWindow("Cells of cyst"); run("Close"); }')


def _sections(title: str) -> list[Any]:
    from scyjava import jimport

    manager = jimport("ij.WindowManager")
    return [
        manager.getImage(number)
        for number in manager.getIDList() or []
        if str(manager.getImage(number).getTitle()).startswith(title)
    ]


def by_macro(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Segment the open stack as a macro does, with everything that is shown."""
    import numpy as np

    from desktop_checks import settled
    from imagej_window import manager

    imagej.run_macro(
        f'open("{folder / NAME}.tif"); setSlice(20);'
        f' run("{LABEL}", "seed_depth=0.05 rois orthogonal view_3d out=[{folder / "out"}]");'
    )
    image, labels, view = (_image(f"{NAME}{ending}.tif") for ending in ("", "_labels", "_3d"))
    stack, calibration = labels.getStack(), labels.getCalibration()
    planes = np.array([np.asarray(stack.getProcessor(n).getFloatArray()).T for n in range(1, stack.getSize() + 1)])
    wait_for("sections", lambda: _sections("YZ") and _sections("XZ"))
    # ImageJ opens their windows first, and draws into them on a thread of its own.
    sections = settled(lambda: {title: _numbers(section) for title in ("YZ", "XZ") for section in _sections(title)})
    # Sections are not closed here: ImageJ 1.54p waits for ever if this thread closes them.
    return {
        "dimensions": [int(n) for n in labels.getDimensions()],
        "voxel": [float(calibration.pixelWidth), float(calibration.pixelDepth), str(calibration.getUnit())],
        "voxels": np.bincount(planes.astype(int).ravel())[1:].tolist(),
        "pictures": _pictures(image),
        "in planes": np.count_nonzero(planes, (1, 2)).tolist(),
        "view": [int(n) for n in view.getDimensions()] + [int(view.getBitDepth())],
        "rois": sorted((str(roi.getName()), int(roi.getPosition())) for roi in manager().getRoisAsArray()),
        "table": windows("Cells of cyst") != [],
        "sections": sections,
    }


def _numbers(image: Any) -> list[list[int]]:
    """Return the values of an image (Y, X)."""
    import numpy as np

    return np.asarray(image.getProcessor().getFloatArray()).T.astype(int).tolist()


def with_preview(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Segment as a user does: the dialog, the preview, its sliders by keys, then the volume."""
    from scyjava import jimport

    from desktop_checks import recorded_lines
    from imagej_window import start_command, status

    imagej.run_macro(f'open("{folder / NAME}.tif"); setSlice(20); run("Set... ", "zoom=400");')
    recorder = jimport("ij.plugin.frame.Recorder")
    record = recorder()
    start_command(LABEL)
    focus("Segment Cysts")
    press("Return")
    wait_for("seeds", _seeds)
    focus(PREVIEW)
    first, shown = _seeds(), _pictures(_image(f"{NAME}.tif"))
    press("End")
    wait_for("fewer seeds", lambda: _seeds() < first)
    fewest = _seeds()
    press("Home", *["Right"] * 12)
    wait_for("seeds again", lambda: _seeds() > fewest)
    time.sleep(1)
    chosen = _seeds()
    picture(folder / "cyst_preview.png", PREVIEW)
    focus(f"{NAME}.tif")
    picture(folder / "cyst_seeds.png", f"{NAME}.tif")
    focus(PREVIEW)
    press("Tab", "Tab", "space")
    wait_for("the labels", lambda: _image(f"{NAME}_labels.tif") is not None)
    wait_for("the status", lambda: " cells, found without a network" in status())
    text = recorded_lines(LABEL)
    record.close()
    for title, name in ((f"{NAME}.tif", "cyst_cells"), (f"{NAME}_3d.tif", "cyst_3d"), ("Cells of cyst", "cyst_table")):
        focus(title)
        time.sleep(0.5)
        picture(folder / f"{name}.png", title)
    labels = _image(f"{NAME}_labels.tif")
    highest = max(int(labels.getStack().getProcessor(n).getStats().max) for n in range(1, labels.getStackSize() + 1))
    _close_all(imagej)
    return {"first": first, "fewest": fewest, "chosen": chosen, "shown": shown, "recorded": text, "cells": highest}


def cancelled_preview(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Close the preview: the image is as before."""
    from imagej_window import start_command, status

    imagej.run_macro(f'open("{folder / NAME}.tif");')
    start_command(LABEL)
    focus("Segment Cysts")
    press("Return")
    wait_for("seeds", _seeds)
    close(PREVIEW)
    wait_for("its end", lambda: "nothing was segmented" in status())
    seen = {"pictures": _pictures(_image(f"{NAME}.tif")), "labels": _image(f"{NAME}_labels.tif") is None}
    _close_all(imagej)
    return seen


def refused(imagej: ImageJ, _: Path) -> list[str]:
    """Choose the command for images that are no volume."""
    from imagej_window import error

    said = []
    for image in ('"plane", "8-bit ramp", 40, 40, 1', '"movie", "8-bit ramp grayscale-mode", 40, 40, 1, 3, 4'):
        imagej.run_macro(f'newImage({image}); run("{LABEL}", "keep_going");')
        said.append(error())
        imagej.run_macro('close("*");')
    return said


CYSTS = [with_preview, cancelled_preview, refused, by_macro]
"""The last one leaves its windows open."""
