"""Training of networks for volumes, from volumes with labels to the network's folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import epifiji
from command_line import one_sentence, run
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.files.labelled_volumes import read_labelled_volumes
from epifiji.files.networks.store import read_network, user_folder, write_network
from epifiji.jobs.cells.compare import compare_labels
from epifiji.jobs.training.result import TrainingResult
from epifiji.jobs.training.volumes import middle_planes
from small_cysts import CELLS, small_cyst, small_volume_network, write_cyst

SHORT = {"patch": (8, 16, 16), "minutes": 5}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / f"user {name.lower()}"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)


@pytest.fixture(scope="module")
def cysts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotated") / "cysts"
    for seed in range(3):
        write_cyst(folder, seed)
    (folder / "cyst_0_lumen.tif").write_bytes((folder / "cyst_0_labels.tif").read_bytes())
    return folder


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(small_volume_network(), tmp_path_factory.mktemp("networks") / "tiny")


@pytest.fixture(scope="module")
def learnt(cysts: Path, parent: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    folder = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        patch.delenv("EPIFIJI_NETWORKS", raising=False)
        plain = {"without": ("dropout", "noise", "blur", "elastic", "zoom"), "dropout": 0.0}
        return epifiji.train_cysts(cysts, network=parent, steps=30, rate=0.02, patch=(12, 24, 24), minutes=5, **plain)


def test_a_network_learns(learnt: TrainingResult) -> None:
    assert learnt.points[-1].step == 30
    assert learnt.points[-1].held_out_loss < 0.9 * learnt.points[0].held_out_loss
    assert learnt.after.cells == learnt.before.cells == CELLS
    assert learnt.sentence.startswith(f"On {CELLS} held-out cells ")


def test_the_new_network_is_there_with_its_record_and_pictures(learnt: TrainingResult) -> None:
    described = learnt.network.description
    assert (described.name, described.family, described.features) == ("cysts", "unet3d", (4, 6))
    assert described.voxel_um == pytest.approx((1.5, 1, 1))
    sizes = np.concatenate([np.bincount(small_cyst(seed)[1].ravel())[1:] for seed in range(3)])
    assert described.cell_diameter_px == pytest.approx(np.cbrt(6 / np.pi * np.median(sizes)), abs=0.01)
    assert len(described.learnt_from) == 3
    record = json.loads((learnt.folder / "training.json").read_text())
    assert [(one["name"], one["cells"]) for one in record["volumes"]] == [(f"cyst_{n}", CELLS) for n in range(3)]
    assert record["split"] == "volumes"
    assert len(record["held_out_volumes"]) == 1
    assert "preset" in record["settings"]
    for name in ("held_out_cells.png", "learning_curve.png"):
        with Image.open(learnt.folder / name) as picture:
            assert picture.size[0] > 300
    assert f"held out: {record['held_out_volumes'][0]}" in (learnt.folder / "card.md").read_text()
    assert any("are annotated: with fewer than" in notice for notice in learnt.notices)
    again = read_network(learnt.folder)
    assert all((again.weights[0][name] == values).all() for name, values in learnt.network.weights[0].items())


def test_a_picture_counts_the_cells_of_the_plane_that_it_shows() -> None:
    cells = np.repeat(np.repeat(np.array([[[1, 0]], [[2, 3]], [[4, 5]]]), 4, 1), 4, 2)
    field, *_ = compare_labels("cyst", cells, cells, np.ones(cells.shape, bool), "count")
    assert set(field.outcomes) == {1, 2, 3, 4, 5}
    (shown,) = middle_planes([field])
    assert set(shown.outcomes) == {2, 3}
    assert np.array_equal(shown.annotated, cells[1])


def test_an_interrupted_training_continues(cysts: Path, parent: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if doing.startswith("learning, step 5 "):
            raise CancelledError

    settings = {"network": parent, "steps": 10, **SHORT}
    with pytest.raises(CancelledError, match="the state after 5 steps is stored: start the training again"):
        epifiji.train_cysts(cysts, report=stop, **settings)
    assert not user_folder().exists()
    resumed = epifiji.train_cysts(cysts, **settings)
    assert "The training continued from step 5, where it was interrupted." in resumed.notices
    assert resumed.points[-1].step == 10


def test_labels_of_the_same_names_in_a_folder_of_their_own_and_arrays_are_read(tmp_path: Path, parent: Path) -> None:
    for seed in range(2):
        write_cyst(tmp_path / "x", seed, tmp_path / "y")
    made = [small_cyst(seed) for seed in range(2)]
    read = read_labelled_volumes(tmp_path / "x", tmp_path / "y")
    for one, (volume, labels) in zip(read, made, strict=True):
        assert (np.asarray(one.volume) == np.asarray(volume)).all()
        assert (np.asarray(one.cells) == labels).all()
        assert one.volume.spacing == pytest.approx(volume.spacing)
    learnt = epifiji.train_cysts(
        [(np.asarray(volume), labels) for volume, labels in made], network=parent, steps=10, **SHORT
    )
    assert learnt.network.description.name == "cysts"
    assert learnt.network.description.voxel_um is None


def test_on_the_command_line(
    cysts: Path, parent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train-cysts", str(cysts), "--network", str(parent), "--steps", "10", "--patch", "8,16,16", "--json"]
    code, printed, _ = run(arguments, monkeypatch, capsys)
    assert code == 0
    answer = json.loads(printed)
    assert (answer["network"], answer["began_with"], answer["steps"]) == ("cysts", "tiny", 10)
    code, printed, _ = run(["networks", "list"], monkeypatch, capsys)
    assert "cysts" in printed
    assert "inside, contour, mask" in printed


class TestRefused:
    def refused(self, words: str, monkeypatch, capsys, *arguments: str) -> None:
        code, printed, said = run(["train-cysts", *arguments], monkeypatch, capsys)
        assert (code, printed) == (2, "")
        assert words in one_sentence(said)
        assert not user_folder().exists()

    def test_one_cyst_only(self, tmp_path, monkeypatch, capsys):
        write_cyst(tmp_path / "one")
        words = "1 volume with annotated cells was given, but at least two are needed"
        self.refused(words, monkeypatch, capsys, str(tmp_path / "one"))

    def test_labels_of_another_shape(self, cysts, tmp_path, monkeypatch, capsys):
        for seed in range(2):
            write_cyst(tmp_path / "some", seed)
        _, labels = small_cyst()
        tifffile.imwrite(tmp_path / "some" / "cyst_0_labels.tif", labels[1:].astype(np.uint16))
        words = "has the shape (13, 32, 32) (Z, Y, X), but the volume"
        self.refused(words, monkeypatch, capsys, str(tmp_path / "some"))

    def test_no_cells(self, tmp_path, monkeypatch, capsys):
        write_cyst(tmp_path / "some")
        tifffile.imwrite(tmp_path / "some" / "cyst_0_labels.tif", np.zeros((14, 32, 32), np.uint16))
        self.refused("has fewer than two cells", monkeypatch, capsys, str(tmp_path / "some"))

    def test_volumes_without_labels(self, tmp_path, monkeypatch, capsys):
        write_cyst(tmp_path / "x", 0, tmp_path / "y")
        write_cyst(tmp_path / "x", 1, tmp_path / "z")
        self.refused("cyst_1.tif has no cells in", monkeypatch, capsys, str(tmp_path / "x"), str(tmp_path / "y"))
        self.refused("contains no labels", monkeypatch, capsys, str(tmp_path / "x"))
        self.refused("is no folder", monkeypatch, capsys, str(tmp_path / "nowhere"))
        (tmp_path / "empty").mkdir()
        self.refused("contains no volume", monkeypatch, capsys, str(tmp_path / "empty"), str(tmp_path / "y"))

    def test_settings(self, cysts, monkeypatch, capsys):
        self.refused("patch is '4,8,8'", monkeypatch, capsys, str(cysts), "--patch", "4,8,8")
        self.refused(
            "preset is 'tiny', but it must be one of small, full", monkeypatch, capsys, str(cysts), "--preset", "tiny"
        )

    def test_other_networks(self, cysts, parent, monkeypatch, capsys):
        words = "but one that segments volumes is needed"
        self.refused(words, monkeypatch, capsys, str(cysts), "--network", "epicells")
        with pytest.raises(
            WrongInputError, match="tiny predicts inside, contour, mask, but one that segments cells is"
        ):
            epifiji.segment(np.zeros((40, 40)), network=parent)
        with pytest.raises(WrongInputError, match="tiny predicts inside, contour, mask, but one that finds events is"):
            epifiji.detect(np.zeros((8, 40, 40)), network=parent)
