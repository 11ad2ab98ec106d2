"""Estimating the diameter of cells, and whether their borders are bright or dark, from a network's own segmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from epifiji.data.cells import CellMaps
from epifiji.engine.cells.diameter import busiest_window, structure_of

TRIED_PX = tuple(10.0 * 2.0**n for n in range(5))
"""Diameters that are tried first: a network finds cells of half and of twice the size that it was trained for."""

WINDOW_CELLS = 16
"""Side of the part of a frame that is segmented for an estimate, in cell diameters."""

FIRST_WINDOW_CELLS, PROMISING = 8, 0.15
"""Side of the smaller part in which all scales are tried, and the difference in certainty up to which others are promising."""

LEAST_SIDE_CELLS = 3
"""Shortest side of a frame in which cells of a diameter are searched for, in diameters."""

LEAST_CELLS = 10
"""Fewest whole cells of an estimate."""

LEAST_CERTAINTY = 0.66
"""Least certainty of an estimate; see :class:`_Measurement`. 0.72 to 0.95 in real tissues, up to 0.62 in smooth noise."""


@dataclass(frozen=True)
class Scale:
    """Diameter of the cells in pixels, and whether their borders are darker than they are."""

    diameter_px: float
    dark: bool


@dataclass(frozen=True)
class _Measurement:
    """What a segmentation at one scale shows.

    `certainty` is the mean probability of a border on the borders of cells minus that in cells.
    """

    scale: Scale
    certainty: float


class _Frame(NamedTuple):
    """A frame (Y, X), and where it has structure."""

    pixels: np.ndarray
    structure: np.ndarray


Segment = Callable[[np.ndarray, Scale], CellMaps]


def resized(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate an image (Y, X) linearly; it is smoothed first if it becomes smaller."""
    from skimage.transform import resize

    if image.shape == shape:
        return image
    scaled: np.ndarray = resize(image, shape, order=1, mode="edge", preserve_range=True, anti_aliasing=True)
    return scaled


def estimate_scale(
    frames: Sequence[np.ndarray], segment: Segment, diameter_px: float | None = None, dark: bool | None = None
) -> Scale | None:
    """Estimate the diameter of the cells and the sign of their borders.

    Parts of the first frame are segmented as if cells had a diameter of 10, 20, 40, 80 and 160 px, and borders either
    sign: small parts at all of these scales, larger ones at the promising scales. The segmentation that separates
    borders from cells best has the sign, and its median diameter is the first estimate. All frames are then segmented
    at that scale, and the median of all whole cells is the estimate. The diameter of a cell is that of the disk of its
    area, ``2 * sqrt(area / pi)``.

    Parameters
    ----------
    frames
        (Y, X) each, real and finite.
    segment
        Segments a part of a frame whose cells have a certain scale; the result has the size that the network sees.
    diameter_px, dark
        What is known already.

    Returns
    -------
    Scale or None
        None if no scale shows at least ten whole cells with clear borders.
    """
    diameters = TRIED_PX if diameter_px is None else (diameter_px,)
    signs = (False, True) if dark is None else (dark,)
    known = [_Frame(one, structure_of(one)) for one in frames]
    best = _best(known[:1], segment, [Scale(one, sign) for one in diameters for sign in signs])
    if best is None:
        return None
    if diameter_px is not None:
        return Scale(diameter_px, best.dark)
    refined = _measured(known, segment, best, WINDOW_CELLS)
    return best if refined is None else refined.scale


def _best(frames: Sequence[_Frame], segment: Segment, scales: list[Scale]) -> Scale | None:
    """Return what the segmentation shows that separates borders from cells best; None if none does it well."""
    first = {scale: _measured(frames, segment, scale, FIRST_WINDOW_CELLS) for scale in scales}
    certainties = {scale: one.certainty for scale, one in first.items() if one is not None}
    least = max(certainties.values(), default=0.0) - PROMISING
    promising = [scale for scale, certainty in certainties.items() if certainty >= least]
    for some in (promising, [scale for scale in scales if scale not in promising]):
        measured = (_measured(frames, segment, scale, WINDOW_CELLS) for scale in some)
        found = [one for one in measured if one is not None and one.certainty >= LEAST_CERTAINTY]
        if found:
            return max(found, key=lambda one: one.certainty).scale
    return None


def _measured(frames: Sequence[_Frame], segment: Segment, scale: Scale, window_cells: float) -> _Measurement | None:
    """Segment parts of frames, of a side in cell diameters, at a scale; None if they show too few whole cells."""
    from skimage.segmentation import clear_border, find_boundaries

    diameters, certainties = [], []
    for frame, structure in frames:
        if min(frame.shape) < LEAST_SIDE_CELLS * scale.diameter_px:
            continue
        window = busiest_window(frame, structure, math.ceil(window_cells * scale.diameter_px))
        cells = segment(window, scale)
        areas = np.unique(clear_border(cells.labels), return_counts=True)[1][1:]
        pixel = math.sqrt(window.size / cells.labels.size)
        diameters.append(2 * np.sqrt(areas / np.pi) * pixel)
        borders = find_boundaries(cells.labels, mode="thick")
        inside = ~borders & (cells.labels > 0)
        if len(areas) and borders.any() and inside.any():
            certainties.append(cells.border[borders].mean() - cells.border[inside].mean())
    pooled = np.concatenate(diameters) if diameters else np.empty(0)
    if len(pooled) < LEAST_CELLS:
        return None
    return _Measurement(Scale(float(np.median(pooled)), scale.dark), float(np.mean(certainties)))
