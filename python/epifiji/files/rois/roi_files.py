"""Events as ImageJ ROI files: the only place where frames are counted from 1.

In Python an event has a 0-based frame, and an integer position is the centre of a pixel. ImageJ counts frames from 1.
Its points and lines also have integers at the centres of pixels, but its areas (rectangles, ovals, polygons) have
integers at their upper left corners, so half a pixel is subtracted from their centres here.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, colour_of, in_fixed_order, wrong_class_name
from epifiji.data.names import composed
from epifiji.data.network import NOTHING
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.frames import RoiPlace, frames_of
from epifiji.files.storage.archives import MOST_ROIS, roi_entries
from epifiji.files.storage.atomic import replacing

if TYPE_CHECKING:
    from roifile import ImagejRoi

KEPT = "kept"
COMPARED = ("match", "falsepositive", "falsenegative", "FP", "FN")
"""Endings of files with some events of a class: those kept in a review, and the outcomes of a comparison."""

MAX_COORDINATE = 60535
"""ImageJ stores an integer position in 16 bits and reads the 5,000 highest values as negative."""

MAX_FRAME = 2**31 - 2
"""0-based; ImageJ stores a frame as a signed 32-bit integer."""

ROI_VERSION = 227
_STROKE_WIDTH = 3
_SECOND_HEADER_FIELD = slice(60, 64)
_SECOND_HEADER_BYTES = 52
_SHOWN_NAME = re.compile(r"(?P<event>\S+) \d+(?: \((?P<score>[01]\.\d+)\))?(?:-\d+)?")
ENTRY_DATE = (1980, 1, 1, 0, 0, 0)


def write_rois(
    path: Path,
    events: Iterable[Event],
    colour: tuple[int, int, int] | None = None,
    layout: StackLayout | None = None,
) -> None:
    """Write events as a zip of ImageJ point ROIs, in the form of DeXtrusion's authors.

    A ROI has the integer `left` and `top` of the nearest pixel (halves are rounded up, as in ImageJ), the position at
    which ImageJ shows its frame (in a movie of one channel over time: channel and z position 1, the 1-based frame as t
    position), the name ``FFFF-YYYY-XXXX`` with that frame, and a stroke of width 3. An event between pixels also gets
    ImageJ's sub-pixel coordinates: ImageJ derives the same integer position from them and keeps them, and the authors'
    reader uses only the integers. Further events with the same name are called ``FFFF-YYYY-XXXX-1`` and so on, because
    readers by name would see only the last of them. Equal events give equal bytes.

    Parameters
    ----------
    path
        The zip; an existing one is replaced, in one step.
    events
        One or more; a class without events gets no file.
    colour
        Red, green, blue (0–255) of all ROIs; without one, that of each event's class.
    layout
        Positions of the movie's frames in ImageJ's stack. Default: along T, in one channel.

    Raises
    ------
    WrongInputError
        If there is no event, or one has no position that a ROI file can store (see `MAX_COORDINATE`).
    """
    path = Path(path)
    events = list(events)
    if not events:
        raise WrongInputError(
            f"{path.name} was to be written with no events, but ImageJ refuses a zip without ROIs: "
            "write no file for a class without events."
        )
    layout = layout or StackLayout()
    classes = in_fixed_order(event.event for event in events)
    entries = [
        _entry(event, repeat, colour or colour_of(event.event, classes), layout) for event, repeat in _repeats(events)
    ]
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(f"{name}.roi", ENTRY_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)


def read_rois(
    path: Path, event: str, layout: StackLayout | None = None, notices: list[str] | None = None
) -> list[Event]:
    """Read the events of a ROI zip or a single ``.roi`` file, written here, by the authors or by ImageJ.

    Every ROI is read, even if several have the same name. Every point of a multi-point ROI is an event; of any other
    type the centre of the bounding box is. Nothing is written to disk. Entries whose name does not end in ``.roi`` are
    ignored, as in ImageJ. Colours, counters and names are not kept.

    Parameters
    ----------
    path
        The file; its content determines whether it is a zip.
    event
        Name of the events' class; see :func:`event_of_file`.
    layout
        Positions of the movie's frames in ImageJ's stack, to which the ROIs' positions refer; None if the movie is
        unknown. See :func:`~epifiji.files.rois.frames.frames_of`.
    notices
        Receives sentences about what was assumed about an unknown movie.

    Returns
    -------
    list of Event
        In the file's order, without score and volume; empty for an empty zip.

    Raises
    ------
    WrongInputError
        If the file is missing, too large or neither, contains something other than ROIs, or a ROI is broken, has no
        frame or may have two; the message names the ROI.
    """
    return [found for _, events in _read(Path(path), event, layout, notices) for found in events]


def _require_few(count: int, name: str) -> None:
    """Refuse a file with more points than anybody marks: a small zip may contain hundreds of millions."""
    if count > MOST_ROIS:
        raise WrongInputError(f"{name} contains more than {MOST_ROIS} points, but no more are read: split it.")


def read_named_rois(
    path: Path, other: str, layout: StackLayout | None = None, notices: list[str] | None = None
) -> list[Event]:
    """Read ROIs of several classes from one zip, as the ROI Manager saves them.

    A ROI called ``<class> <number>`` or ``<class> <number> (<score>)``, as EpiFiji names the ROIs that it shows, is an
    event of that class with that score; any other is an event of the class `other`. Everything else is as in
    :func:`read_rois`.
    """
    found = []
    for name, events in _read(Path(path), other, layout, notices):
        named = _SHOWN_NAME.fullmatch(name)
        event, score = (named["event"], float(named["score"] or "nan")) if named else (other, math.nan)
        if wrong := wrong_class_name(event):
            raise WrongInputError(f"{Path(path).name} cannot be used, as {wrong}: rename the ROI {name!r}.")
        found += [replace(one, event=event, score=score) for one in events]
    return found


def _read(
    path: Path, event: str, layout: StackLayout | None, notices: list[str] | None
) -> list[tuple[str, list[Event]]]:
    """Read the events of each ROI, with the ROI's name: every point of a point ROI, the centre of any other ROI."""
    names, positions, places, count = [], [], [], 0
    for name, data in roi_entries(path):
        where = f"{path.name}, ROI {name}" if name != path.stem else path.name
        roi = decode_roi(data, where)
        names.append(name)
        positions.append(_positions(roi, where))
        _require_few(len(positions[-1]), where)
        count += len(positions[-1])
        _require_few(count, path.name)
        places.append(place_of_roi(roi, roi.name or name, len(positions[-1]), where))
    frames = frames_of(places, layout, path.name, notices)
    return [
        (name, [Event(event, frame, y, x) for frame, (y, x) in zip(in_time, in_space.tolist(), strict=True)])
        for name, in_time, in_space in zip(names, frames, positions, strict=True)
    ]


