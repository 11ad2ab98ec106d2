"""Segmentation of cysts with and without a network, and its result folder."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from skimage.measure import label

import epifiji
from command_line import one_sentence, run
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.cysts import cells_of_cyst, grow_cells
from epifiji.engine.volumes.instances import cells_of_maps, find_seeds, grow_seeds, growth_region, without_small
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from small_cysts import CELLS, SIDES, small_cyst, small_volume_network

SMOOTH = {"smoothing_px": 0.5}


@pytest.fixture(scope="module")
def cyst(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("cysts") / "my cyst.tif"
    write_movie(small_cyst()[0], file)
    return file


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(small_volume_network(), tmp_path_factory.mktemp("networks") / "tiny")


def test_the_results_are_the_cells_of_the_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = epifiji.simulate_cyst(seed=3, cells=24, pixel_size_um=0.8, voxel_depth_um=1.2, attenuation=0.2)
    cyst = tmp_path / "my cyst.tif"
    write_movie(made.volume, cyst)
    arguments = ["segment-cysts", str(cyst), "--out", str(tmp_path), "--json"]
    code, printed, _ = run([*arguments, "--network", "none", "--rois", "--view-3d"], monkeypatch, capsys)
    assert code == 0
    (answer,) = json.loads(printed)["results"]
    folder = tmp_path / "my cyst_epifiji"
    assert answer["folder"] == str(folder)
    names = {"run.json", "cells.csv", "my cyst_labels.tif", "my cyst_lumen.tif", "my cyst_rois.zip", "my cyst_3d.tif"}
    assert {file.name for file in folder.iterdir()} == names
    labels = np.asarray(epifiji.read_volume(folder / "my cyst_labels.tif"))
    assert epifiji.compare_volumes(labels.astype(int), made.labels).matches[0.5].ap >= 0.9
    assert record_of_rois(folder / "my cyst_rois.zip") == {
        (f"{z + 1:04d}-{label:05d}", z + 1)
        for z, plane in enumerate(labels)
        for label in np.unique(plane[plane > 0]).astype(int)
    }
    assert tifffile.imread(folder / "my cyst_3d.tif").ndim == 4
    lumen = tifffile.imread(folder / "my cyst_lumen.tif") > 0
    assert not labels[lumen].any()
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == list(range(1, answer["cells"] + 1))
    for row in rows:
        there = np.argwhere(labels == int(row["label"]))
        assert int(row["voxels"]) == len(there)
        assert [float(row[axis]) for axis in "zyx"] == pytest.approx(there.mean(0), abs=0.01)
        assert float(row["volume_um3"]) == pytest.approx(len(there) * 0.8 * 0.8 * 1.2)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (record["task"], record["counts"], record["network"]) == (
        "cysts",
        {"cells": answer["cells"]},
        {"name": None},
    )
    assert record["cyst"]["cells"] == answer["cyst"]["cells"] == len(rows)
    code, _, said = run(arguments, monkeypatch, capsys)
    assert code == 2
    assert "exists and would be overwritten" in one_sentence(said)
    assert run([*arguments, "--overwrite"], monkeypatch, capsys)[0] == 0


def record_of_rois(file: Path) -> set[tuple[str, int]]:
    """The names of ROIs, and their planes, from 1."""
    return {(str(roi.name), int(roi.z_position)) for roi in roifile.roiread(file)}


def test_a_network_makes_maps_in_blocks_from_which_cells_are_made(cyst: Path, network: Path) -> None:
    said = []
    found = epifiji.segment_cysts(
        cyst, network, lambda done, doing: said.append((done, doing)), foreground_threshold=0.0, contour_threshold=1.0
    )
    assert found.labels.shape == SIDES
    assert found.record["network"]["name"] == "tiny"
    assert [doing for _, doing in said] == ["predicting cells", "separating cells", "writing the results"]
    assert [done for done, _ in said] == sorted(done for done, _ in said)

    def cancel(done: float, doing: str) -> None:
        raise epifiji.CancelledError

    with pytest.raises(epifiji.CancelledError):
        epifiji.segment_cysts(cyst, network, cancel)


def perfect_maps(labels: np.ndarray) -> np.ndarray:
    """The maps of a network without errors: inside, contour and mask, blurred by nothing."""
    from epifiji.engine.networks.unet3d.training import targets_of

    return np.moveaxis(targets_of(labels), -1, 0)


def test_perfect_maps_give_the_true_cells_and_the_lumen_stays_free() -> None:
    _, labels = small_cyst()
    shown = np.pad(labels, 6)
    found, lumen, _ = cells_of_cyst(perfect_maps(shown), InstanceSettings(mask_erosion_voxels=0))
    scores = epifiji.compare_volumes(found, shown)
    assert (scores.annotated, scores.predicted) == (CELLS, CELLS)
    assert scores.matches[0.75].ap == 1
    # All voxels of the mask belong to cells, and none of the lumen.
    assert ((found > 0) == (shown > 0)).all()
    z, y, x = (side // 2 for side in shown.shape)
    assert lumen[z, y, x]
    assert not (lumen & (shown > 0)).any()


@pytest.mark.parametrize("reach", [3, 40], ids=["a part of the lumen", "all of the lumen"])
def test_a_cell_in_the_lumen_is_left_out_if_cells_form_one_layer(reach: int) -> None:
    _, labels = small_cyst()
    shown = np.pad(labels, 6)
    z, y, x = (side // 2 for side in shown.shape)
    outside = label(shown == 0, connectivity=1)
    lumen = (outside == outside[z, y, x]) & (outside != outside[0, 0, 0])
    away = np.linalg.norm(np.indices(shown.shape) - np.reshape([z, y, x], (3, 1, 1, 1)), axis=0)
    filled = np.where(lumen & (away <= reach), CELLS + 1, shown)
    chosen = {"mask_erosion_voxels": 0, "foreground_threshold": 0.5, "contour_threshold": 0.5}
    kept = cells_of_cyst(perfect_maps(filled), InstanceSettings(**chosen))
    assert (len(np.unique(kept.labels)) - 1, kept.left_out) == (CELLS + 1, 0)
    found = cells_of_cyst(perfect_maps(filled), InstanceSettings(one_layer=True, **chosen))
    assert (len(np.unique(found.labels)) - 1, found.left_out) == (CELLS, 1)
    # Where it touched the wall, the nearest of both has the voxels of their contour.
    assert np.count_nonzero(found.lumen & lumen) > 0.8 * np.count_nonzero(found.lumen | lumen)
    assert epifiji.compare_volumes(found.labels, shown).matches[0.75].ap == 1
    assert len(np.unique(epifiji.cells_of_maps(*perfect_maps(filled), one_layer=True, **chosen))) - 1 == CELLS


def test_small_holes_of_the_mask_are_filled_and_are_no_lumen() -> None:
    solid = np.zeros((20, 20, 20), int)
    solid[4:16, 4:16, 4:10], solid[4:16, 4:16, 10:16] = 1, 2
    maps = perfect_maps(solid)
    maps[:, 9, 9, 7] = 0
    found, lumen, _ = cells_of_cyst(maps, InstanceSettings(mask_erosion_voxels=0))
    assert not lumen.any()
    assert found[9, 9, 7] == found[9, 9, 8] > 0


@pytest.mark.parametrize(
    "settings", [{}, {"foreground_threshold": 0.7, "growth_threshold": 0.9, "mask_threshold": 0.1}]
)
def test_the_box_gives_the_labels_of_the_whole_volume(settings: dict[str, float]) -> None:
    # A cyst in a corner and, outside of its mask, one more cell: the maps of a network are not perfect.
    _, labels = small_cyst()
    shown = np.pad(labels, ((0, 50), (0, 25), (20, 3)))
    shown[35:40, 40:46, 2:9] = 9
    maps = perfect_maps(shown)
    random = np.random.default_rng(4)
    maps = np.clip(0.8 * maps + 0.1 + 0.06 * random.standard_normal(maps.shape), 0, 1).astype(np.float32)
    maps[1:, 30:] = 0
    inside, contour, mask = maps
    chosen = InstanceSettings(mask_erosion_voxels=1, **settings)
    grown = grow_cells(maps, chosen)
    seeds = find_seeds(inside, contour, chosen.foreground_threshold, chosen.contour_threshold)
    seeds, region = without_small(seeds, chosen.least_seed_voxels), growth_region(inside, chosen.growth_threshold)
    assert all(part.seeds.size < shown.size for part in grown.parts)
    for part, whole in (
        (grown.seeds, seeds),
        (grown.region(maps), region),
        (grown.labels, grow_seeds(seeds, -inside, region)),
    ):
        assert np.array_equal(part, whole)
    assert seeds[35:40, 40:46, 2:9].any()
    cells, lumen, _ = cells_of_cyst(maps, chosen, grown)
    assert np.array_equal(cells, cells_of_cyst(maps, chosen)[0])
    touching = cells_of_maps(inside, contour, mask, **chosen.model_dump())
    touching[lumen] = 0
    assert lumen.any()
    assert np.array_equal(cells, without_small(touching, 1))


def test_nothing_found_is_a_notice(network: Path, tmp_path: Path) -> None:
    found = epifiji.segment_cysts(np.zeros((6, 9, 9), np.uint8))
    assert found.count == 0
    assert any(notice.startswith("No cells were found in volume") for notice in found.notices)
    folder = found.save(tmp_path / "results")
    assert (folder / "cells.csv").read_text().splitlines() == ["label,z,y,x,voxels"]


def test_a_volume_without_the_size_of_a_voxel_is_segmented_and_not_measured() -> None:
    volume, _ = small_cyst()
    found = epifiji.segment_cysts(np.asarray(volume), **SMOOTH)
    assert found.count > 4
    assert found.measured is None
    assert any("were not measured, because the size of a voxel is not known" in notice for notice in found.notices)


@pytest.fixture(scope="module")
def two_cysts() -> epifiji.Image:
    """A volume with two cysts beside each other, the second one smaller."""
    cysts = [
        epifiji.simulate_cyst(cells=cells, pixel_size_um=0.9, voxel_depth_um=1.2, margin_um=8, seed=3).volume
        for cells in (24, 18)
    ]
    first, second = (np.asarray(one) for one in cysts)
    lacking = [(0, max(0, a - b)) for a, b in zip(first.shape[:2], second.shape[:2], strict=True)]
    z, y = first.shape[:2]
    pixels = np.concatenate([first, np.pad(second, [*lacking, (0, 0)], "edge")[:z, :y]], 2)
    return epifiji.Image(pixels, "two", pixel_size_um=0.9, voxel_depth_um=1.2, axes="ZYX")


def test_a_second_cyst_that_is_left_out_is_reported(two_cysts: epifiji.Image) -> None:
    left_out = "two has another object of similar size, which was left out: crop the volume to one cyst"
    found = epifiji.segment_cysts(two_cysts)
    assert found.labels.max() == 24
    assert [notice.startswith(left_out) for notice in found.notices] == [True]
    assert [notice.startswith(left_out) for notice in epifiji.segment_volume(two_cysts).notices] == [True]
    alone = epifiji.Image(
        np.asarray(two_cysts)[..., : two_cysts.shape[2] // 2], "one", pixel_size_um=0.9, voxel_depth_um=1.2, axes="ZYX"
    )
    assert epifiji.segment_cysts(alone).notices == ()
    # The first plane with cells is the volume's: the wall is cut, the lumen is not.
    cells = epifiji.segment_cysts(alone).labels
    first = int(np.flatnonzero((cells > 0).any((1, 2)))[0]) + 1
    (notice,) = epifiji.segment_cysts(replace(alone, pixels=np.asarray(alone)[first:])).notices
    assert "cells reach the border of the volume, so the cyst may be cut off" in notice


def test_cells_of_two_cysts_are_reported_as_one_of_them_has_no_lumen(two_cysts: epifiji.Image) -> None:
    found = epifiji.segment_cysts(two_cysts, "epicysts")
    assert found.labels.max() > 30
    assert found.notices[0].startswith(
        "two has 2 separate objects of similar size, but only one lumen was searched for"
    )


@pytest.mark.parametrize("network", ["none", "epicysts"])
def test_noise_and_dark_membranes_are_reported_and_a_cyst_in_little_light_is_not(network: str) -> None:
    def said(volume: epifiji.Image) -> list[str]:
        notices = epifiji.segment_cysts(volume, network=network).notices
        return [one for one in notices if "hardly brighter than the cells" in one]

    sizes = {"cells": 24, "pixel_size_um": 0.8, "voxel_depth_um": 1.2}
    dim = epifiji.simulate_cyst(seed=3, photons=4, **sizes).volume
    assert said(dim) == []
    dark = np.asarray(epifiji.simulate_cyst(seed=3, **sizes).volume)
    noise = np.random.default_rng(1).poisson(12, (30, 60, 60)).astype(np.uint8)
    for pixels in (255 - dark, noise):
        (notice,) = said(replace(dim, pixels=pixels))
        assert "check the channel, and whether membranes are bright." in notice


def test_voxels_of_another_size_than_those_that_a_network_learnt_from_are_reported(cyst: Path) -> None:
    tiny = small_volume_network()
    for voxel, reported in (((1.5, 1.0, 1.0), False), ((0.5, 0.3, 0.3), True)):
        known = type(tiny)(tiny.description.model_copy(update={"voxel_um": voxel}), tiny.weights)
        notices = epifiji.segment_cysts(cyst, known).notices
        assert (
            any("has voxels of 1.5 x 1 x 1 µm (z, y, x), but the network learnt from such of" in one for one in notices)
            == reported
        )


def test_cells_of_another_size_and_voxels_of_unknown_size_are_reported(cyst: Path) -> None:
    sampled = {"cells": 24, "seed": 3, "pixel_size_um": 1.32, "voxel_depth_um": 1.84}
    coarse = epifiji.simulate_cyst(**sampled)
    found = epifiji.segment_cysts(np.asarray(coarse.volume), "epicysts")
    assert epifiji.compare_volumes(found.labels, coarse.labels).matches[0.5].ap < 0.7
    said = " ".join(found.notices)
    assert (
        "Whether volume has voxels such as the network learnt from, of 0.92 x 0.66 x 0.66 µm (z, y, x), is not known"
        in said
    )
    # The ball of the median volume.
    diameter = float(np.cbrt(6 / np.pi * np.median(np.bincount(found.labels.ravel())[1:])))
    assert (
        f"The cells of volume are {diameter:.3g} voxels wide, but the network learnt from such of 15.6 voxels" in said
    )
    usual = epifiji.simulate_cyst(**sampled | {"pixel_size_um": 0.66, "voxel_depth_um": 0.92})
    assert not [one for one in epifiji.segment_cysts(usual.volume, "epicysts").notices if "learnt from" in one]


class TestRefused:
    def test_one_sentence_each(self, cyst, network, tmp_path, monkeypatch, capsys):
        tifffile.imwrite(tmp_path / "plane.tif", np.zeros((9, 9), np.uint8))
        movie = np.zeros((2, 3, 9, 9), np.uint8)
        tifffile.imwrite(tmp_path / "movie.tif", movie, imagej=True, metadata={"axes": "TZYX"})
        for arguments, words in (
            ([tmp_path / "plane.tif"], "has a single plane, but a volume has several"),
            ([tmp_path / "movie.tif"], "movie.tif"),
            ([tmp_path / "none.tif"], "none.tif"),
            ([cyst, "--network", "epicells"], "but one that segments volumes is needed"),
            ([cyst, "--network", "nowhere"], "there is no network 'nowhere'"),
            ([cyst, "--flips"], "flips is specified, but it has no effect without a network"),
            (
                [cyst, "--network", network, "--seed-depth", "0.2"],
                "seed_depth is specified, but it has no effect with a network",
            ),
            ([cyst, "--padding", "1,2"], "padding is '1,2'"),
            ([cyst, cyst], "have the same name"),
        ):
            given = ["segment-cysts", *map(str, arguments), "--out", str(tmp_path / "out")]
            code, printed, said = run(given, monkeypatch, capsys)
            assert (code, printed) == (2, ""), given
            assert words in one_sentence(said)
        assert not (tmp_path / "out").exists()

    def test_other_axes(self):
        with pytest.raises(WrongInputError, match="has the axes TYX, but a volume has planes"):
            epifiji.segment_cysts(epifiji.Movie(np.zeros((3, 9, 9))))
