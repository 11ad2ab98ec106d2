"""Labels of an image with its corrections, which can be undone to any depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.cell_edits import Add, CellEdit, Delete, Merge, Point, Split, labels_of
from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.edits import Box, Region, changed, merged_at, split_along

CELLS_MORE: dict[type[CellEdit], int] = {Merge: -1, Split: 1, Add: 1, Delete: -1}
"""By how many cells a correction of each kind changes a frame's number of cells."""


class EditedCells:
    """Labels and the corrections that were made on them.

    Parameters
    ----------
    labels
        (T, Y, X), int32, 0 for no cell. The array is changed in place.
    edits
        Earlier corrections, in order.

    Attributes
    ----------
    touched
        The rectangle that the last correction, or its undoing, changed in its frames; its cells lie completely in it.
    frames
        The frames in which it may have changed something.

    Raises
    ------
    WrongInputError
        If a correction does not fit the labels.
    """

    noun = "frame"
    """What one image of the labels is called."""

    def __init__(self, labels: np.ndarray, edits: Sequence[CellEdit] = ()) -> None:
        self.labels = labels
        self.edits: list[CellEdit] = []
        self._before: list[tuple[Box, np.ndarray, np.ndarray]] = []
        self._undone: list[CellEdit] = []
        self.touched: Region = (slice(0, 0), slice(0, 0))
        self.frames = range(0)
        self._counts: dict[int, int] = {}
        self._largest = [int(labels.max(initial=0))]
        for number, edit in enumerate(edits, 1):
            try:
                self.do(edit)
            except WrongInputError as problem:
                raise WrongInputError(f"Correction {number} does not fit the labels: {problem}") from problem

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.labels)} {self.noun}s, {len(self.edits)} corrections>"

    @property
    def next_label(self) -> int:
        """The label of the next new cell; no frame has or had it."""
        return self._largest[-1] + 1

    @property
    def undone(self) -> int:
        """Number of corrections that were undone and can be made again."""
        return len(self._undone)

    def merge_at(self, frame: int, y: float, x: float, tolerance: float) -> Merge | None:
        """Return the merge that a click means; see :func:`epifiji.engine.cells.edits.merged_at`."""
        return merged_at(self.labels[frame], frame, y, x, tolerance)

    def split_along(self, frame: int, line: Sequence[Point]) -> Split:
        """Return the split that a line means; see :func:`epifiji.engine.cells.edits.split_along`."""
        return split_along(self.labels[frame], frame, line, self.next_label)

    def add_around(self, frame: int, outline: Sequence[Point]) -> CellEdit:
        """Return the correction that a drawn outline means: a new cell."""
        return Add(frame, self.next_label, tuple(outline))

    def do(self, edit: CellEdit) -> None:
        """Make a correction. Undone corrections can then no longer be made again.

        Raises
        ------
        WrongInputError
            If it does not fit the labels, which then stay as they were.
        """
        if not 0 <= edit.frame < len(self.labels):
            raise WrongInputError(f"There is no {self.noun} {edit.frame + 1}: the labels have {len(self.labels)}.")
        if isinstance(edit, Split | Add) and edit.new < self.next_label:
            raise WrongInputError(f"The label {edit.new} was used before, but a new cell needs a new one.")
        self._do(edit)
        self._undone.clear()

    def _do(self, edit: CellEdit) -> None:
        box, after = self._changed(edit)
        where = np.flatnonzero(self.labels[box] != after)
        # Only the changed pixels are kept: the boxes of large cells of a volume would fill the memory.
        kept = where.astype(np.int32 if after.size < 2**31 else np.int64)
        self._before.append((box, kept, self._write(box, where, after.ravel()[where])))
        self.edits.append(edit)
        self._largest.append(max(self._largest[-1], *labels_of(edit)))
        self._count(edit, 1)

    def _changed(self, edit: CellEdit) -> tuple[Box, np.ndarray]:
        """Return what a correction changes: a box of the labels, and the labels in it after the correction."""
        region, after = changed(self.labels[edit.frame], edit)
        return (slice(edit.frame, edit.frame + 1), *region), after[None]

    def _write(self, box: Box, where: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Write the values of some pixels of a box, by their index in it, and return those of before."""
        part = self.labels[box]
        places = np.unravel_index(where, part.shape)
        before: np.ndarray = part[places]
        part[places] = values
        frames, rows, columns = box
        self.frames, self.touched = range(frames.start, frames.stop), (rows, columns)
        return before

    def undo(self) -> CellEdit | None:
        """Undo the last correction and return it; None if there is none."""
        if not self.edits:
            return None
        edit = self.edits.pop()
        self._largest.pop()
        self._write(*self._before.pop())
        self._undone.append(edit)
        self._count(edit, -1)
        return edit

    def redo(self) -> CellEdit | None:
        """Make the last undone correction again and return it; None if there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._do(edit)
        return edit

    def _count(self, edit: CellEdit, sign: int) -> None:
        if edit.frame in self._counts:
            self._counts[edit.frame] += sign * CELLS_MORE[type(edit)]

    def count(self, frame: int) -> int:
        """Return the number of cells in a frame."""
        if frame not in self._counts:
            present = np.zeros(self._largest[-1] + 1, bool)
            present[self.labels[frame]] = True
            self._counts[frame] = int(np.count_nonzero(present[1:]))
        return self._counts[frame]

    def corrected(self, frame: int) -> set[int]:
        """Return the labels in a frame that corrections changed, also those that are no longer there."""
        return {label for edit in self.edits if edit.frame == frame for label in labels_of(edit)}
