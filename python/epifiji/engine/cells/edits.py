"""Corrections of one frame of labels: which cells a click or a line means, and what a correction changes.

Labels are (Y, X), int32, 0 for no cell. Points are (y, x) in pixels; integers are centres of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from epifiji.data.cell_edits import Add, CellEdit, Continue, Delete, Merge, Point, Split
from epifiji.data.errors import WrongInputError
from epifiji.data.polygons import filled

LEAST_PART_PX, LEAST_PART_SHARE = 5, 0.01
"""A part of a cut cell is a cell if it has at least so many pixels, and this share of the cell."""

LEAST_REACH_PX, REACH_SHARE = 5, 0.25
"""An end of a line inside a cell is extended by at most this share of its length in the cell, or so many pixels."""

DIRECTION_PX = 8
"""The direction of a line's end is that of its last pixels, at most so many."""

LEAST_OF_LINE = 0.5
"""A line can mean only cells with this share of its pixels in the cell with most of them; others it only touches."""

STUB_PX = 2.5
"""Pixels of a line farther from the larger part do not cut: a loose end belongs to the part in which it lies."""

GAP_PX = 1.5
"""Lines without a label between two cells are theirs up to this distance, so that lines of two pixels separate neighbours."""

ACROSS_GAP_PX = 2.5

Region = tuple[slice, slice]
Box = tuple[slice, slice, slice]
"""A part of labels (T, Y, X) or (Z, Y, X)."""

Change = tuple[Region, np.ndarray]
"""A rectangle of a frame, and its labels after a correction."""


def cell_at(labels: np.ndarray, y: float, x: float) -> int:
    """Return the label of the pixel at a point; 0 outside the frame."""
    row, column = _nearest(y), _nearest(x)
    inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
    return int(labels[row, column]) if inside else 0


def border_at(labels: np.ndarray, y: float, x: float, tolerance: float) -> tuple[int, int] | None:
    """Return the two cells on both sides of the border nearest to a point, if one is not farther than `tolerance` (px).

    A border lies between two pixels of different cells. Cells that a line of one or two pixels without a label
    separates are neighbours too; their border is the middle of the line.
    """
    reach = int(np.ceil(tolerance)) + 3
    top, left = max(0, _nearest(y) - reach), max(0, _nearest(x) - reach)
    window = _filled(labels[top : max(0, _nearest(y) + reach + 1), left : max(0, _nearest(x) + reach + 1)])
    found: list[tuple[float, int, int]] = []
    for one, other, down, right in ((window[:, :-1], window[:, 1:], 0, 0.5), (window[:-1], window[1:], 0.5, 0)):
        rows, columns = np.nonzero((one != other) & (one > 0) & (other > 0))
        # The border between two pixels is a segment of one pixel's length.
        across_y = np.maximum(np.abs(rows + top + down - y) - (0.5 if right else 0), 0)
        across_x = np.maximum(np.abs(columns + left + right - x) - (0.5 if down else 0), 0)
        distances = np.hypot(across_y, across_x)
        if distances.size and distances.min() <= tolerance:
            nearest = int(distances.argmin())
            place = rows[nearest], columns[nearest]
            found.append((float(distances[nearest]), int(one[place]), int(other[place])))
    return min(found)[1:] if found else None


def merged_at(labels: np.ndarray, frame: int, y: float, x: float, tolerance: float) -> Merge | None:
    """Return the merge that a click at a point means: the larger cell keeps its label. None if there is no border."""
    cells = border_at(labels, y, x, tolerance)
    if cells is None:
        return None
    areas = [int(np.count_nonzero(labels == cell)) for cell in cells]
    # Of equal cells, the smaller label is kept, so that the click's side does not matter.
    kept, merged = sorted(cells, key=lambda cell: (-areas[cells.index(cell)], cell))
    return Merge(frame, kept, merged)


