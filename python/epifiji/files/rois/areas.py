"""Areas as ImageJ ROI files: the parts of a movie that a user outlined, as ImageJ fills them.

ImageJ's areas have integers at the upper left corners of pixels. A pixel belongs to an area if its centre lies in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.polygons import crossings, filled
from epifiji.data.region import Mask, Region
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.frames import RoiPlace, frames_of
from epifiji.files.rois.roi_files import decode_roi, place_of_roi
from epifiji.files.storage.archives import roi_entries

if TYPE_CHECKING:
    from roifile import ImagejRoi

MOST_AREAS = 10_000
MOST_CROSSINGS = 50_000_000
"""Most points at which an outline crosses rows of pixels; the outlines of a tissue's cells have far fewer."""

ELLIPSE_CORNERS = 3600
_RATIO = slice(52, 56)


def read_areas(
    path: Path, shape: tuple[int, int, int], layout: StackLayout | None = None, notices: list[str] | None = None
) -> Region:
    """Read the areas of a ROI zip or a single ``.roi`` file as the region of a movie.

    A ROI with a position in the stack holds for its frame only, and one without for all frames. Rounded corners of
    rectangles are taken as corners.

    Parameters
    ----------
    path
        The file.
    shape
        (T, Y, X) of the movie.
    layout
        Positions of the movie's frames in ImageJ's stack, to which the ROIs' positions refer.
    notices
        Receives sentences about what was assumed, areas that reach beyond the frame, and frames without an area.

    Raises
    ------
    WrongInputError
        If the file cannot be read, a ROI is not an area, or lies outside the movie; the message names the ROI.
    """
    said = [] if notices is None else notices
    frames, height, width = shape
    inside: dict[int | None, np.ndarray] = {}
    beyond = 0
    for frame, corners, where in _outlines(path, layout, said):
        if frame is not None and frame >= frames:
            raise WrongInputError(
                f"{where} lies in frame {frame + 1}, but the movie has {frames} frames: specify the ROIs of this movie."
            )
        # In ImageJ, integers are at the corners of pixels.
        centred = corners[:, ::-1] - 0.5
        if crossings(centred, height) > MOST_CROSSINGS:
            raise WrongInputError(
                f"{where} has an outline of {len(corners)} points, which is too long: draw a simpler one."
            )
        area = filled(centred, (height, width))
        if not area.any():
            raise WrongInputError(
                f"{where} has no pixel in the frame of {width} x {height} pixels, but areas of this movie are needed: "
                "delete this ROI, or specify the ROIs of this movie."
            )
        low, high = corners.min(axis=0), corners.max(axis=0)
        beyond += bool((low < 0).any() or (high > (width, height)).any())
        inside[frame] = inside[frame] | area if frame in inside else area
    if not inside:
        raise WrongInputError(
            f"{path} contains no ROIs, but areas are needed: draw them in ImageJ and save them in the ROI Manager with "
            "More > Save."
        )
    if beyond:
        said.append(
            f"{path.name} has {beyond} ROI{'s that reach' if beyond > 1 else ' that reaches'} beyond the frame of {width} x "
            f"{height} pixels: only the part in the frame is used."
        )
    return _region(path.name, inside, shape, said)


def _region(name: str, inside: dict[int | None, np.ndarray], shape: tuple[int, int, int], said: list[str]) -> Region:
    always = inside.pop(None, np.zeros(shape[1:], bool))
    masks, of_frame = [Mask.of(always)], np.zeros(shape[0], int)
    for frame, area in inside.items():
        of_frame[frame] = len(masks)
        masks.append(Mask.of(area | always))
    region = Region.of(name, masks, of_frame)
    seen = int(region.observed.sum())
    if seen < shape[0]:
        said.append(
            f"{name} has areas in {seen} of {shape[0]} frames only, and the other frames are left out: for an area in all "
            "frames remove the ROI's position in ImageJ (ROI Manager > Properties > Position: none)."
        )
    return region


