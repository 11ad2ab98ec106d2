"""EPySeg's networks from files of Keras: what is read, what is refused, and that nothing in them is executed."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from command_line import run
from epifiji.data.cell_networks import EPySegDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import event_network
from epifiji.data.tensorflow_import import import_keras
from epifiji.engine.networks.epyseg.model import Linknet
from epifiji.files.networks.store import read_description, read_network, user_folder
from epifiji.jobs.networks import import_network
from epyseg_networks import keras_model, linknet_weights, write_hdf5, write_saved_model

WIDTH = 4
WEIGHTS = linknet_weights(WIDTH, trained=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def saved_by_keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that Keras 3 wrote, and what it predicts."""
    folder = tmp_path_factory.mktemp("keras")
    model = keras_model(import_keras(), WEIGHTS, WIDTH)
    for name in ("model.keras", "model.h5"):
        model.save(folder / name)  # type: ignore[attr-defined]
    model.save_weights(folder / "only.weights.h5")  # type: ignore[attr-defined]
    np.save(folder / "tile.npy", np.random.default_rng(0).random((1, 64, 32)).astype(np.float32))
    np.save(folder / "maps.npy", model(np.load(folder / "tile.npy")[..., None], training=False))  # type: ignore[operator]
    return folder


def require_weights(path: Path, name: str) -> None:
    network = read_network(path)
    assert isinstance(network.description, EPySegDescription)
    assert network.description.name == name
    assert set(network.weights[0]) == set(WEIGHTS)
    assert all((network.weights[0][key] == values).all() for key, values in WEIGHTS.items())


class TestWhatIsRead:
    @pytest.mark.parametrize("alone", [False, True], ids=["model", "weights"])
    @pytest.mark.parametrize("name", ["net.h5", "net.HDF5"])
    def test_an_hdf5_file(self, home, name, alone):
        require_weights(write_hdf5(home / name, WEIGHTS, alone), "net")

    def test_a_saved_model(self, home):
        require_weights(write_saved_model(home / "net.model", WEIGHTS), "net.model")

    @pytest.mark.parametrize(
        ("name", "stem"), [("model.keras", "model"), ("model.h5", "model"), ("only.weights.h5", "only")]
    )
    def test_what_keras_3_wrote(self, saved_by_keras, name, stem):
        require_weights(saved_by_keras / name, stem)

    def test_it_predicts_what_keras_predicts(self, saved_by_keras):
        network = read_network(saved_by_keras / "model.keras")
        maps = Linknet(network.weights)(np.load(saved_by_keras / "tile.npy"))
        np.testing.assert_allclose(maps, np.load(saved_by_keras / "maps.npy"), rtol=0, atol=1e-5)

    def test_numbers_of_other_precision_become_32_bits(self, home):
        double = {key: values.astype(np.float64) for key, values in WEIGHTS.items()}
        require_weights(write_hdf5(home / "net.h5", double), "net")

    def test_the_card_names_file_and_hash(self, home):
        described = read_description(write_hdf5(home / "net.h5", WEIGHTS))
        assert described.provenance.startswith("A network in the form of EPySeg (Aigouy et al., Development 147")
        assert "read from net.h5 (MD5 " in described.provenance
        assert described.outputs[0] == "outlines"
        assert (described.task, described.axes, len(described.outputs)) == ("cells", "YX", 7)

    def test_it_is_imported_listed_and_shown(self, home, monkeypatch, capsys):
        write_hdf5(home / "net.h5", WEIGHTS)
        code, said, _ = run(["networks", "import", str(home / "net.h5"), "--name", "mine"], monkeypatch, capsys)
        assert code == 0, said
        require_weights(user_folder() / "mine", "mine")
        entries = json.loads((user_folder() / "mine" / "network.json").read_text(encoding="utf-8"))
        assert (entries["kind"], entries["origin"]) == ("epyseg", str(home / "net.h5"))
        _, said, _ = run(["networks", "list"], monkeypatch, capsys)
        assert "epyseg" in next(line for line in said.splitlines() if "mine" in line)
        _, said, _ = run(["networks", "show", "mine"], monkeypatch, capsys)
        assert "Predicts: outlines, wide outlines" in said
        assert "cells of the size in the image" in said

    def test_it_is_not_taken_for_a_network_of_events(self, home):
        with pytest.raises(WrongInputError, match="predicts outlines.*, but one that finds events is needed"):
            event_network(read_network(write_hdf5(home / "net.h5", WEIGHTS)))


