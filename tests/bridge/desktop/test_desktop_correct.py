"""Cells are corrected by real keys, clicks and drawn lines, exactly, also if ImageJ is killed during it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from broken_cells import BrokenField, broken_field, image_of, same_cells, voronoi_cells, write_field
from correct_checks import MOVIE, VOLUME, killed, mended, movie_corrected, resumed, volume_corrected
from desktop import desktop
from epifiji.data.cell_edits import Split
from epifiji.files.labels import read_cells, write_labels
from epifiji.files.results.cell_corrections import read_corrections
from jvm import Finished, run_checks

FIELDS, ERRORS = 10, 60


@pytest.fixture(scope="module")
def broken() -> dict[str, BrokenField]:
    return {f"field_{seed}": broken_field(seed) for seed in range(FIELDS)}


@pytest.fixture(scope="module")
def killed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a field whose correction is killed."""
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, killed_folder: Path, broken: dict[str, BrokenField]) -> Finished:
    """Correct all fields, and then one more, in an ImageJ that is killed meanwhile."""
    folder = tmp_path_factory.mktemp("fields")
    for name, made in broken.items():
        write_field(folder, name, made)
    write_field(killed_folder, "field_4", broken["field_4"])
    with desktop() as display:
        env = {"DISPLAY": display, "EPIFIJI_TEST_FIELDS": str(folder), "EPIFIJI_TEST_KILLED": str(killed_folder)}
        return run_checks([mended, killed], folder, headless=False, env=env)


def test_sixty_errors_in_ten_fields_are_mended_exactly(done: Finished, broken: dict[str, BrokenField]) -> None:
    said = done[mended]
    assert sum(map(len, said.values())) == sum(len(made.repairs) for made in broken.values()) == ERRORS
    for name, made in broken.items():
        labels = read_cells(done.folder / f"{name}_labels.tif")[0]
        assert np.array_equal(labels, made.labels), "the original is not changed"
        corrected = read_cells(done.folder / f"{name}_corrected_labels.tif")[0]
        assert same_cells(corrected, made.truth), (name, said[name])


def test_a_killed_correction_continues_to_the_exact_result(
    done: Finished, killed_folder: Path, broken: dict[str, BrokenField]
) -> None:
    made = broken["field_4"]
    assert done.code == -9
    assert [file.name for file in killed_folder.glob("*_correct*")] == ["field_4_corrections.json"]
    with desktop() as display:
        env = {"DISPLAY": display, "EPIFIJI_TEST_KILLED": str(killed_folder)}
        said = run_checks([resumed], killed_folder, headless=False, env=env)[resumed]
    assert said[0] == "3 earlier corrections are continued."
    assert said[1].endswith("3 corrections")
    assert [one.rpartition(" is ")[2] for one in said[2:6]] == ["undone.", "undone.", "made again.", "made again."]
    assert same_cells(read_cells(killed_folder / "field_4_corrected_labels.tif")[0], made.truth), said


@pytest.fixture
def movie(tmp_path: Path) -> np.ndarray:
    """Write a movie of three frames with the same cells, and where the mouse is to go, and return the labels."""
    labels = np.stack([voronoi_cells(21)] * 3)
    write_labels(tmp_path / f"{MOVIE}_labels.tif", labels)
    image = np.stack([image_of(frame, number) for number, frame in enumerate(labels)])
    tifffile.imwrite(tmp_path / f"{MOVIE}.tif", image, imagej=True, metadata={"axes": "TYX"})
    cell = labels[0, 70, 100]
    rows, columns = np.nonzero(labels[0] == cell)
    y, left, right = float(np.median(rows)), float(columns.min()), float(columns.max())
    middle = (y, float(np.median(columns)))
    around = [
        (rows.min() - 3.0, columns.min() - 3.0), (rows.min() - 3.0, columns.max() + 3.0),
        (rows.max() + 3.0, columns.max() + 3.0), (rows.max() + 3.0, columns.min() - 3.0),
        (rows.min() - 3.0, columns.min() - 3.0),
    ]  # fmt: skip
    plans = {"line": [(y, left), middle, (y, right)], "inside": (y - 3, middle[1]), "around": around}
    (tmp_path / f"{MOVIE}_plans.txt").write_text(json.dumps(plans))
    return labels


OVER = [(20.0, 10.0), (20.0, 58.0), (86.0, 58.0), (86.0, 10.0), (20.0, 10.0)]
STEPS = [
    ("click", [(50, 59.5)]),
    ("z", []),
    ("line", [(20, 80), (90, 80)]),
    ("click", [(50, 30)]),
    ("Right", []),
    ("delete", [(50, 30)]),
    ("z", []),
    *[("comma", [])] * 4,
    ("freehand", OVER),
]
"""What is done in a volume of two boxes, from plane 5 on."""


