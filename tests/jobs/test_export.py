"""An exported network, in another runtime and in the zoo's validator, predicts the same as in EpiFiji."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from scipy.ndimage import gaussian_filter

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.data.errors import WrongInputError
from epifiji.engine.networks.epinet.maps import probabilities
from epifiji.files.networks.store import read_network, write_network
from epifiji.jobs.export import HALO_PX, export_network
from small_networks import small_epinet, small_network


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two EpiNets, one of them of two members, and a DeXNet."""
    folder = tmp_path_factory.mktemp("networks")
    text = "# One\n\nFrom my own movies.\n"
    write_network(small_epinet(5, name="one", provenance="Random."), folder / "one", text=text)
    write_network(small_epinet(6, members=2, name="two"), folder / "two")
    write_network(small_network(1, name="dex"), folder / "dex")
    return folder


def movie(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(sum(shape)).normal(size=shape), (1, 2, 2))
    high = 255 if dtype is np.uint8 else 4000
    return (high * (field - field.min()) / (field.max() - field.min())).astype(dtype)


def answered(model: Path | bytes, pixels: np.ndarray) -> np.ndarray:
    """Predictions of onnxruntime, (events, T, Y, X)."""
    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model))
    (found,) = session.run(None, {"movie": pixels[None, None].astype(np.float32)})
    return found[0]


class TestTheGraph:
    @pytest.mark.parametrize("name", ["one", "two"])
    @pytest.mark.parametrize(
        "pixels",
        [movie(9, 64, 64), movie(14, 72, 104), movie(7, 80, 64, dtype=np.uint16)],
        ids=["small", "odd", "uint16"],
    )
    def test_another_runtime_gives_the_same_probabilities(self, networks, tmp_path, name, pixels):
        model = export_network(networks / name, tmp_path / "net.onnx")
        expected = probabilities(read_network(networks / name), pixels)
        assert expected.shape == (3, *pixels.shape)
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(answered(model, pixels), expected, atol=2e-5)

    def test_they_are_the_maps_of_a_detection(self, networks, tmp_path):
        pixels = movie(12, 64, 80)
        maps = epifiji.detect(pixels, networks / "one", maps="raw", mode="exact").maps["rawproba"]
        found = answered(export_network(networks / "one", tmp_path / "net.onnx"), pixels)
        for index, event in enumerate(("cell_death", "cell_sop", "cell_division")):
            levels = 255 * found[index]
            np.testing.assert_allclose(maps[event][:], levels - 0.5, atol=0.51)

    def test_the_shipped_networks_predictions_in_a_piece_are_those_in_the_whole(self, tmp_path):
        """Pieces overlap by the halo in the package."""
        from epifiji.engine.simulation.movie import simulate

        made, _ = simulate(seed=21, frames=24, height=320, width=320, extrusions=8, divisions=5, sops=4)
        pixels = made.frames(0, 24)
        model = export_network("epinet", tmp_path / "net.onnx")
        whole = answered(model, pixels)
        piece = answered(model, pixels[:, 40:280, 40:280])
        inner = slice(HALO_PX, 240 - HALO_PX)
        shifted = slice(40 + HALO_PX, 280 - HALO_PX)
        assert whole[:, :, shifted, shifted].max() > 0.5
        assert np.abs(piece[:, :, inner, inner] - whole[:, :, shifted, shifted]).max() < 0.01
        assert np.abs(piece - whole[:, :, 40:280, 40:280]).max() > 0.05

    def test_it_is_a_valid_model_that_says_what_it_is(self, networks, tmp_path):
        model = onnx.load(export_network(networks / "one", tmp_path / "net.onnx"))
        onnx.checker.check_model(model, full_check=True)
        assert model.doc_string == "one: cell_death, cell_sop, cell_division. Random."
        assert {one.key: one.value for one in model.metadata_props}["classes"] == "cell_death,cell_sop,cell_division"
        (shown,) = model.graph.output
        assert [one.dim_value or one.dim_param for one in shown.type.tensor_type.shape.dim] == [1, 3, "time", "y", "x"]
        held = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
        weights = read_network(networks / "one").weights[0]
        assert np.array_equal(held["member_0/fine_0/kernel"], weights["fine_0/kernel"].transpose(3, 2, 0, 1))


