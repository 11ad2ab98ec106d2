"""Frames of every size get a prediction at every pixel, as a whole or in strips, rescaled or not, here and in another runtime."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.progress import silent
from epifiji.engine.networks.epinet.maps import WholeFrames
from epifiji.engine.networks.epinet.model import places
from epifiji.engine.networks.epinet.onnx import onnx_model
from epifiji.engine.networks.epinet.predictor import EpiNet
from epifiji.engine.tiling.blocks import divide, read_strip
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.maps import map_frames
from small_networks import small_epinet, small_network

LEAST_PX = 45
"""Smallest side of a frame: a window's of the networks' description."""

FEW = settings(max_examples=10, deadline=None, derandomize=True)


def movie(height: int, width: int, frames: int = 6) -> np.ndarray:
    field = ndimage.gaussian_filter(
        np.random.default_rng(height + width).normal(size=(frames, height, width)), (1, 2, 2)
    )
    return np.rint(200 * (field - field.min()) / np.ptp(field)).astype(np.uint8)


@cache
def epinet() -> Network:
    # Networks with a hash are kept for the next detection.
    return replace(small_epinet(seed=3), sha256="1" * 64)


@cache
def asked() -> EpiNet:
    return EpiNet(epinet())


@cache
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(onnx_model(epinet()))


def elsewhere(pixels: np.ndarray) -> np.ndarray:
    """Run the graph with onnxruntime, (events, T, Y, X)."""
    return session().run(None, {"movie": pixels[None, None].astype(np.float32)})[0][0]


def maps_in_strips(pixels: np.ndarray, rows: int) -> np.ndarray:
    """Levels (events, T, Y, X) from blocks of at most this number of rows."""
    opened = levelled(Movie(pixels))
    arithmetic = WholeFrames(opened.shape, 1)
    blocks = divide(arithmetic.grids, opened.shape, 4, rows)
    assert len(blocks) == -(-pixels.shape[0] // 4) * -(-pixels.shape[1] // rows)
    answers = (
        asked()(read_strip(opened, one, epinet().description, asked()), [one.of(arithmetic.grids[0])], silent)
        for one in blocks
    )
    return np.stack(list(map_frames(opened.shape, arithmetic, blocks, answers)), 1)


SIDES = st.integers(LEAST_PX, LEAST_PX + 20)
EVERY_REMAINDER = [(LEAST_PX + k, LEAST_PX + (3 * k + 1) % 8) for k in range(8)]


def every_remainder(test):
    for height, width in EVERY_REMAINDER:
        test = example(height=height, width=width)(test)
    return test


@every_remainder
@given(height=SIDES, width=SIDES)
@FEW
def test_a_detection_maps_every_pixel_as_another_runtime_does(height: int, width: int) -> None:
    pixels = movie(height, width)
    maps = epifiji.detect(pixels, epinet(), maps="scaled", mode="exact").maps
    expected = elsewhere(pixels)
    assert expected.shape == (3, *pixels.shape)
    for number, name in enumerate(epinet().description.events):
        for kind in ("rawproba", "proba"):
            assert maps[kind][name].shape == pixels.shape
        assert np.abs(maps["rawproba"][name][:] - (255 * expected[number] - 0.5)).max() < 0.51


@given(height=st.integers(90, 130), width=SIDES, rows=st.integers(LEAST_PX, 80))
@example(height=97, width=53, rows=48)
@example(height=129, width=49, rows=64)
@FEW
def test_strips_give_what_the_whole_gives(height: int, width: int, rows: int) -> None:
    pixels = movie(height, width)
    found = maps_in_strips(pixels, rows)
    assert np.abs(found - (255 * elsewhere(pixels) - 0.5)).max() < 0.51


def test_the_places_represent_all_pixels_once() -> None:
    for size in range(1, 40):
        ys = places((1, size, 5)).ys
        assert (np.diff(ys) > 0).all()
        assert 0 <= ys[0] <= ys[-1] < size
        # Squares of 4 px, the last one truncated.
        assert len(ys) == -(-size // 4)
        assert [int(y) // 4 for y in ys] == list(range(len(ys)))


@pytest.mark.parametrize("diameter", [14.0, 16.5, 41.0])
@pytest.mark.parametrize("sides", [(81, 77), (82, 90), (85, 79)])
def test_after_rescaling_maps_have_the_movies_size(diameter: float, sides: tuple[int, int]) -> None:
    pixels = movie(*sides)
    maps = epifiji.detect(pixels, epinet(), cell_diameter=diameter, maps="clean").maps
    scaled = tuple(round(side * 25 / diameter) for side in sides)
    for name in epinet().description.events:
        assert maps["rawproba"][name].shape == (6, *scaled)
        assert {maps[kind][name].shape for kind in ("proba", "cleaned")} == {pixels.shape}


@pytest.mark.parametrize("sides", [(45, 45), (45, 301), (301, 45), (46, 46), (49, 53), (46, 97), (301, 46), (51, 93)])
@pytest.mark.parametrize("mode", ["compatible", "exact", "fast"])
def test_dexnets_map_small_and_thin_frames(sides: tuple[int, int], mode: str) -> None:
    if mode == "compatible" and min(sides) == LEAST_PX:
        with pytest.raises(WrongInputError, match="places no window where a side is only as long as a window: choose"):
            epifiji.detect(movie(*sides), small_network(2), mode=mode)
        return
    found = epifiji.detect(movie(*sides), small_network(2), mode=mode, maps="scaled", step_xy=7)
    for kind in ("rawproba", "proba"):
        assert all(levels.shape == (6, *sides) for levels in found.maps[kind].values())


@pytest.mark.parametrize("sides", [(45, 45), (45, 301), (301, 45)])
def test_epinet_maps_small_and_thin_frames(sides: tuple[int, int], tmp_path: Path) -> None:
    pixels = movie(*sides)
    result = epifiji.detect(pixels, epinet(), maps="scaled", threshold=1, min_volume=1)
    assert all(levels.shape == pixels.shape for levels in result.maps["proba"].values())
    result.save(tmp_path / "out")
    shown = [tifffile.imread(one).shape for one in (tmp_path / "out").rglob("*_proba.tif")]
    assert shown == [pixels.shape] * 3


def test_smaller_frames_are_refused_before_anything_is_computed() -> None:
    for sides in ((44, 60), (60, 44), (1, 1000)):
        with pytest.raises(
            WrongInputError, match="windows of the network .* are 45 x 45 px: use a larger field of view"
        ):
            epifiji.detect(movie(*sides), epinet())
