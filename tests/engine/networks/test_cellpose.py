"""What happens with networks of Cellpose where there is no Cellpose, as where the tests run.

``benchmarks/cellpose_checks.py`` tests the same with Cellpose.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from epifiji.bridge.fiji.messages import in_fiji_terms
from epifiji.data.cellpose_python import choice_file, chosen_python, python_of
from epifiji.data.errors import WrongInputError
from epifiji.files.networks.cellpose import store_python
from epifiji.jobs.cells.segmentation import segment
from epifiji.jobs.networks import cellpose_in_words, choose_cellpose
from requests_of_fiji import ask
from torch_files import cellpose_arrays, write_torch_arrays

IMAGE = np.zeros((64, 64), np.uint8)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EPIFIJI_CELLPOSE_PYTHON", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
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


class TestTheChosenPython:
    def test_one_without_cellpose_is_not_remembered(self, model: Path) -> None:
        assert cellpose_in_words().startswith("no Python with Cellpose was chosen")
        with pytest.raises(WrongInputError, match=r"Cellpose failed in .*No module named 'cellpose'"):
            choose_cellpose(sys.executable)
        assert chosen_python() is None

    def test_it_is_found_in_the_folder_of_its_environment(self, tmp_path: Path, model: Path) -> None:
        """Of conda and venv, on each system."""
        for number, place in enumerate(("bin/python", "Scripts/python.exe", "python.exe")):
            python = tmp_path / str(number) / place
            python.parent.mkdir(parents=True)
            python.touch()
            assert python_of(str(tmp_path / str(number))) == python_of(str(python)) == str(python)
        with pytest.raises(WrongInputError, match="neither a Python nor the folder of an environment"):
            choose_cellpose(str(tmp_path / "config"))

    def test_other_files_are_named(self, tmp_path: Path, model: Path) -> None:
        """A model of Cellpose, a text, and a program that is named like a Python; what to do names no window or command."""
        (tmp_path / "notes.txt").write_text("no program")
        (tmp_path / "python3").write_text("no program")
        for name, words in (
            (
                "cyto9",
                "cyto9 is a file, but no Python",
            ),
            ("notes.txt", "notes.txt is a file, but no Python"),
            ("python3", "python3 does not start as a Python (Permission denied)"),
        ):
            answer = ask("manage_networks", {"settings": {"cellpose": str(tmp_path / name)}})
            assert words in answer["error"]
            assert ": choose the environment in which Cellpose 3 is installed" in answer["error"]
            assert "Manage" not in answer["error"]

    def test_it_is_remembered_until_it_is_forgotten(self, tmp_path: Path, model: Path) -> None:
        python = tmp_path / "python"
        python.touch()
        store_python(str(python))
        assert chosen_python() == (str(python), str(choice_file()))
        python.unlink()
        with pytest.raises(WrongInputError, match=r"python, which is not a file.*'epifiji networks cellpose --reset'"):
            segment(IMAGE, model)
        choose_cellpose(None)
        assert chosen_python() is None

    @pytest.mark.parametrize("content", ["{}", "[1]", '{"python": 3}', "no JSON", "[" * 9_000])
    def test_a_damaged_choice_is_refused(self, model: Path, content: str) -> None:
        choice_file().parent.mkdir(parents=True)
        choice_file().write_text(content)
        with pytest.raises(WrongInputError, match="does not contain the path of a Python"):
            segment(IMAGE, model)

    def test_fiji_asks_for_it_in_its_own_words(self, model: Path) -> None:
        said = ask("manage_networks", {"settings": {"cellpose": "none"}})["result"]["said"]
        assert said == cellpose_in_words()
        text = in_fiji_terms("choose a Python with 'epifiji networks cellpose PYTHON'")
        assert text == 'choose a Python with "Manage EpiFiji Networks"'


def test_settings_without_effect_are_refused(model: Path) -> None:
    with pytest.raises(WrongInputError, match="seed_height is specified, but cells of cyto9 are separated by Cellpose"):
        segment(IMAGE, model, seed_height=0.2)
