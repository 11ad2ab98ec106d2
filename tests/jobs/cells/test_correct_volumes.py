"""The correction of volumes in files: recorded, resumed, applied again, and in a cyst's result folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile

import epifiji
from command_line import one_sentence, run
from epifiji.data.cell_edits import Add, Continue, Delete, Merge, Split
from epifiji.data.errors import WrongInputError
from epifiji.engine.volumes.edited import EditedVolume
from epifiji.files.labels import read_cells, stack_axis, write_labels
from epifiji.files.results.cell_corrections import CorrectedLabels, read_corrections, write_corrections
from epifiji.jobs.cells.correct import Correction, finish_correction, record, start_correction
from small_cysts import SPACING, small_cyst, write_cyst

VOXEL = [1.5, 1.0, 1.0]
LINE = ((0.0, 16.0), (31.0, 16.0))


@pytest.fixture
def labels() -> np.ndarray:
    return small_cyst()[1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_cyst(tmp_path)
    return tmp_path / "cyst_0_labels.tif"


def mend(correction: Correction) -> None:
    """Merge two cells, split one, delete one, and let one continue."""
    cells = correction.cells
    kept, merged, split, deleted = (int(cell) for cell in np.unique(cells.labels[cells.labels > 0])[:4])
    record(correction, Merge(5, kept, merged))
    cut = next(z for z in range(14) if (cells.labels[z] == split).sum() > 40)
    rows = np.nonzero(cells.labels[cut] == split)[0]
    middle = int(np.median(rows))
    columns = np.flatnonzero(cells.labels[cut, middle] == split)
    planned = cells.split_along(cut, [(middle, float(columns[0] - 1)), (middle, float(columns[-1] + 1))])
    assert planned.cell == split
    record(correction, planned)
    record(correction, Delete(5, deleted))


def test_a_file_of_planes_is_a_volume(file: Path, labels: np.ndarray) -> None:
    correction = start_correction(file)
    assert isinstance(correction.cells, EditedVolume)
    assert (correction.cells.spacing, correction.doubt) == ((1.5, 1.0, 1.0), None)
    mend(correction)
    done = finish_correction(correction)
    assert done.counts == {"merge": 1, "split": 1, "add": 0, "delete": 1, "continue": 0}
    one, other, split, deleted = (int(cell) for cell in np.unique(labels)[1:5])
    whole = {cell: int((labels == cell).sum()) for cell in (one, other, split, deleted)}
    now = np.bincount(done.labels.ravel())
    assert (now[one], now[other], now[deleted]) == (whole[one] + whole[other], 0, 0)
    assert min(now[split], now[9]) > 0
    assert now[split] + now[9] == whole[split]
    assert np.array_equal(read_cells(done.file), done.labels)
    assert epifiji.read_volume(done.file).spacing == SPACING
    known = json.loads(correction.path.read_text())
    assert (known["epifiji_corrections"], known["labels"]["axes"], known["labels"]["voxel_um"]) == (2, "ZYX", VOXEL)
    again = start_correction(file)
    assert np.array_equal(again.cells.labels, done.labels)
    while record(again, None) is not None:
        pass
    assert np.array_equal(again.cells.labels, labels)
    assert finish_correction(again).file is None
    assert read_cells(file).tobytes() == labels.tobytes()


def test_the_command_line_and_python_apply_corrections_of_volumes(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    correction = start_correction(file)
    mend(correction)
    assert np.array_equal(epifiji.correct_cells(file).labels, correction.cells.labels)
    code, printed, _ = run(["correct-cells", str(file), "--json"], monkeypatch, capsys)
    written = json.loads(printed)
    assert (code, written["corrections"]["split"], written["corrections"]["continue"]) == (0, 1, 0)
    assert np.array_equal(read_cells(Path(written["file"])), correction.cells.labels)
    assert stack_axis(Path(written["file"])) == "Z"


def test_the_size_of_a_voxel_is_that_of_the_first_correction(file: Path, labels: np.ndarray) -> None:
    """Where a cell is split depends on it, so it is recorded; the corrected labels have that of their file."""
    correction = start_correction(file)
    mend(correction)
    write_labels(file, labels, spacing={"Z": 9.0, "Y": 1.0, "X": 1.0})
    again = start_correction(file)
    assert np.array_equal(again.cells.labels, correction.cells.labels)
    assert epifiji.read_volume(finish_correction(again).file).spacing["Z"] == 9


def test_corrections_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "cyst_corrections.json"
    edits = [Merge(0, 3, 4), Split(1, 3, 41, LINE), Continue(2, 5, LINE), Add(3, 42, LINE), Delete(4, 42)]
    for voxel in ((2.0, 0.5, 0.5), (None, None, None)):
        known = CorrectedLabels("cyst_labels.tif", "0123abcd", (9, 30, 40), voxel)
        write_corrections(path, known, edits)
        assert read_corrections(path) == (known, edits)
    for change in ({"axes": "TYX"}, {"voxel_um": [1, 2]}, {"voxel_um": [1, -2, 1]}, {"voxel_um": None}):
        read = json.loads(path.read_text())
        read["labels"].update(change)
        path.with_name("changed.json").write_text(json.dumps(read))
        with pytest.raises(WrongInputError, match="lacks an entry"):
            read_corrections(path.with_name("changed.json"))


class TestKinds:
    """Labels of a stack are a volume's if all says so; if in doubt, a correction changes one plane."""

    def kind(self, file: Path, axis: str | None = None) -> tuple[bool, str | None]:
        found = start_correction(file, axis=axis)
        return found.labels.is_volume, found.doubt

    def test_planes_over_planes_are_a_volume(self, file):
        assert self.kind(file) == self.kind(file, "Z") == (True, None)

    def test_planes_over_a_movie_are_not(self, file):
        volume, doubt = self.kind(file, "T")
        assert not volume
        assert doubt == "Corrections change one frame, because the image is a movie; cyst_0_labels.tif has planes (Z)."

    def test_frames_are_not_a_volume(self, file, labels):
        write_labels(file, labels)
        assert stack_axis(file) == "T"
        assert self.kind(file, "Z") == self.kind(file, "T") == (False, None)

    def test_pages_without_axes_are_doubtful_over_planes(self, file, labels):
        tifffile.imwrite(file, labels.astype(np.uint16))
        assert stack_axis(file) is None
        assert self.kind(file, "T") == self.kind(file) == (False, None)
        volume, doubt = self.kind(file, "Z")
        assert not volume
        assert doubt.startswith("Corrections change one plane: cyst_0_labels.tif does not say that it is a volume.")

    def test_cells_that_are_numbered_plane_by_plane_are_not_a_volume(self, file, labels):
        shuffled = np.stack([np.roll(np.arange(9), z) for z in range(14)])
        shuffled[:, 0] = 0
        write_labels(
            file, np.stack([table[plane] for table, plane in zip(shuffled, labels, strict=True)]), spacing=SPACING
        )
        assert self.kind(file, "Z") == (False, None)

    def test_a_still_image_is_none(self, file, labels):
        write_labels(file, labels[5:6], spacing=SPACING)
        assert self.kind(file, "Z") == (False, None)

    def test_earlier_corrections_of_a_movie_stay_those_of_a_movie(self, file):
        correction = start_correction(file, axis="T")
        record(correction, Delete(5, int(correction.cells.labels[5].max())))
        assert json.loads(correction.path.read_text())["epifiji_corrections"] == 1
        assert self.kind(file, "Z") == (False, None)
        with pytest.raises(WrongInputError, match="a volume only, but these labels are those of a movie"):
            record(correction, Continue(5, 1, LINE))


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cysts")
    write_cyst(folder)
    found = epifiji.segment_cysts(folder / "cyst_0.tif")
    return found.save(out=folder, rois=True, view_3d=True)


