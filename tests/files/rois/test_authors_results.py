"""Results of the authors' package open in ImageJ as the project's own do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from epifiji.bridge.fiji.requests.answer import answer
from epifiji.files.rois.roi_files import read_rois


def ask(job: str, **request: Any) -> dict[str, Any]:
    found = json.loads(answer(job, json.dumps(request), [], lambda done, doing: None))
    assert "result" in found, found
    return found["result"]


def asked(job: str, results: Path, **request: Any) -> dict[str, Any]:
    return ask(job, settings={"results": str(results)}, **request)


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


def test_their_results_can_be_reviewed_scored_plotted_and_compared(shared_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "movie"
    shutil.copytree(shared_data / "oracle" / "default", folder)
    count = len(asked("open", folder)["events"])
    begun = asked("review_begin", folder, manager=None, beside=None)
    assert len(begun["order"]) == count
    ask("review_act", review=begun["review"], what="keep", item=begun["order"][0], seconds=1)
    ended = ask("review_end", review=begun["review"], movie="movie")
    assert ended["counts"]["all"]["kept"] == 1
    (kept,) = [file for file in (folder / "reviewed").glob("*.zip") if not file.name.endswith("_nothing.zip")]
    assert len(read_rois(kept, "any")) == 1
    assert len(asked("open", folder)["events"]) == count, "nothing that was detected is gone"
    assert len(asked("score_begin", folder, manager=None)["order"]) == count
    plots = {"results": str(folder), "output": str(tmp_path / "plots"), "permutations": "19", "within": "frame"}
    assert len(ask("plot", settings=plots, manager=None, image=None, headless=True)["pictures"]) == 3
    compared = ask("compare", settings={"detected": str(folder), "reference": str(folder)}, manager=None, image=None)
    assert compared["rows"][-1][1:4] == [str(count), "0", "0"]


def test_their_maps_follow_the_sliders(shared_data: Path) -> None:
    """With the authors' arithmetic, thresholds and distances their maps give their events."""
    folder = shared_data / "oracle" / "default"
    found = asked("adjust", folder)
    candidates = ask("candidates", results=str(folder))
    assert {one["name"] for one in candidates["classes"]} == {one["name"] for one in found["classes"]}
    shown = {
        (one["event"], one["frame"], one["y"], one["x"])
        for one in candidates["events"]
        for kind in candidates["classes"]
        if kind["name"] == one["event"]
        and one["raw_score"] > kind["threshold"] / 255
        and one["volume"] > kind["min_volume"]
    }
    assert shown == {(one["event"], one["frame"], one["y"], one["x"]) for one in found["events"]}
    assert shown
