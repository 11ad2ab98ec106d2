"""Outlines of cells as ImageJ polygons, one for each event and frame: ``cell 3 frame 12`` is the cell of the third event."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from epifiji.data.cell_traces import CellTrace
from epifiji.data.errors import WrongInputError
from epifiji.data.events import colour_of
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import decode_roi
from epifiji.files.storage.archives import roi_entries
from epifiji.files.storage.atomic import replacing

_NAME = re.compile(r"cell (\d{1,9}) frame (\d{1,9})(?: daughter ([12]))?(?:-\d+)?")
_ENTRY_DATE = (1980, 1, 1, 0, 0, 0)

Outlines = dict[tuple[int, int, int], np.ndarray]
"""Corners (n, 2) of polygons as y, x by number of the event, frame (0-based) and daughter (0 for the cell itself, else 1 or 2).

Integers are the centres of pixels.
"""


def write_cell_outlines(path: Path, traces: Iterable[CellTrace], layout: StackLayout) -> None:
    """Write the outline of the cell of each event in each frame as a zip of polygons, at the frames' positions.

    ImageJ's fill of a polygon is the cell's pixels. After a division there are two polygons, one for each daughter.
    """
    from roifile import ROI_TYPE, ImagejRoi

    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for trace in traces:
            for index, frame in enumerate(trace.frames.tolist()):
                for name, corners in _named_outlines(trace, index, frame):
                    c, z, t = layout.position(frame)
                    # ImageJ's areas have integers at the corners of pixels.
                    roi = ImagejRoi.frompoints(corners[:, ::-1] + 0.5, name=name, c=c - 1, z=z - 1, t=t - 1)
                    roi.roitype = ROI_TYPE.POLYGON
                    roi.position = layout.slice_number(frame)
                    roi.stroke_color = bytes((255, *colour_of(trace.event.event)))
                    archive.writestr(zipfile.ZipInfo(f"{name}.roi", _ENTRY_DATE), roi.tobytes(), zipfile.ZIP_DEFLATED)


def _named_outlines(trace: CellTrace, index: int, frame: int) -> Iterable[tuple[str, np.ndarray]]:
    """Yield name and outline of the cell at an index, or of both daughters."""
    name = f"cell {trace.number} frame {frame + 1}"
    for label, ending in ((trace.cell, ""), *((one, f" daughter {n}") for n, one in enumerate(trace.daughters, 1))):
        mine = trace.labels[index] == label
        if mine.any():
            yield name + ending, outline_of(mine) + trace.corners[index]


def outline_of(mine: np.ndarray) -> np.ndarray:
    """Return the corners (n, 2), as y and x, of the longest outline of a region (Y, X) that is not empty."""
    from skimage.measure import find_contours

    longest: np.ndarray = max(find_contours(np.pad(mine, 1).astype(float), 0.5), key=len)
    return longest[:-1] - 1


def read_cell_outlines(path: Path) -> Outlines:
    """Read polygons that :func:`write_cell_outlines` wrote and a user changed.

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


def filled(corners: np.ndarray, corner: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels of a field (Y, X), whose first pixel is at `corner`, have their centres in a polygon."""
    from skimage.draw import polygon2mask

    mask: np.ndarray = polygon2mask(shape, corners - corner)
    return mask