@pytest.fixture
def folder(segmented: Path, tmp_path: Path) -> Path:
    import shutil

    return shutil.copytree(segmented, tmp_path / "cyst_0_epifiji")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_result_of_a_cyst_contains_the_corrected_cells(folder: Path) -> None:
    before = contents(folder)
    correction = start_correction(folder, axis="T")
    assert correction.labels.is_volume, "EpiFiji's own record says so, whatever the image"
    one, other = (int(cell) for cell in np.unique(correction.cells.labels)[1:3])
    record(correction, Merge(5, one, other))
    done = finish_correction(correction)
    # The small cyst fills its volume.
    assert "cells reach the border of the volume" in done.notices[0]
    after = contents(folder)
    kept = ("cyst_0_labels.tif", "cyst_0_lumen.tif")
    assert all(after[name] == before[name] for name in kept)
    changed = ("cells.csv", "cyst_0_rois.zip", "cyst_0_3d.tif", "run.json")
    assert all(after[name] != before[name] for name in changed)
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = {int(row["label"]): row for row in csv.DictReader(file)}
    voxels = np.bincount(done.labels.ravel())
    assert {cell: int(row["voxels"]) for cell, row in rows.items()} == {
        int(cell): int(voxels[cell]) for cell in np.flatnonzero(voxels)[1:]
    }
    measured = epifiji.measure_cyst(done.file, lumen=tifffile.imread(folder / "cyst_0_lumen.tif") > 0)
    assert [float(row["volume_um3"]) for row in rows.values()] == pytest.approx(measured.cells["volume_um3"].tolist())
    assert [int(row["neighbours"]) for row in rows.values()] == measured.cells["neighbours"].tolist()
    known = json.loads(after["run.json"])
    assert known["counts"] == {"cells": len(rows)}
    assert known["cyst"]["cells"] == len(rows)
    assert known["corrections"] == {"merge": 1, "split": 0, "add": 0, "delete": 0, "continue": 0, "planes": [6]}
    named = {tuple(map(int, roi.name.split("-"))) for roi in roifile.roiread(folder / "cyst_0_rois.zip")}
    assert named == {(z + 1, int(cell)) for z, plane in enumerate(done.labels) for cell in np.unique(plane[plane > 0])}


