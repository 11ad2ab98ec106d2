"""The requests of Convert Cells... and Split Cells..., and of Correct Cells... with the files that other programs write."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from roifile import ROI_TYPE, ImagejRoi, roiwrite

import epifiji
from epifiji.files.labels import read_cells
from labelled_cells import SIDE_PX, write_labelled
from requests_of_fiji import ask, refused

FORMS = ["png", "rois", "cellpose", "coco"]


@pytest.fixture
def cells(tmp_path: Path) -> np.ndarray:
    """Write the image a.tif and its labels; return the labels."""
    return write_labelled(tmp_path, "a", 3)


def overlapping(folder: Path) -> Path:
    """Write two ROIs of squares that share 100 pixels, for the image a.tif."""
    corners = np.array([[10, 10], [30, 10], [30, 30], [10, 30]])
    rois = [ImagejRoi.frompoints(corners + offset) for offset in (0, 10)]
    for number, roi in enumerate(rois):
        roi.name, roi.roitype = f"cell {number}", ROI_TYPE.POLYGON
    roiwrite(folder / "a_rois.zip", rois)
    return folder / "a_rois.zip"


def test_a_folder_is_converted_file_by_file(tmp_path: Path, cells: np.ndarray) -> None:
    write_labelled(tmp_path, "b", 4)
    answer = ask("convert_cells", {"settings": {"cells": str(tmp_path), "to": "rois", "out": str(tmp_path / "drawn")}})
    count = len(np.unique(cells))
    assert [row[1] for row in answer["result"]["rows"]] == [str(count)] * 2
    assert answer["result"]["shown"] is None
    assert answer["result"]["said"] == f"{2 * count} cells in 2 files were converted; written: {tmp_path / 'drawn'}"
    assert np.array_equal(read_cells(tmp_path / "drawn" / "a_rois.zip", (1, SIDE_PX, SIDE_PX))[0], cells)


def test_a_file_that_cannot_be_converted_does_not_end_the_others(tmp_path: Path, cells: np.ndarray) -> None:
    (tmp_path / "b_labels.tif").write_bytes(b"no TIFF")
    answer = ask("convert_cells", {"settings": {"cells": str(tmp_path), "to": "coco"}})["result"]
    assert [Path(row[0]).name for row in answer["rows"]] == ["a_coco.json"]
    assert len(answer["notices"]) == 1
    assert "b_labels.tif" in answer["notices"][0]
    assert "in 1 file was converted, 1 file was not: see the log" in answer["said"]


def test_overlapping_rois_are_refused_or_cut_as_asked(tmp_path: Path, cells: np.ndarray) -> None:
    (tmp_path / "a_labels.tif").unlink()
    settings = {"cells": str(overlapping(tmp_path))}
    sentence = refused("convert_cells", {"settings": settings})
    assert "share 100 pixels" in sentence
    assert 'with "Convert Cells..." and overlaps cut' in sentence
    made = ask("convert_cells", {"settings": settings | {"overlaps": "cut"}})["result"]
    assert "100 pixels belonged to several cells" in made["notices"][0]
    found = read_cells(Path(made["shown"]))[0]
    assert np.array_equal(np.unique(found, return_counts=True)[1][1:], [400, 300])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "No cells were specified, and the ROI Manager is empty: give cells=FILE"),
        ({"cells": "nowhere.zip"}, "nowhere.zip is not a file"),
        ({"cells": "empty"}, "contains no files of cells"),
        ({"cells": "text.txt"}, "text.txt"),
        ({"cells": "a_labels.tif", "to": "tif"}, "a_labels.tif exists"),
        ({"cells": "a_labels.tif", "to": "xml"}, "to is 'xml', but it must be one of tif, png, rois, cellpose, coco"),
    ],
)
def test_what_cannot_be_converted(
    tmp_path: Path, cells: np.ndarray, settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no cells")
    assert said in refused("convert_cells", {"settings": settings})


def test_a_split_is_that_of_python(tmp_path: Path, cells: np.ndarray) -> None:
    settings = {"images": str(tmp_path), "out": str(tmp_path / "parts"), "test": "top", "test_size": "40"}
    answer = ask("split_cells", {"settings": settings})["result"]
    made = epifiji.split_cells(tmp_path, out=tmp_path / "again", test="top", test_size=40)
    assert [row[2] for row in answer["rows"]] == [str(row["cells"]) for row in made.rows]
    assert answer["said"].startswith(f"{made.cells['train']} cells to train on, {made.cells['test']} to test on, ")
    for part in ("train", "test"):
        one, other = (tifffile.imread(tmp_path / place / part / "a_labels.tif") for place in ("parts", "again"))
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "No images were specified, but images with their cells are needed: give images=[folder]"),
        ({"images": "a.tif"}, "No folder to write into was specified"),
        ({"images": "a.tif", "out": "out", "test_size": "110"}, "so a test part of 110 leaves nothing for training"),
        ({"images": "nowhere", "out": "out"}, "nowhere does not exist"),
        ({"images": "a_labels.tif", "out": "out"}, "is no image of cells"),
        ({"images": "a.tif", "out": "out", "tiles": "200"}, "choose smaller tiles"),
    ],
)
def test_what_cannot_be_split(
    tmp_path: Path, cells: np.ndarray, settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused("split_cells", {"settings": settings})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMS)
def test_cells_of_other_programs_are_corrected_and_their_file_stays(
    tmp_path: Path, cells: np.ndarray, form: str
) -> None:
    file = epifiji.convert_cells(tmp_path / "a_labels.tif", to=form).files[0]
    (tmp_path / "a_labels.tif").unlink()
    before, corrected = file.read_bytes(), tmp_path / "a_corrected_labels.tif"
    request = {"settings": {}, "beside": str(file), "title": "a.tif", "shape": (1, SIDE_PX, SIDE_PX)}
    session = ask("correct_begin", request)["result"]["session"]
    labels = read_cells(file, (1, SIDE_PX, SIDE_PX))[0]
    y, x = np.argwhere(labels == labels[50, 50])[0].tolist()
    step = {"session": session, "what": "delete", "frame": 1, "points": [[y, x]]}
    assert "is deleted" in ask("correct_step", step)["result"]["said"]
    assert ask("correct_end", {"session": session})["result"]["file"] == str(corrected)
    expected = np.where(labels == labels[50, 50], 0, labels)
    assert np.array_equal(read_cells(corrected)[0], expected)
    assert file.read_bytes() == before
    # The session continues, and the command line repeats it, without the image.
    assert ask("correct_begin", request)["result"]["steps"] == 1
    again = epifiji.correct_cells(file)
    assert np.array_equal(again.labels[0], expected)
    assert again.counts["delete"] == 1
    # A training or a comparison takes the corrected cells.
    shutil.copy(corrected, tmp_path / "expected.tif")
    assert epifiji.compare_cells(corrected, tmp_path / "expected.tif").ap.value == 1


def test_overlapping_rois_and_those_of_another_image_are_not_corrected(tmp_path: Path, cells: np.ndarray) -> None:
    file = overlapping(tmp_path)
    request = {"settings": {"cells": str(file)}, "beside": None, "title": "a.tif", "shape": (1, SIDE_PX, SIDE_PX)}
    sentence = refused("correct_begin", request)
    assert "share 100 pixels" in sentence
    assert 'convert the file with "Convert Cells..." and overlaps cut' in sentence
    assert "has no pixel in the image of 9 x 9 pixels" in refused("correct_begin", request | {"shape": (1, 9, 9)})
    assert not list(tmp_path.glob("*corrections*"))
