"""Corrections of a volume: each concerns a cell in all planes, and keeps it one object."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from epifiji.data.cell_edits import Add, Continue, Delete, Merge, Split
from epifiji.data.errors import WrongInputError
from epifiji.engine.volumes.edited import EditedVolume

DEPTH, HEIGHT = 8, 20
"""Planes 2 to 9 and rows 5 to 24 of the two cells of `pair`."""


def pair() -> np.ndarray:
    """Two boxes beside each other: 16 and 20 columns."""
    labels = np.zeros((12, 30, 44), np.int32)
    labels[2:10, 5:25, 2:18] = 1
    labels[2:10, 5:25, 18:38] = 2
    return labels


def pieces(labels: np.ndarray) -> dict[int, int]:
    """Return the number of connected pieces of each label; voxels are connected by their faces."""
    return {int(cell): ndimage.label(labels == cell)[1] for cell in np.unique(labels[labels > 0])}


def test_a_click_on_a_border_merges_two_cells_in_all_planes() -> None:
    labels = pair()
    cells = EditedVolume(labels.copy())
    assert cells.merge_at(4, 12, 30, 2) is None
    cells.do(cells.merge_at(4, 12, 17.4, 2))
    assert cells.edits == [Merge(4, 2, 1)], "the larger cell keeps its label"
    assert np.array_equal(cells.labels, np.where(labels == 1, 2, labels))
    assert (cells.voxels(2), cells.voxels(1), cells.cells) == (36 * DEPTH * HEIGHT, 0, 1)
    assert (cells.count(4), cells.count(0)) == (1, 0)
    assert (cells.frames, cells.touched) == (range(2, 10), (slice(5, 25), slice(2, 38)))
    cells.undo()
    assert np.array_equal(cells.labels, labels)
    assert (cells.cells, cells.count(4)) == (2, 2)


def test_a_line_between_merged_cells_is_filled_in_all_planes() -> None:
    labels = pair()
    labels[:, :, 17] = 0
    cells = EditedVolume(labels)
    cells.do(cells.merge_at(4, 12, 17, 2))
    assert cells.voxels(2) == 36 * DEPTH * HEIGHT
    assert pieces(labels) == {2: 1}


def test_no_voxel_between_cells_that_touch_becomes_theirs() -> None:
    labels = pair()
    labels[2:10, 5:8, 16:20] = 0
    before = np.count_nonzero(labels)
    cells = EditedVolume(labels)
    cells.do(Merge(4, 2, 1))
    assert cells.voxels(2) == before


def test_a_line_splits_a_cell_in_all_planes() -> None:
    labels = pair()
    cells = EditedVolume(labels)
    cells.do(cells.split_along(5, [(0, 25), (29, 25)]))
    # The line in column 25 stays with the larger part, columns 25 to 37.
    assert (cells.voxels(2), cells.voxels(3)) == (13 * DEPTH * HEIGHT, 7 * DEPTH * HEIGHT)
    assert (labels[2:10, 5:25, 18:25] == 3).all()
    assert cells.cells == 3


def test_the_part_with_more_voxels_keeps_the_label() -> None:
    labels = np.zeros((6, 12, 30), np.int32)
    labels[0, :, 2:22] = 1
    labels[:, :, 14:22] = 1
    cells = EditedVolume(labels)
    cells.do(cells.split_along(0, [(0, 14), (11, 14)]))
    # In plane 0, 13 columns with the line are the larger part. Above the line, column 14 is theirs too.
    assert (cells.voxels(1), cells.voxels(2)) == (7 * 12 * 6, 13 * 12 + 5 * 12)


def oblique() -> np.ndarray:
    """A cell that leans over: a disk whose middle moves by two pixels from plane to plane."""
    z, y, x = np.indices((12, 30, 50))
    return np.where(np.hypot(y - 15, x - 13 - 2 * z) < 9, 1, 0).astype(np.int32)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.5, 0.5)])
def test_voxels_go_to_the_nearer_part(spacing: tuple[float, float, float]) -> None:
    whole = oblique() > 0
    cells = EditedVolume(oblique(), spacing=spacing)
    cells.do(cells.split_along(6, [(15, 0), (15, 49)]))
    assert pieces(cells.labels) == {1: 1, 2: 1}
    assert np.array_equal(cells.labels > 0, whole)
    places = {cell: np.argwhere(cells.labels[6] == cell) for cell in (1, 2)}
    voxels = np.argwhere(whole)
    far = {
        cell: cKDTree(np.insert(at, 0, 6, axis=1) * spacing).query(voxels * spacing)[0] for cell, at in places.items()
    }
    nearest = np.where(far[2] < far[1], 2, 1)
    clear = np.abs(far[1] - far[2]) > 1e-6
    # The cell is convex, so what is nearest within it is nearest; the flooding goes from face to face.
    assert (cells.labels[whole] == nearest)[clear].mean() > 0.99


def test_a_part_behind_a_gap_goes_to_what_it_is_connected_with() -> None:
    """Two columns are joined at the bottom; a line cuts one of them, and the other is nearer to the far part of it."""
    labels = np.zeros((8, 12, 30), np.int32)
    labels[:, 2:10, 2:16] = 1
    labels[:, 2:10, 17:22] = 1
    labels[7, 2:10, 2:22] = 1
    cells = EditedVolume(labels)
    cells.do(cells.split_along(1, [(0, 9), (11, 9)]))
    assert pieces(labels) == {1: 1, 2: 1}
    assert len(np.unique(labels[:7, 2:10, 17:22])) == 1, "the other column is not cut"
    assert cells.voxels(1) + cells.voxels(2) == 8 * 8 * 19 + 8


@pytest.mark.parametrize(("step", "part"), [(1.0, 1), (2.0, 2)])
def test_a_separate_piece_goes_to_the_nearer_part_as_a_whole(step: float, part: int) -> None:
    """The piece is three planes above the larger part and, in its plane, five pixels from the smaller one's column."""
    labels = np.zeros((9, 10, 40), np.int32)
    labels[4, :, 2:30] = 1
    labels[:5, :, 22:30] = 1
    labels[1, :, 14:18] = 1
    cells = EditedVolume(labels, spacing=(step, 1.0, 1.0))
    cells.do(cells.split_along(4, [(0, 20), (9, 20)]))
    left = int(labels[4, 0, 2])
    right = int(labels[4, 0, 29])
    assert left != right
    assert (labels[1, :, 14:18] == (left if part == 1 else right)).all()