def changed(**arrays: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the weights with other arrays; double underscores are slashes."""
    new = {key.replace("__", "/"): values for key, values in arrays.items()}
    kept = {key: values for key, values in WEIGHTS.items() if key not in new}
    return kept | {key: values.astype(np.float32) for key, values in new.items() if values is not None}


OTHER_NETWORKS = {
    "three channels": (changed(block1_conv1__kernel=np.zeros((3, 3, 3, 4))), "it takes images of 3 channels"),
    "one map": (changed(head__kernel=np.zeros((3, 3, 1, 1)), head__bias=np.zeros(1)), "the number of its maps is 1"),
    "another encoder": (changed(block1_conv1__kernel=None, block1_conv1__bias=None), "it has no layer block1_conv1"),
    "another decoder": (
        changed(decoder_stage0b_conv__kernel=None),
        "it has no decoder_stage0b_conv/kernel",
    ),
    "another width": (
        changed(block3_conv1__kernel=np.zeros((3, 3, 8, 12))),
        r"its block3_conv1/kernel has the shape \(3, 3, 8, 12\) instead of \(3, 3, 8, 16\)",
    ),
    "no last layer": (changed(head__kernel=None, head__bias=None), "it has no last layer"),
}


def refused(source: Path) -> str:
    with pytest.raises(WrongInputError) as caught:
        import_network(source, "new")
    assert not (user_folder() / "new").exists()
    message = str(caught.value)
    assert message.count(". ") == message.count("et al. ")
    assert len(message) < 500
    return message


class TestWhatIsRefused:
    @pytest.mark.parametrize("other", OTHER_NETWORKS)
    @pytest.mark.parametrize("form", ["hdf5", "saved"])
    def test_another_network(self, home, other, form):
        weights, said = OTHER_NETWORKS[other]
        if form == "hdf5":
            message = refused(write_hdf5(home / "net.h5", weights))
        else:
            message = refused(write_saved_model(home / "net", weights))
            if other in ("another encoder", "another decoder", "no last layer"):
                # Layers are numbered, so it cannot be said which is missing.
                assert re.search(r"has no layer_with_weights-\d+/\w+, so it is not an EPySeg network", message)
                return
        assert re.search(rf"is not an EPySeg network \({said}\), and other models of Keras", message)

    def test_another_activation(self, home):
        assert "it does not end in a sigmoid" in refused(write_hdf5(home / "net.h5", WEIGHTS, last="softmax"))

    def test_numbers_that_are_none(self, home):
        weights = changed(block2_conv1__bias=np.full(8, np.nan))
        assert "block2_conv1/bias does not consist of finite 32-bit numbers" in refused(
            write_hdf5(home / "net.h5", weights)
        )

    @pytest.mark.parametrize("content", [b"", b"a text\n", b"PK\x03\x04", b"\x80\x04pickle."])
    @pytest.mark.parametrize("name", ["net.h5", "net.hdf5"])
    def test_something_else_by_that_name(self, home, name, content):
        (home / name).write_bytes(content)
        assert "is not an HDF5 file, but a model that Keras saved as one is expected" in refused(home / name)

    @pytest.mark.parametrize("left", [0.999, 0.5, 0.1])
    def test_a_truncated_file(self, home, left):
        file = write_hdf5(home / "net.h5", WEIGHTS)
        file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
        assert f"{file} cannot be read (" in refused(file)

    def test_a_file_without_layers(self, home):
        with h5py.File(home / "net.h5", "w") as file:
            file["movie"] = np.zeros((5, 4, 4))
        assert "it has no layer block1_conv1" in refused(home / "net.h5")

    def test_a_declared_size_is_not_read(self, home):
        file = write_hdf5(home / "net.h5", changed(center_block1_conv__kernel=None))
        with h5py.File(file, "a") as opened:
            opened.create_dataset(
                "model_weights/center_block1_conv/center_block1_conv/kernel:0", (3, 3, 10**6, 10**6), "f4", chunks=True
            )
        assert "has the shape (3, 3, 1000000, 1000000) instead of" in refused(file)

    @pytest.mark.parametrize("kind", ["soft", "external", "virtual", "outside", "texts"])
    def test_an_array_that_is_elsewhere(self, home, kind):
        file = write_hdf5(home / "net.h5", changed(block1_conv1__bias=None))
        other = write_hdf5(home / "other.h5", WEIGHTS)
        place = "model_weights/block1_conv1/block1_conv1/bias:0"
        with h5py.File(file, "a") as opened:
            if kind == "soft":
                opened[place] = h5py.SoftLink("/model_weights/block1_conv2/block1_conv2/bias:0")
            elif kind == "external":
                opened[place] = h5py.ExternalLink(str(other), place)
            elif kind == "virtual":
                layout = h5py.VirtualLayout((WIDTH,), "f4")
                layout[:] = h5py.VirtualSource(str(other), place, (WIDTH,))
                opened.create_virtual_dataset(place, layout)
            elif kind == "outside":
                opened.create_dataset(place, (WIDTH,), "f4", external=[(str(other), 0, 16)])
            else:
                opened[place] = np.array([b"abcd"] * WIDTH)
        said = "refers to another place" if kind in ("soft", "external") else "does not contain numbers of its own"
        assert said in refused(file)

    def test_more_layers_than_a_network_has(self, home):
        file = write_hdf5(home / "net.h5", WEIGHTS)
        with h5py.File(file, "a") as opened:
            for number in range(1001):
                opened.create_group(f"model_weights/layer_{number}")
        assert "layers), and other models" in refused(file)

    @pytest.mark.parametrize("change", ["softmax", "no weights", "no description", "zeros", "not a zip", "more layers"])
    def test_a_file_of_keras_3_that_was_changed(self, home, saved_by_keras, change):
        with zipfile.ZipFile(saved_by_keras / "model.keras") as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        expected = "is not an EPySeg network"
        if change == "softmax":
            entries["config.json"] = entries["config.json"].replace(b'"sigmoid"', b'"softmax"')
        elif change == "no weights":
            del entries["model.weights.h5"]
        elif change == "no description":
            del entries["config.json"]
        elif change == "zeros":
            entries["model.weights.h5"], expected = bytes(201_000_000), "at most 10000 of 200000000 bytes"
        elif change == "more layers":
            (home / "weights.h5").write_bytes(entries["model.weights.h5"])
            with h5py.File(home / "weights.h5", "a") as file:
                file.create_group("layers/conv2d_31")
            entries["model.weights.h5"] = (home / "weights.h5").read_bytes()
        with zipfile.ZipFile(home / "net.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        if change == "not a zip":
            (home / "net.keras").write_text("a text")
            expected = "cannot be read as a zip"
        assert expected in refused(home / "net.keras")

    @pytest.mark.parametrize("spoil", ["index", "data", "both", "shorter", "text"])
    def test_a_broken_saved_model(self, home, spoil):
        folder = write_saved_model(home / "net", WEIGHTS)
        index, data = (folder / "variables" / f"variables.{end}" for end in ("index", "data-00000-of-00001"))
        spoils: dict[str, Callable[[], object]] = {
            "index": index.unlink,
            "data": data.unlink,
            "both": lambda: shutil.rmtree(folder / "variables"),
            "shorter": lambda: data.write_bytes(data.read_bytes()[:1000]),
            "text": lambda: index.write_text("a text"),
        }
        spoils[spoil]()
        assert "import it again from its authors" in refused(folder)

    def test_a_checkpoint_of_a_training(self, home):
        (home / "training").mkdir()
        for name in ("checkpoint", "net.index", "net.data-00000-of-00001"):
            (home / "training" / name).write_bytes(b"")
        assert "contains no network" in refused(home / "training")
        assert "is not a network" in refused(home / "training" / "net.index")
