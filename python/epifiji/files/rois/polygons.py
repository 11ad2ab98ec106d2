"""Outlines of cells as ImageJ polygon ROIs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.polygons import Polygon
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import ENTRY_DATE, MAX_COORDINATE, ROI_VERSION
from epifiji.files.storage.atomic import replacing


def polygon_of_cell(frame: int, label: int, corners: np.ndarray) -> Polygon:
    """Return the polygon of a cell, which is named after its frame, from 1, and its label, as in ``0001-00042``."""
    return Polygon(f"{frame + 1:04d}-{label:05d}", frame, corners)


def write_polygons(path: Path, cells: Iterable[Polygon], layout: StackLayout | None = None) -> int:
    """Write cells as a zip of ImageJ polygon ROIs, each at the position at which ImageJ shows its frame.

    Parameters
    ----------
    path
        The zip; an existing one is replaced, in one step. Without cells none is written, as ImageJ refuses an empty one.
    cells
        The polygons.
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
        for cell in chain([first], cells):
            info = zipfile.ZipInfo(f"{cell.name}.roi", ENTRY_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _roi(cell, layout))
            count += 1
    return count


def _roi(cell: Polygon, layout: StackLayout) -> bytes:
    from roifile import ROI_TYPE, ImagejRoi

    # ImageJ counts from the corner of the first pixel.
    points = np.round(cell.corners[:, ::-1] + 0.5).astype(np.int32)
    every = np.round(np.concatenate([cell.corners, *cell.others])[:, ::-1] + 0.5).astype(np.int32)
    low, high = every.min(axis=0), every.max(axis=0)
    if high.max() > MAX_COORDINATE:
        raise WrongInputError(
            f"A cell reaches x {high[0]}, y {high[1]}, but an ImageJ ROI file stores positions up to {MAX_COORDINATE}: leave "
            "--rois out, or crop the image."
        )
    c, z, t = layout.position(cell.frame)
    shape: dict[str, Any] = {
        "roitype": ROI_TYPE.POLYGON,
        "n_coordinates": len(points),
        "integer_coordinates": points - low,
    }
    if cell.others:
        path = _path(cell)
        shape = {"roitype": ROI_TYPE.RECT, "shape_roi_size": len(path), "multi_coordinates": path}
    return ImagejRoi(
        **shape,
        version=ROI_VERSION,
        name=cell.name,
        left=int(low[0]),
        top=int(low[1]),
        right=int(high[0]),
        bottom=int(high[1]),
        position=layout.slice_number(cell.frame),
        c_position=c,
        z_position=z,
        t_position=t,
        stroke_width=1,
        stroke_color=bytes((255, *cell.colour)),
    ).tobytes()


def _path(cell: Polygon) -> np.ndarray:
    """Return the outlines of a cell as ImageJ stores a composed area: moves (0), lines (1) to x, y, and closes (4)."""
    steps: list[np.ndarray] = []
    for corners in (cell.corners, *cell.others):
        points = np.round(corners[:, ::-1] + 0.5)
        kinds = np.ones((len(points), 1))
        kinds[0] = 0
        steps += [np.hstack([kinds, points]).ravel(), np.array([4.0])]
    return np.concatenate(steps).astype(np.float32)