@pytest.fixture(scope="module")
def package(networks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "one.zip"
    return export_network(networks / "one", path, ["A. Person", "B. Person"], "CC-BY-4.0")


class TestThePackage:
    def test_the_zoos_validator_finds_nothing_wrong(self, package):
        from bioimageio.spec import load_description

        described = load_description(package)
        summary = described.validation_summary
        assert summary.status != "failed", summary.format()
        assert [error.msg for error in summary.errors] == []
        # The validator's check of the authors' accounts is not relevant here.
        assert [warning.msg.partition(" or ")[0] for warning in summary.warnings] == ["Missing `maintainers`"]
        assert (described.name, described.license) == ("EpiFiji one", "CC-BY-4.0")
        assert [author.name for author in described.authors] == ["A. Person", "B. Person"]

    def test_it_finds_wrong_what_is_wrong(self, package, tmp_path):
        with zipfile.ZipFile(package) as archive:
            archive.extractall(tmp_path)
        described = yaml.safe_load((tmp_path / "bioimageio.yaml").read_text(encoding="utf-8"))
        described["outputs"][0]["axes"][2]["halo"] = 0
        from bioimageio.spec import ValidationContext, validate_format

        with ValidationContext(root=tmp_path, perform_io_checks=False):
            assert validate_format(described).status == "failed"

    def test_files_have_the_listed_hashes_and_the_test_data_agree(self, package):
        with zipfile.ZipFile(package) as archive:
            described = yaml.safe_load(archive.read("bioimageio.yaml"))
            ((given,), (wanted,)) = described["inputs"], described["outputs"]
            entries = [given["test_tensor"], wanted["test_tensor"], described["weights"]["onnx"]]
            for entry in entries:
                assert hashlib.sha256(archive.read(entry["source"])).hexdigest() == entry["sha256"]
            before, after = (np.load(io.BytesIO(archive.read(entry["source"]))) for entry in entries[:2])
            found = answered(archive.read("weights.onnx"), before[0, 0])
            card = archive.read("README.md").decode()
        np.testing.assert_allclose(found, after[0], atol=2e-5)
        assert before.shape[-1] >= given["axes"][4]["size"]["min"] > 2 * wanted["axes"][4]["halo"]
        assert card.startswith("# One\n\nFrom my own movies.\n")
        assert "\n# Validation\n" in card

    def test_it_has_scale_and_classes(self, package, networks):
        with zipfile.ZipFile(package) as archive:
            described = yaml.safe_load(archive.read("bioimageio.yaml"))
        own = described["config"]["epifiji"]
        known = json.loads(read_network(networks / "one").description.model_dump_json())
        assert own == {key: known[key] for key in own}
        assert (own["cell_diameter_px"], own["classes"][1]) == (25, "cell_death")

    def test_that_of_the_shipped_network_needs_no_names(self, tmp_path):
        from bioimageio.spec import load_description

        described = load_description(export_network("epinet", tmp_path / "epinet.zip"))
        assert described.validation_summary.status != "failed"
        assert (described.authors[0].name, described.license) == ("EpiFiji", "BSD-3-Clause")


class TestWhatIsRefused:
    def test_each_in_one_sentence(self, networks, tmp_path):
        (tmp_path / "there.onnx").write_bytes(b"mine")
        for arguments, words in {
            ("one", "net.h5"): "net.h5 ends with .h5, but a network is exported as .onnx or, for bioimage.io, as .zip",
            ("one", "there.onnx"): "there.onnx exists and would be overwritten: choose another name, or --overwrite",
            ("one", "none/net.onnx"): "none is not a folder, but net.onnx is to be written into it",
            ("dex", "net.onnx"): "dex is of the kind dexnet, but only an EpiNet can be exported",
            (
                "one",
                "net.zip",
            ): "one has no author, but a bioimage.io package needs one: specify --author NAME",
        }.items():
            with pytest.raises(WrongInputError) as caught:
                export_network(networks / arguments[0], tmp_path / arguments[1])
            assert words in str(caught.value)
            assert "\n" not in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
        assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_the_command_writes_either(networks, tmp_path, monkeypatch, capsys):
    for name, more in {"net.onnx": [], "net.zip": ["--author", "A. Person"]}.items():
        place = tmp_path / name
        arguments = ["epifiji", "networks", "export", str(networks / "two"), "--out", str(place), *more]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None)
        assert capsys.readouterr().out == f"exported: {place}\n"
        assert place.is_file()