@pytest.fixture
def volume(tmp_path: Path) -> np.ndarray:
    """Write a volume with two cells in planes 3 to 10 of 12, of 50 and 60 columns, and the steps of its correction."""
    labels = np.zeros((12, 100, 140), np.int32)
    labels[2:10, 20:86, 10:60], labels[2:10, 20:86, 60:120] = 1, 2
    write_labels(tmp_path / f"{VOLUME}_labels.tif", labels, spacing={"Z": 2.0, "Y": 0.5, "X": 0.5})
    image = np.stack([image_of(plane, number) for number, plane in enumerate(labels)])
    tifffile.imwrite(tmp_path / f"{VOLUME}.tif", image, imagej=True, metadata={"axes": "ZYX"})
    (tmp_path / f"{VOLUME}_steps.txt").write_text(json.dumps(STEPS))
    return labels


def check_volume(folder: Path, said: list[list[str]], labels: np.ndarray) -> None:
    rows, depth = 66, 8
    sentences = [sentence for sentence, _ in said]
    assert sentences[0].startswith("A volume: cells change in all planes.")
    assert sentences[1] == f"Cell 1 is merged into cell 2, which now has {110 * rows * depth} voxels."
    assert sentences[3] == f"Cell 2 is split: {40 * rows * depth} voxels stay, {20 * rows * depth} voxels are cell 3."
    assert (
        f", {50 * rows} px in this plane, {50 * rows * depth} voxels ({50 * rows * depth / 2:.4g} µm³)" in sentences[4]
    )
    assert sentences[6].startswith("Cell 1 is deleted in all planes")
    taken = int(sentences[12].removeprefix("Cell 1 continues in this plane: ").removesuffix(" px."))
    assert taken == pytest.approx(48 * 66, rel=0.05)
    states = [state.split("        ") for _, state in said]
    assert states[1] == ["plane 5 of 12", "1 cells, 1 here", "1 correction"]
    assert states[6] == ["plane 6 of 12", "2 cells, 2 here", "2 corrections"]
    assert states[10] == ["plane 3 of 12", "3 cells, 3 here", "1 correction"]
    corrected = read_cells(folder / f"{VOLUME}_corrected_labels.tif")
    assert np.array_equal(corrected[2:10] == 3, np.pad(labels[2:10, :, 60:80] == 2, ((0, 0), (0, 0), (60, 60))))
    assert np.count_nonzero(corrected[1] == 1) == taken


def test_a_movie_and_a_volume_are_corrected_by_keys_and_dragging(
    tmp_path: Path, movie: np.ndarray, volume: np.ndarray
) -> None:
    with desktop() as display:
        env = {"DISPLAY": display, "EPIFIJI_TEST_FIELDS": str(tmp_path)}
        done = run_checks([volume_corrected, movie_corrected], tmp_path, headless=False, env=env)
    check_volume(tmp_path, done[volume_corrected], volume)
    seen = done[movie_corrected]
    said = [one for one, _ in seen["said"]]
    cell, new = int(movie[0, 70, 100]), int(movie.max()) + 1
    assert said[0].startswith(f"Cell {cell} is split")
    assert said[1].startswith("This is cell ")
    assert seen["marked"] == 2
    assert said[3].startswith(f"Cell {cell} is deleted")
    assert said[4] == f"Cell {new + 1} is added: {np.count_nonzero(movie[0] == cell)} px."
    states = [state.split("        ") for _, state in seen["said"]]
    count = len(np.unique(movie))
    assert states[0] == ["frame 1 of 3", f"{count + 1} cells", "1 correction"]
    assert states[4] == ["frame 2 of 3", f"{count} cells", "3 corrections"]
    assert states[5][0] == "frame 3 of 3"
    assert said[6] == f"The addition of cell {new + 1} is undone."
    assert seen["frame"] == 2, "undo shows the frame in which it changed something"
    assert said[7:9] == [
        "Click the corners of the missed cell; a double click closes the outline. Esc: none.",
        "Nothing was drawn.",
    ]
    assert said[9:11] == [f"The deletion of cell {cell} is undone.", f"The split of cell {cell} is undone."]
    assert seen["frame at the end"] == 1
    assert said[11] == "There is nothing to undo."
    assert said[12] == f"The split of cell {cell} is made again."
    assert said[13].startswith("There is no cell under the mouse")
    assert seen["windows"] == [], "no key reaches ImageJ"
    assert seen["given back"] == ["oval", True, [3, 5]]
    assert seen["histogram"]
    _, (edit,) = read_corrections(tmp_path / f"{MOVIE}_corrections.json")
    assert isinstance(edit, Split)
    corrected = read_cells(tmp_path / f"{MOVIE}_corrected_labels.tif")
    assert np.array_equal(corrected[1:], movie[1:])
    assert set(np.unique(corrected[0][movie[0] == cell])) == {cell, new}
    assert np.array_equal(corrected[0][movie[0] != cell], movie[0][movie[0] != cell])
