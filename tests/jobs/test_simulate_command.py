"""Simulated movies as files: they contain what was simulated, and nothing is overwritten or left incomplete."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import run
from epifiji.data.errors import WrongInputError
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.files.labels import read_cells
from epifiji.files.rois.roi_files import read_rois
from epifiji.files.training_data import read_training_folder

SMALL = ["--frames", "20", "--height", "130", "--width", "140", "--cell-diameter-px", "16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two movies with events and distractors."""
    place = tmp_path_factory.mktemp("simulated") / "movies"
    epifiji.simulate_movies(
        place, 2, seed=3, frames=24, height=130, width=140, cell_diameter_px=16, extrusions=2, sops=0, debris=3
    )
    return place


def test_the_files_hold_the_movie_that_its_settings_give(folder: Path) -> None:
    record = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert [movie["name"] for movie in record["movies"]] == ["simulated_3", "simulated_4"]
    for movie in record["movies"]:
        made = simulate_tissue(**movie["settings"])
        with tifffile.TiffFile(folder / f"{movie['name']}.tif") as tif:
            assert tif.is_imagej
            assert tif.series[0].axes == "TYX"
            pixels = tif.asarray()
        assert np.array_equal(pixels, made.pixels)
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == movie["pixels_sha256"]
        assert movie["events"] == Counter(event.event for event in made.events)
        for name in movie["events"]:
            rois = read_rois(folder / f"{movie['name']}_{name}.zip", name)
            truth = sorted((e.frame, e.y, e.x) for e in made.events if e.event == name)
            assert np.allclose(sorted((e.frame, e.y, e.x) for e in rois), truth, atol=1e-3)


def test_the_true_cells_are_written_if_requested_and_are_no_movie_of_the_folder(folder: Path, tmp_path: Path) -> None:
    settings = {"seed": 3, "frames": 5, "height": 60, "width": 50, "extrusions": 0, "divisions": 0, "sops": 0}
    made = epifiji.simulate_movies(tmp_path, cells=True, **settings)
    assert not list(folder.glob("*_labels.tif"))
    assert "simulated_3_labels.tif" in made.files
    assert np.array_equal(read_cells(tmp_path / "simulated_3_labels.tif"), simulate_tissue(**settings).labels)
    assert [one.name for one in read_training_folder(tmp_path)] == ["simulated_3"]


def test_distractors_are_included(folder: Path) -> None:
    record = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    for movie in record["movies"]:
        rois = read_rois(folder / f"{movie['name']}_nothing.zip", "nothing")
        assert sorted(roi.frame + 1 for roi in rois) == sorted(one["frame"] for one in movie["no_events"])
        assert {one["kind"] for one in movie["no_events"]} == {"debris"}


def test_a_class_without_events_gets_no_zip(folder: Path) -> None:
    assert not list(folder.glob("*_cell_sop.zip"))
    assert len(list(folder.glob("*_cell_death.zip"))) == 2


def test_python_gives_the_movie_that_the_command_writes(folder: Path) -> None:
    settings = {"seed": 3, "frames": 24, "height": 130, "width": 140, "cell_diameter_px": 16}
    movie, events = epifiji.simulate(**settings, extrusions=2, sops=0, debris=3)
    assert np.array_equal(tifffile.imread(folder / "simulated_3.tif"), movie.frames(0, 24))
    assert Counter(e.event for e in events) == {"cell_death": 2, "cell_division": 3}


def test_the_command_varies_unspecified_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["simulate", str(out), "--movies", "2", "--vary", *SMALL, "--debris", "2", "--json"]
    code, printed, _ = run(arguments, monkeypatch, capsys)
    assert code == 0
    answer = json.loads(printed)
    assert sorted(answer["files"]) == sorted(file.name for file in out.iterdir())
    settings = [movie["settings"] for movie in json.loads((out / "simulation.json").read_text())["movies"]]
    assert {(one["cell_diameter_px"], one["debris"], one["frames"]) for one in settings} == {(16, 2, 20)}
    assert settings[0]["contrast"] != settings[1]["contrast"]
    assert [one["seed"] for one in settings] == [0, 1]


def test_nothing_is_overwritten_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "simulated_0_cell_death.zip").write_text("mine")
    arguments = ["simulate", str(tmp_path), *SMALL, "--extrusions", "0", "--divisions", "1", "--sops", "0"]
    code, _, told = run(arguments, monkeypatch, capsys)
    assert code == 2
    assert "simulated_0_cell_death.zip exists and would be overwritten" in told
    assert [file.name for file in tmp_path.iterdir()] == ["simulated_0_cell_death.zip"]
    assert run([*arguments, "--overwrite"], monkeypatch, capsys)[0] == 0
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"simulated_0.tif", "simulated_0_cell_division.zip", "simulation.json"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bit-depth", "12"], "bit_depth is '12', but it must be one of 8, 16"),
        (["--extrusions", "-1"], "extrusions is '-1', but it must be a whole number from 0 to 100000"),
        (["--height", "20"], "height is 20 px, but at least two cell diameters, 50 px, are needed"),
        (["--extrusions", "90"], "Events asked for: 95, but 30 frames of 200 x 200 px"),
        (["--movies", "0"], "movies is 0, but it must be a whole number from 1 to 100000"),
        (["--outlines", "missing.tif"], "missing.tif does not exist, but a TIFF"),
        (["--outlines", "grey.tif"], "has only one grey level, but lines around cells were expected"),
        (["--outlines", "colour.tif"], "but outlines are grey images, one or several over time"),
    ],
)
def test_wrong_input_is_reported_in_a_sentence_and_leaves_nothing(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("grey.tif", np.full((60, 60), 7, np.uint8))
    tifffile.imwrite("colour.tif", np.zeros((60, 60, 3), np.uint8), photometric="rgb")
    code, printed, told = run(["simulate", "out", *arguments], monkeypatch, capsys)
    assert (code, printed) == (2, "")
    assert words in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_cancelled_simulation_leaves_nothing(tmp_path: Path) -> None:
    def cancel(done: float, doing: str) -> None:
        if done > 0.6:
            raise epifiji.CancelledError

    with pytest.raises(epifiji.CancelledError):
        epifiji.simulate_movies(tmp_path / "out", 2, report=cancel, frames=10, extrusions=0, divisions=0, sops=0)
    assert list(tmp_path.iterdir()) == []


def test_unknown_settings_are_refused_in_python() -> None:
    with pytest.raises(WrongInputError, match="there is no setting 'noise': the settings are seed, frames"):
        epifiji.simulate(noise=3)
