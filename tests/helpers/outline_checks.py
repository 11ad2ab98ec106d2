"""Outlines of cells in ImageJ; see :mod:`jvm`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import tifffile

import epifiji
from epifiji.bridge.imagej import ImageJ

HEIGHT, WIDTH = 40, 50


def outlines() -> list[list[list[float]]]:
    """Return outlines as (x, y) of corners between pixels, as ImageJ has them: whole numbers, halves, and any; also crossing."""
    draw = np.random.default_rng(8)
    made = []
    for number in range(60):
        corners = draw.random((3 + number % 9, 2)) * (WIDTH - 2, HEIGHT - 2) + 1
        made.append((corners if number % 3 == 0 else np.round(corners * (number % 3)) / (number % 3)).tolist())
    return made


def filled_in_imagej(_: ImageJ, __: Path) -> list[list[list[int]]]:
    """Return the pixels (y, x) that ImageJ has inside each outline."""
    from jpype import JArray, JFloat
    from scyjava import jimport

    found = []
    for corners in outlines():
        xs, ys = (JArray(JFloat)(list(axis)) for axis in zip(*corners, strict=True))
        roi = jimport("ij.gui.PolygonRoi")(xs, ys, len(corners), jimport("ij.gui.Roi").POLYGON)
        found.append([[int(point.y), int(point.x)] for point in roi.getContainedPoints()])
    return found


def cells() -> np.ndarray:
    """Return labels of a cell with a hole, one inside of it, one in two pieces that meet at a corner, and two that touch."""
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[3:20, 3:30] = 1
    labels[8:14, 9:20] = 2
    labels[10:12, 12:15] = 0
    labels[20:24, 30:33] = labels[24:27, 33:40] = 3
    labels[30:38, 5:20] = 4
    labels[30:38, 20:31] = 5
    return labels


def cells_in_imagej(_: ImageJ, folder: Path) -> dict[str, list[list[int]]]:
    """Convert cells to a set of ROIs, and return the pixels (y, x) of each by its name, as ImageJ opens it."""
    from scyjava import jimport

    tifffile.imwrite(folder / "a_labels.tif", cells().astype(np.uint16))
    epifiji.convert_cells(folder / "a_labels.tif", to="rois")
    found = {}
    with zipfile.ZipFile(folder / "a_rois.zip") as archive:
        for name in archive.namelist():
            archive.extract(name, folder)
            roi = jimport("ij.io.RoiDecoder").open(str(folder / name))
            found[str(roi.getName())] = [[int(point.y), int(point.x)] for point in roi.getContainedPoints()]
    return found
