"""Segmentation of an open stack of a cyst at a desktop: by a macro, and by a user with the preview and real keys."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

import epifiji
from cysts_checks import CYSTS, NAME, SIMULATED, by_macro, cancelled_preview, refused, with_preview, write_simulated
from desktop import desktop
from jvm import Finished, run_checks


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("cysts")
    write_simulated(folder)
    with desktop() as display:
        return run_checks(CYSTS, folder, headless=False, env={"DISPLAY": display})


def test_the_results_are_those_of_the_file(shown: Finished) -> None:
    """Labels and table are those that the command line writes for the same file."""
    found = epifiji.segment_cysts(shown.folder / f"{NAME}.tif", seed_depth=0.05)
    folder = shown.folder / "out" / f"{NAME}_epifiji"
    written = np.asarray(epifiji.read_volume(folder / f"{NAME}_labels.tif"))
    assert np.array_equal(written, found.labels)
    assert {file.name for file in folder.iterdir()} == {
        "run.json", "cells.csv", "cyst_labels.tif", "cyst_lumen.tif", "cyst_rois.zip", "cyst_3d.tif",
    }  # fmt: skip
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        assert [row["volume_um3"] for row in csv.DictReader(file)] == [
            str(row[found.table()[0].index("volume_um3")]) for row in found.table()[1:]
        ]
    seen = shown[by_macro]
    assert seen["voxels"] == np.bincount(found.labels.ravel())[1:].tolist()
    depth, height, width = found.labels.shape
    assert seen["dimensions"] == [width, height, 1, depth, 1]
    assert seen["voxel"] == pytest.approx([0.8, 1.2, "µm"])
    assert seen["table"]


def test_colours_lie_over_every_plane_and_rois_are_in_theirs(shown: Finished) -> None:
    seen = shown[by_macro]
    pictures = dict(map(tuple, seen["pictures"]))
    assert [pictures[plane] for plane in sorted(pictures)] == seen["in planes"]
    labels = np.asarray(epifiji.read_volume(shown.folder / "out" / f"{NAME}_epifiji" / f"{NAME}_labels.tif"))
    assert {tuple(one) for one in seen["rois"]} == {
        (f"{z + 1:04d}-{label:05d}", z + 1)
        for z, plane in enumerate(labels)
        for label in np.unique(plane[plane > 0]).astype(int)
    }


def test_sections_show_the_numbers_of_cells(shown: Finished) -> None:
    """Between planes, which are 1.5 times as far apart as pixels, no numbers are interpolated."""
    labels = np.asarray(epifiji.read_volume(shown.folder / "out" / f"{NAME}_epifiji" / f"{NAME}_labels.tif")).astype(
        int
    )
    depth, height, width = labels.shape
    planes = ((np.arange(round(1.5 * depth)) + 0.5) / 1.5).astype(int)
    sections = {title: np.array(one) for title, one in shown[by_macro]["sections"].items()}
    assert np.array_equal(sections["XZ"], labels[planes, height // 2])
    assert np.array_equal(sections["YZ"], labels[planes, :, width // 2].T)


def test_the_3d_view_is_a_stack_of_colours(shown: Finished) -> None:
    assert shown[by_macro]["view"][2:] == [1, 1, 36, 24]


def test_the_preview_shows_seeds_and_follows_the_sliders(shown: Finished) -> None:
    seen = shown[with_preview]
    assert seen["fewest"] < seen["chosen"] <= seen["first"]
    # A seed for each cell, and one in the lumen.
    assert abs(seen["first"] - SIMULATED["cells"] - 1) <= 3
    assert seen["cells"] == seen["chosen"] - 1
    assert sum(drawn > 0 for _, drawn in seen["shown"]) > 10
    recorded = re.search(r'run\("Segment Cysts...", "(.*)"\);', seen["recorded"])
    assert recorded is not None
    assert re.search(r"seed_depth=0\.\d+", recorded[1])


def test_a_cancelled_preview_leaves_the_image_as_it_was(shown: Finished) -> None:
    assert shown[cancelled_preview] == {"pictures": [], "labels": True}


def test_images_that_are_no_volume_are_refused(shown: Finished) -> None:
    plane, movie = shown[refused]
    assert plane == "plane has a single plane, but a volume has several (Z): open a stack of planes."
    assert movie.startswith("movie has 3 planes (Z) in each of 4 frames, but one volume is needed: keep one frame")
