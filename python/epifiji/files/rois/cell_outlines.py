"""Outlines of cells as ImageJ polygons, one for each event and frame: ``cell 3 frame 12`` is the cell of the third event."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.rois.roi_files import decode_roi
from epifiji.files.storage.archives import roi_entries

_NAME = re.compile(r"cell (\d{1,9}) frame (\d{1,9})(?: daughter ([12]))?(?:-\d+)?")

Outlines = dict[tuple[int, int, int], np.ndarray]
"""Corners (n, 2) of polygons as y, x by number of the event, frame (0-based) and daughter (0 for the cell itself, else 1 or 2).

Integers are the centres of pixels.
"""


def outline_name(number: int, frame: int, daughter: int = 0) -> str:
    """Return the name of the outline of the cell of an event, or of one of its daughters; `frame` counts from 0."""
    return f"cell {number} frame {frame + 1}" + (f" daughter {daughter}" if daughter else "")


def read_cell_outlines(path: Path) -> Outlines:
    """Read polygons that were written with the names of :func:`outline_name`, and that a user changed.

    A ROI without such a name, such as a new one, is refused, as it belongs to no event.

    Raises
    ------
    WrongInputError
        If the file cannot be read, or a ROI is not the polygon of an event's cell; the message names it.
    """
    found: Outlines = {}
    for entry, data in roi_entries(path):
        roi = decode_roi(data, f"{path.name}, ROI {entry}")
        named = _NAME.fullmatch(roi.name or entry)
        if named is None:
            raise WrongInputError(
                f"{path.name} contains the ROI {roi.name or entry!r}, but the outline of an event's cell is called "
                "'cell 3 frame 12' after the event's number and the frame: rename the ROI."
            )
        corners = np.asarray(roi.coordinates(), float).reshape(-1, 2)
        if len(corners) < 3 or not np.isfinite(corners).all():
            raise WrongInputError(
                f"{path.name}, ROI {roi.name or entry}, is not an outline of at least three points: draw it as a polygon."
            )
        found[int(named[1]), int(named[2]) - 1, int(named[3] or 0)] = corners[:, ::-1] - 0.5
    return found
