"""The same movie and settings give the same events in all ways of running a detection."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import epifiji
from command_line import run
from epifiji.bridge.imagej import ImageJ
from jvm import run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji

SETTINGS = {"threshold": "130", "min_volume": "100", "step_xy": "8", "network": "small"}
MACROS = Path(__file__).resolve().parents[2] / "fiji" / "macros" / "epifiji"
OPTIONS = " ".join(f"{key}={value}" for key, value in SETTINGS.items())


def macro(movie: Path, out: Path) -> str:
    return f'open("{movie}"); run("Detect Epithelial Events...", "{OPTIONS} output=[{out}]");'


def in_process(imagej: ImageJ, folder: Path) -> Any:
    """Run the script by its macro, and the batch macro, with the engine in this process."""
    imagej.run_macro(macro(folder / "movies" / "noise.tif", folder / "script"))
    batch = (MACROS / "batch_detect.ijm").read_text(encoding="ascii")
    imagej.run_macro(batch, f"input=[{folder / 'movies'}] output=[{folder / 'batch'}] {OPTIONS}")


def test_six_ways_give_the_same_events(
    tmp_path: Path,
    movie_file: Path,
    network_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(network_folder.parent))
    folder = tmp_path / "six ways"
    (folder / "movies").mkdir(parents=True)
    movie = folder / "movies" / "noise.tif"
    shutil.copy(movie_file, movie)

    options = [word for key, value in SETTINGS.items() for word in (f"--{key.replace('_', '-')}", value)]
    code, _, error = run(["detect", str(movie), "--out", str(folder / "cli"), *options], monkeypatch, capsys)
    assert code == 0, error
    epifiji.detect(movie, **SETTINGS).save(folder / "python")
    inside = run_checks([in_process], folder)
    assert inside[in_process] is None, inside.err
    shown = "# a macro, and a script that calls the client\n" + (
        "from ij import IJ\nfrom epifiji_client.commands.run import call\nfrom epifiji_client.images.movies import Pixels\n"
        f"IJ.runMacro({macro(movie, folder / 'worker')!r})\n"
        f"settings = {dict(SETTINGS, output=str(folder / 'client'))!r}\n"
        f"call('detect', {{'settings': settings, 'headless': True}}, Pixels(IJ.openImage({str(movie)!r})))\n"
    )
    by_worker = run_in_plain_fiji(make_plain_fiji(tmp_path / "Fiji"), shown)
    assert by_worker.returncode == 0, by_worker.stderr

    tables = {"python": folder / "python" / "events.csv"}
    tables |= {
        way: folder / way / "noise_epifiji" / "events.csv" for way in ("cli", "script", "batch", "worker", "client")
    }
    found = {way: table.read_bytes() for way, table in tables.items()}
    assert len(found["python"].splitlines()) > 1
    assert set(found.values()) == {found["python"]}
