"""An outline of a missed cell encloses the same pixels in the engine as in ImageJ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.imagej import ImageJ
from epifiji.data.polygons import filled
from jvm import run_checks

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


def test_the_engine_fills_outlines_as_imagej_does(tmp_path: Path) -> None:
    seen: Any = run_checks([filled_in_imagej], tmp_path)[filled_in_imagej]
    for corners, pixels in zip(outlines(), seen, strict=True):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[tuple(np.array(pixels, int).reshape(-1, 2).T)] = True
        mine = filled(np.array([(y - 0.5, x - 0.5) for x, y in corners]), (HEIGHT, WIDTH))
        assert np.array_equal(mine, mask), corners
