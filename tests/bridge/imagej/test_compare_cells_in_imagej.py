"""Compare Cells as a menu command: open images and files, without and with windows, and with a worker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import epifiji
from compare_cells_checks import COMPARE, HEADLESS, OPEN, WINDOW, compared_headless, compared_in_a_window, refused
from desktop import desktop
from folders import names
from jvm import Finished, run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji

SIDE, CELLS = 12, 5


def files(folder: Path) -> Path:
    """Write square cells, the same with two of them merged, and other images."""
    numbers = np.arange(1, CELLS * CELLS + 1, dtype=np.uint16).reshape(CELLS, CELLS)
    labels = numbers.repeat(SIDE, 0).repeat(SIDE, 1)
    merged = np.where(labels == 8, 7, labels).astype(np.uint16)
    lines = np.zeros(labels.shape, np.uint8)
    lines[::SIDE], lines[:, ::SIDE], lines[-1], lines[:, -1] = 255, 255, 255, 255
    tifffile.imwrite(folder / "true cells.tif", labels, imagej=True)
    tifffile.imwrite(folder / "merged.tif", merged, imagej=True)
    tifffile.imwrite(folder / "small.tif", labels[:30], imagej=True)
    tifffile.imwrite(folder / "two frames.tif", np.stack([labels, merged]), imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "many frames.tif", np.stack([labels] * 12), imagej=True, metadata={"axes": "TYX"})
    photo = np.random.default_rng(1).normal(0, 1, labels.shape).astype(np.float32)
    tifffile.imwrite(folder / "photo.tif", photo, imagej=True)
    Image.fromarray(lines).save(folder / "outlines.png")
    (folder / "values.txt").write_text("1 2 3")
    for name, pixels in (("segmented", merged), ("known", labels)):
        (folder / name).mkdir()
        tifffile.imwrite(folder / name / "a_labels.tif", pixels)
        tifffile.imwrite(folder / name / "b_labels.tif", labels)
    return folder


def scores(folder: Path) -> dict[str, float]:
    return json.loads((folder / "cell_comparison.json").read_text())


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = files(tmp_path_factory.mktemp("headless"))
    (folder / "temporary").mkdir()
    return run_checks(HEADLESS, folder, env={"TMPDIR": str(folder / "temporary")})


class TestWithoutAWindow:
    @pytest.mark.parametrize(
        ("out", "sides", "settings"),
        [
            ("of images", ("merged.tif", "true cells.tif"), {}),
            ("of the active image", ("merged.tif", "outlines.png"), {}),
            ("of files", ("merged.tif", "true cells.tif"), {"iou": 0.6, "border": "ignore"}),
            ("of folders", ("segmented", "known"), {}),
            ("of frames", ("two frames.tif", "two frames.tif"), {}),
        ],
    )
    def test_the_scores_are_those_of_the_files(
        self, headless: Finished, out: str, sides: tuple[str, str], settings: dict
    ) -> None:
        assert headless[compared_headless]
        expected = epifiji.compare_cells(*(headless.folder / side for side in sides), **settings).to_dict()
        found = scores(headless.folder / out)
        assert found["all"] == json.loads(json.dumps(expected))["all"]
        assert len(found["images"]) == len(expected["images"])

    def test_pictures_are_named_after_the_images(self, headless: Finished) -> None:
        tables = [f"cell_comparison{ending}" for ending in (".csv", ".json", "_curve.csv", "_curve.png")]
        assert names(headless.folder / "of images") == [*tables, "true cells_cells.png"]
        assert names(headless.folder / "of folders") == ["a_cells.png", "b_cells.png", *tables]

    def test_the_images_stay_as_they_were(self, headless: Finished) -> None:
        seen = headless[compared_headless]
        assert (seen["title"], seen["changes"], seen["file"]) == ("merged.tif", True, "merged.tif")
        assert "x=1,y=1,width=5,height=5" in seen["selection"]
        assert seen["temporary"] == []

    def test_the_log_has_the_scores(self, headless: Finished) -> None:
        # Of 25 cells two are under-segmented; one of them matches the merged cell at an IoU of a half.
        assert "EpiFiji: quality 0.840, AP 0.960 and F1 0.980 at an IoU of 0.5, 25 cells" in headless.out

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("no image", "No segmented cells were specified, and no image is open: give predicted="),
            ("no annotated", "No annotated cells were specified, but they are needed: give annotated="),
            ("one title", "2 open images have the title merged.tif, but one is meant: rename one of them"),
            ("unknown", "nowhere is neither an open image nor a file or folder, but cells are needed"),
            ("unknown image", "never opened is neither an open image nor a file or folder"),
            ("sizes", "small.tif 1 frame of 60 x 30 pixels, but both must show the same image"),
            ("frames", "two frames.tif 2 frames of 60 x 60 pixels, but both must show the same image"),
            ("photo", "has pixels that are not whole numbers"),
            ("colours", "rgb has colours, but a whole number for each cell"),
            ("channels", "cells in c have 6 frames of 60 x 60 pixels and the annotated ones in "),
            (
                "overlay",
                "drawn has the same value in all pixels, so no labels. The 2 ROIs of its overlay are not read: make labels",
            ),
            (
                "overlay on tissue",
                "so they are no labels: give one whole number for each cell, not the image of the tissue",
            ),
            ("overlay on tissue", "one grey value. The 2 ROIs of its overlay are not read: make labels of them"),
            ("iou", "iou is '2', but it must be a number above 0 and at most 1"),
            ("border", "border is 'all', but it must be one of count, ignore"),
            ("key", "was given 'reference', but its parameters are annotated, border, iou, min_area, out"),
            ("exists", "cell_comparison.csv exists and would be overwritten"),
            ("text", "values.txt"),
        ],
    )
    def test_impossible_requests_are_refused_in_one_sentence(self, headless: Finished, what: str, words: str) -> None:
        assert words in headless[refused][what]

    def test_no_temporary_files_are_left(self, headless: Finished) -> None:
        assert headless[refused]["temporary"] == ""

    def test_an_open_image_is_named_by_its_title(self, headless: Finished) -> None:
        """And not by the temporary file that the engine reads."""
        said = headless[refused]["colours"]
        assert "rgb has colours" in said
        assert "epifiji-cells-" not in said
        assert names(headless.folder / "temporary") == []

    def test_an_image_without_cells_is_compared(self, headless: Finished) -> None:
        assert headless[refused]["empty"]
        assert scores(headless.folder / "nothing")["images"][0]["annotated"] == 0


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = files(tmp_path_factory.mktemp("window"))
    (folder / "temporary").mkdir()
    with desktop() as display:
        env = {"DISPLAY": display, "TMPDIR": str(folder / "temporary")}
        return run_checks(WINDOW, folder, headless=False, env=env)


class TestWithAWindow:
    def test_the_picture_is_shown_and_the_segmented_image_stays_active(self, window: Finished) -> None:
        seen = window[compared_in_a_window]
        assert seen["titles"] == ["merged.tif", "true cells.tif", "AP over IoU", "true cells_cells"]
        assert seen["active"] == "merged.tif"

    def test_the_scores_are_a_table(self, window: Finished) -> None:
        table = window[compared_in_a_window]["table"]
        assert table["columns"][:5] == ["image", "cells", "predicted", "AP 0.5", "F1"]
        assert [float(text) for text in table["rows"][0][1:5]] == pytest.approx([25, 24, 0.96, 0.98])

    def test_not_more_pictures_are_shown_than_a_screen_has_room_for(self, window: Finished) -> None:
        seen = window[compared_in_a_window]
        assert len(seen["many"]) == 9
        assert seen["no table"] is None
        assert "9 of 13 pictures are shown: give out=[folder] for all of them." in seen["log"]
        assert seen["temporary"] == []


def test_it_runs_through_a_worker_too(tmp_path: Path) -> None:
    fiji = make_plain_fiji(tmp_path / "Fiji")
    folder = tmp_path / "mit Leerzeichen"
    folder.mkdir()
    files(folder)
    code = 'folder = getArgument() + "/";\n' + OPEN.replace('open("', 'open(folder + "')
    code += COMPARE + 'predicted=merged.tif annotated=[true cells.tif] out=[" + folder + "scores]");\n'
    ended = run_in_plain_fiji(fiji, code, str(folder))
    assert "quality 0.840, AP 0.960" in ended.stdout + ended.stderr
    assert len(names(folder / "scores")) == 5
