"""Simulated cysts as files: they contain what was simulated, and nothing is overwritten or left incomplete."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import run

SMALL = ["--cells", "16", "--pixel-size-um", "1.2", "--voxel-depth-um", "2"]
ONE = {"cells": 16, "pixel_size_um": 1.2, "voxel_depth_um": 2}


def test_the_files_hold_the_cyst_with_its_voxel_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, printed, _ = run(["simulate", "cysts", str(out), "--cysts", "2", "--json", *SMALL], monkeypatch, capsys)
    assert code == 0
    answer = json.loads(printed)
    assert answer["files"] == sorted(file.name for file in out.iterdir())
    assert answer["cells"] == {"cyst_0": 16, "cyst_1": 16}
    made = epifiji.simulate_cyst(seed=1, **ONE)
    stored = {"": made.volume.pixels, "_labels": made.labels, "_lumen": np.where(made.lumen, 255, 0)}
    for ending, expected in stored.items():
        with tifffile.TiffFile(out / f"cyst_1{ending}.tif") as tif:
            assert tif.series[0].axes == "ZYX"
            assert tif.imagej_metadata["spacing"] == 2
            assert tif.imagej_metadata["unit"] == "um"
            width, height = (tif.pages.first.tags[f"{axis}Resolution"].value for axis in "XY")
            assert width[1] / width[0] == height[1] / height[0] == pytest.approx(1.2)
            assert np.array_equal(tif.asarray(), expected)
    settings = json.loads((out / "simulation.json").read_text(encoding="utf-8"))["cysts"][1]["settings"]
    assert epifiji.simulate_cyst(**settings).cells == 16


def test_unspecified_settings_vary_if_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["simulate", "cysts", str(out), "--cysts", "2", "--vary", *SMALL, "--seed", "8"]
    code, printed, _ = run(arguments, monkeypatch, capsys)
    assert code == 0
    assert "cyst_9: 16 cells" in printed
    settings = [one["settings"] for one in json.loads((out / "simulation.json").read_text())["cysts"]]
    assert [one["seed"] for one in settings] == [8, 9]
    assert {one["voxel_depth_um"] for one in settings} == {2}
    assert settings[0]["contrast"] != settings[1]["contrast"]


def test_any_other_word_after_simulate_is_the_folder_of_movies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    none = ["--frames", "5", "--height", "50", "--width", "50", "--extrusions", "0", "--divisions", "0", "--sops", "0"]
    assert run(["simulate", "./cysts", *none], monkeypatch, capsys)[0] == 0
    assert run(["simulate", *none, "movies"], monkeypatch, capsys)[0] == 0
    for folder in ("cysts", "movies"):
        assert (tmp_path / folder / "simulated_0.tif").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cysts"], "Missing argument 'OUT'"),
        (["cysts", "out", "--cysts", "0"], "cysts is 0, but it must be a whole number from 1 to 100000"),
        (["cysts", "out", "--seed", "1", "--seed", "2"], "--seed was given 2 times"),
        (["cysts", "out", "--cell-height-um", "40"], "cell_height_um is 40 µm, but 60 cells of 8 µm width"),
        (["cysts", "there", *SMALL], "cyst_0_lumen.tif exists and would be overwritten"),
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
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "cyst_0_lumen.tif").write_text("mine")
    code, printed, told = run(["simulate", *arguments], monkeypatch, capsys)
    assert (code, printed) == (2, "")
    assert words in told
    assert told.count("\n") == 1
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["cyst_0_lumen.tif"]


def test_a_cancelled_simulation_leaves_nothing(tmp_path: Path) -> None:
    def cancel(done: float, doing: str) -> None:
        if done > 0.6:
            raise epifiji.CancelledError

    with pytest.raises(epifiji.CancelledError):
        epifiji.simulate_cysts(tmp_path / "out", 2, report=cancel, **ONE)
    assert list(tmp_path.iterdir()) == []
