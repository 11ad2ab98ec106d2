"""Checks of cropping, rescaling and the gallery inside ImageJ, without a window; see :mod:`jvm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.imagej import ImageJ
from refusals import refusal

PART = "first_frame=3 last_frame=9"
BOUNDS = (10, 12, 50, 40)
"""x, y, width and height of the part."""

POINTS = [
    ("cell_death 1 (0.90)", 5, 20, 30.25),
    ("cell_sop 1", 2, 20, 30),
    ("cell_sop 2 (0.50)", 9, 51, 59),
    ("mine", 5, 5, 30),
]
"""Name, frame, y and x of single points; the second and the last are outside."""

MANY = [(4, 13, 11), (1, 20, 20), (8, 50, 50)]
"""Frame, y and x of the points of one ROI, of which the second is outside."""


def point(name: str, frame: int, y: float, x: float) -> Any:
    from scyjava import jimport

    made = jimport("ij.gui.PointRoi")(float(x), float(y))
    made.setName(name)
    made.setPosition(1, 1, frame)
    made.setGroup(2)
    made.setStrokeColor(jimport("java.awt.Color")(10, 20, 30))
    return made


def rois(image: Any) -> list[Any]:
    """Single points, one ROI of several points, an area in a frame, and an area in all frames."""
    from scyjava import jimport

    made = [point(*one) for one in POINTS]
    many = jimport("ij.gui.PointRoi")()
    for frame, y, x in MANY:
        image.setT(frame)
        many.addPoint(image, float(x), float(y))
    many.setName("many")
    area = jimport("ij.gui.Roi")(20, 22, 6, 4)
    area.setName("area")
    area.setPosition(1, 1, 6)
    region = jimport("ij.gui.OvalRoi")(11, 13, 30, 20)
    region.setName("region")
    return [*made, many, area, region]


def opened() -> Any:
    from scyjava import jimport

    image = jimport("ij.IJ").openImage(os.environ["EPIFIJI_TEST_MOVIE"])
    image.show()
    return image


def with_overlay() -> Any:
    from scyjava import jimport

    image, overlay = opened(), jimport("ij.gui.Overlay")()
    for roi in rois(image):
        overlay.add(roi)
    image.setOverlay(overlay)
    return image


def seen(image: Any, name: str, folder: Path) -> dict[str, Any]:
    """Describe an image and its overlay, and keep its pixels."""
    stack = image.getStack()
    count = int(stack.getSize())
    pixels = np.stack([np.asarray(stack.getPixels(i + 1)).view(np.uint8) for i in range(count)])
    np.save(folder / f"{name}.npy", pixels.reshape(count, int(image.getHeight()), int(image.getWidth())))
    calibration = image.getCalibration()
    overlay = image.getOverlay()
    return {
        "title": str(image.getTitle()),
        "shape": [int(image.getNFrames()), int(image.getHeight()), int(image.getWidth())],
        "calibration": [float(calibration.pixelWidth), float(calibration.frameInterval), str(calibration.getUnit())],
        "selected": image.getRoi() is not None,
        "rois": [] if overlay is None else [described(roi) for roi in overlay.toArray()],
    }


def described(roi: Any) -> dict[str, Any]:
    colour, bounds, polygon = roi.getStrokeColor(), roi.getFloatBounds(), roi.getFloatPolygon()
    is_point = str(roi.getTypeAsString()) == "Point"
    return {
        "name": str(roi.getName()),
        "kind": str(roi.getTypeAsString()),
        "group": int(roi.getGroup()),
        "colour": None if colour is None else [colour.getRed(), colour.getGreen(), colour.getBlue()],
        "frame": int(roi.getTPosition()),
        "frames": [int(roi.getPointPosition(i)) for i in range(int(polygon.npoints))] if is_point else [],
        "points": [[float(y), float(x)] for y, x in zip(polygon.ypoints, polygon.xpoints, strict=True)][
            : polygon.npoints
        ],
        "bounds": [float(bounds.x), float(bounds.y), float(bounds.width), float(bounds.height)],
    }


def _closed(imagej: ImageJ) -> None:
    imagej.run_macro("while (nImages > 0) close();")


def cropped_by_the_selection(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    image = with_overlay()
    image.setRoi(*BOUNDS)
    imagej.run_macro(f'run("Crop Movie and Events...", "{PART}");')
    made = seen(jimport("ij.IJ").getImage(), "cropped", folder)
    before = {"rois": len(image.getOverlay().toArray()), "selection": described(image.getRoi())["bounds"]}
    _closed(imagej)
    return made | {"before": before}


def cropped_results(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Crop with the events of a result folder in place of the ROIs; numbers take precedence over the selection."""
    from scyjava import jimport

    image = opened()
    image.setRoi(1, 1, 5, 5)
    x, y, width, height = BOUNDS
    imagej.run_macro(
        f'run("Crop Movie and Events...", "events=[{os.environ["EPIFIJI_TEST_RESULTS"]}] x={x} y={y} width={width} '
        f'height={height} {PART}");'
    )
    made = seen(jimport("ij.IJ").getImage(), "results", folder)
    _closed(imagej)
    return made


