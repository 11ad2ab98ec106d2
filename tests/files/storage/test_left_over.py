"""Leftovers of processes in folders: removed if the process has certainly ended, never if it may be running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.journals import recover
from epifiji.files.storage.unfinished import Unfinished
from epifiji.files.storage.writable import new_files

WRITING = """
import sys, time
from pathlib import Path
from epifiji.files.storage.writable import new_files
with new_files(Path(sys.argv[1]), ["a.csv"]) as partial:
    (partial / "a.csv").write_text("half")
    print("written", flush=True)
    time.sleep(600)
"""


KEEPING = """
import os, signal
import numpy as np
from epifiji.files.storage.unfinished import Unfinished
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
Unfinished({"run": 1}).put(0, [np.zeros(3)])
"""


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".epifiji-*"))


def test_files_of_a_running_process_stay_and_those_of_a_killed_one_are_removed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        recover(tmp_path)
        with new_files(tmp_path, ["b.csv"]) as partial:
            (partial / "b.csv").write_text("whole")
        (left,) = hidden(tmp_path)
        assert (left / "new" / "a.csv").read_text() == "half"
    finally:
        process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        process.communicate()
    recover(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_leftovers_of_a_run_that_kept_a_part_are_removed_with_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing existed yet, so the run worked in the folder around the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    assert subprocess.run([sys.executable, "-c", KEEPING], check=False).returncode == -signal.SIGKILL
    assert len(hidden(tmp_path)) == 1
    Unfinished({"run": 1}).remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("hours", "stays"), [(1, True), (30, False)])
def test_a_folder_of_another_machine_stays_for_a_day(tmp_path: Path, hours: int, stays: bool) -> None:
    left = tmp_path / ".epifiji-0123abcd"
    (left / "new").mkdir(parents=True)
    (left / "owner.json").write_text(json.dumps({"host": "elsewhere", "boot": "another", "process": 7}))
    for path in (left / "owner.json", left / "new", left):
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    recover(tmp_path)
    assert bool(hidden(tmp_path)) == stays


def test_a_folder_of_the_users_with_such_a_name_stays(tmp_path: Path) -> None:
    (tmp_path / ".epifiji-notes").mkdir()
    (tmp_path / ".epifiji-notes" / "mine.txt").write_text("mine")
    recover(tmp_path)
    assert (tmp_path / ".epifiji-notes" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../../mine.txt", "/mine.txt", "a/../../mine.txt", "link/mine.txt", ""])
def test_an_untrusted_journal_moves_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    results = tmp_path / "theirs_epifiji"
    left = results / ".epifiji-0123abcd"
    (left / "new").mkdir(parents=True)
    (left / "owner.json").touch()
    (results / "link").symlink_to(tmp_path)
    (left / "journal.json").write_text(json.dumps({"moves": [{"stage": ".", "name": name, "new": False, "old": True}]}))
    with pytest.raises(WrongInputError, match="cannot be understood"):
        recover(results)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"moves": 3}', '{"part_of": "..", "moves": []}', '{"moves": [1]}']
)
def test_a_damaged_journal_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    left = tmp_path / ".epifiji-0123abcd"
    (left / "new").mkdir(parents=True)
    (left / "owner.json").touch()
    (left / "journal.json").write_text(text)
    if "part_of" in text:
        # Without the journal that it belongs to, nothing was decided.
        recover(tmp_path)
        assert not hidden(tmp_path)
        return
    with pytest.raises(WrongInputError, match="cannot be understood"):
        recover(tmp_path)
