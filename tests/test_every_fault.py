"""Every command with every kind of broken file: a sentence and exit code 2, never an internal error."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from epifiji.bridge.cli.main import main
from epifiji.bridge.failures import UNEXPECTED
from epifiji.data.events import Event
from epifiji.files.results.events_table import write_events
from epifiji.files.rois.roi_files import write_rois

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these files are those of Unix")

LONGEST_S = 20
MOVIES, EVENTS, OTHER = (".tif", ".h5"), (".zip", ".csv"), (".zip", "")
SUFFIXES = {
    "detect": MOVIES,
    "try": MOVIES,
    "segment": (*MOVIES, ".png"),
    "segment-cysts": MOVIES,
    "gallery movie": MOVIES,
    "crop": MOVIES,
    "rescale": MOVIES,
    "plot --movie": MOVIES,
    "export --movie": MOVIES,
    "pool --conditions": (".csv",),
    "plot --within": (".zip", ".roi"),
    "rois": (".tif",),
}
SUFFIXES |= dict.fromkeys(
    ("compare detected", "compare reference", "plot", "report", "gallery", "crop --events", "export"), EVENTS
)
SUFFIXES |= dict.fromkeys(("rois", "simulate --outlines"), (".tif",))
"""Suffixes of the broken file, by command; for the others a zip, or none."""


def whole(path: Path) -> bytes:
    """Make a valid file of the kind that the name specifies."""
    made = path.with_name(f"good{path.suffix}")
    if path.suffix == ".tif":
        tifffile.imwrite(made, np.random.default_rng(0).integers(0, 255, (8, 60, 60), np.uint8), imagej=True)
    elif path.suffix == ".h5":
        with h5py.File(made, "w") as file:
            file["data"] = np.zeros((8, 60, 60), np.uint8)
    elif path.suffix == ".csv":
        write_events(made, [Event("cell_death", 2, 10, 10, 0.9)])
    elif path.suffix in {".zip", ".roi"}:
        write_rois(made.with_suffix(".zip"), [Event("cell_death", 2, 10, 10, 0.9)])
        made = made.with_suffix(".zip")
    else:
        made.write_text('{"movie": {"name": "m"}}')
    content = made.read_bytes()
    made.unlink()
    return content


def linked(path: Path) -> None:
    path.symlink_to(path)


def in_folder(path: Path, content: bytes) -> None:
    """Make a folder in which every file that some command reads is broken."""
    path.mkdir()
    for name in ("run.json", "events.csv", "review.csv", "network.json", "config.cfg", "m_cell_death.zip", "m.tif"):
        (path / name).write_bytes(content)
    (path / "m_cell_death_rawproba.tif").write_bytes(content)


FAULTS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(whole(path)[:-40]),
    "cut in the middle": lambda path: path.write_bytes(whole(path)[: len(whole(path)) // 2]),
    "zeros": lambda path: path.write_bytes(bytes(2000)),
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(2000)),
    "noise after the first bytes": lambda path: path.write_bytes(whole(path)[:8] + random.Random(2).randbytes(2000)),
    "another kind": lambda path: path.write_bytes(b"%PDF-1.4 this is something else\n" * 20),
    "another encoding": lambda path: path.write_bytes("frame,y,x\nzellen äöü,1,2\n".encode("utf-16")),
    "deeply nested": lambda path: path.write_bytes(b"[" * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a folder of empty files": lambda path: in_folder(path, b""),
    "a folder of noise": lambda path: in_folder(path, random.Random(3).randbytes(300)),
    "a folder of other json": lambda path: in_folder(path, b"[1, 2]"),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to itself": linked,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/dev/null"),
    "below a file": lambda path: path.parent.rmdir() or path.parent.write_bytes(b""),
}

Call = Callable[[Path, Path], list[str]]
"""The arguments of a command for a broken place and a folder with good ones."""

COMMANDS: dict[str, Call] = {
    "detect": lambda bad, good: ["detect", str(bad), "--network", str(good / "small"), "--out", str(good / "out")],
    "detect --network": lambda bad, good: [
        "detect",
        str(good / "m.tif"),
        "--network",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "try": lambda bad, good: ["try", str(bad), "--networks", str(good / "small"), "--out", str(good / "out")],
    "rois": lambda bad, good: ["rois", str(bad), "--out", str(good / "out")],
    "complete-check": lambda bad, good: ["complete-check", str(bad)],
    "compare detected": lambda bad, good: ["compare", str(bad), str(good / "events.csv")],
    "compare reference": lambda bad, good: ["compare", str(good / "events.csv"), str(bad)],
    "export": lambda bad, good: ["export", str(bad), "--out", str(good / "out.xml")],
    "export --movie": lambda bad, good: [
        "export",
        str(good / "events.csv"),
        "--movie",
        str(bad),
        "--out",
        str(good / "out.xml"),
    ],
    "pool": lambda bad, good: ["pool", str(bad), "--out", str(good / "out")],
    "pool --conditions": lambda bad, good: [
        "pool",
        str(good),
        "--conditions",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "segment": lambda bad, good: ["segment", str(bad), "--out", str(good / "out")],
    "segment --network": lambda bad, good: [
        "segment",
        str(good / "m.tif"),
        "--network",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "compare-cells": lambda bad, good: ["compare-cells", str(bad), str(good / "m.tif")],
    "compare-cells annotated": lambda bad, good: ["compare-cells", str(good / "m.tif"), str(bad)],
    "cells": lambda bad, good: ["cells", str(bad), "--out", str(good / "out")],
    "cells --movie": lambda bad, good: [
        "cells",
        str(good / "events.csv"),
        "--movie",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "cells --from-rois": lambda bad, good: [
        "cells",
        str(good / "events.csv"),
        "--movie",
        str(good / "m.tif"),
        "--from-rois",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "convert-cells": lambda bad, good: ["convert-cells", str(bad), "--out", str(good / "out")],
    "convert-cells --image": lambda bad, good: [
        "convert-cells",
        str(good / "m.tif"),
        "--image",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "split-cells": lambda bad, good: ["split-cells", str(bad), "--out", str(good / "out")],
    "split-cells cells": lambda bad, good: ["split-cells", str(good / "m.tif"), str(bad), "--out", str(good / "out")],
    "correct-cells": lambda bad, good: ["correct-cells", str(bad), "--out", str(good / "out")],
    "correct-cells corrections": lambda bad, good: [
        "correct-cells",
        str(good / "m.tif"),
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "segment-cysts": lambda bad, good: ["segment-cysts", str(bad), "--out", str(good / "out")],
    "cartocell": lambda bad, good: ["cartocell", "train", str(bad), "--out", str(good / "out")],
    "train-cysts": lambda bad, good: ["train-cysts", str(bad), "--out", str(good / "out")],
    "study-cells": lambda bad, good: ["study-cells", str(bad), "--out", str(good / "out")],
    "plot": lambda bad, good: ["plot", str(bad), "--out", str(good / "out")],
    "plot --within": lambda bad, good: [
        "plot",
        str(good / "events.csv"),
        "--movie",
        str(good / "m.tif"),
        "--within",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "plot --movie": lambda bad, good: [
        "plot",
        str(good / "events.csv"),
        "--movie",
        str(bad),
        "--out",
        str(good / "out"),
    ],
    "report": lambda bad, good: ["report", str(bad), "--out", str(good / "out")],
    "gallery movie": lambda bad, good: ["gallery", str(bad), str(good / "events.csv"), "--out", str(good / "g.png")],
    "gallery": lambda bad, good: ["gallery", str(good / "m.tif"), str(bad), "--out", str(good / "g.png")],
    "crop": lambda bad, good: ["crop", str(bad), "--frames", "1-6", "--out", str(good / "out")],
    "crop --events": lambda bad, good: ["crop", str(good / "m.tif"), "--events", str(bad), "--out", str(good / "out")],
    "rescale": lambda bad, good: ["rescale", str(bad), "--factor-xy", "0.5", "--out", str(good / "out")],
    "evaluate": lambda bad, good: ["evaluate", str(good / "small"), str(bad), "--out", str(good / "out")],
    "evaluate network": lambda bad, good: ["evaluate", str(bad), str(good / "small"), "--out", str(good / "out")],
    "calibrate-scores": lambda bad, good: ["calibrate-scores", str(good / "small"), str(bad), "--name", "new"],
    "calibrate-scores network": lambda bad, good: ["calibrate-scores", str(bad), str(good), "--name", "new"],
    "train": lambda bad, good: ["train", str(bad), "--out", str(good / "out")],
    "retrain": lambda bad, good: ["retrain", str(good / "small"), str(bad), "--out", str(good / "out")],
    "retrain for cells": lambda bad, good: ["retrain", "epicells", str(bad), "--out", str(good / "out")],
    "simulate --outlines": lambda bad, good: ["simulate", str(good / "out"), "--outlines", str(bad)],
    "networks show": lambda bad, good: ["networks", "show", str(bad)],
    "networks import": lambda bad, good: ["networks", "import", str(bad), "--name", "mine"],
    "networks export": lambda bad, good: ["networks", "export", str(bad), "--out", str(good / "n.onnx")],
    "install-fiji": lambda bad, good: ["install-fiji", str(bad)],
    "uninstall-fiji": lambda bad, good: ["uninstall-fiji", str(bad)],
    "fiji --macro": lambda bad, good: ["fiji", "--headless", "--macro", str(bad / "m.ijm")],
}


@contextmanager
def in_time() -> Iterator[None]:
    """Stop a test that waits for a pipe or a device without end."""

    def end(*_: object) -> None:
        pytest.fail(f"no answer within {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, network_folder: Path, movie_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("good")
    shutil.copytree(network_folder, folder / "small")
    shutil.copy(movie_file, folder / "m.tif")
    write_events(folder / "events.csv", [Event("cell_death", 2, 10, 10, 0.9)])
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_no_broken_file_causes_an_internal_error(
    command: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    before = sorted(good.rglob("*"))
    wrong = []
    for fault, make in FAULTS.items():
        for suffix in SUFFIXES.get(command, OTHER):
            if suffix == ".csv" and fault in ("truncated", "cut in the middle"):
                continue  # a table that ends after a line, or after some columns of its header, is valid
            folder = tmp_path / fault.replace(" ", "_") / f"x{suffix}"
            folder.mkdir(parents=True)
            place = folder / f"m_cell_death{suffix}"
            make(place)
            arguments = COMMANDS[command](place, good)
            monkeypatch.setattr(sys, "argv", ["epifiji", *arguments])
            with in_time(), pytest.raises(SystemExit) as ended:
                main()
            said = capsys.readouterr().err.strip()
            if ended.value.code != 2 or UNEXPECTED in said or not said.startswith("epifiji: ") or "\n" in said:
                wrong.append(f"{fault} {suffix}: {ended.value.code}: {said[:300]}")
    assert not wrong, "\n".join(wrong)
    assert sorted(good.rglob("*")) == before
