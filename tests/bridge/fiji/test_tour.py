"""Every command that a macro can run: with and without a window, in this process and with the worker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from desktop import desktop
from epifiji.bridge.imagej import ImageJ
from jvm import run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji

MACRO = """
arguments = split(getArgument(), "\\n");
open(arguments[0]);
results = arguments[1] + "/noise_epifiji";
run("Check EpiFiji Installation");
run("Detect Epithelial Events...", "network=small threshold=130 min_volume=100 maps=scaled out=[" + arguments[1] + "]");
selectImage("noise.tif");
run("Open Epithelial Events...", "results=[" + results + "] replace_rois");
run("Adjust Event Thresholds...", "results=[" + results + "] threshold=150 min_volume=100 replace_rois table=false");
run("Show Event Probability Maps...", "results=[" + results + "]");
compared = arguments[1] + "/compared";
run("Compare Event ROIs...", "detected=[" + results + "] reference=[" + results + "] curve out=[" + compared + "]");
run("Plot Event Statistics...", "results=[" + results + "] out=[" + arguments[1] + "/plots]");
selectImage("noise.tif");
run("Show Event Gallery...", "results=[" + results + "]");
selectImage("noise.tif");
run("Crop Movie and Events...", "results=[" + results + "] width=60 height=50 last_frame=8");
selectImage("noise.tif");
run("Rescale Movie and Events...", "results=[" + results + "] factor_xy=1.5");
run("Stop EpiFiji Engine");
selectImage("noise.tif");
again = "network=small threshold=130 min_volume=100 overwrite replace_rois out=[" + arguments[1] + "]";
run("Detect Epithelial Events...", again);
print("tour ended with " + nImages() + " images");
"""


def tour(imagej: ImageJ, folder: Path) -> Any:
    return imagej.run_macro(MACRO, f"{os.environ['EPIFIJI_TEST_MOVIE']}\n{folder / 'out'}")


@pytest.mark.parametrize("window", [False, True], ids=["headless", "window"])
@pytest.mark.parametrize("host", ["this process", "worker"])
def test_every_command_runs(
    host: str, window: bool, tmp_path: Path, movie_file: Path, network_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(network_folder.parent))
    monkeypatch.setenv("EPIFIJI_TEST_MOVIE", str(movie_file))
    if window:
        with desktop() as display:
            monkeypatch.setenv("DISPLAY", display)
            out = run_in(host, tmp_path, movie_file, window)
    else:
        out = run_in(host, tmp_path, movie_file, window)
    assert {"comparison.csv", "curve.csv"} & {file.name for file in (tmp_path / "out" / "compared").iterdir()}
    assert list((tmp_path / "out" / "plots").glob("*.png"))
    table = (tmp_path / "out" / "noise_epifiji" / "events.csv").read_text()
    assert len(table.splitlines()) > 1
    if not window:
        assert "tour ended with 5 images" in out
        assert "EpiFiji: ok  TensorFlow" in out
        assert ", found by small; the results are in " in out


def run_in(host: str, folder: Path, movie: Path, window: bool) -> str:
    if host == "worker":
        fiji = make_plain_fiji(folder / "Fiji")
        done = run_in_plain_fiji(fiji, MACRO, f"{movie}\n{folder / 'out'}", headless=not window)
        assert done.returncode == 0, done.stderr
        return done.stdout
    done = run_checks([tour], folder, headless=not window)
    assert done[tour] == "", done[tour]
    return done.out
