"""Labels of a volume with its corrections: each is made in one plane, and concerns the cell in all planes.

Labels are (Z, Y, X), int32, 0 for no cell. Voxels of a cell are connected if they share a face.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from epifiji.data.cell_edits import Add, CellEdit, Continue, Delete, Merge, Point, Split, labels_of
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.edited import EditedCells
from epifiji.engine.cells.edits import Box, border_at, box_of, changed, split_along

MOST_OF_OUTLINE = 0.5
"""A drawn outline continues a cell of the plane above or below with more than this share of its pixels over it."""


class EditedVolume(EditedCells):
    """Labels of a volume and the corrections that were made on them.

    Parameters
    ----------
    labels
        (Z, Y, X), int32, 0 for no cell. The array is changed in place.
    edits
        Earlier corrections, in order.
    spacing
        Distances between voxels along Z, Y and X, in any unit: what is near in a cell that is split depends on them.

    Raises
    ------
    WrongInputError
        If a correction does not fit the labels.
    """

    noun = "plane"

    def __init__(
        self, labels: np.ndarray, edits: Sequence[CellEdit] = (), spacing: Sequence[float] = (1.0, 1.0, 1.0)
    ) -> None:
        self.spacing = tuple(spacing)
        self._voxels: Counter[int] = Counter()
        for plane in labels:
            self._add_voxels(plane, 1)
        super().__init__(labels, edits)

    @property
    def cells(self) -> int:
        """Number of cells in the volume."""
        return sum(count > 0 for count in self._voxels.values())

    def voxels(self, cell: int) -> int:
        """Return the number of voxels of a cell, in all planes."""
        return self._voxels[cell]

    def count(self, frame: int) -> int:
        """Return the number of cells in a plane."""
        present = np.bincount(self.labels[frame].ravel()) > 0
        return int(np.count_nonzero(present[1:]))

    def corrected(self, frame: int) -> set[int]:
        """Return the labels that corrections changed, in any plane."""
        return {label for edit in self.edits for label in labels_of(edit)}

    def merge_at(self, frame: int, y: float, x: float, tolerance: float) -> Merge | None:
        """Return the merge of two cells that a click at their border means: the one with more voxels keeps its label."""
        cells = border_at(self.labels[frame], y, x, tolerance)
        if cells is None:
            return None
        # Of equal cells, the smaller label is kept, so that the click's side does not matter.
        kept, merged = sorted(cells, key=lambda cell: (-self.voxels(cell), cell))
        return Merge(frame, kept, merged)

    def split_along(self, frame: int, line: Sequence[Point]) -> Split:
        """Return the split of a cell that a line in a plane means; see :func:`epifiji.engine.cells.edits.split_along`.

        If a cell has several pieces in the plane, the line must cut one of them.
        """
        from skimage.measure import label

        plane = self.labels[frame]
        pieces = label(plane, connectivity=1)
        cut = split_along(pieces, frame, line, int(pieces.max()) + 1)
        return Split(frame, int(plane[pieces == cut.cell][0]), self.next_label, tuple(line))

    def add_around(self, frame: int, outline: Sequence[Point]) -> CellEdit:
        """Return what a drawn outline means: a new cell, or the continuation of one of the plane above or below.

        A cell continues if it has no pixel in this plane, and more than half of the outline's free pixels lie over it.
        """
        new = Add(frame, self.next_label, tuple(outline))
        region, after = changed(self.labels[frame], new)
        cell = self._over(frame, (slice(frame, frame + 1), *region), after == new.new)
        return Continue(frame, cell, new.outline) if cell else new

    def _over(self, plane: int, box: Box, drawn: np.ndarray) -> int:
        """Return the cell that pixels (Y, X) of a plane continue; 0 if there is none. Of two, it is that with more of them."""
        best, most = 0, MOST_OF_OUTLINE * int(np.count_nonzero(drawn))
        for beside in (plane - 1, plane + 1):
            if not 0 <= beside < len(self.labels):
                continue
            counts = np.bincount(self.labels[beside][box[1:]][drawn])
            counts[0] = 0
            cell = int(counts.argmax())
            if counts[cell] > most and not (self.labels[plane] == cell).any():
                best, most = cell, float(counts[cell])
        return best

    def _changed(self, edit: CellEdit) -> tuple[Box, np.ndarray]:
        match edit:
            case Merge():
                return self._merged(edit)
            case Split():
                return self._split(edit)
            case Continue():
                return self._continued(edit)
            case Delete():
                box, mask = self._cell(edit.cell)
                return box, np.where(mask, 0, self.labels[box])
            case Add():
                return super()._changed(edit)

    def _merged(self, edit: Merge) -> tuple[Box, np.ndarray]:
        if edit.kept == edit.merged:
            raise WrongInputError(f"The cell {edit.kept} cannot be merged with itself: two cells are needed.")
        box = _around(*(self._cell(cell)[0] for cell in (edit.kept, edit.merged)))
        before = self.labels[box]
        after = np.where(before == edit.merged, edit.kept, before)
        if not _touch(before, edit.kept, edit.merged):
            # Lines between cells, which the labels of some programs have, are filled plane by plane.
            for part, plane in zip(after, before, strict=True):
                if (plane == edit.kept).any() and (plane == edit.merged).any():
                    region, filled = changed(plane, edit)
                    part[region] = filled
        return box, after

    def _split(self, edit: Split) -> tuple[Box, np.ndarray]:
        """Cut a cell by a line in a plane; all its other voxels go to the part that is nearer within the cell.

        The parts of the plane are flooded through the cell in the order of the distance from them, so that both are
        connected. A piece of the cell that is not connected with them goes as a whole to the nearer part.
        """
        from scipy.ndimage import distance_transform_edt
        from scipy.ndimage import label as components
        from skimage.measure import label
        from skimage.segmentation import watershed

        box, mask = self._cell(edit.cell)
        plane = edit.frame - box[0].start
        if not 0 <= plane < len(mask) or not mask[plane].any():
            raise WrongInputError(f"There is no cell {edit.cell} in this plane.")
        pieces = label(self.labels[edit.frame] == edit.cell, connectivity=1)
        cut = split_along(pieces, edit.frame, edit.line, int(pieces.max()) + 1)
        region, after = changed(pieces, cut)
        seeds = np.zeros(mask.shape, np.int32)
        rows, columns = _within(region, box[1:])
        for number, value in enumerate((cut.cell, cut.new), 1):
            seeds[plane, rows, columns][_largest(after == value)] = number
        parts = watershed(distance_transform_edt(seeds == 0, self.spacing), seeds, mask=mask, connectivity=1)
        apart, count = components(mask & (parts == 0))
        if count:
            nearer = [_distances(parts != number, self.spacing, apart, count) for number in (1, 2)]
            parts = np.where(apart > 0, np.where(nearer[1] < nearer[0], 2, 1)[apart], parts)
        smaller = 2 if np.count_nonzero(parts == 2) <= np.count_nonzero(parts == 1) else 1
        return box, np.where(parts == smaller, edit.new, self.labels[box])

    def _continued(self, edit: Continue) -> tuple[Box, np.ndarray]:
        region, after = changed(self.labels[edit.frame], Add(edit.frame, self.next_label, edit.outline))
        here = slice(edit.frame, edit.frame + 1), *region
        drawn = after == self.next_label
        if self._over(edit.frame, here, drawn) != edit.cell:
            raise WrongInputError(f"The outline does not continue the cell {edit.cell} of a plane beside this one.")
        box = _around(self._cell(edit.cell)[0], here)
        whole = self.labels[box].copy()
        whole[_within(here, box)][drawn[None]] = edit.cell
        return box, whole

    def _cell(self, cell: int) -> tuple[Box, np.ndarray]:
        """Return the box of a cell, and which of its voxels are the cell's."""
        mask = self.labels == cell
        planes = np.flatnonzero(mask.any(axis=(1, 2)))
        if cell <= 0 or not len(planes):
            raise WrongInputError(f"There is no cell {cell}.")
        depth = slice(int(planes[0]), int(planes[-1]) + 1)
        box = depth, *box_of(mask[depth].any(axis=0))
        return box, mask[box]

    def _write(self, box: Box, where: np.ndarray, values: np.ndarray) -> np.ndarray:
        before = super()._write(box, where, values)
        self._add_voxels(before, -1)
        self._add_voxels(values, 1)
        return before

    def _add_voxels(self, labels: np.ndarray, sign: int) -> None:
        counts = np.bincount(labels.ravel(), minlength=1)
        for cell in np.flatnonzero(counts[1:]) + 1:
            self._voxels[int(cell)] += sign * int(counts[cell])


