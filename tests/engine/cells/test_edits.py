"""Corrections of cells against slow computations pixel by pixel."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from broken_cells import voronoi_cells
from epifiji.data.cell_edits import Add, CellEdit, Delete, Merge, Split
from epifiji.data.errors import WrongInputError
from epifiji.data.polygons import filled
from epifiji.engine.cells.edited import EditedCells
from epifiji.engine.cells.edits import (
    LEAST_PART_PX,
    LEAST_PART_SHARE,
    STUB_PX,
    border_at,
    cell_at,
    changed,
    line_pixels,
    merged_at,
    split_along,
)

Pixels = set[tuple[int, int]]


def pixels_of(labels: np.ndarray, cell: int) -> Pixels:
    return {(int(y), int(x)) for y, x in np.argwhere(labels == cell)}


def applied(labels: np.ndarray, edit: CellEdit) -> np.ndarray:
    region, after = changed(labels, edit)
    made = labels.copy()
    made[region] = after
    return made


@pytest.fixture
def labels() -> np.ndarray:
    return voronoi_cells(5, 40, 50, 14)


def to_segment(y: float, x: float, top: float, left: float, bottom: float, right: float) -> float:
    return math.hypot(max(top - y, 0, y - bottom), max(left - x, 0, x - right))


class TestBorder:
    def test_the_nearest_border_of_two_cells_is_found(self, labels):
        draw = np.random.default_rng(1)
        for y, x in draw.random((200, 2)) * (44, 54) - 2:
            distances = {}
            for row, column in np.ndindex(labels.shape):
                for down, right in ((0, 1), (1, 0)):
                    if row + down >= labels.shape[0] or column + right >= labels.shape[1]:
                        continue
                    cells = frozenset((int(labels[row, column]), int(labels[row + down, column + right])))
                    if len(cells) == 2 and 0 not in cells:
                        middle = row + down / 2, column + right / 2
                        ends = middle[0] - right / 2, middle[1] - down / 2, middle[0] + right / 2, middle[1] + down / 2
                        far = to_segment(y, x, *ends)
                        distances[cells] = min(far, distances.get(cells, math.inf))
            nearest = min(distances.values())
            found = border_at(labels, y, x, 2.5)
            if nearest > 2.5:
                assert found is None
            else:
                assert distances[frozenset(found)] == pytest.approx(nearest)

    @pytest.mark.parametrize("width", [1, 2])
    def test_lines_without_a_label_are_borders(self, width):
        labels = np.ones((20, 30), np.int32)
        labels[:, 13 : 13 + width] = 0
        labels[:, 13 + width :] = 2
        merge = merged_at(labels, 0, 10, 13, 1.5)
        assert (merge.kept, merge.merged) == (2, 1)
        assert (applied(labels, merge) == 2).all()

    def test_a_wide_gap_is_no_border(self):
        labels = np.ones((20, 30), np.int32)
        labels[:, 12:17] = 0
        labels[:, 17:] = 2
        assert border_at(labels, 10, 14, 4) is None

    def test_the_edge_of_the_image_and_of_the_tissue_are_none(self, labels):
        assert border_at(labels, -3, -3, 2) is None
        assert border_at(np.zeros((5, 5), np.int32), 2, 2, 3) is None
        assert cell_at(labels, -0.6, 0) == 0
        assert cell_at(labels, 39.4, 49.4) == labels[39, 49]


class TestMerge:
    def test_the_larger_cell_keeps_its_label_and_nothing_else_changes(self, labels):
        for row, column in np.argwhere(labels[:, :-1] != labels[:, 1:])[::7]:
            one, other = int(labels[row, column]), int(labels[row, column + 1])
            areas = {cell: len(pixels_of(labels, cell)) for cell in (one, other)}
            merge = merged_at(labels, 0, row, column + 0.5, 0.1)
            assert {merge.kept, merge.merged} == {one, other}
            assert areas[merge.kept] >= areas[merge.merged]
            made = applied(labels, merge)
            assert pixels_of(made, merge.kept) == pixels_of(labels, one) | pixels_of(labels, other)
            rest = ~np.isin(labels, [one, other])
            assert np.array_equal(made[rest], labels[rest])


def flooded(pixels: Pixels) -> list[Pixels]:
    """Return the parts of a set of pixels that touch at their sides."""
    left, parts = set(pixels), []
    while left:
        part, waiting = set(), [left.pop()]
        while waiting:
            y, x = waiting.pop()
            part.add((y, x))
            for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if place in left:
                    left.remove(place)
                    waiting.append(place)
        parts.append(part)
    return sorted(parts, key=len, reverse=True)


def distance(place: tuple[int, int], pixels: Pixels) -> float:
    return min(math.dist(place, other) for other in pixels)


class TestSplit:
    def test_random_lines_cut_as_computed_pixel_by_pixel(self, labels):
        draw = np.random.default_rng(2)
        cut = 0
        for _ in range(120):
            line = [tuple(map(float, point)) for point in draw.random((3, 2)) * labels.shape]
            on_line = {(int(y), int(x)) for y, x in line_pixels(line, labels.shape)}
            whole = {}
            for cell in np.unique(labels).tolist():
                pixels = pixels_of(labels, cell)
                parts = flooded(pixels - on_line)
                least = max(LEAST_PART_PX, LEAST_PART_SHARE * sum(map(len, parts)))
                parts = [part for part in parts if len(part) >= least]
                if len(parts) == 2 and on_line & pixels:
                    whole[cell] = parts
            counts = {cell: len(on_line & pixels_of(labels, cell)) for cell in np.unique(labels).tolist()}
            possible = [cell for cell in counts if 2 * counts[cell] >= max(counts.values())]
            if not whole.keys() & set(possible):
                continue
            split = split_along(labels, 0, line, 99)
            assert split.cell in possible
            assert counts[split.cell] >= max(counts[cell] for cell in whole.keys() & set(possible))
            if split.cell not in whole:
                # An end of the line was extended.
                continue
            larger, smaller = whole[split.cell]
            new = set(smaller)
            for place in pixels_of(labels, split.cell) - larger - smaller:
                nearer = distance(place, smaller) < distance(place, larger)
                if nearer and not (place in on_line and distance(place, larger) <= STUB_PX):
                    new.add(place)
            made = applied(labels, split)
            assert pixels_of(made, 99) == new
            assert pixels_of(made, split.cell) == pixels_of(labels, split.cell) - new
            assert np.array_equal(made[labels != split.cell], labels[labels != split.cell])
            cut += 1
        assert cut > 40

    def test_ends_near_the_border_are_extended(self):
        labels = np.ones((30, 40), np.int32)
        split = split_along(labels, 0, [(15.0, 4.0), (15.0, 35.0)], 2)
        made = applied(labels, split)
        assert (made[:16] == 1).all()
        assert (made[16:] == 2).all(), "the line's pixels belong to the larger part"

    def test_pixels_of_a_line_touch(self):
        pixels = line_pixels([(3.4, 2.6), (10, 30), (10, 30), (-5, 28)], (20, 25))
        inside = [(y, x) for y, x in pixels if x < 24]
        assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1 for a, b in pairwise(inside))
        assert (pixels >= 0).all()
        assert (pixels < (20, 25)).all()

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ([(15, 10), (15, 20)], "The line does not cross the cell: draw it from border to border."),
            ([(15, 15)], "The line does not cross the cell: draw it from border to border."),
            ([(10, 0), (10, 39), (20, 39), (20, 0)], "The line cuts the cell into 3 parts"),
            ([(-9, -9), (-3, 60)], "The line lies in no cell: draw it across one, from border to border."),
        ],
    )
    def test_other_lines_are_refused(self, line, said):
        with pytest.raises(WrongInputError, match=said):
            split_along(np.ones((30, 40), np.int32), 0, line, 2)


def inside(y: float, x: float, outline: list[tuple[float, float]]) -> bool:
    """Return whether a ray from a point to the left crosses an outline an odd number of times."""
    crossings = 0
    for (y0, x0), (y1, x1) in pairwise([*outline, outline[0]]):
        if (y0 <= y) != (y1 <= y):
            crossings += x0 + (y - y0) * (x1 - x0) / (y1 - y0) < x
    return crossings % 2 == 1


class TestAdd:
    def test_pixels_whose_centres_are_inside_are_inside(self):
        draw = np.random.default_rng(3)
        for corners in (3, 4, 7, 12):
            outline = [tuple(map(float, point)) for point in draw.random((corners, 2)) * (34, 44) - 2]
            mask = filled(np.array(outline), (30, 40))
            assert mask.tolist() == [[inside(y, x, outline) for x in range(40)] for y in range(30)]

    def test_pixels_of_other_cells_stay_theirs(self, labels):
        hole = pixels_of(labels, 5)
        labels[labels == 5] = 0
        made = applied(labels, Add(0, 50, ((-1, -1), (-1, 60), (50, 60), (50, -1))))
        assert pixels_of(made, 50) == hole
        assert np.array_equal(made[labels > 0], labels[labels > 0])

    def test_of_several_free_parts_the_largest_becomes_the_cell(self):
        labels = np.zeros((10, 30), np.int32)
        labels[:, 10:12] = 1
        made = applied(labels, Add(0, 2, ((1.5, 1.5), (1.5, 25.5), (6.5, 25.5), (6.5, 1.5))))
        assert pixels_of(made, 2) == {(y, x) for y in range(2, 7) for x in range(12, 26)}

    @pytest.mark.parametrize(
        ("outline", "said"),
        [
            (((1, 1), (1, 4)), "The outline has fewer than three corners"),
            (((-9, -9), (-9, -5), (-5, -5)), "The outline encloses no pixel of the image"),
            (((1, 1), (1, 9), (9, 9)), "The outline encloses only pixels of other cells"),
        ],
    )
    def test_other_outlines_are_refused(self, labels, outline, said):
        with pytest.raises(WrongInputError, match=said):
            changed(labels, Add(0, 50, outline))


class TestEditedCells:
    def test_random_corrections_are_undone_and_made_again(self, labels):
        draw = np.random.default_rng(4)
        movie = np.stack([labels, np.where(labels == 2, 0, labels)])
        cells = EditedCells(movie.copy())
        states = [cells.labels.copy()]
        while len(cells.edits) < 40:
            frame, before = int(draw.integers(2)), cells.labels.copy()
            other = 1 - frame
            point = draw.random(2) * labels.shape
            try:
                what = draw.integers(3)
                edit = (
                    cells.merge_at(frame, *point, 1.0)
                    if what == 0
                    else cells.split_along(frame, [tuple(p) for p in draw.random((2, 2)) * labels.shape])
                    if what == 1
                    else Add(frame, cells.next_label, tuple(tuple(p) for p in point + draw.normal(0, 6, (5, 2))))
                )
                if edit is None:
                    edit = Delete(frame, cell_at(cells.labels[frame], *point))
                cells.do(edit)
            except WrongInputError:
                assert np.array_equal(cells.labels, before)
                continue
            assert np.array_equal(cells.labels[other], before[other])
            assert cells.count(frame) == len(np.unique(cells.labels[frame][cells.labels[frame] > 0]))
            if isinstance(edit, Split | Add):
                assert edit.new not in movie
            states.append(cells.labels.copy())
        edits = list(cells.edits)
        assert {type(edit) for edit in edits} == {Merge, Split, Add, Delete}
        assert np.array_equal(EditedCells(movie.copy(), edits).labels, states[-1]), "made again from the list alone"
        for state in states[-2::-1]:
            cells.undo()
            assert np.array_equal(cells.labels, state)
        assert cells.undo() is None
        assert [cells.redo() for _ in range(41)] == [*edits, None]
        assert np.array_equal(cells.labels, states[-1])

    def test_a_new_correction_ends_making_again(self, labels):
        cells = EditedCells(labels[None])
        cells.do(Delete(0, 1))
        cells.undo()
        cells.do(Delete(0, 2))
        assert cells.redo() is None

    @pytest.mark.parametrize(
        ("edit", "said"),
        [
            (Delete(0, 77), "Correction 1 does not fit the labels: There is no cell 77 in this frame."),
            (Delete(3, 1), "There is no frame 4: the labels have 1."),
            (Merge(0, 2, 2), "The cell 2 cannot be merged with itself"),
            (Add(0, 3, ((0, 0), (0, 9), (9, 9))), "The label 3 was used before"),
        ],
    )
    def test_corrections_of_other_labels_are_refused(self, labels, edit, said):
        with pytest.raises(WrongInputError, match=said):
            EditedCells(labels[None], [edit])
