"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of networks, oracle files and real tissues; the test is skipped where it is absent."""
    folder = Path(os.environ.get("EPIFIJI_TEST_DATA", DEFAULT_DATA))
    if not (folder / "oracle").is_dir():
        pytest.skip(f"no test data in {folder}: set EPIFIJI_TEST_DATA to the folder that holds oracle/ and dexnets/")
    return folder
