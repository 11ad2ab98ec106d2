"""The file of corrections of cells: written after every step, whole or not at all, and refused if it was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epifiji.data.cell_edits import Add, CellEdit, Delete, Merge, Split
from epifiji.data.errors import WrongInputError
from epifiji.files.results.cell_corrections import CorrectedLabels, read_corrections, write_corrections

LABELS = CorrectedLabels("wing_labels.tif", "0123abcd", (2, 30, 40))
EDITS: list[CellEdit] = [
    Merge(0, 3, 4),
    Split(1, 3, 41, ((1.25, 2.0), (0.1 + 0.2, 39.5))),
    Add(0, 42, ((-0.5, -0.5), (-0.5, 9.5), (9.5, 9.5))),
    Delete(1, 42),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wing_corrections.json"
    write_corrections(path, LABELS, EDITS)
    return path


def test_corrections_are_read_as_they_were_written(file: Path) -> None:
    assert read_corrections(file) == (LABELS, EDITS)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    write_corrections(file, LABELS, [])
    assert read_corrections(file) == (LABELS, [])


def test_frames_count_from_1_and_each_step_has_a_line(file: Path) -> None:
    read = json.loads(file.read_text())
    assert [row["frame"] for row in read["corrections"]] == [1, 2, 1, 2]
    assert read["corrections"][0] == {"what": "merge", "frame": 1, "kept": 3, "merged": 4}
    lines = file.read_text().splitlines()
    assert sum('"what"' in line for line in lines) == len(EDITS)


def test_a_file_that_was_cut_anywhere_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(WrongInputError):
            read_corrections(file)


CHANGES = {
    "another program's": (
        lambda read: read.pop("epifiji_corrections"),
        "contains no corrections of cells of version 1 or 2",
    ),
    "a later version's": (
        lambda read: read.update(epifiji_corrections=3),
        "contains no corrections of cells of version 1 or 2",
    ),
    "no labels": (lambda read: read.pop("labels"), "lacks an entry ('labels')"),
    "no shape": (lambda read: read["labels"].update(shape="big"), "lacks an entry"),
    "another kind": (lambda read: read["corrections"][0].update(what="paint"), "as number 1 ('paint')"),
    "no kind": (lambda read: read["corrections"].append([3]), "as number 5"),
    "one entry more": (lambda read: read["corrections"][3].update(by="me"), "as number 4"),
    "one entry less": (lambda read: read["corrections"][1].pop("line"), "as number 2"),
    "frame 0": (lambda read: read["corrections"][0].update(frame=0), "as number 1 (frame is 0)"),
    "a text": (lambda read: read["corrections"][0].update(kept="3"), "as number 1 (kept is '3')"),
    "true": (lambda read: read["corrections"][0].update(kept=True), "as number 1 (kept is True)"),
    "far away": (lambda read: read["corrections"][1].update(line=[[1e9, 3]]), "as number 2"),
    "no points": (lambda read: read["corrections"][1].update(line=[]), "as number 2"),
    "no number": (lambda read: read["corrections"][1].update(line=[[1, float("nan")]]), "as number 2"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_file_is_refused(kind: str, file: Path) -> None:
    change, said = CHANGES[kind]
    read = json.loads(file.read_text())
    change(read)
    file.write_text(json.dumps(read))
    with pytest.raises(WrongInputError) as refused:
        read_corrections(file)
    assert said in str(refused.value)
    assert "wing_corrections.json" in str(refused.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="does not exist, but corrections are needed"):
        read_corrections(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(WrongInputError, match="contains no corrections of cells"):
        read_corrections(tmp_path / "list.json")
