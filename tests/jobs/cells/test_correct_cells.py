"""The correction of cells in files: resumed, undone, applied again; killed at any time, nothing is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from broken_cells import BrokenField, broken_field, same_cells
from command_line import one_sentence, run
from epifiji.data.cell_edits import Add, Delete
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.edits import cell_at
from epifiji.files.labels import read_cells, write_labels
from epifiji.files.results.cell_corrections import read_corrections
from epifiji.jobs.cells.annotated import annotated_cells
from epifiji.jobs.cells.correct import Correction, finish_correction, record, start_correction


@pytest.fixture
def made() -> BrokenField:
    return broken_field(3)


@pytest.fixture
def file(tmp_path: Path, made: BrokenField) -> Path:
    path = tmp_path / "wing_labels.tif"
    write_labels(path, made.labels[None])
    return path


def mend(correction: Correction, repairs: list) -> None:
    cells = correction.cells
    for what, points in repairs:
        if what == "click":
            record(correction, cells.merge_at(0, *points[0], 1.5))
        elif what == "polyline":
            record(correction, cells.split_along(0, points))
        elif what == "polygon":
            record(correction, Add(0, cells.next_label, tuple(points)))
        else:
            record(correction, Delete(0, cell_at(cells.labels[0], *points[0])))


def test_repairs_over_three_sessions_are_exact(file: Path, made: BrokenField) -> None:
    original = file.read_bytes()
    for session in range(3):
        correction = start_correction(file)
        assert len(correction.cells.edits) == 2 * session
        mend(correction, made.repairs[2 * session : 2 * session + 2])
        done = finish_correction(correction)
    assert same_cells(read_cells(done.file)[0], made.truth)
    assert done.counts == {"merge": 2, "split": 2, "add": 1, "delete": 1}
    assert file.read_bytes() == original
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "wing_corrected_labels.tif", "wing_corrections.json", "wing_labels.tif",
    ]  # fmt: skip


def test_all_is_undone_after_it_was_read_again(file: Path, made: BrokenField) -> None:
    mend(start_correction(file), made.repairs)
    finish_correction(start_correction(file))
    correction = start_correction(file)
    for _ in made.repairs:
        assert record(correction, None) is not None
    assert record(correction, None) is None
    assert np.array_equal(correction.cells.labels[0], made.labels)
    assert read_corrections(correction.path)[1] == []
    assert record(correction, None, again=True) is not None
    assert len(read_corrections(correction.path)[1]) == 1
    record(correction, None)
    assert finish_correction(correction).file is None
    assert [path.name for path in file.parent.iterdir()] == [file.name], "nothing was corrected, so nothing stays"


def test_a_step_that_cannot_be_written_is_not_made(
    file: Path, made: BrokenField, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction = start_correction(file)
    mend(correction, made.repairs[:2])
    before = correction.cells.labels.copy()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(correction.path))

    monkeypatch.setattr("epifiji.jobs.cells.correct.write_corrections", full)
    for step, again in ((Delete(0, cell_at(before[0], 70, 90)), False), (None, False)):
        with pytest.raises(OSError, match="No space left"):
            record(correction, step, again)
        assert np.array_equal(correction.cells.labels, before)
        assert len(correction.cells.edits) == 2


ENDLESS = """
import sys
from epifiji.data.cell_edits import Delete
from epifiji.jobs.cells.correct import record, start_correction
correction = start_correction(sys.argv[1])
for cell in range(1, 120):
    if (correction.cells.labels == cell).any():
        record(correction, Delete(0, cell))
        print(cell, flush=True)
