"""What happens with networks of Cellpose where there is no Cellpose, as where the tests run.

``benchmarks/cellpose_checks.py`` tests the same with Cellpose.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.jobs.cells.segmentation import segment
from torch_files import cellpose_arrays, write_torch_arrays

IMAGE = np.zeros((64, 64), np.uint8)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EPIFIJI_CELLPOSE_PYTHON", raising=False)
    write_torch_arrays(tmp_path / "cyto9", cellpose_arrays())
    return tmp_path / "cyto9"


def test_one_sentence_says_how_to_get_it(model: Path) -> None:
    assert find_spec("cellpose") is None
    with pytest.raises(WrongInputError, match=r"not installed here: install it with pip install 'epifiji\[cellpose\]'"):
        segment(IMAGE, model)


def test_a_python_without_it_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPIFIJI_CELLPOSE_PYTHON", sys.executable)
    with pytest.raises(WrongInputError, match=r"Cellpose failed in .*No module named 'cellpose'"):
        segment(IMAGE, model)


def test_a_path_that_is_no_python_is_named(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPIFIJI_CELLPOSE_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(WrongInputError, match="is not a file, but a Python is expected"):
        segment(IMAGE, model)
    (tmp_path / "nothing").write_text("no program")
    with pytest.raises(WrongInputError, match="does not start"):
        segment(IMAGE, model)


def test_settings_without_effect_are_refused(model: Path) -> None:
    with pytest.raises(WrongInputError, match="seed_height is specified, but cells of cyto9 are separated by Cellpose"):
        segment(IMAGE, model, seed_height=0.2)
