"""Training and retraining of networks for cells, from images with labels to the network's folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

import epifiji
from command_line import one_sentence, run
from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.label_images import at_outlines
from epifiji.data.labelled import TrainingField
from epifiji.data.progress import silent
from epifiji.data.settings.training import CHANGES, RetrainingSettings
from epifiji.engine.networks.families import CELL_FAMILIES
from epifiji.engine.networks.flow2d.family import DEFAULT_CHOICES
from epifiji.engine.networks.unet2d.model import new_weights
from epifiji.engine.networks.unet2d.sampling import TileSampler
from epifiji.engine.networks.unet2d.training import cell_loss, jaccard_loss, targets_of
from epifiji.files.networks.store import SHIPPED_FOLDER, available, user_folder
from epifiji.jobs.networks import cell_network_of
from epifiji.jobs.training.cell_sources import read_cell_sources
from epifiji.jobs.training.cells import CellTask
from epifiji.jobs.training.result import TrainingResult
from labelled_cells import CELLS, write_labelled
from labelled_movies import write_blinking
from small_networks import small_network

FILES = ["card.md", "held_out_cells.png", "learning_curve.png", "network.json", "training.json", "weights_0.npz"]
SHORT = {"steps": 10, "keep": 0.0, "tile_size": 64}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separate the user's networks and unfinished trainings from those of the tests."""
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / f"user {name.lower()}"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three small images with labels."""
    folder = tmp_path_factory.mktemp("annotated") / "my cells"
    for number, name in enumerate(("a", "b", "c")):
        write_labelled(folder, name, number, dark=name == "b")
    return folder


@pytest.fixture(scope="module")
def learnt(images: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """EpiFiji's own network, retrained on these images, in a separate user's folder."""
    folder = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        patch.delenv("EPIFIJI_NETWORKS", raising=False)
        return epifiji.retrain("epicells", images, **SHORT)


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_the_new_network_is_there_with_its_record_and_pictures(
    images: Path, learnt: TrainingResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = learnt.folder
    monkeypatch.setenv("XDG_DATA_HOME", str(folder.parents[2]))
    assert folder == user_folder() / "epicells_a"
    assert dict(available())["epicells_a"] == folder
    assert sorted(file.name for file in folder.iterdir()) == FILES
    for name in ("held_out_cells.png", "learning_curve.png"):
        with Image.open(folder / name) as picture:
            assert picture.size[0] > 300
    description = learnt.network.description
    assert isinstance(description, CellNetworkDescription)
    assert learnt.began_with == "epicells"
    files = {one.name: one.file_sha256 for one in description.learnt_from}
    assert files == {name: hashes(images)[f"{name}.tif"] for name in ("a", "b", "c")}
    record = json.loads((folder / "training.json").read_text())
    assert [(one["name"], one["cells"], one["borders"]) for one in record["images"]] == [
        ("a", CELLS, "bright"),
        ("b", CELLS, "dark"),
        ("c", CELLS, "bright"),
    ]
    assert record["split"] == "images"
    assert record["held_out"] == CELLS
    assert record["result"] == learnt.sentence
    assert "unmarked" not in record["settings"]
    card = (folder / "card.md").read_text()
    assert "a (25 cells); b (25 cells); c (25 cells); whole images were held out" in card
    assert learnt.sentence in card


def test_scores_are_those_of_cells_that_the_border_does_not_cut_off(learnt: TrainingResult) -> None:
    after, before = learnt.after, learnt.before
    assert learnt.sentence.startswith(f"On {after.cells} held-out cells the segmentation quality ")
    assert 5 <= after.cells < CELLS
    assert before.quality > 0.9
    assert after.quality > 0.9
    columns, rows = after.table(before)
    assert columns[:4] == ["held out", "cells", "quality", "quality before"]
    assert [row[1] for row in rows] == [str(after.cells)]
    assert learnt.to_dict()["after"]["quality"] == after.quality


def test_the_new_network_segments(images: Path, learnt: TrainingResult) -> None:
    found = epifiji.segment(images / "a.tif", network=learnt.network, cell_diameter=22, borders="bright")
    compared = epifiji.compare_cells(found.labels[0], images / "a_labels.tif", border="ignore")
    assert compared.quality.value > 0.9


def test_the_images_that_the_parent_learnt_from_are_reported(images: Path, learnt: TrainingResult) -> None:
    notices = prepared(learnt.network, images).notices
    assert len(notices) == 1
    assert notices[0].startswith(
        "epicells_a learnt from a, b, c before, so its scores on cells held out there are too high"
    )


def prepared(parent: CellNetwork, *places: Path) -> CellTask:
    """Read and divide images as a retraining does, without training."""
    settings = RetrainingSettings()
    recipe = CELL_FAMILIES["unet2d"].recipe(parent.description, parent, settings, keeping=True)
    task = CellTask(settings, read_cell_sources(places, settings), parent.description, parent, recipe)
    task.divided(silent)
    return task


def test_an_interrupted_training_continues_and_ends_as_one_that_was_not(images: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if doing.startswith("learning, step 5 "):
            raise CancelledError

    settings = {"from_scratch": True, "steps": 12, "tile_size": 64}
    with pytest.raises(CancelledError, match="the state after 5 steps is stored: start the training again to continue"):
        epifiji.train(images, report=stop, **settings)
    assert not user_folder().exists()
    resumed = epifiji.train(images, **settings)
    assert "The training continued from step 5, where it was interrupted." in resumed.notices
    assert (resumed.network.description.name, resumed.began_with) == ("my_cells", None)
    whole = epifiji.train(images, **settings, name="whole")
    for name, values in whole.network.weights[0].items():
        assert np.allclose(resumed.network.weights[0][name], values, atol=2e-3), name
    assert not whole.use
    assert "annotate more cells" in whole.sentence


def test_corrected_results_are_learnt_from(tmp_path: Path) -> None:
    labels = write_labelled(tmp_path, "a", 1)
    (tmp_path / "a_labels.tif").unlink()
    parent = cell_network_of()
    place = epifiji.segment(tmp_path / "a.tif", parent, cell_diameter=22, borders="bright").save(out=tmp_path)
    raw = prepared(parent, place)
    assert any("a were segmented by a network and not corrected" in notice for notice in raw.notices)
    assert any(notice.startswith("Only 2") for notice in raw.notices)
    assert not raw.is_scored
    assert "No cells could be held out, so it is unknown how well they are segmented." in raw.notices
    tifffile.imwrite(place / "a_corrected_labels.tif", labels.astype(np.uint16))
    corrected = prepared(parent, place)
    assert not any("not corrected" in notice for notice in corrected.notices)
    assert sum(np.unique(one.labels).size for one in corrected.divided(silent).learnt) >= CELLS


class TestTiles:
    """Tiles with their targets."""

    labels = np.kron(np.arange(1, 26).reshape(5, 5), np.ones((30, 30), int)).astype(np.int32)
    field = TrainingField(
        ndimage.gaussian_filter(at_outlines(labels).astype(np.float32), 1), labels, np.ones(labels.shape, bool)
    )

    def drawn(self, *without: str, field: TrainingField = field, seed: int = 1):
        return TileSampler([field], 64, np.random.default_rng(seed), frozenset(without), targets_of).draw()

    def test_without_augmentation_they_are_parts_of_the_field(self):
        tiles = self.drawn(*CHANGES)
        assert tiles.images.shape == tiles.counted.shape == (4, 64, 64)
        assert tiles.targets.shape == (4, 64, 64, 3)
        whole = targets_of(self.labels, at_outlines(self.labels))[..., 0]
        for border, counted in zip(tiles.targets[..., 0], tiles.counted, strict=True):
            ys, xs = np.flatnonzero(counted.any(1)), np.flatnonzero(counted.any(0))
            part = border[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
            places = np.lib.stride_tricks.sliding_window_view(whole, part.shape)
            assert (places == part).all((2, 3)).any()

    def test_the_same_seed_draws_the_same(self):
        one, same, other = self.drawn(), self.drawn(), self.drawn(seed=2)
        assert all((a == b).all() for a, b in zip(one.arrays, same.arrays, strict=True))
        assert not (one.images == other.images).all()

    @pytest.mark.parametrize("name", ["rotation", "flip", "zoom"])
    def test_images_and_targets_change_together(self, name):
        tiles = self.drawn(*(change for change in CHANGES if change != name))
        borders = tiles.targets[..., 0].astype(bool) & tiles.counted.astype(bool)
        inside = ~tiles.targets[..., 0].astype(bool) & tiles.counted.astype(bool)
        assert tiles.images[borders].mean() > 3 * tiles.images[inside].mean()

    def test_unknown_places_do_not_count(self):
        half = TrainingField(self.field.pixels, self.labels, self.labels <= 10)
        tiles = self.drawn(*CHANGES, field=half)
        assert 0 < tiles.counted.mean() < 1
        weights = new_weights(np.random.default_rng(1))
        spoilt = np.where(tiles.counted[..., None] > 0, tiles.targets, 1 - tiles.targets)
        for loss in (cell_loss, jaccard_loss):
            values = [float(loss(weights, tiles.images, some, tiles.counted)) for some in (tiles.targets, spoilt)]
            assert values[0] == pytest.approx(values[1])


class TestRefused:
    def test_events_and_cells_in_one_folder(self, images, tmp_path):
        write_blinking(tmp_path, "spots", 1)
        write_labelled(tmp_path, "a", 1)
        with pytest.raises(
            WrongInputError, match="contains cells of images and ROIs of events, but a network is trained on one"
        ):
            epifiji.train(tmp_path)

    def test_a_segmentation_with_rois_retrained_for_events(self, tmp_path):
        write_labelled(tmp_path, "a", 1)
        place = epifiji.segment(tmp_path / "a.tif", cell_diameter=22, borders="bright").save(out=tmp_path, rois=True)
        assert (place / "a_rois.zip").is_file()
        with pytest.raises(
            WrongInputError, match="contains cells of images, but a movie such as wing.tif with the ROIs"
        ):
            epifiji.retrain(small_network(1), place)
        with pytest.raises(WrongInputError, match="loss is 'none', but it must be one of combined, jaccard"):
            epifiji.train(place, loss="none")
        with pytest.raises(WrongInputError, match="there is a network 'epicells' already"):
            epifiji.train(place, name="epicells", from_scratch=True)

    def test_neither_events_nor_cells(self, tmp_path, capsys, monkeypatch):
        write_labelled(tmp_path, "a", 1)
        (tmp_path / "a_labels.tif").unlink()
        code, _, said = run(["train", str(tmp_path)], monkeypatch, capsys)
        assert code == 2
        assert one_sentence(said) == said.strip()
        assert "contains neither ROIs of events nor labels or outlines of cells" in said

    def test_a_network_for_events_retrained_with_cells(self, images):
        with pytest.raises(
            WrongInputError, match="contains cells of images, but a movie such as wing.tif with the ROIs"
        ):
            epifiji.retrain(small_network(1), images)

    def test_a_network_for_cells_retrained_with_events(self, tmp_path):
        write_blinking(tmp_path, "spots", 1)
        with pytest.raises(
            WrongInputError, match="contains no labels or outlines of cells, but an image such as a.tif"
        ):
            epifiji.retrain("epicells", tmp_path)

    def test_a_network_for_events_to_begin_with(self, images):
        with pytest.raises(WrongInputError, match="but one that segments cells is needed"):
            epifiji.train(images, "epinet")

    def test_settings_of_the_other_task(self, images):
        with pytest.raises(
            WrongInputError, match="unmarked is specified, but it has no effect on a network that segments"
        ):
            epifiji.retrain("epicells", images, unmarked="none")
        with pytest.raises(
            WrongInputError, match="loss is specified, but it has no effect on a network that finds events"
        ):
            epifiji.retrain(small_network(1), images, loss="jaccard")

    def test_networks_of_epyseg(self):
        with pytest.raises(WrongInputError, match="theirs is a network of EPySeg, which are only trained in EPySeg"):
            CELL_FAMILIES["epyseg"].description_for("new", CELL_FAMILIES["unet2d"].description_for("theirs", None))

    def test_the_parents_name(self, images):
        before = hashes(SHIPPED_FOLDER / "epicells")
        with pytest.raises(WrongInputError, match="'epicells' of the one that it begins with, which is never replaced"):
            epifiji.retrain("epicells", images, "epicells", overwrite=True)
        assert hashes(SHIPPED_FOLDER / "epicells") == before

    def test_a_report_that_exists(self, images, tmp_path):
        (tmp_path / "held_out_cells.png").touch()
        with pytest.raises(WrongInputError, match="held_out_cells.png"):
            epifiji.retrain("epicells", images, out=tmp_path)
        assert not user_folder().exists()


class TestSeparateCells:
    """Networks for cells with an inside of their own, which may touch."""

    def test_trained_from_a_network_for_tissues_and_retrained(self, images: Path, tmp_path: Path):
        short = {"steps": 10, "tile_size": 64}
        first = epifiji.train(images, cells="separate", name="blobs", **short)
        described = first.network.description
        assert (described.family, described.cell_diameter_px, first.began_with) == ("flow2d", 15, "epicells")
        assert json.loads((first.folder / "network.json").read_text())["kind"] == "flow2d"
        record = json.loads((first.folder / "training.json").read_text())
        # Borders of separate cells have no sign, so no image is inverted.
        assert {one["borders"] for one in record["images"]} == {"bright"}
        found = epifiji.segment(images / "a.tif", network="blobs", cell_diameter=22)
        assert found.record["network"]["kind"] == "flow2d"
        assert found.record["settings"]["tissue_threshold"] == DEFAULT_CHOICES.tissue_threshold
        second = epifiji.retrain("blobs", images, name="blobs2", **short)
        assert second.network.description.family == "flow2d"
        assert second.before is not None

    def test_refused(self, images: Path, tmp_path: Path):
        epifiji.train(images, cells="separate", name="blobs", from_scratch=True, steps=10, tile_size=64)
        with pytest.raises(WrongInputError, match="cells is tissue, but a training for such cells cannot begin with"):
            epifiji.train(images, "blobs", cells="tissue", name="other")
        write_blinking(tmp_path / "movies", "spots", 1)
        with pytest.raises(WrongInputError, match="cells is separate, but .* contains ROIs of events"):
            epifiji.train(tmp_path / "movies", cells="separate")