def _outlines(
    path: Path, layout: StackLayout | None, notices: list[str]
) -> Iterator[tuple[int | None, np.ndarray, str]]:
    """Yield frame (None for all), corners (n, 2) as x, y, and name for messages of each area."""
    read: list[tuple[RoiPlace, np.ndarray]] = []
    for name, data in roi_entries(path):
        where = f"{path.name}, ROI {name}" if name != path.stem else path.name
        if len(read) == MOST_AREAS:
            raise WrongInputError(
                f"{path.name} contains more than {MOST_AREAS} areas, but no more are read: combine them."
            )
        roi = decode_roi(data, where)
        # A name such as 0005-0100-0120, which ImageJ gives, is no position of an area.
        read.append((place_of_roi(roi, "", 1, where), _corners(roi, data, where)))
    placed = [place for place, _ in read if place.t or place.z or place.c or place.number]
    frames = dict(zip(map(id, placed), frames_of(placed, layout, path.name, notices), strict=True))
    for place, corners in read:
        yield frames[id(place)][0] if id(place) in frames else None, corners, place.where


def _corners(roi: ImagejRoi, data: bytes, where: str) -> np.ndarray:
    """Return the corners (n, 2) of an area as x, y in ImageJ's coordinates; refuse a ROI that is not a simple area."""
    from roifile import ROI_SUBTYPE, ROI_TYPE

    area = roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL, ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED)
    if not area or roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE, ROI_SUBTYPE.ARROW):
        kind = roi.subtype if area else roi.roitype
        raise WrongInputError(
            f"{where} is a {kind.name.lower()}, but an area is needed: draw a rectangle, an oval, a polygon or a freehand "
            "selection."
        )
    if roi.composite:
        raise WrongInputError(
            f"{where} is composed of several parts, but simple areas are needed: split it in ImageJ (ROI Manager > More > "
            "Split) and save the parts."
        )
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
        left, top, right, bottom = (float(side) for side in (roi.left, roi.top, roi.right, roi.bottom))
        if roi.subpixelrect:
            left, top, right, bottom = roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        if roi.roitype == ROI_TYPE.OVAL:
            corners = _ellipse(corners[0], corners[2] - corners[0])
    elif roi.roitype == ROI_TYPE.FREEHAND and roi.subtype in (ROI_SUBTYPE.ELLIPSE, ROI_SUBTYPE.ROTATED_RECT):
        corners = _on_axis(roi, struct.unpack(">f", data[_RATIO])[0], roi.subtype == ROI_SUBTYPE.ELLIPSE)
    else:
        corners = np.asarray(roi.coordinates(), float).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise WrongInputError(f"{where} has no outline of at least three points, but an area is needed: draw it again.")
    return corners


def outlines_of_area(roi: ImagejRoi, data: bytes, where: str) -> list[np.ndarray]:
    """Return the outlines (n, 2) of an area as x, y in ImageJ's coordinates; several, by the even-odd rule, if it is composed.

    Raises
    ------
    WrongInputError
        If the ROI is not an area, or composed of curves.
    """
    if not roi.composite:
        return [_corners(roi, data, where)]
    try:
        outlines = [np.asarray(one, float).reshape(-1, 2) for one in roi.coordinates(multi=True)]
    except (NotImplementedError, RuntimeError, IndexError, ValueError) as problem:
        raise WrongInputError(
            f"{where} is composed of parts that cannot be read ({problem}): split it in ImageJ (ROI Manager > More > Split), "
            "and save the parts."
        ) from problem
    outlines = [one for one in outlines if len(one) > 2]
    if not outlines or not all(np.isfinite(one).all() for one in outlines):
        raise WrongInputError(f"{where} has no outline of at least three points, but an area is needed: draw it again.")
    return outlines


def _ellipse(corner: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return points on the ellipse in a rectangle, close enough for any frame."""
    angles = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
    return corner + sides / 2 * (1 + np.column_stack([np.cos(angles), np.sin(angles)]))


def _on_axis(roi: ImagejRoi, size: float, ellipse: bool) -> np.ndarray:
    """Return corners of an ellipse or a rotated rectangle, which are stored as an axis and their width across it.

    The width of an ellipse is stored as its share of the axis, that of a rectangle in pixels.
    """
    ends = np.array([[roi.x1, roi.y1], [roi.x2, roi.y2]], float)
    along = (ends[1] - ends[0]) / 2
    length = float(np.hypot(*along))
    across = np.array([-along[1], along[0]]) * (size if ellipse else size / 2 / (length or 1))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    points = _ellipse(corners[0], np.array([2.0, 2.0])) if ellipse else corners
    return ends.mean(axis=0) + points @ np.array([along, across])
