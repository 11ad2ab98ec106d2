"""Outlines of cells as ImageJ polygon ROIs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import ENTRY_DATE, MAX_COORDINATE, ROI_VERSION
from epifiji.files.storage.atomic import replacing

COLOUR = (240, 228, 66)
"""Yellow of B. Okabe and K. Ito (Color Universal Design, 2008)."""


def polygon_name(frame: int, label: int) -> str:
    """Return the name of the ROI of a cell: its frame, from 1, and its label, as in ``0001-00042``."""
    return f"{frame + 1:04d}-{label:05d}"


def write_polygons(path: Path, cells: Iterable[tuple[int, int, np.ndarray]], layout: StackLayout | None = None) -> int:
    """Write cells as a zip of ImageJ polygon ROIs, each at the position at which ImageJ shows its frame.

    Parameters
    ----------
    path
        The zip; an existing one is replaced, in one step. Without cells none is written, as ImageJ refuses an empty one.
    cells
        Frame (from 0), label, and corners (n, 2) of y and x at halves, where integers are the centres of pixels.
    layout
        Positions of the frames in ImageJ's stack. Default: along T, in one channel.

    Returns
    -------
    int
        Number of ROIs.

    Raises
    ------
    WrongInputError
        If a cell lies farther from the origin than a ROI file can store.
    """
    layout, count = layout or StackLayout(), 0
    cells = iter(cells)
    first = next(cells, None)
    if first is None:
        return 0
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for frame, label, corners in chain([first], cells):
            name = polygon_name(frame, label)
            info = zipfile.ZipInfo(f"{name}.roi", ENTRY_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _roi(name, frame, corners, layout))
            count += 1
    return count


def _roi(name: str, frame: int, corners: np.ndarray, layout: StackLayout) -> bytes:
    from roifile import ROI_TYPE, ImagejRoi

    # ImageJ counts from the corner of the first pixel.
    points = np.round(corners[:, ::-1] + 0.5).astype(np.int32)
    low, high = points.min(axis=0), points.max(axis=0)
    if high.max() > MAX_COORDINATE:
        raise WrongInputError(
            f"A cell reaches x {high[0]}, y {high[1]}, but an ImageJ ROI file stores positions up to {MAX_COORDINATE}: leave "
            "--rois out, or crop the image."
        )
    c, z, t = layout.position(frame)
    return ImagejRoi(
        roitype=ROI_TYPE.POLYGON,
        version=ROI_VERSION,
        name=name,
        left=int(low[0]),
        top=int(low[1]),
        right=int(high[0]),
        bottom=int(high[1]),
        n_coordinates=len(points),
        integer_coordinates=points - low,
        position=layout.slice_number(frame),
        c_position=c,
        z_position=z,
        t_position=t,
        stroke_width=1,
        stroke_color=bytes((255, *COLOUR)),
    ).tobytes()
