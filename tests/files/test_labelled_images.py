"""Folders of images with labels or outlines of their cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.labelled_images import has_labelled_cells, is_made_by_hand, read_labelled_images
from labelled_cells import lines_of
from voronoi_cells import membranes, voronoi_labels

LABELS = voronoi_labels(12, 48)
IMAGE = membranes(LABELS)


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)
    return path


def write_result(folder: Path, name: str) -> Path:
    """Write the files of a segmentation's result that matter here."""
    described = {
        "name": name,
        "file": str(folder.parent / f"{name}.tif"),
        "shape": [1, *LABELS.shape],
        "dtype": "uint8",
        "pixels_sha256": Movie(IMAGE[None]).sha256(),
    }
    write(folder / f"{name}_labels.tif", LABELS.astype(np.uint16))
    record = {"epifiji": 1, "task": "cells", "movie": described}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_cells_are_found_in_all_layouts(tmp_path: Path) -> None:
    for name in ("a", "b", "d"):
        write(tmp_path / f"{name}.tif", IMAGE)
    write(tmp_path / "c_image.tif", IMAGE)
    write(tmp_path / "a_labels.tif", LABELS.astype(np.uint16))
    write(tmp_path / "b" / "handCorrection.tif", np.stack([lines_of(LABELS)] * 3, -1))
    write(tmp_path / "c_outlines.tif", lines_of(LABELS))
    write_result(tmp_path / "d_cells", "d")
    write(tmp_path / "another" / "picture.tif", IMAGE)
    (tmp_path / "notes.txt").write_text("not an image")
    found = read_labelled_images(tmp_path)
    assert [one.name for one in found] == ["a", "b", "c_image", "d"]
    assert [one.file.relative_to(tmp_path).as_posix() for one in found] == [
        "a_labels.tif",
        "b/handCorrection.tif",
        "c_outlines.tif",
        "d_cells/d_labels.tif",
    ]
    assert [one.corrected for one in found] == [True, True, True, False]
    assert all(one.movie.shape == one.cells.shape == (1, 48, 48) for one in found)
    assert (found[0].cells[0] == LABELS).all()


def test_corrected_labels_replace_those_that_were_corrected(tmp_path: Path) -> None:
    corrected = np.where(LABELS == 1, 2, LABELS).astype(np.uint16)
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.tif", IMAGE)
    write(tmp_path / "a_labels.tif", LABELS.astype(np.uint16))
    write(tmp_path / "a_corrected_labels.tif", corrected)
    write(tmp_path / "b" / "handCorrection.tif", lines_of(LABELS))
    write(tmp_path / "b" / "b_corrected_labels.tif", corrected)
    write(write_result(tmp_path / "c_cells", "c") / "c_corrected_labels.tif", corrected)
    found = read_labelled_images(tmp_path)
    assert all((one.cells[0] == corrected).all() and one.corrected for one in found)
    (result,) = read_labelled_images(tmp_path / "c_cells")
    assert result.name == "c"
    assert (result.cells[0] == corrected).all()


def test_what_is_there_is_known_without_reading_it(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", IMAGE)
    assert not has_labelled_cells(tmp_path)
    assert not has_labelled_cells(tmp_path / "nowhere")
    write_result(tmp_path / "a_cells", "a")
    assert has_labelled_cells(tmp_path)
    assert has_labelled_cells(tmp_path / "a_cells")
    assert not is_made_by_hand(tmp_path)
    write(tmp_path / "b_labels.tif", LABELS.astype(np.uint16))
    assert is_made_by_hand(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "contains no image, but an image such as a.tif with its cells in a_labels.tif"),
        ({"a.tif": IMAGE}, "contains no labels or outlines of cells, but an image such as"),
        ({"a.tif": IMAGE, "b.tif": IMAGE, "a_labels.tif": LABELS}, "b.tif has no cells in"),
        (
            {"a.tif": IMAGE, "a_labels.tif": LABELS, "b_labels.tif": LABELS},
            "b_labels.tif belongs to none of the images",
        ),
        (
            {"a.tif": IMAGE, "a_labels.tif": LABELS, "a_masks.tif": LABELS},
            "both belong to the image a, but one image and",
        ),
        ({"a.tif": IMAGE, "a_raw.tif": IMAGE, "a_masks.tif": LABELS}, "both belong to the image a, but one image and"),
        ({"a.tif": IMAGE, "a_labels.tif": LABELS[:40]}, "has 1 frame of 48 x 40 pixels, but its image"),
        ({"a.tif": IMAGE, "a_labels.tif": 0 * LABELS}, "has the same number in all pixels, so it shows no cells"),
        (
            {
                "a.tif": IMAGE,
                "a_outlines.tif": np.stack([lines_of(LABELS), lines_of(LABELS) // 2, lines_of(LABELS)], -1),
            },
            "has colours, but a whole number for each cell",
        ),
    ],
)
def test_unusable_folders_are_refused(tmp_path: Path, files: dict[str, np.ndarray], words: str) -> None:
    for name, pixels in files.items():
        write(tmp_path / name, pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16))
    with pytest.raises(WrongInputError) as refused:
        read_labelled_images(tmp_path)
    assert words in str(refused.value)


def test_one_image_is_read_with_its_cells(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.tif", IMAGE)
    write(tmp_path / "a_labels.tif", LABELS.astype(np.uint16))
    (only,) = read_labelled_images(tmp_path / "a.tif")
    assert (only.name, only.file.name) == ("a", "a_labels.tif")
    for name, words in (("b.tif", "has no cells next to it"), ("a_labels.tif", "is no image of cells")):
        with pytest.raises(WrongInputError, match=f"{name} {words}, but an image such as a.tif"):
            read_labelled_images(tmp_path / name)


def test_planes_of_a_stack_are_projected_or_refused(tmp_path: Path) -> None:
    planes = np.stack([IMAGE, IMAGE // 2])
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": "ZYX"})
    write(tmp_path / "a_labels.tif", LABELS.astype(np.uint16))
    (projected,) = read_labelled_images(tmp_path, over_z="max")
    assert (projected.movie.frames(0, 1)[0] == IMAGE).all()
    with pytest.raises(WrongInputError, match="planes"):
        read_labelled_images(tmp_path, over_z="none")


def test_annotated_cells_are_preferred_to_those_of_a_network(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", IMAGE)
    write_result(tmp_path / "a_cells", "a")
    write(tmp_path / "a" / "handCorrection.tif", lines_of(LABELS))
    (only,) = read_labelled_images(tmp_path)
    assert (only.file.name, only.corrected) == ("handCorrection.tif", True)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="nowhere does not exist, but a folder is needed that contains an image"):
        read_labelled_images(tmp_path / "nowhere")


def test_a_result_whose_image_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="that image is not found with the same pixels"):
        read_labelled_images(write_result(tmp_path / "a_cells", "a"))
