"""Rescaling of movies and maps: pieces compared with the whole, sizes, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.engine.tiling import scaling
from epifiji.engine.tiling.scaling import place_in_movie, rescale, rescale_map, scale_factor
from epifiji.files.storage.scratch import ScratchFolder


@pytest.fixture
def create(tmp_path: Path) -> ScratchFolder:
    return ScratchFolder(tmp_path)


def smooth(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    field = (field - field.min()) / (field.max() - field.min())
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    return (field * top).astype(dtype)


@pytest.mark.parametrize(
    ("given", "factor"), [(None, 1), (25, 1), (32.5, 1), (17.5, 1), (33, 25 / 33), (40, 0.625), (12.5, 2)]
)
def test_only_movies_more_than_30_percent_off_are_rescaled(given: float | None, factor: float) -> None:
    assert scale_factor(25, given) == factor


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_compatible_rescaling_in_pieces_is_zoom_of_the_whole(
    dtype: type, create: ScratchFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "BAND_BYTES", 30_000)
    pixels = smooth((14, 60, 75), dtype)
    result = rescale(Movie(pixels), 0.5, 0.625, True, create)
    expected = ndimage.zoom(ndimage.zoom(pixels, (1, 0.625, 0.625)), (0.5, 1, 1))
    assert result.shape == expected.shape
    difference = np.abs(result.frames(0, 7).astype(float) - expected)
    assert difference.max() <= (1e-6 if dtype is np.float32 else 1)
    assert (difference > 1e-6).mean() < 1e-3


def test_an_unscaled_movie_is_passed_on_untouched(create: ScratchFolder) -> None:
    movie = Movie(smooth((6, 50, 50), np.uint8))
    assert rescale(movie, 1, 1, False, create) is movie


def test_a_constant_movie_stays_constant_and_overshoot_is_cut(create: ScratchFolder) -> None:
    flat = rescale(Movie(np.full((6, 50, 50), 255, np.uint8)), 1.7, 0.6, False, create)
    assert (flat.frames(0, flat.shape[0]) == 255).all()
    step = np.zeros((6, 50, 50), np.int16)
    step[:, :, 25:] = np.iinfo(np.int16).max
    edges = rescale(Movie(step), 1, 2, False, create).frames(0, 6)
    assert (np.diff(edges[0, 50].astype(int))[40:60] >= -9000).all()
    assert edges.max() == np.iinfo(np.int16).max


@pytest.mark.parametrize("shape", [(30, 260, 331), (17, 101, 99)])
def test_exact_maps_come_back_at_the_movies_size(shape: tuple[int, int, int], create: ScratchFolder) -> None:
    raw = create((round(shape[0] / 2), round(shape[1] * 0.625), round(shape[2] * 0.625)), np.uint8)
    raw[:] = smooth(raw.shape, np.uint8)
    result = rescale_map(raw, shape, False, create)
    assert result.shape == shape
    assert raw[:].min() <= result[:].min() <= result[:].max() <= raw[:].max()


def test_compatible_maps_are_one_cubic_zoom_with_the_ratio_of_y_for_x(create: ScratchFolder) -> None:
    raw = create((15, 162, 207), np.uint8)
    raw[:] = smooth(raw.shape, np.uint8)
    expected = ndimage.zoom(raw[:], (30 / 15, 260 / 162, 260 / 162))
    result = rescale_map(raw, (30, 260, 331), True, create)
    assert result.shape == expected.shape == (30, 260, 332)
    assert (result[:] != expected).mean() < 1e-4


def test_a_bright_spot_keeps_its_place_through_rescaling_and_back(create: ScratchFolder) -> None:
    t, y, x = np.mgrid[0:24, 0:120, 0:140]
    place = (13.0, 71.0, 88.0)
    spot = np.exp(-((t - place[0]) ** 2 / 18 + (y - place[1]) ** 2 / 60 + (x - place[2]) ** 2 / 60))
    small = rescale(Movie((1000 * spot).astype(np.uint16)), 0.5, 0.6, False, create)
    pixels = small.frames(0, small.shape[0])
    centroid = ndimage.center_of_mass(np.where(pixels > 300, pixels, 0))
    frame, in_y, in_x = place_in_movie(centroid, small.shape, (24, 120, 140), False)
    assert frame == 13
    assert abs(in_y - place[1]) < 0.3
    assert abs(in_x - place[2]) < 0.3


def test_compatible_places_are_floored_with_the_ratio_of_y() -> None:
    assert place_in_movie((3.9, 10.2, 20.7), (15, 162, 207), (30, 260, 331), True) == (7, 16.0, 33.0)


def test_too_few_frames_after_rescaling_are_refused(create: ScratchFolder) -> None:
    with pytest.raises(
        WrongInputError, match="has 8 frames, which leaves 4 at the network's event duration.*--event-duration"
    ):
        rescale(Movie(np.zeros((8, 50, 50), np.uint8)), 0.5, 1, False, create)
