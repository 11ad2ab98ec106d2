"""Fixtures of the tests at a desktop."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from epifiji.files.results.events_table import write_events
from planted_events import planted


@pytest.fixture(scope="module")
def movie_file(tmp_path_factory: pytest.TempPathFactory, movie_file: Path) -> Path:
    """Copy the movie: if a key of the review reached ImageJ, it would save the movie."""
    return Path(shutil.copy2(movie_file, tmp_path_factory.mktemp("reviewed") / movie_file.name))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, movie_file: Path) -> dict[str, Path]:
    folders = {}
    for name in ("whole", "killed", "keys", "manager", "random"):
        folder = tmp_path_factory.mktemp(name) / "noise_epifiji"
        folder.mkdir()
        write_events(folder / "events.csv", planted())
        record = {"movie": {"name": "noise", "file": str(movie_file), "shape": [12, 70, 80]}}
        (folder / "run.json").write_text(json.dumps(record))
        folders[name] = folder
    return folders
