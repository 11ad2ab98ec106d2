"""Outlines of cells enclose the same pixels in the engine as in ImageJ."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.bridge.imagej import ImageJ
from epifiji.data.polygons import filled
from jvm import Finished, run_checks

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
    """Return the pixels (y, x) of each ROI of a set, by its name, as ImageJ opens it."""
    from scyjava import jimport

    found = {}
    with zipfile.ZipFile(folder / "a_rois.zip") as archive:
        for name in archive.namelist():
            archive.extract(name, folder)
            roi = jimport("ij.io.RoiDecoder").open(str(folder / name))
            found[str(roi.getName())] = [[int(point.y), int(point.x)] for point in roi.getContainedPoints()]
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("rois")
    tifffile.imwrite(folder / "a_labels.tif", cells().astype(np.uint16))
    epifiji.convert_cells(folder / "a_labels.tif", to="rois")
    return run_checks([filled_in_imagej, cells_in_imagej], folder)


def test_converted_cells_with_holes_and_pieces_are_the_same_pixels_in_imagej(seen: Finished) -> None:
    found = np.zeros((HEIGHT, WIDTH), int)
    for name, pixels in seen[cells_in_imagej].items():
        for y, x in pixels:
            assert found[y, x] == 0
            found[y, x] = int(name.rpartition("-")[2])
    assert np.array_equal(found, cells())


def test_the_engine_fills_outlines_as_imagej_does(seen: Finished) -> None:
    for corners, pixels in zip(outlines(), seen[filled_in_imagej], strict=True):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[tuple(np.array(pixels, int).reshape(-1, 2).T)] = True
        mine = filled(np.array([(y - 0.5, x - 0.5) for x, y in corners]), (HEIGHT, WIDTH))
        assert np.array_equal(mine, mask), corners