def rescaled(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    with_overlay()
    imagej.run_macro('run("Rescale Movie and Events...", "factor_xy=2 factor_t=0.5");')
    made = seen(jimport("ij.IJ").getImage(), "rescaled", folder)
    _closed(imagej)
    return made


def stored_as_planes(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """A movie whose frames are planes (Z), as microscopes store it."""
    from scyjava import jimport

    image = opened()
    image.setDimensions(1, int(image.getStackSize()), 1)
    overlay = jimport("ij.gui.Overlay")(point("cell_death 1", 5, 20, 30))
    image.setOverlay(overlay)
    image.setRoi(*BOUNDS)
    imagej.run_macro(f'run("Crop Movie and Events...", "{PART}");')
    made = jimport("ij.IJ").getImage()
    roi = made.getOverlay().get(0)
    found = {"planes": int(made.getNSlices()), "position": int(roi.getPosition()) or int(roi.getZPosition())}
    _closed(imagej)
    return found


def written(imagej: ImageJ, folder: Path) -> list[str]:
    """Write an open image's part and ROIs, and a file's rescaled movie and events, into files."""
    image = opened()
    image.setRoi(*BOUNDS)
    results, movie = os.environ["EPIFIJI_TEST_RESULTS"], os.environ["EPIFIJI_TEST_MOVIE"]
    imagej.run_macro(f'run("Crop Movie and Events...", "results=[{results}] output=[{folder / "made"}] {PART}");')
    _closed(imagej)
    imagej.run_macro(
        f'run("Rescale Movie and Events...", "input=[{movie}] events=[{results}] out=[{folder / "made"}] factor_xy=0.5");'
    )
    return sorted(path.name for path in (folder / "made").iterdir())


def gallery_of_results(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    opened()
    imagej.run_macro(
        f'run("Show Event Gallery...", "results=[{os.environ["EPIFIJI_TEST_RESULTS"]}] output=[{folder / "gallery.png"}] '
        'before=2 after=2 half_size=10 zoom=2");'
    )
    image = jimport("ij.IJ").getImage()
    found = {"title": str(image.getTitle()), "size": [int(image.getWidth()), int(image.getHeight())]}
    _closed(imagej)
    return found


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    said = {}
    for name, code in {
        "part": 'run("Crop Movie and Events...", "x=70 width=20");',
        "frames": 'run("Crop Movie and Events...", "first_frame=9");',
        "nothing": 'run("Rescale Movie and Events...");',
        "no ROIs": 'run("Show Event Gallery...");',
        "score": 'run("Score Events at Random...");',
    }.items():
        opened()
        said[name] = refusal(imagej, code)
        _closed(imagej)
    return said


TOOLS = [
    cropped_by_the_selection,
    cropped_results,
    rescaled,
    stored_as_planes,
    written,
    gallery_of_results,
    refused,
]
