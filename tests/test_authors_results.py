"""Results of the authors' package open in ImageJ as our own do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from epifiji.bridge.requests import answer
from epifiji.files.rois import read_rois


def asked(job: str, results: Path, **request: Any) -> dict[str, Any]:
    found = json.loads(
        answer(job, json.dumps({"settings": {"results": str(results)}, **request}), [], lambda done, doing: None)
    )
    assert "result" in found, found
    return found["result"]


@pytest.mark.parametrize("case", ["default", "rescaled"])
def test_their_rois_open(shared_data: Path, case: str) -> None:
    folder = shared_data / "oracle" / case
    zips = sorted(folder.glob("*_cell_*.zip"))
    expected = sum(
        len(read_rois(file, "any")) for file in zips if file.stat().st_size > 22
    )  # an empty zip has 22 bytes
    assert len(asked("open", folder)["events"]) == expected > 0


def test_their_maps_open_as_they_are(shared_data: Path) -> None:
    folder = shared_data / "oracle" / "default"
    shown = asked("maps", folder)
    try:
        for one in shown["maps"]:
            assert np.array_equal(
                tifffile.imread(one["file"]), tifffile.imread(folder / f"movie_{one['event']}_rawproba.tif")
            )
    finally:
        shutil.rmtree(shown["maps_folder"])