def test_a_line_cuts_one_of_several_sections_of_a_cell() -> None:
    labels = np.zeros((5, 12, 40), np.int32)
    labels[:, 2:10, 2:14] = 1
    labels[:, 2:10, 20:32] = 1
    labels[4, 2:10, 2:32] = 1
    cells = EditedVolume(labels)
    cells.do(cells.split_along(0, [(0, 6), (11, 6)]))
    assert pieces(labels) == {1: 1, 2: 1}
    assert cells.voxels(2) == 5 * 8 * 4
    with pytest.raises(WrongInputError, match="The line does not cross the cell"):
        cells.split_along(0, [(5, 25), (5, 26)])


def test_a_deleted_cell_is_gone_in_all_planes() -> None:
    labels = pair()
    cells = EditedVolume(labels.copy())
    cells.do(Delete(3, 1))
    assert np.array_equal(cells.labels, np.where(labels == 1, 0, labels))


SQUARE = ((4.5, 1.5), (4.5, 17.5), (24.5, 17.5), (24.5, 1.5))
"""The outline of the first cell of `pair`."""


class TestContinuations:
    def test_an_outline_over_a_cell_continues_it(self) -> None:
        for plane in (1, 10):
            cells = EditedVolume(pair())
            step = cells.add_around(plane, SQUARE)
            assert step == Continue(plane, 1, SQUARE)
            cells.do(step)
            assert cells.voxels(1) == 16 * HEIGHT * (DEPTH + 1)
            assert pieces(cells.labels) == {1: 1, 2: 1}
            assert cells.undo() == step
            assert np.array_equal(cells.labels, pair())

    def test_a_plane_that_misses_a_cell_is_closed(self) -> None:
        labels = pair()
        labels[5][labels[5] == 1] = 0
        cells = EditedVolume(labels)
        assert pieces(labels)[1] == 2
        cells.do(cells.add_around(5, SQUARE))
        assert np.array_equal(labels, pair())

    @pytest.mark.parametrize(("left", "kind"), [(-6, Add), (-5, Continue)])
    def test_half_of_the_pixels_are_too_few(self, left: int, kind: type) -> None:
        """Columns 2 to 9 lie over the cell; of 8 columns to their left, all or 7 are drawn."""
        labels = np.pad(pair(), ((0, 0), (0, 0), (8, 0)))
        first, last = 8 + left - 0.5, 8 + 9.5
        outline = ((4.5, first), (4.5, last), (24.5, last), (24.5, first))
        assert isinstance(EditedVolume(labels).add_around(1, outline), kind)

    def test_a_cell_that_is_in_the_plane_is_not_continued(self) -> None:
        labels = pair()
        labels[5, :, 4:18] = np.where(labels[5, :, 4:18] == 1, 0, labels[5, :, 4:18])
        cells = EditedVolume(labels)
        cells.do(cells.add_around(5, SQUARE))
        assert cells.edits == [Add(5, 3, SQUARE)]
        assert cells.voxels(3) == 14 * HEIGHT

    def test_of_two_cells_that_with_more_pixels_continues(self) -> None:
        labels = np.zeros((3, 10, 20), np.int32)
        labels[0, :, :12], labels[2, :, 5:20] = 1, 2
        outline = ((-0.5, -0.5), (-0.5, 19.5), (9.5, 19.5), (9.5, -0.5))
        assert EditedVolume(labels).add_around(1, outline) == Continue(1, 2, outline)

    def test_what_no_longer_continues_is_refused(self) -> None:
        cells = EditedVolume(pair())
        with pytest.raises(WrongInputError, match="does not continue the cell 2"):
            cells.do(Continue(1, 2, SQUARE))
        assert np.array_equal(cells.labels, pair())


