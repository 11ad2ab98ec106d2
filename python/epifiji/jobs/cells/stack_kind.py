"""Whether the labels of a stack are those of a volume, whose cells extend over planes, or those of a movie."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.labels import holds_labels, read_cells, stack_axis
from epifiji.files.results.cell_results import cyst_labels_in, labels_in
from epifiji.jobs.cells.annotated import lines_in

CONTINUED = 0.9
"""In a volume at least this share of the cells that two neighbouring planes have in common overlap; EpiFiji's do all."""


def is_volume(file: Path, labels: np.ndarray, axis: str | None = None) -> tuple[bool, str | None]:
    """Return whether labels are those of a volume, and what to tell the user if this is not certain.

    They are if they are those of a cyst's result, or if their file says that its images are planes (Z), the image has planes
    too, and the cells continue from plane to plane. If in doubt they are not: a correction then changes one plane only.

    Parameters
    ----------
    file, labels
        The file, and the labels (n, Y, X) in it.
    axis
        The axis along which the images of the shown image lie, T, Z or C; None if it is not known.
    """
    if len(labels) == 1 or file == labels_in(file.parent):
        return False, None
    if file == cyst_labels_in(file.parent):
        return True, None
    said = stack_axis(file)
    if said == "T" or not (said == "Z" or axis == "Z") or not cells_continue(labels):
        return False, None
    if said == "Z" and axis in ("Z", None):
        # The cells of outlines are numbered plane by plane.
        return lines_in(read_cells(file), file) is None, None
    return False, _doubt(file, said)


def _doubt(file: Path, said: str | None) -> str:
    """Say why a correction changes one plane only."""
    if said == "Z":
        return f"Corrections change one frame, because the image is a movie; {file.name} has planes (Z)."
    if holds_labels(file):
        return f"Corrections change one plane: cells of a volume are labels with planes (Z), not {file.name}."
    return f"Corrections change one plane: {file.name} does not say that it is a volume. If so, save it in Fiji with planes (Z)."


def require_no_planes_of_cyst(file: Path) -> None:
    """Refuse the cells of each plane of a cyst, which are not connected from plane to plane.

    Raises
    ------
    WrongInputError
        If a file in a cyst's result folder holds cells in another form than its labels.
    """
    labels = cyst_labels_in(file.parent) if holds_labels(file) else None
    if labels is not None:
        raise WrongInputError(
            f"{file} has the cells of each plane one by one, but the cells of a volume are corrected as labels: give {labels}."
        )


def cells_continue(labels: np.ndarray) -> bool:
    """Return whether the cells that neighbouring planes (n, Y, X) have in common overlap, as those of a volume do."""
    size = int(labels.max(initial=0)) + 1
    common = overlapping = 0
    before = _present(labels[0], size)
    for one, other in pairwise(labels):
        after = _present(other, size)
        common += int(np.count_nonzero(before & after))
        overlapping += int(np.count_nonzero(_present(one[one == other], size)))
        before = after
    return common > 0 and overlapping >= CONTINUED * common


def _present(values: np.ndarray, size: int) -> np.ndarray:
    """Return which labels occur, without 0, as a table of all."""
    table = np.zeros(size, bool)
    table[values] = True
    table[0] = False
    return table
