"""Failures of a worker give one sentence: unsuitable Pythons, options that cannot be parsed, full disks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from epifiji.bridge.fiji.requests.answer import VERSION
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from worker_scripts import FAILING_PYTHONS, FULL_DISK, run_script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses Unix's limits and file systems")

WITHOUT_EPIFIJI = f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n'
"""A Python without installed packages."""

SMALL_DISK = ("unshare", "--map-root-user", "--mount", "sh", "-c")
"""Runs a command in a namespace in which it may mount; only this command sees the mounts."""


@pytest.fixture(scope="module")
def fiji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_plain_fiji(tmp_path_factory.mktemp("refused") / "Fiji für Müller")


@pytest.fixture(scope="module")
def movie(movie_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(movie_file, tmp_path_factory.mktemp("one movie") / "8.tif"))


@pytest.fixture(scope="module")
def pythons(fiji: Path, tmp_path_factory: pytest.TempPathFactory, movie: Path, epinet_folder: Path) -> dict[str, Any]:
    """Run commands with unsuitable Pythons, and with one that may only write small files."""
    folder = tmp_path_factory.mktemp("pythons")
    files = {
        "old": "#!/bin/sh\necho '  File \"worker.py\", line 9' >&2\necho 'SyntaxError: invalid syntax' >&2\nexit 1\n",
        "silent": "#!/bin/sh\nexit 0\n",
        "brief": "#!/bin/sh\nsleep 2\n",
        "without": WITHOUT_EPIFIJI,
        "limited": f'#!/bin/sh\nulimit -f 4\nexec "{sys.executable}" "$@"\n',
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "no program").write_text("text")
    record = fiji / "jars" / "epifiji" / "python.json"
    before = record.read_text()
    try:
        given = {
            "pythons": folder,
            "record": record,
            "movie": movie,
            "network": epinet_folder,
            "out": folder / "out",
        }
        return run_script(fiji, FAILING_PYTHONS, **given) | {"folder": folder}
    finally:
        record.write_text(before)


AGAIN = (
    ": install EpiFiji in a Python of version 3.11 to 3.13 and run 'epifiji install-fiji' with the folder of this Fiji from "
    "there."
)


class TestPythonsThatDoNotFit:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("missing", "EpiFiji's Python {}/missing no longer exists" + AGAIN),
            ("old", "The Python {}/old did not start EpiFiji's engine (SyntaxError: invalid syntax)" + AGAIN),
            ("silent", "The Python {}/silent did not start EpiFiji's engine (without a message)" + AGAIN),
            ("brief", "The Python {}/brief did not start EpiFiji's engine (without a message)" + AGAIN),
            (
                "other version",
                "This Fiji has the scripts of EpiFiji 0.0.1, but its Python {python} has EpiFiji {version}: run 'epifiji "
                "install-fiji' with the folder of this Fiji from there, and start Fiji again.",
            ),
        ],
    )
    def test_it_gives_one_sentence_with_what_to_do(self, pythons, name, words):
        text = words.replace("{}", str(pythons["folder"])).format(python=sys.executable, version=VERSION)
        assert pythons["errors"][name] == text

    @pytest.mark.parametrize(
        ("name", "begin", "words"),
        [
            ("without", "The Python {}/without did not start EpiFiji's engine (", "No module named"),
            ("no program", "EpiFiji's Python {}/no program did not start (", "ermission denied"),
            ("no record", "This Fiji has no record of the Python that runs EpiFiji (", "python.json"),
            ("no object", "This Fiji has no record of the Python that runs EpiFiji (", "python.json"),
        ],
    )
    def test_the_systems_message_is_in_the_sentence(self, pythons, name, begin, words):
        said = pythons["errors"][name]
        assert said.startswith(begin.replace("{}", str(pythons["folder"])))
        assert words in said
        assert said.endswith(AGAIN)
        assert "\n" not in said

    def test_a_file_that_cannot_grow_is_reported_and_no_files_are_left(self, pythons):
        said = pythons["errors"]["limited"]
        assert re.fullmatch(
            r".+ takes no temporary file of \d+ bytes: neither the disk nor your account allows a file so large; set the "
            r"environment variable TMPDIR to a folder on another disk\.",
            said,
        )
        assert pythons["left"] == []


def test_without_a_window_the_exit_code_is_one_and_the_last_line_is_the_reason(fiji: Path, tmp_path: Path) -> None:
    record = fiji / "jars" / "epifiji" / "python.json"
    before = record.read_text()
    python = tmp_path / "python without EpiFiji"
    python.write_text(WITHOUT_EPIFIJI)
    python.chmod(0o755)
    try:
        record.write_text(json.dumps({**json.loads(before), "python": str(python)}))
        ended = run_in_plain_fiji(fiji, 'run("Detect Epithelial Events...", "input=/a.tif");\nprint("went on");')
    finally:
        record.write_text(before)
    assert ended.returncode == 1
    assert "went on" not in ended.stdout
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"epifiji: The Python {python} did not start EpiFiji's engine (")
    assert last.endswith(AGAIN)
    assert sum(line.startswith("epifiji: ") for line in ended.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def full(fiji: Path, tmp_path_factory: pytest.TempPathFactory, movie: Path, epinet_folder: Path) -> dict[str, Any]:
    """Run detections whose results are written onto a disk of 700 kB: without maps they fit, with all maps they do not."""
    disk = tmp_path_factory.mktemp("full")
    mount = f'mount -t tmpfs -o size=700k none "{disk}" && exec "$0" "$@"'
    probe = subprocess.run([*SMALL_DISK, mount, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("this user may not mount a small disk in a name space of its own")
    given = {"movie": movie, "network": epinet_folder, "full": disk}
    return run_script(fiji, FULL_DISK, (*SMALL_DISK, mount), **given)


class TestFullDisk:
    def test_results_that_fit_are_written(self, full):
        assert full["errors"]["none"] == ""
        assert full["written"] == ["8_epifiji"]

    def test_a_second_detection_is_refused_because_results_exist(self, full):
        assert "8_epifiji/events.csv exists and would be overwritten" in full["errors"]["again"]

    def test_a_full_disk_is_reported_in_one_sentence_and_no_files_are_left(self, full):
        assert "/8_epifiji/" in full["errors"]["clean"]
        assert full["errors"]["clean"].endswith(
            " could not be read or written (No space left on device): the disk is full; free some space there, or choose a "
            "folder on another disk."
        )
        assert full["left"] == []


class TestOptions:
    """Without a window a wrong option ends the macro and ImageJ, with exit code 2.

    The scripts find one of these, the engine the other; `test_imagej.py` has the sentences for others.
    """

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ("step_xy=ten", "step_xy is 'ten', but it must be a whole number from 1 to 200"),
            ("network=small network=notum_all", "was given 'network' twice: give it once."),
        ],
    )
    def test_options_are_strict(self, options, words, fiji, movie, epinet_folder, monkeypatch):
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(epinet_folder.parent))
        ended = run_in_plain_fiji(
            fiji, f'open("{movie}");\nrun("Detect Epithelial Events...", "{options}");\nprint("went on");'
        )
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert "went on" not in ended.stdout
        (line,) = [line for line in ended.stderr.splitlines() if line.startswith("epifiji: ")]
        assert words in line
        assert "Traceback" not in ended.stderr
        assert [path.name for path in movie.parent.iterdir()] == [movie.name]
