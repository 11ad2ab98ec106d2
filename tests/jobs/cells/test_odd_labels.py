"""Files of cells that are not what they seem: each gives the right cells, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.outlines import outlines_of
from epifiji.files.labels import write_labels
from epifiji.jobs.cells.correct import start_correction
from voronoi_cells import membranes, voronoi_labels

LABELS = voronoi_labels(60, 160, 1).astype(np.uint16)
LINES = outlines_of(LABELS)
INNER = 60 - 23
APART = (ndimage.minimum_filter(LABELS, 7) == ndimage.maximum_filter(LABELS, 7)).astype(np.uint8)
"""The inside of cells, 6 px apart."""

SPOT = (np.hypot(*(np.indices(LABELS.shape) - 80)) < 20).astype(np.uint8)


def grey(path: Path, pixels: np.ndarray, **how: Any) -> None:
    tifffile.imwrite(path, pixels, photometric="minisblack", **how)


def appended(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        for _ in range(2):
            writer.write(LABELS, contiguous=False)


def mixed(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(LABELS)
        writer.write(LABELS[:80])


SAME: dict[str, Callable[[Path], Any]] = {
    "tiled.tif": lambda path: grey(path, LABELS, tile=(64, 64), compression="zlib"),
    "big.tif": lambda path: grey(path, LABELS, bigtiff=True),
    "float.tif": lambda path: grey(path, LABELS.astype(np.float32)),
    "spread.tif": lambda path: grey(path, LABELS.astype(np.uint32) * 70_000),
    "colour.tif": lambda path: tifffile.imwrite(path, np.stack([LABELS] * 3, -1), photometric="rgb"),
    "see_through.png": lambda path: Image.fromarray(LABELS.astype(np.uint8)).convert("LA").save(path),
    "named_wrongly.png": lambda path: grey(path.with_suffix(".tif"), LABELS) or path.with_suffix(".tif").rename(path),
}


@pytest.mark.parametrize("name", SAME)
def test_labels_are_read_whatever_their_form(tmp_path: Path, name: str) -> None:
    SAME[name](tmp_path / name)
    found = epifiji.compare_cells(tmp_path / name, LABELS)
    assert (found.fields[0].predicted, found.quality.value, found.notices) == (60, 1, ())


def test_pages_that_were_appended_are_frames(tmp_path: Path) -> None:
    appended(tmp_path / "cells.tif")
    found = epifiji.compare_cells(tmp_path / "cells.tif", np.stack([LABELS, LABELS]))
    assert [one.predicted for one in found.fields] == [60, 60]


@pytest.mark.parametrize("labels", [np.where(LABELS == 5, 5, 0), np.where(LABELS < 30, 1, 2)], ids=["one", "two"])
def test_one_or_two_cells_are_not_taken_for_lines(labels: np.ndarray) -> None:
    found = epifiji.compare_cells(labels, labels)
    assert (found.fields[0].annotated, found.f1.value) == (len(np.unique(labels[labels > 0])), 1)


def test_masks_without_numbers_for_cells_are_scored_with_a_notice() -> None:
    joined = np.zeros_like(LABELS)
    joined[20:140, 20:140] = 255
    (notice,) = epifiji.compare_cells(joined, LABELS).notices
    assert notice.startswith(
        "the array of predicted cells has a single number, 255, so it counts as one cell: if it is a mask"
    )
    (notice,) = epifiji.compare_cells(LABELS, np.full_like(LABELS, 7)).notices
    assert "annotated cells has a single number, 7" in notice
    (notice,) = epifiji.compare_cells(LABELS, 0 * LABELS).notices
    assert notice == "the array of annotated cells has no cells: all of its pixels are 0."
    assert epifiji.compare_cells(joined, SPOT).notices == ()


def test_predicted_outlines_are_compared_where_they_enclose_cells() -> None:
    lines = np.where(LINES, 255, 0)
    found = epifiji.compare_cells(lines, LABELS)
    assert (found.fields[0].annotated, found.fields[0].predicted, found.quality.value) == (INNER, INNER, 1)
    (notice,) = found.notices
    assert notice == ("image: predicted outlines do not enclose 23 annotated border cells: they are left out.")
    assert epifiji.compare_cells(LABELS, lines).quality.value == 1


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "the tissue.tif": (lambda path: grey(path, membranes(LABELS)), "most of them are in several separate places"),
    "a mask.tif": (lambda path: grey(path, (LABELS % 3 == 0).astype(np.uint8)), "one value in [0-9]+ separate places"),
    "inverted.tif": (lambda path: grey(path, 255 * (1 - APART)), "one value, which surrounds [0-9]+ places of 0"),
    "one spot.tif": (lambda path: grey(path, 255 * (1 - SPOT)), "surrounds 1 place of 0, so it is an inverted"),
    "classes.tif": (lambda path: grey(path, 1 + APART), "2 values, and one of them is in [0-9]+ separate"),
    "greys.tif": (
        lambda path: grey(path, np.where(LINES, 255, np.where(LABELS == 3, 128, 0)).astype(np.uint8)),
        "lines between cells, but more than two grey values",
    ),
    "negative.tif": (lambda path: grey(path, LABELS.astype(np.int32) - 1 - (LABELS == 1)), "pixels from -1 to"),
    "rounded.tif": (lambda path: grey(path, (LABELS + 2.0**24).astype(np.float32)), "only to 16777216"),
    "colours.tif": (
        lambda path: tifffile.imwrite(path, np.stack([LABELS, LABELS, 0 * LABELS], -1), photometric="rgb"),
        "has colours",
    ),
    "cells_seg.npy": (lambda path: np.save(path, LABELS), "in Cellpose choose File > Save masks as PNG/tif"),
    "cells.jpg": (lambda path: Image.fromarray(LABELS.astype(np.uint8)).save(path), "JPEG changes the numbers"),
    "sizes.tif": (mixed, "2 images of different shapes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_of_cells_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    write, words = REFUSED[name]
    write(tmp_path / name)
    for do in (lambda: epifiji.compare_cells(tmp_path / name, LABELS), lambda: start_correction(tmp_path / name)):
        with pytest.raises(WrongInputError, match=words) as refused:
            do()
        assert str(refused.value).endswith(".")
        assert "\n" not in str(refused.value)


def test_labels_that_cannot_be_written_exactly_are_refused_before_they_are_corrected(tmp_path: Path) -> None:
    grey(tmp_path / "large_labels.tif", LABELS.astype(np.uint32) + 2**24)
    with pytest.raises(WrongInputError, match="exactly only to 16777216: renumber the cells"):
        start_correction(tmp_path / "large_labels.tif")
    with pytest.raises(WrongInputError, match="exactly only to 16777216"):
        write_labels(tmp_path / "out.tif", LABELS[None].astype(np.int32) + 2**24)
    assert not (tmp_path / "out.tif").exists()
