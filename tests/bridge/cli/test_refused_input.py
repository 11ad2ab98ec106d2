"""Every bad input gives exit code 2 and one sentence, and leaves no file behind."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from command_line import one_sentence, run

Refused = Callable[[list[str]], str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run the command line in this process, check that it refuses the input, and return its sentence."""

    def refusal(arguments: list[str]) -> str:
        code, printed, said = run(arguments, monkeypatch, capsys)
        assert (code, printed) == (2, "")
        return one_sentence(said)

    return refusal


def write(path: Path, pixels: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, pixels, **options)
    return path


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def no_number(folder: Path) -> Path:
    pixels = noise(8, 60, 60, dtype=np.float32)
    pixels[5, 3, 4] = np.nan
    return write(folder / "nan.tif", pixels)


def cut_off(folder: Path) -> Path:
    path = write(folder / "cut.tif", noise(8, 60, 60))
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def hdf5(folder: Path, dataset: str) -> str:
    with h5py.File(folder / "movie.h5", "w") as file:
        file["a"], file["b"], file["text"] = noise(8, 60, 60), noise(8, 60, 60), "hello"
    return f"{folder / 'movie.h5'}{dataset}"


def text_file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("this is no movie")
    return path


MOVIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda d: d / "none.tif", "none.tif"),
    "folder": (lambda d: d, "is a folder"),
    "empty file": (lambda d: write_empty(d / "empty.tif"), "is empty (0 bytes)"),
    "text": (lambda d: text_file(d, "text.tif"), "but a TIFF or HDF5 file was expected"),
    "cut off": (cut_off, "cut"),
    "single image": (lambda d: write(d / "one.tif", noise(60, 60), imagej=True), "1 frame, but at least 5"),
    "four frames": (
        lambda d: write(d / "four.tif", noise(4, 60, 60), imagej=True, metadata={"axes": "TYX"}),
        "4 frames, but at least 5",
    ),
    "too narrow": (lambda d: write(d / "thin.tif", noise(8, 60, 44)), "44 x 60 px (width x height)"),
    "RGB": (lambda d: write(d / "rgb.tif", noise(8, 60, 60, 3), photometric="rgb"), "RGB"),
    "two channels": (
        lambda d: write(d / "two.tif", noise(8, 2, 60, 60), imagej=True, metadata={"axes": "TCYX"}),
        "--channel",
    ),
    "planes over time": (
        lambda d: write(d / "four_d.tif", noise(8, 3, 60, 60), imagej=True, metadata={"axes": "TZYX"}),
        "project",
    ),
    "NaN": (no_number, "first in frame 6"),
    "no dataset": (lambda d: hdf5(d, ":/c"), "/c"),
    "two datasets": (lambda d: hdf5(d, ""), "a"),
    "text dataset": (lambda d: hdf5(d, ":/text"), "real numbers"),
}


def write_empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("kind", MOVIES)
def test_bad_movies(kind: str, tmp_path: Path, network_folder: Path, refused: Refused) -> None:
    make, words = MOVIES[kind]
    movie = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert words in refused(["detect", str(movie), "--network", str(network_folder), "--json"])
    assert sorted(tmp_path.rglob("*")) == before