def split_along(labels: np.ndarray, frame: int, line: Sequence[Point], new: int) -> Split:
    """Return the split that a drawn line means.

    The cell is the one with most of the line or, if the line does not cut it, another with at least half as much. Ends of the
    line that nearly reach the cell's border are extended.

    Raises
    ------
    WrongInputError
        If the line lies in no cell, or does not cut it into two parts.
    """
    rows, columns = np.unique(line_pixels(line, labels.shape), axis=0).T
    under = labels[rows, columns]
    cells, counts = np.unique(under[under > 0], return_counts=True)
    if not len(cells):
        raise WrongInputError("The line lies in no cell: draw it across one, from border to border.")
    order = np.argsort(-counts, kind="stable")
    splits = [
        Split(frame, int(cells[at]), new, tuple(line)) for at in order if counts[at] >= LEAST_OF_LINE * counts.max()
    ]
    problems = []
    for split in splits:
        try:
            _split(labels, split)
        except WrongInputError as problem:
            problems.append(problem)
        else:
            return split
    raise problems[0]


def line_pixels(line: Sequence[Point], shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels (n, 2) of a line in order, each touching the next at a side or corner, without those outside."""
    corners = [(_nearest(y), _nearest(x)) for y, x in line]
    runs = [np.array(corners[:1]).reshape(-1, 2)]
    for (y, x), (next_y, next_x) in pairwise(corners):
        steps = max(abs(next_y - y), abs(next_x - x))
        part = np.arange(1, steps + 1)[:, None] / max(steps, 1)
        runs.append(np.floor(np.array([y, x]) + part * np.array([next_y - y, next_x - x]) + 0.5).astype(int))
    pixels = np.concatenate(runs)
    return pixels[((pixels >= 0) & (pixels < np.array(shape))).all(axis=1)]


def changed(labels: np.ndarray, edit: CellEdit) -> Change:
    """Return what a correction changes in its frame; the labels themselves stay as they are.

    Raises
    ------
    WrongInputError
        If it does not fit the labels: a cell does not exist, a line does not cut it, or an outline encloses no free pixel.
    """
    match edit:
        case Merge():
            return _merge(labels, edit)
        case Split():
            return _split(labels, edit)
        case Add():
            return _add(labels, edit)
        case Delete():
            region, mask = _cell(labels, edit.cell)
            return region, np.where(mask, 0, labels[region])
        case Continue():
            raise WrongInputError(
                "A cell continues in the planes of a volume only, but these labels are those of a movie."
            )


def _merge(labels: np.ndarray, edit: Merge) -> Change:
    from scipy import ndimage

    if edit.kept == edit.merged:
        raise WrongInputError(f"The cell {edit.kept} cannot be merged with itself: two cells are needed.")
    regions = [_cell(labels, cell)[0] for cell in (edit.kept, edit.merged)]
    rows, columns = zip(*regions, strict=True)
    region = (
        slice(min(one.start for one in rows), max(one.stop for one in rows)),
        slice(min(one.start for one in columns), max(one.stop for one in columns)),
    )
    before = labels[region]
    after = np.where(before == edit.merged, edit.kept, before)
    if (before == 0).any():
        sides = [ndimage.distance_transform_edt(before != cell) for cell in (edit.kept, edit.merged)]
        between = (np.minimum(*sides) <= GAP_PX) & (np.maximum(*sides) <= ACROSS_GAP_PX) & (before == 0)
        after[between & np.isin(_filled(before), (edit.kept, edit.merged))] = edit.kept
    return region, after


def _split(labels: np.ndarray, edit: Split) -> Change:
    from scipy import ndimage

    region, mask = _cell(labels, edit.cell)
    pixels = line_pixels(edit.line, labels.shape)
    on_line = _drawn(pixels, region, mask.shape)
    numbers, parts = _parts(mask & ~on_line)
    if len(parts) < 2:
        on_line = _drawn(_extended(pixels, labels, edit.cell), region, mask.shape)
        numbers, parts = _parts(mask & ~on_line)
    if len(parts) != 2:
        raise WrongInputError(
            "The line does not cross the cell: draw it from border to border."
            if len(parts) < 2
            else f"The line cuts the cell into {len(parts)} parts, but two are possible: draw a line that crosses it once."
        )
    distances = [ndimage.distance_transform_edt(numbers != part) for part in parts]
    new = mask & (distances[1] < distances[0])
    # The pixels under the line belong to the larger part; so the line is the border, to the pixel.
    new &= ~(on_line & (distances[0] <= STUB_PX))
    new |= numbers == parts[1]
    return region, np.where(new, edit.new, labels[region])


def _add(labels: np.ndarray, edit: Add) -> Change:
    from scipy import ndimage

    if len(edit.outline) < 3:
        raise WrongInputError("The outline has fewer than three corners: draw it around the missed cell.")
    outlined = filled(np.array(edit.outline, float), labels.shape)
    if not outlined.any():
        raise WrongInputError("The outline encloses no pixel of the image: draw it around the missed cell.")
    region = box_of(outlined)
    numbers, count = ndimage.label(outlined[region] & (labels[region] == 0))
    if count == 0:
        raise WrongInputError(
            "The outline encloses only pixels of other cells: draw it where there is no cell, or split or delete the cell first."
        )
    areas = np.bincount(numbers.ravel())
    areas[0] = 0
    return region, np.where(numbers == int(areas.argmax()), edit.new, labels[region])


def _cell(labels: np.ndarray, cell: int) -> tuple[Region, np.ndarray]:
    """Return the rectangle of a cell, and which of its pixels are the cell's."""
    mask = labels == cell
    if cell <= 0 or not mask.any():
        raise WrongInputError(f"There is no cell {cell} in this frame.")
    region = box_of(mask)
    return region, mask[region]


def box_of(mask: np.ndarray) -> Region:
    """Return the rectangle around the true pixels of an array (Y, X); an empty one if there are none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _drawn(pixels: np.ndarray, region: Region, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels of a rectangle a line covers."""
    drawn = np.zeros(shape, bool)
    here = pixels - (region[0].start, region[1].start)
    here = here[((here >= 0) & (here < np.array(shape))).all(axis=1)]
    drawn[here[:, 0], here[:, 1]] = True
    return drawn


def _parts(mask: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Number the parts of a cut cell (Y, X), and return the numbers of those that can be cells, the larger first.

    Pixels of a part touch at their sides: a line whose pixels touch at corners separates them.
    """
    from scipy import ndimage

    numbers, _ = ndimage.label(mask)
    areas = np.bincount(numbers.ravel())
    areas[0] = 0
    least = max(LEAST_PART_PX, LEAST_PART_SHARE * areas.sum())
    parts = [int(part) for part in np.argsort(-areas, kind="stable") if areas[part] >= least]
    return numbers, parts


def _extended(pixels: np.ndarray, labels: np.ndarray, cell: int) -> np.ndarray:
    """Extend the ends of a line that lie in a cell straight to its border, if it is near."""
    length = int(np.count_nonzero(labels[pixels[:, 0], pixels[:, 1]] == cell))
    reach = max(LEAST_REACH_PX, round(REACH_SHARE * length))
    ends = []
    for run in (pixels[::-1], pixels):
        end, before = run[-1], run[max(0, len(run) - 1 - DIRECTION_PX)]
        direction = (end - before) / max(1, np.abs(end - before).max())
        steps = np.floor(end + np.arange(1, reach + 1)[:, None] * direction + 0.5).astype(int)
        inside = [cell_at(labels, *step) == cell for step in steps]
        ends.append(steps[: inside.index(False)] if False in inside else steps[:0])
    return np.concatenate([ends[0][::-1], pixels, ends[1]])


def _filled(labels: np.ndarray) -> np.ndarray:
    """Give pixels without a label that are near cells the label of the nearest one."""
    from scipy import ndimage

    if not labels.size or (labels > 0).all() or not (labels > 0).any():
        return labels
    distances, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(distances <= GAP_PX, labels[tuple(nearest)], labels)


def _nearest(place: float) -> int:
    return int(np.floor(place + 0.5))
