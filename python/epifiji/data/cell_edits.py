"""Corrections of segmented cells: what a person merged, split, added and deleted, as values.

Points are (y, x) in pixels; integers are centres of pixels. Frames count from 0; those of a volume are its planes, and a
correction there concerns a cell in all planes.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Merge:
    """Two cells become one.

    Parameters
    ----------
    frame
        Index of the frame.
    kept
        The label of the cell after the merge.
    merged
        The label that disappears from the frame.
    """

    frame: int
    kept: int
    merged: int


@dataclass(frozen=True)
class Split:
    """A line cuts a cell in two.

    Parameters
    ----------
    frame
        Index of the frame.
    cell
        The label of the cell, which its larger part keeps.
    new
        The label of its smaller part.
    line
        The points of the line, in order.
    """

    frame: int
    cell: int
    new: int
    line: tuple[Point, ...]


@dataclass(frozen=True)
class Add:
    """A missed cell, by its outline. Pixels of other cells stay theirs.

    Parameters
    ----------
    frame
        Index of the frame.
    new
        The label of the cell.
    outline
        The corners of the closed outline, in order. A pixel is inside if its centre is.
    """

    frame: int
    new: int
    outline: tuple[Point, ...]


@dataclass(frozen=True)
class Delete:
    """A cell is removed: its pixels become 0, no cell.

    Parameters
    ----------
    frame
        Index of the frame.
    cell
        Its label.
    """

    frame: int
    cell: int


@dataclass(frozen=True)
class Continue:
    """A cell of a volume continues in a plane in which it was missed, by its outline there. Pixels of other cells stay theirs.

    Parameters
    ----------
    frame
        Index of the plane.
    cell
        The label of the cell, which is in the plane above or below.
    outline
        The corners of the closed outline, as in :class:`Add`.
    """

    frame: int
    cell: int
    outline: tuple[Point, ...]


CellEdit = Merge | Split | Add | Delete | Continue

KINDS: dict[str, type[CellEdit]] = {"merge": Merge, "split": Split, "add": Add, "delete": Delete, "continue": Continue}
"""The kinds of corrections by the names that files have for them."""


def labels_of(edit: CellEdit) -> tuple[int, ...]:
    """Return the labels whose pixels a correction changes."""
    match edit:
        case Merge(_, kept, merged):
            return kept, merged
        case Split(_, cell, new):
            return cell, new
        case Add(_, new):
            return (new,)
        case Delete(_, cell) | Continue(_, cell):
            return (cell,)
