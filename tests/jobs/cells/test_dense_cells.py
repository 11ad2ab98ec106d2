"""The study of densely packed immune cells (Han et al., BMC Med Inform Decis Mak 24, 124, 2024): its scores and its split.

Its figures are those of its authors' tables, and what was counted in the masks that they published.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import epifiji
from epifiji.data.cells import MEAN_IOUS
from epifiji.files.labels import read_cells

TEST_WIDTH = 233


@pytest.fixture(scope="module")
def dense(shared_data: Path) -> Path:
    folder = shared_data / "segmentation" / "dense"
    if not (folder / "expected.json").is_file():
        pytest.skip(f"no images of the study in {folder}")
    return folder


@pytest.fixture(scope="module")
def expected(dense: Path) -> dict[str, Any]:
    return json.loads((dense / "expected.json").read_text())


def image_of(name: str) -> str:
    return name.removesuffix("_masks.png").removesuffix("_test")


@pytest.mark.parametrize("network", ["cyto", "cytotrain7", "jacstrain7", "tnnucleartrain7", "k2"])
def test_the_authors_masks_have_the_scores_of_their_files(dense: Path, expected: dict, network: str) -> None:
    found = epifiji.compare_cells(dense / "authors_predictions" / network, dense / "test")
    known = expected["AP_recomputed_from_masks"][network]
    aps = {one.name.removesuffix("_test"): one.matches[0.5].ap for one in found.fields}
    assert len(aps) == (1 if network == "k2" else 5)
    assert {name: round(ap, 6) for name, ap in aps.items()} == {name: known[name] for name in aps}
    mean = found.means()["ap"]
    assert mean is not None
    assert round(mean, 3) == round(float(np.mean([known[name] for name in aps])), 3)
    curve = {row["iou"]: row["mean"] for row in found.curve()}
    assert curve[0.5] == mean
    assert list(curve.values()) == sorted(curve.values(), reverse=True)
    assert found.means()["mean_ap"] == pytest.approx(np.mean([curve[iou] for iou in MEAN_IOUS]))


def test_pretrained_networks_score_worse_than_one_that_was_trained_on_drawn_cells(dense: Path, expected: dict) -> None:
    found = epifiji.compare_cells(dense / "authors_predictions" / "cytotrain7", dense / "test", min_area=100)
    rand = found.means()["rand_index"]
    assert rand is not None
    # The study's mean over seven strips is 0.815.
    assert abs(rand - expected["tables_mean"]["table3_ARI_train7"]["cyto"]) < 0.03
    assert all(np.unique(np.asarray(one.annotated), return_counts=True)[1].min() >= 100 for one in found.compared)
    assert found.fields[0].annotated < expected["counts"]["M872956_JML_Position10_CD3"]["test"]


def test_counts_of_the_training_masks(dense: Path, expected: dict) -> None:
    counts = {}
    for part in ("train", "test"):
        for file in (dense / part).glob("*_masks.png"):
            name = file.name.removesuffix(f"_{part}_masks.png")
            counts[part, name] = len(np.unique(read_cells(file))) - 1
    assert counts == {(part, name): expected["counts"][name][part] for part, name in counts}
    assert sum(count for (part, _), count in counts.items() if part == "train") == 10_106


def test_splitting_at_the_study_s_cut_gives_the_study_s_parts(dense: Path, tmp_path: Path, expected: dict) -> None:
    name = "M872956_JML_Position8_CD8"
    whole = {}
    for kind in ("img", "masks"):
        parts = [np.asarray(Image.open(dense / part / f"{name}_{part}_{kind}.png")) for part in ("test", "train")]
        parts = [one if one.ndim == 2 else one[..., :3].max(axis=-1) for one in parts]
        whole[kind] = np.hstack(parts)
    # One cell that the cut goes through, as there were some in the images that the authors cut.
    cut = whole["masks"].max() + 1
    free = next(y for y in range(1000) if not whole["masks"][y : y + 9, 228:239].any())
    whole["masks"][free : free + 9, 228:239] = cut
    whole["img"][free : free + 9, 228:239] = 200
    tifffile.imwrite(tmp_path / f"{name}.tif", whole["img"])
    tifffile.imwrite(tmp_path / f"{name}_labels.tif", whole["masks"])
    made = epifiji.split_cells(tmp_path / f"{name}.tif", out=tmp_path / "parts", test="left", test_size=TEST_WIDTH)
    assert made.cells == {part: expected["counts"][name][part] for part in ("train", "test")}
    assert made.removed == {name: 1}
    for part in ("train", "test"):
        labels = read_cells(tmp_path / "parts" / part / f"{name}_labels.tif")[0]
        assert np.array_equal(labels, read_cells(dense / part / f"{name}_{part}_masks.png")[0])
    blanked = tifffile.imread(tmp_path / "parts" / "test" / f"{name}.tif")[free : free + 9, 228:233]
    assert not blanked.any()
    with (tmp_path / "parts" / "split.csv").open() as file:
        assert [row["width"] for row in csv.DictReader(file)] == ["1159", "233"]
