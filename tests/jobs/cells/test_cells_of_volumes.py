"""Cells of volumes without a network: those that were simulated, with scores that a count gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.engine.simulation.cysts import SimulatedCyst
from epifiji.files.labelled_volumes import read_labelled_volumes
from epifiji.files.labels import write_labels


@pytest.fixture(scope="module")
def cyst() -> SimulatedCyst:
    return epifiji.simulate_cyst(seed=3, cells=24, pixel_size_um=0.8, voxel_depth_um=1.2, attenuation=0.2)


def test_the_cells_and_the_lumen_of_a_simulated_cyst_are_found(cyst: SimulatedCyst, tmp_path: Path) -> None:
    found = epifiji.segment_volume(cyst.volume)
    scores = epifiji.compare_volumes(found, cyst.labels)
    assert scores.matches[0.5].ap >= 0.9
    assert scores.rand_index > 0.85
    measured = epifiji.measure_cyst(found)
    for face in ("apical_area_um2", "basal_area_um2"):
        assert (measured.cells[face] > 0).all()
    assert measured.cyst["cyst_volume_um3"] == pytest.approx(
        np.count_nonzero(cyst.lumen | (cyst.labels > 0)) * 0.8 * 0.8 * 1.2, rel=0.12
    )
    shared = np.count_nonzero(found.lumen & cyst.lumen) / np.count_nonzero(found.lumen | cyst.lumen)
    assert shared > 0.7
    assert not found.labels[found.lumen].any()
    file = found.save(tmp_path / "cells.tif")
    again = epifiji.read_volume(file)
    assert np.array_equal(again, found.labels)
    assert again.spacing == pytest.approx(cyst.volume.spacing)
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        found.save(file)


def test_planes_further_apart_are_smoothed_less_in_voxels() -> None:
    # A bright plane every four: they are smoothed away if planes are nearer to each other than pixels.
    pixels = np.zeros((24, 20, 20), np.float32)
    pixels[::4] = 100
    for depth, cells in ((8.0, 6), (0.25, 1)):
        volume = epifiji.Image(pixels, axes="ZYX", pixel_size_um=1, voxel_depth_um=depth)
        assert epifiji.segment_volume(volume, surrounding=False, seed_depth=0.3).count == cells


def test_a_volume_that_cells_fill_is_not_taken_for_a_cyst_without_a_notice(cyst: SimulatedCyst) -> None:
    pixels = np.asarray(cyst.volume)
    place = tuple(slice(length // 5, -(length // 5)) for length in pixels.shape)
    filled = replace(cyst.volume, pixels=pixels[place])
    (notice,) = epifiji.segment_volume(filled).notices
    assert notice.startswith("What is bright in")
    assert "reaches 6 of the volume's 6 sides" in notice
    assert epifiji.segment_volume(filled, surrounding=False).notices == ()
    for cut_off in (pixels[len(pixels) // 2 :], pixels[:, :, : pixels.shape[2] // 2]):
        assert epifiji.segment_volume(replace(cyst.volume, pixels=cut_off)).notices == ()


def test_the_cysts_of_the_test_data_are_found_as_a_plain_watershed_can(shared_data: Path) -> None:
    folder = shared_data / "segmentation" / "cyst3d" / "simulated"
    precisions = [
        epifiji.compare_volumes(
            epifiji.segment_volume(folder / f"cyst_{number:02d}.tif"), folder / f"cyst_{number:02d}_labels.tif"
        )
        .matches[0.5]
        .ap
        for number in (1, 2)
    ]
    assert np.mean(precisions) > 0.95


def test_scores_are_those_that_a_count_gives(tmp_path: Path) -> None:
    annotated = np.zeros((4, 6, 9), np.uint16)
    predicted = np.zeros_like(annotated)
    annotated[:, :, :3], annotated[:, :3, 3:6], annotated[:, 3:, 3:6] = 1, 2, 3
    # The first is found, of the second two thirds, the third is missed, and one more is invented.
    predicted[:, :, :3], predicted[:, :2, 3:6], predicted[:, :, 7:] = 7, 8, 9
    scores = epifiji.compare_volumes(predicted, annotated)
    assert (scores.annotated, scores.predicted) == (3, 3)
    assert scores.matches[0.5].ap == pytest.approx(2 / 4)
    assert scores.matches[0.5].f1 == pytest.approx(4 / 6)
    assert scores.matches[0.7].ap == pytest.approx(1 / 5)
    for name, labels in (("a", predicted), ("b", annotated)):
        write_labels(tmp_path / f"{name}.tif", labels, spacing={"Z": 1.0, "Y": 1.0, "X": 1.0})
    assert epifiji.compare_volumes(tmp_path / "a.tif", tmp_path / "b.tif") == scores


def test_nothing_is_found_in_an_even_volume() -> None:
    for value in (0, 7):
        found = epifiji.segment_volume(np.full((6, 7, 8), value, np.uint8))
        assert found.count == 0
        assert not found.lumen.any()


def test_wrong_input_is_refused_in_a_sentence(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plane.tif", np.zeros((9, 9), np.uint8))
    labels = np.zeros((3, 4, 5), int)
    for given, words in (
        (tmp_path / "plane.tif", "has a single plane, but a volume has several"),
        (np.zeros((9, 9)), "array of shape"),
        (epifiji.Movie(np.zeros((3, 9, 9))), "movie has the axes TYX, but a volume has planes"),
        (np.full((3, 9, 9), np.nan), "first in plane 1"),
    ):
        with pytest.raises(WrongInputError, match=words):
            epifiji.segment_volume(given)
    with pytest.raises(WrongInputError, match=r"shape \(3, 4, 5\) and the annotated ones \(3, 4, 4\)"):
        epifiji.compare_volumes(labels, labels[..., 1:])
    with pytest.raises(WrongInputError, match="The annotated cells have the shape"):
        epifiji.compare_volumes(labels, labels[0])
    with pytest.raises(WrongInputError, match="seed_depth is 0, but it must be a number above 0 and at most 1"):
        epifiji.segment_volume(labels, seed_depth=0)


@pytest.mark.parametrize(
    ("background", "words"), [(1, "has the label 1 on all six sides"), (-1, "has labels down to -1")]
)
def test_a_background_that_is_not_0_is_no_cell(
    background: int, words: str, cyst: SimulatedCyst, tmp_path: Path
) -> None:
    """PlantSeg's background is 1, that of others -1; as a cell it would change every number."""
    labels = np.where(cyst.labels > 0, cyst.labels + 1, background).astype(np.int32)
    hollow = np.where(cyst.lumen, 0, labels)
    with pytest.raises(WrongInputError, match=words):
        epifiji.compare_volumes(cyst.labels, labels)
    with pytest.raises(WrongInputError, match=words):
        epifiji.measure_cyst(hollow, (1, 1, 1), cyst.lumen)
    with pytest.raises(WrongInputError, match=words):
        epifiji.train_cysts([(cyst.volume, hollow)] * 2, name="never")
    if background > 0:
        tifffile.imwrite(tmp_path / "a_labels.tif", labels.astype(np.uint16))
        tifffile.imwrite(tmp_path / "a.tif", np.asarray(cyst.volume))
        with pytest.raises(WrongInputError, match=words):
            read_labelled_volumes(tmp_path)
        # A segmentation that joined everything gets its score: no match, all cells missed.
        joined = np.where(cyst.labels == 1, 2, 1)
        (counts,) = [epifiji.compare_volumes(joined, cyst.labels).matches[0.5]]
        assert (counts.true_positives, counts.false_positives) == (1, 1)


