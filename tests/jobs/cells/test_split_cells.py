"""Splitting images with cells into a training and a test part: nothing of a cell is in both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.cuts import Part, cut_cells, halves, tiles
from epifiji.files.labelled_images import read_labelled_images
from voronoi_cells import membranes, voronoi_labels

SIDE = 120
LABELS = voronoi_labels(40, SIDE, 5)
IMAGE = membranes(LABELS) // 2 + 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "annotated"
    place.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(place / f"{name}.tif", IMAGE)
        tifffile.imwrite(place / f"{name}_labels.tif", LABELS.astype(np.uint16))
    return place


@pytest.mark.parametrize(
    ("side", "test", "train"),
    [
        ("left", Part(0, 9, 0, 3), Part(0, 9, 3, 20)),
        ("right", Part(0, 9, 17, 20), Part(0, 9, 0, 17)),
        ("top", Part(0, 3, 0, 20), Part(3, 9, 0, 20)),
        ("bottom", Part(6, 9, 0, 20), Part(0, 6, 0, 20)),
    ],
)
def test_the_test_part_is_on_the_side_that_was_chosen(side: str, test: Part, train: Part) -> None:
    assert halves((9, 20), side, 3) == (test, train)


@pytest.mark.parametrize(("shape", "count"), [((100, 100), 4), ((10, 130), 3), ((49, 51), 1), ((75, 20), 2)])
def test_tiles_cover_the_image_once(shape: tuple[int, int], count: int) -> None:
    covered = np.zeros(shape, int)
    for part in tiles(shape, 50):
        covered[part.place] += 1
    assert (covered == 1).all()
    assert len(tiles(shape, 50)) == count


def test_cells_on_a_cut_are_those_of_both_sides() -> None:
    parts = halves(LABELS.shape, "left", 30)
    assert set(cut_cells(LABELS, parts)) == set(LABELS[:, :30].ravel()) & set(LABELS[:, 30:].ravel())


@pytest.mark.parametrize("settings", [{"test": "bottom", "test_size": 50}, {"tiles": 40, "test_share": 0.4}])
def test_no_cell_is_in_two_parts_and_both_parts_can_be_trained_on(folder: Path, tmp_path: Path, settings: dict) -> None:
    made = epifiji.split_cells(folder, out=tmp_path / "parts", **settings)
    assert set(made.removed) == {"a", "b"}
    of_image: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    for part in ("train", "test"):
        for image in read_labelled_images(tmp_path / "parts" / part):
            labels = np.asarray(image.cells)
            of_image[image.name[0]].append(np.unique(labels[labels > 0]))
            blank = (labels == 0)[0]
            # Where no cell is left, the image has its smallest value.
            assert (np.asarray(image.movie.pixels)[0][blank] == IMAGE.min()).all()
    for name, found in of_image.items():
        together = np.concatenate(found)
        assert len(together) == len(set(together)) == 40 - made.removed[name]
    assert sum(made.cells.values()) == sum(len(one) for found in of_image.values() for one in found)
    again = epifiji.split_cells(folder, out=tmp_path / "again", **settings)
    assert again.rows == made.rows


def test_the_command_writes_a_table_and_refuses_to_overwrite(folder: Path, tmp_path: Path) -> None:
    arguments = ["split-cells", str(folder / "a.tif"), str(folder / "b_labels.tif"), "--out", str(tmp_path / "parts")]
    code, out, error = run_here(*arguments, "--test", "right")
    assert (code, error) == (0, "")
    assert "train: " in out
    record = json.loads((tmp_path / "parts" / "split.json").read_text())
    assert record["settings"]["test"] == "right"
    code, _, error = run_here(*arguments)
    assert (code, "exists and would be overwritten" in one_sentence(error)) == (2, True)
    code, out, _ = run_here(*arguments, "--overwrite", "--json")
    assert (code, json.loads(out)["parts"][1]["width"]) == (0, SIDE // 5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test_size": SIDE}, "has 120 pixels in this direction, so a test part of 120 leaves nothing for training"),
        ({"test_size": 2}, "The test part has no cells that lie completely in it"),
        ({"tiles": 200}, "which is one tile of 200 pixels, but two or more are needed"),
        ({"test": "middle"}, "test is .middle., but it must be one of left, right"),
    ],
)
def test_impossible_parts_are_refused(folder: Path, tmp_path: Path, settings: dict, words: str) -> None:
    with pytest.raises(WrongInputError, match=words):
        epifiji.split_cells(folder, out=tmp_path / "parts", **settings)
    assert not (tmp_path / "parts").exists()


def test_bad_images_and_masks_are_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    place = folder.parent / "bad"
    place.mkdir()
    tifffile.imwrite(place / "colour.tif", np.stack([IMAGE, IMAGE // 2, IMAGE], -1), photometric="rgb")
    tifffile.imwrite(place / "small_labels.tif", LABELS[:60].astype(np.uint16))
    tifffile.imwrite(place / "empty_labels.tif", 0 * LABELS.astype(np.uint16))
    for image, cells, words in (
        (place / "colour.tif", folder / "a_labels.tif", "colour"),
        (folder / "a.tif", place / "small_labels.tif", "1 frame of 120 x 60 pixels, but its image"),
        (folder / "a.tif", place / "empty_labels.tif", "has no cells"),
    ):
        code, _, error = run_here("split-cells", str(image), str(cells), "--out", str(tmp_path / "parts"))
        assert code == 2, error
        assert words in one_sentence(error)
