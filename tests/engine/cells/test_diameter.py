"""The estimate of the cell diameter compared with label images: real tissues and Voronoi tissues of 12 to 80 pixels."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import label
from skimage.segmentation import clear_border, find_boundaries, watershed

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.engine.cells.diameter import cell_diameter, estimate_cell_diameter

FRAMES = 5
TOLERANCE = 0.15
STYLES: dict[str, tuple[float, float, float, Any]] = {
    # photons of a junction, sigma of the blur in diameters, gradient of the light, dtype
    "clean": (200, 0.04, 0.0, np.uint8),
    "noisy": (5, 0.05, 0.5, np.uint16),
    "uneven": (20, 0.07, 0.8, np.float32),
}


def median_diameter(labels: np.ndarray, outside: int = 0) -> float:
    """Median of 2 * sqrt(area / pi) over the cells that touch neither the frame's edge nor the outside of the tissue."""
    near_outside = ndimage.binary_dilation(labels == outside, iterations=2)
    areas = np.bincount(clear_border(labels).ravel(), minlength=labels.max() + 1)
    areas[np.unique(labels[near_outside])] = 0
    areas[[0, outside]] = 0
    return float(np.median(2 * np.sqrt(areas[areas > 0] / np.pi)))


def voronoi_labels(diameter: float, side: int, rng: np.random.Generator, disorder: float = 0.2) -> np.ndarray:
    """Cells around the points of a randomly displaced triangular lattice, as labels 1, 2, … (side, side)."""
    pitch = diameter * np.sqrt(np.pi) / 2
    row, column = np.mgrid[-2 : side / pitch + 2, -2 : side / pitch + 2]
    points = np.stack([row, column + 0.5 * (row % 2)], axis=-1).reshape(-1, 2) * pitch
    points += rng.normal(0, disorder * pitch, points.shape)
    pixels = np.stack(np.mgrid[:side, :side], axis=-1).reshape(-1, 2)
    return (cKDTree(points).query(pixels)[1] + 1).reshape(side, side)


def labels_between(outlines: np.ndarray) -> np.ndarray:
    """Label the regions between outlines and grow them until they meet."""
    regions = label(~outlines, connectivity=1)
    return watershed(ndimage.distance_transform_edt(outlines), regions)


def photographed(junctions: np.ndarray, diameter: float, style: str, rng: np.random.Generator) -> np.ndarray:
    """Render junctions (Y, X) as a microscope shows them: blurred, unevenly lit, with Poisson noise."""
    photons, blur, gradient, dtype = STYLES[style]
    light = ndimage.gaussian_filter(junctions.astype(float), max(0.8, blur * diameter))
    light = 0.15 + light / np.median(light[junctions])
    slope = np.linspace(-1, 1, junctions.shape[1])
    image = rng.poisson(photons * light * (1 + gradient * slope)) / photons
    return np.clip(image * {np.uint8: 80, np.uint16: 3000, np.float32: 1}[dtype], 0, 255 if dtype == np.uint8 else None)


def movie_of(frames: list[np.ndarray], dtype: Any = np.float32) -> Movie:
    return Movie(np.stack(frames).astype(dtype), name="tissue")


@pytest.mark.parametrize(
    ("diameter", "style"),
    [(12, "noisy"), (18, "uneven"), (25, "noisy"), (40, "uneven"), (60, "clean"), (80, "noisy")],
)
def test_voronoi_tissues_are_measured_at_every_scale(diameter: int, style: str) -> None:
    rng = np.random.default_rng(diameter)
    tissues = [voronoi_labels(diameter, max(130, 6 * diameter), rng) for _ in range(FRAMES)]
    frames = [photographed(find_boundaries(tissue), diameter, style, rng) for tissue in tissues]
    expected = np.median([median_diameter(tissue) for tissue in tissues])
    assert estimate_cell_diameter(movie_of(frames, STYLES[style][3])) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("diameter", [14, 22])
def test_tissue_that_fills_a_small_part_of_the_frame_is_measured(diameter: int) -> None:
    rng = np.random.default_rng(diameter)
    side = 12 * diameter
    tissue = voronoi_labels(diameter, side, rng, disorder=0.3)
    y, x = np.mgrid[:side, :side]
    tissue[np.hypot(y - side / 3, x - side / 2) > 3.5 * diameter] = 0
    junctions = find_boundaries(tissue)
    frames = [photographed(junctions, diameter, "noisy", rng) for _ in range(FRAMES)]
    expected = median_diameter(tissue)
    assert estimate_cell_diameter(movie_of(frames, np.uint16)) == pytest.approx(expected, rel=TOLERANCE)


def test_gain_and_offset_of_the_camera_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    junctions = find_boundaries(voronoi_labels(16, 120, rng))
    movie = movie_of([photographed(junctions, 16, "uneven", rng) for _ in range(FRAMES)])
    other = movie_of([1e-3 * frame - 0.5 for frame in movie.pixels[:]], np.float64)
    assert estimate_cell_diameter(other) == pytest.approx(estimate_cell_diameter(movie), rel=0.02)


def test_saturated_junctions_of_small_cells_are_measured() -> None:
    rng = np.random.default_rng(7)
    tissue = voronoi_labels(12, 120, rng)
    junctions = find_boundaries(tissue)
    frames = [np.clip(8 * photographed(junctions, 12, "clean", rng), 0, 255) for _ in range(FRAMES)]
    assert estimate_cell_diameter(movie_of(frames, np.uint8)) == pytest.approx(median_diameter(tissue), rel=TOLERANCE)


