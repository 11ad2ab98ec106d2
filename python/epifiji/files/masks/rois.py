"""Cells that were drawn in Fiji, as a ROI zip or a single ROI: polygons, freehand selections, ovals, composites."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.jobs import Overlaps
from epifiji.files.masks.canvas import Canvas
from epifiji.files.rois.areas import outlines_of_area
from epifiji.files.rois.frames import RoiPlace, frames_of
from epifiji.files.rois.roi_files import decode_roi, place_of_roi
from epifiji.files.storage.archives import roi_entries

_NUMBERED = re.compile(r"\d{4,}-(\d{5,9})")


def read_roi_cells(
    path: Path, shape: Sequence[int], overlaps: Overlaps = "refuse", notices: list[str] | None = None
) -> np.ndarray:
    """Read the cells of a ROI file as labels (T, Y, X), int32.

    A pixel belongs to a cell if its centre lies in the ROI, as ImageJ fills it. Cells that EpiFiji wrote keep their
    labels; others are numbered in the order of the file, which is that of the ROI Manager.

    Parameters
    ----------
    path
        A zip of ROIs, or a single ``.roi``.
    shape
        (T, Y, X) of the image. In a still image the ROIs' positions in a stack do not matter.
    overlaps
        What happens to pixels that belong to several cells.
    notices
        Receives sentences about what was assumed or cut.

    Raises
    ------
    WrongInputError
        If the file cannot be read; a ROI is not an area, or lies outside the image; or ROIs overlap that must not.
    """
    said: list[str] = [] if notices is None else notices
    read = []
    for entry, data in roi_entries(path):
        where = f"{path.name}, ROI {entry}" if entry != path.stem else path.name
        roi = decode_roi(data, where)
        outlines = [corners[:, ::-1] - 0.5 for corners in outlines_of_area(roi, data, where)]
        read.append((place_of_roi(roi, entry, 1, where), roi.name or entry, outlines))
    if not read:
        raise WrongInputError(
            f"{path} contains no ROIs, but cells are needed: draw them in ImageJ and save them in the ROI Manager with "
            "More > Save."
        )
    frames = _frames([place for place, _, _ in read], shape[0], path.name, said)
    labels = _labels([name for _, name, _ in read], frames)
    canvas = Canvas(shape, overlaps, path.name)
    for label, frame, (place, _, outlines) in zip(labels, frames, read, strict=True):
        canvas.draw(label, frame, place.where, outlines)
    said += canvas.notices()
    return canvas.labels


def _frames(places: Sequence[RoiPlace], frames: int, file: str, notices: list[str]) -> list[int]:
    if frames == 1:
        return [0] * len(places)
    return [found[0] for found in frames_of(places, None, file, notices)]


def _labels(names: Sequence[str], frames: Sequence[int]) -> list[int]:
    """Return the labels that names such as ``0001-00042`` contain, if all do, each once in a frame; else numbers from 1."""
    named = [_NUMBERED.fullmatch(name) for name in names]
    labels = [int(one[1]) for one in named if one]
    repeats = Counter(zip(labels, frames, strict=False)).values()
    if len(labels) == len(names) and min(labels) > 0 and max(repeats) == 1:
        return labels
    return list(range(1, len(names) + 1))