def test_what_is_doubtful_about_a_volume_is_said(cyst: SimulatedCyst, tmp_path: Path) -> None:
    assert epifiji.segment_volume(cyst.volume).notices == ()
    pixels, known = np.asarray(cyst.volume), {"imagej": True, "resolution": (1.25, 1.25)}
    for axes, values, said in (
        ("TYX", pixels, f"has {len(pixels)} time points and one plane (Z): they were taken as planes."),
        ("ZYX", pixels, "The voxels of a were taken for cubes, because their size is not known"),
        ("ZYX", 255 - pixels, "are hardly brighter than the cells"),
    ):
        tifffile.imwrite(tmp_path / "a.tif", values, **known, metadata={"axes": axes, "unit": "um"})
        assert said in " ".join(epifiji.segment_volume(tmp_path / "a.tif").notices)


@pytest.mark.parametrize(
    "changed",
    [
        lambda grey: grey.astype(np.int64) + 2**40,
        lambda grey: grey.astype(np.int32) - 2**30,
        lambda grey: grey.astype(np.uint64) + np.uint64(2**63),
        lambda grey: grey + 2.0**40,
        lambda grey: grey * 2.0**1000,
        lambda grey: grey * 2.0**-1000,
        lambda grey: grey.astype(np.float32) * np.float32(2.0**-140),
    ],
)
def test_an_offset_and_a_unit_of_grey_values_change_no_cell(changed, cyst: SimulatedCyst) -> None:
    grey = np.asarray(cyst.volume)
    shifted = replace(cyst.volume, pixels=changed(grey))
    found, expected = epifiji.segment_volume(shifted), epifiji.segment_volume(cyst.volume)
    assert expected.count > 20
    assert np.array_equal(found.labels, expected.labels)
    assert found.notices == expected.notices
