"""Simulated cysts: their cells are what the settings ask for, and the volume is what a microscope would make of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.engine.simulation.cysts import SimulatedCyst
from epifiji.engine.simulation.random_settings import draw_cyst_settings

COARSE = {"cells": 24, "pixel_size_um": 1.0, "voxel_depth_um": 1.5}


@pytest.fixture(scope="module")
def cyst() -> SimulatedCyst:
    return epifiji.simulate_cyst(seed=5, **COARSE)


def test_the_same_seed_gives_the_same_voxels_and_another_one_other_voxels(cyst: SimulatedCyst) -> None:
    again, other = (epifiji.simulate_cyst(seed=seed, **COARSE) for seed in (5, 6))
    assert np.array_equal(again.volume.pixels, cyst.volume.pixels)
    assert np.array_equal(again.labels, cyst.labels)
    assert other.labels.shape != cyst.labels.shape or not np.array_equal(other.labels, cyst.labels)


def test_every_cell_is_one_object_that_reaches_from_the_lumen_to_the_outside(cyst: SimulatedCyst) -> None:
    outside = (cyst.labels == 0) & ~cyst.lumen
    assert set(np.unique(cyst.labels)) == set(range(25))
    for number in range(1, 25):
        cell = cyst.labels == number
        assert ndimage.label(cell)[1] == 1
        around = ndimage.binary_dilation(cell)
        assert (around & cyst.lumen).any()
        assert (around & outside).any()


def test_the_lumen_is_one_space_that_cells_enclose(cyst: SimulatedCyst) -> None:
    assert ndimage.label(cyst.lumen)[1] == 1
    around = ndimage.binary_dilation(cyst.lumen) & ~cyst.lumen
    assert (cyst.labels[around] > 0).all()
    edges = np.concatenate([cyst.labels.take(end, axis).ravel() for axis in range(3) for end in (0, -1)])
    assert not edges.any()


def test_a_round_cyst_has_the_volumes_of_its_spheres() -> None:
    settings = {"cells": 40, "cell_width_um": 8.0, "cell_height_um": 10.0, "elongation": 1, "deformation": 0}
    made = epifiji.simulate_cyst(**settings, pixel_size_um=0.8, voxel_depth_um=1.0)
    voxel = 0.8 * 0.8 * 1.0
    middle = 8 * np.sqrt(40 / (4 * np.pi))
    for part, radius in ((made.lumen, middle - 5), (made.lumen | (made.labels > 0), middle + 5)):
        assert np.count_nonzero(part) * voxel == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)


def test_light_is_blurred_within_and_across_planes_as_much_as_the_settings_say() -> None:
    sharp = {"seed": 4, "photons": 1e6, "camera_noise": 0, "attenuation": 0, "bit_depth": 16, "margin_um": 12, **COARSE}
    sharp |= {"blur_um": 0, "blur_depth_um": 0}

    def variances(**blurs: float) -> np.ndarray:
        """Of the places of the light along z, y and x, in µm²."""
        light = np.asarray(epifiji.simulate_cyst(**sharp | blurs).volume.pixels, float)
        light -= np.median(light[[0, -1]])
        found = []
        for axis, step in enumerate((1.5, 1, 1)):
            weights = light.sum(tuple({0, 1, 2} - {axis}))
            places = step * np.arange(len(weights))
            found.append(np.cov(places, aweights=weights.clip(0), ddof=0))
        return np.array(found)

    # Variances of convolved distributions add.
    added = variances(blur_um=1.5, blur_depth_um=3) - variances()
    assert added == pytest.approx([9, 2.25, 2.25], rel=0.15)


def test_light_is_lost_with_depth_and_noise_is_that_of_photons() -> None:
    clear = {"seed": 2, "photons": 1e6, "camera_noise": 0, "attenuation": 0, "bit_depth": 16, **COARSE}
    levels = {}
    for name, change in {"clear": {}, "deep": {"attenuation": 0.6}, "noisy": {"photons": 50.0}}.items():
        made = epifiji.simulate_cyst(**clear | change)
        levels[name] = (np.asarray(made.volume.pixels, float) - 100) / 16
    planes = np.linspace(0, 1, len(levels["clear"]))
    ratio = levels["deep"].sum((1, 2)) / levels["clear"].sum((1, 2))
    assert ratio == pytest.approx(0.4**planes, rel=0.02)
    # Of n photons, the variance is n: in grey levels, that is the mean times levels per photon, 140 / 50.
    noise = levels["noisy"] - levels["clear"]
    for low, high in ((5, 20), (60, 120)):
        part = (levels["clear"] > low) & (levels["clear"] < high)
        assert np.var(noise[part]) == pytest.approx(140 / 50 * levels["clear"][part].mean(), rel=0.1)


def test_random_settings_have_room_for_a_lumen_and_keep_what_is_specified() -> None:
    drawn = [draw_cyst_settings(seed) for seed in range(200)]
    assert {one.cells for one in drawn} <= set(range(20, 121))
    for one in drawn:
        middle = one.cell_width_um * np.sqrt(one.cells / (4 * np.pi)) * one.elongation ** (-1 / 3)
        assert middle - one.cell_height_um / 2 > 2
    assert draw_cyst_settings(3) == draw_cyst_settings(3)
    assert draw_cyst_settings(3, cells=12).cells == 12
    assert epifiji.simulate_cyst(draw_cyst_settings(1, cells=12, pixel_size_um=1.2, voxel_depth_um=1.5)).cells == 12


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cells": 5}, "cells is 5, but it must be a whole number from 12 to 400"),
        ({"cells": 12, "cell_height_um": 30}, "leave room for a lumen only below 12.7 µm"),
        ({"pixel_size_um": 0.05, "voxel_depth_um": 0.05}, "but at most 200 million are simulated"),
        ({"cells": 60, "irregularity": 1, "tilt": 1, "pixel_size_um": 8, "voxel_depth_um": 8}, "has no voxel"),
        ({"noise": 3}, "there is no setting 'noise'"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(settings: dict[str, float], words: str) -> None:
    with pytest.raises(WrongInputError, match=words):
        epifiji.simulate_cyst(**settings)
