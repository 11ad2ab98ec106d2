"""Networks for cells evaluated on annotated images: every score compared with a separate segmentation and comparison."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import epifiji
from command_line import one_sentence, run
from epifiji.data.cells import PackedLabels
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.engine.cells.outlines import outlines_of
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import read_network, write_network
from epifiji.jobs.learnt_movies import with_learnt
from epifiji.jobs.networks import cell_network_of
from epifiji.jobs.scoring.cell_report import CellEvaluation
from epyseg_networks import linknet_weights, write_hdf5
from folders import names
from small_networks import small_network
from voronoi_cells import membranes, voronoi_labels

SIDE = 96
FIXED: dict[str, Any] = {"cell_diameter": 20, "borders": "bright"}
OPTIONS = ["--cell-diameter", "20", "--borders", "bright"]
TRUTH = [voronoi_labels(25, SIDE, seed).astype(np.uint16) for seed in range(4)]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The network that ships, the same with choices that merge cells, and one of EPySeg's kind."""
    folder = tmp_path_factory.mktemp("networks")
    network = cell_network_of()
    choices = network.description.choices.model_copy(update={"merge_below": 0.8})
    merging = network.description.model_copy(update={"name": "merging", "choices": choices})
    return [
        write_network(network, folder / "plain"),
        write_network(replace(network, description=merging), folder / "merging"),
        write_hdf5(folder / "narrow.h5", linknet_weights(4, trained=False)),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images with labels, with outlines in Tissue Analyzer's layout, and a movie of two frames."""
    place = tmp_path_factory.mktemp("annotated")
    for name, cells in (("a", TRUTH[:1]), ("b", TRUTH[1:2]), ("c", TRUTH[2:])):
        tifffile.imwrite(place / f"{name}.tif", np.stack([membranes(one) for one in cells]))
        truth = place / (f"{name}/handCorrection.tif" if name == "b" else f"{name}_labels.tif")
        truth.parent.mkdir(exist_ok=True)
        lines = 255 * outlines_of(TRUTH[1]).astype(np.uint8)
        tifffile.imwrite(truth, lines if name == "b" else np.stack(cells))
    return place


@pytest.fixture(scope="module")
def evaluation(networks: list[Path], folder: Path) -> CellEvaluation:
    found = epifiji.evaluate(networks[:2], folder, iou=0.75, border="ignore", **FIXED)
    assert isinstance(found, CellEvaluation)
    return found


class TestScores:
    @pytest.mark.parametrize("number", [0, 1])
    def test_they_are_those_of_a_segmentation_and_a_comparison(self, evaluation, folder, networks, tmp_path, number):
        for image in ("a", "b", "c"):
            epifiji.segment(folder / f"{image}.tif", networks[number], **FIXED).save(out=tmp_path / "segmented")
        (tmp_path / "truth").mkdir()
        shutil.copytree(folder / "b", tmp_path / "truth" / "b")
        for file in folder.glob("*_labels.tif"):
            shutil.copy(file, tmp_path / "truth")
        compared = epifiji.compare_cells(tmp_path / "segmented", tmp_path / "truth", iou=0.75, border="ignore")
        assert [one.name for one in compared.fields] == ["a", "b", "c frame 1", "c frame 2"]
        network = evaluation.networks[number]
        assert network.comparison.fields == compared.fields
        assert network.comparison.to_dict() == compared.to_dict()
        assert evaluation.to_dict()["networks"][number]["all"] == compared.to_dict()["all"]
        rows = [row for row in evaluation.rows() if row[1] == network.name]
        assert [[row[0], *row[2:]] for row in rows[:-1]] == compared.rows()[:-2]

    def test_pictures_of_one_network_are_those_of_a_comparison(self, evaluation, tmp_path):
        alone = CellEvaluation(evaluation.networks[:1], (), evaluation.record)
        alone.save(tmp_path / "evaluated")
        evaluation.networks[0].comparison.save(tmp_path / "compared")
        for name in ("a_cells.png", "c frame 2_cells.png"):
            assert (tmp_path / "evaluated" / name).read_bytes() == (tmp_path / "compared" / name).read_bytes()

    def test_a_network_that_merges_cells_is_worse(self, evaluation):
        (difference,) = evaluation.differences
        first, second = (one.comparison.quality.value for one in evaluation.networks)
        assert difference.quality.value == pytest.approx(first - second)
        assert difference.telling
        assert evaluation.conclusion.startswith(
            f"epicells (quality {first:.2f}) is better than merging ({second:.2f}; "
        )
        assert evaluation.networks[1].comparison.together()["under"] > 10

    def test_a_network_of_epyseg_is_evaluated_in_the_same_way(self, folder, networks):
        found = epifiji.evaluate([networks[0], networks[2]], folder / "a.tif", **FIXED)
        assert [one.name for one in found.networks] == ["epicells", "narrow"]
        assert [row[:2] for row in found.rows()] == [
            ["a", "epicells"], ["a", "narrow"], ["all", "epicells"], ["all", "narrow"],
        ]  # fmt: skip
        with pytest.raises(
            WrongInputError, match="seed_height is specified, but cells of narrow are separated by EPySeg"
        ):
            epifiji.evaluate([networks[0], networks[2]], folder / "a.tif", seed_height=0.1)

    def test_cells_that_are_compared_take_little_memory(self):
        labels = voronoi_labels(300, 512)
        packed = PackedLabels(np.stack([labels, labels[::-1]]))
        assert (np.asarray(packed) == np.stack([labels, labels[::-1]])).all()
        assert (packed[1] == labels[::-1]).all()
        assert sum(map(len, packed._frames)) < 2 * labels.nbytes / 10


class TestWhatIsSaidAndWritten:
    def test_the_files_hold_what_the_dictionary_does(self, evaluation, tmp_path):
        files = evaluation.save(tmp_path / "out")
        pictures = ["a_cells.png", "b_cells.png", "c frame 1_cells.png", "c frame 2_cells.png"]
        tables = [
            "evaluation.csv",
            "evaluation.json",
            "evaluation.png",
            "evaluation_differences.csv",
            "evaluation_images.csv",
        ]
        assert names(tmp_path / "out") == sorted(file.name for file in files) == [*pictures, *tables]
        record = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
        assert record == json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
        assert [(one["file"], one["cells"]) for one in record["images"]] == [
            ("a.tif", "a_labels.tif"), ("b.tif", "handCorrection.tif"), ("c.tif", "c_labels.tif"),
        ]  # fmt: skip
        assert record["settings"]["cell_diameter"] == 20
        with (tmp_path / "out" / "evaluation.csv").open(encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        assert [(row["network"], row["images"]) for row in table] == [("epicells", "4"), ("merging", "4")]
        assert float(table[1]["quality_low"]) == pytest.approx(evaluation.networks[1].comparison.quality.low, abs=1e-5)
        with (tmp_path / "out" / "evaluation_images.csv").open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == 8
        with Image.open(tmp_path / "out" / "a_cells.png") as both:
            assert both.width > 2 * 500
        with pytest.raises(WrongInputError, match=r"evaluation\.csv exists and would be overwritten"):
            evaluation.save(tmp_path / "out")

    def test_images_that_a_network_learnt_from_are_reported(self, folder, networks, tmp_path):
        network = read_network(networks[0])
        learnt = with_learnt(network.description, [read_movie(folder / "a.tif", least_frames=1)], None)
        learner = write_network(
            replace(network, description=learnt.model_copy(update={"name": "learner"})), tmp_path / "n"
        )
        found = epifiji.evaluate(learner, folder, **FIXED)
        assert found.networks[0].learnt_from == ("a",)
        assert any(notice.startswith("learner learnt from 1 of these 3 images (a)") for notice in found.notices)
        assert found.conclusion.endswith("; but learner learnt from some of these images, so its scores are too high.")
        assert {row[1] for row in found.rows()} == {"learner (learnt from 1 of these images)"}

    def test_cells_that_nobody_corrected_are_reported_and_give_way_to_annotated_ones(self, folder, networks, tmp_path):
        for file in ("a.tif", "a_labels.tif"):
            shutil.copy(folder / file, tmp_path)
        segmented = epifiji.segment(tmp_path / "a.tif", **FIXED)
        segmented.save(out=tmp_path)
        told = "The cells of a were segmented by a network and not corrected"
        found = epifiji.evaluate(networks[1], tmp_path, **FIXED)
        assert not any(told in notice for notice in found.notices)
        (tmp_path / "a_labels.tif").unlink()
        for place in (tmp_path, tmp_path / "a_cells"):
            found = epifiji.evaluate(networks[0], place, **FIXED)
            assert any(told in notice for notice in found.notices)
            assert found.networks[0].comparison.quality.value == 1

    def test_frames_without_annotated_cells_are_reported(self, folder, networks, tmp_path):
        shutil.copy(folder / "c.tif", tmp_path)
        tifffile.imwrite(tmp_path / "c_labels.tif", np.stack([TRUTH[2], 0 * TRUTH[3]]))
        found = epifiji.evaluate(networks[0], tmp_path, **FIXED)
        assert any(
            "1 of 2 images or frames have no annotated cell (the first is c frame 2)" in one for one in found.notices
        )

    def test_pictures_in_the_folder_of_the_images_are_no_images(self, folder, networks, tmp_path):
        for file in ("a.tif", "a_labels.tif"):
            shutil.copy(folder / file, tmp_path)
        epifiji.evaluate(networks[0], tmp_path, **FIXED).save(tmp_path)
        again = epifiji.evaluate(networks[0], tmp_path, **FIXED)
        assert [one.name for one in again.networks[0].comparison.fields] == ["a"]

    def test_progress_rises_over_all_images_and_may_cancel(self, folder, networks, tmp_path, monkeypatch):
        told: list[tuple[float, str]] = []
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        epifiji.evaluate(networks[:2], folder, lambda done, doing: told.append((done, doing)), **FIXED)
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert {doing.split(":")[0] for _, doing in told} == {
            f"{network}, {image}" for network in ("epicells", "merging") for image in "abc"
        }

        def cancel(done: float, doing: str) -> None:
            if doing.startswith("epicells, b"):
                raise CancelledError

        with pytest.raises(CancelledError):
            epifiji.evaluate(networks[0], folder, cancel, **FIXED)
        assert names(tmp_path) == []


class TestTheCommand:
    def test_it_prints_scores_and_ends_with_one_sentence(self, folder, networks, tmp_path, monkeypatch, capsys):
        arguments = ["evaluate", *map(str, networks[:2]), str(folder), "--out", str(tmp_path / "out"), *OPTIONS]
        code, out, err = run(arguments, monkeypatch, capsys)
        assert code == 0, err
        lines = out.strip().splitlines()
        assert lines[-1].startswith("epicells (quality ")
        assert [line.split()[1] for line in lines if line.split()[:1] == ["all"]] == ["epicells", "merging"]
        assert "With fewer than 5 images the intervals take cells as independent" in err
        assert (tmp_path / "out" / "evaluation.json").is_file()
        code, _, err = run(arguments, monkeypatch, capsys)
        assert code == 2
        assert "exists and would be overwritten" in one_sentence(err)
        code, out, err = run(["evaluate", str(networks[0]), str(folder), "--json", *OPTIONS], monkeypatch, capsys)
        assert (code, err) == (0, "")
        assert json.loads(out)["conclusion"].startswith("epicells: quality ")

    @pytest.mark.parametrize(
        ("files", "given", "sentence"),
        [
            ({}, ["gone"], "there is no network 'gone'"),
            ({}, ["epicells", "epinet"], "epicells segments cells and epinet finds events, but networks of one task"),
            ({}, ["epicells", "epicells"], "is given twice, but networks differ"),
            ({}, ["epicells"], "contains no image, but an image such as a.tif"),
            ({"a.tif": 0}, ["epicells"], "contains no labels or outlines of cells, but an image such as"),
            ({"a.tif": 0, "a_labels.tif": "small"}, ["epicells"], "has 1 frame of 96 x 40 pixels, but its image"),
            ({"a.tif": 0, "a_labels.tif": "empty"}, ["epicells"], "has the same number in all pixels, so it shows no"),
            ({"a.tif": 0, "a_labels.tif": "colours"}, ["epicells"], "has colours, but a whole number for each cell"),
            ({"a.tif": "colours", "a_labels.tif": 1}, ["epicells"], "is a colour"),
            ({"a.tif": 0, "a_cell_death.zip": "rois"}, ["epicells"], "contains ROI files of events, but no labels or"),
            (
                {"a.tif": 0, "a_labels.tif": 1},
                ["epinet"],
                "contains images with annotated cells, but epinet finds events",
            ),
            (
                {"a.tif": 0, "a_labels.tif": 1},
                ["epicells", "--threshold", "100"],
                "threshold is specified, but evaluations",
            ),
            (
                {"a.tif": 0, "a_labels.tif": 1},
                ["epinet", "--borders", "dark"],
                "borders is specified, but evaluations of",
            ),
            (
                {"a.tif": 0, "a_labels.tif": 1},
                ["epicells", "--iou", "2"],
                "iou is '2', but it must be a number above 0",
            ),
        ],
    )
    def test_what_cannot_be_used_gives_one_sentence(self, tmp_path, monkeypatch, capsys, files, given, sentence):
        place = tmp_path / "data"
        place.mkdir()
        pixels = {
            0: membranes(TRUTH[0]),
            1: TRUTH[0],
            "small": TRUTH[0][:40],
            "empty": 0 * TRUTH[0],
            "colours": np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8),
        }
        for name, kind in files.items():
            if kind == "rois":
                (place / name).write_bytes(b"PK")
            else:
                tifffile.imwrite(place / name, pixels[kind])
        named = [one for one in given if not one.startswith("-") and not one[0].isdigit() and one != "dark"]
        options = given[len(named) :]
        arguments = ["evaluate", *named, str(place), *options, "--out", str(tmp_path / "out")]
        code, out, err = run(arguments, monkeypatch, capsys)
        assert (code, out) == (2, "")
        assert sentence in one_sentence(err)
        assert names(tmp_path) == ["data"]

    def test_files_that_are_no_images_are_refused(self, folder, tmp_path):
        (tmp_path / "a_cell_death.zip").write_bytes(b"PK")
        with pytest.raises(WrongInputError, match=r"a_cell_death.zip is a ROI file, but epicells segments cells"):
            epifiji.evaluate("epicells", tmp_path / "a_cell_death.zip")
        shutil.copy(folder / "a.tif", tmp_path)
        with pytest.raises(WrongInputError, match=r"a.tif has no cells next to it, but an image such as"):
            epifiji.evaluate("epicells", tmp_path / "a.tif")
        with pytest.raises(WrongInputError, match="small finds events|evaluate them separately"):
            epifiji.evaluate([small_network(1), cell_network_of()], folder)
