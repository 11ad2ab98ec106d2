"""The requests of Correct Cells..., and what is refused before its window opens."""

from __future__ import annotations

import base64
import gc
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from broken_cells import BrokenField, broken_field, same_cells, voronoi_cells, write_field
from epifiji.bridge.fiji.requests import correction
from epifiji.bridge.fiji.shown_cells import BORDER, CORRECTED, NO_CELL, shown_region, whole
from epifiji.engine.cells.outlines import outlines_of
from epifiji.files.labels import read_cells, write_labels
from epifiji.files.results.cell_corrections import read_corrections
from requests_of_fiji import ask, refused


@pytest.fixture
def made() -> BrokenField:
    return broken_field(6)


@pytest.fixture
def labels(tmp_path: Path, made: BrokenField) -> Path:
    write_field(tmp_path, "wing", made)
    return tmp_path / "wing_labels.tif"


def begin(cells: Path, *shape: int) -> dict[str, Any]:
    request = {"settings": {"cells": str(cells)}, "beside": None, "title": "wing.tif", "shape": shape or (1, 150, 200)}
    return ask("correct_begin", request)["result"]


def step(session: dict[str, Any], what: str, points: object = None, frame: int = 1) -> dict[str, Any]:
    answered = ask(
        "correct_step", {"session": session, "what": what, "frame": frame, "points": points, "tolerance": 1.5}
    )
    return answered["result"]


def pixels_of(picture: dict[str, Any]) -> np.ndarray:
    data = zlib.decompress(base64.b64decode(picture["pixels"]))
    return np.frombuffer(data, np.uint8).reshape(picture["height"], picture["width"])


WHAT = {"click": "click", "polyline": "line", "polygon": "outline", "delete": "delete"}


def test_collections_of_garbage_during_a_correction_skip_what_was_loaded_before(labels: Path) -> None:
    gc.unfreeze()
    begin(labels)
    assert gc.get_freeze_count() > len(gc.get_objects())
    gc.unfreeze()


def test_a_still_image_may_have_many_channels(labels: Path) -> None:
    settings = {"cells": str(labels)}
    _, height, width = read_cells(labels).shape
    request = {"settings": settings, "beside": None, "title": "wing", "shape": [5, height, width]}
    assert "5 frames" in refused("correct_begin", request)
    assert ask("correct_begin", request | {"axis": "C"})["result"]["frames"] == 1


def test_all_steps_and_pictures(labels: Path, made: BrokenField) -> None:
    """The picture that is changed rectangle by rectangle equals the picture of the whole frame, step by step."""
    begun = begin(labels)
    session = begun["session"]
    shown = pixels_of(ask("correct_frame", {"session": session, "frame": 1})["result"]["picture"]).copy()
    assert set(np.unique(shown)) == {0, BORDER, NO_CELL}
    steps = [(WHAT[what], points) for what, points in made.repairs] + [("undo", None)] * 4 + [("redo", None)] * 4
    for what, points in steps:
        answered = step(session, what, points)
        picture = answered["picture"]
        rows = slice(picture["y"], picture["y"] + picture["height"])
        columns = slice(picture["x"], picture["x"] + picture["width"])
        assert picture["height"] * picture["width"] < shown.size / 4
        shown[rows, columns] = pixels_of(picture)
        whole = ask("correct_frame", {"session": session, "frame": 1})["result"]
        assert np.array_equal(shown, pixels_of(whole["picture"]))
        assert whole["count"] == answered["count"]
    assert CORRECTED in shown
    assert begin(labels)["said"] == "6 earlier corrections are continued."
    ended = ask("correct_end", {"session": session})["result"]
    assert ended["said"].endswith("wing_corrected_labels.tif (2 merge, 2 split, 1 add, 1 delete)")
    assert same_cells(read_cells(Path(ended["file"]))[0], made.truth)


def test_a_process_that_knows_nothing_goes_on(labels: Path, made: BrokenField) -> None:
    session = begin(labels)["session"]
    for what, points in made.repairs:
        correction._open.clear()
        assert step(session, WHAT[what], points)["picture"]
    correction._open.clear()
    assert step(session, "undo")["steps"] == 5
    correction._open.clear()
    ended = ask("correct_end", {"session": session, "outlines": True})["result"]
    labels = read_cells(Path(ended["file"]))
    assert np.array_equal(tifffile.imread(ended["outlines"]) > 0, outlines_of(labels[0]))
    shutil.rmtree(ended["shown"])


def test_steps_that_are_not_possible_say_why(labels: Path, made: BrokenField) -> None:
    session = begin(labels)["session"]
    empty = np.argwhere(made.labels == 0)[5].tolist()
    for what, points, said in (
        ("undo", None, "There is nothing to undo."),
        ("redo", None, "There is nothing to redo."),
        ("delete", [], "There is no cell under the mouse: move it over the cell to delete, and press d."),
        ("delete", [empty], "There is no cell under the mouse: move it over the cell to delete, and press d."),
        ("click", [[-9, -9]], "There is no cell here: press a to draw its outline."),
        ("line", [[75, 100], [75, 101]], "The line does not cross the cell: draw it from border to border."),
        ("outline", [[0, 0], [0, 1]], "The outline has fewer than three corners: draw it around the missed cell."),
    ):
        answered = step(session, what, points)
        assert (answered["said"], answered["picture"], answered["mark"]) == (said, None, None)
    assert not labels.with_name("wing_corrections.json").exists()
    ended = ask("correct_end", {"session": session})["result"]
    assert ended == {"file": None, "said": "nothing was corrected", "notices": []}


