"""Measurements, outlines and polygons of cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label, regionprops_table

from epifiji.data.polygons import filled
from epifiji.engine.cells.outlines import outlines_of
from epifiji.engine.cells.polygons import area, polygon, polygons
from epifiji.engine.cells.properties import PROPERTIES, cell_properties, mixed_numbers
from epifiji.engine.metrics.labels import overlaps
from voronoi_cells import voronoi_labels

LABELS = voronoi_labels(60, 200)


def with_holes() -> np.ndarray:
    return np.where(np.isin(LABELS, [3, 9, 40]), 0, LABELS)


@pytest.mark.parametrize("labels", [LABELS, with_holes(), 5 * LABELS])
def test_measurements_are_those_of_scikit_image(labels: np.ndarray) -> None:
    found = cell_properties(labels)
    known = regionprops_table(labels, properties=("label", "centroid", "area", "perimeter_crofton", "orientation"))
    assert np.array_equal(found["label"], known["label"])
    assert np.array_equal(found["area"], known["area"])
    for name, values in {
        "y": known["centroid-0"],
        "x": known["centroid-1"],
        "perimeter": known["perimeter_crofton"],
    }.items():
        np.testing.assert_allclose(found[name], values)
    np.testing.assert_allclose(found["orientation"], np.degrees(known["orientation"] + np.pi / 2) % 180, atol=1e-6)


def test_neighbours_and_the_edge_are_those_of_brute_force() -> None:
    labels = with_holes()
    found = cell_properties(labels)
    cross = ndimage.generate_binary_structure(2, 1)
    for n, cell in enumerate(found["label"]):
        mask = labels == cell
        around = np.setdiff1d(labels[ndimage.binary_dilation(mask, cross)], [0, cell])
        assert found["neighbours"][n] == len(around)
        edge = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
        assert found["border"][n] == edge


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_an_ellipse_has_its_axes_and_its_direction_as_shown(degrees: float) -> None:
    """Angles grow counter-clockwise in the image as it is shown, where y points down."""
    y, x = np.mgrid[-60:61, -60:61].astype(float)
    turn = np.radians(degrees)
    along, across = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    found = cell_properties(((along / 40) ** 2 + (across / 20) ** 2 < 1).astype(np.int32))
    assert found["elongation"][0] == pytest.approx(2, rel=0.01)
    assert (found["orientation"][0] - degrees + 90) % 180 - 90 == pytest.approx(0, abs=0.5)


def test_a_rectangle_is_as_elongated_as_its_sides() -> None:
    """The second moment of a rectangle along a side is its square by 12, so a row of seven pixels is 7 times as long as wide."""
    labels = np.zeros((9, 12), np.int32)
    labels[4, 2:9] = 1
    assert cell_properties(labels)["elongation"][0] == pytest.approx(7)


def test_without_cells_there_are_columns_without_rows() -> None:
    found = cell_properties(np.zeros((4, 5), np.int32))
    assert tuple(found) == PROPERTIES
    assert all(len(column) == 0 for column in found.values())


def test_numbers_are_mixed_only_if_there_are_more_cells_than_colours() -> None:
    few = mixed_numbers(7 * LABELS)
    assert np.array_equal(few, LABELS)
    many = voronoi_labels(600, 300)
    mixed = mixed_numbers(many)
    assert np.array_equal(mixed, mixed_numbers(many))
    assert np.array_equal(np.unique(mixed), np.unique(many))
    assert len(np.unique(np.stack([many.ravel(), mixed.ravel()]), axis=1).T) == len(np.unique(many))
    assert not np.array_equal(mixed, many)


def test_outlines_are_one_pixel_wide_and_separate_the_cells() -> None:
    lines = outlines_of(LABELS)
    # Squares of four pixels are filled only where four lines meet.
    squares = lines[1:, 1:] & lines[:-1, 1:] & lines[1:, :-1] & lines[:-1, :-1]
    assert squares.sum() < 0.005 * lines.sum()
    cells = label(~lines, connectivity=1)
    both = overlaps(LABELS, cells)
    assert len(both.annotated) == len(np.unique(LABELS))
    for cell in np.unique(LABELS):
        inside = np.bincount(cells[(cell == LABELS) & ~lines])
        part = int(inside.argmax())
        assert (LABELS[cells == part] == cell).mean() > 0.8


def test_one_cell_has_no_outline_and_a_cell_by_itself_has_one_around_it() -> None:
    assert not outlines_of(np.ones((5, 6), np.int32)).any()
    assert not outlines_of(np.ones((1, 1), np.int32)).any()
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 1
    parts = label(~outlines_of(labels), connectivity=1)
    assert parts.max() == 2


def test_polygons_enclose_the_pixels_of_their_cells() -> None:
    found = dict(polygons(LABELS))
    assert sorted(found) == np.unique(LABELS).tolist()
    areas = np.bincount(LABELS.ravel())
    pieces = {cell: ndimage.label(cell == LABELS)[1] for cell in found}
    for cell, corners in found.items():
        assert (corners % 1 == 0.5).all()
        if pieces[cell] == 1:
            assert abs(area(corners)) == areas[cell]


def test_a_polygon_of_one_pixel_is_its_square() -> None:
    labels = np.zeros((5, 5), np.int32)
    labels[2, 3] = 4
    ((cell, corners),) = polygons(labels)
    assert cell == 4
    assert {tuple(corner) for corner in corners.tolist()} == {(1.5, 2.5), (1.5, 3.5), (2.5, 2.5), (2.5, 3.5)}


def test_a_polygon_is_filled_with_the_pixels_of_its_cell() -> None:
    random = np.random.default_rng(1)
    for _ in range(30):
        y, x = np.indices((30, 30)) - random.uniform(10, 20, (2, 1, 1))
        mine = (y / random.uniform(1, 9)) ** 2 + (x / random.uniform(1, 9)) ** 2 <= 1
        if mine.any():
            assert np.array_equal(filled(polygon(mine), mine.shape), mine)
