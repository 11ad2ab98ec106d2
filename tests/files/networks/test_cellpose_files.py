"""Models of Cellpose from files of PyTorch: what is read, what is refused, and that nothing in them is executed."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import run_here
from epifiji.data.cellpose import CellposeDescription
from epifiji.data.errors import WrongInputError
from epifiji.files.networks.store import available, find_network, read_description, read_network, user_folder
from epifiji.files.networks.torch_files import torch_arrays, torch_shapes
from epifiji.jobs.networks import import_network
from torch_files import cellpose_arrays, write_torch_arrays, write_torch_zip

REFERENCE = Path(__file__).resolve().parents[2] / "reference_files" / "torch"
ARRAYS = cellpose_arrays()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("EPIFIJI_NETWORKS", "EPIFIJI_CELLPOSE_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def model(home: Path) -> Path:
    path = home / "models" / "cyto9"
    write_torch_arrays(path, ARRAYS)
    return path


class TestFilesOfTorch:
    @pytest.mark.parametrize("name", ["arrays", "arrays_old"])
    def test_the_arrays_are_those_that_torch_wrote(self, name: str) -> None:
        expected = np.load(REFERENCE / "arrays.npz")
        read = torch_arrays(REFERENCE / name)
        assert set(read) == set(expected)
        for key, values in read.items():
            assert values.shape == expected[key].shape
            assert values.dtype == np.float32
            assert np.array_equal(values, expected[key]), key
        assert torch_shapes(REFERENCE / name) == {key: values.shape for key, values in read.items()}

    def test_no_pickle_runs_code(self, home: Path) -> None:
        class Harmful:
            def __reduce__(self) -> tuple[Any, ...]:
                return os.mkdir, (str(home / "harmed"),)

        path = home / "harmful"
        write_torch_zip(path, pickle.dumps({"a": Harmful()}, 2))
        for read in (torch_arrays, torch_shapes, read_network, read_description):
            with pytest.raises(WrongInputError, match=r"names (posix|nt)\.mkdir, and would run code"):
                read(path)
        old = home / "old"
        old.write_bytes((REFERENCE / "arrays_old").read_bytes()[:15] + pickle.dumps(Harmful(), 2))
        with pytest.raises(WrongInputError, match="would run code"):
            torch_arrays(old)
        assert not (home / "harmed").exists()

    @pytest.mark.parametrize("name", ["arrays", "arrays_old"])
    def test_a_truncated_file_is_refused_at_every_length(self, home: Path, name: str) -> None:
        whole = (REFERENCE / name).read_bytes()
        path = home / "short"
        for length in range(0, len(whole) - 1, 37):
            path.write_bytes(whole[:length])
            with pytest.raises(WrongInputError):
                torch_arrays(path)

    @pytest.mark.parametrize(
        ("shape", "steps"), [((10**6, 10**6), (0, 0)), ((5,), (1,)), ((2, 2), (-1, 1)), ((2,), (4,)), ((2, 2), (1,))]
    )
    def test_an_array_outside_its_numbers_is_refused(self, home: Path, shape: Any, steps: Any) -> None:
        # A pickle by hand: rebuild(persistent id of four numbers, 0, shape, steps).
        names = b"ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI4\ntQI0\n"
        tuples = b"".join(b"(" + b"".join(b"I%d\n" % one for one in some) + b"t" for some in (shape, steps))
        write_torch_zip(home / "outside", b"(dVa\n" + names + tuples + b"tRs.", {"0": b"\0" * 16})
        with pytest.raises(WrongInputError, match="impossible shape|larger than its numbers"):
            torch_arrays(home / "outside")


class TestModelsOfCellpose:
    def test_a_model_is_a_network_by_name_and_by_file(self, home: Path, model: Path) -> None:
        assert ("cellpose:cyto9", model) in available()
        elsewhere = home / "mine"
        model.rename(elsewhere)
        assert find_network(f"cellpose:{elsewhere}") == elsewhere
        network = read_network(find_network(elsewhere))
        assert isinstance(network.description, CellposeDescription)
        assert (network.description.name, network.description.cell_diameter_px) == ("mine", 30)
        assert network.description.default_diameter_px == 17
        assert all(np.array_equal(network.weights[0][name], values) for name, values in ARRAYS.items())

    def test_an_imported_model_is_a_network_like_any_other(self, model: Path) -> None:
        place = import_network("cellpose:cyto9", "mine")
        assert place == user_folder() / "mine"
        assert read_network(place).sha256 == read_network(model).sha256
        assert read_description(place).outputs == ("flow_y", "flow_x", "inside")

    def test_the_command_line_lists_and_shows_it(self, home: Path, model: Path) -> None:
        (home / "models" / "size_cyto9.npy").write_bytes(b"\x93NUMPY")
        (home / "models" / "gui_models.txt").write_text("cyto9\n")
        code, out, err = run_here("networks", "list", "--json")
        assert code == 0
        assert [one["name"] for one in json.loads(out)["networks"] if "cellpose" in one["name"]] == ["cellpose:cyto9"]
        assert "size_cyto9" not in err
        assert "Nature Methods 18" in run_here("networks", "show", "cellpose:cyto9")[1]

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"W2": np.zeros((1, 1), np.float32)}, "Cellpose 4 (Cellpose-SAM)"),
            ({"other": np.zeros(3, np.float32)}, "no model of Cellpose 1 to 3 for cells (it has no diam_mean)"),
            (ARRAYS | {"output.2.weight": np.zeros((5, 32, 1, 1), np.float32)}, "output.2.weight has the shape"),
            ({key: values for key, values in ARRAYS.items() if "res_up_3" not in key}, "is missing"),
            (ARRAYS | {"output.2.bias": np.full(3, np.nan, np.float32)}, "finite 32-bit numbers"),
            (ARRAYS | {"diam_labels": np.zeros(1, np.float32)}, "which is impossible"),
        ],
        ids=["version 4", "another program", "more outputs", "incomplete", "not finite", "no scale"],
    )
    def test_other_models_are_refused(self, home: Path, arrays: dict[str, np.ndarray], sentence: str) -> None:
        write_torch_arrays(home / "models" / "other", arrays)
        with pytest.raises(WrongInputError, match=re.escape(sentence)):
            read_network(home / "models" / "other")

    def test_an_unknown_name_lists_the_known_ones(self, model: Path) -> None:
        with pytest.raises(WrongInputError, match=re.escape("no model of Cellpose 'cyto8'")) as raised:
            find_network("cellpose:cyto8")
        assert "cellpose:cyto9" in str(raised.value)