def test_a_cell_that_was_clicked_is_marked(labels: Path, made: BrokenField) -> None:
    session = begin(labels)["session"]
    cell = int(made.truth[75, 100]) or 1
    ys, xs = np.nonzero(made.labels == cell)
    inner = np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2)
    answered = step(session, "click", [[int(ys[inner]), int(xs[inner])]])
    assert answered["said"].startswith(f"This is cell {cell}, {len(ys)} px")
    mark = answered["mark"]
    assert (mark["y"], mark["x"]) == (ys.min(), xs.min())
    ring = pixels_of(mark) > 0
    assert (made.labels[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1][ring] == cell).all()


def test_what_does_not_fit_is_refused_in_one_sentence(labels: Path, tmp_path: Path) -> None:
    def said(cells: object, *shape: int) -> str:
        given = {} if cells is None else {"cells": str(cells)}
        shown = {"title": "wing.tif", "shape": shape or (1, 150, 200)}
        return refused("correct_begin", {"settings": given, "beside": None, **shown})

    assert said(None).startswith("There are no cells of wing.tif next to it: give cells")
    assert said(labels, 1, 99, 200) == (
        "wing_labels.tif has 1 frame of 200 x 150 pixels, but wing.tif has 1 frame of 200 x 99 pixels: open the image in which "
        "these cells were segmented."
    )
    assert "has 1 frame of 200 x 150 pixels, but wing.tif has 8 frames of 200 x 150" in said(labels, 8, 150, 200)
    assert "none.tif" in said(tmp_path / "none.tif")
    assert "must be" not in said(tmp_path / "none.tif")
    (tmp_path / "broken_labels.tif").write_bytes(labels.read_bytes()[:200])
    assert "broken_labels.tif" in said(tmp_path / "broken_labels.tif")
    noise = np.random.default_rng(1).normal(0, 1, (150, 200)).astype(np.float32)
    tifffile.imwrite(tmp_path / "noise.tif", noise)
    assert "has pixels that are not whole numbers" in said(tmp_path / "noise.tif")
    lines = np.zeros((150, 200), np.uint8)
    lines[70] = 255
    tifffile.imwrite(tmp_path / "lines.tif", lines)
    assert "A frame of the outlines shows no cells" in said(tmp_path / "lines.tif")
    assert said(tmp_path).endswith("but one is expected: give the file itself.")


def test_a_file_that_cannot_be_written_is_reported(labels: Path, made: BrokenField) -> None:
    session = begin(labels)["session"]
    # A folder of that name stops every user, the administrator too.
    taken = labels.parent / "wing_corrections.json"
    taken.unlink(missing_ok=True)
    taken.mkdir()
    said = refused("correct_step", {"session": session, "what": "delete", "frame": 1, "points": made.repairs[0][1]})
    assert "wing_corrections.json" in said
    assert list(taken.iterdir()) == []


def test_a_step_on_a_large_frame_is_quick(tmp_path: Path) -> None:
    """Two million pixels and 3,000 cells: every step is written and answered faster than a person notices."""
    cells = voronoi_cells(1, 1500, 1500, 3000)
    write_labels(tmp_path / "large_labels.tif", cells[None])
    session = begin(tmp_path / "large_labels.tif", 1, 1500, 1500)["session"]
    ask("correct_frame", {"session": session, "frame": 1})
    spent = []
    for row, column in np.argwhere(cells[:, :-1] != cells[:, 1:])[::9000][:20]:
        began = time.perf_counter()
        answered = step(session, "click", [[float(row), column + 0.5]])
        spent.append(time.perf_counter() - began)
        assert answered["picture"]
    assert np.median(spent) < 0.5
    assert len(read_corrections(tmp_path / "large_corrections.json")[1]) == len(spent)
    shutil.rmtree(tmp_path)


def test_pictures_of_frames_that_were_prepared_are_those_of_their_labels(tmp_path: Path, made: BrokenField) -> None:
    frames = np.stack([made.labels, np.roll(made.labels, 9, 0), np.roll(made.labels, 9, 1)]).astype(np.int32)
    write_labels(tmp_path / "film_labels.tif", frames)
    session = begin(tmp_path / "film_labels.tif", *frames.shape)["session"]

    def shown(frame: int) -> np.ndarray:
        return pixels_of(ask("correct_frame", {"session": session, "frame": frame})["result"]["picture"])

    first = [shown(frame) for frame in (1, 2, 3, 2, 1)]
    assert np.array_equal(first[0], first[4])
    assert np.array_equal(first[1], first[3])
    assert not np.array_equal(first[0], first[1])
    cell = frames[1][60, 60]
    y, x = np.argwhere(frames[1] == cell)[0].tolist()
    shown(1)
    assert "is deleted" in step(session, "delete", [[y, x]], 2)["said"]
    without = np.where(frames[1] == cell, 0, frames[1])
    assert np.array_equal(shown(2), pixels_of(shown_region(without, {cell}, whole(without))))
    assert np.array_equal(shown(1), first[0])
    # The correction is undone while another frame is shown.
    assert step(session, "undo", None, 1)["frame"] == 2
    assert np.array_equal(shown(2), first[1])
