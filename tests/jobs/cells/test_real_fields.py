"""Segmentation of real fields that had no influence on the network that ships: limits that it must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.files.labels import read_cells


def scores(image: np.ndarray, cells: np.ndarray) -> tuple[float, float]:
    found = epifiji.compare_cells(epifiji.segment(image).labels[0], cells, border="ignore")
    assert found.quality.value is not None and found.ap.value is not None
    return found.quality.value, found.ap.value


@pytest.fixture(scope="module")
def corneal_fields(shared_data: Path) -> list[tuple[float, float]]:
    folder = shared_data / "segmentation" / "tissue2d" / "cornea_alizarine"
    found = []
    for number in ("01", "11", "23", "29"):
        image = read_cells(folder / f"{number}_image.png")[0].astype(np.uint8)
        found.append(scores(image, read_cells(folder / f"{number}_outlines.png")[0]))
    return found


def test_a_wing_with_bright_borders(shared_data: Path) -> None:
    outlines, image = tifffile.imread(shared_data / "tissues" / "wing_raw_and_skeleton.tif")
    quality, ap = scores(image, outlines)
    assert quality >= 0.93
    assert ap >= 0.95


def test_corneas_with_dark_borders(corneal_fields: list[tuple[float, float]]) -> None:
    quality, ap = np.array(corneal_fields).T
    assert quality.mean() >= 0.95
    assert quality.min() >= 0.88
    assert ap.mean() >= 0.95
