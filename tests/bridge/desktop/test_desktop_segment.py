"""Segmentation of an open movie at a desktop: by a macro, and by a user with the preview and real keys."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile

from desktop import desktop
from jvm import Finished, run_checks
from segment_checks import (
    SEGMENTING,
    by_macro,
    cancelled_by_escape,
    cancelled_preview,
    cells_not_saved,
    closed_in_preview,
    in_manager,
    with_preview,
)
from voronoi_cells import membranes, voronoi_labels


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    movie = tmp_path_factory.mktemp("movies") / "wing.tif"
    pixels = np.stack([membranes(voronoi_labels(60, 160, seed)) for seed in (1, 2, 3)])
    metadata = {"axes": "TYX", "unit": "um", "finterval": 300.0}
    tifffile.imwrite(movie, pixels, imagej=True, metadata=metadata, resolution=(2, 2))
    long = movie.with_name("long.tif")
    tifffile.imwrite(long, np.tile(pixels, (4, 4, 4)), imagej=True, metadata={"axes": "TYX"})
    with desktop() as display:
        env = {"DISPLAY": display, "EPIFIJI_TEST_CELLS": str(movie), "EPIFIJI_TEST_LONG": str(long)}
        return run_checks(SEGMENTING, tmp_path_factory.mktemp("segmenting"), headless=False, env=env)


def test_labels_open_in_distinct_colours_with_the_movies_scale(shown: Finished) -> None:
    seen = shown[by_macro]["labels"]
    assert seen["dimensions"] == [160, 160, 1, 1, 3]
    assert seen["bits"] == 16
    assert seen["calibration"] == [0.5, "\u00b5m", 300]
    assert seen["range"] == [0, 255]
    assert seen["zero"] == [0, 0, 0]
    assert seen["colours"] == 256


def test_the_same_cells_are_written_and_shown(shown: Finished) -> None:
    written = tifffile.imread(shown.folder / "out" / "wing_cells" / "wing_labels.tif")
    cells = [len(np.unique(frame[frame > 0])) for frame in written]
    assert shown[by_macro]["labels"]["cells"] == cells
    assert shown[in_manager]["count"] == sum(cells)
    assert shown[in_manager]["positions"] == [1, 2, 3]
    assert shown[in_manager]["types"] == ["Polygon"]
    assert re.fullmatch(r"0001-0000\d", shown[in_manager]["names"][0])


def test_outlines_lie_over_each_frame(shown: Finished) -> None:
    outlines = shown[by_macro]["outlines"]
    assert [frame for frame, _ in outlines] == [1, 2, 3]
    assert all(5 < drawn < 80 for _, drawn in outlines)


def test_the_preview_shows_the_frame_in_view_and_follows_the_sliders(shown: Finished) -> None:
    seen = shown[with_preview]
    assert len(seen["shown"]) == 1
    assert seen["shown"][0][0] == 2
    assert re.match(r"\d+ cells of [\d.]+ px, bright borders", seen["first"])
    assert len(seen["after"]) == 3
    recorded = re.search(r'run\("Segment Epithelium...", "(.*)"\);', seen["recorded"])
    assert recorded is not None
    assert "merge_below=0.05" in recorded[1]
    assert re.search(r"cell_diameter=[0-9.]{4,}", recorded[1])
    assert "borders=bright" in recorded[1]
    assert seen["labels"]["cells"][1] == int(seen["changed"].split()[0])


def test_a_cancelled_preview_leaves_the_image_as_it_was(shown: Finished) -> None:
    assert shown[cancelled_preview] == {"outlines": [], "labels": True}


def test_an_image_that_is_closed_during_the_preview_is_reported(shown: Finished) -> None:
    assert shown[closed_in_preview].startswith("wing.tif was closed during the preview, but its pixels are needed")


def test_cells_that_are_not_saved_are_not_corrected(shown: Finished) -> None:
    assert "are open as wing_labels.tif but not saved" in shown[cells_not_saved]
    assert "save them with File > Save As > Tiff... next to the image" in shown[cells_not_saved]


def test_escape_leaves_nothing_behind(shown: Finished) -> None:
    cancelled = {
        "said": "It was cancelled; nothing was changed.",
        "new": [],
        "labels": True,
        "outlines": [],
        "locked": False,
    }
    assert shown[cancelled_by_escape] == [cancelled, cancelled]
