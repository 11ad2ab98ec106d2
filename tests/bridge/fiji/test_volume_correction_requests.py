"""The requests of Correct Cells... on a volume: sentences, numbers, and the pictures of all planes."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epifiji.bridge.fiji.requests import correction
from epifiji.bridge.fiji.shown_cells import shown_region, whole
from epifiji.files.labels import write_labels
from requests_of_fiji import ask, refused

SPACING = {"Z": 2.0, "Y": 0.5, "X": 0.5}


@pytest.fixture
def cells() -> np.ndarray:
    """Two boxes of 16 and 20 columns, in planes 3 to 10 of 12."""
    labels = np.zeros((12, 30, 44), np.int32)
    labels[2:10, 5:25, 2:18] = 1
    labels[2:10, 5:25, 18:38] = 2
    return labels


@pytest.fixture
def labels(tmp_path: Path, cells: np.ndarray) -> Path:
    write_labels(tmp_path / "cyst_labels.tif", cells, spacing=SPACING)
    return tmp_path / "cyst_labels.tif"


def begin(file: Path, axis: str = "Z", depth: int = 12) -> dict[str, Any]:
    shown = {"title": "cyst.tif", "shape": [depth, 30, 44], "axis": axis}
    return ask("correct_begin", {"settings": {"cells": str(file)}, "beside": None, **shown})["result"]


def step(session: dict[str, Any], what: str, points: object = None, plane: int = 5) -> dict[str, Any]:
    request = {"session": session, "what": what, "frame": plane, "points": points, "tolerance": 1.5}
    return ask("correct_step", request)["result"]


def shown(session: dict[str, Any], plane: int) -> np.ndarray:
    picture = ask("correct_frame", {"session": session, "frame": plane})["result"]["picture"]
    data = zlib.decompress(base64.b64decode(picture["pixels"]))
    return np.frombuffer(data, np.uint8).reshape(picture["height"], picture["width"])


CLICKED = "This is cell 1, 320 px in this plane, 2560 voxels (1280 µm³); click at a border to merge two cells."
OVER = [[4.5, 1.5], [4.5, 17.5], [24.5, 17.5], [24.5, 1.5]]


def test_sentences_and_pictures_are_those_of_a_volume(labels: Path, cells: np.ndarray) -> None:
    begun = begin(labels)
    session = begun["session"]
    assert (begun["noun"], begun["cells"], begun["frames"]) == ("plane", 2, 12)
    assert begun["said"] == "A volume: cells change in all planes. Click a border, or draw a line across a cell."
    steps = [
        ("click", [[12, 9]], 5, CLICKED),
        ("line", [[0, 25], [29, 25]], 5, "Cell 2 is split: 2080 voxels stay, 1120 voxels are cell 3."),
        ("outline", OVER, 2, "Cell 1 continues in this plane: 320 px."),
        ("outline", OVER, 12, "Cell 4 is added: 320 px."),
        ("click", [[12, 17.5]], 6, "Cell 3 is merged into cell 1, which now has 4000 voxels."),
        ("delete", [[12, 30]], 9, "Cell 2 is deleted in all planes; a merge would have given its voxels to a neighbour."),
        ("undo", None, 3, "The deletion of cell 2 is undone."),
        ("undo", None, 3, "The merge of cells 1 and 3 is undone."),
        ("undo", None, 3, "The addition of cell 4 is undone."),
        ("undo", None, 3, "The continuation of cell 1 in plane 2 is undone."),
        ("redo", None, 3, "The continuation of cell 1 in plane 2 is made again."),
    ]  # fmt: skip
    for what, points, plane, said in steps:
        # All pictures are kept now: those of changed planes have to be made anew.
        [shown(session, number) for number in (4, 5, 6)]
        answered = step(session, what, points, plane)
        assert answered["said"] == said
        _, opened, _ = correction._opened(session)
        for number in (1, 2, 4, 5, 6, 12):
            expected = shown_region(now := opened.cells.labels[number - 1], opened.cells.corrected(0), whole(now))
            data = zlib.decompress(base64.b64decode(expected["pixels"]))
            assert shown(session, number).tobytes() == data, (said, number)
    assert (answered["cells"], answered["frame"], answered["count"]) == (3, 2, 1)
    ended = ask("correct_end", {"session": session})["result"]
    assert ended["said"].endswith("cyst_corrected_labels.tif (1 split, 1 continue)")


def test_a_process_that_knows_nothing_goes_on(labels: Path) -> None:
    session = begin(labels)["session"]
    correction._open.clear()
    assert step(session, "delete", [[12, 9]])["said"].startswith("Cell 1 is deleted in all planes")
    correction._open.clear()
    assert step(session, "undo")["said"] == "The deletion of cell 1 is undone."
    assert begin(labels)["cells"] == 2


def test_what_is_doubtful_is_said_first(labels: Path) -> None:
    begun = begin(labels, "T")
    assert (begun["noun"], "cells" in begun) == ("frame", False)
    assert (
        begun["said"] == "Corrections change one frame, because the image is a movie; cyst_labels.tif has planes (Z)."
    )
    shape = {"title": "cyst.tif", "shape": [9, 30, 44], "axis": "Z"}
    said = refused("correct_begin", {"settings": {"cells": str(labels)}, "beside": None, **shape})
    assert "has 12 planes of 44 x 30 pixels, but cyst.tif has 9 planes of 44 x 30 pixels" in said