def _within(part: Sequence[slice], box: Sequence[slice]) -> tuple[slice, ...]:
    """Return where a part lies in a box that contains it."""
    return tuple(slice(one.start - whole.start, one.stop - whole.start) for one, whole in zip(part, box, strict=True))


def _around(*boxes: Box) -> Box:
    """Return the smallest box that contains all of several."""
    depth, rows, columns = (
        slice(min(one.start for one in sides), max(one.stop for one in sides)) for sides in zip(*boxes, strict=True)
    )
    return depth, rows, columns


def _touch(labels: np.ndarray, one: int, other: int) -> bool:
    """Return whether two cells share a face."""
    for axis in range(3):
        first = np.moveaxis(labels, axis, 0)
        here, there = first[:-1], first[1:]
        if (((here == one) & (there == other)) | ((here == other) & (there == one))).any():
            return True
    return False


def _largest(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of a mask (Y, X)."""
    from scipy.ndimage import label

    numbers, count = label(mask)
    largest: np.ndarray = numbers == 1 + np.bincount(numbers.ravel())[1:].argmax() if count else mask
    return largest


def _distances(outside: np.ndarray, spacing: Sequence[float], pieces: np.ndarray, count: int) -> np.ndarray:
    """Return the least distance of each piece, from 1 to `count`, to the voxels that are not `outside`; the first is 0."""
    from scipy.ndimage import distance_transform_edt, minimum

    least = minimum(distance_transform_edt(outside, spacing), pieces, np.arange(1, count + 1))
    return np.concatenate([[0.0], np.atleast_1d(least)])