def test_all_files_are_as_before_if_all_is_undone(folder: Path) -> None:
    before = contents(folder)
    correction = start_correction(folder)
    record(correction, Merge(5, *(int(cell) for cell in np.unique(correction.cells.labels)[1:3])))
    finish_correction(correction)
    again = start_correction(folder)
    record(again, None)
    assert finish_correction(again).file is None
    after = contents(folder)
    known, earlier = (json.loads(one.pop("run.json")) for one in (after, before))
    assert known.pop("corrections")["planes"] == []
    assert known == earlier
    assert after == before


def test_cells_that_enclose_nothing_are_not_measured(folder: Path) -> None:
    correction = start_correction(folder)
    (folder / "cyst_0_lumen.tif").unlink()
    for cell in np.unique(correction.cells.labels)[1:]:
        record(correction, Delete(5, int(cell)))
        if len(np.unique(correction.cells.labels)) == 3:
            break
    (notice,) = finish_correction(correction).notices
    assert notice.startswith("The corrected cells of cyst_0 were not measured, because they enclose no lumen")
    assert json.loads((folder / "run.json").read_text())["cyst"] is None
    assert (folder / "cells.csv").read_text().splitlines()[0] == "label,z,y,x,voxels"


def test_corrections_are_not_lost_by_a_new_segmentation(folder: Path) -> None:
    correction = start_correction(folder)
    record(correction, Delete(5, int(correction.cells.labels.max())))
    volume, _ = small_cyst()
    with pytest.raises(WrongInputError, match=r"cyst_0_corrections\.json has corrections of the cells"):
        epifiji.segment_cysts(volume).save(folder, overwrite=True)


def test_the_cells_of_single_planes_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WrongInputError, match=r"one by one, but the cells of a volume are corrected as labels: give"):
        start_correction(folder / "cyst_0_rois.zip", shape=(14, 32, 32))
    code, _, error = run(["correct-cells", str(folder / "cyst_0_rois.zip")], monkeypatch, capsys)
    assert code == 2
    assert "does not exist, but corrections are needed" in one_sentence(error)