OPTIONS: dict[str, tuple[list[str], str]] = {
    "threshold over 255": (["--threshold", "256"], "threshold is '256', but it must be a whole number from 0 to 255"),
    "threshold of an unknown class": (["--threshold", "cell_fusion=10"], "'cell_fusion' is not known"),
    "volume below 0": (["--min-volume", "-5"], "min_volume is '-5'"),
    "unknown event": (["--events", "mitosis"], "'mitosis' is not known: the network's classes are cell_death"),
    "diameter of 0": (["--cell-diameter", "0"], "cell_diameter is '0', but it must be a number above 0"),
    "diameter in words": (["--cell-diameter", "large"], "a number above 0 and at most 2000 or auto"),
    "duration below 0": (["--event-duration", "-2"], "event_duration is '-2'"),
    "step of 0": (["--step-xy", "0"], "step_xy is '0', but it must be a whole number from 1 to 200"),
    "half a frame": (["--step-t", "0.5"], "step_t is '0.5'"),
    "unknown maps": (["--maps", "all"], "maps is 'all', but it must be one of none, raw, scaled, clean"),
    "unknown mode": (["--mode", "best"], "mode is 'best', but it must be one of fast, exact, compatible"),
    "two modes": (["--mode", "exact", "--compatible"], "--compatible and --mode exact contradict each other"),
    "channel of a single channel": (["--channel", "3"], "channel"),
    "unknown option": (["--treshold", "3"], "No such option: --treshold"),
    "cells far too large": (["--cell-diameter", "400"], "after rescaling to the network's cell diameter"),
    "events far too long": (["--event-duration", "40"], "which leaves 1 at the network's event duration"),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_bad_options(kind: str, tmp_path: Path, movie_file: Path, network_folder: Path, refused: Refused) -> None:
    options, words = OPTIONS[kind]
    out = tmp_path / "out"
    arguments = ["detect", str(movie_file), "--network", str(network_folder), "--out", str(out), *options]
    assert words in refused(arguments)
    assert list(tmp_path.iterdir()) == []


def without_weights(folder: Path, network: Path) -> Path:
    copy = Path(shutil.copytree(network, folder / "copy"))
    (copy / "weights_1.npz").unlink()
    return copy


def with_other_classes(folder: Path, network: Path) -> Path:
    copy = Path(shutil.copytree(network, folder / "copy"))
    description = json.loads((copy / "network.json").read_text())
    (copy / "network.json").write_text(json.dumps(description | {"classes": ["nothing", "blink"]}))
    return copy


def zipped(folder: Path, name: str) -> Path:
    with zipfile.ZipFile(folder / "net.zip", "w") as archive:
        archive.writestr(name, "nb_events_category = 4")
    return folder / "net.zip"


NETWORKS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "unknown name": (lambda d, n: "notum_al", "there is no network 'notum_al'"),
    "empty folder": (lambda d, n: d, "contains no network"),
    "text file": (lambda d, n: text_file(d, "net.zip"), "is not a network: specify a network's folder or a zip of it"),
    "zip of something else": (lambda d, n: zipped(d, "readme.txt"), "contains no network"),
    "zip that leaves its folder": (lambda d, n: zipped(d, "../config.cfg"), "leads outside the folder"),
    "missing weights": (without_weights, "weights_1.npz cannot be read"),
    "other classes": (with_other_classes, "are not those of a DeXNet with the classes nothing, blink"),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_bad_networks(kind: str, tmp_path: Path, movie_file: Path, network_folder: Path, refused: Refused) -> None:
    make, words = NETWORKS[kind]
    network = make(tmp_path, network_folder)
    before = sorted(tmp_path.rglob("*"))
    arguments = ["detect", str(movie_file), "--network", str(network), "--out", str(tmp_path / "out")]
    assert words in refused(arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_results_are_not_overwritten(tmp_path: Path, movie_file: Path, network_folder: Path, refused: Refused) -> None:
    results = tmp_path / "noise_epifiji"
    results.mkdir()
    (results / "events.csv").write_text("mine")
    arguments = ["detect", str(movie_file), "--network", str(network_folder), "--out", str(tmp_path)]
    assert "events.csv exists and would be overwritten" in refused(arguments)
    assert [(p.name, p.read_text()) for p in results.iterdir()] == [("events.csv", "mine")]
    assert list(tmp_path.iterdir()) == [results]


def test_a_file_at_the_place_of_the_results_is_refused(
    tmp_path: Path, movie_file: Path, network_folder: Path, refused: Refused
) -> None:
    taken = text_file(tmp_path, "out")
    arguments = ["detect", str(movie_file), "--network", str(network_folder), "--out", str(taken)]
    assert "is a file, but results go into a folder" in refused(arguments)


OTHER: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "an empty folder's name": (lambda d: ["rois", str(d), "--out", ""], "for --out an empty text was given"),
    "an empty path": (lambda d: ["compare", "", str(d)], "an empty text was given, but a value was expected"),
    "no command": (lambda d: ["dtect"], "No such command 'dtect'"),
    "no movie": (lambda d: ["detect"], "Missing argument 'MOVIE...'"),
    "two movies of one name": (
        lambda d: ["detect", str(d / "a" / "m.tif"), str(d / "b" / "m.tif"), "--out", str(d)],
        "have the same name",
    ),
    "maps that are not there": (lambda d: ["rois", str(d / "none")], "does not exist"),
    "a folder without maps": (lambda d: ["rois", str(d)], "contains no probability maps"),
    "a file that is no map": (lambda d: ["rois", str(text_file(d, "movie.tif"))], "is not a probability map"),
    "a broken record": (lambda d: ["rois", str(broken_record(d))], "run.json cannot be read"),
    "events that are not there": (lambda d: ["compare", str(d / "a.zip"), str(d / "b.zip")], "a.zip"),
    "a zip that is none": (lambda d: ["compare", str(text_file(d, "m_cell_death.zip")), str(d)], "m_cell_death.zip"),
    "a bad distance": (lambda d: ["compare", str(d), str(d), "--distance-xy", "0"], "distance_xy is '0'"),
    "an unknown network to fetch": (
        lambda d: ["networks", "fetch", "notum"],
        "'notum' is not one of the authors' networks",
    ),
    "a network to show": (lambda d: ["networks", "show", "nowhere"], "there is no network 'nowhere'"),
    "a network to import": (lambda d: ["networks", "import", str(d / "x.zip")], "there is no network"),
}


def broken_record(folder: Path) -> Path:
    write(folder / "m_cell_death_rawproba.tif", noise(8, 60, 60))
    (folder / "run.json").write_text("{")
    return folder


@pytest.mark.parametrize("kind", OTHER)
def test_other_commands(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    make, words = OTHER[kind]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    arguments = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert words in refused(arguments)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that somebody works in")
def test_a_deleted_working_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "the working folder was deleted" in refused(["rois", "."])
