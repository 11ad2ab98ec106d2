"""Temporary folders for Fiji: each answer lists them, and what was left behind is removed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from epifiji.bridge.fiji.client_folder import LEFT_BEHIND_S, client_folder, handed_over


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_answer_has_all_folders_that_were_made_for_it() -> None:
    with client_folder("other"), handed_over() as folders:
        with client_folder("maps") as first, client_folder("cells") as second:
            pass
        assert sorted(folders) == sorted([str(first), str(second)])
    assert first.is_dir()


def test_a_request_that_fails_leaves_no_folder(place: Path) -> None:
    with pytest.raises(ValueError, match="later"), handed_over(), client_folder("maps") as folder:
        (folder / "map.tif").touch()
        raise ValueError("later")
    with pytest.raises(ValueError, match="after it"), handed_over():
        with client_folder("maps") as folder:
            (folder / "map.tif").touch()
        raise ValueError("after it")
    assert list(place.iterdir()) == []


def test_what_a_killed_fiji_left_behind_is_removed_after_some_days(place: Path) -> None:
    with client_folder("old") as old, client_folder("used") as used, client_folder("new") as new:
        for folder in (old, used, new):
            (folder / "review.csv").touch()
    other = place / "epifiji-of-something-else"
    other.mkdir()
    then = (time.time() - LEFT_BEHIND_S - 60,) * 2
    for path in (old, old / "review.csv", used, other):
        os.utime(path, then)
    with client_folder("next") as following:
        assert sorted(place.iterdir()) == sorted([used, new, other, following])
