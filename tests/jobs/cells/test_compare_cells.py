"""Comparing predicted with annotated cells: files of common programs, what is left out, and what is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import epifiji
from command_line import one_sentence, run
from epifiji.data.errors import CancelledError, WrongInputError

SIDE, CELLS = 12, 5


@pytest.fixture
def labels() -> np.ndarray:
    """Five by five square cells of 12 px, numbered from 1."""
    numbers = np.arange(1, CELLS * CELLS + 1, dtype=np.uint16).reshape(CELLS, CELLS)
    return numbers.repeat(SIDE, 0).repeat(SIDE, 1)


def outlines_of(labels: np.ndarray) -> np.ndarray:
    """White lines one pixel wide on the first row and column of each cell, and around the field."""
    lines = np.zeros(labels.shape, np.uint8)
    lines[::SIDE], lines[:, ::SIDE], lines[-1], lines[:, -1] = 255, 255, 255, 255
    return lines


class TestSides:
    def test_the_same_cells_are_perfect(self, labels: np.ndarray) -> None:
        found = epifiji.compare_cells(labels, labels)
        only = found.fields[0]
        assert (only.annotated, only.predicted, only.quality, only.rand_index, only.outline_iou) == (25, 25, 1, 1, 1)
        assert (found.ap.value, found.f1.value, found.quality.value) == (1, 1, 1)
        assert found.ap.low is not None
        assert 0.8 < found.ap.low < 1

    def test_two_cells_that_were_merged(self, labels: np.ndarray) -> None:
        merged = np.where(labels == 2, 1, labels)
        found = epifiji.compare_cells(merged, labels)
        only = found.fields[0]
        assert (only.proper, only.over, only.under) == (23, 0, 2)
        assert found.quality.value == pytest.approx(21 / 25)
        # Each of the two has an IoU of a half with the merged cell: one of them matches it, at an IoU of 0.5 only.
        assert only.matches[0.5].ap == pytest.approx(24 / 25)
        assert only.matches[0.6].ap == pytest.approx(23 / 26)

    def test_numbers_of_cells_do_not_matter(self, labels: np.ndarray) -> None:
        other = np.random.default_rng(1).permutation(2**31 - 1 - np.arange(26))[labels].astype(np.int64)
        assert epifiji.compare_cells(other, labels).ap.value == 1

    @pytest.mark.parametrize("form", ["grey", "inverted", "colour", "png"])
    def test_outlines_as_programs_save_them(self, labels: np.ndarray, tmp_path: Path, form: str) -> None:
        lines, path = outlines_of(labels), tmp_path / ("drawn.png" if form == "png" else "handCorrection.tif")
        if form == "png":
            Image.fromarray(lines).save(path)
        else:
            pixels = {"grey": lines, "inverted": 255 - lines, "colour": np.stack([lines] * 3, -1)}[form]
            tifffile.imwrite(path, pixels, photometric="rgb" if form == "colour" else "minisblack")
        only = epifiji.compare_cells(labels, path).fields[0]
        # The border cuts off no cell, as lines run along it.
        assert (only.annotated, only.proper) == (25, 25)

    def test_what_outlines_do_not_enclose_is_unknown(self, labels: np.ndarray) -> None:
        lines = outlines_of(labels)
        # Only the inner nine cells are drawn.
        drawn = np.zeros_like(lines)
        inner = slice(SIDE, 4 * SIDE + 1)
        drawn[inner, inner] = lines[inner, inner]
        found = epifiji.compare_cells(labels, drawn)
        assert (found.fields[0].annotated, found.fields[0].predicted, found.ap.value) == (9, 9, 1)
        assert found.notices == ("image: 16 predicted cells lie where nothing is annotated, and were left out.",)
        movie = epifiji.compare_cells(np.stack([labels] * 3), np.stack([drawn] * 3))
        assert movie.notices == ("3 images: 48 predicted cells lie where nothing is annotated, and were left out.",)

    def test_cells_at_the_border_can_be_left_out(self, labels: np.ndarray) -> None:
        wrong = np.where(labels == 1, 0, labels)
        assert epifiji.compare_cells(wrong, labels).fields[0].matches[0.5].false_negatives == 1
        found = epifiji.compare_cells(wrong, labels, border="ignore")
        assert (found.fields[0].annotated, found.fields[0].predicted, found.ap.value) == (9, 9, 1)

    def test_each_frame_of_a_movie_is_an_image(self, labels: np.ndarray) -> None:
        movie = np.stack([labels, np.where(labels > 5, labels, 0)])
        found = epifiji.compare_cells(movie, np.stack([labels, labels]))
        assert [one.name for one in found.fields] == ["image frame 1", "image frame 2"]
        assert [one.matches[0.5].true_positives for one in found.fields] == [25, 20]
        assert found.ap.value == pytest.approx(45 / 50)
        assert found.rows()[-1][:3] == ["all", "50", "45"]

    def test_intervals_of_many_images_reach_as_far_as_images_differ(self, labels: np.ndarray) -> None:
        good = np.stack([labels] * 10)
        bad = good.copy()
        bad[:5] = np.where(labels > 13, labels, 0)
        found = epifiji.compare_cells(bad, good)
        one_image = [
            np.concatenate([np.where(one, one + 100 * i, 0) for i, one in enumerate(side)]) for side in (bad, good)
        ]
        pooled = epifiji.compare_cells(*one_image)
        assert found.quality.value == pooled.quality.value
        assert found.quality.low is not None
        assert pooled.quality.low is not None
        assert found.quality.low < pooled.quality.low


class TestFolders:
    def test_files_of_one_image_belong_together(self, labels: np.ndarray, tmp_path: Path) -> None:
        (tmp_path / "predicted").mkdir()
        for name in ("a", "b"):
            tifffile.imwrite(tmp_path / "predicted" / f"{name}_labels.tif", labels)
        (tmp_path / "drawn" / "a").mkdir(parents=True)
        tifffile.imwrite(tmp_path / "drawn" / "a" / "handCorrection.tif", outlines_of(labels))
        Image.fromarray(labels).save(tmp_path / "drawn" / "b_cp_masks.png")
        found = epifiji.compare_cells(tmp_path / "predicted", tmp_path / "drawn")
        assert [(one.name, one.annotated) for one in found.fields] == [("a", 25), ("b", 25)]

    def test_progress_names_each_image_and_can_cancel(self, labels: np.ndarray, tmp_path: Path) -> None:
        for side in ("predicted", "annotated"):
            (tmp_path / side).mkdir()
            for name in ("a", "b"):
                tifffile.imwrite(tmp_path / side / f"{name}_labels.tif", labels)
        said: list[tuple[float, str]] = []
        found = epifiji.compare_cells(tmp_path / "predicted", tmp_path / "annotated", lambda *step: said.append(step))
        doing = ["reading a", "comparing a", "reading b", "comparing b"]
        assert said == list(zip([0, 0, 0.5, 0.5], doing, strict=True))

        def cancel(_: float, doing: str) -> None:
            if doing == "drawing b":
                raise CancelledError

        with pytest.raises(CancelledError):
            found.save(tmp_path / "out", report=cancel)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("names", "sentence"),
        [
            (("a_labels.tif", "a_masks.tif"), r"both belong to the image a, but one file of cells for each image"),
            (("other.tif",), r"No file of .*predicted has the name of an image in .*annotated"),
            ((), r"No file of .*predicted has the name of an image in .*annotated"),
        ],
        ids=["two of one", "another", "none"],
    )
    def test_other_folders_are_refused(
        self, labels: np.ndarray, tmp_path: Path, names: tuple[str, ...], sentence: str
    ) -> None:
        for folder, files in (("predicted", names), ("annotated", ("a.tif",))):
            (tmp_path / folder).mkdir()
            for name in files:
                tifffile.imwrite(tmp_path / folder / name, labels)
        with pytest.raises(WrongInputError, match=sentence):
            epifiji.compare_cells(tmp_path / "predicted", tmp_path / "annotated")


class TestCommand:
    def test_scores_and_pictures_are_written(
        self,
        labels: np.ndarray,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        predicted, annotated, out = tmp_path / "field_labels.tif", tmp_path / "field_truth.tif", tmp_path / "out"
        tifffile.imwrite(predicted, np.where(labels == 2, 1, labels))
        tifffile.imwrite(annotated, labels)
        arguments = ["compare-cells", str(predicted), str(annotated), "--iou", "0.75", "--out", str(out)]
        code, output, _ = run([*arguments, "--json"], monkeypatch, capsys)
        told = json.loads(output)
        assert code == 0
        assert told["all"]["ap"]["value"] == pytest.approx(23 / 26)
        with (out / "cell_comparison.csv").open(encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert (row["image"], row["annotated"], row["under"]) == ("field_truth", "25", "2")
        assert float(row["ap_0.75"]) == pytest.approx(23 / 26, abs=1e-5)
        with Image.open(out / "field_truth_cells.png") as picture:
            assert picture.width >= 500
        code, _, error = run(arguments, monkeypatch, capsys)
        assert code == 2
        assert "exists and would be overwritten" in one_sentence(error)
        assert run([*arguments, "--overwrite"], monkeypatch, capsys)[0] == 0

    @pytest.mark.parametrize(
        ("pixels", "sentence"),
        [
            (np.random.default_rng(1).random((60, 60), np.float32), "has pixels that are not whole numbers"),
            (np.full((60, 60), -3, np.int16), "has pixels from -3 to -3, but labels from 0"),
            (np.zeros((2, 3, 60, 60), np.uint8), "but cells are grey images"),
            (np.random.default_rng(1).integers(0, 255, (60, 60, 3), np.uint8), "has colours"),
            (np.eye(60, dtype=np.uint8), "shows no cells"),
            (np.ones((30, 60), np.uint8), r"must show the same image"),
        ],
        ids=["image of tissue", "negative", "four axes", "colours", "one line", "other size"],
    )
    def test_other_files_are_refused_in_a_sentence(
        self,
        labels: np.ndarray,
        tmp_path: Path,
        pixels: np.ndarray,
        sentence: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        tifffile.imwrite(tmp_path / "wrong.tif", pixels)
        tifffile.imwrite(tmp_path / "right.tif", labels)
        files = [str(tmp_path / name) for name in ("wrong.tif", "right.tif")]
        code, _, error = run(["compare-cells", *files], monkeypatch, capsys)
        assert code == 2
        assert sentence in one_sentence(error)