@pytest.mark.parametrize(("file", "diameter"), [("movie.tif", 25), ("movie2_uint16.tif", 40)])
def test_simulated_movies_have_the_diameter_they_were_made_with(shared_data: Path, file: str, diameter: int) -> None:
    movie = Movie(tifffile.imread(shared_data / "oracle" / file))
    assert estimate_cell_diameter(movie) == pytest.approx(diameter, rel=TOLERANCE)


@pytest.mark.parametrize("factor", [0.55, 1.0, 2.2])
def test_wing_disc_agrees_with_its_labels(shared_data: Path, factor: float) -> None:
    pixels = tifffile.imread(shared_data / "movies" / "wingdisc_8f.tif")
    labels = tifffile.imread(shared_data / "movies" / "wingdisc_8f_labels.tif")
    expected = factor * np.median([median_diameter(frame) for frame in labels])
    movie = Movie(ndimage.zoom(pixels, (1, factor, factor), order=1))
    assert estimate_cell_diameter(movie) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_wing_agrees_with_its_skeleton(shared_data: Path, factor: float) -> None:
    skeleton, raw = tifffile.imread(shared_data / "tissues" / "wing_raw_and_skeleton.tif")
    expected = factor * median_diameter(labels_between(skeleton > 0))
    movie = movie_of([ndimage.zoom(raw, factor, order=1)] * FRAMES, np.uint8)
    assert estimate_cell_diameter(movie) == pytest.approx(expected, rel=TOLERANCE)


def test_pupal_notum_agrees_with_its_segmentation(shared_data: Path) -> None:
    rng = np.random.default_rng(1)
    outlines = tifffile.imread(shared_data / "tissues" / "pupal_notum_segmentation.tif") == 0
    tissue = labels_between(outlines)
    frames = [photographed(find_boundaries(tissue), 18, "noisy", rng) for _ in range(FRAMES)]
    expected = median_diameter(tissue, outside=tissue[-1, 0])
    assert estimate_cell_diameter(movie_of(frames, np.uint16)) == pytest.approx(expected, rel=TOLERANCE)


def test_eye_disc_agrees_with_its_outlines(shared_data: Path) -> None:
    rng = np.random.default_rng(2)
    outlines = tifffile.imread(shared_data / "tissues" / "eyedisc_outlines_120f.tif")[60, 60:330, 60:420] > 0
    tissue = labels_between(outlines)
    expected = median_diameter(tissue, outside=tissue[0, 0])
    frames = [photographed(outlines, expected, "noisy", rng) for _ in range(FRAMES)]
    assert estimate_cell_diameter(movie_of(frames, np.uint16)) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("side", [1, 30, 120])
def test_flat_movie_is_refused(side: int) -> None:
    movie = Movie(np.full((FRAMES, side, side), 7, dtype=np.uint8), name="empty")
    with pytest.raises(WrongInputError, match=r"empty shows no network of bright junctions .* give --cell-diameter"):
        estimate_cell_diameter(movie)


@pytest.mark.parametrize("grain", [0, 1, 3])
def test_noise_is_refused(grain: float) -> None:
    rng = np.random.default_rng(4)
    noise = [ndimage.gaussian_filter(rng.normal(0, 20, (200, 200)), grain) for _ in range(FRAMES)]
    with pytest.raises(WrongInputError, match="shows no network of bright junctions"):
        estimate_cell_diameter(movie_of([100 + frame for frame in noise]))


def test_dark_junctions_are_refused(shared_data: Path) -> None:
    pixels = tifffile.imread(shared_data / "oracle" / "movie.tif")
    with pytest.raises(WrongInputError, match="shows no network of bright junctions"):
        estimate_cell_diameter(Movie(255 - pixels))


def test_cells_that_are_larger_than_the_scales_are_refused() -> None:
    rng = np.random.default_rng(5)
    junctions = find_boundaries(voronoi_labels(130, 430, rng))
    with pytest.raises(WrongInputError, match="whole cells of 7 to 100 pixels"):
        estimate_cell_diameter(movie_of([photographed(junctions, 130, "clean", rng)] * FRAMES))


def test_pixels_that_are_not_numbers_are_refused() -> None:
    pixels = np.ones((20, 40, 40), dtype=np.float32)
    pixels[10, 3, 4] = np.nan
    with pytest.raises(WrongInputError, match=r"NaN or infinite\) in frame 11.* give --cell-diameter"):
        estimate_cell_diameter(Movie(pixels))


def test_large_movie_is_sampled_in_little_memory() -> None:
    rng = np.random.default_rng(6)
    tissue = voronoi_labels(28, 512, rng)
    frame = np.tile(photographed(find_boundaries(tissue), 28, "noisy", rng), (4, 4)).astype(np.uint16)

    class OnDisk:
        shape = (1000, 2048, 2048)
        dtype = np.dtype(np.uint16)
        reads: list[int]

        def __getitem__(self, frames: slice) -> np.ndarray:
            self.reads.extend(range(frames.start, frames.stop))
            return frame[None].copy()

    pixels = OnDisk()
    pixels.reads = []
    tracemalloc.start()
    try:
        estimate = estimate_cell_diameter(Movie(pixels))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert estimate == pytest.approx(median_diameter(tissue), rel=TOLERANCE)
    assert pixels.reads == [100, 300, 500, 700, 900]
    assert peak < 100e6


def test_a_diameter_that_is_given_is_not_estimated():
    blank = Movie(np.zeros((5, 40, 40)))  # Nothing could be estimated.
    assert cell_diameter(blank, 23.5) == 23.5
    assert cell_diameter(blank, None) is None
    with pytest.raises(WrongInputError):
        cell_diameter(blank, "auto")