"""


@pytest.mark.parametrize("after", [1, 3, 10, 25])
def test_a_killed_process_loses_nothing_that_it_showed(after: int, file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(file)], stdout=subprocess.PIPE, text=True) as process:
        shown = [int(process.stdout.readline()) for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        shown += [int(line) for line in process.stdout.read().splitlines()]
    assert process.returncode == -signal.SIGKILL
    correction = start_correction(file)
    deleted = [edit.cell for edit in correction.cells.edits]
    assert deleted[: len(shown)] == shown
    assert len(deleted) <= len(shown) + 1
    assert not np.isin(correction.cells.labels, deleted).any()
    record(correction, None)
    finish_correction(correction)
    assert not list(file.parent.glob(".epifiji*"))


def test_corrections_are_applied_again(file: Path, made: BrokenField, tmp_path: Path) -> None:
    mend(start_correction(file), made.repairs)
    cells = epifiji.correct_cells(file)
    assert same_cells(cells.labels[0], made.truth)
    assert cells.file is None
    assert repr(cells) == "<CorrectedCells: 2 merge, 2 split, 1 add, 1 delete>"
    out = tmp_path / "there"
    written = epifiji.correct_cells(file, file.with_name("wing_corrections.json"), out)
    assert np.array_equal(read_cells(written.file), cells.labels)
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        epifiji.correct_cells(file, out=out)
    assert epifiji.correct_cells(file, out=out, overwrite=True).file == out / "wing_corrected_labels.tif"


def test_the_command_line_writes_next_to_the_labels(
    file: Path, made: BrokenField, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run(["correct-cells", str(file)], monkeypatch, capsys)
    assert code == 2
    assert one_sentence(error).endswith(
        "wing_corrections.json does not exist, but corrections are needed: check the path."
    )
    mend(start_correction(file), made.repairs)
    code, printed, _ = run(["correct-cells", str(file), "--json"], monkeypatch, capsys)
    written = json.loads(printed)
    assert (code, written["corrections"]) == (0, {"merge": 2, "split": 2, "add": 1, "delete": 1})
    assert same_cells(read_cells(Path(written["file"]))[0], made.truth)
    code, _, error = run(["correct-cells", str(file)], monkeypatch, capsys)
    assert (code, "--overwrite" in one_sentence(error)) == (2, True)
    code, printed, _ = run(["correct-cells", str(file), "--overwrite"], monkeypatch, capsys)
    assert code == 0
    assert f"written: {file.with_name('wing_corrected_labels.tif')}" in printed


def test_other_labels_are_refused(file: Path, made: BrokenField) -> None:
    mend(start_correction(file), made.repairs)
    made.labels[0, 0] += 1
    write_labels(file, made.labels[None])
    for start in (start_correction, epifiji.correct_cells):
        with pytest.raises(
            WrongInputError, match=r"has corrections of other labels than wing_labels.tif: move it away"
        ):
            start(file)


def test_an_edited_file_is_refused(file: Path, made: BrokenField) -> None:
    mend(start_correction(file), made.repairs)
    path = file.with_name("wing_corrections.json")
    read = json.loads(path.read_text())
    del read["corrections"][0]
    read["corrections"].insert(0, read["corrections"][-1])
    path.write_text(json.dumps(read))
    with pytest.raises(
        WrongInputError, match=r"wing_corrections.json was changed: Correction 2 does not fit the labels"
    ):
        start_correction(file)


def test_nobodys_file_is_overwritten(file: Path) -> None:
    mine = file.with_name("wing_corrected_labels.tif")
    mine.write_bytes(b"mine")
    with pytest.raises(WrongInputError, match=r"wing_corrected_labels.tif exists and would be overwritten"):
        start_correction(file)
    assert mine.read_bytes() == b"mine"


class TestPlaces:
    def test_a_folder_has_its_labels_beside_the_corrected_ones(self, file, made):
        mend(start_correction(file), made.repairs[:1])
        finish_correction(start_correction(file))
        correction = start_correction(file.parent)
        assert correction.labels.file == file.name
        with pytest.raises(WrongInputError, match=r"is the result of corrections: give wing_labels.tif"):
            start_correction(file.with_name("wing_corrected_labels.tif"))

    def test_several_or_no_files_are_refused(self, file):
        with pytest.raises(
            WrongInputError,
            match=r"has no files of cells \(\*_labels.tif, \*_rois.zip or the like\), but one is expected",
        ):
            start_correction(file.parent / "..")
        write_labels(file.with_name("other_labels.tif"), np.ones((1, 9, 9), np.int32))
        with pytest.raises(WrongInputError, match="has 2 files of cells"):
            start_correction(file.parent)

    def test_outlines_of_tissue_analyzer_become_cells(self, tmp_path, made):
        border = np.zeros(made.truth.shape, bool)
        border[:, :-1] |= made.truth[:, :-1] != made.truth[:, 1:]
        border[:-1] |= made.truth[:-1] != made.truth[1:]
        folder = tmp_path / "wing"
        folder.mkdir()
        tifffile.imwrite(folder / "handCorrection.tif", np.where(border, 255, 0).astype(np.uint8))
        correction = start_correction(folder)
        assert correction.path == folder / "wing_corrections.json"
        cells = correction.cells
        assert (cells.labels > 0).all(), "cells meet in the middle of the lines"
        step = cells.merge_at(0, *np.argwhere(border)[500], 1.5)
        record(correction, step)
        finish_correction(correction)
        assert read_cells(folder / "wing_corrected_labels.tif").max() == cells.labels.max()

    def test_a_single_cell_is_a_cell_and_no_cells_are_none(self, tmp_path):
        one = np.zeros((1, 40, 40), np.int32)
        one[0, 10:30, 10:30] = 7
        write_labels(tmp_path / "one_labels.tif", one)
        assert np.array_equal(start_correction(tmp_path / "one_labels.tif").cells.labels, one)
        write_labels(tmp_path / "none_labels.tif", 0 * one)
        correction = start_correction(tmp_path / "none_labels.tif")
        record(correction, Add(0, correction.cells.next_label, ((3, 3), (3, 20), (20, 20))))
        assert correction.cells.count(0) == 1


def test_labels_that_are_written_are_read_again(tmp_path: Path) -> None:
    for largest in (0, 255, 65535, 70000):
        labels = np.zeros((2, 9, 11), np.int32)
        labels[1, 3:, 4:] = largest
        write_labels(tmp_path / "a_labels.tif", labels)
        assert np.array_equal(read_cells(tmp_path / "a_labels.tif"), labels)


def test_a_segmentations_folder_gives_labels_and_calibration(tmp_path: Path, made: BrokenField) -> None:
    folder = tmp_path / "wing_cells"
    folder.mkdir()
    record = {"task": "cells", "movie": {"name": "wing", "shape": [1, 150, 200], "pixel_size_um": 0.25}}
    (folder / "run.json").write_text(json.dumps(record))
    for name in ("wing", "another"):
        write_labels(folder / f"{name}_labels.tif", made.labels[None], 0.25)
    correction = start_correction(folder)
    assert correction.path == folder / "wing_corrections.json"
    mend(correction, made.repairs)
    done = finish_correction(correction)
    with tifffile.TiffFile(done.file) as file:
        count, per = file.pages[0].tags["XResolution"].value
        assert (count / per, file.imagej_metadata["unit"]) == (pytest.approx(4), "um")
    assert same_cells(read_cells(done.file)[0], made.truth)


def test_one_thin_cell_of_a_result_is_a_cell_and_no_line(tmp_path: Path) -> None:
    folder = tmp_path / "wing_cells"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"task": "cells", "movie": {"name": "wing", "shape": [1, 60, 80]}}))
    labels = np.zeros((1, 60, 80), np.int32)
    labels[0, 28:31] = 1
    write_labels(folder / "wing_labels.tif", labels)
    assert np.array_equal(start_correction(folder).cells.labels[0], labels[0])
    cells, known = annotated_cells(labels, folder / "wing_labels.tif")[0]
    assert np.array_equal(cells, labels[0])
    assert known.all()
