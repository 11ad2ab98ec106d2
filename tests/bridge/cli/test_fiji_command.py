"""``epifiji fiji``: ImageJ opened with the engine inside, for a macro or for a user."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import run_here
from desktop import close, desktop, focus, picture, wait_for, windows
from fiji_folders import make_fiji
from jvm import FOR_SHORT_RUNS, SHORT_EPIFIJI

TIMEOUT_S = 240


def fiji(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SHORT_EPIFIJI, "fiji", *map(str, arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_macro_runs_without_a_window_and_its_value_is_printed(tmp_path: Path) -> None:
    macro = tmp_path / "value.ijm"
    macro.write_text('return "seen " + getArgument();')
    done = fiji("--headless", "--macro", macro, "--argument", "this one")
    assert (done.returncode, done.stdout) == (0, "seen this one\n"), done.stderr


def test_movies_are_open_for_the_macro_whatever_their_paths(tmp_path: Path, movie_file: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    folder.mkdir()
    for name in ("first.tif", "second.tif"):
        (folder / name).write_bytes(movie_file.read_bytes())
    macro = tmp_path / "which.ijm"
    macro.write_text('return getTitle() + " " + nImages + " " + nSlices;')
    command = [*SHORT_EPIFIJI, "fiji", "first.tif", "second.tif", "--headless", "--macro", str(macro)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout) == (0, "second.tif 2 12\n"), done.stderr
    refused = fiji(tmp_path / "none.tif", "--headless", "--macro", macro)
    assert refused.returncode == 2
    assert "none.tif is no file, but a movie is to be opened" in refused.stderr


def test_a_failing_macro_ends_with_its_error_message(tmp_path: Path) -> None:
    macro = tmp_path / "fails.ijm"
    macro.write_text('run("Detect Epithelial Events...", "cell_size=3");')
    done = fiji("--headless", "--macro", macro)
    assert done.returncode == 1
    assert "Detect Epithelial Events... was given 'cell_size', but its parameters are" in done.stderr
    assert "Traceback" not in done.stderr


def test_invalid_inputs_are_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = make_fiji(tmp_path / "Fiji")
    for arguments, words in (
        (["--headless"], "Without a window there is nothing to do but to run a macro: give --macro FILE too."),
        (["--headless", "--macro", str(tmp_path / "none.ijm")], "none.ijm cannot be read (No such file or directory)"),
        (["--fiji", str(tmp_path)], "is no Fiji (it lacks jars/ij-*.jar)"),
        (["--fiji", str(folder)], "has no EpiFiji in it: run 'epifiji install-fiji' with this folder first."),
    ):
        code, _, error = run_here("fiji", *arguments)
        assert code == 2, error
        assert words in error
        assert error.count("\n") == 1


QUITTING = f"""
import sys
from pathlib import Path
import scyjava
scyjava.config.add_options({list(FOR_SHORT_RUNS)!r})
from epifiji.bridge.fiji.open import open_imagej, run_fiji
open_imagej(headless=False)
import jpype
jpype.JClass("ij.IJ").getInstance().exitWhenQuitting(True)
jpype.JClass("java.lang.System").clearProperty("epifiji.commands")
run_fiji(None, False, Path(sys.argv[1]), "")
"""
"""An ImageJ in Python whose window ends Java's process when it is closed, as a Fiji's does."""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('print("done"); return "seen";', (0, "seen\n", "")),
        ('run("Detect Epithelial Events...", "cell_size=3");', (1, "", "was given 'cell_size', but its parameters")),
        ('print("begun"); while (true) wait(100);', (1, "", "a macro was running when ImageJ was closed.")),
    ],
)
def test_value_and_failure_are_reported_when_the_window_ends_the_process(
    tmp_path: Path, code: str, expected: tuple[int, str, str]
) -> None:
    macro = tmp_path / "macro.ijm"
    macro.write_text(code)
    with desktop() as display, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        command = [sys.executable, "-c", QUITTING, str(macro)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for("the log", lambda: windows("Log"))
            time.sleep(1)
            close("ImageJ")
            out, error = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
    assert (process.returncode, out) == expected[:2], error
    assert expected[2] in error
    assert "Traceback" not in error


def test_the_window_stays_until_it_is_closed(tmp_path: Path) -> None:
    with desktop() as display:
        env = {**os.environ, "DISPLAY": display}
        process = subprocess.Popen([*SHORT_EPIFIJI, "fiji"], env=env, stderr=subprocess.PIPE, text=True)
        os.environ["DISPLAY"] = display
        try:
            focus("ImageJ")
            picture(tmp_path / "imagej.png")
            assert process.poll() is None
            close("ImageJ")
            wait_for("the end", lambda: not windows("ImageJ"))
            _, error = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
            del os.environ["DISPLAY"]
    assert process.returncode == 0, error
