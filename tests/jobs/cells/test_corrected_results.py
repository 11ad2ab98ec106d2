"""The result of a segmentation after corrections: all its files contain the corrected cells."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from PIL import Image

import epifiji
from epifiji.data.cell_edits import Delete
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.outlines import outlines_of
from epifiji.files.labels import read_cells
from epifiji.jobs.cells.compare import compare_cells
from epifiji.jobs.cells.correct import CorrectedCells, Correction, finish_correction, record, start_correction
from voronoi_cells import membranes, voronoi_labels

PIXELS = np.stack([membranes(voronoi_labels(60, 160, seed)) for seed in (1, 2)])
FRAME = "wing/wing0000/handCorrection.tif"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("movies")
    tifffile.imwrite(
        folder / "wing.tif", PIXELS, imagej=True, metadata={"axes": "TYX", "unit": "um"}, resolution=(2, 2)
    )
    epifiji.segment(folder / "wing.tif", cell_diameter=22, borders="bright").save(folder / "wing_cells", rois=True)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path / "wing_cells"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def corrected(folder: Path) -> CorrectedCells:
    """Delete a cell of the first frame and merge two of the second."""
    correction = start_correction(folder)
    labels = correction.cells.labels
    record(correction, Delete(0, int(labels[0, 80, 80])))
    border = np.argwhere(outlines_of(labels[1])[60:100, 60:100])[0] + 60
    record(correction, correction.cells.merge_at(1, *map(float, border), 2))
    return finish_correction(correction)


def test_all_files_contain_the_corrected_cells(folder: Path) -> None:
    before, made = contents(folder), corrected(folder)
    labels = made.labels
    assert made.notices == ()
    assert (folder / "wing_labels.tif").read_bytes() == before["wing_labels.tif"], "the original stays"
    assert np.array_equal(read_cells(folder / "wing_corrected_labels.tif"), labels)
    for n, frame in enumerate(labels):
        drawn = tifffile.imread(folder / "wing" / f"wing000{n}" / "handCorrection.tif")
        assert np.array_equal(drawn > 0, outlines_of(frame))
        assert np.array_equal(drawn, tifffile.imread(folder / "wing" / "handCorrection.tif")[n])
    areas = {
        (t + 1, int(cell)): int(n)
        for t in range(2)
        for cell, n in enumerate(np.bincount(labels[t].ravel()))
        if cell and n
    }
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(int(row["frame"]), int(row["label"])): int(row["area"]) for row in rows} == areas
    assert float(rows[0]["area_um2"]) == int(rows[0]["area"]) / 4
    rois = roifile.roiread(folder / "wing_rois.zip")
    assert {tuple(map(int, roi.name.split("-"))) for roi in rois} == set(areas)
    known = json.loads((folder / "run.json").read_text())
    assert known["counts"] == {"cells": len(areas)}
    assert known["corrections"] == {"merge": 1, "split": 0, "add": 0, "delete": 1, "frames": [1, 2]}
    with Image.open(folder / "overlay.png") as picture:
        assert picture.tobytes() != before["overlay.png"]
    assert compare_cells(folder, folder / "wing_corrected_labels.tif").f1.value == 1
    assert [one.name for one in compare_cells(folder.parent / "wing_cells", folder).fields] == [
        "wing frame 1",
        "wing frame 2",
    ]


def test_the_files_are_as_before_if_all_is_undone(folder: Path) -> None:
    before = contents(folder)
    corrected(folder)
    correction = start_correction(folder)
    while record(correction, None) is not None:
        pass
    assert finish_correction(correction).file is None
    after = contents(folder)
    known = json.loads(after.pop("run.json"))
    assert known.pop("corrections")["frames"] == []
    assert known == json.loads(before.pop("run.json"))
    assert after == before


def test_outlines_that_another_program_changed_are_left_as_they_are(folder: Path) -> None:
    mine = tifffile.imread(folder / FRAME)
    mine[40] = 255
    tifffile.imwrite(folder / FRAME, mine)
    outlines = {name: data for name, data in contents(folder).items() if "handCorrection" in name}
    (notice,) = corrected(folder).notices
    assert "handCorrection.tif was changed by another program, so it is left as it is" in notice
    assert outlines.items() <= contents(folder).items()


def test_without_the_image_its_picture_is_removed(folder: Path) -> None:
    (folder.parent / "wing.tif").unlink()
    known = json.loads((folder / "run.json").read_text())
    known["movie"]["file"] = str(folder / "none.tif")
    (folder / "run.json").write_text(json.dumps(known))
    (notice,) = corrected(folder).notices
    assert "overlay.png is removed, because the image is not found" in notice
    assert not (folder / "overlay.png").exists()
    assert "overlay.png" not in json.loads((folder / "run.json").read_text())["files"]


def test_elsewhere_only_the_labels_are_written(folder: Path, tmp_path: Path) -> None:
    before = contents(folder)
    correction = start_correction(folder, tmp_path / "out")
    record(correction, Delete(0, int(correction.cells.labels[0, 80, 80])))
    finish_correction(correction)
    assert contents(folder) == before
    assert sorted(contents(tmp_path / "out")) == ["wing_corrected_labels.tif", "wing_corrections.json"]


def test_a_full_disk_at_the_end_leaves_the_files_as_they_were(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    correction = start_correction(folder)
    record(correction, Delete(0, int(correction.cells.labels[0, 80, 80])))
    before = contents(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("epifiji.jobs.cells.result.write_record", full)
    with pytest.raises(OSError, match="No space left"):
        finish_correction(correction)
    assert contents(folder) == before
    monkeypatch.undo()
    assert finish_correction(start_correction(folder)).file is not None


def test_corrections_are_not_lost_by_a_new_segmentation(folder: Path) -> None:
    corrected(folder)
    before = contents(folder)
    found = epifiji.segment(folder.parent / "wing.tif", cell_diameter=22, borders="bright")
    with pytest.raises(WrongInputError, match=r"wing_corrections\.json has corrections of the cells") as refused:
        found.save(folder, overwrite=True)
    assert isinstance(refused.value, WrongInputError)
    assert contents(folder) == before
    assert isinstance(start_correction(folder), Correction)
