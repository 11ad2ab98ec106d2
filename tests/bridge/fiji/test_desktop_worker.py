"""Windows in an ImageJ that Python did not start: dialogs and keys as a user uses them, with the engine in the worker."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epifiji
from broken_cells import broken_field, same_cells, write_field
from desktop import desktop, focus, press, type_text, wait_for, windows
from epifiji.bridge.fiji.archive import make_archive
from epifiji.bridge.fiji.manifest import own_version
from epifiji.data.events import Event
from epifiji.engine.cells.edited import EditedCells
from epifiji.files.labels import read_cells
from epifiji.files.results.cell_corrections import read_corrections
from epifiji.files.results.reviews import read_review
from jvm import FOR_SHORT_RUNS
from plain_fiji import TIMEOUT_S, command_line, make_plain_fiji, make_unpacked_fiji
from small_networks import chosen
from worker_desktop_scripts import CLOSED, CORRECT, DIALOG, ESCAPE, REFUSED, REVIEW

LOOSE = {"threshold": 130, "min_volume": 100}
STILL_S = 2
SET_UP_S = 480
"""A set-up takes 40 s, most of it downloading and unpacking TensorFlow; a slow network may take longer."""


@pytest.fixture(scope="module")
def fiji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_plain_fiji(tmp_path_factory.mktemp("worker") / "Fiji")


@pytest.fixture(scope="module")
def events(movie_file: Path, epinet_folder: Path) -> list[Event]:
    found = epifiji.detect(movie_file, epinet_folder, **LOOSE).events
    assert found
    return found


@pytest.fixture(scope="module")
def events_of_tensorflow(movie_file: Path, network_folder: Path) -> list[Event]:
    """The events of a network that TensorFlow computes, which a worker has to load."""
    found = epifiji.detect(movie_file, network_folder, **LOOSE).events
    assert found
    return found


def run_at_desktop(
    fiji: Path,
    script: str,
    networks: Path,
    act: Callable[[], None] | None = None,
    options: Sequence[str] = FOR_SHORT_RUNS,
    **given: object,
) -> Any:
    """Run a script of :mod:`worker_desktop_scripts` at a desktop, call a function meanwhile, and return the script's results."""
    file = fiji / "script.py"
    file.write_text(script)
    with desktop() as display, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        patch.setenv("EPIFIJI_NETWORKS", str(networks))
        for key, value in chosen("small", Path(tempfile.mkdtemp(dir=fiji))).items():
            patch.setenv(key, value)
        process = subprocess.Popen(
            command_line(fiji, file, json.dumps(given, default=str), headless=False, options=options),
            cwd=fiji,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if act is not None:
                act()
            out, error = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
    assert process.returncode == 0, out + error
    assert "seen " in out, out + error
    return json.loads(out.split("seen ", 1)[1].splitlines()[0])


def assert_same(rois: list[list[Any]], events: list[Event]) -> None:
    assert len(rois) == len(events)
    for (name, t, x, y), event in zip(rois, events, strict=True):
        assert name.startswith(event.event)
        assert (t, x, y) == pytest.approx((event.frame + 1, event.x, event.y), abs=1e-3)


def fill() -> None:
    focus("Detect Epithelial Events")
    press("Tab", "Tab", "Tab", "Tab")
    type_text("130")
    press("Tab")
    type_text("100")
    press("Return")


def test_a_dialog_by_keys_gives_the_same_events(
    fiji: Path, movie_file: Path, epinet_folder: Path, events: list[Event]
) -> None:
    assert_same(run_at_desktop(fiji, DIALOG, epinet_folder.parent, fill, movie=movie_file)["rois"], events)


def test_an_unpacked_archive_sets_up_its_python_in_one_window_and_finds_the_same_events(
    tmp_path: Path, movie_file: Path, network_folder: Path, events_of_tensorflow: list[Event]
) -> None:
    """From the package index, 450 MB; the only test that does so."""
    try:
        socket.create_connection(("files.pythonhosted.org", 443), 20).close()
    except OSError as problem:
        pytest.skip(f"the package index cannot be reached ({problem})")
    fiji = make_unpacked_fiji(tmp_path / "Fiji", make_archive(tmp_path))
    place = fiji / "epifiji"

    def set_up_and_fill() -> None:
        focus("EpiFiji's Python")
        press("Return")
        wait_for("the dialog", lambda: windows("Detect Epithelial Events"), patience_s=SET_UP_S)
        fill()

    try:
        # Java deciphers and hashes 450 MB in a fifth of the time where it compiles them as in Fiji.
        seen = run_at_desktop(
            fiji, DIALOG, network_folder.parent, set_up_and_fill, (), movie=movie_file, patience_s=SET_UP_S
        )
        assert_same(seen["rois"], events_of_tensorflow)
        assert Path(seen["python"][0]).is_relative_to(place / own_version())
        assert sorted(path.name for path in place.iterdir()) == [".lock", own_version(), "uv"]
        # An engine elsewhere would be another Python: this one has its own EpiFiji, which is the one of the archive.
        (package,) = place.glob("*/python-*/lib/python3*/site-packages/epifiji")
        assert not package.is_symlink()
    finally:
        # 2 GB, which pytest would keep.
        shutil.rmtree(place, ignore_errors=True)


def test_escape_cancels_at_three_times_and_the_next_command_works(
    fiji: Path, movie_file: Path, network_folder: Path, events_of_tensorflow: list[Event]
) -> None:
    seen = run_at_desktop(fiji, ESCAPE, network_folder.parent, movie=movie_file)
    assert len(seen["moments"]) == 3
    for moment in seen["moments"]:
        assert moment["took"] < STILL_S
        assert moment["same"]
        assert not moment["locked"]
        assert not moment["overlay"]
        assert "Exception" not in moment["titles"]
    assert seen["next"] == len(events_of_tensorflow)


def test_a_macros_wrong_option_is_shown_in_a_box_and_ends_the_macro(
    fiji: Path, epinet_folder: Path, tmp_path: Path
) -> None:
    seen = run_at_desktop(fiji, REFUSED, epinet_folder.parent, out=tmp_path / "went on")
    assert seen["said"].startswith(
        "Detect Epithelial Events... was given 'netwrk', but its parameters are cell_diameter, "
    )
    assert not (tmp_path / "went on").exists()
    assert not {"EpiFiji", "Exception", "Macro Error"} & set(seen["titles"])


def test_a_movie_closed_during_a_detection_still_gives_events_and_maps(
    fiji: Path, movie_file: Path, epinet_folder: Path, events: list[Event]
) -> None:
    seen = run_at_desktop(fiji, CLOSED, epinet_folder.parent, movie=movie_file)
    for moment in ("reading", "searching"):
        assert not seen[moment]["open"]
        assert_same(seen[moment]["rois"], events)
        assert seen[moment]["positions"] == [[1, True]]
        assert seen[moment]["maps"] == ["noise-maps", 12]
        assert seen[moment]["known"], "the folder of the maps is one that the client removes"


def test_events_are_reviewed_and_scored_by_keys(
    fiji: Path, movie_file: Path, epinet_folder: Path, events: list[Event], tmp_path: Path
) -> None:
    results = epifiji.detect(movie_file, epinet_folder, **LOOSE).save(tmp_path / "noise_epifiji")
    out = tmp_path / "out"
    run_at_desktop(fiji, REVIEW, epinet_folder.parent, movie=movie_file, results=results, out=out)
    decided = [item.decision for item in read_review(out / "review.csv").items if item.decision]
    assert decided == ["keep", "reject", "keep"]
    with (out / "score.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["judged"], last["right"]) == ("3", "2")
    in_navigator = [item.decision for item in read_review(results / "review.csv").items if item.decision]
    assert in_navigator == ["reject"]


def test_cells_are_corrected_by_clicks_and_keys(fiji: Path, epinet_folder: Path, tmp_path: Path) -> None:
    made = broken_field(8)
    write_field(tmp_path, "wing", made)
    repairs = [one for one in made.repairs if one[0] in ("click", "delete")]
    cells = tmp_path / "wing_labels.tif"
    seen = run_at_desktop(
        fiji, CORRECT, epinet_folder.parent, movie=tmp_path / "wing.tif", cells=cells, repairs=repairs
    )
    assert seen["processes"] != os.getpid()
    _, edits = read_corrections(tmp_path / "wing_corrections.json")
    assert len(edits) == len(repairs) == 3
    corrected = read_cells(tmp_path / "wing_corrected_labels.tif")
    assert np.array_equal(corrected, EditedCells(read_cells(cells), edits).labels)
    for what, ((y, x),) in repairs:
        here = made.truth == made.truth[int(y), int(x)]
        assert same_cells(corrected[0][here], made.truth[here]), what