def shown_name(event: Event, number: int) -> str:
    """Return the name of an event's ROI for display: class, number and score."""
    return f"{event.event} {number}" + ("" if math.isnan(event.score) else f" ({event.score:.2f})")


def event_of_file(path: Path, movie_name: str | None = None, classes: Iterable[str] = ()) -> str:
    """Return the class of the events in a file: ``cell_death`` for ``movie_cell_death.zip``.

    Events kept in a review, and outcomes of a comparison, are of the class that precedes ``_kept``, ``_match`` …

    A known class at the end of the name has priority (`classes`, the three of DeXtrusion and ``nothing``), then what
    follows the movie's name, then ``cell_…``; otherwise it is the whole name.
    """
    stem, movie_name = composed(Path(path).stem), composed(movie_name or "")
    base, _, ending = stem.rpartition("_")
    if base and ending in (KEPT, *COMPARED) and ending not in classes:
        stem = base
    known = [name for name in (*classes, *EVENT_COLOURS, NOTHING) if f"_{stem}".endswith(f"_{name}")]
    if known:
        return max(known, key=len)
    if movie_name and stem.startswith(f"{movie_name}_") and stem != f"{movie_name}_":
        return stem[len(movie_name) + 1 :]
    _, marker, rest = f"_{stem}".rpartition("_cell_")
    return f"cell_{rest}" if marker and rest else stem