def test_what_does_not_fit_is_refused() -> None:
    cells = EditedVolume(pair())
    for edit, said in (
        (Delete(12, 1), "There is no plane 13: the labels have 12."),
        (Delete(3, 7), "There is no cell 7."),
        (Merge(3, 1, 1), "cannot be merged with itself"),
        (Split(0, 1, 3, ((0, 9), (29, 9))), "There is no cell 1 in this plane."),
        (Add(0, 2, SQUARE), "The label 2 was used before"),
    ):
        with pytest.raises(WrongInputError, match=said):
            cells.do(edit)
    assert np.array_equal(cells.labels, pair())
    assert repr(cells) == "<EditedVolume: 12 planes, 0 corrections>"


def random_cells(seed: int) -> np.ndarray:
    """Cells of a Voronoi diagram in a ball, each of one piece."""
    random = np.random.default_rng(seed)
    shape = (10, 40, 40)
    places = np.stack(np.indices(shape), -1).reshape(-1, 3) * (3.0, 1, 1)
    nearest = cKDTree(random.uniform((0, 0, 0), (30, 40, 40), (25, 3))).query(places)[1] + 1
    inside = np.linalg.norm(places - (13.5, 19.5, 19.5), axis=1) < 16
    labels = np.where(inside, nearest, 0).reshape(shape).astype(np.int32)
    for cell in np.unique(labels[labels > 0]):
        numbers, _ = ndimage.label(labels == cell)
        sizes = np.bincount(numbers.ravel())
        sizes[0] = 0
        labels[(numbers > 0) & (numbers != sizes.argmax())] = 0
    return labels


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cells_stay_connected_and_all_is_undone(seed: int) -> None:
    random = np.random.default_rng(seed)
    original = random_cells(seed)
    cells = EditedVolume(original.copy(), spacing=(3.0, 1.0, 1.0))
    states = [original]
    for _ in range(40):
        plane, (y, x) = int(random.integers(1, 9)), random.uniform(8, 32, 2)
        turn = random.uniform(0, np.pi)
        line = [(y - 9 * np.sin(turn), x - 9 * np.cos(turn)), (y + 9 * np.sin(turn), x + 9 * np.cos(turn))]
        try:
            match random.integers(4):
                case 0:
                    step = cells.merge_at(plane, y, x, 3)
                case 1 | 2:
                    step = cells.split_along(plane, line)
                case _:
                    cell = int(cells.labels[plane, int(y), int(x)])
                    step = (
                        Delete(plane, cell)
                        if cell
                        else cells.add_around(plane, [(y - 3, x), (y + 3, x - 3), (y, x + 3)])
                    )
            if step is None:
                continue
            cells.do(step)
        except WrongInputError:
            continue
        states.append(cells.labels.copy())
        assert set(pieces(cells.labels).values()) == {1}
    assert len({type(edit) for edit in cells.edits}) >= 3
    counts = np.bincount(cells.labels.ravel())[1:]
    assert [cells.voxels(cell) for cell in range(1, len(counts) + 1)] == counts.tolist()
    assert cells.cells == np.count_nonzero(counts)
    assert np.array_equal(EditedVolume(original.copy(), cells.edits, (3.0, 1.0, 1.0)).labels, cells.labels)
    for state in states[-2::-1]:
        cells.undo()
        assert np.array_equal(cells.labels, state)
    for state in states[1:]:
        cells.redo()
        assert np.array_equal(cells.labels, state)
