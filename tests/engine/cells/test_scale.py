"""The estimate of cells' diameter and of their borders' sign, by the network that ships."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import KDTree

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import at_outlines
from epifiji.data.movie import Movie
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.cells.scale import Scale
from epifiji.jobs.cells.segmenter import segmenter_for
from epifiji.jobs.networks import cell_network_of


def honeycomb(diameter: float, side: int, seed: int = 0) -> np.ndarray:
    """Bright borders of cells around jittered lattice points; cells of `diameter` have the area of the lattice's."""
    random = np.random.default_rng(seed)
    step = diameter * np.sqrt(np.pi / (2 * np.sqrt(3)))
    rows = np.arange(-2, side / (step * np.sqrt(3) / 2) + 3)
    places = np.array(
        [(y * step * np.sqrt(3) / 2, (x + y % 2 / 2) * step) for y in rows for x in np.arange(-2, side / step + 3)]
    )
    places += random.normal(0, 0.12 * step, places.shape)
    owner = KDTree(places).query(np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2))[1].reshape(side, side)
    width = max(0.6, diameter / 25)
    lines = ndimage.distance_transform_edt(~at_outlines(owner)) < width
    image = ndimage.gaussian_filter(lines.astype(float), 0.8 * width)
    return random.poisson(60 * image + 12).astype(np.uint16)


def scale_of(image: np.ndarray, **settings: object) -> Scale:
    movie = Movie(image if image.ndim == 3 else image[None])
    return segmenter_for(movie, cell_network_of(), SegmentationSettings(**settings)).scale  # type: ignore[arg-type]


@pytest.mark.parametrize("diameter", [9.0, 14.0, 24.0, 41.0, 70.0, 130.0])
@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
def test_it_finds_the_diameter_and_the_sign(diameter: float, dark: bool) -> None:
    image = honeycomb(diameter, int(min(900, max(160, 9 * diameter))))
    found = scale_of(image.max() - image if dark else image)
    assert found.dark == dark
    assert found.diameter_px == pytest.approx(diameter, rel=0.1)


@pytest.mark.parametrize("diameter", [14.0, 25.0])
@pytest.mark.parametrize("empty", ["noise", "zero"])
def test_a_third_without_tissue_has_no_effect(diameter: float, empty: str) -> None:
    image = honeycomb(diameter, int(12 * diameter))
    third = len(image) // 3
    image[:third] = np.random.default_rng(1).poisson(12, image[:third].shape) if empty == "noise" else 0
    found = scale_of(image)
    assert not found.dark
    assert found.diameter_px == pytest.approx(diameter, rel=0.1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, np.float32, np.float64])
def test_the_type_of_pixels_has_no_effect(dtype: type) -> None:
    image = honeycomb(20, 200)
    assert scale_of(image.astype(dtype)) == scale_of(image)


def test_what_is_given_is_not_estimated() -> None:
    image = honeycomb(20, 200)
    assert scale_of(image, cell_diameter=31, borders="dark") == Scale(31, True)
    assert scale_of(image, cell_diameter=31) == Scale(31, False)
    assert scale_of(image, borders="bright").diameter_px == pytest.approx(20, rel=0.1)


NOTHING: dict[str, Callable[[], np.ndarray]] = {
    "flat": lambda: np.full((300, 300), 7, np.uint8),
    "noise": lambda: np.random.default_rng(1).integers(0, 255, (400, 400), np.uint8),
    "smooth noise": lambda: np.cumsum(np.cumsum(np.random.default_rng(2).standard_normal((300, 300)), 0), 1).astype(
        np.float32
    ),
    "blobs": lambda: ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((400, 400)), 4),
    "gradient": lambda: np.add.outer(np.arange(300), np.arange(300)).astype(np.uint16),
    "one pixel": lambda: np.ones((1, 1), np.uint8),
    "few pixels": lambda: np.random.default_rng(1).integers(0, 255, (12, 9), np.uint8),
}


@pytest.mark.parametrize("name", NOTHING)
def test_an_image_without_cells_gives_a_sentence(name: str) -> None:
    with pytest.raises(
        WrongInputError, match="shows too few whole cells with clear borders to estimate the cell diameter"
    ):
        epifiji.segment(NOTHING[name]())


def test_a_movie_is_estimated_from_several_frames() -> None:
    movie = np.stack([honeycomb(20, 200, seed) for seed in range(3)])
    assert scale_of(movie).diameter_px == pytest.approx(20, rel=0.1)