def _repeats(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    """Yield each event with the number of earlier events of the same name."""
    seen: Counter[str] = Counter()
    for event in events:
        name = _name(event)
        yield event, seen[name]
        seen[name] += 1


def _name(event: Event) -> str:
    y, x = _pixel(event)
    return f"{event.frame + 1:04d}-{y:04d}-{x:04d}"


def _pixel(event: Event) -> tuple[int, int]:
    """Return the nearest pixel (y, x); refused if ImageJ would read another."""
    place = f"frame {event.frame + 1}, y {event.y:g}, x {event.x:g}"
    if not (math.isfinite(event.y) and math.isfinite(event.x)):
        raise WrongInputError(f"An event of {event.event} lies at {place}, but a ROI needs numbers: leave it out.")
    # In single precision, as ImageJ rounds.
    y, x = (math.floor(float(np.float32(value)) + 0.5) for value in (event.y, event.x))
    if not (0 <= event.frame <= MAX_FRAME and 0 <= y <= MAX_COORDINATE and 0 <= x <= MAX_COORDINATE):
        raise WrongInputError(
            f"An event of {event.event} lies at {place}, but an ImageJ ROI file stores frames from 1 to {MAX_FRAME + 1} "
            f"and positions from 0 to {MAX_COORDINATE}: crop the movie or leave the event out."
        )
    return y, x


def _entry(event: Event, repeat: int, colour: tuple[int, int, int], layout: StackLayout) -> tuple[str, bytes]:
    """Return name and content of an event's ROI."""
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    y, x = _pixel(event)
    name = _name(event) + (f"-{repeat}" if repeat else "")
    c, z, t = layout.position(event.frame)
    roi = ImagejRoi(
        roitype=ROI_TYPE.POINT,
        version=ROI_VERSION,
        name=name,
        top=y,
        left=x,
        n_coordinates=1,
        integer_coordinates=np.zeros((1, 2), dtype=np.int32),
        position=layout.slice_number(event.frame),
        c_position=c,
        z_position=z,
        t_position=t,
        stroke_width=_STROKE_WIDTH,
        stroke_color=bytes((255, *colour)),
    )
    if (y, x) != (event.y, event.x):
        roi.options = ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.subpixel_coordinates = np.array([[event.x, event.y]], dtype=np.float32)
    return name, roi.tobytes()


def decode_roi(data: bytes, where: str) -> ImagejRoi:
    """Decode one ROI; refuse a truncated one."""
    from roifile import ImagejRoi

    if data[:4] != b"Iout":
        raise WrongInputError(
            f"{where} is not an ImageJ ROI (it does not begin with 'Iout'), but one is needed: "
            "save the ROIs in ImageJ's ROI Manager with More > Save."
        )
    # ImageJ and roifile ignore a truncated second header, and with it the frame.
    second_header = int.from_bytes(data[_SECOND_HEADER_FIELD], "big")
    cut_off = second_header and second_header + _SECOND_HEADER_BYTES > len(data)
    reason: object = f"it ends after {len(data)} bytes"
    try:
        if not cut_off:
            return ImagejRoi.frombytes(data)
    except (ValueError, TypeError, IndexError, struct.error, OverflowError, MemoryError) as error:
        reason = error
    raise WrongInputError(f"{where} is a broken ImageJ ROI ({reason}): save the ROIs again.")


def _positions(roi: ImagejRoi, where: str) -> np.ndarray:
    """Return positions (n, 2) in pixels, y then x: all points of a point ROI, the centre of any other ROI."""
    from roifile import ROI_TYPE

    if roi.roitype == ROI_TYPE.POINT:
        positions = _coordinates(roi)
    else:
        on_line = roi.roitype in {ROI_TYPE.LINE, ROI_TYPE.FREELINE, ROI_TYPE.POLYLINE, ROI_TYPE.ANGLE}
        corners = _corners(roi)
        positions = np.empty((0, 2))
        if len(corners):
            positions = (corners.min(axis=0, keepdims=True) + corners.max(axis=0, keepdims=True)) / 2
            positions -= 0.0 if on_line else 0.5
    if not len(positions):
        raise WrongInputError(
            f"{where} has the type {roi.roitype.name.lower()} and no coordinates, but every event needs a position: "
            "delete this ROI or draw it again."
        )
    if not np.isfinite(positions).all():
        raise WrongInputError(f"{where} has a position that is not a number: delete this ROI or draw it again.")
    return positions[:, ::-1]


def _corners(roi: ImagejRoi) -> np.ndarray:
    """Return points (n, 2) in ImageJ's coordinates, x then y, that span the bounding box of a ROI that is not a point."""
    from roifile import ROI_SUBTYPE, ROI_TYPE

    by_axis = roi.roitype == ROI_TYPE.FREEHAND and roi.subtype in {ROI_SUBTYPE.ELLIPSE, ROI_SUBTYPE.ROTATED_RECT}
    if roi.roitype == ROI_TYPE.LINE or by_axis:
        # An ellipse and a rotated rectangle are stored as their axis, which has the same centre.
        return np.array([[roi.x1, roi.y1], [roi.x2, roi.y2]], dtype=float)
    if roi.subpixelrect and not roi.composite:
        return np.array([[roi.xd, roi.yd], [roi.xd + roi.widthd, roi.yd + roi.heightd]], dtype=float)
    if roi.roitype in {ROI_TYPE.RECT, ROI_TYPE.OVAL}:
        return np.array([[roi.left, roi.top], [roi.right, roi.bottom]], dtype=float)
    return _coordinates(roi)


def _coordinates(roi: ImagejRoi) -> np.ndarray:
    """Return all points (n, 2) of a ROI, x then y."""
    with np.errstate(invalid="ignore"):
        return np.asarray(roi.coordinates(), dtype=float).reshape(-1, 2)


def place_of_roi(roi: ImagejRoi, name: str, count: int, where: str) -> RoiPlace:
    """Return the position at which ImageJ shows a ROI of `count` points."""
    from roifile import ROI_TYPE

    points = [0] * count
    # Only a point ROI has positions of its points; in any other ROI the field has no meaning.
    if roi.roitype == ROI_TYPE.POINT and roi.counter_positions is not None:
        points = roi.counter_positions.tolist()
    c, z, t, number = (max(int(n), 0) for n in (roi.c_position, roi.z_position, roi.t_position, roi.position))
    return RoiPlace(where, name, c, z, t, number, tuple(max(int(n), 0) for n in points))
