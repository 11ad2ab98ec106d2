"""Images with annotated cells, brought to a network's scale and divided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.data.cell_networks import SeparationChoices, UNet2DDescription
from epifiji.data.cells import ComparedField, FieldScores
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Counts
from epifiji.data.labelled import TrainingField
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.data.training import CellValidationScores, cells_in_words
from epifiji.engine.training.validation_split import split_fields
from epifiji.jobs.training.cell_sources import AROUND_PX, prepare_images, read_cell_sources
from labelled_cells import CELLS, SIDE_PX, lines_of, write_labelled

CHOICES = SeparationChoices(seed_height=0.2, merge_below=0.5, tissue_threshold=0.5, least_area=0.1)
NETWORK = UNet2DDescription(name="any", cell_diameter_px=22, choices=CHOICES)


def prepared(folder: Path, **settings: object) -> list:
    chosen = TrainingSettings(**settings)
    return prepare_images(read_cell_sources([folder], chosen), NETWORK, chosen)


def test_cells_are_brought_to_the_networks_diameter(tmp_path: Path) -> None:
    labels = write_labelled(tmp_path, "a", 1)
    tifffile.imwrite(tmp_path / "b.tif", np.kron(tifffile.imread(tmp_path / "a.tif"), np.ones((2, 2), np.uint8)))
    tifffile.imwrite(tmp_path / "b_labels.tif", np.kron(labels, np.ones((2, 2), np.int32)).astype(np.uint16))
    one, twice = prepared(tmp_path)
    inner = set(np.unique(labels)) - {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
    expected = 2 * np.sqrt(np.median([(labels == cell).sum() for cell in inner]) / np.pi)
    assert one.diameter_px == pytest.approx(expected)
    assert twice.diameter_px == pytest.approx(2 * expected)
    (first,), (second,) = one.frames, twice.frames
    assert first.labels.shape == second.labels.shape == (round(SIDE_PX * 22 / expected),) * 2
    assert (first.labels == second.labels).mean() > 0.98
    assert first.cells == CELLS
    assert first.known.all()
    assert prepared(tmp_path, cell_diameter=44)[0].frames[0].labels.shape == (SIDE_PX // 2,) * 2


def test_borders_become_bright(tmp_path: Path) -> None:
    write_labelled(tmp_path, "bright", 1)
    write_labelled(tmp_path, "dark", 1, dark=True)
    bright, dark = prepared(tmp_path)
    assert (bright.dark, dark.dark) == (False, True)
    assert np.allclose(bright.frames[0].pixels, dark.frames[0].pixels, atol=1e-6)
    assert (bright.frames[0].pixels.min(), bright.frames[0].pixels.max()) == (0, 1)


def test_nothing_is_known_outside_of_outlines_and_of_frames_without_labels(tmp_path: Path) -> None:
    labels = write_labelled(tmp_path, "a", 1)
    (tmp_path / "a_labels.tif").unlink()
    tifffile.imwrite(tmp_path / "a_outlines.tif", lines_of(labels))
    movie = np.stack([tifffile.imread(tmp_path / "a.tif")] * 3)
    tifffile.imwrite(tmp_path / "b.tif", movie, photometric="minisblack")
    of_frames = np.stack([labels, 0 * labels, labels]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "b_labels.tif", of_frames, photometric="minisblack")
    drawn, labelled = prepared(tmp_path)
    (field,) = drawn.frames
    at_border = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
    assert field.cells == CELLS - len(at_border)
    assert (field.known == (field.labels > 0)).all()
    assert min(field.labels.shape) < SIDE_PX + 2 * AROUND_PX
    assert [one.name for one in labelled.frames] == ["b frame 1", "b frame 3"]


def test_one_cell_has_no_borders_to_learn_from(tmp_path: Path) -> None:
    labels = write_labelled(tmp_path, "a", 1)
    for number in (1, 2):
        tifffile.imwrite(tmp_path / "a_labels.tif", np.full(labels.shape, number, np.uint16))
        with pytest.raises(WrongInputError, match="has the same number in all pixels"):
            prepared(tmp_path)


def test_an_image_is_learnt_from_once(tmp_path: Path) -> None:
    write_labelled(tmp_path, "a", 1)
    with pytest.raises(WrongInputError, match="is given twice, but each is learnt from once"):
        read_cell_sources([tmp_path, tmp_path], TrainingSettings())
    with pytest.raises(WrongInputError, match="nothing to learn from was given, but a folder is needed"):
        read_cell_sources([], TrainingSettings())


def field(name: str, cells: int, side: int = 160) -> TrainingField:
    """Make a field with square cells in a row of columns."""
    columns = np.arange(side) * cells // side + 1
    labels = np.tile(columns, (side, 1)).astype(np.int32)
    return TrainingField(np.zeros(labels.shape, np.float32), labels, np.ones(labels.shape, bool), name)


class TestTheDivision:
    def test_whole_images_with_about_the_share_of_cells(self):
        images = [[field(name, cells)] for name, cells in (("a", 10), ("b", 4), ("c", 6))]
        parted = split_fields(images, 0.2, np.random.default_rng(1))
        assert parted.way == "images"
        assert [one.name for one in parted.held_out] == ["b"]
        assert [one.name for one in parted.learnt] == ["a", "c"]

    def test_frames_of_a_movie_stay_together(self):
        images = [[field("a 1", 8), field("a 2", 8)], [field("b 1", 8)], [field("c 1", 8)]]
        parted = split_fields(images, 0.4, np.random.default_rng(1))
        held = {one.name for one in parted.held_out}
        assert held
        assert ("a 1" in held) == ("a 2" in held)

    def test_one_image_is_cut_and_no_pixel_is_in_both_parts(self):
        whole = field("a", 16)
        places = np.arange(whole.labels.size, dtype=np.float32).reshape(whole.labels.shape)
        frames = [TrainingField(places, whole.labels, whole.known, f"frame {n}") for n in (1, 2)]
        parted = split_fields([frames], 0.4, np.random.default_rng(1))
        assert parted.way == "parts"
        assert [one.name for one in parted.held_out] == ["frame 1", "frame 2"]
        for learnt, held in zip(parted.learnt, parted.held_out, strict=True):
            assert not np.intersect1d(learnt.pixels, held.pixels).size
            assert learnt.pixels.size + held.pixels.size == places.size
            assert held.pixels.size / places.size == pytest.approx(0.4, abs=0.05)

    def test_a_small_image_is_not_cut(self):
        parted = split_fields([[field("a", 4, 100)]], 0.2, np.random.default_rng(1))
        assert (parted.way, parted.held_out) == ("", [])
        assert len(parted.learnt) == 1


class TestSettingsOfOneTask:
    def test_those_of_the_other_task_are_refused(self):
        with pytest.raises(
            WrongInputError, match="loss is specified, but it has no effect on a network that finds events"
        ):
            TrainingSettings(loss="jaccard").require_task("events")
        with pytest.raises(
            WrongInputError, match="unmarked is specified, but it has no effect on a network that segments"
        ):
            RetrainingSettings(unmarked="none").require_task("cells")

    def test_those_of_the_task_and_of_both_are_not(self):
        TrainingSettings(loss="jaccard", tile_size=128, steps=10).require_task("cells")
        RetrainingSettings(unmarked="none", event_duration=3).require_task("events")

    def test_records_have_those_of_their_task(self):
        assert {"loss", "tile_size"} & TrainingSettings().of_task("events").keys() == set()
        assert {"unmarked", "event_duration"} & RetrainingSettings().of_task("cells").keys() == set()


def scores(proper: int, over: int = 0, cells: int = 20, matched: int | None = None) -> CellValidationScores:
    found = proper if matched is None else matched
    matches = {0.5: Counts(found, cells - found, cells - found)}
    one = FieldScores("a", cells, cells, matches, proper, over, 0, (proper - over) / cells, 1, 0, 0, 1)
    empty = np.zeros((2, 2), np.int32)
    return CellValidationScores((one,), (ComparedField("a", empty, empty, {}),))


class TestTheSentence:
    def test_a_gain(self):
        assert cells_in_words("new", "old", scores(18), scores(12, 2)) == (
            "On 20 held-out cells the segmentation quality rose from 0.500 to 0.900 and AP at an IoU of 0.5 rose from 0.429 to "
            "0.818: use the new network 'new'.",
            True,
        )

    def test_no_gain(self):
        sentence, use = cells_in_words("new", "old", scores(15), scores(15))
        assert not use
        assert sentence.endswith("stayed at 0.600: the new network is no better; keep using 'old'.")

    def test_the_same_quality_with_better_matches(self):
        assert cells_in_words("new", "old", scores(15, matched=18), scores(15, matched=16))[1]

    def test_without_a_network_to_compare_with(self):
        assert cells_in_words("new", None, scores(18), None)[0].endswith(
            "AP at an IoU of 0.5 0.818: use the new network 'new'."
        )
        sentence, use = cells_in_words("new", None, scores(6), None)
        assert not use
        assert sentence.endswith("that is little; annotate more cells before you use the new network 'new'.")

    def test_nothing_was_held_out(self):
        assert cells_in_words("new", "old", None, None) == (
            "No cells could be held out to evaluate the new network 'new': check what it segments before you use it.",
            True,
        )
